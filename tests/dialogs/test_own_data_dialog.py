"""What I store about you, and forget me: in the personal chat, for everybody, with a button made for just that."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cards.elements import MAX_CARD_CHARS, visible_text
from cards.verbs import Verb
from data.desk.delivery import Reference
from data.desk.ticket import Ticket, TicketKind
from data.labels import Lang
from data.office.tickets import TicketService
from dialogs.own_data import OwnDataDialog
from dialogs.turn import Reply, Turn
from tests.desk import ALICE, EVE, Lab, OpenOffice, buttons, chat_of, open_office, press, say

WORDS = "Did Hans Wörst read my mail? eyJhbGciOiJSUzI1NiJ9.planted"


class Forgetful(TicketService):
    """A service of tickets that forgets words at once."""

    def forget(self, pseudonym: str) -> int:
        """Forget somebody's words."""
        shelf = self._parts.desk.tickets
        mine = [ticket for ticket in shelf.all() if ticket.asker == pseudonym and ticket.question]
        for ticket in mine:
            shelf.replace(replace(ticket, question=""))
        return len(mine)


class Home:
    """An open office with the dialog in it."""

    def __init__(self, opened: OpenOffice) -> None:
        office = replace(opened.office, tickets=Forgetful(opened.office.parts))
        self.opened = opened
        self.cuts = 0
        self.dialog = OwnDataDialog(
            replace(opened.desk, office=office), cut_logs=self._cut, log_days=90, unused_days=90
        )

    def _cut(self) -> None:
        self.cuts += 1

    async def say(self, turn: Turn, verb: Verb, lang: Lang = Lang.EN) -> Reply:
        """Let somebody press an unsealed button."""
        return await self.dialog.verbs()[verb](replace(turn, verb=verb.value), lang)

    async def press(self, turn: Turn, lang: Lang = Lang.EN) -> Reply:
        """Let somebody press a button of a card."""
        return await self.dialog.verbs()[Verb(turn.verb)](turn, lang)

    def kinds(self) -> list[str]:
        """List the kinds of audit entries."""
        return [entry.kind for entry in self.opened.engine.parts.audit.entries()]

    def settle(self) -> str:
        """Let Eve be reachable, known, and have a ticket; gives her pseudonym."""
        name = self.opened.engine.parts.people.of(EVE)
        desk, now = self.opened.office.parts.desk, self.opened.lab.now
        desk.references.add(Reference(id=name, conversation_id=chat_of(EVE), service_url="https://s/", used_at=now))
        desk.tickets.add(
            Ticket(id="5", kind=TicketKind.RIGHTS, asker=name, lang="en", question=WORDS, opened_at=now, changed_at=now)
        )
        return name


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Give an open office with nothing in it."""
    with open_office(Lab(folder=tmp_path / "lab")) as opened:
        yield Home(opened)


def shown(reply: Reply) -> str:
    """Read a card."""
    assert reply.card is not None
    assert len(str(reply.card)) < MAX_CARD_CHARS
    return visible_text(dict(reply.card))


async def test_an_employee_walks_from_the_list_to_forgotten(home: Home) -> None:
    """Three presses: what is stored, what would go, gone; the list afterwards is empty and offers no button."""
    name = home.settle()
    listed = await home.say(say(EVE, ""), Verb.MY_DATA)
    assert name in shown(listed)
    assert "No. 5" in shown(listed)
    asked = await home.press(press(EVE, dict(listed.card or {}), Verb.FORGET_ME))
    assert "5" in shown(asked)
    done = await home.press(press(EVE, dict(asked.card or {}), Verb.FORGET_ME_YES))
    assert done.outcome == "forgotten"
    assert "I have forgotten you" in shown(done)
    again = await home.press(press(EVE, dict(done.card or {}), Verb.MY_DATA))
    assert Verb.FORGET_ME not in buttons(again.card or {})
    desk = home.opened.office.parts.desk
    assert desk.references.find(name) is None
    assert desk.tickets.get("5").question == ""
    assert home.opened.engine.parts.people.find(name) is None
    assert home.cuts == 1
    assert home.opened.chores.changes == 1


@pytest.mark.parametrize("lang", Lang)
async def test_both_languages_tell_the_words_are_never_shown(home: Home, lang: Lang) -> None:
    """The cards name counts and numbers, never what somebody wrote, and speak one language."""
    home.settle()
    listed = await home.say(say(EVE, ""), Verb.MY_DATA, lang)
    asked = await home.say(say(EVE, ""), Verb.FORGET_ME, lang)
    for reply in (listed, asked):
        assert "Hans" not in str(reply.card)
        assert "eve" not in shown(reply).replace("never", "").split()
        assert (reply.card or {})["lang"] == lang.value
    assert ("Löschprotokoll" in shown(asked)) is (lang is Lang.DE)


async def test_somebody_with_a_role_is_told_what_stays_and_why(home: Home) -> None:
    """An admin is told before and after that the role keeps the link, and nothing claims otherwise."""
    home.opened.engine.parts.people.of(ALICE)
    now, name = home.opened.lab.now, home.opened.engine.parts.people.name(ALICE)
    home.opened.office.parts.desk.tickets.add(
        Ticket(id="6", kind=TicketKind.QUESTION, asker=name, lang="en", question="x", opened_at=now, changed_at=now)
    )
    asked = await home.say(say(ALICE, ""), Verb.FORGET_ME)
    assert "for as long as you have a role" in shown(asked)
    assert "who is behind your pseudonym" not in shown(asked)
    done = await home.press(press(ALICE, dict(asked.card or {}), Verb.FORGET_ME_YES))
    assert "for as long as you have a role" in shown(done)
    assert "I have forgotten what could be forgotten now" in shown(done)
    assert home.opened.engine.parts.people.find(name) is not None


async def test_with_nothing_to_delete_there_is_no_button(home: Home) -> None:
    """Somebody of whom nothing is stored is told so; the card offers only the way back."""
    asked = await home.say(say(EVE, ""), Verb.FORGET_ME)
    assert set(buttons(asked.card or {})) == {Verb.MY_DATA}
    assert "person.forgotten" not in home.kinds()


async def test_a_group_learns_nothing(home: Home) -> None:
    """In a channel or group neither list nor question is shown; the personal chat is named instead (AZ-23)."""
    home.settle()
    for verb in (Verb.MY_DATA, Verb.FORGET_ME, Verb.FORGET_ME_YES):
        reply = await home.say(say(EVE, "", personal=False, place="19:x"), verb)
        assert reply.outcome == "elsewhere"
        assert "No. 5" not in shown(reply)
    assert (await home.say(say(EVE, ""), Verb.MY_DATA)).outcome == "own_data", "the positive control"


async def test_nobody_in_particular_is_refused(home: Home) -> None:
    """A guest without an object id is told so, and leaves no entry."""
    before = len(home.kinds())
    for verb in (Verb.MY_DATA, Verb.FORGET_ME, Verb.FORGET_ME_YES):
        assert (await home.say(say(replace(EVE, object_id=""), ""), verb)).outcome == "refused"
    assert len(home.kinds()) == before


async def test_a_copied_button_forgets_nobody_and_is_recorded(home: Home) -> None:
    """Eve's button, pressed in another chat by somebody else, is refused and audited; in her own it works."""
    name = home.settle()
    asked = dict((await home.say(say(EVE, ""), Verb.FORGET_ME)).card or {})
    stolen = await home.press(press(ALICE, asked, Verb.FORGET_ME_YES))
    assert stolen.outcome == "refused"
    assert home.kinds()[-1] == "attempt.refused"
    assert home.opened.office.parts.desk.references.find(name) is not None
    forged = press(EVE, asked, Verb.FORGET_ME_YES, n="aaaaaaaa.bbbbbbbbbbbbbbbb")
    assert (await home.press(forged)).outcome == "refused"
    assert (await home.press(press(EVE, asked, Verb.FORGET_ME_YES))).outcome == "forgotten"


async def test_an_older_button_shows_what_would_go_now(home: Home) -> None:
    """After a new ticket the old button changes nothing and answers with the present question; pressed twice, too."""
    home.settle()
    asked = dict((await home.say(say(EVE, ""), Verb.FORGET_ME)).card or {})
    now, name = home.opened.lab.now, home.opened.engine.parts.people.name(EVE)
    home.opened.office.parts.desk.tickets.add(
        Ticket(id="9", kind=TicketKind.QUESTION, asker=name, lang="en", question="y", opened_at=now, changed_at=now)
    )
    stale = await home.press(press(EVE, asked, Verb.FORGET_ME_YES))
    assert stale.outcome == "stale"
    assert "9, 5" in shown(stale)
    assert home.cuts == 0
    fresh = dict(stale.card or {})
    assert (await home.press(press(EVE, fresh, Verb.FORGET_ME_YES))).outcome == "forgotten"
    doubled = await home.press(press(EVE, fresh, Verb.FORGET_ME_YES))
    assert doubled.outcome == "stale"
    assert home.cuts == 1


async def test_the_dialog_names_its_verbs_and_no_subject(home: Home) -> None:
    """The router finds exactly the three verbs here, no typed command and no subject that would change in place."""
    assert set(home.dialog.verbs()) == {Verb.MY_DATA, Verb.FORGET_ME, Verb.FORGET_ME_YES}
    assert (home.dialog.commands(), home.dialog.faces()) == ({}, {})


async def test_a_full_disk_forgets_nothing_and_says_so(home: Home) -> None:
    """Where the audit cannot be written the person is told that nothing could be stored, and nothing is gone."""
    name = home.settle()
    asked = dict((await home.say(say(EVE, ""), Verb.FORGET_ME)).card or {})
    home.opened.engine.parts.audit.close()  # type: ignore[attr-defined]
    reply = await home.press(press(EVE, asked, Verb.FORGET_ME_YES))
    assert reply.outcome == "refused"
    assert home.opened.office.parts.desk.references.find(name) is not None
    assert home.opened.office.parts.desk.tickets.get("5").question == WORDS
