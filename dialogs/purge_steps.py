"""The buttons that change a purge request: judged by their seal, done by the service, answered with the present card.

Presses on one request are taken one after the other, so a second press finds the state that the first has left: it is
stale and changes nothing. Beyond one process the store's compare-and-set says the same.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Final
from weakref import WeakValueDictionary

from cards.elements import card, text
from cards.purge import LONGEST_CODE, LONGEST_REASON
from cards.refused import PREFIX
from cards.verbs import Verb
from data.access import Permission
from data.desk.seal import Fit
from data.errors import ConflictError, RefusedError
from data.labels import Lang
from data.purge.service import PurgeService
from data.retention.request import PurgeRequest
from dialogs.desk import Desk
from dialogs.face import Act
from dialogs.press import pressed_id, typed
from dialogs.purge_face import RequestFace, stamp_of, subject_of
from dialogs.turn import Reply, Turn

Step = Callable[[PurgeService, Turn, PurgeRequest], PurgeRequest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a sealed button does, and who may press it where."""

    needs: Permission
    step: Step
    note: str
    """Key of what is said once it is done."""
    personal: bool = True
    """Whether it may only be pressed where nobody reads along."""


SEALED: Final[Mapping[Verb, Sealed]] = {
    Verb.PURGE_CONFIRM: Sealed(
        needs=Permission.RUN_PURGE,
        step=lambda purges, turn, it: purges.confirm(turn.actor, it.id, typed(turn, "code", most=LONGEST_CODE)),
        note="purge.note_confirmed",
    ),
    Verb.PURGE_APPROVE: Sealed(
        needs=Permission.APPROVE_PURGE,
        step=lambda purges, turn, it: purges.approve(turn.actor, it.id, it.digest),
        note="purge.note_approved",
        personal=False,
    ),
    Verb.PURGE_REJECT: Sealed(
        needs=Permission.APPROVE_PURGE,
        step=lambda purges, turn, it: purges.reject(turn.actor, it.id, typed(turn, "reason", most=LONGEST_REASON)),
        note="purge.note_rejected",
        personal=False,
    ),
    Verb.PURGE_REVOKE: Sealed(
        needs=Permission.APPROVE_PURGE,
        step=lambda purges, turn, it: purges.revoke(turn.actor, it.id),
        note="purge.note_revoked",
    ),
    Verb.PURGE_WITHDRAW: Sealed(
        needs=Permission.RUN_PURGE,
        step=lambda purges, turn, it: purges.withdraw(turn.actor, it.id),
        note="purge.note_withdrawn",
    ),
    Verb.PURGE_CANCEL: Sealed(
        needs=Permission.APPROVE_PURGE,
        step=lambda purges, turn, it: purges.cancel(turn.actor, it.id),
        note="purge.note_cancelled",
    ),
}


class PurgeSteps:
    """Takes the steps of people, and answers with the present card."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._face = RequestFace(desk)
        self._busy: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def face(self) -> RequestFace:
        """Give what draws the cards of requests."""
        return self._face

    def verbs(self) -> Mapping[str, Act]:
        """Give what answers each sealed button."""
        return {verb.value: partial(self._press, verb) for verb in SEALED}

    def alone_with(self, request_id: str) -> AbstractAsyncContextManager[object]:
        """Let nobody else in this process take a step on a request meanwhile."""
        return self._busy.setdefault(request_id, asyncio.Lock())

    async def present(
        self, turn: Turn, lang: Lang, request_id: str, *, note: str = "", outcome: str = "shown"
    ) -> Reply:
        """Answer with the present card of a request; `note` is the sentence said first."""
        shown = await self._face.draw(request_id, self._desk.viewer(turn, lang), note=note)
        if shown is None:
            return self.notice(lang, "pressed.gone", outcome="gone")
        return Reply(card=shown, outcome=outcome, lang=lang, subject=subject_of(request_id))

    def notice(self, lang: Lang, key: str, *, outcome: str) -> Reply:
        """Answer with one sentence."""
        said = self._desk.said[lang]
        shown = card(said.texts, [text(said(key))], summary=said(key), banner=said.banner)
        return Reply(card=shown, outcome=outcome, lang=lang)

    async def take(self, turn: Turn, lang: Lang, request: PurgeRequest, sealed: Sealed, *, what: str) -> Reply:
        """Take one step of a request; a refusal is recorded and said on the card, so that its fields stay at hand."""
        said, office = self._desk.said[lang], self._desk.office
        try:
            await self._desk.call(lambda: sealed.step(office.engine.purges, turn, request))
        except ConflictError:
            return await self.present(turn, lang, request.id, note=said("pressed.stale"), outcome="stale")
        except RefusedError as error:
            await self._desk.refuse(turn, lang, what=what, about=request.id, reason=error.reason)
            office.jobs.changed()  # what has run out or was overtaken has just been closed
            key = PREFIX + (error.reason if PREFIX + error.reason in said.texts.keys() else "other")  # noqa: SIM118
            return await self.present(turn, lang, request.id, note=said(key), outcome="refused")
        office.jobs.changed()
        return await self.present(turn, lang, request.id, note=said(sealed.note), outcome=what)

    async def _press(self, verb: Verb, turn: Turn, lang: Lang) -> Reply:
        sealed, name = SEALED[verb], pressed_id(turn)

        async def work() -> Reply:
            async with self.alone_with(name):
                return await self._judged(verb, turn, lang, name)

        return await self._desk.guarded(
            turn, lang, what=verb, about=name, needs=sealed.needs, personal=sealed.personal, work=work
        )

    async def _judged(self, verb: Verb, turn: Turn, lang: Lang, name: str) -> Reply:
        request = await self._desk.call(lambda: self._desk.office.engine.purges.get(name))
        fit = self._desk.fit(turn, subject=subject_of(name), stamp=stamp_of(request))
        if fit is Fit.FOREIGN:
            await self._desk.refuse(turn, lang, what=verb, about=name, reason="foreign")
            return self.notice(lang, "pressed.foreign", outcome="refused")
        if fit is Fit.STALE:
            stale = self._desk.said[lang]("pressed.stale")
            return await self.present(turn, lang, name, note=stale, outcome="stale")
        return await self.take(turn, lang, request, SEALED[verb], what=verb)
