"""The cards of the office, one of each kind and state: purges, holds, alerts, reports, rules, tickets, forgetting.

Everything is plausible and fixed, so that a golden file reads like a card of a real day; what each viewer may press is
decided by the functions of the product.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from cards.alerts import Act, AlertView, alert_card, alert_list_card
from cards.deliveries import Sent, delivery_card
from cards.elements import Card
from cards.handover import Shown, asker_card, brief_card, draft_card, officer_card, question_form, rights_form
from cards.handover import list_card as ticket_list_card
from cards.hold import Days, Filled, Seen, form_card, hold_card
from cards.hold import list_card as hold_list_card
from cards.own_data import forget_card, forgotten_card, own_data_card
from cards.parts import Said, button
from cards.purge import RequestView, request_card
from cards.purge_lists import Page, SourceRow, list_card, menu_card
from cards.refused import refusal_card
from cards.retention import digest_card, looking_card, overview_card
from cards.standing import FormView, StandingView, note_card, standing_card, standing_form_card, standing_list_card
from cards.texts import load_texts
from cards.verbs import Verb
from data.access import Actor, Role
from data.desk.alert import Alert, AlertState
from data.desk.delivery import Delivery, DeliveryState
from data.desk.seal import Seal
from data.desk.standing import StandingRule, StandingState
from data.desk.ticket import DraftState, Ticket, TicketKind, TicketState, TicketStep
from data.labels import Lang
from data.office.digest import Digest, PurgeLine, Witness, digest_of, week_at, worst_first
from data.office.own_data import Forgotten, KeptTicket, Stored
from data.retention.evidence import Marks
from data.retention.finding import FindingKind
from data.retention.hold import Hold
from data.retention.instants import DAY, HOUR, MINUTE, instant_of
from data.retention.request import Approval, Gone, Kept, Preview, PurgeRequest, Selected, State, Step
from data.retention.rule import Care, DataKind, RetentionRule
from data.retention.verdict import Verdict
from data.retention.worst_case import worst_case
from data.sources.interface import SourceSummary
from data.watch import SourceStatus, Standing
from dialogs.face import Viewer
from dialogs.press import Press, presses
from dialogs.purge_face import offers_of, stamp_of, subject_of
from dialogs.standing import _STYLES as STANDING_STYLES
from dialogs.standing import _title as standing_title
from dialogs.standing import offers as standing_offers

ZONE = ZoneInfo("Europe/Berlin")
SAID = {lang: Said(texts=texts, zone=ZONE) for lang, texts in load_texts().items()}
NOW = instant_of(dt.datetime(2026, 12, 14, 9, 30, tzinfo=dt.UTC))
CUTOFF = NOW - 2 * HOUR - 83 * DAY
SEAL = Seal(b"gallery-of-cards-gallery-of-card")
TITLES = {"app-logs": "Server-Logs München", "sip-traces": "SIP-Traces", "crash-dumps": "Absturzberichte"}
KINDS = {"app-logs": "log", "sip-traces": "trace", "crash-dumps": "stack_trace"}

Make = Callable[[Lang], Card]


def who(name: str, lang: Lang, *roles: Role, personal: bool = True) -> Viewer:
    """Give somebody who looks, in a chat of their own or in a channel."""
    person = Actor(tenant_id="t", object_id=name, roles=frozenset({Role.EMPLOYEE, *roles}))
    return Viewer(actor=person, recipient=f"p-{name}", place=f"a:{name}", lang=lang, personal=personal)


def sealed(lang: Lang, subject: str, stamp: str = "1") -> Press:
    """Make sealed buttons of a subject for somebody."""
    return presses(SEAL, who("alice", lang, Role.ADMIN), subject=subject, stamp=stamp)


# -- purges -----------------------------------------------------------------------------------------------------------

PREVIEW = Preview(
    selected=Selected(units=42, records=18_250, bytes=73_400_000, oldest=NOW - 97 * DAY, youngest=CUTOFF - MINUTE),
    rewritten_units=1,
    kept=Kept(units=310, records=164_000, bytes=610_000_000, oldest=CUTOFF + MINUTE, held=1, active=1, undatable=12),
    residue={"held": 1, "active": 1, "unsupported": 1},
    confidence=0.994,
)
DIGEST = "5ea1" * 16
RESIDUE = {"deleted": 40, "rewritten": 1, "held": 1}


def request(state: State, **changes: Any) -> PurgeRequest:
    """Make a request that has come as far as its state says."""
    made = PurgeRequest(
        id="3f2a",
        source="app-logs",
        data_kind=DataKind.LOG,
        state=state,
        requester="p-alice",
        created_at=NOW - 2 * HOUR,
        cutoff=CUTOFF,
        expires_at=NOW + DAY,
        digest=DIGEST,
        preview=PREVIEW,
        story=(Step(state=state, at=NOW, by="p-alice"),),
    )
    return replace(made, **changes)


CONFIRMED = {"confirmed_by": "p-alice", "expires_at": NOW + 3 * DAY}
APPROVED = {**CONFIRMED, "approvals": (Approval(by="p-bob", at=NOW - HOUR, digest=DIGEST),)}
CLOSED = {**APPROVED, "gone": Gone(records=18_250, bytes=73_400_000), "results": {"deleted": 41, "rewritten": 1},
          "certificate": "proof-3f2a", "story": (Step(state=State.CLOSED_CLEAN, at=NOW, by="system"),)}  # fmt: skip
LINKS = {"pdf": "https://bot.beispiel.example/d/abc.pdf", "json": "https://bot.beispiel.example/d/abc.json"}


def purge(asked: PurgeRequest, viewer: Viewer, *, note: str = "", **changes: Any) -> Card:
    """Draw a request as the product does for a viewer."""
    view = RequestView(
        request=asked,
        own=viewer.recipient == asked.requester,
        voted=any(approval.by == viewer.recipient for approval in asked.approvals),
        max_share=0.3,
        worst=88 * DAY,
        asked_by="you" if viewer.recipient == asked.requester else "admin",
        ended_by="system",
    )
    view = replace(view, **changes)
    offers = offers_of(view, viewer)
    view = replace(view, offers=offers, asked=Verb.PURGE_APPROVE in offers)
    press = presses(SEAL, viewer, subject=subject_of(asked.id), stamp=stamp_of(asked))
    said = SAID[viewer.lang]
    return request_card(said, view, press, note=said(note) if note else "")


def alice(lang: Lang) -> Viewer:
    """Give the admin who asks."""
    return who("alice", lang, Role.ADMIN)


def dora(lang: Lang) -> Viewer:
    """Give the data protection officer."""
    return who("dora", lang, Role.DPO)


def ended(state: State, reason: str = "") -> PurgeRequest:
    """Make a request that ended before anything was deleted."""
    return request(state, **CONFIRMED, story=(Step(state=state, at=NOW, by="p-x", reason=reason),))


BLANK = {"digest": "", "preview": Preview(), "expires_at": 0}
PURGES: Mapping[str, Make] = {
    "purge_draft": lambda lang: purge(request(State.DRAFT, **BLANK), alice(lang)),
    "purge_previewing": lambda lang: purge(
        request(State.PREVIEWING, **BLANK), alice(lang), doing=("preview", 118, 352)
    ),
    "purge_previewed_own": lambda lang: purge(request(State.PREVIEWED), alice(lang)),
    "purge_previewed_other": lambda lang: purge(request(State.PREVIEWED), dora(lang)),
    "purge_previewed_nothing": lambda lang: purge(request(State.PREVIEWED, preview=Preview()), alice(lang)),
    "purge_previewed_too_much": lambda lang: purge(request(State.PREVIEWED), alice(lang), max_share=0.05),
    "purge_previewed_run_out": lambda lang: purge(
        request(State.PREVIEWED, expires_at=NOW - HOUR), alice(lang), run_out=True
    ),
    "purge_awaiting_approver": lambda lang: purge(request(State.AWAITING_SECOND, **CONFIRMED), dora(lang)),
    "purge_awaiting_requester": lambda lang: purge(
        request(State.AWAITING_SECOND, **CONFIRMED), alice(lang), note="purging.note_confirmed"
    ),
    "purge_awaiting_voted": lambda lang: purge(
        request(State.AWAITING_SECOND, **APPROVED), who("bob", lang, Role.ADMIN), needed=2
    ),
    "purge_awaiting_channel": lambda lang: purge(
        request(State.AWAITING_SECOND, **CONFIRMED), who("", lang, Role.DPO, personal=False), needed=2
    ),
    "purge_approved": lambda lang: purge(request(State.APPROVED, **APPROVED), who("bob", lang, Role.ADMIN)),
    "purge_cooling": lambda lang: purge(
        request(State.COOLING, **APPROVED, cooling_until=NOW + 15 * MINUTE), dora(lang)
    ),
    "purge_executing": lambda lang: purge(
        request(State.EXECUTING, **APPROVED), dora(lang), doing=("execute", 17, 42)
    ),
    "purge_executing_stale_press": lambda lang: purge(
        request(State.EXECUTING, **APPROVED), dora(lang), note="pressed.stale"
    ),
    "purge_paused": lambda lang: purge(request(State.PAUSED, **APPROVED), dora(lang)),
    "purge_stopping": lambda lang: purge(request(State.STOPPING, **APPROVED), alice(lang)),
    "purge_verifying": lambda lang: purge(request(State.VERIFYING, **APPROVED), alice(lang), doing=("verify", 0, 0)),
    "purge_pending_requested": lambda lang: purge(
        request(State.PENDING_PHYSICAL, **(CLOSED | {"certificate": ""}), verdict="PENDING"), alice(lang)
    ),
    "purge_pending_physical": lambda lang: purge(
        request(State.PENDING_PHYSICAL, **CLOSED, verdict="PENDING"), alice(lang), links=LINKS
    ),
    "purge_closed_clean": lambda lang: purge(
        request(State.CLOSED_CLEAN, **CLOSED, verdict="PASS"), alice(lang), links=LINKS
    ),
    "purge_closed_clean_without_links": lambda lang: purge(
        request(State.CLOSED_CLEAN, **CLOSED, verdict="PASS"), alice(lang)
    ),
    "purge_closed_with_residue": lambda lang: purge(
        request(State.CLOSED_WITH_RESIDUE, **{**CLOSED, "results": RESIDUE}, verdict="PASS"), alice(lang), links=LINKS
    ),
    "purge_closed_partial": lambda lang: purge(
        request(State.CLOSED_PARTIAL, **{**CLOSED, "results": {"deleted": 30, "denied": 1, "stopped": 11}},
                verdict="FAIL"), alice(lang), links=LINKS
    ),
    "purge_closed_failed_over_deletion": lambda lang: purge(
        request(State.CLOSED_FAILED, **CLOSED, verdict="FAIL", lost=1), dora(lang), links=LINKS
    ),
    "purge_closed_unverified": lambda lang: purge(
        request(State.CLOSED_UNVERIFIED, **CLOSED, verdict="UNKNOWN"), alice(lang)
    ),
    "purge_expired": lambda lang: purge(ended(State.EXPIRED), alice(lang)),
    "purge_superseded": lambda lang: purge(ended(State.SUPERSEDED, "holds"), alice(lang)),
    "purge_withdrawn": lambda lang: purge(ended(State.WITHDRAWN), alice(lang), ended_by="you"),
    "purge_rejected": lambda lang: purge(
        ended(State.REJECTED, "Bitte erst den Vorfall vom 3. Dezember klären."), alice(lang), ended_by="dpo"
    ),
    "purge_revoked": lambda lang: purge(ended(State.REVOKED), alice(lang), ended_by="admin"),
    "purge_cancelled": lambda lang: purge(ended(State.CANCELLED), alice(lang), ended_by="dpo"),
    "purge_preview_failed": lambda lang: purge(
        request(State.PREVIEW_FAILED, **BLANK, story=(Step(state=State.PREVIEW_FAILED, at=NOW, by="system"),)),
        alice(lang),
    ),
    "purge_standing": lambda lang: purge(
        request(State.CLOSED_CLEAN, **{**CLOSED, "confirmed_by": "", "approvals": ()}, verdict="PASS",
                requester="standing", standing="app-logs.1:x"), dora(lang), links=LINKS, asked_by="system"
    ),
    "purge_break_glass": lambda lang: purge(
        request(State.EXECUTING, **{**CONFIRMED, "confirmed_by": "host-uid-0"}, requester="host-uid-0",
                break_glass=True), dora(lang), doing=("execute", 3, 42), asked_by="host"
    ),
    "purge_menu": lambda lang: menu_card(
        SAID[lang],
        [
            SourceRow(source="app-logs", status=status("app-logs", Standing.OVERDUE, age=97, due=18_250, overdue=410)),
            SourceRow(source="sip-traces", status=status("sip-traces", Standing.OK, age=40)),
            SourceRow(source="crash-dumps", open_request="77b1"),
        ],
        page=Page(), at=NOW, note=SAID[lang]("purging.menu_unknown"),
    ),
    "purge_list": lambda lang: list_card(
        SAID[lang], [request(State.AWAITING_SECOND), request(State.CLOSED_CLEAN, id="19c0")], page=Page(more=True),
        proofs=False,
    ),
    "purge_proofs_none": lambda lang: list_card(SAID[lang], [], page=Page(), proofs=True),
}  # fmt: skip


# -- holds ------------------------------------------------------------------------------------------------------------

HOLD = Hold(
    id="h-7",
    sources=("app-logs",),
    reason="Streit über die Abrechnung im Oktober",
    case="AZ 12/26",
    placed_by="p-dora",
    placed_at=NOW - 3 * DAY,
    review_at=NOW + 40 * DAY,
)
LIMITS = Days(
    review_first="2026-12-15", review_last="2027-03-14", records_first="2016-12-14", records_last="2026-12-14"
)


def hold(lang: Lang, shown: Hold, *, note: str = "", **changes: Any) -> Card:
    """Draw a hold for an admin who may release it."""
    release = sealed(lang, f"hold/{shown.id}")(Verb.HOLD_RELEASE)
    said = SAID[lang]
    return hold_card(
        said, replace(Seen(hold=shown, now=NOW, release=release), **changes), note=said(note) if note else ""
    )


ASKED = replace(HOLD, release_asked_by="p-bob")
HOLDS: Mapping[str, Make] = {
    "hold_form": lambda lang: form_card(
        SAID[lang], ("app-logs", "sip-traces"), Filled(source="app-logs", review="2027-01-25"), LIMITS,
        sealed(lang, "hold/new")(Verb.HOLD_PLACE),
    ),
    "hold_form_problem": lambda lang: form_card(
        SAID[lang], ("app-logs",), Filled(review="2027-01-25", reason="Rechtsstreit"), LIMITS,
        sealed(lang, "hold/new")(Verb.HOLD_PLACE), problem=SAID[lang]("refused.bad_review_date"),
    ),
    "hold_placed": lambda lang: hold(lang, HOLD, note="hold.placed_now"),
    "hold_asked_by_other": lambda lang: hold(lang, ASKED),
    "hold_asked_by_you": lambda lang: hold(lang, ASKED, mine=True),
    "hold_past_review": lambda lang: hold(lang, replace(HOLD, sources=(), review_at=NOW - DAY)),
    "hold_in_channel": lambda lang: hold(lang, HOLD, private=False),
    "hold_released": lambda lang: hold(
        lang, replace(ASKED, released_by="p-alice", released_at=NOW, begins=NOW - 60 * DAY, ends=NOW - 30 * DAY)
    ),
    "hold_list": lambda lang: hold_list_card(
        SAID[lang],
        [Seen(hold=one, now=NOW, release=sealed(lang, f"hold/{one.id}")(Verb.HOLD_RELEASE)) for one in
         (HOLD, replace(ASKED, id="h-8", sources=(), review_at=NOW - DAY))],
        active=2, released=1, more=None,
    ),
    "hold_list_none": lambda lang: hold_list_card(SAID[lang], [], active=0, released=0, more=None),
}  # fmt: skip


# -- alerts and how things stand --------------------------------------------------------------------------------------


def alert(kind: FindingKind, **changes: Any) -> Alert:
    """Make an alert of a source."""
    made = Alert(
        id="17", kind=kind, about="app-logs", source="app-logs", data_kind="log", count=18_250, since=NOW - 78 * DAY,
        limit=NOW + 12 * DAY, opened_at=NOW - 3 * DAY, changed_at=NOW - DAY,
    )  # fmt: skip
    return replace(made, **changes)


def alarm(lang: Lang, shown: Alert, *, dpo: bool = True, **changes: Any) -> Card:
    """Draw an alert for a data protection officer, or for an admin."""
    acts = (Act(what="opened", at=NOW - 3 * DAY, who="system"), Act(what="escalated", at=NOW - DAY, who="system"))
    view = AlertView(
        alert=shown, now=NOW, place=TITLES["app-logs"] if shown.source else "", acts=acts, may_purge=not dpo,
        may_hold=True, days=("2026-12-15", "2026-12-21"),
    )  # fmt: skip
    return alert_card(SAID[lang], replace(view, **changes), sealed(lang, f"alert/{shown.id}", shown.face))


ABOUT_REQUEST = {"source": "app-logs", "about": "3f2a", "limit": None, "since": NOW - HOUR}
NOTHING = {"source": "", "about": "bot", "data_kind": "", "limit": None, "count": 0}
SLEPT = (
    Act(what="opened", at=NOW - 3 * DAY, who="system"),
    Act(what="snoozed", at=NOW - DAY, who="dpo", reason="Die Freigabe kommt am Mittwoch."),
)
ALERTS: Mapping[str, Make] = {
    "alert_due": lambda lang: alarm(lang, alert(FindingKind.DUE, start_by=NOW + 5 * DAY), dpo=False),
    "alert_overdue": lambda lang: alarm(
        lang, alert(FindingKind.OVERDUE, since=NOW - 97 * DAY, limit=NOW - 7 * DAY, cause="not_purged"), days=None
    ),
    "alert_dead": lambda lang: alarm(lang, alert(FindingKind.DEAD, count=1, cause="archive_or_dead_service")),
    "alert_undatable": lambda lang: alarm(
        lang, alert(FindingKind.UNDATABLE, count=12, since=None, limit=None, cause="no_stamp")
    ),
    "alert_unreadable": lambda lang: alarm(
        lang, alert(FindingKind.UNREADABLE, count=1, since=None, limit=None, cause="denied")
    ),
    "alert_over_deletion": lambda lang: alarm(
        lang, alert(FindingKind.OVER_DELETION, **ABOUT_REQUEST, count=1), days=None
    ),
    "alert_standing_blocked": lambda lang: alarm(
        lang, alert(FindingKind.STANDING_BLOCKED, about="app-logs.1", since=NOW - HOUR, cause="over_share")
    ),
    "alert_not_delivered": lambda lang: alarm(
        lang, alert(FindingKind.NOT_DELIVERED, **{**NOTHING, "count": 2}, since=NOW - HOUR, cause="gone")
    ),
    "alert_clock_blocked": lambda lang: alarm(
        lang, alert(FindingKind.CLOCK_BLOCKED, **NOTHING, since=NOW - HOUR, cause="jumped"), dpo=False
    ),
    "alert_audit_broken": lambda lang: alarm(lang, alert(FindingKind.AUDIT_BROKEN, **NOTHING, since=NOW), days=None),
    "alert_break_glass": lambda lang: alarm(
        lang, alert(FindingKind.BREAK_GLASS, **ABOUT_REQUEST), dpo=False, may_acknowledge=False
    ),
    "alert_acknowledged": lambda lang: alarm(
        lang, alert(FindingKind.DUE, state=AlertState.ACKNOWLEDGED, quiet_until=NOW + DAY),
        before="alert.done_acknowledged", twice=True,
    ),
    "alert_snoozed": lambda lang: alarm(
        lang, alert(FindingKind.DUE, state=AlertState.SNOOZED, quiet_until=NOW + 2 * DAY), acts=SLEPT,
        before="alert.done_snoozed",
    ),
    "alert_ask_form": lambda lang: alarm(lang, alert(FindingKind.DUE), before="alert.ask_form"),
    "alert_settled": lambda lang: alarm(lang, alert(FindingKind.OVERDUE, state=AlertState.RESOLVED)),
    "alert_in_channel": lambda lang: alarm(lang, alert(FindingKind.OVERDUE, limit=NOW - DAY), personal=False),
    "alert_list": lambda lang: alert_list_card(
        SAID[lang],
        [alert(FindingKind.OVERDUE), alert(FindingKind.DUE, id="18", state=AlertState.SNOOZED),
         *(alert(FindingKind.UNPARSED, id=f"{number}") for number in range(20, 29))],
        titles=TITLES,
    ),
    "alert_list_none": lambda lang: alert_list_card(SAID[lang], [], titles={}),
}  # fmt: skip


def status(source: str, standing: Standing, *, age: int, due: int = 0, overdue: int = 0, held: int = 0) -> SourceStatus:
    """Make what a look at one source found."""
    marks = Marks(cutoff=CUTOFF, limit=NOW - 90 * DAY, now=NOW)
    summary = SourceSummary(units=3, records=182_250, oldest=NOW - age * DAY, newest=NOW, expired_records=due,
                            expired_bytes=due * 4_000, overdue_records=overdue)  # fmt: skip
    rule = RetentionRule(data_kind=DataKind(KINDS[source]))
    worst = worst_case(rule, Care(), interval=DAY, bucket_span=0)
    return SourceStatus(source=source, standing=standing, summary=summary, held=held, marks=marks, max_age=90 * DAY,
                        worst=worst)  # fmt: skip


STATUSES = (
    status("app-logs", Standing.OVERDUE, age=97, due=18_250, overdue=410, held=1),
    status("sip-traces", Standing.DUE, age=85, due=1),
    replace(status("crash-dumps", Standing.UNKNOWN, age=0), summary=SourceSummary(), reason="denied"),
)
WITNESS = Witness(seq=4711, at=NOW, head="0123456789abcdef")


def digest(lang: Lang, made: Digest, *, personal: bool = True) -> Card:
    """Draw a weekly report."""
    return digest_card(SAID[lang], made, WITNESS, titles=TITLES, personal=personal)


CALM = digest_of((status("sip-traces", Standing.OK, age=40),), (), (), (), (), week_at(NOW, ZONE), now=NOW)
BUSY = replace(
    digest_of(STATUSES, (), (), (), (), week_at(NOW, ZONE), now=NOW),
    alerts={AlertState.OPEN: 1, AlertState.SNOOZED: 2}, opened=3, settled=1, holds=2, review=1, dead=1, waiting=2,
    purges=(
        PurgeLine(request="3f2a", source="app-logs", at=NOW, verdict=Verdict.PASS, records=18_250, in_time=True,
                  document="issued"),
        PurgeLine(request="77b1", source="crash-dumps", at=NOW, verdict=Verdict.FAIL, records=1, in_time=False,
                  document="report"),
    ),
)  # fmt: skip


def sent(number: int, to: str, subject: str = "alert/17", **changes: Any) -> Sent:
    """Make one line of a delivery report."""
    made = Delivery(id=f"{subject}@p-{number}", subject=subject, recipient=f"p-{number}", urgent=True, post="1",
                    shown="1")  # fmt: skip
    return Sent(delivery=replace(made, **changes), to=to, number=number)


REPORTS: Mapping[str, Make] = {
    "retention_looking": lambda lang: looking_card(SAID[lang]),
    "retention_overview": lambda lang: overview_card(
        SAID[lang], worst_first(STATUSES), at=NOW, titles=TITLES, kinds=KINDS, may_purge=True
    ),
    "retention_overview_none": lambda lang: overview_card(
        SAID[lang], (), at=NOW, titles={}, kinds={}, may_purge=True
    ),
    "digest_busy": lambda lang: digest(lang, BUSY),
    "digest_calm": lambda lang: digest(lang, CALM),
    "digest_in_channel": lambda lang: digest(lang, BUSY, personal=False),
    "delivery_report": lambda lang: delivery_card(
        SAID[lang],
        [
            sent(1, "dpo", state=DeliveryState.SENT, sent_at=NOW, attempts=1, maybe_twice=True),
            sent(2, "dpo", state=DeliveryState.DEAD, attempts=3, error="gone"),
            sent(1, "admin", state=DeliveryState.WAITING, attempts=1, error="throttled"),
            sent(1, "channel_dpo", state=DeliveryState.SENDING),
            sent(1, "other"),
        ],
        number="17",
    ),
    "delivery_dead": lambda lang: delivery_card(
        SAID[lang],
        [sent(1, "admin", "standing/app-logs.1", state=DeliveryState.DEAD, attempts=3, error="foreign_host"),
         sent(1, "other", "ticket/5", state=DeliveryState.DEAD, attempts=1, error="no_reference")],
    ),
}  # fmt: skip


# -- standing rules ---------------------------------------------------------------------------------------------------

RULE = StandingRule(
    id="app-logs.1", source="app-logs", number=1, every_days=1, at_minute=120, max_share=0.1, max_records=100_000,
    state=StandingState.PROPOSED, proposed_by="p-alice", proposed_at=NOW - DAY,
)  # fmt: skip
AGREED = {"approved_by": "p-bob", "acknowledged_by": "p-dora", "last_run_at": NOW - 8 * HOUR}


def standing(lang: Lang, rule: StandingRule, viewer: Viewer, **changes: Any) -> Card:
    """Draw a standing rule with the buttons that the product gives a viewer."""
    ends = (Role.DPO,) if rule.state is StandingState.STOPPING else ()
    press = presses(SEAL, viewer, subject=f"standing/{rule.id}", stamp=rule.face)
    said = SAID[lang]
    buttons = [
        button(said(standing_title(verb, rule, viewer.recipient)), verb, press(verb),
               style=STANDING_STYLES.get(verb, "default"))
        for verb in standing_offers(rule, viewer.actor, viewer.recipient, ends)
    ]  # fmt: skip
    buttons.append(button(said("standing.button_list"), Verb.STANDING_LIST, {"lang": lang.value}))
    view = StandingView(rule=rule, now=NOW, age=83 * DAY, stops_with=ends,
                        next_run=NOW + 16 * HOUR if rule.runs else None)  # fmt: skip
    return standing_card(said, replace(view, **changes), buttons=buttons)


def rule(state: StandingState, **changes: Any) -> StandingRule:
    """Make a rule that has come as far as its state says."""
    return replace(RULE, state=state, **{**AGREED, **changes})


STANDINGS: Mapping[str, Make] = {
    "standing_form": lambda lang: standing_form_card(
        SAID[lang], FormView(sources=("app-logs", "sip-traces"), now=NOW, max_share=0.3),
        buttons=[button(SAID[lang]("standing.button_propose"), Verb.STANDING_PROPOSE,
                        sealed(lang, "standing/new")(Verb.STANDING_PROPOSE), style="positive")],
    ),
    "standing_proposed_own": lambda lang: standing(lang, RULE, alice(lang)),
    "standing_proposed_other": lambda lang: standing(lang, RULE, who("bob", lang, Role.ADMIN)),
    "standing_approved": lambda lang: standing(
        lang, replace(RULE, state=StandingState.APPROVED, approved_by="p-bob"), dora(lang)
    ),
    "standing_active": lambda lang: standing(lang, rule(StandingState.ACTIVE), dora(lang), successor=2),
    "standing_active_problem": lambda lang: standing(
        lang, rule(StandingState.ACTIVE, every_days=7, last_run_at=None), alice(lang), problem="not_in_audit",
        next_run=NOW,
    ),
    "standing_stopping": lambda lang: standing(
        lang, rule(StandingState.STOPPING, stop_asked_by="p-alice"), dora(lang)
    ),
    "standing_stopped": lambda lang: standing(lang, rule(StandingState.STOPPED), alice(lang)),
    "standing_rejected": lambda lang: standing(lang, replace(RULE, state=StandingState.REJECTED), alice(lang)),
    "standing_replaced": lambda lang: standing(lang, rule(StandingState.REPLACED), alice(lang)),
    "standing_list": lambda lang: standing_list_card(
        SAID[lang], ("app-logs", "sip-traces"),
        (rule(StandingState.ACTIVE), replace(RULE, id="app-logs.2", number=2)),
        buttons=[button(SAID[lang]("standing.button_show"), Verb.STANDING_LIST, {"lang": lang.value}),
                 button(SAID[lang]("standing.button_new"), Verb.STANDING_FORM, {"lang": lang.value})],
    ),
    "standing_list_none": lambda lang: standing_list_card(SAID[lang], (), ()),
}  # fmt: skip


# -- the way to a person ----------------------------------------------------------------------------------------------

TICKET = Ticket(
    id="5", kind=TicketKind.QUESTION, asker="p-eve", lang="de", opened_at=NOW - DAY, changed_at=NOW - DAY,
    question="Sieht mein Chef, wann ich im Homeoffice telefoniert habe?", topic="boss_view.journal",
)  # fmt: skip
RIGHTS = Ticket(
    id="6", kind=TicketKind.RIGHTS, asker="p-eve", lang="de", opened_at=NOW - 20 * DAY, changed_at=NOW - 20 * DAY,
    question="Bitte eine Auskunft zu meinen Daten. Eva Beispiel", right="15", due_at=NOW + 10 * DAY,
)  # fmt: skip
ANSWER = "Das regelt unsere Betriebsvereinbarung.\nSie finden sie im Intranet unter „Telefonie“."
ANSWERED = replace(TICKET, state=TicketState.ANSWERED, answer=ANSWER, answered_by="p-dora")
DRAFTED = replace(
    ANSWERED, draft=DraftState.DRAFTED, drafted_by="p-dora", draft_question="sieht der chef meine anrufe",
    draft_answer="Wer was sehen darf, steht in unserer Betriebsvereinbarung.",
)  # fmt: skip
FORGOTTEN = replace(TICKET, state=TicketState.CLOSED, question="",
                    story=(TicketStep(what="forgotten", at=NOW, by="system"),))  # fmt: skip


def ticket(
    draw: Callable[[Said, Shown], Card], shown: Ticket, lang: Lang, *, known: bool = False, **changes: Any
) -> Card:
    """Draw a ticket; `known` with the title of the topic that did not help."""
    press = sealed(lang, f"ticket/{shown.id}", shown.face)
    seen = Shown(ticket=shown, press=press, now=NOW, topic="Chef-Assistenz" if known else "")
    return draw(SAID[lang], replace(seen, **changes))


TOPICS = (("boss_view", "Chef-Assistenz"), ("journal", "Anrufjournal"))
TICKETS: Mapping[str, Make] = {
    "handover_form": lambda lang: question_form(SAID[lang], sealed(lang, "form/journal"), topic="Anrufjournal"),
    "handover_rights_form": lambda lang: rights_form(SAID[lang], sealed(lang, "form/rights")),
    "ticket_asker_open": lambda lang: ticket(asker_card, TICKET, lang),
    "ticket_asker_again": lambda lang: ticket(asker_card, TICKET, lang, note="handover.again"),
    "ticket_asker_answered": lambda lang: ticket(asker_card, ANSWERED, lang),
    "ticket_asker_closed": lambda lang: ticket(asker_card, replace(TICKET, state=TicketState.CLOSED), lang),
    "ticket_asker_forgotten": lambda lang: ticket(asker_card, FORGOTTEN, lang),
    "ticket_asker_rights": lambda lang: ticket(asker_card, RIGHTS, lang),
    "ticket_dpo_open": lambda lang: ticket(officer_card, TICKET, lang, known=True),
    "ticket_dpo_taken": lambda lang: ticket(officer_card, replace(TICKET, state=TicketState.TAKEN), lang),
    "ticket_dpo_answered": lambda lang: ticket(officer_card, ANSWERED, lang, topics=TOPICS),
    "ticket_dpo_rights": lambda lang: ticket(officer_card, RIGHTS, lang),
    "ticket_dpo_rights_today": lambda lang: ticket(officer_card, replace(RIGHTS, due_at=NOW + HOUR), lang),
    "ticket_dpo_rights_overdue": lambda lang: ticket(officer_card, replace(RIGHTS, due_at=NOW - DAY), lang),
    "ticket_channel": lambda lang: ticket(brief_card, RIGHTS, lang),
    "ticket_list": lambda lang: ticket_list_card(
        SAID[lang], [RIGHTS, ANSWERED, *(replace(TICKET, id=f"{number}") for number in range(7, 12))], mine=False
    ),
    "ticket_list_mine_none": lambda lang: ticket_list_card(SAID[lang], [], mine=True),
    "draft_own": lambda lang: ticket(officer_card, DRAFTED, lang, drafter=True),
    "draft_to_release": lambda lang: ticket(draft_card, DRAFTED, lang),
    "draft_of_topic": lambda lang: ticket(
        draft_card, replace(DRAFTED, draft_topic="journal", draft_answer=""), lang, taught="Anrufjournal"
    ),
    "draft_checking": lambda lang: ticket(draft_card, replace(DRAFTED, draft=DraftState.CHECKING), lang),
    "draft_refused": lambda lang: ticket(draft_card, replace(DRAFTED, draft_problem="phrasing, v-17, v-42"), lang),
    "draft_unwritable": lambda lang: ticket(
        draft_card, replace(DRAFTED, draft_problem="overlay_unwritable"), lang
    ),
    "draft_released": lambda lang: ticket(draft_card, replace(DRAFTED, draft=DraftState.RELEASED), lang),
    "draft_withdrawing": lambda lang: ticket(draft_card, replace(DRAFTED, draft=DraftState.WITHDRAWING), lang),
    "draft_discarded": lambda lang: ticket(draft_card, replace(DRAFTED, draft=DraftState.DISCARDED), lang),
}  # fmt: skip


# -- what is stored, and what was refused -----------------------------------------------------------------------------

STORED = Stored(
    pseudonym="p-0123456789abcdef0123", linked=True, reachable=True, used_at=NOW - DAY, requests=0, approvals=0,
    holds=0, alerts=0, standing=0, handled=0, deliveries=3, roles=(), binds=(),
    tickets=(KeptTicket(number="5", kind=TicketKind.QUESTION, state=TicketState.OPEN, words=True),
             KeptTicket(number="2", kind=TicketKind.RIGHTS, state=TicketState.CLOSED, words=False)),
)  # fmt: skip
NOBODY = replace(STORED, linked=False, reachable=False, used_at=None, deliveries=0, tickets=())
BOUND = replace(STORED, requests=4, approvals=2, holds=1, alerts=7, standing=1, roles=(Role.ADMIN,), tickets=(),
                binds=("role", "request", "standing"))  # fmt: skip


def forget(lang: Lang, stored: Stored, *, note: str = "") -> Card:
    """Draw the question before forgetting."""
    said = SAID[lang]
    return forget_card(said, stored, sealed(lang, "own/me", stored.face)(Verb.FORGET_ME_YES),
                       note=said(note) if note else "")  # fmt: skip


OWN: Mapping[str, Make] = {
    "my_data": lambda lang: own_data_card(SAID[lang], STORED, days=90, unused_days=60),
    "my_data_admin": lambda lang: own_data_card(SAID[lang], BOUND, days=90, unused_days=60),
    "my_data_nothing": lambda lang: own_data_card(SAID[lang], NOBODY, days=90, unused_days=60),
    "forget_me": lambda lang: forget(lang, STORED),
    "forget_me_admin": lambda lang: forget(lang, BOUND),
    "forget_me_changed": lambda lang: forget(lang, STORED, note="pressed.stale"),
    "forgotten": lambda lang: forgotten_card(
        SAID[lang], STORED, Forgotten(words=1, deliveries=3, reference=True, linked=True, binds=())
    ),
    "forgotten_in_part": lambda lang: forgotten_card(
        SAID[lang], BOUND, Forgotten(words=0, deliveries=0, reference=False, linked=False, binds=BOUND.binds)
    ),
    "refused_role": lambda lang: refusal_card(SAID[lang], "not_allowed", roles=("admin", "dpo")),
    "refused_own_request": lambda lang: refusal_card(SAID[lang], "own_request"),
    "refused_foreign": lambda lang: refusal_card(SAID[lang], "foreign"),
    "refused_state": lambda lang: refusal_card(SAID[lang], "state"),
    "refused_other": lambda lang: refusal_card(SAID[lang], "never_heard", detail="not *possible* now"),
    "elsewhere": lambda lang: note_card(SAID[lang], SAID[lang]("pressed.elsewhere")),
}  # fmt: skip

OFFICE: Mapping[str, Make] = {
    **PURGES, **HOLDS, **ALERTS, **REPORTS, **STANDINGS, **TICKETS, **OWN,
}  # fmt: skip
"""Every card of the office by its name."""
