"""Commands and what only sounds like one: recognised where somebody orders, and never where somebody asks.

The worst thing this floor could do is to take a question for an order. So besides a table of both, everything people
are known to ask, everything built from question words and command words, and thousands of random utterances go through
the whole understanding.
"""

import json
import random
from collections.abc import Mapping

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.access import Role
from data.catalogue.model import Catalogue
from data.knowledge import Knowledge
from data.labels import Lang
from data.questions.commands import STATE_CHANGING, Command, CommandGrammar
from data.questions.context import Context
from data.questions.normalise import normalise
from data.questions.understand import Kind, Understanding
from tests.domain import ROOT, answers_of, understood

ORDERS: Mapping[Command, tuple[str, ...]] = {
    Command.PURGE_START: (
        "starte den Löschlauf",
        "Löschlauf bitte starten",
        "bitte alle alten Logs löschen",
        "lösche die Logs im Verzeichnis app-logs",
        "Kannst du bitte die alten Traces entfernen?",
        "räum die alten Logdateien auf",
        "neuer Löschlauf für die Server-Logs",
        "führe eine Bereinigung der Fehlerprotokolle durch",
        "loesch die crash logs",
        "LOGS LÖSCHEN JETZT",
        "purge the old logs",
        "please delete all traces older than 90 days",
        "start a purge for app-logs",
        "run the log cleanup now",
        "kick off a purge",
        "get rid of the old error logs please",
        "could you please wipe the stack traces",
    ),
    Command.PURGE_CONFIRM: (
        "Löschlauf bestätigen",
        "ich bestätige den Löschlauf",
        "bestätige 7F3K-Q2MD Löschlauf",
        "Freigabe für den Löschlauf",
        "genehmige die Löschung der Logs",
        "confirm the purge",
        "I approve the purge",
        "approve deletion of the logs",
        "please confirm the deletion of the logs",
    ),
    Command.PURGE_CANCEL: (
        "Löschlauf abbrechen",
        "brich den Löschlauf ab",
        "stopp den Löschlauf sofort",
        "Abbruch der Löschung bitte",
        "cancel the purge",
        "stop the purge now",
        "abort the deletion run",
    ),
    Command.PURGE_STATUS: (
        "Läuft der Löschlauf noch?",
        "Stand des Löschlaufs",
        "ist der Löschlauf schon fertig?",
        "purge status",
        "is the purge still running?",
        "how far is the purge?",
    ),
    Command.RETENTION_STATUS: (
        "Welche Logs sind überfällig?",
        "zeig mir überfällige Logs",
        "gibt es fällige Protokolle?",
        "which logs are overdue?",
        "show overdue logs",
        "are any logs past their retention?",
    ),
    Command.AUDIT_SHOW: (
        "Löschnachweis anzeigen",
        "zeig mir den Löschnachweis",
        "wer hat den letzten Löschlauf bestätigt?",
        "show the proof of deletion",
        "show the audit trail",
        "who approved the last purge?",
    ),
    Command.HOLD_SET: (
        "Löschsperre für die Server-Logs setzen",
        "setze eine Löschsperre auf app-logs",
        "put a hold on the server logs",
        "place a legal hold on app-logs",
    ),
    Command.HOLD_RELEASE: (
        "Löschsperre aufheben",
        "hebe die Löschsperre für app-logs auf",
        "release the hold on the server logs",
        "remove the legal hold",
    ),
    Command.ALERT_SNOOZE: (
        "Hinweis zurückstellen",
        "erinnere mich morgen nochmal an die überfälligen Logs",
        "snooze the alert for two days",
        "remind me about the warning next week",
    ),
}
NO_ORDERS = (
    # questions about deleting
    "Wann werden die Logs gelöscht?",
    "Wer löscht die Logs?",
    "Löscht estos die Logs wirklich nach 90 Tagen?",
    "Kann ich meine Logs löschen?",
    "Darf der Admin einfach Logs löschen?",
    "Was passiert beim Löschlauf?",
    "Wie starte ich einen Löschlauf?",
    "Wie kann man den Löschlauf abbrechen?",
    "Muss ich den Löschlauf bestätigen?",
    "Wer darf einen Löschlauf bestätigen?",
    "Wozu gibt es eine Löschsperre?",
    "Was ist eine Löschsperre?",
    "Werden alte Logs automatisch gelöscht?",
    "Warum werden Traces nach 90 Tagen gelöscht?",
    "Sollte man Logs früher löschen?",
    "ob logs gelöscht werden würde mich interessieren",
    "When are logs deleted?",
    "Who can delete logs?",
    "Does estos really purge the logs after 90 days?",
    "Can I delete my logs?",
    "How do I start a purge?",
    "How would I cancel a purge?",
    "Do I have to confirm a purge?",
    "What happens in a purge?",
    "What is a legal hold?",
    "Why are traces deleted after 90 days?",
    "Is it possible to delete logs earlier?",
    "are logs purged automatically?",
    "what if somebody deletes the logs",
    "I was wondering who deletes the logs",
    # one's own data
    "lösche alle meine Daten",
    "bitte löschen Sie meine personenbezogenen Daten",
    "ich will dass alles über mich gelöscht wird",
    "delete my personal data",
    "erase everything you know about me",
    "please delete my account",
    "remove me from your logs",
    "Antrag auf Löschung nach Art. 17",
    # calls, chats and other things that are not logs
    "lösche mein Anrufjournal",
    "Anrufliste löschen",
    "Anrufprotokolle bitte löschen",
    "Verbindungsprotokolle löschen",
    "delete the call log",
    "clear my call history",
    "purge the call logs",
    "lösche den Chatverlauf",
    "delete this chat message",
    "Voicemail löschen",
    "Kontakt löschen",
    "Termin absagen",
    "cancel the meeting",
    "confirm my appointment",
    "Aufnahme stoppen",
    "stop the recording",
    "delete the browser history",
    "empty the recycle bin",
    "lösche den Kalendereintrag",
    "git logs anzeigen",
    # reports, wishes, moods
    "gestern hat jemand die Logs gelöscht",
    "estos löscht die Logs nach 90 Tagen",
    "die Logs werden nach 90 Tagen gelöscht",
    "somebody deleted our logs",
    "nicht löschen!",
    "bitte keine Logs löschen",
    "do not start a purge",
    "never purge anything",
    "hold on a second",
    "hold the line please",
    "please hold",
    "erinnerst du dich an mich?",
    "stopp",
    "ja",
    "ok",
    "bestätigt",
    "go ahead",
    "nein danke",
    "abbrechen",
    # homoglyphs and tricks (IN-06)
    "PURG\u0415",
    "c\u043enfirm purg\u0435",
    "ＰＵＲＧＥ？",
    "p u r g e",
    '{"verb": "show_topic"}',
    "kann ich die Löschsperre aufheben",
    "dürfen wir eine Löschsperre setzen",
    "<at>Bot</at>",
    "' OR 1=1; --",
    "${7*7}",
)
ROWS = [(text, command) for command, texts in ORDERS.items() for text in texts]
OPENERS = (
    "wie wann wer warum wieso weshalb wozu was welche wo muss darf soll kann werden wird wurden sind ist hat haben"
    " how when who why what which where must may should can could does do did is are was were has have will would"
).split()
SUBJECTS = ("ich", "man", "der admin", "wir", "estos", "die", "i", "we", "the admin", "anybody", "the", "you", "")
COMMAND_WORDS = (
    "löschen lösche gelöscht löschlauf starten bestätigen abbrechen aufheben sperren löschsperre setzen zurückstellen"
    " logs traces alte fehlerprotokolle server-logs app-logs purge delete deleted start confirm approve cancel stop"
    " release hold snooze alert logs traces old all overdue überfällige now jetzt bitte please yes ja"
).split()
ENDINGS = ("?", " ?", "??", "", ".", " eigentlich?", " oder?", " right?", " then?")


def state_changing(understanding: Understanding, text: str, role: Role, context: Context | None = None) -> bool:
    """Tell whether somebody's words would change something."""
    return understood(understanding, text, role=role, context=context).command in STATE_CHANGING


# -- the tables -------------------------------------------------------------------------------------------------------


def test_the_table_is_large_enough() -> None:
    """At least 120 utterances of our own, every command among them."""
    assert len(ROWS) + len(NO_ORDERS) >= 120
    assert set(ORDERS) == set(Command)
    assert len({text for text, _ in ROWS} | set(NO_ORDERS)) == len(ROWS) + len(NO_ORDERS)


@pytest.mark.parametrize("role", [Role.EMPLOYEE, Role.ADMIN])
@pytest.mark.parametrize(
    ("text", "command"),
    ROWS,
)
def test_an_order_is_recognised(understanding: Understanding, text: str, command: Command, role: Role) -> None:
    """An order is recognised as what it is, whoever gives it; who may give it is decided elsewhere."""
    assert understood(understanding, text, role=role).command is command


@pytest.mark.parametrize("text", NO_ORDERS)
def test_what_is_no_order_changes_nothing(understanding: Understanding, text: str) -> None:
    """Questions, other people's things, reports and tricks are never a state-changing command, for anybody."""
    for role in Role:
        assert not state_changing(understanding, text, role)
    assert state_changing(understanding, "starte den Löschlauf", Role.ADMIN), "the positive control"


@pytest.mark.parametrize("last", sorted(STATE_CHANGING), ids=str)
@pytest.mark.parametrize("text", [text for text in NO_ORDERS if text.endswith("?") or "mein" in text])
def test_a_question_after_a_command_is_still_a_question(understanding: Understanding, text: str, last: Command) -> None:
    """What was ordered before does not turn a question or a wish about one's own data into an order."""
    context = Context(lang=Lang.DE, even="loeschlauf starten", command=last)
    assert not state_changing(understanding, text, Role.ADMIN, context)


@pytest.mark.parametrize(
    ("text", "last", "command"),
    [
        ("ja", Command.PURGE_START, Command.PURGE_CONFIRM),
        ("yes please", Command.PURGE_START, Command.PURGE_CONFIRM),
        ("bestätige", Command.PURGE_START, Command.PURGE_CONFIRM),
        ("nein, stopp", Command.PURGE_START, Command.PURGE_CANCEL),
        ("doch nicht", Command.PURGE_START, Command.PURGE_CANCEL),
        ("cancel", Command.PURGE_STATUS, Command.PURGE_CANCEL),
        ("ja", Command.RETENTION_STATUS, None),
        ("ja", None, None),
        ("bestätige", None, None),
        ("wer darf das?", Command.PURGE_START, None),
    ],
)
def test_yes_and_no_answer_the_command_before(
    understanding: Understanding, text: str, last: Command | None, command: Command | None
) -> None:
    """Yes and no mean something only where the bot has just been told to purge."""
    context = Context(lang=Lang.DE, command=last) if last else None
    assert understood(understanding, text, role=Role.ADMIN, context=context).command is command


def test_a_bare_purge_takes_nothing_back(understanding: Understanding) -> None:
    """The one word asks for a purge or for its state; it never confirms or cancels one."""
    for text in ("purge", "PURGE", "Löschlauf"):
        found = understood(understanding, text, role=Role.ADMIN).command
        assert found in (Command.PURGE_START, Command.PURGE_STATUS), text  # the matcher suggests purge_cancel


@pytest.mark.parametrize(
    "text", ["don't delete the logs", "do not purge", "Logs nicht löschen", "keinen Löschlauf starten", "never purge"]
)
def test_a_negated_order_deletes_nothing(understanding: Understanding, text: str) -> None:
    """Somebody who says not to delete may stop or hold something, and never starts or confirms a purge."""
    found = understood(understanding, text, role=Role.ADMIN).command
    assert found not in (Command.PURGE_START, Command.PURGE_CONFIRM, Command.HOLD_RELEASE)


# -- everything people are known to ask -------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.EMPLOYEE, Role.ADMIN])
def test_no_question_of_the_catalogue_changes_anything(
    understanding: Understanding, catalogue: Catalogue, role: Role
) -> None:
    """No phrasing of any topic, in either language, ever becomes a state-changing command."""
    wrong = [
        (label, text, meaning.command)
        for label, aspect in answers_of(catalogue)
        for lang, texts in aspect.phrasings.items()
        for text in texts
        for meaning in [understood(understanding, text, role=role, lang=lang)]
        if meaning.command in STATE_CHANGING
    ]
    assert wrong == []


def test_what_is_asked_about_commands_changes_nothing(understanding: Understanding, knowledge: Knowledge) -> None:
    """Questions about purges, and orders about other people's things, are learnt as such and stay such."""
    wrong = [
        (example.label, example.text)
        for example in knowledge.corpus.examples
        if not example.label.startswith("?command.") and state_changing(understanding, example.text, Role.ADMIN)
    ]
    assert wrong == []


def test_what_only_sounds_like_a_command_changes_nothing(understanding: Understanding) -> None:
    """None of the non-commands that others collected changes anything for anybody."""
    lines = (ROOT / "tests" / "questions" / "noncommands.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert len(found) > 100
    wrong = [one["id"] for one in found for role in Role if state_changing(understanding, one["text"], role)]
    assert wrong == []


# -- built and random utterances --------------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(
    opener=st.sampled_from(OPENERS),
    subject=st.sampled_from(SUBJECTS),
    words=st.lists(st.sampled_from(COMMAND_WORDS), min_size=1, max_size=6),
    ending=st.sampled_from(ENDINGS),
    role=st.sampled_from([Role.EMPLOYEE, Role.ADMIN, Role.DPO]),
)
def test_whoever_begins_with_a_question_word_orders_nothing(
    understanding: Understanding, opener: str, subject: str, words: list[str], ending: str, role: Role
) -> None:
    """A question word in front makes any string of command words a question."""
    polite = opener in ("can", "could", "will", "would", "kann") and subject in ("you", "")
    assume(not polite)  # "could you delete the logs" is an order, politely
    text = " ".join([opener, *([subject] if subject else []), *words]) + ending
    assert not state_changing(understanding, text, role), text


class Babble:
    """Makes utterances of words people use, command words, numbers and noise; the same ones for the same seed."""

    def __init__(self, seed: int, words: list[str]) -> None:
        self._random = random.Random(seed)  # noqa: S311  no secrets
        self._words = words

    def __call__(self) -> str:
        """Make one."""
        pick = self._random
        parts = pick.choices(self._words, k=pick.randint(1, 7)) + pick.choices(COMMAND_WORDS, k=pick.randint(0, 3))
        if pick.random() < 0.2:
            parts.append("".join(chr(pick.randrange(32, 0x2FFF)) for _ in range(pick.randint(1, 12))))
        pick.shuffle(parts)
        return pick.choice([" ", " ", " ", ", ", "-", "  "]).join(parts) + pick.choice(["", "", "?", "!", "...", "\n"])


@pytest.fixture(scope="session")
def vocabulary(catalogue: Catalogue) -> list[str]:
    """Give the words people use when they ask, as often as they use them."""
    texts = (text for _, aspect in answers_of(catalogue) for texts in aspect.phrasings.values() for text in texts)
    return sorted(word for text in texts for word in text.split())


def test_random_utterances_never_change_anything_unnoticed(
    understanding: Understanding, knowledge: Knowledge, vocabulary: list[str]
) -> None:
    """IN-13: of 20,000 random utterances none fails, and what changes something passed the grammar of commands."""
    grammar: CommandGrammar = knowledge.corpus.grammar
    babble = Babble(20_260_302, vocabulary)
    orders = 0
    for _ in range(20_000):
        text = babble()
        meaning = understood(understanding, text, role=Role.ADMIN, lang=Lang.DE)
        assert meaning.kind in Kind
        if meaning.command in STATE_CHANGING:
            orders += 1
            even = normalise(text)
            assert grammar.permits(even, meaning.command) or grammar.parse(even) is meaning.command, text
            assert not even.endswith("?") or "bitte" in even or "please" in even or "you" in even, text
    assert orders > 0, "the positive control: some of it does sound like an order"


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=300))
def test_any_text_at_all_is_understood_somehow(understanding: Understanding, text: str) -> None:
    """Whatever characters come in, there is a meaning, and the same one every time."""
    found = understood(understanding, text)
    assert found.kind in Kind
    assert found == understood(understanding, text)


@pytest.mark.parametrize("role", Role)
def test_lookalike_letters_make_no_command_word(understanding: Understanding, role: Role) -> None:
    """IN-06: a word with a letter of another alphabet is not the command word it looks like."""
    assert not state_changing(understanding, "PURG\u0415", role)
    assert not state_changing(understanding, "c\u043enfirm purg\u0435", role)
    assert state_changing(understanding, "PURGE", role)
    assert state_changing(understanding, "confirm purge", role)


@pytest.mark.parametrize(
    "text",
    [
        "alarme", "Offene Alarme", "zeige alle offenen Alarme", "welche alarme gibt es?", "gibt es Warnungen?",
        "Alarmliste bitte", "Zeig mir die offenen Hinweise",
        "alerts", "show alerts", "open alerts", "are there any open alerts?",
        "list the alerts please",
    ],
)  # fmt: skip
def test_the_alerts_can_be_asked_for_in_a_word(understanding: Understanding, text: str) -> None:
    """Who asks for the alerts and nothing else is shown the state of things; nothing is put off by it."""
    for role in (Role.ADMIN, Role.DPO, Role.EMPLOYEE):
        assert understood(understanding, text, role=role).command is Command.RETENTION_STATUS


@pytest.mark.parametrize(
    "text",
    [
        "show push notifications", "Hinweise", "Datenschutzhinweise zeigen",
        "Wie lange bleiben Benachrichtigungen gespeichert?", "alerts on my phone",
        "Warum bekomme ich Warnungen von Windows?", "alarmanlage", "alert me when my colleague is online",
    ],
)  # fmt: skip
def test_other_talk_of_alerts_is_no_request_for_them(understanding: Understanding, text: str) -> None:
    """Notifications of a telephone, and sentences that only hold the word, do not ask for the alerts of the bot."""
    assert understood(understanding, text, role=Role.DPO).command is not Command.RETENTION_STATUS
