"""What a typed command names: known ids only, codes however they are spelled, ages; and which sentences give a code."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.access import Role
from data.questions.commands import STATE_CHANGING, Command
from data.questions.context import Context
from data.questions.mentions import LONGEST_TEXT, mentioned
from data.questions.understand import Understanding
from data.retention.scope import code_of, same_code
from tests.domain import understood

KNOWN = ("app-logs", "web-1", "traces")
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("purge app-logs", ("app-logs",)),
        ("lösche die Logs in „app-logs“, bitte!", ("app-logs",)),
        ("PURGE APP-LOGS.", ("app-logs",)),
        ("purge (web-1)", ("web-1",)),
        ("purge web-1, app-logs and web-1", ("web-1", "app-logs")),
        ("delete old logs", ()),
        ("purge app-logs2", ()),
        ("purge my-app-logs", ()),
        ("purge app-logsapp-logs", ()),
        ("", ()),
    ],
)
def test_a_source_is_a_whole_known_id(text: str, sources: tuple[str, ...]) -> None:
    """Ids are found as whole words, in any case and with punctuation around; nothing that merely holds one."""
    assert mentioned(text, KNOWN).sources == sources


@pytest.mark.parametrize(
    "text",
    ["../app-logs", "/var/log/app-logs", "app-logs;rm", "app-logs%00", "$(app-logs)", "app-logs|x", "`app-logs`",
     "*.log", "C:\\logs\\app-logs", "billing-logs", "server.traces", "app-logs&&reboot", "a/app-logs"],
)  # fmt: skip
def test_paths_and_unknown_names_are_told_apart(text: str) -> None:
    """AZ-31: what looks like a path, a pattern or another source names none, and is noticed; beside a real one too."""
    alone, beside = mentioned(f"purge {text}", KNOWN), mentioned(f"purge {text} app-logs", KNOWN)
    assert (alone.source, alone.sources, alone.unknown) == ("", (), True)
    assert (beside.source, beside.sources) == ("", ("app-logs",))
    assert mentioned("purge app-logs", KNOWN).source == "app-logs"


@pytest.mark.parametrize(
    "text", ["Log-Löschung starten", "starte log-cleanup", "lösche logs älter als 90-100 tage", "z.B. Logs"]
)
def test_ordinary_compounds_name_nothing(text: str) -> None:
    """Hyphens and full stops of ordinary words are no names of sources."""
    assert not mentioned(text, KNOWN).unknown


@given(
    DIGESTS, st.sampled_from(["{}", "bestätige {}", "confirm {} please", "yes, the code is {}!", "({})", "Code:{}."])
)
def test_a_code_is_found_however_it_is_spelled(digest: str, sentence: str) -> None:
    """With hyphen, dash, blank or nothing between, in any case, anywhere: one of what is found is the code."""
    code = code_of(digest)
    for spelled in (code, code.lower(), code.replace("-", ""), code.replace("-", " "), code.replace("-", " – ")):
        found = mentioned(sentence.format(spelled), KNOWN)
        assert any(same_code(one, digest) for one in found.codes)


@given(st.text(alphabet=string.ascii_letters + string.digits + "-äöü ", max_size=80), DIGESTS)
def test_nothing_else_is_taken_for_the_code(text: str, digest: str) -> None:
    """A text that does not hold the code's eight signs in a row names it under no spelling."""
    signs = code_of(digest).replace("-", "")
    bare = text.upper().replace("-", "").replace(" ", "")
    assert signs in bare or not any(same_code(one, digest) for one in mentioned(text, KNOWN).codes)


def test_look_alikes_are_no_code() -> None:
    """IN-06: Cyrillic or full-width letters are not the code, its own letters are."""
    digest = "00" * 32
    assert code_of(digest) == "AAAA-AAAA"
    for text in ("АААА-АААА", "ＡＡＡＡ-ＡＡＡＡ", "AAAA-AAAАA", "AAAAA-AAAA"):
        assert not any(same_code(one, digest) for one in mentioned(text, KNOWN).codes), text
    assert mentioned("AAAA-AAAA", KNOWN).codes == ("AAAA-AAAA",)


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("confirm 7F3K-Q2MD", True),
        ("confirm ABCD EFGH", True),
        ("confirm abcd-efgh", False),
        ("mach dies bitte", False),
    ],
)
def test_two_short_words_do_not_claim_to_be_a_code(text: str, claims: bool) -> None:
    """Only a digit or capitals make something a code for certain; two words of four letters do not."""
    assert mentioned(text, KNOWN).claims_code is claims


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("lösche logs älter als 90 tage", 90),
        ("delete logs older than 30 days", 30),
        ("30-day old logs", 30),
        ("logs älter als neunzig Tage", 90),
        ("older than two weeks", 14),
        ("älter als 3 Monate", 90),
        ("older than a year", 365),
        ("älter als 90d", 90),
        ("lösche die alten logs", None),
        ("logs vom 30. November", None),
        ("heute ist ein guter tag", None),
        ("v1.90 days", None),
        ("99999 days", None),
    ],
)
def test_ages_are_read(text: str, days: int | None) -> None:
    """Days, weeks, months and years, in digits or words, in both languages."""
    assert mentioned(text, KNOWN).days == days


@given(st.text(max_size=400))
def test_any_text_can_be_looked_at(text: str) -> None:
    """Nothing that can be typed raises, and no source is found that is not written there as a word."""
    found = mentioned(text, KNOWN)
    assert all(source in text.lower() for source in found.sources)


def test_work_is_bounded() -> None:
    """A megabyte names what stands at its beginning, and nothing behind."""
    assert mentioned("x " * LONGEST_TEXT + "app-logs", KNOWN).sources == ()
    assert mentioned("app-logs " + "ab12 " * 200_000, KNOWN).source == "app-logs"


# -- the grammar ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["bestätige 7F3K-Q2MD", "confirm 7F3K-Q2MD", "confirm abcd-efgh", "7F3K-Q2MD", "7f3kq2md", "Code 7F3K-Q2MD",
     "ich bestätige mit 7F3K Q2MD", "yes, the code is ZKCM-962H!"],
)  # fmt: skip
def test_a_code_is_a_confirmation(understanding: Understanding, text: str) -> None:
    """The typed fallback of purge.md 6.7: whoever types the code confirms, long after the order too."""
    assert understood(understanding, text, role=Role.ADMIN).command is Command.PURGE_CONFIRM


@pytest.mark.parametrize(
    "text",
    ["was ist 7F3K-Q2MD?", "26er bdsg", "test-team", "confirm your data", "wofür ist der code 7F3K-Q2MD", "data-base",
     "how do i confirm 7F3K-Q2MD"],
)  # fmt: skip
def test_what_only_looks_like_a_code_confirms_nothing(understanding: Understanding, text: str) -> None:
    """Questions with a code in them, and two short words, are no confirmation."""
    assert understood(understanding, text, role=Role.ADMIN).command not in STATE_CHANGING


@pytest.mark.parametrize("last", [None, Command.PURGE_START])
@pytest.mark.parametrize(
    "text",
    ["was würde gelöscht?", "Was würde gelöscht werden?", "was würde bei app-logs gelöscht?", "what would be deleted?",
     "which logs would be deleted?", "what would a purge delete?", "welche Logs würden gelöscht"],
)  # fmt: skip
def test_asking_what_would_go_shows_it(understanding: Understanding, text: str, last: Command | None) -> None:
    """A question about what would be deleted leads to the overview, and never starts anything."""
    context = Context(lang=understood(understanding, text).lang, command=last) if last else None
    assert understood(understanding, text, role=Role.ADMIN, context=context).command is Command.RETENTION_STATUS


@pytest.mark.parametrize(
    "text",
    ["what would be deleted if I leave the company?", "was würde gelöscht wenn ich mein konto lösche?",
     "Welche Daten würden gelöscht, wenn ich kündige?"],
)  # fmt: skip
def test_asking_what_would_go_of_oneself_is_another_question(understanding: Understanding, text: str) -> None:
    """One's own data is no matter of the overview."""
    assert understood(understanding, text, role=Role.ADMIN).command is None


@pytest.mark.parametrize("text", ["Vorschau für app-logs", "preview app-logs", "please preview the old logs"])
def test_a_preview_can_be_asked_for(understanding: Understanding, text: str) -> None:
    """Asking for a preview of logs begins one: that is how every purge begins."""
    assert understood(understanding, text, role=Role.ADMIN).command is Command.PURGE_START
