"""The cards of standing rules: a list of all, one with what it does and who still has to agree, and the form."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cards.elements import Card, Element, actions, card, escape, facts, heading, subtle, text
from cards.parts import Said, choice_field, standing_in_terms
from data.access import Role
from data.desk.standing import StandingRule, StandingState
from data.retention.instants import DAY, HOUR, MINUTE, Instant, datetime_of

EVERY = (1, 2, 3, 7, 14, 30)
"""Days between two runs that the form offers."""
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
"""Shares of a source that the form offers, as far as the settings allow them."""
USUAL_RECORDS = 100_000
MOST_ROWS = 40
"""How many sources a list names; more would not fit on a card."""
_ENDED = frozenset({StandingState.STOPPED, StandingState.REJECTED, StandingState.REPLACED})
_TO_KNOW = ("standing.limits", "standing.holds", "standing.switching")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingView:
    """What one card says about a rule besides the rule itself."""

    rule: StandingRule
    now: Instant
    age: int
    """Age from which records are deleted, in microseconds."""
    next_run: Instant | None = None
    problem: str = ""
    """Why the last run came to no purge, in a stable word."""
    stops_with: tuple[Role, ...] = ()
    """Which roles can agree to switching it off."""
    successor: int = 0
    """Number of a newer version that waits for its yeses; 0 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """What the form offers, and what it has filled in."""

    sources: Sequence[str]
    now: Instant
    max_share: float
    """Largest share that the settings allow."""
    source: str = ""
    before: StandingRule | None = None
    """The version in force, whose terms are filled in."""


def standing_card(said: Said, view: StandingView, *, buttons: Iterable[Element] = (), note: str = "") -> Card:
    """Show one rule; `note` is a sentence to say first, on what just became of a press."""
    rule = view.rule
    title, state = said("standing.title", source=escape(rule.source)), said(f"standing.state_{rule.state}")
    body: list[Element] = [text(note, weight="Bolder")] if note else []
    body += [heading(title), subtle(said("standing.version", number=said.number(rule.number)))]
    body += [text(state, weight="Bolder"), *(text(line) for line in _waits(said, view))]
    ended = rule.state in _ENDED
    does = said("standing.does_nothing") if ended else said("standing.does", age=said.days(view.age))
    body += [text(does), facts(_facts(said, view))]
    body += [] if ended else [subtle(said(key)) for key in _TO_KNOW]
    offered = list(buttons)
    if offered:
        body.append(actions(offered))
    body += standing_in_terms(said)
    return card(said.texts, body, summary=f"{title}: {state}", banner=said.banner)


def standing_list_card(
    said: Said, sources: Sequence[str], rules: Sequence[StandingRule], *, buttons: Iterable[Element] = ()
) -> Card:
    """List the sources with their rules, and let one be chosen; `rules` are those that run or wait, by source."""
    title = said("standing.list_title")
    body: list[Element] = [heading(title), text(said("standing.list_intro"))]
    rows = [(escape(source), _row(said, [rule for rule in rules if rule.source == source])) for source in sources]
    body.append(facts(rows[:MOST_ROWS]) if rows else text(said("standing.list_empty")))
    choices = [
        (rule.id, said("standing.list_choice", source=rule.source, number=said.number(rule.number)))
        for rule in rules[:MOST_ROWS]
    ]
    if choices:
        body.append(choice_field("which", said("standing.list_which"), choices, value=choices[0][0]))
    offered = list(buttons)
    if offered:
        body.append(actions(offered))
    body += standing_in_terms(said)
    return card(said.texts, body, summary=title, banner=said.banner)


def standing_form_card(said: Said, view: FormView, *, buttons: Iterable[Element], note: str = "") -> Card:
    """Let somebody choose what a rule may do by itself."""
    title, before = said("standing.form_title"), view.before
    shares = sorted({share for share in SHARES if share <= view.max_share} | {view.max_share})
    share = before.max_share if before and before.max_share in shares else shares[0]
    hours = [(hour * 60, _time(said, hour * 60, view.now)) for hour in range(24)]
    minute = before.at_minute if before and before.at_minute % 60 == 0 else 2 * 60
    sources = [(source, source) for source in view.sources]
    body = [text(note, weight="Bolder")] if note else []
    body += [
        heading(title),
        text(said("standing.form_intro")),
        choice_field("source", said("standing.form_source"), sources, value=view.source or sources[0][0]),
        choice_field(
            "every",
            said("standing.form_every"),
            [(str(days), _every(said, days)) for days in EVERY],
            value=str(before.every_days if before and before.every_days in EVERY else 1),
        ),
        choice_field(
            "minute", said("standing.form_time"), [(str(at), title) for at, title in hours], value=str(minute)
        ),
        choice_field(
            "share", said("standing.form_share"), [(f"{one}", said.share(one)) for one in shares], value=f"{share}"
        ),
        _records_field(said, before.max_records if before else USUAL_RECORDS),
        actions(buttons),
        *standing_in_terms(said),
    ]
    return card(said.texts, body, summary=title, banner=said.banner)


def note_card(said: Said, sentence: str) -> Card:
    """Say one sentence."""
    return card(said.texts, [text(sentence)], summary=sentence, banner=said.banner)


def _records_field(said: Said, value: int) -> Element:
    return {
        "type": "Input.Number",
        "id": "records",
        "label": said("standing.form_records"),
        "min": 1,
        "value": value,
        "isRequired": True,
        "errorMessage": said("standing.form_records_wrong"),
    }


def _waits(said: Said, view: StandingView) -> list[str]:
    state, lines = view.rule.state, []
    if state is StandingState.PROPOSED:
        lines.append(said("standing.waits_proposed"))
    elif state is StandingState.APPROVED:
        lines.append(said("standing.waits_approved"))
    elif state is StandingState.STOPPING:
        names = [said(f"roles.{role}") for role in view.stops_with]
        both = said("standing.or", first=names[0], second=names[-1]) if len(names) > 1 else "".join(names)
        lines.append(said("standing.waits_stopping", roles=both))
    if view.successor:
        lines.append(said("standing.waits_successor", number=said.number(view.successor)))
    return lines


def _facts(said: Said, view: StandingView) -> list[tuple[str, str]]:
    rule = view.rule
    most = said("standing.most", share=said.share(rule.max_share), records=said.number(rule.max_records))
    rows = [
        (said("standing.fact_every"), _every(said, rule.every_days)),
        (said("standing.fact_time"), _time(said, rule.at_minute, view.now)),
        (said("standing.fact_most"), most),
    ]
    if view.next_run is not None:
        due = view.next_run <= view.now
        rows.append((said("standing.fact_next"), said("standing.next_now") if due else said.when(view.next_run)))
    if rule.acknowledged_by:
        last = rule.last_run_at
        rows.append((said("standing.fact_last"), said("standing.last_none") if last is None else said.when(last)))
    if view.problem:
        rows.append((said("standing.fact_problem"), said(f"standing.problem_{view.problem}")))
    return rows


def _row(said: Said, rules: Sequence[StandingRule]) -> str:
    if not rules:
        return said("standing.list_none")
    said_of = [
        said("standing.list_row", state=said(f"standing.state_{rule.state}"), number=said.number(rule.number))
        for rule in rules
    ]
    return said_of[0] if len(said_of) == 1 else said("standing.list_more", first=said_of[0], second=said_of[-1])


def _every(said: Said, days: int) -> str:
    return said("standing.every_day") if days == 1 else said("standing.every_days", days=said.number(days))


def _time(said: Said, minute: int, now: Instant) -> str:
    """Write a time of day in UTC with what the clock on the wall says at it these days."""
    local = datetime_of(now // DAY * DAY + minute * MINUTE).astimezone(said.zone)
    hour, rest = divmod(minute * MINUTE, HOUR)
    return said("standing.time", utc=f"{hour:02}:{rest // MINUTE:02}", local=f"{local:%H:%M}")
