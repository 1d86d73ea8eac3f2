"""The pure steps of tickets and drafts: the month of Art. 12(3), reminders, closing, forgetting, and two people."""

import datetime as dt
from calendar import monthrange
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.desk.draft_steps import (
    begin_release,
    begin_withdrawal,
    can_be_drafted,
    discard,
    draft,
    fail,
    released,
    withdrawn,
)
from data.desk.ticket import DraftState, Ticket, TicketKind, TicketState
from data.desk.ticket_steps import (
    CLOSES_AFTER,
    KEPT_AFTER,
    LONGEST_ANSWER,
    LONGEST_QUESTION,
    QUESTION_EVERY,
    REMIND_DAYS,
    RIGHTS,
    answer,
    close,
    closes_itself,
    forget,
    month_after,
    open_ticket,
    paragraphs,
    remind,
    reminder_due,
    take,
    words_are_due,
)
from data.errors import RefusedError
from data.retention.instants import DAY, HOUR, MINUTE, Instant, datetime_of, instant_of

NOW = instant_of(dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC))
ASKER, DORA, DAVE = "p-asker", "p-dora", "p-dave"
FIRST, LAST = (instant_of(dt.datetime(year, 1, 1, tzinfo=dt.UTC)) for year in (2020, 2120))
INSTANTS = st.integers(FIRST, LAST)


def question(words: str = "Wer sieht das?", *, now: Instant = NOW) -> Ticket:
    """Open a question."""
    return open_ticket(number=1, kind=TicketKind.QUESTION, asker=ASKER, lang="de", question=words, now=now)


def request(*, now: Instant = NOW, right: str = "15") -> Ticket:
    """Open a rights request."""
    return open_ticket(number=2, kind=TicketKind.RIGHTS, asker=ASKER, lang="de", question="", now=now, right=right)


def answered(ticket: Ticket | None = None) -> Ticket:
    """Answer a ticket at once."""
    return answer(ticket or question(), by=DORA, text="Nur Sie.", now=NOW)


def drafted(topic: str = "journal") -> Ticket:
    """Draft a lesson of an answered question."""
    return draft(answered(), by=DORA, topic=topic, question="wer sieht das journal", answer="Nur Sie.", now=NOW)


def refused(reason: str, step: Callable[[], object]) -> None:
    """Expect a step to be refused for a reason."""
    with pytest.raises(RefusedError) as caught:
        step()
    assert caught.value.reason == reason


# -- the month ---------------------------------------------------------------------------------------------------------


@given(INSTANTS)
def test_a_month_later_is_the_next_calendar_month_and_never_beyond_it(at: Instant) -> None:
    """Due is the same day and time of the next calendar month in UTC, clamped to its last day (Art. 12(3))."""
    begun, due = datetime_of(at), datetime_of(month_after(at))
    assert (due.year * 12 + due.month) - (begun.year * 12 + begun.month) == 1
    assert due.day == min(begun.day, monthrange(due.year, due.month)[1])
    assert due.timetz() == begun.timetz()
    assert 28 * DAY <= month_after(at) - at <= 31 * DAY


@given(INSTANTS, st.integers(min_value=0, max_value=90 * DAY))
def test_who_asks_later_is_never_due_on_an_earlier_day(at: Instant, after: int) -> None:
    """The due day never runs backwards."""
    assert datetime_of(month_after(at)).date() <= datetime_of(month_after(at + after)).date()


@pytest.mark.parametrize(
    ("begun", "due"),
    [
        ((2026, 1, 31), (2026, 2, 28)),
        ((2028, 1, 30), (2028, 2, 29)),
        ((2026, 12, 31), (2027, 1, 31)),
        ((2026, 3, 2), (2026, 4, 2)),
    ],
)
def test_the_last_days_of_a_month(begun: tuple[int, int, int], due: tuple[int, int, int]) -> None:
    """31 January is due on the last of February, and a year ends in January."""
    start = instant_of(dt.datetime(*begun, 23, 59, tzinfo=dt.UTC))
    assert datetime_of(month_after(start)) == dt.datetime(*due, 23, 59, tzinfo=dt.UTC)


# -- opening -----------------------------------------------------------------------------------------------------------


def test_a_question_needs_words_and_has_no_due_date() -> None:
    """An empty question is refused, whatever it is empty of; one with words is open and due at no time."""
    for empty in ("", "  \n", "\u200b\u202e"):
        refused("no_text", lambda empty=empty: question(empty))
    opened = question()
    assert (opened.state, opened.due_at, [step.what for step in opened.story]) == (TicketState.OPEN, None, ["opened"])


def test_a_request_needs_a_right_that_there_is() -> None:
    """Art. 15 to 22 without the duty of 19 can be claimed, with or without words; nothing else."""
    for right in RIGHTS:
        assert request(right=right).due_at == month_after(NOW)
    for right in ("", "19", "13", "150"):
        refused("no_right", lambda right=right: request(right=right))


@given(st.text(max_size=1500))
def test_any_text_makes_a_ticket_or_is_refused(words: str) -> None:
    """Whatever somebody types is kept on one line of bounded length, or refused in a stable word."""
    reason = ""
    try:
        opened = question(words)
    except RefusedError as error:
        reason = error.reason
    else:
        assert 0 < len(opened.question) <= LONGEST_QUESTION
        assert len(opened.question.splitlines()) == 1
    assert reason in {"", "no_text", "bad_text"}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=3000))
def test_any_answer_keeps_its_paragraphs_within_bounds(words: str) -> None:
    """An answer keeps its lines, loses empty ones, and stays within its length."""
    kept = paragraphs(words, most=LONGEST_ANSWER)
    assert len(kept) <= LONGEST_ANSWER
    assert all(line.strip() == line != "" for line in kept.split("\n")) or kept == ""


# -- taking, answering, closing ----------------------------------------------------------------------------------------


def test_a_ticket_is_taken_once_and_answered_once() -> None:
    """A second taking or answering is refused; a colleague may answer what somebody else has taken."""
    taken = take(question(), by=DORA, now=NOW)
    refused("already_taken", lambda: take(taken, by=DAVE, now=NOW))
    done = answer(taken, by=DAVE, text="Eins\n\nZwei", now=NOW)
    assert (done.state, done.answer, done.answered_by) == (TicketState.ANSWERED, "Eins\nZwei", DAVE)
    refused("already_answered", lambda: answer(done, by=DORA, text="Drei", now=NOW))
    refused("already_answered", lambda: take(done, by=DORA, now=NOW))
    refused("no_text", lambda: answer(taken, by=DORA, text=" \n ", now=NOW))


def test_a_closed_ticket_stays_closed() -> None:
    """Nothing can be done to a closed ticket any more."""
    closed = close(question(), by=ASKER, now=NOW)
    for step in (
        lambda: take(closed, by=DORA, now=NOW),
        lambda: answer(closed, by=DORA, text="Doch", now=NOW),
        lambda: close(closed, by=ASKER, now=NOW),
    ):
        refused("ticket_closed", step)


def test_a_request_is_not_closed_without_an_answer_but_by_its_asker() -> None:
    """A request ends with an answer (Art. 12(4)) or with the asker's own word; a question may be closed by officers."""
    refused("not_answered", lambda: close(request(), by=DORA, now=NOW))
    assert close(request(), by=ASKER, now=NOW).state is TicketState.CLOSED
    assert close(answered(request()), by=DORA, now=NOW).state is TicketState.CLOSED
    assert close(question(), by=DORA, now=NOW).state is TicketState.CLOSED


# -- reminders ---------------------------------------------------------------------------------------------------------


def reminders(ticket: Ticket, until: Instant, *, every: int = HOUR) -> list[Instant]:
    """Look every so often, and list when somebody is reminded."""
    found, now = [], ticket.opened_at
    while now <= until:
        if reminder_due(ticket, now):
            ticket = remind(ticket, now)
            found.append(now)
        now += every
    return found


@given(INSTANTS, st.integers(min_value=MINUTE, max_value=DAY))
def test_a_request_is_reminded_of_at_each_stage_and_daily_when_overdue(at: Instant, every: int) -> None:
    """14, 7, 2 and 0 days before, then every day: each within one look of its time, and none twice."""
    ticket = request(now=at)
    due = ticket.due_at or 0
    stages = [due - days * DAY for days in REMIND_DAYS] + [due + days * DAY for days in (1, 2, 3)]
    step = max(every, HOUR)
    found = reminders(ticket, due + 3 * DAY + step, every=step)
    if step < DAY:
        assert len(found) >= len(stages)
    for stage in stages:
        assert any(stage <= told < stage + step for told in found)
    assert len(found) <= len(stages) + 1


def test_an_outage_loses_no_reminder_and_brings_no_flood() -> None:
    """After weeks without a look there is one reminder at once, and the next at its own time."""
    ticket = request()
    later = (ticket.due_at or 0) + 10 * DAY + HOUR
    assert reminder_due(ticket, later)
    assert not reminder_due(remind(ticket, later), later + HOUR)
    assert reminder_due(remind(ticket, later), later + DAY)


def test_nobody_is_reminded_of_what_is_done() -> None:
    """An answered or closed request is never reminded of; the same one unanswered is."""
    late = NOW + 60 * DAY
    assert reminder_due(request(), late)
    assert not reminder_due(answered(request()), late)
    assert not reminder_due(close(request(), by=ASKER, now=NOW), late)


def test_a_question_is_reminded_of_every_week() -> None:
    """A question that nobody answers comes back every seven days."""
    assert reminders(question(), NOW + 22 * DAY) == [NOW + weeks * QUESTION_EVERY for weeks in (1, 2, 3)]


# -- closing by itself, forgetting -------------------------------------------------------------------------------------


def test_an_answered_ticket_closes_itself_and_its_words_go_in_time() -> None:
    """An answered ticket closes after 30 days, its words go 90 days after that; not a moment earlier."""
    ticket = answered()
    assert not closes_itself(ticket, NOW + CLOSES_AFTER - 1)
    assert closes_itself(ticket, NOW + CLOSES_AFTER)
    closed = close(ticket, by="system", now=NOW + CLOSES_AFTER)
    gone_at = NOW + CLOSES_AFTER + KEPT_AFTER
    assert not words_are_due(closed, gone_at - 1)
    assert words_are_due(closed, gone_at)
    gone = forget(closed, now=gone_at)
    assert (gone.question, gone.answer, gone.forgotten) == ("", "", True)
    assert not words_are_due(gone, gone_at + DAY)
    assert not closes_itself(question(), gone_at)


def test_forgetting_takes_all_words_and_ends_what_was_open() -> None:
    """A forgotten ticket holds no word of anybody, is closed, and its unreleased draft is dropped."""
    for ticket in (question(), take(question(), by=DORA, now=NOW), answered(), drafted(), drafted("")):
        gone = forget(ticket, now=NOW, by=ASKER)
        assert (gone.question, gone.answer, gone.draft_question, gone.draft_answer) == ("", "", "", "")
        assert gone.state is TicketState.CLOSED
        assert gone.draft in {DraftState.NONE, DraftState.DISCARDED}
        assert gone.face != ticket.face


def test_what_was_released_stays_the_companys_text_until_it_is_taken_back() -> None:
    """Forgetting the asker keeps the released phrasing, so that it can be taken back; then it goes as well."""
    live = released(begin_release(drafted(), by=DAVE, now=NOW), now=NOW)
    gone = forget(live, now=NOW)
    assert (gone.draft, gone.draft_question, gone.question) == (DraftState.RELEASED, "wer sieht das journal", "")
    back = withdrawn(begin_withdrawal(gone, by=DORA, now=NOW), now=NOW)
    assert (back.draft, back.draft_question) == (DraftState.DISCARDED, "")


# -- drafts ------------------------------------------------------------------------------------------------------------


def test_only_an_answered_question_can_teach() -> None:
    """A question that waits, a rights request and a ticket without words cannot be drafted; an answered one can."""
    assert can_be_drafted(answered())
    for ticket in (question(), answered(request()), forget(answered(), now=NOW), drafted()):
        assert not can_be_drafted(ticket)
        refused("draft_state", lambda t=ticket: draft(t, by=DORA, topic="journal", question="x", answer="", now=NOW))


def test_a_draft_needs_its_words() -> None:
    """A draft without a question, or an own entry without an answer, is refused."""
    refused("no_text", lambda: draft(answered(), by=DORA, topic="journal", question=" ", answer="", now=NOW))
    refused("no_text", lambda: draft(answered(), by=DORA, topic="", question="wer", answer=" ", now=NOW))


def test_nobody_releases_a_draft_of_their_own() -> None:
    """The drafter is refused, somebody else is not."""
    refused("own_draft", lambda: begin_release(drafted(), by=DORA, now=NOW))
    assert begin_release(drafted(), by=DAVE, now=NOW).draft is DraftState.CHECKING


def test_a_draft_goes_its_way_step_by_step() -> None:
    """Each step is possible in its own state only, and each changes the face of the ticket."""
    waiting = drafted()
    checking = begin_release(waiting, by=DAVE, now=NOW)
    live = released(checking, now=NOW)
    leaving = begin_withdrawal(live, by=DORA, now=NOW)
    failed = fail(checking, problem="dev-001", now=NOW)
    states = (waiting, checking, live, leaving, withdrawn(leaving, now=NOW), failed, discard(waiting, by=DORA, now=NOW))
    assert (failed.draft, failed.draft_problem) == (DraftState.DRAFTED, "dev-001")
    assert fail(leaving, problem="x", now=NOW).draft is DraftState.RELEASED
    assert len({state.face for state in states}) == len(states)
    steps: dict[DraftState, Callable[[Ticket], Ticket]] = {
        DraftState.DRAFTED: lambda t: begin_release(t, by=DAVE, now=NOW),
        DraftState.CHECKING: lambda t: released(t, now=NOW),
        DraftState.RELEASED: lambda t: begin_withdrawal(t, by=DAVE, now=NOW),
        DraftState.WITHDRAWING: lambda t: withdrawn(t, now=NOW),
    }
    for state in DraftState:
        for allowed, step in steps.items():
            ticket = replace(waiting, draft=state)
            if state is allowed:
                assert step(ticket).draft is not state
            else:
                refused("draft_state", lambda s=step, t=ticket: s(t))
