"""The sentences of the cards: both languages say the same things, every key is used, and the tone is right."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from cards.alerts import STEPS
from cards.deliveries import ABOUTS
from cards.purge_parts import CHANGES
from cards.texts import Texts, load_texts
from data.access import Role
from data.certificate.model import Doubt, Look, Office, Part, Reason, UnitKind
from data.desk.alert import AlertState
from data.desk.delivery import DeliveryState
from data.desk.standing import StandingState
from data.desk.standing_steps import Problem
from data.labels import Lang
from data.questions.commands import Command
from data.retention.evidence import Evidence
from data.retention.finding import FindingKind
from data.retention.request import State
from data.retention.residue import DONE, Code
from data.retention.rule import DataKind
from data.retention.unit import Action
from data.retention.verdict import Level, Verdict
from data.watch import Standing
from dialogs.help import DOORS
from tests.cards.test_refused import refusing_words
from tests.cards.test_retention_cards import causes
from tests.domain import ROOT

ERRORS = ("gone", "no_reference", "throttled", "not_sent", "unknown", "unauthorized", "rejected", "foreign_host",
          "not_drawn", "short_form")  # fmt: skip
SPEAKING = ("cards", "dialogs", "bot", "data/certificate")
TEXTS = load_texts()
CODE = [
    path
    for folder in SPEAKING
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.name != "telemetry.py"  # its names are those of OpenTelemetry, not of sentences
]
FAMILIES = {
    "commands.*": {f"commands.{command.value}" for command in Command},
    "roles.*": {f"roles.{role.value}" for role in Role},
    "help.*": {"help.admin", "help.dpo"},
    "help.door_*": {f"help.door_{door}" for door in DOORS},
    "help.examples_*": {"help.examples_admin", "help.examples_dpo"},
    "certificate.data_kind_*": {f"certificate.data_kind_{kind}" for kind in DataKind},
    "certificate.evidence_*": {f"certificate.evidence_{kind}" for kind in Evidence},
    "certificate.level_*": {f"certificate.level_{level.lower()}" for level in Level},
    "certificate.look_*": {f"certificate.look_{look}" for look in Look},
    "certificate.method_*": {f"certificate.method_{action}" for action in Action},
    "certificate.next_*": {f"certificate.next_{code}" for code in set(Code) - DONE},
    "certificate.office_*": {f"certificate.office_{office}" for office in Office},
    "certificate.part_*": {f"certificate.part_{part}" for part in Part},
    "certificate.reason_*": {f"certificate.reason_{reason}" for reason in Reason},
    "certificate.residue_*": {f"certificate.residue_{code}" for code in set(Code) - DONE},
    "certificate.result_*": {f"certificate.result_{verdict.lower()}" for verdict in Verdict},
    "certificate.state_*": {"certificate.state_pass", "certificate.state_pending"},
    "certificate.unit_kind_*": {f"certificate.unit_kind_{kind}" for kind in UnitKind},
    "standing.problem_*": {f"standing.problem_{problem}" for problem in Problem},
    "standing.state_*": {f"standing.state_{state}" for state in StandingState},
    "purging.changed_*": {f"purging.changed_{name}" for name in (*CHANGES, "other")},
    "purging.done_*": {f"purging.done_{code}" for code in DONE},
    "purging.phase_*": {f"purging.phase_{phase}" for phase in ("preview", "execute", "verify")},
    "purging.says_*": {f"purging.says_{state}" for state in State},
    "purging.state_*": {f"purging.state_{state}" for state in State},
    "purging.verdict_*": {f"purging.verdict_{verdict.lower()}" for verdict in Verdict},
    "purging.who_*": {f"purging.who_{who}" for who in ("you", "admin", "dpo", "host", "system", "somebody")},
    "report.doubt_*": {f"report.doubt_{doubt}" for doubt in Doubt},
    "report.state_*": {"report.state_fail", "report.state_unknown"},
    "alert.what_*": {f"alert.what_{kind}" for kind in FindingKind},
    "alert.means_*": {f"alert.means_{kind}" for kind in FindingKind},
    "alert.why_*": {f"alert.why_{kind}" for kind in FindingKind},
    "alert.do_*": {f"alert.do_{kind}" for kind in FindingKind},
    "alert.cause_*": {f"alert.cause_{cause}" for _, cause in causes()},
    "alert.state_*": {f"alert.state_{state}" for state in AlertState},
    "alert.step_*": {f"alert.step_{step}" for step in (*STEPS, "other")},
    "alert.done_*": {f"alert.done_{step}" for step in ("acknowledged", "snoozed", "escalated")},
    "alert.by_*": {f"alert.by_{who}" for who in ("system", "admin", "dpo", "nobody")},
    "alert.weight_*": {f"alert.weight_{weight}" for weight in ("incident", "late", "soon", "check", "settled")},
    "alert.counted_*": {
        f"alert.counted_{thing}" for thing in ("records", "files", "places", "series", "lines", "days", "cards")
    },
    "alert.since_*": {f"alert.since_{what}" for what in ("oldest", "purge", "review", "expiry", "event")},
    "delivery.about_*": {f"delivery.about_{kind}" for kind in (*ABOUTS, "other")},
    "delivery.to_*": {f"delivery.to_{who}" for who in ("dpo", "admin", "other", "channel_dpo", "channel_admin")},
    "delivery.state_*": {f"delivery.state_{state}" for state in DeliveryState},
    "delivery.error_*": {f"delivery.error_{word}" for word in (*ERRORS, "other")},
    "retention.standing_*": {f"retention.standing_{standing}" for standing in Standing},
    "digest.busy_*": {
        f"digest.busy_{word}"
        for word in ("overdue", "unknown", "alerts", "purges", "certificates", "holds", "deliveries")
    },
    "digest.verdict_*": {f"digest.verdict_{verdict.lower()}" for verdict in Verdict},
    "digest.certificate_*": {
        f"digest.certificate_{document}" for document in ("issued", "provisional", "report", "missing", "awaited")
    },
    "kinds.*": {f"kinds.{kind}" for kind in DataKind},
    "refused.*": {f"refused.{reason}" for reason in (*refusing_words(), "other")},
}
"""The keys that code puts together from a value, and which values there are."""
SECTIONS = sorted({key.partition(".")[0] for key in TEXTS[Lang.DE].keys()})  # noqa: SIM118  not a mapping
NINETY: Mapping[str, tuple[str, ...]] = {
    "command.limit": ("2.7", "estos"),
    "terms.clause_2_7": ("2.7",),
    "refused.bad_review_date": ("Prüftermin|review date",),
}
"""The sentences that may name ninety days, and what has to stand beside it in each."""


@cache
def sentences(lang: Lang) -> Mapping[str, str]:
    """Give every sentence of a language as it stands in the file, with its placeholders."""
    return {key: TEXTS[lang](key) for key in TEXTS[lang].keys()}  # noqa: SIM118  not a mapping


def placeholders(sentence: str) -> set[str]:
    """List the placeholders of a sentence."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def keys_in(path: Path) -> Iterator[str]:
    """Find what looks like a key in a module: whole ones, and families with `*` for what is filled in."""
    shape = re.compile(rf"(?:{'|'.join(SECTIONS)})\.[a-z0-9_*]+")
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            found = node.value
        elif isinstance(node, ast.JoinedStr):
            found = "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
        else:
            continue
        if shape.fullmatch(found):
            yield found


@cache
def used_keys() -> frozenset[str]:
    """List every key that code asks for."""
    found = {key for path in CODE for key in keys_in(path)}
    families = {key for key in found if "*" in key}
    assert families == set(FAMILIES), "the table of families at the top must name what the code puts together"
    return frozenset((found - families).union(*FAMILIES.values()))


def test_both_languages_have_the_same_keys() -> None:
    """No sentence exists in one language only."""
    assert sentences(Lang.DE).keys() == sentences(Lang.EN).keys()


def test_both_languages_take_the_same_values() -> None:
    """A sentence has the same placeholders in both languages."""
    german, english = sentences(Lang.DE), sentences(Lang.EN)
    assert {key for key in german if placeholders(german[key]) != placeholders(english[key])} == set()
    assert placeholders("from {begins} to {ends}") == {"begins", "ends"}, "the positive control"


@pytest.mark.parametrize("lang", Lang)
def test_no_sentence_is_empty(lang: Lang) -> None:
    """A sentence has words, and no blanks around them."""
    assert {key: said for key, said in sentences(lang).items() if not said or said.strip() != said} == {}


def test_no_key_is_missing() -> None:
    """Every key that code asks for exists."""
    assert used_keys() - sentences(Lang.DE).keys() == set()


def test_no_key_is_left_over() -> None:
    """Every sentence is used by some card."""
    assert sentences(Lang.DE).keys() - used_keys() == set()


def test_an_unknown_key_or_a_missing_value_is_loud() -> None:
    """A mistake in code fails at once instead of showing half a sentence; with all values the sentence is whole."""
    texts = Texts(Lang.EN, {"a.b": "for {name}"})
    assert texts("a.b", name="you") == "for you"
    with pytest.raises(KeyError):
        texts("a.c")
    with pytest.raises(KeyError):
        texts("a.b", other="x")


def test_values_are_never_read_as_placeholders() -> None:
    """Braces in a value stay what they are."""
    texts = Texts(Lang.EN, {"a.b": "for {name}"})
    assert texts("a.b", name="{0} {name}") == "for {0} {name}"


RUDE = re.compile(
    r"\b(?:du|dich|dir|dein\w*|euch|euer|eure\w*|[Kk]annst|[Mm]öchtest|[Hh]ast)\b|\b(?:sie können|sie dürfen|ihnen)\b"
)
NOT_ENGLISH = re.compile(r"[äöüßÄÖÜ„]|\b(?:und|der|die|nicht|Ihre?)\b")
SPELT_OUT = re.compile(r"\b(?:fuer|ueber|koennen|koennte|muessen|loesch\w*|Loesch\w*|pruef\w*|Pruef\w*|waehl\w*)\b")
STRAIGHT = re.compile(r"[\"']|\.\.\.| - ")
ONE_OR_MORE = re.compile(r"\{count\} (?!von\b|of\b|–)[a-zäöüA-ZÄÖÜ]")
"""A count right before a word: with 1 the word would be wrong ("1 Dateien")."""
MORE_THAN_ONE = {"answer.groups_in_general", "certificate.days", "certificate.hours", "handover.list_more",
                 "purging.missing_more"}  # fmt: skip
"""Sentences with a count before a word that fits: said from two on, or fitting one as well."""


def offending(lang: Lang, pattern: re.Pattern[str]) -> dict[str, str]:
    """List the sentences of a language that hold what they must not; word lists that are never shown are left out."""
    return {
        key: said for key, said in sentences(lang).items() if pattern.search(said) and not key.startswith("snooze.")
    }


def test_german_is_polite() -> None:
    """German sentences say Sie, and write their umlauts."""
    assert offending(Lang.DE, RUDE) == {}
    assert offending(Lang.DE, SPELT_OUT) == {}
    for wrong in ("Willst du das?", "Hier steht dein Text", "was ihnen hilft"):
        assert RUDE.search(wrong), "the positive control"
    assert SPELT_OUT.search("Loeschlauf pruefen")


def test_english_is_english() -> None:
    """English sentences hold no German word."""
    assert offending(Lang.EN, NOT_ENGLISH) == {}
    assert NOT_ENGLISH.search("the purge und more"), "the positive control"


@pytest.mark.parametrize("lang", Lang)
def test_marks_are_those_of_print(lang: Lang) -> None:
    """No straight quotation mark or apostrophe, no three full stops and no hyphen for a dash."""
    assert offending(lang, STRAIGHT) == {}
    for wrong in ("the bot's clock", 'say "yes"', "wait...", "one - two"):
        assert STRAIGHT.search(wrong), "the positive control"


@pytest.mark.parametrize("lang", Lang)
def test_counts_fit_one_as_well(lang: Lang) -> None:
    """A count stands behind a colon, or where it is never one, so that nobody reads of "1 Dateien"."""
    assert offending(lang, ONE_OR_MORE).keys() == MORE_THAN_ONE
    assert ONE_OR_MORE.search("Es fehlen {count} Dateien"), "the positive control"


@pytest.mark.parametrize("lang", Lang)
def test_a_standing_rule_has_one_name(lang: Lang) -> None:
    """The words of the glossary are the words of the cards."""
    assert offending(lang, re.compile(r"Dauerregel|Prüfdatum|[Pp]olicy|\bjournal of the (?:bot|purge)")) == {}


@pytest.mark.parametrize("lang", Lang)
def test_only_few_sentences_name_ninety_days(lang: Lang) -> None:
    """The 90 days stand beside their clause or the review date, each time with what they mean, and nowhere else."""
    naming = {key for key, said in sentences(lang).items() if names_ninety(said)}
    assert naming == NINETY.keys()
    for key, words in NINETY.items():
        for word in words:
            assert re.search(word, sentences(lang)[key]), (key, word)
    for wrong in ("nach 90 Tagen", "nach neunzig Tagen", "after ninety days", "within 90 days"):
        assert names_ninety(wrong), "the positive control"
    assert not names_ninety("Ziffer 1907"), "only the number itself"


def names_ninety(sentence: str) -> bool:
    """Tell whether a sentence names ninety of anything."""
    return bool(re.search(r"(?<!\d)90(?!\d)|neunzig|ninety", sentence.lower()))


@pytest.mark.parametrize("lang", Lang)
def test_no_limit_is_put_beside_the_call_journal(lang: Lang) -> None:
    """Where the call journal is named, no number of days is, but to say that they do not reach it."""
    days = re.compile(r"\d+ (?:Tage|days)|\{days\}")
    journal = re.compile(r"(?<!nie das )Anrufjournal|(?<!never the )(?<!nor the )call journal")
    assert [key for key, said in sentences(lang).items() if days.search(said) and journal.search(said)] == []
    assert journal.search("Das Anrufjournal wird nach 90 Tagen gelöscht"), "the positive control"
    assert journal.search("the call journal is deleted after 90 days"), "the positive control"


@pytest.mark.parametrize("lang", Lang)
def test_no_sentence_holds_an_address(lang: Lang) -> None:
    """Addresses come from the catalogue and the settings, never from a sentence."""
    assert not [key for key, sentence in sentences(lang).items() if re.search(r"https?:|www\.|@", sentence)]


def test_feedback_buttons_have_labels_that_say_more() -> None:
    """A bare yes tells a screen reader nothing; the label is a whole statement."""
    for lang in Lang:
        found = sentences(lang)
        for button in ("answer.feedback_yes", "answer.feedback_no"):
            assert len(found[f"{button}_label"].split()) > len(found[button].split())


# -- no sentence in code ----------------------------------------------------------------------------------------------

SPOKEN = [path for folder in ("cards", "dialogs") for path in sorted((ROOT / folder).rglob("*.py"))]
SPOKEN += [ROOT / "bot" / name for name in ("correspondence.py", "reception.py", "outbox.py", "handler.py")]
PROSE = re.compile(r"[A-Za-zÄÖÜäöüß]{2,}[,.:;]? [A-Za-zÄÖÜäöüß]{2,}|[ÄÖÜäöüß]")
PATTERNS = {"dd.MM.y, HH:mm zzz", "d MMM y, HH:mm zzz"}
"""How babel is told to write an instant."""
SHOWING = {"text", "heading", "subtle", "button", "execute", "open_url", "field", "choice_field", "day_field", "facts"}
SILENT = ("Error", "debug", "info", "warning", "error", "exception")
"""Calls whose words go to the operator: what is raised and what is logged."""


def words_for_people(source: str) -> Iterator[str]:
    """Find what people would read in code: prose in plain strings, and any word that is shown as it stands."""
    tree = ast.parse(source)
    quiet = {id(part) for node in ast.walk(tree) if _is_quiet(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
            if PROSE.search(node.value) and node.value not in PATTERNS:
                yield node.value
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in SHOWING and node.args:
            shown = node.args[1 if "field" in ast.unparse(node.func) and len(node.args) > 1 else 0]
            parts = shown.values if isinstance(shown, ast.JoinedStr) else [shown]
            yield from (
                part.value
                for part in parts
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and re.search(r"[^\W\d_]", part.value)
            )


def _is_quiet(node: ast.AST) -> bool:
    """Tell whether words stand there for readers of the code or for operators: docstrings, errors, the log."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2].endswith(SILENT)


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_code_holds_a_sentence_that_people_read(path: Path) -> None:
    """Cards, dialogs and what writes to people take every word from the files of sentences."""
    assert list(words_for_people(path.read_text(encoding="utf-8"))) == []


def test_the_search_for_sentences_finds_them() -> None:
    """A sentence, half a sentence in an f-string, and a single word on a button are found; keys and errors are not."""
    for code, found in (
        ('body = [text("Bitte warten Sie.")]', {"Bitte warten Sie."}),
        ('note = f"There are {count} files"', {"There are "}),
        ('made = button("Freigeben", verb, data)', {"Freigeben"}),
        ('made = field("reason", "Grund")', {"Grund"}),
        ('title = "Löschlauf"', {"Löschlauf"}),
        ('body = [text(said("purging.title", source=name))]', set()),
        ('raise RefusedError("bad_date", "this is no date")', set()),
        ('"""A docstring with words."""', set()),
    ):
        assert (set(words_for_people(code)) & found) == found, code
        assert bool(list(words_for_people(code))) == bool(found), code
