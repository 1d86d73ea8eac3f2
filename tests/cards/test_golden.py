"""Each card family in both languages is what was last looked at; PROCALL_UPDATE_GOLDEN=1 writes the files anew."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from data.labels import Lang
from tests.cards.gallery import FAMILIES, Studio, found, made

GOLDEN = Path(__file__).parent.parent / "golden"
SEARCH = ("found", "found_preview")


def check(name: str, lang: Lang, card: Mapping[str, Any]) -> None:
    """Compare a card with its golden file, or write the file where that was asked for."""
    path = GOLDEN / lang.value / f"{name}.json"
    if os.environ.get("PROCALL_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: look at the card and run again with PROCALL_UPDATE_GOLDEN=1"
    assert json.loads(path.read_text(encoding="utf-8")) == card


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("family", FAMILIES)
def test_each_card_is_as_it_was_approved(studio: Studio, family: str, lang: Lang) -> None:
    """A card changes only together with its golden file, so that every change of a sentence is seen in review."""
    check(family, lang, made(studio, family, lang))


@pytest.mark.parametrize("lang", Lang)
def test_a_search_result_is_as_it_was_approved(studio: Studio, lang: Lang) -> None:
    """The card that a search inserts and its line in the list change only together with their golden files."""
    for name, card in zip(SEARCH, found(studio, lang), strict=True):
        check(name, lang, card)


def test_no_golden_file_is_left_over() -> None:
    """Every golden file belongs to a card family of today."""
    names = {f"{lang.value}/{name}.json" for lang in Lang for name in (*FAMILIES, *SEARCH)}
    assert {path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*.*")} == names
