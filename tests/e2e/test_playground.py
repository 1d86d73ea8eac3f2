"""What people see in a real client: the bot in dev mode, the Agents Playground, and a browser."""

from collections.abc import Callable

import pytest

from bot.identity import DEV_ADMINS, DEV_DPOS, DEV_EMPLOYEE, DEV_TENANT
from tests.e2e.conftest import ADMIN, EMPLOYEE, Chat
from tests.e2e.local_teams import PEOPLE, Person, object_id_of, read_config

playground = pytest.mark.optional("playground")


def test_sample_people_are_those_of_dev_mode() -> None:
    """The pretended Teams has the tenant and the four people that dev mode knows, in their roles."""
    assert read_config()["tenantId"] == DEV_TENANT
    assert [object_id_of(person) for person in PEOPLE] == [DEV_EMPLOYEE, *DEV_ADMINS, *DEV_DPOS]


@playground
def test_install_is_greeted_once(chat: Chat) -> None:
    """Installing the bot is told to it twice and brings one welcome card."""
    greeting = chat.see("ProCall NEX")
    chat.keep_picture("welcome")
    answer = chat.say("Welche Daten verarbeitet die Smartphone-App?", expect="Ziffer 2.3.2")
    assert len(greeting.buttons) == 4
    assert answer.cards == 2, "one greeting, one answer"


@playground
def test_german_question_is_answered_and_its_card_changes_in_place(chat: Chat) -> None:
    """A German question gets a German card with clause and version; its buttons change that card and add none."""
    answer = chat.say("Welche Daten verarbeitet die Smartphone-App?", expect="ProCall Mobile")
    chat.keep_picture("answer-de")
    thanked = chat.press("Ja", expect="Danke für Ihre Rückmeldung")
    chat.keep_picture("answer-thanked-de")
    related = chat.press("Push-Benachrichtigungen", expect="Ziffer 2.6")
    chat.keep_picture("answer-related-de")
    back = chat.press("Zurück: ProCall Mobile", expect="Ziffer 2.3.2")
    assert "Ziffer 2.3.2 · Leistungsbeschreibung ProCall NEX, Stand 05-2025" in answer.text
    assert "Danke" not in answer.text
    assert thanked.text.startswith(answer.text.partition("War das hilfreich?")[0])
    assert "Ja" not in thanked.buttons
    assert "Apple" in related.text
    assert [seen.cards for seen in (thanked, related, back)] == [answer.cards] * 3


@playground
def test_english_question_is_answered_and_its_card_changes_in_place(chat: Chat) -> None:
    """An English question gets an English card with clause and version; its buttons change that card and add none."""
    answer = chat.say("What happens to my data when a push notification is sent?", expect="Push notifications")
    chat.keep_picture("answer-en")
    thanked = chat.press("No", expect="Thank you for telling us")
    chat.keep_picture("answer-thanked-en")
    related = chat.press("ProCall Mobile", expect="Clause 2.3.2")
    chat.keep_picture("answer-related-en")
    assert "Clause 2.6 · ProCall NEX service description, version 05-2025" in answer.text
    assert "ask again in other words" in thanked.text
    assert [seen.cards for seen in (thanked, related)] == [answer.cards] * 2


@playground
@pytest.mark.parametrize(
    ("option", "shown", "says_90_days"),
    [
        pytest.param("Logs, Traces und Fehlerinformationen", "Ziffer 2.7", True, id="logs"),
        pytest.param("Anrufjournal: Einsicht und Speicherdauer", "05-2025", False, id="journal"),
    ],
)
def test_ambiguous_question_is_asked_back(chat: Chat, option: str, shown: str, says_90_days: bool) -> None:
    """Protocols may be logs or the call journal: the bot asks, and only the logs are deleted after 90 days."""
    choice = chat.say("wie lange werden protokolle gespeichert?", expect="Was meinen Sie?")
    chat.keep_picture("choice-de")
    chosen = chat.press(option, expect=shown)
    chat.keep_picture(f"choice-{'logs' if says_90_days else 'journal'}-de")
    assert "90" not in choice.text
    assert ("90 Tage" in chosen.text) is says_90_days
    assert chosen.cards == choice.cards


@playground
@pytest.mark.parametrize(
    ("question", "refusal", "name"),
    [
        pytest.param("Wie wird morgen das Wetter?", "Das kann ich nicht beantworten", "de", id="de"),
        pytest.param("What will the weather be like tomorrow?", "I cannot answer that", "en", id="en"),
    ],
)
def test_other_subjects_are_refused_honestly(chat: Chat, question: str, refusal: str, name: str) -> None:
    """A question about something else gets an honest refusal, and examples that lead back."""
    refused = chat.say(question, expect=refusal)
    chat.keep_picture(f"out-of-scope-{name}")
    answered = chat.press("ProCall Mobile", expect="2.3.2")
    assert "05-2025" not in refused.text
    assert answered.cards == refused.cards


@playground
@pytest.mark.parametrize(
    ("person", "command", "sentence", "name"),
    [
        pytest.param(ADMIN, "lösche logs älter als 90 tage", "Sie dürfen das.", "admin-de", id="admin-de"),
        pytest.param(ADMIN, "purge logs older than 90 days", "You may do that.", "admin-en", id="admin-en"),
        pytest.param(
            EMPLOYEE,
            "lösche logs älter als 90 tage",
            "Das dürfen hier nur: Administratorinnen und Administratoren. Es wurde nichts ausgeführt.",
            "employee-de",
            id="employee-de",
        ),
    ],
)
def test_command_is_for_admins(
    chat_as: Callable[[Person], Chat],
    person: Person,
    command: str,
    sentence: str,
    name: str,
) -> None:
    """An admin's purge command is recognised as theirs; the same words of an employee are refused."""
    chat = chat_as(person)
    shown = chat.say(command, expect=sentence)
    chat.keep_picture(f"command-{name}")
    assert ("Befehl erkannt: Löschlauf starten" if name.endswith("de") else "Command recognised:") in shown.text
