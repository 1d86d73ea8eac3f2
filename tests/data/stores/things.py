"""Requests, holds and planned rows to store, plain ones and any that can be thought of."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from data.retention.hold import Hold
from data.retention.instants import BEGINNING, DAY
from data.retention.request import PurgeRequest, State
from data.retention.rule import DataKind
from data.retention.unit import Action, Identity, Planned, Unit

NOW = 20_000 * DAY

instants = st.integers(BEGINNING, 253_402_300_799_999_999)
counts = st.integers(0, 2**63 - 1)
texts = st.text(st.characters(codec="utf-8"), max_size=30)
request_ids = st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True)


def a_request(request_id: str = "r-1", **changes: Any) -> PurgeRequest:
    """Make a request in its first state."""
    plain = PurgeRequest(
        id=request_id, source="app", data_kind=DataKind.LOG, state=State.DRAFT, requester="p-1", created_at=NOW
    )
    return replace(plain, **changes)


def a_hold(hold_id: str = "h-1", **changes: Any) -> Hold:
    """Make a hold on everything."""
    plain = Hold(id=hold_id, sources=(), reason="case 7", placed_by="p-1", placed_at=NOW, review_at=NOW + DAY)
    return replace(plain, **changes)


def a_row(number: int = 1, **changes: Any) -> Planned:
    """Make a row of a manifest."""
    identity = Identity(device=1, inode=number, size=10, mtime_ns=20, ctime_ns=30, digest="ab" * 32)
    plain = Planned(
        unit=Unit(name=b"app-%d.log" % number, identity=identity),
        action=Action.DELETE,
        records=3,
        bytes=10,
        lo=NOW - number,
        hi=NOW,
    )
    return replace(plain, **changes)


def rows() -> st.SearchStrategy[Planned]:
    """Give any row: file names are bytes of any kind."""
    whole = st.integers(0, 2**63 - 1)
    identities = st.builds(
        Identity, device=whole, inode=whole, size=whole, mtime_ns=instants, ctime_ns=instants, digest=texts
    )
    units = st.builds(Unit, name=st.binary(min_size=1, max_size=40), identity=identities)
    return st.builds(
        Planned,
        unit=units,
        action=st.sampled_from(Action),
        records=counts,
        bytes=counts,
        lo=st.integers(-(2**63), 2**63 - 1),
        hi=instants,
        kept_bytes=counts,
        kept_records=counts,
        kept_digest=texts,
        ranges=st.lists(st.tuples(counts, counts), max_size=3).map(tuple),
        cutoff=instants,
        now=instants,
    )
