"""What the bot stores about the person who asks, and forgetting that person: in the personal chat only, for everybody.

It takes no role, but an id: without one nobody can be told from anybody else.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from cards.elements import Card, card, text
from cards.own_data import forget_card, forgotten_card, own_data_card
from cards.verbs import Verb
from data.desk.seal import Fit
from data.labels import Lang
from data.office.own_data import Stored, forget_all, stored_about
from data.questions.commands import Command
from dialogs.desk import Desk
from dialogs.face import Act, Viewer
from dialogs.press import presses
from dialogs.turn import Reply, Turn

FORGOTTEN: Final = "forgotten"
"""Outcome of a turn that ended in forgetting: after it nobody may note again where the person can be reached."""

_ME: Final = "own/me"
_ABOUT: Final = "me"


class OwnDataDialog:
    """Shows what is stored, asks before forgetting, forgets."""

    def __init__(self, desk: Desk, *, cut_logs: Callable[[], None], log_days: int, unused_days: int) -> None:
        """`cut_logs` makes the hashes of the logs meaningless; the days are those of logs and of unused addresses."""
        self._desk = desk
        self._cut_logs = cut_logs
        self._log_days = log_days
        self._unused_days = unused_days

    def verbs(self) -> Mapping[str, Act]:
        """Give what answers each verb of this dialog."""
        return {Verb.MY_DATA: self.show, Verb.FORGET_ME: self.ask, Verb.FORGET_ME_YES: self.forget}

    def commands(self) -> Mapping[Command, Act]:
        """Give none: whoever asks this in words is led here by a button."""
        return {}

    def faces(self) -> Mapping[str, Callable[[str, Viewer], Awaitable[Card | None]]]:
        """Give none: nothing here is sent to anybody or changes in place."""
        return {}

    async def show(self, turn: Turn, lang: Lang) -> Reply:
        """List what is stored about whoever asks."""

        async def work() -> Reply:
            stored = await self._stored(turn)
            days = {"days": self._log_days, "unused_days": self._unused_days}
            return Reply(card=own_data_card(self._desk.said[lang], stored, **days), outcome="own_data", lang=lang)

        return await self._answer(turn, lang, work)

    async def ask(self, turn: Turn, lang: Lang) -> Reply:
        """Ask before forgetting, with what goes and what stays."""

        async def work() -> Reply:
            shown = self._question(turn, lang, await self._stored(turn))
            return Reply(card=shown, outcome="forget_asked", lang=lang)

        return await self._answer(turn, lang, work)

    async def forget(self, turn: Turn, lang: Lang) -> Reply:
        """Forget whoever has confirmed it with the button made for just that."""

        async def work() -> Reply:
            said, stored = self._desk.said[lang], await self._stored(turn)
            fit = self._desk.fit(turn, subject=_ME, stamp=stored.face)
            if fit is Fit.FOREIGN:
                refused = await self._desk.refuse(turn, lang, what=turn.verb, about=_ABOUT, reason="foreign")
                return replace(refused, card=self._only(lang, said("pressed.foreign")))
            if fit is Fit.STALE:
                shown = self._question(turn, lang, stored, note=said("pressed.stale"))
                return Reply(card=shown, outcome="stale", lang=lang)
            office = self._desk.office
            done = await self._desk.call(
                lambda: forget_all(
                    office.parts, turn.actor, forget_words=office.tickets.forget, cut_logs=self._cut_logs
                )
            )
            office.jobs.changed()
            return Reply(card=forgotten_card(said, stored, done), outcome=FORGOTTEN, lang=lang)

        return await self._answer(turn, lang, work)

    async def _answer(self, turn: Turn, lang: Lang, work: Callable[[], Awaitable[Reply]]) -> Reply:
        if not turn.actor.object_id:
            return self._desk.refusal(lang, "nobody")  # nothing was tried that the audit would have to know
        return await self._desk.guarded(turn, lang, what=turn.verb, about=_ABOUT, work=work)

    async def _stored(self, turn: Turn) -> Stored:
        return await self._desk.call(lambda: stored_about(self._desk.office.parts, turn.actor))

    def _only(self, lang: Lang, sentence: str) -> Card:
        said = self._desk.said[lang]
        return card(said.texts, [text(sentence)], summary=sentence, banner=said.banner)

    def _question(self, turn: Turn, lang: Lang, stored: Stored, *, note: str = "") -> Card:
        viewer = self._desk.viewer(turn, lang)
        press = presses(self._desk.office.seal, viewer, subject=_ME, stamp=stored.face)
        return forget_card(self._desk.said[lang], stored, press(Verb.FORGET_ME_YES), note=note)
