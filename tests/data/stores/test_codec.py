"""Values come back from their documents exactly; a document that says anything else than a value is refused."""

from dataclasses import dataclass, fields
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import StateError
from data.retention.hold import Hold
from data.retention.request import Approval, Gone, Kept, Lease, Preview, PurgeRequest, Selected, State, Step
from data.retention.rule import DataKind
from data.stores.codec import Codec
from data.stores.common import hold_codec, mark_codec, person_codec, request_codec, tick_codec
from data.stores.interface import Mark, Person, Tick
from tests.data.stores.things import a_hold, a_request, texts

whole = st.integers(-(2**63), 2**63 - 1)
maybe = st.none() | whole
selected = st.builds(Selected, units=whole, records=whole, bytes=whole, oldest=maybe, youngest=maybe)
kept = st.builds(Kept, units=whole, records=whole, bytes=whole, oldest=maybe, held=whole, undatable=whole)
tallies = st.dictionaries(texts, whole, max_size=4)
previews = st.builds(
    Preview,
    selected=selected,
    rewritten_units=whole,
    kept=kept,
    residue=tallies,
    evidence=tallies,
    holds=st.lists(texts, max_size=3).map(tuple),
    root=texts,
    rows=whole,
    confidence=st.floats(allow_nan=False, allow_infinity=False),
)
REQUESTS = st.builds(
    PurgeRequest,
    id=texts,
    source=texts,
    data_kind=st.sampled_from(DataKind),
    state=st.sampled_from(State),
    requester=texts,
    created_at=whole,
    cutoff=whole,
    expires_at=whole,
    digest=texts,
    preview=previews,
    approvals=st.lists(st.builds(Approval, by=texts, at=whole, digest=texts), max_size=3).map(tuple),
    break_glass=st.booleans(),
    lease=st.builds(Lease, holder=texts, fence=whole, until=whole),
    results=tallies,
    gone=st.builds(Gone, records=whole, bytes=whole),
    story=st.lists(st.builds(Step, state=st.sampled_from(State), at=whole, by=texts, reason=texts), max_size=3).map(
        tuple
    ),
    version=whole,
)
HOLDS = st.builds(
    Hold,
    id=texts,
    sources=st.lists(texts, max_size=3).map(tuple),
    reason=texts,
    placed_by=texts,
    placed_at=whole,
    review_at=whole,
    released_at=maybe,
)
MARKS = st.builds(Mark, source=texts, purged_until=maybe, purged_at=maybe, certificate=texts)
PEOPLE = st.builds(Person, pseudonym=texts, tenant_id=texts, object_id=texts)
TICKS = st.builds(Tick, wall=whole, boot=texts, elapsed=whole, blocked=texts)

CASES: list[Any] = [
    (request_codec(), REQUESTS),
    (hold_codec(), HOLDS),
    (mark_codec(), MARKS),
    (person_codec(), PEOPLE),
    (tick_codec(), TICKS),
]


@pytest.mark.parametrize(("codec", "values"), CASES, ids=["request", "hold", "mark", "person", "tick"])
@settings(max_examples=60)
@given(data=st.data())
def test_every_value_comes_back_exactly(codec: Codec[Any], values: st.SearchStrategy[Any], data: st.DataObject) -> None:
    """A value, written as JSON and read again, is the same value with the same types."""
    value = data.draw(values)
    document = orjson.loads(orjson.dumps(codec.encode(value)))
    back = codec.decode(document)
    assert back == value
    assert repr(back) == repr(value)
    assert codec.encode(back) == document


def test_a_document_names_every_field() -> None:
    """Nothing is left out: the document has the fields of the value, those of its parts included."""
    document = request_codec().encode(a_request())
    assert document.keys() == {field.name for field in fields(PurgeRequest)}
    assert document["preview"].keys() == {field.name for field in fields(Preview)}


@pytest.mark.parametrize("name", [field.name for field in fields(PurgeRequest) if field.name != "standing"])
def test_a_missing_field_is_refused(name: str) -> None:
    """A document without one of its first fields is refused, whichever it is, and the message names it."""
    document = request_codec().encode(a_request())
    del document[name]
    with pytest.raises(StateError, match=rf"request .*{name}"):
        request_codec().decode(document)


BROKEN: dict[str, tuple[str, Any]] = {
    "unknown field": ("colour", "red"),
    "number for a text": ("source", 7),
    "text for a number": ("cutoff", "7"),
    "truth for a number": ("cutoff", True),
    "fraction for a number": ("cutoff", 7.0),
    "too large": ("cutoff", 2**63),
    "number for a truth": ("break_glass", 1),
    "text for a truth": ("break_glass", "yes"),
    "nothing": ("digest", None),
    "state of another version": ("state", "melting"),
    "list for a state": ("state", ["draft"]),
    "kind that may not be": ("data_kind", "journal"),
    "mapping for a list": ("story", {}),
    "text for a list": ("story", "[]"),
    "list for a part": ("preview", []),
    "half a part": ("lease", {"holder": ""}),
    "text in a tally": ("results", {"deleted": "1"}),
    "list for a tally": ("results", [["deleted", 1]]),
    "half a step": ("story", [{"state": "draft", "at": 1}]),
    "half a character": ("reason", "\udc80"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_document_of_another_shape_is_refused(what: str) -> None:
    """Whatever is wrong in a document, it is refused with the request and the field; untouched it is read."""
    name, value = BROKEN[what]
    document = request_codec().encode(a_request())
    with pytest.raises(StateError, match=rf"request r-1: .*{name}"):
        request_codec().decode(document | {name: value})
    assert request_codec().decode(document) == a_request()


def test_a_broken_part_is_named_with_its_place() -> None:
    """A wrong value deep inside is found by its path."""
    document = request_codec().encode(a_request(story=(Step(state=State.DRAFT, at=1, by="p"),)))
    document["story"][0]["at"] = "noon"
    document["preview"]["selected"]["units"] = 3
    with pytest.raises(StateError, match=r"^request r-1: story\[0\]: at: str instead of a whole number of 64 bits$"):
        request_codec().decode(document)
    with pytest.raises(StateError, match=r"^hold without a name: fields missing or unknown"):
        hold_codec().decode({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reason", "\ud800"),
        ("cutoff", -(2**63) - 1),
        ("cutoff", 1.0),
        ("break_glass", 0),
        ("state", "draft"),
        ("approvals", []),
        ("results", {"x": None}),
        ("preview", Preview(confidence=float("nan"))),
        ("lease", None),
        ("lease", Gone()),
    ],
)
def test_a_value_that_would_not_come_back_is_refused(name: str, value: object) -> None:
    """What JSON or another engine could not keep exactly is refused when it is written."""
    with pytest.raises(StateError, match=f"request r-1: {name}"):
        request_codec().encode(a_request(**{name: value}))
    request_codec().encode(a_request())


def test_only_the_class_itself_is_written() -> None:
    """A value of another class is refused, even if it has the same fields."""
    with pytest.raises(StateError, match="Hold instead of PurgeRequest"):
        request_codec().encode(a_hold())  # type: ignore[arg-type]


def test_a_type_nobody_has_thought_of_is_refused_at_once() -> None:
    """A class with a field that has no rule cannot have a codec, so that nothing is written which cannot be read."""

    @dataclass(frozen=True)
    class Odd:
        raw: bytes

    with pytest.raises(TypeError):
        Codec(Odd, what="odd", key="raw")


def test_a_request_of_before_there_were_standing_rules_is_read() -> None:
    """A stored request without the field is one that people carry; one with a wrong value is refused."""
    document = request_codec().encode(a_request())
    assert document.pop("standing") == ""
    assert request_codec().decode(document) == a_request()
    with pytest.raises(StateError, match="standing"):
        request_codec().decode(document | {"standing": 1})
