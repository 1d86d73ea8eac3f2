"""Placing and releasing holds: one person places, two release; the audit knows before anything changes."""

from collections.abc import Mapping
from dataclasses import dataclass

from data.access import Actor, Permission
from data.audit.entry import Draft
from data.errors import RefusedError, UnknownError
from data.purge.parts import PurgeParts
from data.retention.hold import END, Hold, ask_release, check_hold
from data.retention.instants import BEGINNING, Instant
from data.retention.words import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to be held."""

    sources: tuple[str, ...]
    """Ids; empty means every source."""
    reason: str
    review_at: Instant
    case: str = ""
    legal_basis: str = ""
    begins: Instant = BEGINNING
    ends: Instant = END


class HoldService:
    """Holds beat everything, so placing one is immediate and waits only for the unit that is just being deleted."""

    def __init__(self, parts: PurgeParts) -> None:
        self._parts = parts

    def all(self) -> tuple[Hold, ...]:
        """List all holds, oldest first."""
        return self._parts.stores.holds.all()

    def place(self, actor: Actor, wish: Wish) -> Hold:
        """Place a hold; raises `RefusedError`, `UnknownError`."""
        self._allow(actor)
        unknown = [source for source in wish.sources if source not in self._parts.sources]
        if unknown:
            known = ", ".join(sorted(self._parts.sources)) or "none"
            raise UnknownError(f"there is no source {unknown[0][:40]!r}; the settings name: {known}")
        # Protecting data needs no trustworthy clock.
        now, by = self._parts.guard.now(), self._parts.people.of(actor)
        hold = Hold(
            id=self._parts.new_id(),
            sources=tuple(sorted(set(wish.sources))),
            reason=one_line(wish.reason, most=500),
            case=one_line(wish.case, most=80),
            legal_basis=one_line(wish.legal_basis, most=120),
            begins=wish.begins,
            ends=wish.ends,
            placed_by=by,
            placed_at=now,
            review_at=wish.review_at,
        )
        check_hold(hold)
        data = {"sources": list(hold.sources), "review": hold.review_at}
        self._record("hold.placed", by, hold.id, data, any_clock=True)
        with self._parts.commit:
            placed = self._parts.stores.holds.add(hold)
        # From here on a store that does not know this hold has lost it.
        self._record("hold.in_force", by, hold.id, data, any_clock=True)
        return placed

    def release(self, actor: Actor, hold_id: str) -> Hold:
        """Ask for the release of a hold or, as another person, release it."""
        self._allow(actor)
        now = self._parts.guard.check(last_entry=self._parts.audit.last.at)
        by = self._parts.people.of(actor)
        hold = ask_release(self._parts.stores.holds.get(hold_id), by=by, now=now)
        kind = "hold.release_asked" if hold.active else "hold.released"
        self._record(kind, by, hold.id, {"sources": list(hold.sources)}, any_clock=False)
        return self._parts.stores.holds.replace(hold)

    def _record(self, kind: str, by: str, about: str, data: Mapping[str, object], *, any_clock: bool) -> None:
        draft = Draft(kind=kind, actor=by, object=about, data=data)
        self._parts.audit.append_many([draft], allow_backward=any_clock)

    def _allow(self, actor: Actor) -> None:
        if not actor.may(Permission.PLACE_HOLD):
            raise RefusedError("not_allowed", "your role does not allow this")
