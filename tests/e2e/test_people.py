"""What else people do in a real client: alerts that go on to others, questions that go on to people, one's own data."""

from collections.abc import Callable

import pytest

from tests.e2e.chat import Room
from tests.e2e.local_teams import ADMIN, EMPLOYEE, PEOPLE, Person
from tests.e2e.test_loop import LONG, speaking

playground = pytest.mark.optional("playground")
DPO = PEOPLE[3]
OpenRoom = Callable[[Person], Room]


@playground
def test_an_alert_goes_on_to_the_admins_and_leads_to_a_preview(rooms: OpenRoom) -> None:
    """The DPO calls in more people; the admin's card leads to the preview with one press."""
    dpo, admin = rooms(DPO), speaking(rooms(ADMIN))
    dpo.say("welche logs sind überfällig?")
    dpo.find("Überblick über die Aufbewahrung", patience=LONG)
    dpo.keep_picture("people-1-overview-de", of="Überblick über die Aufbewahrung")
    late = ("Daten haben die Frist überschritten", "Data has passed the limit")
    alert = dpo.find(*late, patience=LONG)
    said, escalate = (
        (late[0], "Weitere Personen einschalten") if late[0] in alert.text else (late[1], "Call in more people")
    )
    dpo.keep_picture("people-2-alert", of=said)
    dpo.press(escalate, on=said)
    admin.find(*late, patience=LONG)
    admin.keep_picture("people-3-admin-alert", of=late[1])
    admin.press("Ask for a preview", on=late[1])
    admin.find("Code of this preview", patience=LONG)


@playground
def test_a_question_goes_to_the_dpo_and_the_answer_comes_back(rooms: OpenRoom) -> None:
    """What the terms do not answer goes on with one press; the DPO answers in Teams, and the asker has the answer."""
    employee, dpo = rooms(EMPLOYEE), rooms(DPO)
    employee.say("Wie lange wird das Anrufjournal gespeichert?")
    employee.find("Dazu schweigen die Bedingungen")
    employee.press("An die Datenschutzbeauftragten senden", on="Dazu schweigen die Bedingungen")
    employee.find("Frage an die Datenschutzbeauftragten")
    employee.keep_picture("people-4-form-de", of="Frage an die Datenschutzbeauftragten")
    question = "Wie lange hebt unser Unternehmen das Anrufjournal auf?"
    employee.press("Senden", on="Frage an die Datenschutzbeauftragten", fields={"Ihre Frage": question})
    employee.find("Ihre Frage Nr. 1", patience=LONG)
    dpo.find(question, patience=LONG)
    dpo.keep_picture("people-5-ticket", of=question)
    german = "Ihre Antwort" in dpo.find(question).text
    field, button = ("Ihre Antwort", "Antworten") if german else ("Your answer", "Answer")
    dpo.press(button, on=question, fields={field: "Bei uns sind es zwölf Monate."})
    employee.find("Bei uns sind es zwölf Monate.", patience=LONG)
    employee.keep_picture("people-6-answer", of="Bei uns sind es zwölf Monate.")


@playground
def test_somebody_sees_what_is_stored_and_is_forgotten(rooms: OpenRoom) -> None:
    """The help card leads to what the bot stores about whoever asks, and to being forgotten, with a look before."""
    employee = rooms(EMPLOYEE)
    employee.say("Wie lange wird das Anrufjournal gespeichert?")
    employee.find("Dazu schweigen die Bedingungen")
    employee.press("An die Datenschutzbeauftragten senden", on="Dazu schweigen die Bedingungen")
    employee.find("Frage an die Datenschutzbeauftragten")
    employee.press("Senden", on="Frage an die", fields={"Ihre Frage": "Wer darf mein Anrufjournal lesen?"})
    employee.find("Ihre Frage Nr. 1", patience=LONG)
    employee.say("hilfe")
    employee.find("Das können Sie mich fragen")
    employee.press("Was ist über mich gespeichert?", on="Das können Sie mich fragen")
    employee.find("Was ich über Sie speichere")
    employee.keep_picture("people-7-own-data", of="Was ich über Sie speichere")
    employee.press("Mich vergessen", on="Was ich über Sie speichere")
    employee.find("Soll ich Sie vergessen?")
    employee.keep_picture("people-8-forget", of="Soll ich Sie vergessen?")
    employee.press("Ja, mich vergessen", on="Soll ich Sie vergessen?")
    employee.find("vergessen", patience=LONG)
    employee.keep_picture("people-9-forgotten", of="vergessen")


@playground
def test_the_help_of_an_admin_leads_to_everything(rooms: OpenRoom) -> None:
    """An admin's help card has a door to each thing an admin can look at."""
    admin = rooms(ADMIN)
    admin.say("help")
    admin.find("Prepare a purge")
    admin.keep_picture("people-10-help-admin", of="Prepare a purge")
    admin.press("Standing rules", on="Prepare a purge")
    admin.find("Standing rules")
    admin.keep_picture("people-11-standing", of="Standing")
