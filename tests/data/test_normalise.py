"""One spelling for what people type: the same for every way to write it, plain ASCII, and bounded whatever comes in."""

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data.questions.normalise import MAX_CHARS, clean, normalise, words_of

ANYTHING = st.text(alphabet=st.characters(), max_size=400)
"""Any characters at all, lone surrogates too."""
FIELD_WORDS = (
    "pro call nex procallnex procal e-mail ds-gvo dsvgo gpdr stack trace stacktraces ms teams microsoft av-vertrag adv"
    " sip trunk star face art artikel article 15 pusch push on my phone company cell private daten schutz datenschuz"
    " call log calls history journals anruf protokoll verbindungs daten gespraechs verlauf data center wie lange LOGS"
    " gelöscht ? ! . , & +"
).split()
GERMAN = st.text(alphabet="abcdefghijklmnopqrstuvwxyzäöüß ABCÄÖÜ?.,", max_size=200)
SLOW_SECONDS = 0.2


@given(st.one_of(ANYTHING, st.lists(st.sampled_from(FIELD_WORDS), max_size=20).map(" ".join)))
@example("call log")
@example("pro-call nex")
@example("Artikel 15")
@example("on my phone")
def test_what_is_even_stays_as_it_is(text: str) -> None:
    """Evening out twice changes nothing: the form is one, not one of several."""
    even = normalise(text)
    assert normalise(even) == even


@given(ANYTHING)
def test_the_even_form_is_short_plain_ascii(text: str) -> None:
    """Whatever comes in: lower-case ASCII, single spaces, no control characters, at most 600 characters."""
    even = normalise(text)
    assert even.isascii()
    assert even == even.lower() == even.strip()
    assert "  " not in even
    assert even.isprintable()
    assert len(even) <= MAX_CHARS


@given(GERMAN)
def test_umlauts_can_be_written_either_way(text: str) -> None:
    """ä is ae, ö is oe, ü is ue and ß is ss."""
    spelt = text.translate(str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}))
    assert normalise(text) == normalise(spelt)


@given(GERMAN)
def test_capitals_make_no_difference(text: str) -> None:
    """What is shouted means what is said, ß as SS included (IN-07)."""
    assert normalise(text.upper()) == normalise(text) == normalise(text.lower())


@given(st.one_of(GERMAN, st.text(max_size=150)))
def test_composed_and_decomposed_are_the_same(text: str) -> None:
    """An umlaut as one character or as letter and dots, as some keyboards send it, is the same (IN-07)."""
    composed, decomposed = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    assert normalise(composed) == normalise(decomposed)


@pytest.mark.parametrize(
    ("typed", "even"),
    [
        ("Wie lange werden LOGS gespeichert?", "wie lange werden logs gespeichert?"),
        ("löschlauf", "loeschlauf"),
        ("lo\u0308schlauf", "loeschlauf"),
        ("STRASSE Straße", "strasse strasse"),
        ("HİLFE", "hilfe"),
        ("ProCall-NEX, Pro Call NEX, procallnex", "procall nex, procall nex, procall nex"),
        ("DS-GVO dsvgo", "dsgvo dsgvo"),
        ("E-Mail e mail E-Mails", "email email email"),
        ("Art. 15, Artikel 28", "art15, art28"),
        ("hallooooo!!!!", "halloo!!"),
        ("push\U0001f514benachrichtigung", "push benachrichtigung"),
        ("a\u200bb", "a b"),
        ("a\tb\n\nc", "a b c"),
        ("“Löschfrist”", "loeschfrist"),
        ("ﬁle ① Ⅳ", "file 1 iv"),
        ("", ""),
        ("\U0001f44d\U0001f44d", ""),
        ("我的数据", ""),
    ],
)
def test_known_spellings(typed: str, even: str) -> None:
    """Each spelling people use has one even form."""
    assert normalise(typed) == even


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\U0001f600" * 5000, id="IN-11-emojis"),
        pytest.param("a" + "\u0301" * 10_000, id="IN-11-combining"),
        pytest.param("1 " * 2000, id="IN-10-ones"),
        pytest.param("one hundred and " * 250, id="IN-10-numbers"),
        pytest.param("a" * 4000, id="IN-10-letters"),
        pytest.param("Wie lange? " * 2600, id="IN-09-28-KB"),
        pytest.param("call-" * 5000, id="hyphens"),
        pytest.param("pro" * 9000, id="near-names"),
        pytest.param("ﷺ" * 5000, id="growing"),
    ],
)
def test_long_and_odd_texts_are_bounded(text: str) -> None:
    """Nothing anybody sends takes long or grows large."""
    started = time.perf_counter()
    even, plain = normalise(text), clean(text)
    assert time.perf_counter() - started < SLOW_SECONDS
    assert len(even) <= MAX_CHARS
    assert len(plain) <= 4 * MAX_CHARS


def test_null_and_lone_surrogates_are_dropped() -> None:
    """What no person can type leaves nothing behind, and what stands around it stays (IN-12)."""
    broken = "wie\0 lange\ud800 werden \udfff\ufdd0logs"
    assert normalise(broken) == "wie lange werden logs"
    assert clean(broken).encode("utf-8")
    assert "\0" not in clean(broken)


@given(ANYTHING)
def test_clean_text_can_always_be_kept(text: str) -> None:
    """Cleaned text is valid UTF-8 on one line."""
    found = clean(text)
    assert found.encode("utf-8").decode() == found
    assert not [char for char in found if char != " " and unicodedata.category(char)[0] in "CZ"]


def test_words_are_letters_and_digits() -> None:
    """Words keep an apostrophe inside and drop every sentence mark."""
    assert words_of("what's up, e-mail & 90 tage?") == ["what's", "up", "e", "mail", "90", "tage"]
    assert words_of("?!., -") == []


@given(code=st.text(alphabet="ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=8, max_size=8))
@example(code="8PH7ZSSS")
@example(code="AAAA2222")
def test_a_code_keeps_all_its_letters(code: str) -> None:
    """A confirmation code with the same letter three times running is still that code; "sooo" is "soo" all the same."""
    shown = f"{code[:4]}-{code[4:]}"
    assert shown.lower() in normalise(f"confirm {shown}")
    assert normalise("sooo") == "soo"
