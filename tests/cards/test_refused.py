"""Every reason for which anything is refused has a sentence of its own in both languages."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cards.elements import visible_text
from cards.parts import Said
from cards.refused import PREFIX, refusal_card
from cards.texts import load_texts
from data.labels import Lang
from tests.cards.test_rules import problems
from tests.domain import ROOT

ERRORS = {"RefusedError", "ClockError"}
HANDED_ON = {
    "data/purge/clock_guard.py": "judge_tick",
    "dialogs/standing.py": "_limits",
}
"""Where a reason is not written in the call itself, and the function that the words come from."""
SAID = {lang: Said(texts=texts, zone=ZoneInfo("Europe/Berlin")) for lang, texts in load_texts().items()}


def words_in(node: ast.AST) -> Iterator[str]:
    """List the plain strings below a node."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value:
            yield part.value


def raised(tree: ast.Module, source: str = "") -> Iterator[str]:
    """List the reasons of the refusals that a module raises; `?` for one that cannot be told."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] not in ERRORS:
            continue
        found = list(words_in(node.args[0]))
        if found:
            yield from found
        else:
            yield from handed_on(tree, HANDED_ON[source]) if source in HANDED_ON else "?"


def handed_on(tree: ast.Module, function: str) -> Iterator[str]:
    """List the words that a function returns, or hands to another as a reason."""
    body = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    for node in ast.walk(body):
        if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Call):
            yield from words_in(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "_whole":
            yield from words_in(node.args[2])


def told(tree: ast.Module) -> Iterator[str]:
    """List the reasons that a dialog gives by itself, and those that stand for other errors."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "reason":
            yield from plain(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".refusal"):
            yield from (word for given in node.args[1:2] for word in plain(given))
        elif isinstance(node, ast.AsyncFunctionDef) and node.name == "guarded":
            sets = [part.value for part in ast.walk(node) if isinstance(part, ast.Assign)]
            yield from (word for given in sets for word in plain(given))


def plain(node: ast.AST) -> Iterator[str]:
    """List the words that a value is made of, without what is handed to other calls."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp | ast.Tuple):
        parts = node.elts if isinstance(node, ast.Tuple) else [node.body, node.orelse]
        yield from (word for part in parts for word in plain(part))


def parsed(folder: str) -> Iterator[tuple[str, ast.Module]]:
    """Read every module of a floor."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


@cache
def refusing_words() -> frozenset[str]:
    """List every word for which anything is refused."""
    found = {word for folder in ("data", "dialogs") for name, tree in parsed(folder) for word in raised(tree, name)}
    return frozenset(found.union(*(told(tree) for _, tree in parsed("dialogs"))))


@pytest.mark.parametrize("lang", Lang)
def test_every_reason_has_its_sentence(lang: Lang) -> None:
    """Whatever is refused is explained, never with the general sentence and never with words of the code."""
    known = load_texts()[lang].keys()
    assert {word for word in refusing_words() if PREFIX + word not in known} == set()


def test_the_search_for_reasons_finds_them() -> None:
    """The scan sees each way in which the code names a reason, and would report one that it cannot tell."""
    assert len(refusing_words()) > 60
    assert {
        "wrong_code",  # written in the call
        "blast_limit",  # written on a line of its own
        "jumped",  # handed on by the clock
        "bad_time",  # handed on by the form
        "clock_backward",  # a clock that the audit does not believe
        "foreign",  # told by a dialog
        "unreachable",  # told for another error
    } <= refusing_words()
    sample = "def f(w):\n    raise RefusedError('never_heard', 'no')\n\ndef g(w):\n    raise errors.ClockError(w)\n"
    assert list(raised(ast.parse(sample))) == ["never_heard", "?"]
    assert PREFIX + "never_heard" not in load_texts()[Lang.DE].keys()  # noqa: SIM118  not a mapping


def test_only_the_known_places_hand_a_reason_on() -> None:
    """Each place that names no reason in the call is in the table, and each place in the table is one."""
    found = {name for folder in ("data", "dialogs") for name, tree in parsed(folder) if "?" in raised(tree)}
    assert found == set(HANDED_ON)


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("reason", sorted(refusing_words()))
def test_every_refusal_makes_a_whole_card(reason: str, lang: Lang) -> None:
    """The card of each refusal follows all rules, says its reason, who could do it, and that nothing was changed."""
    said = SAID[lang]
    shown = refusal_card(said, reason, roles=("admin", "dpo"), detail="never shown: request 3f2a")
    seen = visible_text(shown)
    assert problems(shown) == []
    assert said(PREFIX + reason) in seen
    assert said("refused.nothing_changed") in seen
    assert "3f2a" not in seen


def test_an_unforeseen_reason_is_said_with_the_words_of_the_service() -> None:
    """A word without a sentence gets the general one, with what the service said as plain text."""
    said = SAID[Lang.DE]
    seen = visible_text(refusal_card(said, "never_heard", detail="no *such* [thing](http://x)"))
    assert said("refused.other") in seen
    assert r"\[thing\]\(http://x\)" in seen


def test_reasons_do_not_share_a_sentence_by_accident() -> None:
    """Two reasons are said alike only where they mean the same to a person: a clock that went back."""
    alike = {"backwards", "clock_backward", "clock_backwards"}
    for said in SAID.values():
        sentences = [said(PREFIX + word) for word in refusing_words() - alike]
        assert len(set(sentences)) == len(sentences)


def test_the_scan_reads_the_whole_product() -> None:
    """No module of data/ or dialogs/ is left out."""
    names = [name for folder in ("data", "dialogs") for name, _ in parsed(folder)]
    assert len(names) > 100
    assert all(Path(ROOT / name).is_file() for name in names)
