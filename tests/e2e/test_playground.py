"""What people see in a real client: the bot in dev mode, the Agents Playground, and a browser."""

import subprocess

import pytest

from bot.identity import DEV_ADMINS, DEV_DPOS, DEV_EMPLOYEE, DEV_TENANT
from tests.e2e.chat import Chat
from tests.e2e.local_teams import LOOPBACK_ONLY, PEOPLE, object_id_of, read_config

playground = pytest.mark.optional("playground")


def test_sample_people_are_those_of_dev_mode() -> None:
    """The pretended Teams has the tenant and the four people that dev mode knows, in their roles."""
    assert read_config()["tenantId"] == DEV_TENANT
    assert [object_id_of(person) for person in PEOPLE] == [DEV_EMPLOYEE, *DEV_ADMINS, *DEV_DPOS]


@playground
@pytest.mark.parametrize(
    ("program", "said"),
    [
        pytest.param(
            "net.createServer().listen(0, function () {say(this.address().address)})", "127.0.0.1", id="listen"
        ),
        pytest.param("dns.lookup('example.com', (error) => say(error.code))", "ENOTFOUND", id="foreign host"),
        pytest.param("dns.lookup('localhost', (error) => say(error))", "null", id="this machine"),
    ],
)
def test_pretended_teams_stays_on_this_machine(chromium: str, program: str, said: str) -> None:
    """The Playground listens on loopback only and finds no host but this one, whatever its telemetry tries."""
    del chromium
    script = f"const say = (value) => {{console.log(String(value)); process.exit()}}; {program}"
    command = ["node", "--require", str(LOOPBACK_ONLY), "--eval", script]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == said


@playground
def test_install_is_greeted_once(chat: Chat) -> None:
    """Installing the bot is told to it twice and brings one welcome card, whose examples are answered in place."""
    chat.keep_picture("welcome")
    answer = chat.press("ProCall Mobile", expect="2.3.2")
    assert len(chat.greeting.buttons) == 5
    assert answer.cards == chat.greeting.cards == 1


@playground
def test_german_question_is_answered_and_its_card_changes_in_place(chat: Chat) -> None:
    """A German question gets a German card with clause and version; its buttons change that card and add none."""
    answer = chat.say("Welche Daten gehen bei Push-Benachrichtigungen an Apple und Google?", expect="Ziffer 2.6 ·")
    chat.keep_picture("answer-de")
    thanked = chat.press("Ja", expect="Danke für Ihre Rückmeldung")
    chat.keep_picture("answer-thanked-de")
    related = chat.press("ProCall Mobile", expect="Ziffer 2.3.2 ·")
    chat.keep_picture("answer-related-de")
    back = chat.press("Zurück: Push-Benachrichtigungen", expect="Ziffer 2.6 ·")
    assert "Ziffer 2.6 · Leistungsbeschreibung ProCall NEX, Stand 05-2025" in answer.text
    assert "Danke" not in answer.text
    assert thanked.text.startswith(answer.text.partition("War das hilfreich?")[0])
    assert "Ja" not in thanked.buttons
    assert "Datenschutzerklärung „ProCall Mobile“" in related.text
    assert [seen.cards for seen in (answer, thanked, related, back)] == [2] * 4


@playground
def test_english_question_is_answered_and_its_card_changes_in_place(chat: Chat) -> None:
    """An English question gets an English card with clause and version; its buttons change that card and add none."""
    answer = chat.say("Which data does the smartphone app process?", expect="Clause 2.3.2 ·")
    chat.keep_picture("answer-en")
    thanked = chat.press("No", expect="Thank you for telling us")
    chat.keep_picture("answer-thanked-en")
    related = chat.press("Push notifications", expect="Clause 2.6 ·")
    chat.keep_picture("answer-related-en")
    assert "Clause 2.3.2 · ProCall NEX service description, version 05-2025" in answer.text
    assert "ask again in other words" in thanked.text
    assert "Apple" in related.text
    assert [seen.cards for seen in (answer, thanked, related)] == [2] * 3


@playground
def test_ambiguous_question_is_asked_back(chat: Chat) -> None:
    """Protocols may be logs or the call journal: the bot asks, and says 90 days of the logs only."""
    choice = chat.say("wie lange werden protokolle gespeichert?", expect="Was meinen Sie?")
    chat.keep_picture("choice-de")
    logs = chat.press("Logs, Traces und Fehlerinformationen", expect="Ziffer 2.7")
    chat.keep_picture("choice-logs-de")
    again = chat.say("wie lange werden protokolle gespeichert?", expect="Was meinen Sie?")
    (journal_button,) = [title for title in again.buttons if title.startswith("Anrufjournal")]
    journal = chat.press(journal_button, expect="Dazu schweigen die Bedingungen")
    chat.keep_picture("choice-journal-de")
    assert "90" not in choice.text
    assert "90 Tage" in logs.text
    assert "90" not in journal.text
    assert [seen.cards for seen in (choice, logs, again, journal)] == [2, 2, 3, 3]


@playground
def test_other_subjects_are_refused_honestly(chat: Chat) -> None:
    """A question about something else gets an honest refusal in its language, and examples that lead back."""
    german = chat.say("Wie wird morgen das Wetter?", expect="Das kann ich nicht beantworten")
    chat.keep_picture("out-of-scope-de")
    english = chat.say("What will the weather be like tomorrow?", expect="I cannot answer that")
    chat.keep_picture("out-of-scope-en")
    answered = chat.press("ProCall Mobile", expect="Clause 2.3.2")
    assert "05-2025" not in german.text + english.text
    assert [seen.cards for seen in (german, english, answered)] == [2, 3, 3]
