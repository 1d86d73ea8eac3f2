"""The sentences of the cards: both languages say the same things, every key is used, and the tone is right."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from cards.alerts import STEPS
from cards.deliveries import ABOUTS
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
from data.retention.residue import DONE, Code
from data.retention.rule import DataKind
from data.retention.unit import Action
from data.retention.verdict import Level, Verdict
from data.watch import Standing
from tests.cards.test_retention_cards import causes
from tests.domain import ROOT

ERRORS = ("gone", "no_reference", "throttled", "not_sent", "unknown", "unauthorized", "rejected", "foreign_host",
          "not_drawn", "short_form")  # fmt: skip
SPEAKING = ("cards", "dialogs", "bot", "data/certificate")
CODE = [path for folder in SPEAKING for path in sorted((ROOT / folder).rglob("*.py"))]
FAMILIES = {
    "commands.*": {f"commands.{command.value}" for command in Command},
    "roles.*": {f"roles.{role.value}" for role in Role},
    "help.*": {"help.admin", "help.dpo"},
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
    "report.doubt_*": {f"report.doubt_{doubt}" for doubt in Doubt},
    "report.state_*": {"report.state_fail", "report.state_unknown"},
    "alert.what_*": {f"alert.what_{kind}" for kind in FindingKind},
    "alert.means_*": {f"alert.means_{kind}" for kind in FindingKind},
    "alert.why_*": {f"alert.why_{kind}" for kind in FindingKind},
    "alert.do_*": {f"alert.do_{kind}" for kind in FindingKind},
    "alert.cause_*": {f"alert.cause_{cause}" for _, cause in causes()} | {"alert.cause_not_recorded"},
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
        f"digest.certificate_{document}" for document in ("issued", "provisional", "report", "missing")
    },
    "kinds.*": {f"kinds.{kind}" for kind in DataKind},
    "refused.*": {key for key in load_texts()[Lang.DE].keys() if key.startswith("refused.")},  # noqa: SIM118
}
"""The keys that code puts together from a value, and which values there are."""
SECTIONS = sorted({key.partition(".")[0] for key in load_texts()[Lang.DE].keys()})  # noqa: SIM118  not a mapping
LIMIT = "command.limit"


def sentences(lang: Lang) -> dict[str, str]:
    """Give every sentence of a language as it stands in the file, with its placeholders."""
    texts = load_texts()[lang]
    return {key: texts(key) for key in texts.keys()}  # noqa: SIM118  not a mapping


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


def used_keys() -> set[str]:
    """List every key that code asks for."""
    found = {key for path in CODE for key in keys_in(path)}
    families = {key for key in found if "*" in key}
    assert families == set(FAMILIES), "the table of families at the top must name what the code puts together"
    return (found - families) | set().union(*FAMILIES.values())


def test_both_languages_have_the_same_keys() -> None:
    """No sentence exists in one language only."""
    assert sentences(Lang.DE).keys() == sentences(Lang.EN).keys()


@pytest.mark.parametrize("key", sorted(sentences(Lang.DE)))
def test_both_languages_take_the_same_values(key: str) -> None:
    """A sentence has the same placeholders in both languages, and is not empty."""
    german, english = sentences(Lang.DE)[key], sentences(Lang.EN)[key]
    assert placeholders(german) == placeholders(english)
    assert german.strip() == german != ""
    assert english.strip() == english != ""


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


@pytest.mark.parametrize("key", sorted(sentences(Lang.DE)))
def test_german_is_polite(key: str) -> None:
    """German sentences say Sie, with German quotation marks and no straight ones."""
    sentence = sentences(Lang.DE)[key]
    assert not re.search(r"\b(?:du|dich|dir|dein\w*|euch|euer|eure\w*|[Kk]annst|[Mm]öchtest|[Hh]ast)\b", sentence)
    assert not re.search(r"\b(?:sie können|sie dürfen|ihnen)\b", sentence)
    assert '"' not in sentence
    assert "'" not in sentence


@pytest.mark.parametrize("key", sorted(sentences(Lang.EN)))
def test_english_is_english(key: str) -> None:
    """English sentences hold no German word and no straight quotation mark."""
    sentence = sentences(Lang.EN)[key]
    assert not re.search(r"[äöüßÄÖÜ„]|\b(?:und|der|die|nicht|Ihre?)\b", sentence)
    assert '"' not in sentence
    assert "'" not in sentence


@pytest.mark.parametrize("lang", Lang)
def test_only_the_limit_sentence_names_ninety_days(lang: Lang) -> None:
    """The 90 days stand in one sentence of the cards, beside their clause and what they do not cover."""
    naming = {key for key, sentence in sentences(lang).items() if re.search(r"90|neunzig|ninety", sentence.lower())}
    assert naming == {LIMIT}
    limit = sentences(lang)[LIMIT]
    assert "2.7" in limit
    assert "estos" in limit
    assert ("Anrufjournal" in limit) or ("call journal" in limit)


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
