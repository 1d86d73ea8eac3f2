"""The present card of a purge request for whoever looks: what stands there, and what this viewer may press."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cards.elements import Card
from cards.purge import RequestView, request_card
from cards.verbs import Verb
from data.access import Permission, Role
from data.errors import UnknownError
from data.office.parts import Doing, actor_behind
from data.purge.people import HOST_TENANT
from data.retention.request import CLOSED, WAITING, PurgeRequest, State
from dialogs.desk import Desk
from dialogs.face import Viewer
from dialogs.press import presses

_AT_WORK = frozenset({State.PREVIEWING, State.EXECUTING, State.STOPPING, State.VERIFYING})
_BEFORE_WORK = frozenset({State.APPROVED, State.COOLING})
_CAN_BE_STOPPED = frozenset({State.EXECUTING, State.PAUSED})
_IN_PUBLIC = frozenset({Verb.PURGE_APPROVE, Verb.PURGE_REJECT})
"""What may be pressed where others read along."""


def subject_of(request_id: str) -> str:
    """Name a request as the subject of a card."""
    return f"request/{request_id}"


def stamp_of(request: PurgeRequest) -> str:
    """Give what changes with each state in which a button means something else."""
    return f"{request.state}-{request.digest}-{len(request.approvals)}"


class RequestFace:
    """Draws the cards of requests."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def draw(self, request_id: str, viewer: Viewer, *, note: str = "") -> Card | None:
        """Draw the present card of a request; None for an unknown one, and for who may not see it."""
        if not viewer.actor.may(Permission.SEE_RETENTION):
            return None
        jobs = self._desk.office.jobs
        board, doing = jobs.board(), jobs.doing(request_id)
        statuses = board.statuses if board else ()
        worst = {status.source: status.worst.age for status in statuses}
        try:
            view = await self._desk.call(lambda: self._look(request_id, viewer, doing, worst))
        except UnknownError:
            return None
        press = presses(self._desk.office.seal, viewer, subject=subject_of(request_id), stamp=stamp_of(view.request))
        return request_card(self._desk.said[viewer.lang], view, press, note=note)

    def _look(self, request_id: str, viewer: Viewer, doing: Doing | None, worst: Mapping[str, int]) -> RequestView:
        """Put together what a viewer sees; asks the stores."""
        engine = self._desk.office.engine
        request = engine.purges.get(request_id)
        care = engine.parts.care
        run_out = request.state in WAITING and engine.parts.guard.now() > request.expires_at
        documented = request.state in CLOSED | {State.PENDING_PHYSICAL} and request.certificate
        view = RequestView(
            request=request,
            own=viewer.recipient == request.requester,
            voted=any(approval.by == viewer.recipient for approval in request.approvals),
            run_out=run_out,
            needed=care.needed,
            max_share=care.max_share,
            worst=worst.get(request.source),
            doing=(doing.phase, doing.done, doing.total) if doing and request.state in _AT_WORK else None,
            asked_by=self._word_for(request.requester, viewer),
            ended_by=self._word_for(request.story[-1].by if request.story else "", viewer),
            links=self._desk.documents(request_id, viewer.lang) if documented else {},
        )
        offers = offers_of(view, viewer)
        return replace(view, offers=offers, asked=Verb.PURGE_APPROVE in offers)

    def _word_for(self, pseudonym: str, viewer: Viewer) -> str:
        """Give a word for somebody: a role, never a name."""
        parts = self._desk.office.engine.parts
        if pseudonym == viewer.recipient:
            return "you"
        if not pseudonym.startswith(("p-", f"{HOST_TENANT}-")):
            return "system"
        if pseudonym.startswith(f"{HOST_TENANT}-"):
            return "host"
        actor = actor_behind(parts, pseudonym)
        roles = actor.roles if actor else frozenset[Role]()
        return next((role.value for role in (Role.ADMIN, Role.DPO) if role in roles), "somebody")


def offers_of(view: RequestView, viewer: Viewer) -> tuple[Verb, ...]:
    """Tell what a viewer may press now, by role, by pseudonym and by place; the service judges again."""
    found = dict.fromkeys(_offered(view, viewer))
    return tuple(verb for verb in found if viewer.personal or verb in _IN_PUBLIC)


def _offered(view: RequestView, viewer: Viewer) -> Iterator[Verb]:
    state, own = view.request.state, view.own
    runs, approves = viewer.actor.may(Permission.RUN_PURGE), viewer.actor.may(Permission.APPROVE_PURGE)
    if state is State.PREVIEWED and own and runs and not (view.run_out or view.empty or view.too_much):
        yield Verb.PURGE_CONFIRM
    if state is State.AWAITING_SECOND and approves and not own and not view.voted and not view.run_out:
        yield from (Verb.PURGE_APPROVE, Verb.PURGE_REJECT)
    if state in {State.AWAITING_SECOND, *_BEFORE_WORK} and approves and view.voted:
        yield Verb.PURGE_REVOKE
    if state in WAITING and own and runs:
        yield Verb.PURGE_WITHDRAW
    elif approves and not view.voted and state in {State.PREVIEWED, *_BEFORE_WORK}:
        yield Verb.PURGE_CANCEL
    if approves and state in _CAN_BE_STOPPED:
        yield Verb.PURGE_CANCEL
    if state in _AT_WORK:
        yield Verb.PURGE_SHOW
    if runs and (state in CLOSED or view.run_out):
        yield Verb.PURGE_PREVIEW
