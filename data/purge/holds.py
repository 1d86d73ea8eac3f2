"""Placing and releasing holds: one person places, two release; the audit knows before anything changes."""

from dataclasses import dataclass

from data.access import Actor, Permission
from data.errors import RefusedError, UnknownError
from data.purge.parts import PurgeParts
from data.retention.hold import END, Hold, ask_release, check_hold
from data.retention.instants import BEGINNING, Instant


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
            raise UnknownError(f"there is no source {unknown[0][:40]!r}")
        # Protecting data needs no trustworthy clock.
        now, by = self._parts.guard.now(), self._parts.people.of(actor)
        hold = Hold(
            id=self._parts.new_id(),
            sources=tuple(sorted(set(wish.sources))),
            reason=wish.reason.strip()[:500],
            case=wish.case.strip()[:80],
            legal_basis=wish.legal_basis.strip()[:120],
            begins=wish.begins,
            ends=wish.ends,
            placed_by=by,
            placed_at=now,
            review_at=wish.review_at,
        )
        check_hold(hold)
        self._parts.audit.append("hold.placed", by, hold.id, {"sources": list(hold.sources), "review": hold.review_at})
        with self._parts.commit:
            return self._parts.stores.holds.add(hold)

    def release(self, actor: Actor, hold_id: str) -> Hold:
        """Ask for the release of a hold or, as another person, release it."""
        self._allow(actor)
        now = self._parts.guard.check(last_entry=self._parts.audit.last.at)
        by = self._parts.people.of(actor)
        hold = ask_release(self._parts.stores.holds.get(hold_id), by=by, now=now)
        kind = "hold.release_asked" if hold.active else "hold.released"
        self._parts.audit.append(kind, by, hold.id, {"sources": list(hold.sources)})
        return self._parts.stores.holds.replace(hold)

    def _allow(self, actor: Actor) -> None:
        if not actor.may(Permission.PLACE_HOLD):
            raise RefusedError("not_allowed", "your role does not allow this")
