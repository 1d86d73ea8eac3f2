"""The whole loop in a real client, four people at once: alert, preview, code, second person, progress, certificate."""

import re
from collections.abc import Callable

import pytest

from tests.e2e.chat import Room
from tests.e2e.local_teams import ADMIN, EMPLOYEE, PEOPLE, Person

playground = pytest.mark.optional("playground")
SECOND_ADMIN, DPO = PEOPLE[2], PEOPLE[3]
SOURCE = "web-logs"
LONG = 90_000
"""Milliseconds within which an alert has to be there, a purge to be over."""

OpenRoom = Callable[[Person], Room]


def code_on(text: str) -> str:
    """Read the code off a preview."""
    found = re.search(r"Code of this preview: ([A-Z2-9]{4}-[A-Z2-9]{4})", text)
    assert found, text
    return found[1]


def speaking(room: Room, *, said: str = "help", heard: str = "What you can ask me") -> Room:
    """Let somebody speak first, so that the bot knows the language."""
    room.say(said)
    room.find(heard)
    return room


@playground
def test_the_loop_from_alert_to_certificate(rooms: OpenRoom) -> None:
    """The DPO is alerted, an admin previews and types the code, the DPO approves, and all see the certificate."""
    dpo, admin, second = speaking(rooms(DPO)), speaking(rooms(ADMIN)), speaking(rooms(SECOND_ADMIN))
    alert = dpo.find("Measured against clause 2.7", "Gemessen an Ziffer 2.7", patience=LONG)
    dpo.keep_picture("loop-1-alert", of=alert.text.splitlines()[-1])
    assert "90" in alert.text

    admin.say(f"purge {SOURCE}")
    preview = admin.find("Code of this preview", patience=LONG)
    admin.keep_picture("loop-2-preview", of="Code of this preview")
    code = code_on(preview.text)
    assert "Nothing has been deleted yet" in preview.text

    admin.press("Confirm", on=code, fields={"Code of the preview": "AAAA-AAAA"})
    refused = admin.find("The code is not right")
    admin.keep_picture("loop-3-wrong-code", of="The code is not right")
    assert "Nothing has been deleted yet" in refused.text
    admin.say(f"confirm {code}")
    admin.find("You have confirmed", patience=LONG)
    admin.keep_picture("loop-4-waiting", of="You have confirmed")

    asked = second.find("An admin has asked for this purge", patience=LONG)
    second.keep_picture("loop-5-second-admin", of="An admin has asked for this purge")
    assert "Approve" in asked.buttons
    dpo.find("An admin has asked for this purge", patience=LONG)
    dpo.press("Approve", on="An admin has asked for this purge")
    dpo.find("The purge is approved", patience=LONG)
    dpo.keep_picture("loop-6-cooling", of="The purge is approved")

    done = admin.find("Passed: what was old is gone", patience=LONG)
    admin.keep_picture("loop-7-certificate", of="Passed: what was old is gone")
    assert "Purge of web-logs" in done.text
    for other in (dpo, second):
        other.find("Passed: what was old is gone", patience=LONG)
    dpo.keep_picture("loop-8-dpo-sees-the-end", of="Passed: what was old is gone")


@playground
def test_a_hold_placed_in_between_protects(rooms: OpenRoom) -> None:
    """A hold that the DPO places while a purge waits for approval makes it worthless, and nothing is deleted."""
    admin, dpo = speaking(rooms(ADMIN)), speaking(rooms(DPO))
    admin.say("purge ucserver-logs")
    preview = admin.find("Code of this preview", patience=LONG)
    admin.say(f"confirm {code_on(preview.text)}")
    admin.find("You have confirmed", patience=LONG)
    dpo.say("set a hold on ucserver-logs")
    dpo.find("A hold comes before everything else")
    dpo.keep_picture("hold-1-form", of="A hold comes before everything else")
    dpo.press("Place the hold", on="A hold comes", fields={"Reason": "Case 4711 at the labour court"})
    dpo.find("in force", patience=LONG)
    dpo.keep_picture("hold-2-placed", of="in force")
    dpo.press("Approve", on="An admin has asked for this purge")
    dpo.find("Something has changed since the preview", patience=LONG)
    dpo.keep_picture("hold-3-protects", of="Something has changed since the preview")


@playground
def test_an_employee_is_refused_and_told_who_could(rooms: OpenRoom) -> None:
    """An employee who orders a purge is refused in a friendly way, in both languages, and nothing happens."""
    employee = rooms(EMPLOYEE)
    employee.say("purge web-logs")
    refused = employee.find("Your role does not allow this")
    employee.keep_picture("refused-employee-en", of="Your role does not allow this")
    employee.say("lösche logs älter als 90 tage")
    german = employee.find("Dafür reicht Ihre Rolle nicht")
    employee.keep_picture("refused-employee-de", of="Dafür reicht Ihre Rolle nicht")
    assert "Nothing was deleted" in refused.text
    assert "Administratorinnen und Administratoren" in german.text


@playground
def test_a_stale_card_changes_nothing(rooms: OpenRoom) -> None:
    """Who withdraws a purge in words finds its old card changed in place, and harmless."""
    admin = rooms(ADMIN)
    admin.say("purge exceptions")
    admin.find("Code of this preview", patience=LONG)
    admin.say("cancel the purge")
    admin.find("withdrawn", patience=LONG)
    admin.keep_picture("stale-1-withdrawn", of="withdrawn")
