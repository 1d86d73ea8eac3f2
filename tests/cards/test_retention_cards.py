"""The cards of alerts and retention: every kind and cause has its sentences, Teams takes them, colour says nothing."""

import ast
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.alerts import Act, AlertView, alert_card, alert_list_card, likely_cause, place_of, weight_of
from cards.deliveries import Sent, delivery_card
from cards.elements import MAX_CARD_CHARS, Card, visible_text
from cards.parts import Said
from cards.retention import digest_card, looking_card, overview_card
from cards.texts import load_texts
from cards.verbs import Verb
from data.desk.alert import Alert, AlertState
from data.desk.delivery import Delivery, DeliveryState
from data.desk.standing_steps import Problem
from data.labels import Lang
from data.office.digest import Digest, PurgeLine, Witness, digest_of, week_named, worst_first
from data.retention.evidence import Marks
from data.retention.finding import FindingKind
from data.retention.instants import BEGINNING, DAY, HOUR, instant_of
from data.retention.request import PurgeRequest, State
from data.retention.rule import Care, DataKind, RetentionRule
from data.retention.verdict import GOES_ON, Verdict
from data.retention.worst_case import worst_case
from data.sources.interface import UNREADABLE, SourceSummary
from data.watch import SourceStatus, Standing, of_request
from tests.cards.test_rules import (
    elements,
    falls_back_to_submit,
    fits_the_schema,
    has_no_placeholder_left,
    is_small,
    labels_its_buttons,
    opens_https_only,
    says_what_it_is,
    wraps_every_text,
)
from tests.data.purge.lab import NOW as NOW_THEN
from tests.domain import ROOT

ZONE = ZoneInfo("Europe/Berlin")
SAID = {lang: Said(texts=texts, zone=ZONE) for lang, texts in load_texts().items()}
NOW = instant_of(NOW_THEN)
MARKS = Marks(cutoff=NOW - 83 * DAY, limit=NOW - 90 * DAY, now=NOW)


def falls_back(card: Card) -> Iterator[str]:
    """Let older clients submit the same data; a style that is shown with the button is shown there too."""
    plain = json.loads(json.dumps(card))
    for row in (item for item in elements(plain["body"]) if item["type"] == "ActionSet"):
        for button in row["actions"]:
            if button.pop("style", None) != button["fallback"].pop("style", None):
                yield f"another style: {button['title']}"
    yield from falls_back_to_submit(plain)


RULES = (fits_the_schema, says_what_it_is, wraps_every_text, falls_back, opens_https_only, is_small,
         has_no_placeholder_left, labels_its_buttons)  # fmt: skip
TITLES = {f"source-{number}": f"Protokolle des Dienstes Nummer {number} ä" for number in range(60)}
PROBED = ("missing", "denied", "not_a_folder", "link", "not_absolute", "kernel", "own_state", "unreadable")
"""Reasons of a probe and of a failed reading, as data/sources/config.py and data/watch.py give them."""
FAILED = (State.CLOSED_FAILED, State.CLOSED_UNVERIFIED, State.CLOSED_PARTIAL, State.PREVIEW_FAILED)


def press(verb: Verb) -> Mapping[str, str]:
    """Make the data of a sealed button."""
    return {"id": "17", "n": f"abcdefgh.{'x' * 16}", "lang": verb and "de"}


def alert(kind: FindingKind = FindingKind.OVERDUE, **changes: Any) -> Alert:
    """Make an alert of a source."""
    made = Alert(
        id="17",
        kind=kind,
        about="app-logs",
        source="app-logs",
        data_kind="log",
        count=1234,
        since=NOW - 80 * DAY,
        limit=NOW + 10 * DAY,
        opened_at=NOW - 3 * DAY,
        changed_at=NOW - DAY,
    )
    return dataclasses.replace(made, **changes)


def view(shown: Alert, **changes: Any) -> AlertView:
    """Look at an alert as an admin does."""
    acts = (
        Act(what="opened", at=NOW - 3 * DAY, who="system"),
        Act(what="escalated", at=NOW - 2 * DAY, who="system"),
        Act(what="snoozed", at=NOW - DAY, who="dpo", reason="Wartet auf *IT* [hier](http://x)"),
    )
    made = AlertView(
        alert=shown, now=NOW, place="App logs", acts=acts, may_purge=True, may_hold=True,
        days=("2026-12-21", "2026-12-24"),
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def problems(card: Card) -> list[str]:
    """List what a card does against the rules; a chart is judged by what stands in for it, and by what it may hold."""
    plain = without_charts(card)
    assert isinstance(plain, dict)
    found = [problem for rule in RULES for problem in rule(plain)]
    found += list(is_small(card))
    fields = {item["id"]: item for item in elements(plain["body"]) if item["type"].startswith("Input.")}
    found += [f"no label: {name}" for name, item in fields.items() if not item.get("label")]
    for item in of_type(plain, "ActionSet"):
        for button in item["actions"]:
            if button["data"].keys() not in ({"id", "lang"}, {"id", "n", "lang"}):
                found.append(f"data holds {sorted(button['data'])}")
    return found


def without_charts(value: Any) -> Any:
    """Give a card as a client shows it that knows no charts."""
    if isinstance(value, Mapping):
        if str(value.get("type", "")).startswith("Chart."):
            return without_charts(value["fallback"])
        return {key: without_charts(inner) for key, inner in value.items()}
    return [without_charts(inner) for inner in value] if isinstance(value, list) else value


def of_type(card: Card, kind: str) -> list[Mapping[str, Any]]:
    """List the elements of one type."""
    return [item for item in elements(card["body"]) if item["type"] == kind]


def verbs(card: Card) -> list[str]:
    """List the verbs of all buttons, in order."""
    return [button["verb"] for row in of_type(card, "ActionSet") for button in row["actions"]]


# -- alerts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("kind", FindingKind)
def test_every_kind_of_finding_has_its_card(kind: FindingKind, lang: Lang) -> None:
    """Each of the kinds says what it is, its likely cause, what clause 2.7 means for it, and what can be done."""
    said = SAID[lang]
    for state in AlertState:
        for personal in (True, False):
            shown = alert_card(said, view(alert(kind, state=state), personal=personal, twice=True), press)
            assert problems(shown) == []
            seen = visible_text(shown)
            assert said(f"alert.what_{kind}") in seen
            assert said(f"alert.means_{kind}") in seen
            assert said("alert.title", number="17", what=said(f"alert.what_{kind}")) in seen
            assert said("terms.whose") in seen
            assert (said(f"alert.why_{kind}") in seen) == personal
            assert (said(f"alert.do_{kind}") in seen) == (personal and state is not AlertState.RESOLVED)


def test_kinds_do_not_share_their_sentences() -> None:
    """What an alert is, means, and asks for is said in the words of its own kind."""
    for said in SAID.values():
        for part in ("what", "means", "do"):
            assert len({said(f"alert.{part}_{kind}") for kind in FindingKind}) == len(FindingKind)


def causes() -> Iterator[tuple[FindingKind, str]]:
    """List every kind with each stable word that the watch gives as its cause."""
    yield from ((FindingKind.UNREADABLE, reason) for reason in (*PROBED, "skipped", "memory_of_purges", "not_looked"))
    yield FindingKind.AUDIT_BROKEN, "not_recorded"
    yield from ((FindingKind.OVERDUE, word) for word in ("active", "not_purged"))
    yield FindingKind.DEAD, "archive_or_dead_service"
    yield FindingKind.UNDATABLE, "no_stamp"
    yield FindingKind.FUTURE, "wrong_clock"
    yield FindingKind.UNPARSED, "unknown_format"
    yield FindingKind.HELD_PAST_LIMIT, "hold"
    yield FindingKind.LATE, "late_shipper"
    yield FindingKind.RESURRECTED, "restore"
    yield from ((FindingKind.PURGE_FAILED, state.value) for state in FAILED)
    yield from ((FindingKind.RELEASE_LATE, verdict.lower()) for verdict in sorted(GOES_ON))
    parts = worst_case(RetentionRule(data_kind=DataKind.LOG), Care(), interval=DAY, bucket_span=0).parts
    yield from ((FindingKind.TOO_OLD_AT_WORST, name) for name in parts)


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize(("kind", "cause"), sorted(causes()))
def test_every_cause_of_the_watch_has_its_sentence(kind: FindingKind, cause: str, lang: Lang) -> None:
    """A cause is said in a sentence of its own, not with the general one of the kind."""
    said = SAID[lang]
    shown = alert_card(said, view(alert(kind, cause=cause)), press)
    assert said(f"alert.cause_{cause}") in visible_text(shown)
    assert problems(shown) == []


def test_no_cause_of_the_watch_is_forgotten_here() -> None:
    """Every word that stands in data/watch.py as a cause is one of those tried above."""
    tree = ast.parse((ROOT / "data/watch.py").read_text(encoding="utf-8"))
    given_ = {
        word.value
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "cause"
        for word in ast.walk(node.value)
        if isinstance(word, ast.Constant)
    }
    counted = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "findings_of")
    table = next(node for node in ast.walk(counted) if isinstance(node, ast.Dict))
    given_ |= {
        word.value
        for row in table.values
        for word in ast.walk(row)
        if isinstance(word, ast.Constant) and isinstance(word.value, str) and word.value
    }
    known = {cause for _, cause in causes()}
    assert len(given_) >= 10, "the positive control"
    assert given_ - known == set()
    made = of_request(_request(State.CLOSED_FAILED))
    assert {finding.cause for finding in made} <= known


def _request(state: State) -> PurgeRequest:
    return PurgeRequest(
        id="id-1", source="app-logs", data_kind=DataKind.LOG, state=state, requester="p-1", created_at=NOW
    )


@pytest.mark.parametrize("lang", Lang)
def test_an_unforeseen_cause_gets_the_general_sentence(lang: Lang) -> None:
    """A word that nobody has foreseen, or one that comes from outside, is not shown."""
    for kind in FindingKind:
        assert likely_cause(SAID[lang], kind, "logrotate d/app <b> rotate") == SAID[lang](f"alert.why_{kind}")
    assert likely_cause(SAID[lang], FindingKind.CLOCK_BLOCKED, "jumped") == SAID[lang]("refused.jumped")
    assert likely_cause(SAID[lang], FindingKind.NOT_DELIVERED, "gone") == SAID[lang]("delivery.error_gone")


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("problem", Problem)
def test_every_problem_of_a_standing_rule_is_said(problem: Problem, lang: Lang) -> None:
    """What kept a standing rule from purging stands on the card of its alert."""
    said = SAID[lang]
    seen = visible_text(alert_card(said, view(alert(FindingKind.STANDING_BLOCKED, cause=problem)), press))
    assert said("alert.why_problem", problem=said(f"standing.problem_{problem}")) in seen


@pytest.mark.parametrize("lang", Lang)
def test_settings_that_could_not_be_read_are_no_figure(lang: Lang) -> None:
    """Where a system's own retention could not be read, no number of days is shown; where it could, there is one."""
    said = SAID[lang]
    known = visible_text(alert_card(said, view(alert(FindingKind.DRIFTING, count=120, cause="app rotate")), press))
    unread = visible_text(alert_card(said, view(alert(FindingKind.DRIFTING, count=1, cause=UNREADABLE)), press))
    assert f"{said('alert.counted_days')}: 120" in known
    assert "app rotate" not in known
    assert said("alert.counted_days") not in unread
    assert said("alert.why_settings_unread") in unread


@pytest.mark.parametrize("lang", Lang)
def test_the_last_moment_to_begin_is_said_while_it_is_ahead(lang: Lang) -> None:
    """The countdown goes to the start of the purge: that moment stands on the card until it has passed."""
    said = SAID[lang]
    for ahead in (True, False):
        start = NOW + (HOUR if ahead else -HOUR)
        seen = visible_text(alert_card(said, view(alert(FindingKind.DUE, start_by=start)), press))
        assert (f"{said('alert.row_start_by')}: {said.when(start)}" in seen) == ahead


def test_the_archive_option_is_named_as_a_possibility() -> None:
    """The option of the UCServer is a likely cause beside another, never a fact."""
    for lang, words in ((Lang.DE, ("kann", "Möglich ist auch")), (Lang.EN, ("may be", "just as possible"))):
        sentence = SAID[lang]("alert.cause_archive_or_dead_service")
        assert "UCServer" in sentence
        assert all(word in sentence for word in words)


@pytest.mark.parametrize("lang", Lang)
def test_over_deletion_is_an_incident_with_careful_words(lang: Lang) -> None:
    """Lost young data is an incident: whether it must be notified under Art. 33 GDPR is for the controller to say."""
    said = SAID[lang]
    shown = alert_card(said, view(alert(FindingKind.OVER_DELETION, cause="")), press)
    seen = visible_text(shown)
    assert shown["body"][0]["style"] == "attention"
    assert said("alert.weight_incident") in seen
    assert "Art. 33" in seen
    assert {Lang.DE: "Verantwortliche", Lang.EN: "controller"}[lang] in seen
    assert {Lang.DE: "muss gemeldet werden", Lang.EN: "must be notified to"}[lang] not in seen
    assert said("alert.never_snooze") in seen
    assert Verb.ALERT_SNOOZE not in verbs(shown)


@pytest.mark.parametrize("lang", Lang)
def test_days_left_are_said_on_both_sides_of_the_limit(lang: Lang) -> None:
    """The limit says how many days are left, or by how many it has passed; never nought days."""
    said = SAID[lang]
    for away, key in ((10 * DAY, "limit_left"), (HOUR, "limit_today"), (-HOUR, "limit_just_passed"),
                      (-10 * DAY, "limit_passed")):  # fmt: skip
        values = {"when": said.when(NOW + away)} | ({"days": said.days(10 * DAY)} if abs(away) > DAY else {})
        shown = alert_card(said, view(alert(limit=NOW + away)), press)
        assert said(f"alert.{key}", **values) in visible_text(shown)


def test_what_is_offered_follows_role_and_state() -> None:
    """Only who may purge is offered a preview; a settled alert offers nothing to do; an acknowledged one no second."""
    whole = {Verb.PURGE_PREVIEW, Verb.ALERT_ACKNOWLEDGE, Verb.HOLD_FORM, Verb.ALERT_ESCALATE, Verb.ALERT_SNOOZE}
    said = SAID[Lang.EN]
    offered = {name: set(verbs(alert_card(said, shown, press))) for name, shown in {
        "admin": view(alert()),
        "dpo": view(alert(), may_purge=False),
        "settled": view(alert(state=AlertState.RESOLVED)),
        "seen": view(alert(state=AlertState.ACKNOWLEDGED)),
        "asleep": view(alert(state=AlertState.SNOOZED)),
        "known to all": view(alert(level=2)),
        "too near": view(alert(), days=None),
        "channel": view(alert(), personal=False),
        "request": view(alert(FindingKind.PURGE_FAILED, source="", about="id-1")),
    }.items()}  # fmt: skip
    assert whole <= offered["admin"]
    assert offered["dpo"] == offered["admin"] - {Verb.PURGE_PREVIEW}
    assert offered["settled"] & whole == set()
    assert offered["seen"] == offered["admin"] - {Verb.ALERT_ACKNOWLEDGE}
    assert offered["asleep"] == offered["admin"] - {Verb.ALERT_ACKNOWLEDGE}
    assert offered["known to all"] == offered["admin"] - {Verb.ALERT_ESCALATE}
    assert offered["too near"] == offered["admin"] - {Verb.ALERT_SNOOZE}
    assert offered["channel"] == set()
    assert offered["request"] == offered["admin"] - {Verb.PURGE_PREVIEW, Verb.HOLD_FORM}


@pytest.mark.parametrize("lang", Lang)
def test_a_channel_sees_counts_and_kinds_only(lang: Lang) -> None:
    """In a channel there is no source, no person's role, no reason; number, kind, count and limit are there."""
    said = SAID[lang]
    seen = visible_text(alert_card(said, view(alert(), personal=False), press))
    for hidden in ("App logs", "app-logs", said("alert.by_dpo"), "Wartet"):
        assert hidden not in seen
    for shown in ("17", said("kinds.log"), said.number(1234), said("alert.channel")):
        assert shown in seen
    assert "App logs" in visible_text(alert_card(said, view(alert()), press)), "the positive control"


def test_the_story_is_short_and_names_roles_only() -> None:
    """A long story keeps its beginning and its end; a typed reason stays text."""
    said = SAID[Lang.EN]
    acts = (
        Act(what="opened", at=NOW - 40 * DAY, who="system"),
        *(Act(what="reminded", at=NOW - day * DAY, who="system") for day in range(39, 2, -1)),
        Act(what="snoozed", at=NOW - DAY, who="dpo", reason="[x](http://evil) <at>all</at>"),
        Act(what="something_new", at=NOW, who="nobody"),
    )
    seen = visible_text(alert_card(said, view(alert(), acts=acts), press))
    assert seen.count(said("alert.step_reminded")) == 3
    assert said("alert.step_opened") in seen
    assert said("alert.step_other") in seen
    assert said("alert.by_nobody") in seen
    assert "(http" not in seen.replace("\\(", "")
    assert "<at>" not in seen


@given(title=st.text(min_size=1, max_size=300), kind=st.sampled_from(FindingKind))
def test_a_title_from_outside_stays_text(title: str, kind: FindingKind) -> None:
    """Whatever a source is called, it makes no link, no mention and no second line."""
    shown = place_of(SAID[Lang.EN], alert(kind), title)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)[<\[\]*_`]", shown)


@pytest.mark.parametrize("lang", Lang)
def test_lists_are_paged(lang: Lang) -> None:
    """However many alerts there are, a card shows ten and says how many more; the last page leads no further."""
    alerts = [alert(id=str(number), source=f"source-{number}") for number in range(1, 36)]
    for page, more in ((1, 25), (3, 5), (4, 0)):
        shown = alert_list_card(SAID[lang], alerts, titles=TITLES, page=page)
        assert problems(shown) == []
        assert verbs(shown).count(Verb.ALERT_SHOW) == (10 if more else 5)
        assert (SAID[lang]("alert.list_more", count=str(more)) in visible_text(shown)) == bool(more)
    assert SAID[lang]("alert.list_none") in visible_text(alert_list_card(SAID[lang], [], titles={}))


# -- deliveries -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", Lang)
def test_a_report_says_for_each_recipient_what_became_of_it(lang: Lang) -> None:
    """Role, state, attempts and reason stand there; a doubtful copy is said; nobody's pseudonym is shown."""
    said = SAID[lang]

    def sent(number: int, to: str, **changes: Any) -> Sent:
        made = Delivery(id=f"alert/17@p-{number}", subject="alert/17", recipient=f"p-{number}", urgent=True, post="1",
                        shown="1")  # fmt: skip
        return Sent(delivery=dataclasses.replace(made, **changes), to=to, number=number)

    all_of_them = [
        sent(1, "dpo", state=DeliveryState.SENT, sent_at=NOW, maybe_twice=True),
        sent(2, "dpo", state=DeliveryState.DEAD, attempts=3, error="gone"),
        sent(1, "admin", state=DeliveryState.WAITING, attempts=1, error="never [heard](x)"),
        sent(1, "channel_dpo", state=DeliveryState.SENDING),
        sent(1, "channel_admin"),
        sent(1, "other"),
    ]
    shown = delivery_card(said, all_of_them, number="17")
    seen = visible_text(shown)
    assert problems(shown) == []
    assert said("delivery.error_gone") in seen
    assert said("delivery.twice") in seen
    assert said("delivery.honest") in seen
    assert "p-1" not in json.dumps(shown)
    for state in DeliveryState:
        assert said(f"delivery.state_{state}") in seen
    dead = delivery_card(said, all_of_them[1:2])
    assert said("delivery.about_alert", id="17") in visible_text(dead)
    assert said("delivery.none") in visible_text(delivery_card(said, [], number="17"))
    assert said("delivery.none_dead") in visible_text(delivery_card(said, []))
    assert problems(delivery_card(said, all_of_them * 20, number="17")) == []


# -- overview ---------------------------------------------------------------------------------------------------------


def status(number: int, standing: Standing = Standing.OVERDUE, *, age: float = 95, **changes: Any) -> SourceStatus:
    """Make what a look at one source found."""
    rule = RetentionRule(data_kind=DataKind.LOG)
    made = SourceStatus(
        source=f"source-{number}",
        standing=standing,
        summary=SourceSummary(units=3, records=10**7, oldest=NOW - round(age * DAY), newest=NOW,
                              expired_records=10**6, overdue_records=10**5),
        held=7,
        marks=MARKS,
        max_age=90 * DAY,
        worst=worst_case(rule, Care(), interval=DAY, bucket_span=0),
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def overview(lang: Lang, statuses: list[SourceStatus], *, page: int = 1, may_purge: bool = True) -> Card:
    """Make an overview."""
    kinds = {one.source: "stack_trace" for one in statuses}
    return overview_card(
        SAID[lang], worst_first(statuses), at=NOW, titles=TITLES, kinds=kinds, may_purge=may_purge, page=page
    )


@pytest.mark.parametrize("lang", Lang)
def test_fifty_sources_fit(lang: Lang) -> None:
    """Of fifty sources with long titles a card shows the ten worst, stays below 28 KB, and says how many follow."""
    statuses = [status(number, age=40 + number) for number in range(50)]
    shown = overview(lang, statuses)
    assert len(json.dumps(shown, ensure_ascii=False)) < MAX_CARD_CHARS
    assert problems(shown) == []
    assert verbs(shown).count(Verb.PURGE_PREVIEW) == 10
    seen = visible_text(shown)
    assert SAID[lang]("retention.more", shown="10", total="50", count="40") in seen
    assert "49" in seen
    assert "Nummer 39 " not in seen
    last = overview(lang, statuses, page=5)
    assert SAID[lang]("retention.last_page", shown="10", total="50") in visible_text(last)
    assert overview(lang, statuses, page=99) == last, "a page that is not there is the last"


@pytest.mark.parametrize("lang", Lang)
def test_the_state_of_a_source_is_said_in_words(lang: Lang) -> None:
    """Each state has its word beside its colour, and only admins are offered a preview."""
    statuses = [status(number, standing) for number, standing in enumerate(Standing)]
    shown = overview(lang, statuses, may_purge=False)
    for standing in Standing:
        assert SAID[lang](f"retention.standing_{standing}") in visible_text(shown)
    assert Verb.PURGE_PREVIEW not in verbs(shown)
    assert problems(shown) == []


@pytest.mark.parametrize("lang", Lang)
def test_what_is_not_known_is_not_said_to_be_fine(lang: Lang) -> None:
    """An empty source, one that cannot be read, and one with undatable data are told apart."""
    empty = status(1, Standing.OK, summary=SourceSummary())
    blind = status(2, Standing.UNKNOWN, summary=SourceSummary(), reason="denied")
    dateless = status(3, Standing.UNKNOWN, summary=SourceSummary(units=1, oldest=BEGINNING))
    for one, key in ((empty, "left_none"), (blind, "left_unknown"), (dateless, "left_unknown")):
        seen = visible_text(overview(lang, [one]))
        assert f"{SAID[lang]('retention.row_left')}: {SAID[lang](f'retention.{key}')}" in seen


def test_looking_and_nothing_are_cards_too() -> None:
    """Before the first look, and without any source, the card says so."""
    for lang, said in SAID.items():
        assert problems(looking_card(said)) == []
        assert said("retention.none") in visible_text(overview(lang, []))


# -- the weekly report ------------------------------------------------------------------------------------------------

WEEK = week_named("2026-W51", ZONE)
WITNESS = Witness(seq=123456, at=NOW, head="0123456789abcdef")


def report(statuses: list[SourceStatus], **changes: Any) -> Digest:
    """Make a report of the week."""
    assert WEEK is not None
    return dataclasses.replace(digest_of(statuses, (), (), (), (), WEEK, now=NOW), **changes)


@pytest.mark.parametrize("lang", Lang)
def test_the_chart_has_a_table_in_its_place(lang: Lang) -> None:
    """Where a client draws no chart the same bars stand in a table, and the numbers are text in any case."""
    statuses = [status(number, Standing.DUE, age=10 + number) for number in range(12)]
    shown = digest_card(SAID[lang], report(statuses), WITNESS, titles=TITLES)
    assert problems(shown) == []
    chart = next(item for item in shown["body"] if item["type"] == "Chart.HorizontalBar")
    table = next(item for item in chart["fallback"]["items"] if item["type"] == "FactSet")
    assert [bar["y"] for bar in chart["data"]] == [int(row["value"].split()[0]) for row in table["facts"]]
    assert [bar["y"] for bar in chart["data"]] == list(range(21, 11, -1))
    assert all(SAID[lang]("retention.standing_due") in bar["x"] for bar in chart["data"])
    assert all("color" not in bar for bar in chart["data"])
    assert SAID[lang]("digest.more_sources", count="2") in visible_text(shown)
    assert SAID[lang]("retention.left", days=SAID[lang].days(69 * DAY)) in visible_text(shown)


@pytest.mark.parametrize("lang", Lang)
def test_a_calm_week_says_so_and_a_busy_one_says_why(lang: Lang) -> None:
    """Calm is said only where nothing needs a look; otherwise everything that does is named with its number."""
    said = SAID[lang]
    fine = status(1, Standing.OK, age=10)
    calm = visible_text(digest_card(said, report([fine]), WITNESS, titles={}))
    assert said("digest.calm") in calm
    for changed, word in (
        (report([status(1)]), "overdue"),
        (report([status(1, Standing.UNKNOWN)]), "unknown"),
        (report([fine], alerts={AlertState.OPEN: 1}), "alerts"),
        (report([fine], review=1), "holds"),
        (report([fine], dead=1), "deliveries"),
        (report([fine], purges=(_purge(Verdict.FAIL, "report"),)), "purges"),
        (report([fine], purges=(_purge(Verdict.PASS, "missing"),)), "certificates"),
    ):
        shown = digest_card(said, changed, WITNESS, titles={})
        assert said("digest.calm") not in visible_text(shown)
        assert said(f"digest.busy_{word}", count="1") in visible_text(shown)
        assert problems(shown) == []
    unlooked = visible_text(digest_card(said, report([]), WITNESS, titles={}))
    assert said("digest.calm") not in unlooked
    assert said("digest.unlooked") in unlooked


def _purge(verdict: Verdict, document: str, number: int = 1) -> PurgeLine:
    return PurgeLine(request=f"id-{number}", source=f"source-{number}", at=NOW, verdict=verdict, records=5,
                     in_time=verdict is Verdict.PASS, document=document)  # fmt: skip


@pytest.mark.parametrize("lang", Lang)
def test_every_verdict_and_document_is_said(lang: Lang) -> None:
    """Purges show their verdict and what was issued; more than fit are counted; a late one says so."""
    said = SAID[lang]
    documents = {Verdict.PASS: "issued", Verdict.PENDING: "provisional", Verdict.FAIL: "report",
                 Verdict.UNKNOWN: "report"}  # fmt: skip
    lines = tuple(_purge(verdict, document, number) for number, (verdict, document) in enumerate(documents.items()))
    seen = visible_text(digest_card(said, report([], purges=lines), WITNESS, titles={}))
    for verdict, document in documents.items():
        assert said(f"digest.verdict_{verdict.lower()}") in seen
        assert said(f"digest.certificate_{document}") in seen
    assert said("digest.purge_late") in seen
    assert said("digest.certificates", count="2", due="2", provisional="1") in seen
    many = digest_card(said, report([], purges=lines * 5), WITNESS, titles={})
    assert said("digest.more_purges", count="12") in visible_text(many)


@pytest.mark.parametrize("lang", Lang)
def test_the_report_carries_the_head_of_the_audit(lang: Lang) -> None:
    """Number, time and short hash of the newest entry stand there, and why they should be kept; in a channel too."""
    for personal in (True, False):
        shown = digest_card(SAID[lang], report([status(1)]), WITNESS, titles=TITLES, personal=personal)
        seen = visible_text(shown)
        assert "0123 4567 89ab cdef" in seen
        assert SAID[lang].number(123456) in seen
        assert SAID[lang].when(NOW) in seen
        assert SAID[lang]("digest.witness_why") in seen
        assert (TITLES["source-1"] in json.dumps(shown, ensure_ascii=False)) == personal
        assert bool(verbs(shown)) == personal


@pytest.mark.parametrize("lang", Lang)
def test_a_large_report_fits(lang: Lang) -> None:
    """Fifty sources and fifty purges stay below 28 KB."""
    statuses = [status(number) for number in range(50)]
    purges = tuple(_purge(Verdict.UNKNOWN, "report", number) for number in range(50))
    shown = digest_card(SAID[lang], report(statuses, purges=purges), WITNESS, titles=TITLES)
    assert problems(shown) == []


def test_a_share_is_never_rounded_up_to_all() -> None:
    """199 of 200 sources in time are 99 per cent; 200 of 200 are 100."""
    many = [status(number, Standing.OK, age=1) for number in range(199)]
    said = SAID[Lang.EN]
    nearly = visible_text(digest_card(said, report([*many, status(300)]), WITNESS, titles={}))
    assert said("digest.on_time", count="199", total="200", share="99%") in nearly
    wholly = visible_text(digest_card(said, report([*many, status(300, Standing.OK)]), WITNESS, titles={}))
    assert said("digest.on_time", count="200", total="200", share="100%") in wholly


@pytest.mark.parametrize("lang", Lang)
def test_colour_is_never_the_only_signal(lang: Lang) -> None:
    """Whatever is coloured begins with words that say the same."""
    said = SAID[lang]
    for kind in FindingKind:
        shown = alert_card(said, view(alert(kind)), press)
        coloured = shown["body"][0]
        assert coloured["items"][0]["text"] == said(f"alert.weight_{weight_of(alert(kind))}")
        texts = [item for item in elements(shown["body"]) if item["type"] == "TextBlock"]
        assert all("color" not in item for item in texts)
