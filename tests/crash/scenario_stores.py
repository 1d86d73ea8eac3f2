"""Changes of the retention stores, a letter each: what was acknowledged must be there after any crash.

Letters: `a` adds a request, `r` changes the first one, `h` adds a hold, `m` raises a mark, `p` remembers a person, `f`
forgets it, `x` saves a manifest. A change that was refused is repeated once, as a person would; where that is refused
too, it may have happened or not, but as a whole.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from data.errors import StateError
from data.retention.hold import Hold
from data.retention.instants import DAY
from data.retention.request import PurgeRequest, State
from data.retention.rule import DataKind
from data.retention.unit import Action, Identity, Planned, Unit
from data.stores.interface import Mark, Person, RetentionStores
from data.stores.tinydb_retention import open_retention

FIRST = PurgeRequest(
    id="r-0", source="app", data_kind=DataKind.LOG, state=State.DRAFT, requester="p-1", created_at=0, reason="x" * 5000
)


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Open the stores and do one change for each letter."""
    try:
        stores = open_retention(folder)
    except StateError:
        ack("not opened")
        return
    for number, letter in enumerate(task, start=1):
        act = change(stores, letter, number)
        for _ in range(2):
            with suppress(StateError):
                act()
                ack(f"{letter} {number}")
                break
    stores.close()


def change(stores: RetentionStores, letter: str, number: int) -> Callable[[], object]:
    """Prepare one change; its number makes it different from all others, and repeating it changes nothing more."""
    hold = Hold(id=f"h-{number}", sources=(), reason="case", placed_by="p", placed_at=number, review_at=DAY)
    changes: dict[str, Callable[[], object]] = {
        "a": partial(stores.requests.add, replace(FIRST, id=f"r-{number}", created_at=number)),
        "h": partial(stores.holds.add, hold),
        "m": partial(stores.marks.raise_mark, Mark(source="app", purged_until=number)),
        "p": partial(stores.people.remember, Person(pseudonym="p-1", tenant_id="t", object_id="secret")),
        "f": partial(stores.people.forget, "p-1"),
        "x": partial(stores.manifests.save, f"x-{number}", planned_rows()),
    }
    if letter == "r":
        return partial(stores.requests.replace, replace(stores.requests.get("r-0"), confirmed_by=f"p-{number}"))
    return changes[letter]


def planned_rows() -> list[Planned]:
    """Give what the manifests of this scenario hold."""
    identity = Identity(device=1, inode=2, size=3, mtime_ns=4, ctime_ns=5)
    return [
        Planned(
            unit=Unit(name=b"%d.log" % number, identity=identity),
            action=Action.DELETE,
            records=1,
            bytes=2,
            lo=-number,
            hi=number,
        )
        for number in range(20)
    ]
