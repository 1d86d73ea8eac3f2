"""The cards of purges: complete in every state and both languages, small enough at any size, silent on people."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cards.elements import MAX_CARD_CHARS, Card, visible_text
from cards.parts import Said
from cards.purge import RequestView, request_card
from cards.purge_lists import PAGE, Page, SourceRow, list_card, menu_card
from cards.purge_parts import CHANGES
from cards.texts import load_texts
from cards.verbs import Verb
from data.labels import Lang
from data.retention.evidence import Marks
from data.retention.instants import BEGINNING, DAY, instant_of
from data.retention.request import CLOSED, Approval, Gone, Kept, Preview, PurgeRequest, Selected, State, Step
from data.retention.residue import DONE, Code
from data.retention.rule import DataKind
from data.retention.verdict import Verdict
from data.retention.worst_case import WorstCase
from data.sources.interface import SourceSummary
from data.watch import SourceStatus, Standing
from tests.data.purge.lab import NOW

HUGE = 10**18
AT = instant_of(NOW)
DIGEST = "f" * 64
TEXTS = load_texts()
SAID = {lang: Said(texts=TEXTS[lang], zone=ZoneInfo("Europe/Berlin"), banner=True) for lang in Lang}
EVERY_CODE = {code.value: HUGE for code in Code}
SEALED = (Verb.PURGE_CONFIRM, Verb.PURGE_APPROVE, Verb.PURGE_REJECT, Verb.PURGE_REVOKE, Verb.PURGE_WITHDRAW,
          Verb.PURGE_CANCEL)  # fmt: skip


def request(state: State, **fields: Any) -> PurgeRequest:
    """Make a request whose every number is enormous and whose every text is as long as it can be."""
    verdict = Verdict.PASS.value if state in {State.CLOSED_CLEAN, State.PENDING_PHYSICAL} else ""
    made = PurgeRequest(
        id="a" * 40,
        source="s" * 40,
        data_kind=DataKind.STACK_TRACE,
        state=state,
        requester="p-1",
        created_at=AT,
        cutoff=AT - 83 * DAY,
        expires_at=AT + DAY,
        digest=DIGEST,
        preview=Preview(
            selected=Selected(units=HUGE, records=HUGE, bytes=HUGE, oldest=BEGINNING + DAY, youngest=AT),
            rewritten_units=HUGE - 1,
            kept=Kept(
                units=HUGE,
                records=HUGE,
                bytes=HUGE,
                oldest=AT,
                held=HUGE,
                active=HUGE,
                future=HUGE,
                undatable=HUGE,
                unparsed=HUGE,
            ),
            residue=EVERY_CODE,
            confidence=0.123,
        ),
        confirmed_by="p-1",
        approvals=(Approval(by="p-2", at=AT, digest=DIGEST),),
        break_glass=True,
        cooling_until=AT + DAY,
        results=EVERY_CODE,
        gone=Gone(records=HUGE, bytes=HUGE),
        lost=HUGE,
        verdict=verdict,
        certificate="c" * 200,
        story=(Step(state=state, at=AT, by="p-3", reason="*" * 500),),
    )
    return replace(made, **fields)


def view(state: State, **fields: Any) -> RequestView:
    """Make a view in which everything is offered and everything is said."""
    closed = state in CLOSED | {State.PENDING_PHYSICAL}
    shown = RequestView(
        request=request(state, verdict=Verdict.FAIL.value if closed else ""),
        offers=(*SEALED, Verb.PURGE_SHOW, Verb.PURGE_PREVIEW),
        asked=True,
        needed=5,
        max_share=0.1,
        worst=HUGE,
        doing=("execute", HUGE - 1, HUGE),
        links={},
    )
    return replace(shown, **fields)


def press(_verb: Verb) -> Mapping[str, Any]:
    """Give the data of a button, as long as it can be."""
    return {"id": "a" * 60, "n": "b" * 25, "lang": "de"}


def chars(card: Card) -> int:
    """Count the characters of a card as it is sent."""
    return len(json.dumps(card, ensure_ascii=False).encode("utf-16-le")) // 2


def walk(value: Any) -> Iterator[Mapping[str, Any]]:
    """Walk through every object of a card."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def complete(card: Card, lang: Lang) -> None:
    """Hold a card against what every card of a purge must be."""
    assert (card["type"], card["version"], card["lang"]) == ("AdaptiveCard", "1.5", lang)
    assert card["fallbackText"].strip()
    assert chars(card) < MAX_CARD_CHARS
    text = visible_text(card)
    assert not re.search(r"(?<!\\)[{}]", text + card["fallbackText"])
    for element in walk(card):
        if str(element.get("type", "")).startswith("Input."):
            assert element["label"].strip()
        if element.get("type") == "TextBlock":
            assert element["wrap"] is True
            assert element["text"].strip()
        if element.get("type") == "Action.Execute":
            assert set(element["data"]) <= {"id", "n", "lang"}
            assert element["fallback"]["data"] == {"verb": element["verb"], **element["data"]}
        if element.get("type") == "ActionSet":
            assert element["actions"]
        if "facts" in element:
            assert all(row["title"].strip() and row["value"].strip() for row in element["facts"])


def ends_with_the_terms(card: Card, lang: Lang) -> None:
    """Expect the standing in the terms as the last two paragraphs."""
    last = [element["text"] for element in card["body"][-2:]]
    assert "2.7" in last[0]
    assert "estos" in last[1]
    assert ("Anrufjournal" if lang is Lang.DE else "call journal") in last[1]


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("state", State)
def test_every_state_makes_a_whole_card_at_any_size(state: State, lang: Lang) -> None:
    """With the largest numbers and longest texts each state's card fits, is labelled, and ends with the terms."""
    for links in ({}, {"pdf": "https://bot.example/" + "x" * 400, "json": "https://bot.example/" + "y" * 400}):
        card = request_card(SAID[lang], view(state, links=links), press, note="n" * 300)
        complete(card, lang)
        ends_with_the_terms(card, lang)
        assert SAID[lang](f"purging.state_{state}") in visible_text(card)


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("state", State)
def test_every_state_makes_a_whole_card_of_nothing(state: State, lang: Lang) -> None:
    """A request without any figures yet, and without a story, is shown as well."""
    bare = PurgeRequest(id="r", source="s", data_kind=DataKind.LOG, state=state, requester="p-1", created_at=0)
    card = request_card(SAID[lang], RequestView(request=bare), press)
    complete(card, lang)
    ends_with_the_terms(card, lang)


@pytest.mark.parametrize("lang", Lang)
def test_every_word_of_a_reason_to_overtake_is_said(lang: Lang) -> None:
    """Whatever made a preview worthless is named; a word nobody knows becomes a general one."""
    told = set()
    for reason in (*CHANGES, "what-else"):
        story = (Step(state=State.SUPERSEDED, at=AT, by="system", reason=reason),)
        shown = view(State.SUPERSEDED, request=request(State.SUPERSEDED, story=story))
        told.add(visible_text(request_card(SAID[lang], shown, press)))
    assert len(told) == len(CHANGES) + 1


@pytest.mark.parametrize("lang", Lang)
def test_each_rest_has_its_count_and_its_next_step(lang: Lang) -> None:
    """Behind each kind of rest stands who could do what about it; behind what is done stands nothing but its count."""
    text = visible_text(request_card(SAID[lang], view(State.CLOSED_PARTIAL), press))
    for code in set(Code) - DONE:
        assert SAID[lang](f"certificate.next_{code}") in text
    for code in DONE:
        assert f"{SAID[lang](f'purging.done_{code}')}: {SAID[lang].number(HUGE)}" in text


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("verdict", Verdict)
def test_only_a_verified_purge_has_a_proof(lang: Lang, verdict: Verdict) -> None:
    """After PASS and PENDING the document is called a proof, after FAIL and UNKNOWN a report, as link and as text."""
    closed = view(State.CLOSED_CLEAN, request=request(State.CLOSED_CLEAN, verdict=verdict.value))
    linked = json.dumps(request_card(SAID[lang], replace(closed, links={"pdf": "https://x.example"}), press))
    text = visible_text(request_card(SAID[lang], closed, press))
    proves = verdict in {Verdict.PASS, Verdict.PENDING}
    assert (json.dumps(SAID[lang]("purging.proof_pdf"))[1:-1] in linked) is proves
    assert (f"\n{SAID[lang]('purging.proof_title')}\n" in text) is proves
    assert (f"\n{SAID[lang]('purging.report_title')}\n" in text) is not proves


@pytest.mark.parametrize("lang", Lang)
def test_the_code_is_shown_to_those_who_need_it(lang: Lang) -> None:
    """Requester and approvers see the code of the scope, nobody else does; after the decision nobody does."""
    code = request(State.PREVIEWED).code
    for state, own, asked, seen in (
        (State.PREVIEWED, True, False, True),
        (State.PREVIEWED, False, False, False),
        (State.AWAITING_SECOND, False, True, True),
        (State.AWAITING_SECOND, False, False, False),
        (State.COOLING, True, False, False),
    ):
        text = visible_text(request_card(SAID[lang], view(state, own=own, asked=asked, max_share=1.0), press))
        assert (code in text) is seen, (state, own, asked)


@pytest.mark.parametrize("lang", Lang)
def test_what_cannot_be_confirmed_shows_no_code_and_asks_for_none(lang: Lang) -> None:
    """A preview that takes too much, or nothing, asks nobody for a code; one within bounds does."""
    said, asked = SAID[lang], request(State.PREVIEWED)
    for shown, wanted in (
        (view(State.PREVIEWED, own=True, max_share=1.0), True),
        (view(State.PREVIEWED, own=True, max_share=0.1), False),
        (view(State.PREVIEWED, own=True, max_share=1.0, request=replace(asked, preview=Preview())), False),
    ):
        text = visible_text(request_card(said, shown, press))
        assert (asked.code in text) is wanted
        assert (said("purging.own_previewed") in text) is wanted


@given(done=st.integers(0, HUGE), total=st.integers(0, HUGE), phase=st.sampled_from(["preview", "execute", "verify"]))
@settings(deadline=None, max_examples=200)
@example(done=2**54 - 1, total=2**54, phase="execute")
def test_progress_is_never_more_than_it_is(done: int, total: int, phase: str) -> None:
    """The bar is never full before the work is done, always twenty cells wide, and promises no time."""
    for lang in Lang:
        text = visible_text(request_card(SAID[lang], view(State.EXECUTING, doing=(phase, done, total)), press))
        bars = re.findall(r"[█░]+", text)
        assert [len(bar) for bar in bars] == ([20] if total else [])
        assert not (
            total and done < total and "100" + ("\u00a0%" if lang is Lang.DE else "%") in text.split("█")[0][-80:]
        )
        if total and done < total:
            assert "░" in bars[0]


def status(source: str, **fields: Any) -> SourceStatus:
    """Make what the last look saw of a source."""
    return SourceStatus(
        source=source,
        standing=Standing.OVERDUE,
        summary=SourceSummary(**fields),
        held=0,
        marks=Marks(cutoff=AT, limit=AT, now=AT),
        max_age=90 * DAY,
        worst=WorstCase(parts={}),
    )


@pytest.mark.parametrize("lang", Lang)
def test_the_menu_fits_with_the_longest_names(lang: Lang) -> None:
    """A page of sources with the longest ids and largest counts fits; each source has exactly one button, by its id."""
    most = {"expired_records": HUGE, "expired_bytes": HUGE, "overdue_records": HUGE}
    rows = [SourceRow(source=f"{number}" * 40, status=status("s", **most)) for number in range(PAGE - 1)]
    rows.append(SourceRow(source="z" * 40, open_request="r" * 40))
    card = menu_card(SAID[lang], rows, page=Page(number=1, more=True), at=AT, note="n" * 300)
    complete(card, lang)
    pressed = [element for element in walk(card) if element.get("type") == "Action.Execute"]
    chosen = [button["data"]["id"] for button in pressed if button["verb"] == Verb.PURGE_PREVIEW]
    assert chosen == [row.source for row in rows[:-1]]
    assert [button["data"]["id"] for button in pressed if button["verb"] == Verb.PURGE_SHOW] == ["r" * 40]


@pytest.mark.parametrize("lang", Lang)
def test_the_menu_says_how_each_source_stands(lang: Lang) -> None:
    """Not looked at, unreadable, nothing due, due, over the limit: five different words; no source at all a sixth."""
    told = {
        visible_text(menu_card(SAID[lang], [SourceRow(source="s", status=found)], page=Page(), at=None))
        for found in (
            None,
            replace(status("s"), reason="denied"),
            status("s"),
            status("s", expired_records=1),
            status("s", expired_records=1, overdue_records=1),
        )
    }
    assert len(told) == 5
    assert SAID[lang]("purging.menu_none") in visible_text(menu_card(SAID[lang], [], page=Page(), at=None))


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("proofs", [True, False])
def test_the_list_fits_and_opens_each_request(lang: Lang, proofs: bool) -> None:
    """A page of requests fits, each with a button of its own; an empty list says so."""
    requests = [request(state, id=f"{state}"[:40]) for state in list(State)[:PAGE]]
    card = list_card(SAID[lang], requests, page=Page(number=12, more=True), proofs=proofs, note="n" * 300)
    complete(card, lang)
    opened = [
        element["data"]["id"]
        for element in walk(card)
        if element.get("type") == "Action.Execute" and element["verb"] == Verb.PURGE_SHOW
    ]
    assert opened == [one.id for one in requests]
    empty = list_card(SAID[lang], [], page=Page(), proofs=proofs)
    complete(empty, lang)
    assert SAID[lang]("purging.list_none") in visible_text(empty)


@pytest.mark.parametrize("lang", Lang)
def test_foreign_text_is_shown_literally(lang: Lang) -> None:
    """IN-01 to IN-05: a source or a reason with Markdown, tags, templates and hidden characters is only text."""
    evil = "[a](javascript:b) <at>All</at> ${x} {{DATE()}} \u202eabc"
    story = (Step(state=State.REJECTED, at=AT, by="p-1", reason=evil),)
    shown = view(State.REJECTED, request=request(State.REJECTED, source=evil, story=story))
    text = visible_text(request_card(SAID[lang], shown, press))
    assert "[a](" not in text
    assert "<at>" not in text
    assert "\u202e" not in text
    assert text.count("U+202E") == 2
