"""A manifest: one row for each unit a purge touches, in the order of execution, oldest first (purge.md 6.6)."""

from urllib.parse import quote_from_bytes, unquote_to_bytes

import orjson

from data.retention.unit import Action, Identity, Planned, Unit


def row_of(planned: Planned) -> bytes:
    """Write a row as one line without its end; names are percent-encoded, so that no two names look the same."""
    found = planned.unit.identity
    tag = [found.tag] if found.tag else []  # a manifest of files is written as it always was
    return orjson.dumps(
        [
            quote_from_bytes(planned.unit.name),
            [found.device, found.inode, found.size, found.mtime_ns, found.ctime_ns, found.digest, *tag],
            planned.action.value,
            planned.records,
            planned.bytes,
            planned.lo,
            planned.hi,
            [planned.kept_bytes, planned.kept_records, planned.kept_digest, planned.ranges],
            planned.cutoff,
            planned.now,
        ],
    )


def planned_of(row: bytes) -> Planned:
    """Read a row; raises `ValueError` for anything that `row_of` did not write."""
    name, found, action, records, size, lo, hi, kept, cutoff, now = orjson.loads(row)
    device, inode, length, mtime_ns, ctime_ns, digest, *tag = found
    kept_bytes, kept_records, kept_digest, ranges = kept
    identity = Identity(
        device=device, inode=inode, size=length, mtime_ns=mtime_ns, ctime_ns=ctime_ns, digest=digest, tag=_only(tag)
    )
    return Planned(
        unit=Unit(name=unquote_to_bytes(name), identity=identity),
        action=Action(action),
        records=records,
        bytes=size,
        lo=lo,
        hi=hi,
        kept_bytes=kept_bytes,
        kept_records=kept_records,
        kept_digest=kept_digest,
        ranges=tuple((start, end) for start, end in ranges),
        cutoff=cutoff,
        now=now,
    )


def _only(tag: list[str]) -> str:
    """Give the tag of a row that has one; raises `ValueError` for an empty one or more than one."""
    if not tag:
        return ""
    (found,) = tag
    if not found:
        message = "a row with an empty tag"
        raise ValueError(message)
    return found


def order_of(planned: Planned) -> tuple[int, bytes]:
    """Give the key by which rows are sorted: the same inputs give the same order however they were listed (P7)."""
    return planned.lo, planned.unit.name
