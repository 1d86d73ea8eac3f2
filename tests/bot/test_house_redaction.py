"""Nothing that people type into cards, tickets and reasons comes out of log or audit (SC-07, for the house)."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.handler import Handler
from bot.identity import Directory
from bot.logs import PersonHash, configure_logs, load_person_key
from bot.own_logs import FOLDER, DailyLog
from bot.seen import Seen
from bot.server import Edge
from cards.verbs import Verb
from data.access import Actor, Role
from data.clock import SystemClock
from data.desk.ticket import Ticket, TicketKind
from data.errors import RefusedError
from data.labels import Lang
from data.office.tickets import TicketService
from data.purge.holds import Wish
from data.retention.instants import DAY
from data.stores.tinydb_desk import open_desk
from data.stores.tinydb_retention import open_retention
from dialogs.own_data import OwnDataDialog
from dialogs.turn import Reply, Turn, TurnKind
from tests.data.purge.lab import SOURCE, silent
from tests.desk import ALICE, BOB, Lab, OpenOffice, open_office
from tests.world import ADMIN, DPO, EMPLOYEE, TENANT, StartBot, World, as_they_are

NAMES = ("Erika Mustermann", "Hans Wörst", "erika@example.com", "+49 30 123456", "29:1aB-planted", "Mia Musterfrau")
SECRETS = ("planted-client-secret", "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln", "Bearer planted-opaque-token")
SPEECH = ("Wer hat meine Mails gelesen?", "she is pregnant", '{"verb": "planted"}', "planted\nreason")
PLANTED = (*NAMES, *SECRETS, *SPEECH)
FIELDS = ("id", "n", "lang", "reason", "text", "answer", "question", "words", "code", "name")
"""Fields that a card may send back: those of our own buttons, and inputs people type into."""


class Forgetful(TicketService):
    """A service of tickets that forgets words at once."""

    def forget(self, pseudonym: str) -> int:
        """Forget somebody's words."""
        shelf = self._parts.desk.tickets
        mine = [ticket for ticket in shelf.all() if ticket.asker == pseudonym and ticket.question]
        for ticket in mine:
            shelf.replace(replace(ticket, question=""))
        return len(mine)


class HouseRouter:
    """Sends the verbs of the house to their dialog, fails where a test wants it; the rest is the real one's."""

    def __init__(self, real: Any, dialog: OwnDataDialog) -> None:
        self._real, self._dialog = real, dialog

    async def reply(self, turn: Turn) -> Reply:
        """Decide what goes back."""
        if turn.kind is TurnKind.ACTION and turn.verb in self._dialog.verbs():
            reply: Reply = await self._dialog.verbs()[turn.verb](turn, Lang.EN)
            return reply
        if turn.verb == "break":
            raise ValueError(json.dumps(dict(turn.data)))
        found: Reply = await self._real.reply(turn)
        return found

    def failed(self, turn: Turn, *, reference: str) -> Reply:
        """Say that it went wrong."""
        found: Reply = self._real.failed(turn, reference=reference)
        return found


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenOffice]:
    """Give an office whose stores and audit are files."""
    lab = Lab(folder=tmp_path / "state")
    lab.folder.mkdir()
    lab.stores = retention = open_retention(lab.folder)
    desk = open_desk(lab.folder)
    with open_office(lab, desk=desk) as office:
        yield office
    desk.close()
    retention.close()


@pytest.fixture
def output(opened: OpenOffice) -> Iterator[io.StringIO]:
    """Send all logs of the process into a text and into the state folder, until the test ends."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, handlers, level = structlog.get_config(), root.handlers[:], root.level
    kept = DailyLog(opened.lab.folder / FOLDER, opened.lab.clock)
    configure_logs(stream, level=logging.DEBUG, kept=kept)
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    kept.close()
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def recorded(opened: OpenOffice) -> str:
    """Read the audit and the kept log lines, as they are on the disk."""
    files = [*(opened.lab.folder / "audit").glob("*.jsonl"), *(opened.lab.folder / FOLDER).glob("*.jsonl")]
    assert files
    return "".join(path.read_text(encoding="utf-8") for path in files)


def found_in(text: str) -> list[str]:
    """List what was planted and came out, as it is or as JSON would spell it."""
    spelled = {planted: {planted, json.dumps(planted)[1:-1]} for planted in PLANTED}
    return [planted for planted, forms in spelled.items() if any(form in text for form in forms)]


@pytest.mark.asyncio(loop_scope="session")
async def test_the_real_handler_records_nothing_that_was_typed(
    opened: OpenOffice, output: io.StringIO, start_bot: StartBot, world: World
) -> None:
    """Planted texts in every field of every button, in tickets and in bugs: none in any log line or audit entry."""
    office = replace(opened.office, tickets=Forgetful(opened.office.parts))
    person = PersonHash(load_person_key(opened.lab.folder))
    cut = lambda: person.renew(opened.lab.folder)  # noqa: E731
    dialog = OwnDataDialog(replace(opened.desk, office=office), cut_logs=cut, log_days=90, unused_days=90)

    def house(parts: Any) -> Edge:
        handler = Handler(
            router=HouseRouter(parts.edge._handler._router, dialog),  # type: ignore[arg-type]
            directory=Directory(tenant_id=TENANT, admins=[ADMIN], dpos=[DPO]),
            metrics=parts.metrics,
            person=person,
            seen=Seen(SystemClock()),
            patience=lambda _: True,
            look=as_they_are,
        )
        return Edge(adapter=parts.edge._adapter, handler=handler, metrics=parts.metrics)

    me = Actor(tenant_id=TENANT, object_id=EMPLOYEE, roles=frozenset({Role.EMPLOYEE}))
    name = opened.engine.parts.people.of(me)
    for number, words in enumerate(PLANTED, start=1):
        now = opened.lab.now
        opened.office.parts.desk.tickets.add(
            Ticket(id=f"{number}", kind=TicketKind.QUESTION, asker=name, lang="en", question=words,
                   answer=words, opened_at=now, changed_at=now)
        )  # fmt: skip
    assert found_in((opened.lab.folder / "desk.json").read_text(encoding="utf-8")) != [], "the control of the search"
    sent = 0
    async with start_bot(edge=house) as bot:
        token = world.token()
        for verb in (Verb.MY_DATA, Verb.FORGET_ME, Verb.FORGET_ME_YES, "break", *PLANTED[:2]):
            for planted in PLANTED:
                body = world.invoke(str(verb), dict.fromkeys(FIELDS, planted))
                assert (await bot.post(body, token=token)).status == 200
                sent += len(FIELDS)
        chat = {"conversation": {"id": "a:one-chat", "conversationType": "personal", "tenantId": TENANT}}
        asked = (await bot.post(world.invoke(Verb.FORGET_ME.value, **chat), token=token)).json()["value"]
        [yes] = [button for button in asked["body"][-1]["actions"] if button["verb"] == Verb.FORGET_ME_YES]
        done = await bot.post(world.invoke(Verb.FORGET_ME_YES.value, yes["data"], **chat), token=token)
    assert "I have forgotten you" in done.body.decode()
    assert sent > 100
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert {line.get("outcome") for line in lines} >= {"own_data", "forget_asked", "forgotten", "refused", "error"}
    assert found_in(output.getvalue() + recorded(opened)) == []
    assert [word for word in (EMPLOYEE, TENANT, "29:") if word in output.getvalue() + recorded(opened)] == []
    assert "person.forgotten" in recorded(opened)
    assert "attempt.refused" in recorded(opened)
    people = [line["person"] for line in lines if line.get("person")]
    assert len(set(people)) == 2, "the hash before forgetting, and another one after it"


@pytest.mark.parametrize("planted", PLANTED)
def test_reasons_stay_with_their_request_and_out_of_the_audit(opened: OpenOffice, planted: str) -> None:
    """What people give as a reason is kept where it belongs and stands in no audit entry, whatever became of it."""
    opened.lab.write("app.log", [120, 119, 3])
    purges, holds = opened.engine.purges, opened.engine.holds
    request = purges.preview(ALICE, SOURCE, silent)
    purges.confirm(ALICE, request.id, request.code)
    rejected = purges.reject(BOB, request.id, planted)
    hold = holds.place(ALICE, Wish(sources=(SOURCE,), reason=planted, review_at=opened.lab.now + 5 * DAY,
                                   case=planted, legal_basis=planted))  # fmt: skip
    with pytest.raises(RefusedError):
        purges.confirm(ALICE, request.id, planted)
    kept = planted.replace("\n", " ")
    assert kept in rejected.story[-1].reason.replace("\n", " ")
    assert kept in hold.reason
    text = "".join(path.read_text(encoding="utf-8") for path in (opened.lab.folder / "audit").glob("*.jsonl"))
    assert "request.rejected" in text
    assert "hold.placed" in text
    assert found_in(text) == []
