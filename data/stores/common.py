"""What every engine of the retention stores does the same way, so that no two of them can differ."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from data.errors import ConflictError, UnknownError
from data.retention.hold import Hold
from data.retention.request import PurgeRequest
from data.stores.codec import Codec
from data.stores.interface import Mark, Person, Tick

_REQUEST_ID = re.compile(r"[a-z0-9-]{1,40}")


class Versioned(Protocol):
    """A value that is changed by compare-and-set on its version."""

    @property
    def id(self) -> str:
        """Give its id."""
        ...

    @property
    def version(self) -> int:
        """Give its version: 1 when it was added, one more with each change."""
        ...


V = TypeVar("V", bound=Versioned)


def request_codec() -> Codec[PurgeRequest]:
    """Give what writes and reads requests."""
    return Codec(PurgeRequest, what="request", key="id", added={"standing": ""})


def hold_codec() -> Codec[Hold]:
    """Give what writes and reads holds."""
    return Codec(Hold, what="hold", key="id")


def mark_codec() -> Codec[Mark]:
    """Give what writes and reads marks."""
    return Codec(Mark, what="mark of", key="source")


def person_codec() -> Codec[Person]:
    """Give what writes and reads people."""
    return Codec(Person, what="person", key="pseudonym")


def tick_codec() -> Codec[Tick]:
    """Give what writes and reads ticks."""
    return Codec(Tick, what="tick of boot", key="boot")


def request_order(request: PurgeRequest) -> tuple[int, str]:
    """Give the key by which requests are listed: when they were made, then their id."""
    return request.created_at, request.id


def hold_order(hold: Hold) -> tuple[int, str]:
    """Give the key by which holds are listed: when they were placed, then their id."""
    return hold.placed_at, hold.id


def taken(what: str, key: str) -> ConflictError:
    """Make the error for an id that is taken."""
    return ConflictError(f"{what} {key} is there already")


def unknown(what: str, key: str) -> UnknownError:
    """Make the error for an id that nobody knows."""
    return UnknownError(f"there is no {what} {key!r}")


def overtaken(what: str, key: str, *, read: int, stored: int) -> ConflictError:
    """Make the error for somebody who was overtaken."""
    return ConflictError(f"{what} {key} was changed by somebody else: read version {read}, stored is {stored}")


def check_distinct(values: Sequence[Versioned], *, what: str) -> None:
    """Refuse two values of one id in one change; raises `ConflictError`."""
    seen: set[str] = set()
    for value in values:
        if value.id in seen:
            raise taken(what, value.id)
        seen.add(value.id)


def check_request_id(request_id: str) -> None:
    """Refuse a request id that could be anything but a plain name of a file; raises `UnknownError`."""
    if not _REQUEST_ID.fullmatch(request_id):
        raise unknown("request", request_id[:80])


def raised(present: Mark, given: Mark) -> Mark:
    """Give the mark to store: `purged_until` never goes back, and nothing known is forgotten."""
    known = [until for until in (present.purged_until, given.purged_until) if until is not None]
    return replace(
        given,
        purged_until=max(known, default=None),
        purged_at=present.purged_at if given.purged_at is None else given.purged_at,
        certificate=given.certificate or present.certificate,
    )
