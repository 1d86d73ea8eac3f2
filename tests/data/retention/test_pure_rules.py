"""The pure rules of deletion: periods, decisions, codes, holds, verdicts, and what can never be a source."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RefusedError, SettingsError
from data.retention.decision import decide
from data.retention.hold import Hold, covering, holds_digest, recently_released
from data.retention.instants import DAY, HOUR, SECOND
from data.retention.outside import outside_word
from data.retention.request import State
from data.retention.residue import RESPECTED, Code
from data.retention.rule import Care, DataKind, RetentionRule
from data.retention.scope import code_of, same_code
from data.retention.unit import Action
from data.retention.verdict import Verdict, Verification, closing_state, judge
from data.retention.words import one_line

NOW = 1_800_000_000_123_456
instants = st.integers(0, 4_000_000_000_000_000)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)


# -- periods ----------------------------------------------------------------------------------------------------------


@given(now=instants, margin=st.integers(0, 89))
def test_the_cutoff_is_never_later_than_the_margin_allows(now: int, margin: int) -> None:
    """The cutoff is whole seconds, at or before now - (P - M), and less than a second before it; the limit is exact."""
    marks = RetentionRule(data_kind=DataKind.LOG, margin=margin * DAY).marks(now)
    exact = now - (90 - margin) * DAY
    assert marks.cutoff % SECOND == 0
    assert 0 <= exact - marks.cutoff < SECOND
    assert marks.limit == now - 90 * DAY


@pytest.mark.parametrize("days", [0, -1, 91, 900])
def test_no_rule_is_longer_than_the_terms(days: int) -> None:
    """Clause 2.7 says at the latest after 90 days: more, or nothing, is refused; 90 is not."""
    with pytest.raises(SettingsError, match="max_age_days"):
        RetentionRule(data_kind=DataKind.LOG, max_age=days * DAY)
    assert RetentionRule(data_kind=DataKind.LOG, max_age=90 * DAY).max_age == 90 * DAY


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_a_share_is_a_share(share: float) -> None:
    """The largest share of a source lies between nothing and everything."""
    with pytest.raises(SettingsError, match="max_share"):
        Care(max_share=share)
    assert Care(max_share=1.0).max_share == 1.0


def test_every_change_of_a_rule_changes_its_digest() -> None:
    """Two rules that say different things never have the same digest."""
    rules = [
        RetentionRule(data_kind=kind, max_age=age * DAY, margin=margin * DAY, version=version)
        for kind in DataKind
        for age in (60, 90)
        for margin in (5, 7)
        for version in (1, 2)
    ]
    assert len({rule.digest for rule in rules}) == len(rules)
    assert RetentionRule(data_kind=DataKind.LOG).digest == RetentionRule(data_kind=DataKind.LOG).digest


# -- decisions --------------------------------------------------------------------------------------------------------


@given(
    records=st.integers(1, 100),
    share=st.floats(0, 1),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
def test_nothing_that_is_held_or_in_use_is_ever_touched(
    records: int, share: float, flags: tuple[bool, bool, bool, bool]
) -> None:
    """Whatever else is true: nothing old means nothing happens, held and active mean nothing is deleted."""
    expired = round(records * share)
    active, held, native, rewrites = flags
    decided = decide(records=records, expired=expired, active=active, held=held, held_native=native, rewrites=rewrites)
    if not expired:
        assert decided is None
    elif held:
        assert decided is Code.HELD
    elif native:
        assert decided is Code.HELD_NATIVE
    elif active:
        assert decided is Code.ACTIVE
    elif expired == records:
        assert decided is Action.DELETE
    else:
        assert decided is (Action.REWRITE if rewrites else Code.UNSUPPORTED)


# -- codes ------------------------------------------------------------------------------------------------------------


@given(digest=digests)
def test_a_code_has_no_letters_that_look_alike(digest: str) -> None:
    """Eight characters in two groups, never 0, O, 1 or I; typed in any case and spacing it is the same."""
    code = code_of(digest)
    letters = code.replace("-", "")
    assert (len(letters), code[4]) == (8, "-")
    assert not set(letters) & set("01OI")
    assert same_code(code, digest)
    assert same_code(f" {code.lower().replace('-', ' ')} ", digest)


@given(digest=digests, typed=st.text(max_size=12))
def test_nothing_else_is_the_code(digest: str, typed: str) -> None:
    """Whatever is typed is the code only if its letters are; look-alikes of other scripts are not (IN-06)."""
    plain = "".join(typed.upper().replace("-", "").split())
    expected = typed.isascii() and plain == code_of(digest).replace("-", "")
    assert same_code(typed, digest) is expected
    cyrillic = code_of(digest).translate(str.maketrans("AEKMHPCTX", "АЕКМНРСТХ"))
    assert same_code(cyrillic, digest) is (cyrillic == code_of(digest))


# -- holds ------------------------------------------------------------------------------------------------------------


def hold(**fields: object) -> Hold:
    """Make a hold on one source."""
    usual: dict[str, object] = {
        "id": "h-1", "sources": ("a",), "reason": "case", "placed_by": "p-1", "placed_at": NOW, "review_at": NOW + DAY,
    }  # fmt: skip
    return Hold(**usual | fields)  # type: ignore[arg-type]


@given(begins=instants, length=st.integers(1, 10**15), lo=instants, width=st.integers(0, 10**15))
def test_a_hold_covers_whatever_may_be_a_held_record(begins: int, length: int, lo: int, width: int) -> None:
    """An interval that meets the held range anywhere is covered; one wholly outside is not."""
    found = hold(begins=begins, ends=begins + length).covers("a", lo, lo + width)
    assert found is (lo + width >= begins and lo < begins + length)


def test_a_hold_on_kin_protects_too() -> None:
    """A hold on one source protects from every other that reaches the same files, and from nobody else."""
    holds = [hold(), hold(id="h-2", sources=("x",)), hold(id="h-3", sources=(), released_at=NOW)]
    assert [found.id for found in covering(holds, {"a", "b"})] == ["h-1"]
    assert covering(holds, {"b"}) == ()
    assert [found.id for found in covering([hold(sources=())], {"b"})] == ["h-1"]
    assert covering(holds, {"a"})[0].covers("b", NOW, NOW), "as a hold on everything"
    assert holds_digest(holds, {"a"}) != holds_digest(holds, {"b"})


@pytest.mark.parametrize(("ago", "recent"), [(HOUR, True), (DAY - 1, True), (DAY, False)])
def test_a_release_is_recent_for_a_day(ago: int, recent: bool) -> None:
    """For 24 h after a release the cooling is long."""
    released = hold(released_at=NOW - ago)
    assert recently_released([released], {"a"}, now=NOW) is recent
    assert not recently_released([released], {"b"}, now=NOW)
    assert not recently_released([hold()], {"a"}, now=NOW)


# -- verdicts ---------------------------------------------------------------------------------------------------------

counts = st.integers(0, 2)


@given(
    looked=st.booleans(), still=counts, old=counts, wrong=counts, lost=counts, unresolved=counts, late=counts,
    delay=counts,
)  # fmt: skip
def test_unknown_never_becomes_pass(
    looked: bool, still: int, old: int, wrong: int, lost: int, unresolved: int, late: int, delay: int
) -> None:
    """PASS needs a whole look and nothing wrong in either direction; late data alone spoil nothing."""
    verdict = judge(
        Verification(
            looked=looked,
            still_there=still,
            old_left=old,
            wrongly_rewritten=wrong,
            controls_lost=lost,
            unresolved=unresolved,
            late=late,
            physical_delay=delay,
        )
    )
    wrongs = still + old + wrong + lost + unresolved
    if verdict is Verdict.PASS:
        assert looked
        assert not wrongs
        assert not delay
    if still or wrong or lost:
        assert verdict is Verdict.FAIL
    elif not looked:
        assert verdict is Verdict.UNKNOWN
    elif not wrongs:
        assert verdict is (Verdict.PENDING if delay else Verdict.PASS)


def test_every_verdict_closes_in_its_own_way() -> None:
    """What was stopped is partial, what failed failed, what nobody saw is unverified, residue is told."""
    assert closing_state(Verdict.PASS, residue=0, partial=False) is State.CLOSED_CLEAN
    assert closing_state(Verdict.PASS, residue=1, partial=False) is State.CLOSED_WITH_RESIDUE
    assert closing_state(Verdict.FAIL, residue=1, partial=True) is State.CLOSED_PARTIAL
    assert closing_state(Verdict.FAIL, residue=0, partial=False) is State.CLOSED_FAILED
    assert closing_state(Verdict.UNKNOWN, residue=0, partial=True) is State.CLOSED_UNVERIFIED
    assert closing_state(Verdict.PENDING, residue=0, partial=False) is State.PENDING_PHYSICAL
    assert Code.DRIFTED not in RESPECTED


# -- words ------------------------------------------------------------------------------------------------------------


@given(text=st.text(max_size=80))
def test_a_reason_is_one_plain_line(text: str) -> None:
    """Whatever is given, one line without control and format characters comes out."""
    line = one_line(text, most=40)
    assert len(line) <= 40
    assert not set(line) & set("\n\r\t\x1b\x00\u202e\u200b")
    assert line == line.strip()


def test_a_text_that_is_none_is_refused() -> None:
    """Bytes that are no UTF-8 arrive as lone surrogates, and are refused before anything is recorded."""
    with pytest.raises(RefusedError) as found:
        one_line("case \udcff", most=40)
    assert found.value.reason == "bad_text"


def test_a_plain_reason_stays_as_it_is() -> None:
    """What is plain already is not touched."""
    assert one_line("Fall 7, Anfrage der Behörde", most=80) == "Fall 7, Anfrage der Behörde"


@given(text=st.text(string.ascii_lowercase + "-_ ", max_size=20), word=st.sampled_from(("journal", "chat", "anruf")))
def test_no_source_is_a_journal_a_chat_or_a_call_record(text: str, word: str) -> None:
    """A name that begins a word with one of the forbidden ones is found out, whatever follows it."""
    assert outside_word(f"{text} {word}{text}") != ""
    assert outside_word(f"{text}_{word}") != ""


@pytest.mark.parametrize(
    "name", ["callback-service", "ucserver", "exceptions", "recall", "technical", "Kanalprotokoll"]
)
def test_innocent_names_are_not_refused(name: str) -> None:
    """Words that only look like a forbidden one are fine."""
    assert outside_word(name) == ""
