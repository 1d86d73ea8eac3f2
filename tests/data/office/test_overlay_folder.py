"""Writing to an overlay: what is written is read back the same, whole or not at all, and the version before is kept."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.catalogue.loader import load_catalogue
from data.errors import CatalogueError
from data.labels import Lang
from data.office.overlay import (
    EARLIER,
    Change,
    apply_change,
    staged,
    toml_of,
    with_entry,
    with_phrasing,
    without_entry,
    without_phrasing,
)

BY_HAND = """\
# our own words
id = "recording"
answer.de = "Bei uns wird nichts aufgezeichnet."
phrasings.de = ["zeichnet die anlage mit"]

[[aspects]]
id = "retention"
answer.de = "Zu keinem."
"""
ENTRY = {
    "group": "own",
    "outcome": "answer",
    "title": {"de": "Kantine", "en": "Kantine"},
    "answer": {"de": "Keine Namen.", "en": "Keine Namen."},
    "phrasings": {"de": ["zeigt der kantinenbildschirm namen"]},
}
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SCALARS = WORDS | st.booleans() | st.integers(-(2**63), 2**63 - 1)
TABLES = st.recursive(
    st.dictionaries(WORDS, SCALARS | st.lists(WORDS, max_size=3), max_size=4),
    lambda inner: st.dictionaries(WORDS, SCALARS | inner | st.lists(inner, min_size=1, max_size=3), max_size=4),
    max_leaves=8,
)


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """Give an overlay with one file that somebody wrote."""
    topics = tmp_path / "own" / "topics"
    topics.mkdir(parents=True)
    (topics / "ours.toml").write_text(BY_HAND, encoding="utf-8")
    return tmp_path / "own"


def names(overlay: Path) -> list[str]:
    """List all files of an overlay."""
    return sorted(path.relative_to(overlay).as_posix() for path in overlay.rglob("*") if path.is_file())


@given(TABLES)
def test_whatever_is_written_is_read_back_the_same(table: dict[str, Any]) -> None:
    """A table of texts, numbers, lists and tables comes back as it was, whatever its texts hold."""
    assert tomllib.loads(toml_of(table)) == table


def test_a_phrasing_of_a_shipped_topic_gets_a_file_and_changes_no_answer(overlay: Path) -> None:
    """The new phrasing is read, and the answer stays the shipped one, not an answer of the company."""
    apply_change(overlay, with_phrasing(overlay, "journal", "de", 'wer sieht "meine" liste'))
    journal = load_catalogue(overlay=overlay).topics["journal"]
    shipped = load_catalogue().topics["journal"]
    assert 'wer sieht "meine" liste' in journal.general.phrasings[Lang.DE]
    assert (journal.general.answer, journal.changed_by_overlay) == (shipped.general.answer, False)
    assert load_catalogue(overlay=overlay).topics["recording"].changed_by_overlay
    assert names(overlay) == ["topics/journal.toml", "topics/ours.toml"]


def test_what_somebody_wrote_is_kept(overlay: Path) -> None:
    """A phrasing goes into the file that has the topic; everything it said is still said, the old file lies aside."""
    before = load_catalogue(overlay=overlay).topics["recording"]
    apply_change(overlay, with_phrasing(overlay, "recording", "de", "nehmt ihr auf"))
    after = load_catalogue(overlay=overlay).topics["recording"]
    assert after.general.phrasings[Lang.DE] == (*before.general.phrasings[Lang.DE], "nehmt ihr auf")
    assert (after.general.answer, after.aspects) == (before.general.answer, before.aspects)
    assert names(overlay) == ["earlier/ours.toml.0001", "topics/ours.toml"]
    assert (overlay / EARLIER / "ours.toml.0001").read_text(encoding="utf-8") == BY_HAND


def test_the_same_change_again_is_no_change(overlay: Path) -> None:
    """After a crash the same phrasing is added once more: nothing is written and nothing lies twice."""
    for _ in range(3):
        apply_change(overlay, with_phrasing(overlay, "journal", "de", "wer sieht das"))
    assert names(overlay) == ["topics/journal.toml", "topics/ours.toml"]


def test_versions_are_numbered(overlay: Path) -> None:
    """Each change keeps the version before under the next number, and none of them is read as a topic."""
    for number in range(12):
        apply_change(overlay, with_phrasing(overlay, "recording", "de", f"frage {number}"))
    kept = sorted(path.name for path in (overlay / EARLIER).iterdir())
    assert kept == [f"ours.toml.{number:04}" for number in range(1, 13)]
    assert len(load_catalogue(overlay=overlay).topics) == len(load_catalogue().topics)


def test_an_entry_of_its_own_and_its_way_back(overlay: Path) -> None:
    """An own entry is an own topic, marked as the company's; taken out, the overlay says what it said before."""
    digest = load_catalogue(overlay=overlay).digest
    apply_change(overlay, with_entry(overlay, "own_7", ENTRY))
    topic = load_catalogue(overlay=overlay).topics["own_7"]
    assert topic.changed_by_overlay
    assert topic.general.answer[Lang.DE] == "Keine Namen."
    for _ in range(2):
        apply_change(overlay, without_entry(overlay, "own_7"))
        assert load_catalogue(overlay=overlay).digest == digest


def test_a_phrasing_is_taken_out_without_the_others(overlay: Path) -> None:
    """Only the phrasing goes; a file that holds nothing else goes with it."""
    for text in ("erste frage", "zweite frage"):
        apply_change(overlay, with_phrasing(overlay, "journal", "de", text))
    apply_change(overlay, without_phrasing(overlay, "journal", "de", "erste frage"))
    asked = load_catalogue(overlay=overlay).topics["journal"].general.phrasings[Lang.DE]
    assert ("zweite frage" in asked, "erste frage" in asked) == (True, False)
    for _ in range(2):
        apply_change(overlay, without_phrasing(overlay, "journal", "de", "zweite frage"))
    assert "topics/journal.toml" not in names(overlay)


def test_trying_changes_nothing(overlay: Path, tmp_path: Path) -> None:
    """The copy has the change and the overlay has not; afterwards the copy is gone."""
    change = with_phrasing(overlay, "journal", "de", "wer sieht das")
    with staged(overlay, change, work=tmp_path / "work") as copy:
        assert "wer sieht das" in load_catalogue(overlay=copy).topics["journal"].general.phrasings[Lang.DE]
        assert names(overlay) == ["topics/ours.toml"]
    assert list((tmp_path / "work").iterdir()) == []
    with staged(overlay, Change(name="ours.toml", content=None), work=tmp_path / "work") as copy:
        assert names(copy) == []


def test_where_an_overlay_lies_does_not_matter(overlay: Path, tmp_path: Path) -> None:
    """The copy gives the same topics in the same order as the overlay itself, so what was tried is what is live."""
    change = with_entry(overlay, "own_7", ENTRY)
    with staged(overlay, change, work=tmp_path / "zz") as copy:
        tried = load_catalogue(overlay=copy)
    apply_change(overlay, change)
    assert list(load_catalogue(overlay=overlay).topics) == list(tried.topics) == sorted(tried.topics)


def test_a_file_that_cannot_be_read_is_named(overlay: Path) -> None:
    """A broken overlay file is an error that names it, and nothing is written."""
    (overlay / "topics" / "ours.toml").write_text('id = "recording"\nphrasings = "x"\n', encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"ours\.toml"):
        with_phrasing(overlay, "recording", "de", "wer")
    assert names(overlay) == ["topics/ours.toml"]
