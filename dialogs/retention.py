"""Alerts and how things stand: shown, acknowledged, snoozed, passed on; the overview of sources; the weekly report."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from cards.alerts import LONGEST_REASON, PAGE, Act, AlertView, alert_card, alert_list_card, weight_of
from cards.deliveries import Sent, delivery_card
from cards.elements import Card, card, text
from cards.retention import digest_card, looking_card, overview_card
from cards.verbs import Verb
from data.access import Permission, Role
from data.audit.entry import SYSTEM
from data.desk.alert import Alert, AlertState, AlertStep
from data.desk.alert_steps import LASTING
from data.desk.delivery import ADMIN_CHANNEL, DPO_CHANNEL, Delivery, delivery_id
from data.desk.seal import Fit
from data.errors import UnknownError
from data.labels import Lang
from data.office.digest import digest_of, week_named, witness_of, worst_first
from data.office.parts import actor_behind
from data.questions.commands import Command
from data.questions.mentions import mentions_alerts
from data.retention.instants import Instant
from dialogs.desk import Desk
from dialogs.face import Act as Answer
from dialogs.face import Viewer
from dialogs.press import pressed_id, presses, typed
from dialogs.snoozing import Wish, day_named, days_to_sleep, read_wish
from dialogs.turn import Reply, Turn

DEAD: Final = "dead"
"""Id that stands for everything that was given up, on the button of the delivery report."""
_MOST_REQUESTS: Final = 1000
_LONGEST_DAY: Final = 10
_HEAVIEST: Final = ("incident", "late", "soon", "check", "settled")
_LOUDEST: Final = (AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.SNOOZED, AlertState.RESOLVED)
_CHANNELS: Final = {DPO_CHANNEL: "channel_dpo", ADMIN_CHANNEL: "channel_admin"}
Step = Callable[[str], Alert]


class RetentionDialog:
    """What admins and DPOs see of retention, and how they answer alerts."""

    def __init__(self, desk: Desk, *, titles: Mapping[str, str] = MappingProxyType({})) -> None:
        self._desk = desk
        self._titles = titles
        """What people call each source, by its id."""

    def verbs(self) -> Mapping[str, Answer]:
        """Give what answers each verb of this dialog."""
        return {
            Verb.ALERT_SHOW: self._show,
            Verb.ALERT_LIST: self._list,
            Verb.ALERT_ACKNOWLEDGE: self._acknowledge,
            Verb.ALERT_SNOOZE: self._snooze,
            Verb.ALERT_ESCALATE: self._escalate,
            Verb.DELIVERY_REPORT: self._report,
            Verb.RETENTION_SHOW: self._overview,
        }

    def commands(self) -> Mapping[Command, Answer]:
        """Give what answers each typed command of this dialog."""
        return {Command.RETENTION_STATUS: self._status, Command.ALERT_SNOOZE: self._snooze_typed}

    def faces(self) -> Mapping[str, Callable[[str, Viewer], Awaitable[Card | None]]]:
        """Give what draws an alert, or a week, for a viewer."""
        return {"alert": self._alert_face, "digest": self._digest_face}

    # -- alerts: shown ------------------------------------------------------------------------------------------------

    async def _alert_face(self, alert_id: str, viewer: Viewer, *, before: str = "") -> Card | None:
        if not viewer.actor.may(Permission.HANDLE_ALERT):
            return None
        try:
            view = await self._desk.call(lambda: self._view(alert_id, viewer, before))
        except UnknownError:
            return None
        press = presses(self._desk.office.seal, viewer, subject=f"alert/{alert_id}", stamp=view.alert.face)
        return alert_card(self._desk.said[viewer.lang], view, press)

    def _view(self, alert_id: str, viewer: Viewer, before: str) -> AlertView:
        office = self._desk.office
        alert, now = office.alerts.get(alert_id), self._now()
        sent = office.parts.desk.deliveries.find(delivery_id(f"alert/{alert_id}", viewer.recipient))
        return AlertView(
            alert=alert,
            now=now,
            place=self._titles.get(alert.source, ""),
            acts=tuple(Act(what=step.what, at=step.at, who=_seen_as(step), reason=step.reason) for step in alert.story),
            personal=viewer.personal,
            may_purge=viewer.actor.may(Permission.RUN_PURGE),
            may_hold=viewer.actor.may(Permission.PLACE_HOLD),
            may_acknowledge=self._may_acknowledge(alert, viewer),
            days=days_to_sleep(alert, now, self._desk.said[viewer.lang].zone),
            twice=sent is not None and sent.maybe_twice,
            before=before,
        )

    def _may_acknowledge(self, alert: Alert, viewer: Viewer) -> bool:
        """What cannot be undone is for a data protection officer to acknowledge, where there is one (FE-20)."""
        for_all = alert.kind not in LASTING or not self._desk.office.parts.holders().dpos
        return for_all or Role.DPO in viewer.actor.roles

    def _role(self, by: str) -> str:
        """Tell the role of a recipient; nobody is named."""
        actor = actor_behind(self._desk.office.parts.engine, by)
        roles = actor.roles if actor is not None else frozenset()
        return next((role.value for role in (Role.DPO, Role.ADMIN) if role in roles), "nobody")

    async def _show(self, turn: Turn, lang: Lang) -> Reply:
        alert_id = pressed_id(turn)
        return await self._guarded(turn, lang, alert_id, lambda: self._present(turn, lang, alert_id, "alert_shown"))

    async def _present(self, turn: Turn, lang: Lang, alert_id: str, outcome: str, *, before: str = "") -> Reply:
        """Answer with the present card of an alert; raises `UnknownError`."""
        shown = await self._alert_face(alert_id, self._desk.viewer(turn, lang), before=before)
        if shown is None:
            raise UnknownError(f"there is no alert {alert_id}")
        return Reply(card=shown, outcome=outcome, lang=lang, subject=f"alert/{alert_id}")

    async def _list(self, turn: Turn, lang: Lang) -> Reply:
        return await self._guarded(turn, lang, "", lambda: self._listed(turn, lang))

    async def _listed(self, turn: Turn, lang: Lang, *, before: str = "") -> Reply:
        alerts = await self._desk.call(self._urgent)
        page = min(_page(turn), max(1, -(-len(alerts) // PAGE)))
        shown = alert_list_card(self._desk.said[lang], alerts, titles=self._titles, page=page, before=before)
        return Reply(card=shown, outcome="alert_list", lang=lang)

    def _urgent(self) -> list[Alert]:
        """List the alerts that are not settled: heaviest first, then loudest, then by their limit."""
        alerts = [alert for alert in self._desk.office.alerts.all() if alert.state is not AlertState.RESOLVED]

        def urgency(alert: Alert) -> tuple[int, int, float, int]:
            limit = float("inf") if alert.limit is None else alert.limit
            return _HEAVIEST.index(weight_of(alert)), _LOUDEST.index(alert.state), limit, int(alert.id)

        return sorted(alerts, key=urgency)

    # -- alerts: answered ---------------------------------------------------------------------------------------------

    async def _acknowledge(self, turn: Turn, lang: Lang) -> Reply:
        return await self._pressed(
            turn, lang, lambda name: self._desk.office.alerts.acknowledge(turn.actor, name), "acknowledged"
        )

    async def _escalate(self, turn: Turn, lang: Lang) -> Reply:
        return await self._pressed(
            turn, lang, lambda name: self._desk.office.alerts.escalate(turn.actor, name), "escalated"
        )

    async def _snooze(self, turn: Turn, lang: Lang) -> Reply:
        until = day_named(typed(turn, "until", most=_LONGEST_DAY + 1), self._desk.said[lang].zone)
        reason = typed(turn, "reason", most=LONGEST_REASON).strip()
        step = None if until is None else self._sleep(turn, until, reason)
        return await self._pressed(turn, lang, step, "snoozed")

    def _sleep(self, turn: Turn, until: Instant, reason: str) -> Step:
        alerts = self._desk.office.alerts
        return lambda name: alerts.snooze(turn.actor, name, until=until, reason=reason)

    async def _pressed(self, turn: Turn, lang: Lang, step: Step | None, done: str) -> Reply:
        """Do what a sealed button says; without a `step` something on the card could not be read."""
        alert_id = pressed_id(turn)

        async def work() -> Reply:
            alert = await self._desk.call(lambda: self._desk.office.alerts.get(alert_id))
            fit = self._desk.fit(turn, subject=f"alert/{alert_id}", stamp=alert.face)
            if fit is Fit.FOREIGN:
                return await self._foreign(turn, lang, alert_id)
            if fit is Fit.STALE:
                return await self._present(turn, lang, alert_id, "stale", before="pressed.stale")
            if step is None:
                return await self._present(turn, lang, alert_id, "alert_asked", before="alert.ask_form")
            return await self._do(turn, lang, alert_id, step, done)

        return await self._guarded(turn, lang, alert_id, work)

    async def _do(self, turn: Turn, lang: Lang, alert_id: str, step: Step, done: str) -> Reply:
        await self._desk.call(lambda: step(alert_id))
        self._desk.office.jobs.changed()
        return await self._present(turn, lang, alert_id, f"alert_{done}", before=f"alert.done_{done}")

    async def _foreign(self, turn: Turn, lang: Lang, alert_id: str) -> Reply:
        """Refuse a button that is not ours or not from here, and record the attempt."""
        await self._desk.refuse(turn, lang, what=turn.verb, about=alert_id, reason="foreign")
        said = self._desk.said[lang]
        sentence = said("pressed.foreign")
        shown = card(said.texts, [text(sentence)], summary=sentence, banner=said.banner)
        return Reply(card=shown, outcome="refused", lang=lang)

    async def _snooze_typed(self, turn: Turn, lang: Lang) -> Reply:
        said = self._desk.said
        wish = read_wish(turn.text, said, now=self._now(), zone=said[lang].zone)
        return await self._guarded(
            turn, lang, wish.number, lambda: self._wished(turn, lang, wish), what=Verb.ALERT_SNOOZE
        )

    async def _wished(self, turn: Turn, lang: Lang, wish: Wish) -> Reply:
        """Do what was typed if all of it was understood; else show where it can be said, and change nothing."""
        if not wish.number:
            return await self._listed(turn, lang, before="alert.ask_number")
        if wish.until is None or not wish.reason:
            return await self._present(turn, lang, wish.number, "alert_asked", before="alert.ask_form")
        step = self._sleep(turn, wish.until, wish.reason[:LONGEST_REASON])
        return await self._do(turn, lang, wish.number, step, "snoozed")

    async def _guarded(
        self, turn: Turn, lang: Lang, about: str, work: Callable[[], Awaitable[Reply]], *, what: str = ""
    ) -> Reply:
        return await self._desk.guarded(
            turn, lang, what=what or turn.verb, about=about, work=work, needs=Permission.HANDLE_ALERT
        )

    # -- deliveries ---------------------------------------------------------------------------------------------------

    async def _report(self, turn: Turn, lang: Lang) -> Reply:
        name = pressed_id(turn)

        async def work() -> Reply:
            sent = await self._desk.call(lambda: self._sent(name))
            number = "" if name == DEAD else name
            shown = delivery_card(self._desk.said[lang], sent, number=number)
            return Reply(card=shown, outcome="delivery_report", lang=lang)

        return await self._guarded(turn, lang, name, work)

    def _sent(self, name: str) -> list[Sent]:
        """Say of each delivery what its recipient is; people of one role are told apart by a number only."""
        outbox = self._desk.office.outbox
        if name == DEAD:
            return self._addressed(outbox.dead())
        self._desk.office.alerts.get(name)  # raises UnknownError
        return self._addressed(outbox.report(f"alert/{name}"))

    def _addressed(self, deliveries: tuple[Delivery, ...]) -> list[Sent]:
        people: dict[str, list[str]] = {}
        found = []
        for one in deliveries:
            role = _CHANNELS.get(one.recipient) or self._role(one.recipient)
            to = "other" if role == "nobody" else role
            known = people.setdefault(to, [])
            if one.recipient not in known:
                known.append(one.recipient)
            found.append(Sent(delivery=one, to=to, number=known.index(one.recipient) + 1))
        return found

    # -- how things stand ---------------------------------------------------------------------------------------------

    async def _status(self, turn: Turn, lang: Lang) -> Reply:
        """Answer a typed request for the state of things: the alerts where it speaks of them, else the sources."""
        return await (self._list if mentions_alerts(turn.text) else self._overview)(turn, lang)

    async def _overview(self, turn: Turn, lang: Lang) -> Reply:
        async def work() -> Reply:
            said, jobs = self._desk.said[lang], self._desk.office.jobs
            board = jobs.board()
            if board is None:
                jobs.look()
                return Reply(card=looking_card(said), outcome="retention_looking", lang=lang)
            shown = overview_card(
                said,
                worst_first(board.statuses),
                at=board.at,
                titles=self._titles,
                kinds=self._kinds(),
                may_purge=turn.actor.may(Permission.RUN_PURGE),
                page=_page(turn),
            )
            return Reply(card=shown, outcome="retention_shown", lang=lang)

        what = turn.verb or Command.RETENTION_STATUS.value
        return await self._desk.guarded(
            turn, lang, what=what, about="", work=work, needs=Permission.SEE_RETENTION
        )  # fmt: skip

    def _kinds(self) -> Mapping[str, str]:
        return {source: rule.data_kind.value for source, rule in self._desk.office.parts.engine.rules.items()}

    async def _digest_face(self, name: str, viewer: Viewer) -> Card | None:
        said = self._desk.said[viewer.lang]
        week = week_named(name, said.zone)
        if week is None or not viewer.actor.may(Permission.SEE_RETENTION):
            return None
        office, board = self._desk.office, self._desk.office.jobs.board()

        def draw() -> Card:
            desk, engine = office.parts.desk, office.parts.engine
            digest = digest_of(
                board.statuses if board is not None else (),
                desk.alerts.all(),
                engine.stores.requests.newest(most=_MOST_REQUESTS),
                engine.stores.holds.all(),
                desk.deliveries.all(),
                week,
                now=self._now(),
            )
            witness = witness_of(engine.audit)
            return digest_card(said, digest, witness, titles=self._titles, personal=viewer.personal)

        return await self._desk.call(draw)

    def _now(self) -> Instant:
        return self._desk.office.parts.engine.guard.now()


def _seen_as(step: AlertStep) -> str:
    """Say in which role somebody took a step; nobody is named."""
    return step.by if step.by == SYSTEM else step.role or "nobody"


def _page(turn: Turn) -> int:
    """Give the page that a button names; the first for anything else."""
    name = pressed_id(turn)
    return int(name) if name.isdecimal() and 0 < len(name) < 4 and int(name) else 1  # noqa: PLR2004
