"""Purges in chat: preview, confirm, approve, reject, take back, stop, look; the state is the stored request (design 2).

Everything that changes something carries a seal, is done in the thread of the stores, and answers with the request's
present card: a second press, an old card or somebody faster find the state as it is, and change nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from cards.elements import Card
from cards.help import command_card
from cards.purge_lists import PAGE, Page, SourceRow, list_card, menu_card
from cards.texts import Texts
from cards.verbs import Verb
from data.access import Actor, Permission, roles_granting
from data.errors import RefusedError
from data.labels import Lang, Outcome
from data.questions.commands import Command
from data.questions.mentions import Mentions, mentioned
from data.retention.instants import DAY, SECOND
from data.retention.request import BLOCKING, WAITING, PurgeRequest, State
from data.retention.scope import same_code
from dialogs.desk import Desk
from dialogs.face import Act, Viewer
from dialogs.press import pressed_id
from dialogs.purge_steps import SEALED, PurgeSteps, Sealed
from dialogs.turn import Reply, Turn

T = TypeVar("T")

NEEDS: Mapping[Command, Permission] = {
    Command.PURGE_START: Permission.RUN_PURGE,
    Command.PURGE_CONFIRM: Permission.APPROVE_PURGE,
    Command.PURGE_CANCEL: Permission.APPROVE_PURGE,
    Command.PURGE_STATUS: Permission.SEE_RETENTION,
    Command.RETENTION_STATUS: Permission.SEE_RETENTION,
    Command.AUDIT_SHOW: Permission.SEE_AUDIT,
    Command.HOLD_SET: Permission.PLACE_HOLD,
    Command.HOLD_RELEASE: Permission.PLACE_HOLD,
    Command.ALERT_SNOOZE: Permission.HANDLE_ALERT,
}
MOST_LISTED = 100
"""Requests, newest first, that can be leafed through."""
DOUBLE_CLICK = 10 * SECOND
"""Time in which a second press of the preview button is the first one again."""
_JUST_MADE = frozenset({State.PREVIEWING, State.PREVIEWED})
_MOST_OPEN = 1_000
_CAN_BE_ENDED = WAITING | {State.EXECUTING, State.PAUSED}
_TOLD = frozenset({"refused", "elsewhere", "stale"})
"""Outcomes that say more than that a command was heard."""


class PurgeDialog:
    """Says of a command who may give it, for where nothing is carried out: command line, bot without office."""

    def __init__(self, *, texts: Mapping[Lang, Texts], banner: bool) -> None:
        self._texts = texts
        self._banner = banner

    def recognised(self, command: Command, actor: Actor, lang: Lang) -> Reply:
        """Say whether this person may give the command."""
        permission = NEEDS[command]
        shown = command_card(
            self._texts[lang],
            command.value,
            allowed=actor.may(permission),
            roles=[role.value for role in roles_granting(permission)],
            banner=self._banner,
        )
        return Reply(card=shown, outcome=Outcome.COMMAND, topics=(command.value,), lang=lang)


class PurgeTalk:
    """The dialog on purges, over the office."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._steps = PurgeSteps(desk)

    def verbs(self) -> Mapping[str, Act]:
        """Give what answers each button: what only shows or looks needs no seal, what changes something does."""
        runs, sees = Permission.RUN_PURGE, Permission.SEE_RETENTION
        return {
            Verb.PURGE_MENU: partial(self._guarded, Verb.PURGE_MENU, runs, self._leaf_menu),
            Verb.PURGE_PREVIEW: partial(self._guarded, Verb.PURGE_PREVIEW, runs, self._preview),
            Verb.PURGE_SHOW: partial(self._guarded, Verb.PURGE_SHOW, sees, self._show),
            Verb.PURGE_LIST: partial(self._guarded, Verb.PURGE_LIST, sees, self._leaf_list),
            **self._steps.verbs(),
        }

    def commands(self) -> Mapping[Command, Act]:
        """Give what answers each typed command."""
        return {
            Command.PURGE_START: partial(self._command, Command.PURGE_START, self._start),
            Command.PURGE_CONFIRM: partial(self._command, Command.PURGE_CONFIRM, self._confirm),
            Command.PURGE_CANCEL: partial(self._command, Command.PURGE_CANCEL, self._cancel),
            Command.PURGE_STATUS: partial(self._command, Command.PURGE_STATUS, self._status),
            Command.AUDIT_SHOW: partial(self._command, Command.AUDIT_SHOW, self._proofs),
        }

    def faces(self) -> Mapping[str, Callable[[str, Viewer], Awaitable[Card | None]]]:
        """Give what draws the present card of a request."""
        return {"request": self._steps.face.draw}

    async def _guarded(self, verb: Verb, needs: Permission, act: Act, turn: Turn, lang: Lang) -> Reply:
        work = partial(act, turn, lang)
        return await self._desk.guarded(turn, lang, what=verb, about=pressed_id(turn), needs=needs, work=work)

    async def _command(self, command: Command, act: Act, turn: Turn, lang: Lang) -> Reply:
        work = partial(act, turn, lang)
        reply = await self._desk.guarded(turn, lang, what=command, about="", needs=NEEDS[command], work=work)
        outcome = reply.outcome if reply.outcome in _TOLD else Outcome.COMMAND
        return replace(reply, outcome=outcome, topics=(command.value,))

    # -- looking ------------------------------------------------------------------------------------------------------

    async def _show(self, turn: Turn, lang: Lang) -> Reply:
        name = pressed_id(turn)
        await self._desk.call(lambda: self._desk.office.engine.purges.get(name))
        return await self._steps.present(turn, lang, name)

    async def _leaf_menu(self, turn: Turn, lang: Lang) -> Reply:
        return await self._menu(lang, number=_page_of(pressed_id(turn)))

    async def _leaf_list(self, turn: Turn, lang: Lang) -> Reply:
        kind, _, number = pressed_id(turn).partition(".")
        return await self._list(lang, number=_page_of(number), proofs=kind == "proofs")

    async def _status(self, _turn: Turn, lang: Lang) -> Reply:
        return await self._list(lang)

    async def _proofs(self, _turn: Turn, lang: Lang) -> Reply:
        return await self._list(lang, proofs=True)

    async def _menu(self, lang: Lang, *, number: int = 1, note: str = "") -> Reply:
        """List the sources by id, each with what is due as far as the last look knows."""
        parts, board = self._desk.office.engine.parts, self._desk.office.jobs.board()
        statuses = {status.source: status for status in board.statuses} if board else {}
        shown, page = _cut(list(parts.sources), number)
        opened = {request.source: request.id for request in reversed(await self._open())}
        rows = [SourceRow(source=it, status=statuses.get(it), open_request=opened.get(it, "")) for it in shown]
        made = menu_card(self._desk.said[lang], rows, page=page, at=board.at if board else None, note=note)
        return Reply(card=made, outcome=Verb.PURGE_MENU, lang=lang)

    async def _list(self, lang: Lang, *, number: int = 1, proofs: bool = False, note: str = "") -> Reply:
        found = await self._desk.call(lambda: self._desk.office.engine.purges.newest(most=MOST_LISTED))
        shown, page = _cut([request for request in found if request.certificate or not proofs], number)
        made = list_card(self._desk.said[lang], shown, page=page, proofs=proofs, note=note)
        return Reply(card=made, outcome=Verb.PURGE_LIST, lang=lang)

    async def _open(self) -> list[PurgeRequest]:
        """List the requests that are under way, newest first."""
        found = await self._desk.call(lambda: self._desk.office.engine.purges.newest(most=_MOST_OPEN))
        return [request for request in found if request.state in BLOCKING]

    # -- asking -------------------------------------------------------------------------------------------------------

    async def _start(self, turn: Turn, lang: Lang) -> Reply:
        """Begin with the source that the text names, with the only one there is, or let one be chosen."""
        said, parts = self._desk.said[lang], self._desk.office.engine.parts
        named = self._mentioned(turn)
        only = "" if named.unknown or named.sources or len(parts.sources) != 1 else next(iter(parts.sources))
        source = named.source or only
        if not source:
            return await self._menu(lang, note=said("purging.menu_unknown" if named.unknown else "purging.menu_choose"))
        period = parts.rules[source].max_age - parts.rules[source].margin
        other = named.days is not None and named.days * DAY != period
        note = said("purging.note_period", days=said.days(period)) if other else ""
        return await self._begin(turn, lang, source, note=note)

    async def _preview(self, turn: Turn, lang: Lang) -> Reply:
        return await self._begin(turn, lang, pressed_id(turn))

    async def _begin(self, turn: Turn, lang: Lang, source: str, *, note: str = "") -> Reply:
        """Begin a preview and answer at once; it is made in the background."""
        office = self._desk.office
        if source not in office.engine.parts.sources:
            return await self._desk.refuse(turn, lang, what=Verb.PURGE_PREVIEW, about=source, reason="unknown_source")
        async with self._steps.alone_with(f"new/{source}"):
            return await self._begin_alone(turn, lang, source, note=note)

    async def _begin_alone(self, turn: Turn, lang: Lang, source: str, *, note: str) -> Reply:
        office = self._desk.office
        just = await self._just_made(turn, source)
        if just:
            return await self._steps.present(turn, lang, just, note=note, outcome="stale")
        try:
            request = await self._desk.call(lambda: office.engine.purges.begin(turn.actor, source))
        except RefusedError as error:
            request_id = next((one.id for one in await self._open() if one.source == source), "")
            if error.reason != "already_open" or not request_id:
                raise
            already = self._desk.said[lang]("refused.already_open")
            return await self._steps.present(turn, lang, request_id, note=already, outcome="stale")
        office.jobs.preview(request.id)
        office.jobs.changed()
        return await self._steps.present(turn, lang, request.id, note=note, outcome=Verb.PURGE_PREVIEW)

    async def _just_made(self, turn: Turn, source: str) -> str:
        """Give the preview that the same person has asked for a moment ago: a second click is no second wish."""
        name, now = self._desk.name(turn.actor), self._desk.office.engine.parts.guard.now()
        fresh = (it.id for it in await self._open() if (it.source, it.requester) == (source, name)
                 and it.state in _JUST_MADE and now - it.created_at < DOUBLE_CLICK)  # fmt: skip
        return next(fresh, "")

    def _mentioned(self, turn: Turn) -> Mentions:
        return mentioned(turn.text, self._desk.office.engine.parts.sources)

    # -- typed yes and no ---------------------------------------------------------------------------------------------

    async def _confirm(self, turn: Turn, lang: Lang) -> Reply:
        """Confirm with the code in the text; without one nothing is confirmed, whatever else the text says."""
        said, name, named = self._desk.said[lang], self._desk.name(turn.actor), self._mentioned(turn)
        waiting = await self._open()
        mine = [it for it in waiting if it.state is State.PREVIEWED and it.requester == name]
        fitting = next((it for it in mine if any(same_code(code, it.digest) for code in named.codes)), None)
        if fitting or (mine and named.claims_code):
            # A code that fits nothing is tried on the newest preview: the service refuses it, and that is recorded.
            request, code = fitting or mine[0], _code_for(fitting, named)
            confirmed = SEALED[Verb.PURGE_CONFIRM]
            sealed = replace(confirmed, step=lambda purges, turn, it: purges.confirm(turn.actor, it.id, code))
            return await self._take(turn, lang, request, sealed, what=Command.PURGE_CONFIRM)
        if mine:
            late = self._desk.office.engine.parts.guard.now() > mine[0].expires_at
            note = "" if late else said("purging.note_code_here")
            return await self._steps.present(turn, lang, mine[0].id, note=note)
        theirs = [it for it in waiting if it.state is State.AWAITING_SECOND and it.requester != name]
        if len(theirs) == 1:
            return await self._steps.present(turn, lang, theirs[0].id, note=said("purging.note_approve_here"))
        if theirs:
            return await self._list(lang, note=said("purging.note_approve_here"))
        return self._steps.notice(lang, "purging.note_no_code", outcome="shown")

    async def _cancel(self, turn: Turn, lang: Lang) -> Reply:
        """End one's own open request or, where one has none, the only one there is; never one of several."""
        said, name, named = self._desk.said[lang], self._desk.name(turn.actor), self._mentioned(turn)
        found = [it for it in await self._open() if not named.sources or it.source in named.sources]
        endable = [it for it in found if it.state in _CAN_BE_ENDED]
        chosen = [it for it in endable if it.requester == name] or endable
        if len(chosen) == 1 and not named.unknown:
            own = chosen[0].requester == name and chosen[0].state in WAITING
            verb = Verb.PURGE_WITHDRAW if own and turn.actor.may(Permission.RUN_PURGE) else Verb.PURGE_CANCEL
            return await self._take(turn, lang, chosen[0], SEALED[verb], what=Command.PURGE_CANCEL)
        if chosen:
            return await self._list(lang, note=said("purging.note_several"))
        if len(found) == 1:
            return await self._steps.present(turn, lang, found[0].id, note=said("purging.note_not_cancellable"))
        return self._steps.notice(lang, "purging.note_none_open", outcome="shown")

    async def _take(self, turn: Turn, lang: Lang, request: PurgeRequest, sealed: Sealed, *, what: str) -> Reply:
        async with self._steps.alone_with(request.id):
            return await self._steps.take(turn, lang, request, sealed, what=what)


def _code_for(fitting: PurgeRequest | None, named: Mentions) -> str:
    """Give the code to try: the one that fits or, to be refused, the first."""
    fits = (code for code in named.codes if fitting is not None and same_code(code, fitting.digest))
    return next(fits, named.codes[0])


def _page_of(text: str) -> int:
    """Read the number of a page; 1 for anything else."""
    return max(1, int(text)) if text.isdecimal() and len(text) <= 3 else 1  # noqa: PLR2004  no list is that long


def _cut(items: Sequence[T], number: int) -> tuple[Sequence[T], Page]:
    """Give the part of a list that stands on a page."""
    first = (number - 1) * PAGE
    return items[first : first + PAGE], Page(number=number, more=len(items) > first + PAGE)
