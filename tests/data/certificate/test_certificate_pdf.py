"""The PDF of a certificate: the same figures as in the signed document, in both languages, and no word too many."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st

from cards.texts import Texts, load_texts
from data.certificate.figures import Figures
from data.certificate.issue import issue
from data.certificate.model import Amount, Doubt, Facts, Look, Office, Part, Person, Reason, Role, UnitKind
from data.certificate.pages import Pages
from data.certificate.paper import TITLE, WIDTH
from data.certificate.pdf import render_pdf
from data.certificate.sheet import Rows, Table, Text, printable
from data.certificate.signing import SignedDocument
from data.labels import Lang
from data.retention.evidence import Evidence
from data.retention.instants import DAY, iso
from data.retention.residue import DONE, Code
from data.retention.rule import DataKind
from data.retention.unit import Action
from data.retention.verdict import Level, Verdict
from tests.data.certificate.purges import ENDED, GOOD, PREVIOUS, SIGNER, VERIFIED, facts, issued, seen
from tests.domain import need

TEXTS: Mapping[Lang, Texts] = load_texts()
TOO_MUCH = re.compile(
    r"unrecoverabl|irrecoverabl|irreversibl|permanent|for ever|destroyed for|"
    r"unwiederbringlich|unwiderruflich|endgültig|unumkehrbar|für immer|restlos|rückstandslos",
    re.IGNORECASE,
)
DOCUMENTS = {
    "PASS": issued(),
    "PENDING": issued(facts(residue={}, set_aside={}, selected=replace(GOOD.selected, units=1216),
                            next_level_at=ENDED + 7 * DAY), Verdict.PENDING),
    "FAIL": issued(facts(checked=seen(old_left=8, controls_lost=3))),
    "UNKNOWN": issued(facts(checked=None), Verdict.UNKNOWN),
}  # fmt: skip
both = pytest.mark.parametrize("lang", Lang)
every = pytest.mark.parametrize("verdict", DOCUMENTS)


def rendered(document: SignedDocument, lang: Lang) -> bytes:
    """Render a document as the purge does."""
    return render_pdf(document, TEXTS[lang], lang=lang)


@cache
def pdf_of(verdict: str, lang: Lang) -> bytes:
    """Give the PDF of one of the four documents, rendered once."""
    return rendered(DOCUMENTS[verdict], lang)


def said(document: SignedDocument, lang: Lang) -> str:
    """Give all that the sections of a document say, without drawing them."""
    parts: list[str] = []
    for section in Pages(document, TEXTS[lang], Figures(lang)).sections():
        parts.append(section.heading)
        for block in section.blocks:
            if isinstance(block, Rows):
                parts += [f"{row.label}: {row.value}" for row in block.rows]
            elif isinstance(block, Table):
                parts += [" | ".join(row) for row in (block.head, *block.rows)]
            else:
                assert isinstance(block, Text)
                parts.append(block.text)
    return "\n".join(parts)


def read(pdf: bytes, folder: Path) -> str:
    """Give the text of a PDF as another program reads it."""
    need(shutil.which("pdftotext"), "pdftotext is not installed")
    path = folder / "a.pdf"
    path.write_bytes(pdf)
    done = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode("utf-8")


# -- what a reader finds ----------------------------------------------------------------------------------------------


@both
def test_the_figures_of_the_document_are_in_the_pdf(lang: Lang, tmp_path: Path) -> None:
    """Another program reads every figure, date, id, digest and the signature out of the PDF."""
    text = read(pdf_of("PASS", lang), tmp_path)
    together = re.sub(r"\s+", "", text)
    for number in (1240, 4_812_377, 2_913_444_120, 1204, 4_809_977, 2_904_456_793, 12, 310, 700_123_456, 4_500_000):
        assert re.search(rf"(?<![\d.,]){re.escape(Figures(lang).number(number))}(?![\d])", text), number
    for value in (GOOD.scope_digest, GOOD.manifest_root, GOOD.rule.digest, GOOD.audit.head, PREVIOUS):
        assert value in together
    for value in (DOCUMENTS["PASS"].signature["value"], SIGNER.key_id, DOCUMENTS["PASS"].id, GOOD.request):
        assert value in together
    for instant in (GOOD.cutoff, GOOD.started, GOOD.ended, GOOD.youngest_deleted, GOOD.oldest_deleted, VERIFIED.at):
        assert instant is not None
        assert re.sub(r"\s+", "", Figures(lang).instant(iso(instant))) in together
    for value in (
        "Müller & Söhne GmbH",
        "app-logs",
        "2.7",
        "05-2025",
        "hold-3",
        "hold-7",
        "python app.py audit verify",
    ):
        assert value in text
    for person in GOOD.people:
        assert person.pseudonym in text


@both
@every
def test_no_sentence_is_left_unfilled(verdict: str, lang: Lang, tmp_path: Path) -> None:
    """No placeholder and no key is visible in any kind of document."""
    text = read(pdf_of(verdict, lang), tmp_path)
    assert len(text) > 2000
    assert "{" not in text
    assert "}" not in text
    assert not re.search(r"\b(?:certificate|report)\.[a-z]", text)
    assert "None" not in text


@both
@every
def test_nothing_is_claimed_beyond_what_was_seen(verdict: str, lang: Lang, tmp_path: Path) -> None:
    """No document says that something cannot be brought back, and each says what it does not claim."""
    text = " ".join(read(pdf_of(verdict, lang), tmp_path).split())
    assert TOO_MUCH.search("permanently destroyed")
    assert TOO_MUCH.search("unwiederbringlich gelöscht")
    assert not TOO_MUCH.search(text)
    assert TEXTS[lang]("certificate.not_claimed_media") in text
    assert "estos" in text
    assert ("Anrufjournal" if lang is Lang.DE else "call journal") in text


@both
@every
def test_only_what_was_proved_is_titled_a_proof(verdict: str, lang: Lang, tmp_path: Path) -> None:
    """Certificates and reports have different titles, first thing on the first page."""
    say = TEXTS[lang]
    text = read(pdf_of(verdict, lang), tmp_path)
    proof, report = say("certificate.title"), say("report.title")
    proves = verdict in {"PASS", "PENDING"}
    first = [line.strip() for line in text.splitlines() if line.strip()][1]
    assert first == (proof if proves else report)
    assert (proof in [line.strip() for line in text.splitlines()]) is proves
    provisional = say("certificate.state_pending") in text
    assert provisional is (verdict == "PENDING")
    unproved = say("certificate.level_reported")
    assert (unproved in text) is not proves, "a report does not say that a level was reached"
    instant = Figures(lang).instant(iso(GOOD.cutoff))
    kept = say("certificate.cutoff_value", instant=instant)
    assert instant in text
    assert (kept in text) is proves, "a report does not say that only old records went"


@pytest.mark.parametrize(
    ("verdict", "strongest"), [("PASS", "green"), ("PENDING", "amber"), ("FAIL", "red"), ("UNKNOWN", "red")]
)
def test_the_band_has_the_colour_of_the_verdict(verdict: str, strongest: str, tmp_path: Path) -> None:
    """Green is proved, amber is provisional, red is a report."""
    need(shutil.which("pdftoppm"), "pdftoppm is not installed")
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf_of(verdict, Lang.DE))
    command = ["pdftoppm", "-r", "10", "-f", "1", "-l", "1", str(path)]
    image = subprocess.run(command, capture_output=True, check=True).stdout
    header = re.match(rb"P6\s\d+\s\d+\s255\s", image)
    assert header
    red, green, blue = image[header.end() : header.end() + 3]
    colours = {"green": green > red and green > blue, "red": red > 2 * green and red > 2 * blue}
    colours["amber"] = red > green > 2 * blue
    assert colours[strongest]
    assert not any(found for colour, found in colours.items() if colour != strongest)


# -- every word has its sentence --------------------------------------------------------------------------------------


def all_words() -> Facts:
    """Give facts in which every word of the model that one purge can hold at once occurs."""
    people = tuple(
        Person(part=part, office=office, pseudonym="p-0123456789abcdef0123") for part in Part for office in Office
    )
    residue = dict.fromkeys(sorted(set(Code) - DONE), 1)
    return facts(
        sources=tuple(replace(GOOD.sources[0], unit_kind=kind) for kind in UnitKind),
        methods=tuple(Action),
        residue=residue,
        selected=Amount(units=1216 + len(residue), records=4_812_377, bytes=2_913_444_120),
        evidence=dict.fromkeys(Evidence, 3),
        people=people,
        checked=seen(late=4),
    )


@both
def test_every_word_of_one_purge_has_a_sentence(lang: Lang) -> None:
    """All kinds of units, ways of deleting, codes, evidence, parts and offices are told in this language."""
    say = TEXTS[lang]
    text = said(issued(all_words()), lang)
    for code in set(Code) - DONE:
        assert say(f"certificate.residue_{code}") in text
        assert say(f"certificate.next_{code}") in text
    for family, words in {
        "unit_kind": UnitKind,
        "method": Action,
        "evidence": Evidence,
        "part": Part,
        "office": Office,
    }.items():
        for word in words:
            assert say(f"certificate.{family}_{word}") in text


@both
@pytest.mark.parametrize(
    ("key", "changed"),
    [
        *((f"certificate.reason_{word}", {"reason": word}) for word in Reason),
        *((f"certificate.data_kind_{word}", {"rule": replace(GOOD.rule, data_kind=word)}) for word in DataKind),
        *((f"certificate.look_{word}", {"checked": replace(VERIFIED, look=word)}) for word in Look),
        *((f"certificate.level_{word.lower()}", {"level": word}) for word in Level),
        ("certificate.issuer_processor", {"role": Role.PROCESSOR}),
        ("certificate.unknown", {"issuer": ""}),
        ("certificate.checked_not", {"checked": None}),
        ("certificate.control_unseen", {"checked": replace(VERIFIED, control_seen=False)}),
        ("certificate.control_needless", {"checked": replace(VERIFIED, control_seen=False), "kept": Amount()}),
        ("certificate.residue_none", {"residue": {}, "set_aside": {}}),
        ("certificate.day", {"rule": replace(GOOD.rule, margin_seconds=24 * 3600)}),
    ],
)
def test_every_other_word_has_a_sentence(key: str, changed: dict[str, object], lang: Lang) -> None:
    """One after the other, what one purge can only have one of is told in this language."""
    assert TEXTS[lang](key) in said(issued(facts(**changed)), lang)


@both
@pytest.mark.parametrize("doubt", Doubt)
def test_every_doubt_is_told(doubt: Doubt, lang: Lang) -> None:
    """A report says in a sentence why it is none: every reason has one."""
    report = issued(facts(checked=None))
    changed = replace(report, body={**report.body, "doubts": [doubt.value]})
    assert TEXTS[lang](f"report.doubt_{doubt}") in said(changed, lang)


@both
def test_a_certificate_lists_no_doubts_and_says_what_is_left(lang: Lang) -> None:
    """The same counts stand in the section on what is left over, selected or not, with who does what next."""
    text = said(issued(), lang)
    say = TEXTS[lang]
    assert say("report.doubts") not in text
    active = f"{say('certificate.residue_active')} | 6 | {say('certificate.next_active')}"
    assert active in text, "four that were selected and two that were not"
    assert say("certificate.undatable_value", count="5") in text


def test_the_two_languages_show_the_same_numbers() -> None:
    """Whatever the language, the sequence of figures is the same."""
    dates = r"\b(?:\d{2}\.\d{2}\.\d{4}|\d{4}-\d{2}-\d{2})\b"
    german, english = (re.sub(r"[.,]", "", re.sub(dates, "", said(issued(), lang))) for lang in Lang)
    found = re.findall(r"[0-9]+", german)
    assert found == re.findall(r"[0-9]+", english)
    assert {"1240", "4809977", "2913444120"} <= set(found)


# -- the file ---------------------------------------------------------------------------------------------------------


@both
@every
def test_rendering_again_gives_the_same_bytes(verdict: str, lang: Lang) -> None:
    """The PDF depends on the document and the sentences only; another document gives another PDF."""
    assert rendered(DOCUMENTS[verdict], lang) == pdf_of(verdict, lang)
    assert rendered(issued(facts(undatable=6)), lang) != pdf_of(verdict, lang)


def test_the_date_of_making_is_the_end_of_the_purge() -> None:
    """The file carries the instant of the purge, not the one of rendering."""
    assert b"/CreationDate (D:20261124180135Z" in pdf_of("PASS", Lang.DE)


@every
def test_the_signed_document_is_attached(verdict: str, tmp_path: Path) -> None:
    """Another program takes the signed JSON out of the PDF, byte for byte."""
    need(shutil.which("pdfdetach"), "pdfdetach is not installed")
    path = tmp_path / "a.pdf"
    document = DOCUMENTS[verdict]
    path.write_bytes(pdf_of(verdict, Lang.EN))
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["pdfdetach", "-saveall", "-o", str(out), str(path)], capture_output=True, check=True)
    assert {found.name: found.read_bytes() for found in out.iterdir()} == {f"{document.id}.json": document.content}


def test_letters_that_the_fonts_lack_are_shown_escaped(tmp_path: Path) -> None:
    """A name outside Windows-1252 does not stop the PDF, and no letter of it vanishes."""
    text = read(rendered(issued(facts(issuer="Łódź Ωmega Euro GmbH")), Lang.EN), tmp_path)
    assert "<U+0141>ód<U+017A> <U+03A9>mega Euro GmbH" in text


@given(text=st.text(max_size=60))
def test_whatever_is_printed_can_be_printed(text: str) -> None:
    """Every text becomes one that the core fonts hold; one that they hold already stays what it is."""
    shown = printable(text)
    shown.encode("cp1252")
    assert printable(shown) == shown
    assert printable("„Löschlauf“ – 5 €") == "„Löschlauf“ – 5 €"


@both
def test_a_long_document_breaks_between_sections(lang: Lang, tmp_path: Path) -> None:
    """With every word in it a document still renders, on a few numbered pages."""
    text = read(rendered(issued(all_words()), lang), tmp_path)
    pages = text.count("\f")
    assert 2 < pages < 7
    assert TEXTS[lang]("certificate.page", page=str(pages), pages=str(pages)) in text


@both
def test_titles_fit_on_their_line(lang: Lang) -> None:
    """Neither title runs over the edge of the paper, and one that would is noticed here."""
    paper = FPDF()
    paper.set_font("Helvetica", "B", TITLE)
    for key in ("certificate.title", "report.title"):
        assert paper.get_string_width(TEXTS[lang](key)) <= WIDTH
    assert paper.get_string_width(TEXTS[lang]("report.title") * 2) > WIDTH


@both
def test_what_turned_up_late_is_not_passed_over(lang: Lang, tmp_path: Path) -> None:
    """Old records that appeared only after the preview are told, and nobody reads that nothing was left."""
    nothing = {"residue": {}, "set_aside": {}, "selected": replace(GOOD.selected, units=1216)}
    say = TEXTS[lang]
    clean, late = issued(facts(**nothing)), issued(facts(**nothing, checked=seen(late=4)))
    assert late.kind == "certificate"
    told, count = say("certificate.residue_none"), say("certificate.late_value", count="4")
    assert (told in said(clean, lang), count in said(clean, lang)) == (True, False)
    assert (told in said(late, lang), count in said(late, lang)) == (False, True)
    leads = {"clean": say("certificate.lead_clean"), "residue": say("certificate.lead_residue")}
    for document, lead in ((clean, "clean"), (late, "residue")):
        text = " ".join(read(rendered(document, lang), tmp_path).split())
        assert {name for name, sentence in leads.items() if sentence in text} == {lead}


# -- figures ----------------------------------------------------------------------------------------------------------


@given(number=st.integers(0, 2**53))
def test_numbers_keep_their_digits(number: int) -> None:
    """Separators are all that is added, one every three digits, each language its own."""
    german, english = Figures(Lang.DE).number(number), Figures(Lang.EN).number(number)
    assert german.replace(".", "") == english.replace(",", "") == str(number)
    assert re.fullmatch(r"\d{1,3}(?:\.\d{3})*", german)
    assert german == english.replace(",", ".")


@pytest.mark.parametrize(
    ("count", "german", "english"),
    [
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (1000, "1,0 kB", "1.0 kB"),
        (1999, "1,9 kB", "1.9 kB"),
        (999_999, "999,9 kB", "999.9 kB"),
        (2_904_456_793, "2,9 GB", "2.9 GB"),
        (5 * 10**18, "5.000,0 PB", "5,000.0 PB"),
    ],
)
def test_amounts_are_rounded_down(count: int, german: str, english: str) -> None:
    """An amount never looks larger than it is."""
    assert (Figures(Lang.DE).size(count), Figures(Lang.EN).size(count)) == (german, english)


@given(instant=st.integers(0, 4_000_000_000_000_000))
def test_instants_lose_nothing(instant: int) -> None:
    """Every instant is shown to its last microsecond, so that two never look the same by rounding."""
    shown = Figures(Lang.EN).instant(iso(instant))
    assert shown.endswith(" UTC")
    day, clock = shown.removesuffix(" UTC").split(", ")
    whole, _, fraction = iso(instant).removesuffix("Z").partition(".")
    assert (day, clock.partition(".")[0]) == tuple(whole.split("T"))
    assert clock.partition(".")[2] == fraction.rstrip("0")


@pytest.mark.parametrize(
    ("seconds", "shown"), [(86_400, "1 day"), (90 * 86_400, "90 days"), (3_600, "1 h"), (36 * 3_600 + 5, "36 h")]
)
def test_periods_are_told_in_days(seconds: int, shown: str) -> None:
    """Whole days are days, anything else is hours."""
    assert Figures(Lang.EN).period(seconds, TEXTS[Lang.EN]) == shown


def test_a_missing_instant_is_a_dash() -> None:
    """Where nothing was deleted there is no oldest record."""
    nothing = facts(
        oldest_deleted=None, youngest_deleted=None, oldest_remaining=None, deleted=Amount(), rewritten_units=0,
        selected=Amount(units=24), evidence={},
    )  # fmt: skip
    document = issue(nothing, verdict=Verdict.PASS, signer=SIGNER, now=ENDED)
    label = TEXTS[Lang.EN]("certificate.deleted_span")
    assert f"{label}: –" in said(document, Lang.EN)
    assert rendered(document, Lang.EN)
