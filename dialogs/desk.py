"""What the dialogs share that change something: services in a thread, refusals as cards, and a record of each."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from cards.elements import card, text
from cards.parts import Said
from cards.refused import refusal_card
from data.access import Actor, Permission, roles_granting
from data.desk.seal import Fit
from data.errors import ConflictError, ProcallError, RefusedError, SourceError, StateError, UnknownError
from data.labels import Lang
from data.office.office import Office
from data.purge.attempts import record_attempt
from dialogs.face import Viewer
from dialogs.press import judge_press
from dialogs.turn import Reply, Turn

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The office, and how it is spoken of."""

    office: Office
    said: Mapping[Lang, Said]
    documents: Callable[[str, Lang], Mapping[str, str]] = lambda _request, _lang: {}
    """Gives short-lived links to the documents of a request, by kind: `pdf`, `json`; none where no URL is set."""

    async def call(self, work: Callable[[], T]) -> T:
        """Do something with the stores in a thread, so that the event loop never waits for a disk."""
        return await asyncio.to_thread(work)

    def viewer(self, turn: Turn, lang: Lang) -> Viewer:
        """Give who has just written or pressed, as a viewer of the card that answers."""
        name = self.office.parts.engine.people.name(turn.actor) if turn.actor.object_id else ""
        return Viewer(actor=turn.actor, recipient=name, place=turn.place, lang=lang, personal=turn.personal)

    async def guarded(self, turn: Turn, lang: Lang, *, what: str, about: str, work: Callable[[], Awaitable[Reply]],
                      needs: Permission | None = None, personal: bool = True) -> Reply:  # fmt: skip
        """Do something that may be refused: the refusal becomes a card, and an attempt leaves an audit entry.

        `what` is the verb, `about` the id; `needs` what the person's role has to grant; `personal` whether it may only
        be done where nobody reads along.
        """
        if needs is not None and not turn.actor.may(needs):
            reason = "not_allowed" if turn.actor.object_id else "nobody"
            return await self.refuse(turn, lang, what=what, about=about, reason=reason, needs=needs)
        if personal and not turn.personal:
            return self.say_elsewhere(lang)
        try:
            return await work()
        except (UnknownError, RefusedError) as error:
            reason = error.reason if isinstance(error, RefusedError) else "unknown"
            return await self.refuse(turn, lang, what=what, about=about, reason=reason, detail=str(error), needs=needs)
        except (ConflictError, SourceError, StateError) as error:
            reasons = ((ConflictError, "conflict"), (SourceError, "unreachable"), (StateError, "state"))
            return self.refusal(lang, next(reason for kind, reason in reasons if isinstance(error, kind)))

    async def refuse(self, turn: Turn, lang: Lang, *, what: str, about: str, reason: str, detail: str = "",
                     needs: Permission | None = None) -> Reply:  # fmt: skip
        """Refuse, and record the attempt."""
        parts = self.office.parts.engine
        try:
            await self.call(lambda: record_attempt(parts, turn.actor, what=what, about=about, reason=reason))
        except ProcallError:
            return self.refusal(lang, "state")
        roles = [role.value for role in roles_granting(needs)] if needs and reason == "not_allowed" else []
        return self.refusal(lang, reason, roles=roles, detail=detail)

    def refusal(self, lang: Lang, reason: str, *, roles: list[str] | None = None, detail: str = "") -> Reply:
        """Say why something was not done."""
        shown = refusal_card(self.said[lang], reason, roles=roles or (), detail=detail)
        return Reply(card=shown, outcome="refused", lang=lang)

    def say_elsewhere(self, lang: Lang) -> Reply:
        """Say that this is for the personal chat (security.md AZ-23)."""
        said = self.said[lang]
        return Reply(
            card=card(said.texts, [text(said("pressed.elsewhere"))], summary=said("pressed.elsewhere"),
                      banner=said.banner),
            outcome="elsewhere",
            lang=lang,
        )  # fmt: skip

    def fit(self, turn: Turn, *, subject: str, stamp: str) -> Fit:
        """Tell whether a pressed button is ours, of here and of now."""
        return judge_press(self.office.seal, turn, subject=subject, stamp=stamp)

    def name(self, actor: Actor) -> str:
        """Give somebody's pseudonym."""
        return self.office.parts.engine.people.name(actor)
