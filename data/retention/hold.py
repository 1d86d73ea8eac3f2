"""Holds: what must not be deleted, whoever asks; they beat everything at every step (purge.md 6.8)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from data.errors import RefusedError
from data.retention.canonical import digest_of
from data.retention.instants import BEGINNING, DAY, Instant, datetime_of, instant_of

LONGEST_REVIEW = 90 * DAY
END = instant_of(datetime_of(BEGINNING).replace(year=9999))
"""Stands for "without end"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Keeps records of some sources from being purged until two people release it."""

    id: str
    sources: tuple[str, ...]
    """Ids of the sources; empty means every source."""
    reason: str
    case: str = ""
    """The operator's own tag of the case; never a name."""
    legal_basis: str = ""
    begins: Instant = BEGINNING
    ends: Instant = END
    """Records in the half-open range from `begins` to `ends` are held."""
    placed_by: str
    placed_at: Instant
    review_at: Instant
    """Past it the hold stays in force and alerts."""
    release_asked_by: str = ""
    released_by: str = ""
    released_at: Instant | None = None
    version: int = 0
    """Raised by the store with each change."""

    @property
    def active(self) -> bool:
        """Tell whether it still protects."""
        return self.released_at is None

    def covers(self, source: str, lo: Instant, hi: Instant) -> bool:
        """Tell whether a record of this source, written somewhere between the two instants, may be a held one."""
        return self.active and (not self.sources or source in self.sources) and hi >= self.begins and lo < self.ends


def check_hold(hold: Hold) -> None:
    """Refuse a hold that nobody could answer for; raises `RefusedError`."""
    if not any(character.isalnum() for character in hold.reason):  # blanks and invisible characters give no reason
        raise RefusedError("no_reason", "a hold needs a reason")
    if hold.ends <= hold.begins:
        raise RefusedError("empty_range", "the held range ends before it begins")
    if not hold.placed_at < hold.review_at <= hold.placed_at + LONGEST_REVIEW:
        raise RefusedError("bad_review_date", "a hold needs a review date within the next 90 days")


def ask_release(hold: Hold, *, by: str, now: Instant) -> Hold:
    """Release a hold in two steps by two people: the first call asks, another person's releases."""
    if not hold.active:
        raise RefusedError("already_released", "this hold was released already")
    if not by:
        raise RefusedError("nobody", "nobody in particular cannot release a hold")
    if not hold.release_asked_by:
        return replace(hold, release_asked_by=by)
    if hold.release_asked_by == by:
        raise RefusedError("same_person", "another person must release the hold; this one has asked for it already")
    return replace(hold, released_by=by, released_at=now)


def covering(holds: Iterable[Hold], kin: Collection[str]) -> tuple[Hold, ...]:
    """Give the active holds that concern any of some sources, by id, each as a hold on everything.

    `kin` is a source and all others that can reach the same files: a hold on one of them protects from all.
    """
    found = (replace(hold, sources=()) for hold in holds if hold.active and _concerns(hold, kin))
    return tuple(sorted(found, key=lambda hold: hold.id))


def holds_digest(holds: Iterable[Hold], kin: Collection[str]) -> str:
    """Give a digest of everything that is held at a source or its kin: part of the scope."""
    return digest_of({"holds": [[hold.id, hold.begins, hold.ends] for hold in covering(holds, kin)]})


def recently_released(holds: Iterable[Hold], kin: Collection[str], *, now: Instant) -> bool:
    """Tell whether a hold on a source or its kin was released within 24 h, which makes the cooling a day long."""
    return any(hold.released_at is not None and now - hold.released_at < DAY and _concerns(hold, kin) for hold in holds)


def _concerns(hold: Hold, kin: Collection[str]) -> bool:
    return not hold.sources or any(source in kin for source in hold.sources)
