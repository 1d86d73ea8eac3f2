"""The cards of alerts: one alert with what can be done about it, and the list of all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cards.elements import Card, Element, actions, card, container, escape, facts, heading, subtle, text
from cards.parts import Said, button, day_field, field, standing_in_terms
from cards.verbs import Verb
from data.desk.alert import Alert, AlertState
from data.desk.alert_steps import EVERYBODY, LASTING
from data.retention.finding import FindingKind
from data.retention.instants import DAY, Instant
from data.sources.interface import UNREADABLE

LONGEST_REASON: Final = 300
PAGE: Final = 10
_STORY: Final = 6
_LONGEST_TITLE: Final = 60
STEPS: Final = ("opened", "worse", "reminded", "escalated", "acknowledged", "snoozed", "woken", "resolved")

_COUNTED: Final[Mapping[FindingKind, str]] = {
    FindingKind.DUE: "records",
    FindingKind.OVERDUE: "records",
    FindingKind.UNREADABLE: "places",
    FindingKind.UNDATABLE: "records",
    FindingKind.DEAD: "series",
    FindingKind.LATE: "records",
    FindingKind.RESURRECTED: "records",
    FindingKind.DRIFTING: "days",
    FindingKind.UNPARSED: "lines",
    FindingKind.FUTURE: "records",
    FindingKind.HELD_PAST_LIMIT: "files",
    FindingKind.OVER_DELETION: "files",
    FindingKind.NOT_DELIVERED: "cards",
}
"""What the count of an alert counts; where nothing is counted there is no row."""
_SINCE: Final[Mapping[FindingKind, str]] = {
    FindingKind.LATE: "purge",
    FindingKind.RESURRECTED: "purge",
    FindingKind.HOLD_REVIEW: "review",
    FindingKind.CREDENTIAL_EXPIRING: "expiry",
    **dict.fromkeys(
        (FindingKind.PURGE_FAILED, FindingKind.OVER_DELETION, FindingKind.PURGE_INTERRUPTED, FindingKind.BREAK_GLASS,
         FindingKind.RELEASE_LATE,
         FindingKind.AUDIT_BROKEN, FindingKind.CLOCK_BLOCKED, FindingKind.STANDING_BLOCKED, FindingKind.NOT_DELIVERED),
        "event",
    ),
}  # fmt: skip
"""What the `since` of an alert is; for all others it is the oldest record."""
_PLACES: Final[Mapping[FindingKind, str]] = {
    FindingKind.HOLD_REVIEW: "hold",
    FindingKind.STANDING_BLOCKED: "rule",
    **dict.fromkeys(
        (FindingKind.PURGE_FAILED, FindingKind.OVER_DELETION, FindingKind.PURGE_INTERRUPTED, FindingKind.BREAK_GLASS,
         FindingKind.RELEASE_LATE),
        "request",
    ),
    **dict.fromkeys(
        (FindingKind.AUDIT_BROKEN, FindingKind.CLOCK_BLOCKED, FindingKind.CREDENTIAL_EXPIRING,
         FindingKind.NOT_DELIVERED),
        "bot",
    ),
}  # fmt: skip
_INCIDENTS: Final = frozenset({FindingKind.OVER_DELETION, FindingKind.AUDIT_BROKEN})
_LATE: Final = frozenset({FindingKind.OVERDUE, FindingKind.HELD_PAST_LIMIT})
_STYLES: Final = {"incident": "attention", "late": "attention", "soon": "warning", "check": "emphasis",
                  "settled": "good"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One line of an alert's story, with the role of who did it."""

    what: str
    at: Instant
    who: str
    """`system`, `admin`, `dpo`, or `nobody` for somebody who has no role any more."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """An alert as one viewer may see it."""

    alert: Alert
    now: Instant
    place: str = ""
    """Title of the source."""
    acts: tuple[Act, ...] = ()
    personal: bool = True
    may_purge: bool = False
    may_hold: bool = False
    may_acknowledge: bool = True
    """Whether the viewer's role is one that can acknowledge this kind."""
    days: tuple[str, str] | None = None
    """First and last day until which it may be snoozed, ISO 8601; None where it may not."""
    twice: bool = False
    before: str = ""
    """Key of a sentence that is said first."""

    @property
    def settled(self) -> bool:
        """Tell whether there is nothing left to be done."""
        return self.alert.state is AlertState.RESOLVED


Press = Callable[[Verb], Mapping[str, Any]]


def weight_of(alert: Alert) -> str:
    """Say how heavy an alert is, in a word that has a sentence and a style."""
    if alert.state is AlertState.RESOLVED:
        return "settled"
    if alert.kind in _INCIDENTS:
        return "incident"
    if alert.kind in _LATE:
        return "late"
    return "soon" if alert.kind is FindingKind.DUE else "check"


def likely_cause(said: Said, kind: FindingKind, cause: str) -> str:
    """Give the sentence on the likely cause; for a word nobody has foreseen, the general one of the kind."""
    known = said.texts.keys()
    if _settings_unread(kind, cause):
        return said("alert.why_settings_unread")
    if kind is FindingKind.STANDING_BLOCKED and f"standing.problem_{cause}" in known:
        return said("alert.why_problem", problem=said(f"standing.problem_{cause}"))
    if f"alert.cause_{cause}" in known:
        return said(f"alert.cause_{cause}")
    if kind is FindingKind.CLOCK_BLOCKED and f"refused.{cause}" in known:
        return said(f"refused.{cause}")
    if kind is FindingKind.NOT_DELIVERED and f"delivery.error_{cause}" in known:
        return said(f"delivery.error_{cause}")
    return said(f"alert.why_{kind}")


def _settings_unread(kind: FindingKind, cause: str) -> bool:
    """Tell whether a system's own retention could not be read, so that its days are not known."""
    return kind is FindingKind.DRIFTING and cause == UNREADABLE


def alert_card(said: Said, view: AlertView, press: Press) -> Card:
    """Show one alert: what, where, how many, until when, why, what clause 2.7 says, the story, and what can be done."""
    alert, weight = view.alert, weight_of(view.alert)
    title = said("alert.title", number=alert.id, what=said(f"alert.what_{alert.kind}"))
    head = container(
        [text(said(f"alert.weight_{weight}"), weight="Bolder"), heading(title)],
        style=_STYLES[weight],
        bleed=True,
    )
    body: list[Element] = [text(said(view.before))] if view.before else []
    body += [head, *([text(said("alert.was"))] if view.settled else []), facts(_rows(said, view))]
    if view.personal:
        body += _explained(said, view)
        body += _to_do(said, view, press)
        if view.twice:
            body.append(subtle(said("alert.twice")))
    else:
        body += [text(said(f"alert.means_{alert.kind}")), subtle(said("alert.channel"))]
    body += standing_in_terms(said)
    return card(said.texts, body, summary=f"{said(f'alert.weight_{weight}')}: {title}", banner=said.banner)


def _rows(said: Said, view: AlertView) -> list[tuple[str, str]]:
    alert = view.alert
    rows = [(said("alert.row_number"), alert.id), (said("alert.row_state"), said(f"alert.state_{alert.state}"))]
    if view.personal:
        rows.append((said("alert.row_where"), place_of(said, alert, view.place)))
    if alert.data_kind:
        rows.append((said("alert.row_kind"), said(f"kinds.{alert.data_kind}")))
    if alert.kind in _COUNTED and not _settings_unread(alert.kind, alert.cause):
        rows.append((said(f"alert.counted_{_COUNTED[alert.kind]}"), said.number(alert.count)))
    if alert.since is not None:
        rows.append((said(f"alert.since_{_SINCE.get(alert.kind, 'oldest')}"), said.when(alert.since)))
    if alert.limit is not None:
        until = said.when(alert.limit) if view.settled else _until(said, alert.limit, view.now)
        rows.append((said("alert.row_limit"), until))
    if alert.start_by is not None and view.now < alert.start_by and not view.settled:
        rows.append((said("alert.row_start_by"), said.when(alert.start_by)))
    if not view.settled and alert.quiet_until is not None and alert.state is not AlertState.OPEN:
        rows.append((said("alert.row_quiet"), said.when(alert.quiet_until)))
    acted = next((act for act in reversed(view.acts) if act.who != "system"), None)
    if acted is not None and view.personal:
        rows.append((said("alert.row_acted"), f"{said(f'alert.by_{acted.who}')}, {said.when(acted.at)}"))
    return rows


def place_of(said: Said, alert: Alert, title: str) -> str:
    """Say where something is: the source by its title, else the request, hold or rule by its id."""
    if alert.source:
        name = escape(title or alert.source, longest=_LONGEST_TITLE)
        named = title not in {"", alert.source}
        where = said("alert.where_source", title=name, id=escape(alert.source)) if named else name
        if alert.kind not in _PLACES:
            return where
    else:
        where = ""
    kind = _PLACES.get(alert.kind, "bot")
    if kind == "bot":
        return where or said("alert.where_bot")
    own = {
        "request": lambda: said("alert.where_request", id=escape(alert.about)),
        "hold": lambda: said("alert.where_hold", id=escape(alert.about)),
        "rule": lambda: said("alert.where_rule", id=escape(alert.about)),
    }[kind]()
    return f"{own} · {where}" if where else own


def _until(said: Said, limit: Instant, now: Instant) -> str:
    day, rest = said.when(limit), abs(limit - now)
    if limit > now:
        return said("alert.limit_left", when=day, days=said.days(rest)) if rest >= DAY else said(
            "alert.limit_today", when=day
        )  # fmt: skip
    return said("alert.limit_passed", when=day, days=said.days(rest)) if rest >= DAY else said(
        "alert.limit_just_passed", when=day
    )  # fmt: skip


def _explained(said: Said, view: AlertView) -> list[Element]:
    alert = view.alert
    parts = [
        ("alert.why", likely_cause(said, alert.kind, alert.cause)),
        ("alert.means", said(f"alert.means_{alert.kind}")),
    ]
    if not view.settled:
        parts.append(("alert.do", said(f"alert.do_{alert.kind}")))
    shown = [element for key, sentence in parts for element in (_label(said(key)), text(sentence, spacing="None"))]
    if view.acts:
        shown.append(_label(said("alert.story")))
        shown += [subtle(line) for line in _story(said, view.acts)]
    return shown


def _label(words: str) -> Element:
    return text(words, weight="Bolder", spacing="Medium")


def _story(said: Said, acts: Sequence[Act]) -> list[str]:
    """Tell how it began and what happened last, one line each."""
    short = acts if len(acts) <= _STORY else (acts[0], *acts[1 - _STORY :])
    lines = []
    for act in short:
        what = said(f"alert.step_{act.what if act.what in STEPS else 'other'}")
        line = said("alert.story_line", when=said.when(act.at), what=what, who=said(f"alert.by_{act.who}"))
        if act.reason:
            line += f" {said('alert.story_reason', reason=escape(act.reason))}"
        lines.append(line)
    return lines


def _to_do(said: Said, view: AlertView, press: Press) -> list[Element]:
    alert = view.alert
    shown: list[Element] = []
    first: list[Element] = []
    source = {"id": alert.source, "lang": said.texts.lang.value}
    if alert.source and view.may_purge and not view.settled:
        first.append(button(said("alert.button_preview"), Verb.PURGE_PREVIEW, source, style="positive"))
    if not view.settled:
        if alert.state is AlertState.OPEN and view.may_acknowledge:
            first.append(button(said("alert.button_acknowledge"), Verb.ALERT_ACKNOWLEDGE,
                                press(Verb.ALERT_ACKNOWLEDGE)))  # fmt: skip
        if alert.source and view.may_hold:
            first.append(button(said("alert.button_hold"), Verb.HOLD_FORM, source))
        if alert.level < EVERYBODY:
            first.append(button(said("alert.button_escalate"), Verb.ALERT_ESCALATE, press(Verb.ALERT_ESCALATE)))
        if first:
            shown.append(actions(first))
        if not view.may_acknowledge:
            shown.append(subtle(said("alert.needs_dpo")))
        shown += _snooze_form(said, view, press)
    shown.append(actions(_ways_on(said, alert)))
    return shown


def _snooze_form(said: Said, view: AlertView, press: Press) -> list[Element]:
    if view.alert.kind in LASTING:
        return [subtle(said("alert.never_snooze"))]
    if view.days is None:
        return [subtle(said("alert.no_snooze"))]
    least, most = view.days
    return [
        day_field("until", said("alert.snooze_until"), least=least, most=most),
        field("reason", said("alert.snooze_reason"), maxLength=LONGEST_REASON),
        subtle(said("alert.snooze_hint")),
        actions([button(said("alert.button_snooze"), Verb.ALERT_SNOOZE, press(Verb.ALERT_SNOOZE))]),
    ]


def _ways_on(said: Said, alert: Alert) -> list[Element]:
    lang = said.texts.lang.value
    return [
        button(said("alert.button_report"), Verb.DELIVERY_REPORT, {"id": alert.id, "lang": lang}),
        button(said("alert.button_list"), Verb.ALERT_LIST, {"id": "1", "lang": lang}),
        button(said("alert.button_overview"), Verb.RETENTION_SHOW, {"id": "1", "lang": lang}),
    ]


def alert_list_card(
    said: Said, alerts: Sequence[Alert], *, titles: Mapping[str, str], page: int = 1, before: str = ""
) -> Card:
    """List what is not settled, as ordered by the caller, a page at a time, each with a button that opens it."""
    lang = said.texts.lang.value
    body: list[Element] = [text(said(before))] if before else []
    body.append(heading(said("alert.list_title")))
    states = {state: sum(alert.state is state for alert in alerts) for state in AlertState}
    body.append(
        text(
            said(
                "alert.list_count",
                open=said.number(states[AlertState.OPEN]),
                acknowledged=said.number(states[AlertState.ACKNOWLEDGED]),
                snoozed=said.number(states[AlertState.SNOOZED]),
            )
            if alerts
            else said("alert.list_none")
        )
    )
    start = (page - 1) * PAGE
    for alert in alerts[start : start + PAGE]:
        line = said(
            "alert.list_line",
            weight=said(f"alert.weight_{weight_of(alert)}"),
            where=place_of(said, alert, titles.get(alert.source, "")),
            state=said(f"alert.state_{alert.state}"),
        )
        opening = button(said("alert.button_show", number=alert.id), Verb.ALERT_SHOW, {"id": alert.id, "lang": lang})
        title = said("alert.title", number=alert.id, what=said(f"alert.what_{alert.kind}"))
        body.append(container([text(title, weight="Bolder"), subtle(line), actions([opening])], separator=True))
    left = len(alerts) - start - PAGE
    row = [button(said("alert.button_overview"), Verb.RETENTION_SHOW, {"id": "1", "lang": lang})]
    if left > 0:
        body.append(subtle(said("alert.list_more", count=said.number(left))))
        row.insert(0, button(said("alert.button_next"), Verb.ALERT_LIST, {"id": str(page + 1), "lang": lang}))
    body += [actions(row), *standing_in_terms(said)]
    return card(said.texts, body, summary=said("alert.list_title"), banner=said.banner)
