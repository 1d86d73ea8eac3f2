"""Pins: the words by which settings fix the family of a file."""

import re

import pytest

from data.formats.families.registry import all_families, known_pins
from tests.data.formats.engine_fakes import Case, event, read, rewrite

TEXT = b"2026-01-01 00:00:00.123 +00:00 [INF] x\n"


def test_every_id_and_every_alias_is_a_pin() -> None:
    """Ids stand for themselves, aliases for a family there is, and no word for two."""
    pins, ids = known_pins(), [family.id for family in all_families()]
    assert {pin: id_ for pin, id_ in pins.items() if pin in ids} == {id_: id_ for id_ in ids}
    assert set(pins.values()) == set(ids)
    words = [word for family in all_families() for word in (family.id, *getattr(family, "aliases", ()))]
    assert sorted(words) == sorted(pins), "no word twice"
    for alias, id_ in {"serilog": "text", "nlog": "text", "log4net": "text", "iis": "w3c", "clef": "jsonl"}.items():
        assert pins[alias] == id_


@pytest.mark.parametrize("pin", sorted(known_pins()))
def test_a_pinned_file_is_read_as_its_family(pin: str) -> None:
    """Each pin, id or alias, is accepted and makes of a file what the id makes of it."""
    for content in (TEXT * 9, event(100) * 9, b"a,time\nb,2026-01-01T00:00:00Z\n"):
        by_alias, by_id = (Case(content, pin=word) for word in (pin, known_pins()[pin]))
        reading = read(by_alias, families=all_families())
        assert reading == read(by_id, families=all_families())
        assert reading.family == known_pins()[pin]
        assert rewrite(by_alias, families=all_families()) == rewrite(by_id, families=all_families())


@pytest.mark.parametrize("pin", ["Serilog", "xml", "text ", "serilo"])
def test_an_unknown_pin_is_refused_with_all_there_are(pin: str) -> None:
    """What is no pin is an error that names every one that is; the right word is accepted."""
    with pytest.raises(ValueError, match=re.escape(repr(pin))) as refused:
        read(Case(TEXT, pin=pin), families=all_families())
    assert set(known_pins()) <= set(re.findall(r"[\w]+", str(refused.value)))
    assert read(Case(TEXT, pin="serilog"), families=all_families()).family == "text"
