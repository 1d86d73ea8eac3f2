"""An office to be tried: a lab's engine, a desk in memory, people who press what cards offer, jobs done on demand."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from cards.elements import Card
from cards.parts import Said
from cards.texts import load_texts
from data.access import Actor
from data.desk.delivery import ADMIN_CHANNEL, DPO_CHANNEL
from data.desk.seal import Seal
from data.labels import Lang
from data.office.office import Office, office_of
from data.office.parts import Board, Doing, OfficeParts, RoleHolders
from data.office.standing import rule_carries
from data.purge.engine import Engine
from data.stores.desk import DeskStores
from data.stores.memory_desk import MemoryDeskStores
from data.watch import Watch, Watched
from dialogs.desk import Desk
from dialogs.face import Viewer
from dialogs.turn import Turn, TurnKind
from tests.data.purge.lab import ALICE, BOB, DORA, EVE, SOURCE, Lab, silent


@dataclass(kw_only=True)
class Chores:
    """Jobs that wait until the test does them."""

    engine: Engine
    watch: Watch
    previews: list[str] = field(default_factory=list)
    changes: int = 0
    seen: Board | None = None
    under_way: dict[str, Doing] = field(default_factory=dict)

    def preview(self, request_id: str) -> None:
        """Take note."""
        self.previews.append(request_id)

    def look(self) -> None:
        """Look at once."""
        now = self.engine.parts.guard.now()
        self.seen = Board(at=now, statuses=self.watch.scan(now))

    def changed(self) -> None:
        """Take note."""
        self.changes += 1

    def doing(self, request_id: str) -> Doing | None:
        """Tell what the test says is under way."""
        return self.under_way.get(request_id)

    def board(self) -> Board | None:
        """Give the last look."""
        return self.seen

    def do_previews(self) -> None:
        """Make every preview that was asked for."""
        while self.previews:
            self.engine.purges.fill(self.previews.pop(0), silent)


@dataclass(kw_only=True)
class OpenOffice:
    """An office that is open."""

    lab: Lab
    engine: Engine
    office: Office
    desk: Desk
    chores: Chores

    def viewer(self, actor: Actor, lang: Lang = Lang.EN) -> Viewer:
        """Give somebody in the personal chat."""
        name = self.engine.parts.people.of(actor)
        return Viewer(actor=actor, recipient=name, place=chat_of(actor), lang=lang)


@contextmanager
def _engine(lab: Lab, given: Engine | None) -> Iterator[Engine]:
    if given is not None:
        yield given
        return
    with lab.engine() as opened:
        yield opened


@contextmanager
def open_office(
    lab: Lab, *, desk: DeskStores | None = None, given: Engine | None = None, warn_days: tuple[int, ...] = (14, 7, 2)
) -> Iterator[OpenOffice]:
    """Open an office over a lab; what it knows before is what lab and desk hold."""
    with _engine(lab, given) as engine:
        people = engine.parts.people
        names = [people.of(who) for who in (ALICE, BOB, DORA)]
        parts = OfficeParts(
            engine=engine.parts,
            desk=desk or MemoryDeskStores(),
            holders=lambda: RoleHolders(admins=(names[0], names[1]), dpos=(names[2],)),
            warn_days=warn_days,
            channels=frozenset({DPO_CHANNEL, ADMIN_CHANNEL}),
        )
        shared = engine.parts
        lab.standing_runs = rule_carries(parts.desk.standing, people, lab.roles_of)
        watch = Watch(
            Watched(
                sources=shared.sources,
                rules=shared.rules,
                kin=shared.kin,
                care=shared.care,
                holds=shared.stores.holds,
                marks=shared.stores.marks,
                requests=shared.stores.requests,
            )
        )
        chores = Chores(engine=engine, watch=watch)
        office = office_of(parts, engine, watch, jobs=chores, seal=Seal(b"s" * 32))
        texts = load_texts()
        said = {lang: Said(texts=texts[lang], zone=ZoneInfo("Europe/Berlin")) for lang in Lang}
        yield OpenOffice(lab=lab, engine=engine, office=office, desk=Desk(office=office, said=said), chores=chores)


def chat_of(actor: Actor) -> str:
    """Name the personal chat of somebody."""
    return f"a:{actor.object_id}"


def say(actor: Actor, text: str, *, personal: bool = True, place: str = "") -> Turn:
    """Let somebody write something."""
    return Turn(
        kind=TurnKind.MESSAGE,
        actor=actor,
        conversation=f"{actor.tenant_id}/{chat_of(actor)}/{actor.object_id}",
        text=text,
        place=place or chat_of(actor),
        personal=personal,
        locale=Lang.EN,
        service_url="https://smba.trafficmanager.net/emea/",
    )


def buttons(card: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Collect the buttons of a card that come back, by verb."""
    found: dict[str, dict[str, Any]] = {}

    def walk(value: object) -> None:
        if isinstance(value, Mapping):
            if value.get("type") == "Action.Execute":
                found[str(value["verb"])] = dict(value)
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(card)
    return found


def press(actor: Actor, card: Card, verb: str, *, place: str = "", personal: bool = True, **typed: str) -> Turn:
    """Let somebody press a button of a card, with what was typed into its fields; raises `KeyError` without one."""
    data = {**buttons(card)[verb]["data"], **typed}
    return Turn(
        kind=TurnKind.ACTION,
        actor=actor,
        conversation=f"{actor.tenant_id}/{chat_of(actor)}/{actor.object_id}",
        verb=verb,
        data=data,
        place=place or chat_of(actor),
        personal=personal,
        locale=Lang.EN,
        service_url="https://smba.trafficmanager.net/emea/",
    )


__all__ = ["ALICE", "BOB", "DORA", "EVE", "SOURCE", "Chores", "Lab", "OpenOffice", "buttons", "chat_of", "open_office",
           "press", "say"]  # fmt: skip
