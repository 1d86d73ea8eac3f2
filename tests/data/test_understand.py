"""What a sentence means: alone, after another, after a question back, two at once; never the 90 days for calls."""

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.access import Role
from data.catalogue.model import Catalogue
from data.labels import Lang, Outcome
from data.questions.commands import Command
from data.questions.context import REMEMBER_AT_MOST, REMEMBER_SECONDS, Context, Contexts
from data.questions.understand import Kind, Label, Meaning, Understanding
from data.stores.memory import MemoryFeedbackStore
from dialogs.router import Router
from dialogs.turn import Reply, Turn, TurnKind
from tests.domain import actor, fresh_router, understood
from tests.world import FakeClock


def topics(meaning: Meaning) -> list[str]:
    """List the topics that were understood, the one of each answer."""
    return [label.topic for label in meaning.labels]


class Talk:
    """A conversation with the router, with a clock that the test sets."""

    def __init__(self, router: Router, clock: FakeClock, role: Role = Role.EMPLOYEE) -> None:
        self.clock = clock
        self._router = router
        self._actor = actor(role)

    def __call__(self, *texts: str) -> Reply:
        """Say one thing after the other; give the last answer."""
        for text in texts:
            reply = self._router.say(
                Turn(kind=TurnKind.MESSAGE, actor=self._actor, conversation="one", text=text, locale=Lang.DE)
            )
        return reply


@pytest.fixture
def talk(built_router: Router) -> Talk:
    """Give a fresh conversation of an employee."""
    clock = FakeClock()
    return Talk(fresh_router(built_router, MemoryFeedbackStore(), clock), clock)


# -- alone ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("welche tarife gibt es", "scope_tariff"),
        ("wo ist die beschreibung vom starface anschluss", "sip_trunk"),
        ("gibt es einen auftragsverarbeitungsvertrag", "processor"),
        ("datenschutzerklärung für die windows app", "app_desktop"),
        ("privacy notice for the iphone app", "app_mobile"),
        ("datenschutz der teams app von procall", "app_web_teams"),
        ("welche daten fallen bei konferenzen an", "conference"),
        ("was passiert mit meiner stimme beim telefonieren", "av_telephony"),
        ("kriegt apple meine push nachrichten", "push"),
        ("wie lange werden absturzberichte aufgehoben", "diagnostics"),
        ("which categories of personal data are processed", "data_categories"),
        ("wessen daten werden verarbeitet", "data_subjects"),
        ("kann mein chef sehen wann ich online bin", "presence|boss_view"),
        ("werden gespräche aufgezeichnet", "recording"),
        ("wo stehen die server", "hosting"),
        ("wie erreiche ich den datenschutzbeauftragten", "dpo_contact"),
        ("speichert dieser bot meine fragen", "this_bot"),
    ],
)
def test_a_plain_question_finds_its_topic(understanding: Understanding, text: str, topic: str) -> None:
    """A plain question on a topic is answered from that topic."""
    found = understood(understanding, text)
    assert found.kind is Kind.TOPICS
    assert found.labels[0].topic in topic.split("|")


@pytest.mark.parametrize(
    "text", ["wie wird das wetter", "mein passwort geht nicht", "what's for lunch", "erzähl einen witz", "qwertz asdf"]
)
def test_what_is_not_the_subject_is_refused(understanding: Understanding, text: str) -> None:
    """What has nothing to do with privacy in ProCall NEX gets no topic."""
    assert understood(understanding, text).kind in (Kind.OUT_OF_SCOPE, Kind.HELP)


@pytest.mark.parametrize("text", ["hallo", "guten morgen", "was kannst du", "help", "danke dir", "👍", "?"])
def test_small_talk_gets_help(understanding: Understanding, text: str) -> None:
    """A greeting, thanks or a bare sign is answered with what can be asked."""
    assert understood(understanding, text).kind is Kind.HELP


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_no_text_is_empty(understanding: Understanding, text: str) -> None:
    """A message without text (a picture, say) is known as such."""
    assert understood(understanding, text).kind is Kind.EMPTY


# -- collisions (procall-nex.md 5b) -----------------------------------------------------------------------------------

EVERYBODY = (Role.EMPLOYEE, Role.ADMIN, Role.DPO)
OPERATORS = (Role.ADMIN, Role.DPO)
COLLISIONS: Sequence[tuple[str, Sequence[Role], str]] = (
    ("wie lange wird das anrufprotokoll gespeichert", EVERYBODY, "journal"),
    ("speicherdauer verbindungsprotokoll", EVERYBODY, "journal"),
    ("wer sieht das gesprächsprotokoll", EVERYBODY, "journal"),
    ("wie lange bleibt mein anruflog", EVERYBODY, "journal"),
    ("how long is the call log kept", EVERYBODY, "journal"),
    ("call history retention", EVERYBODY, "journal"),
    ("was steht in den telefonprotokollen", EVERYBODY, "journal"),
    ("wie lange werden fehlerprotokolle gespeichert", EVERYBODY, "diagnostics"),
    ("systemprotokolle aufbewahrung", EVERYBODY, "diagnostics"),
    ("wie lange liegen serverlogs", EVERYBODY, "diagnostics"),
    ("how long are stack traces kept", EVERYBODY, "diagnostics"),
    ("wie lange werden logs gespeichert", OPERATORS, "diagnostics"),
    ("how long are logs kept?", OPERATORS, "diagnostics"),
    ("wie lange werden logs gespeichert", (Role.EMPLOYEE,), "?logs"),
    ("how long are the logs stored?", (Role.EMPLOYEE,), "?logs"),
    ("wie lange werden protokolle gespeichert", (Role.EMPLOYEE,), "?logs"),
    ("bekommt apple meine push benachrichtigungen", EVERYBODY, "push"),
    ("apple notification data", EVERYBODY, "push"),
    ("datenschutzerklärung für apple mac", EVERYBODY, "app_desktop"),
    ("datenschutzerklärung für das iphone", EVERYBODY, "app_mobile"),
    ("was ist im enterprise tarif", EVERYBODY, "scope_tariff"),
    ("wie lange speichert procall enterprise das journal", EVERYBODY, "?out"),
    ("datenschutzerklärung app", EVERYBODY, "?app_notice"),
    ("privacy notice of the app", EVERYBODY, "?app_notice"),
)


@pytest.mark.parametrize(
    ("text", "role", "meant"), [(text, role, meant) for text, roles, meant in COLLISIONS for role in roles]
)
def test_shared_words_are_told_apart(understanding: Understanding, text: str, role: Role, meant: str) -> None:
    """Where two topics share their words, the rest of the sentence and the role decide, or the bot asks back."""
    found = understood(understanding, text, role=role)
    if meant == "?out":
        assert found.kind is Kind.OUT_OF_SCOPE or "scope_tariff" in topics(found)
    elif meant.startswith("?"):
        assert (found.kind, found.ambiguity) == (Kind.CHOICE, meant[1:])
    else:
        assert topics(found) == [meant]


def test_deleting_is_an_order_of_an_admin_and_a_question_of_an_employee(understanding: Understanding) -> None:
    """A request on one's own data is never a purge; "delete old logs" is recognised as one, to be refused by role."""
    assert understood(understanding, "lösche meine daten").kind is Kind.TOPICS
    assert understood(understanding, "alte logs löschen", role=Role.ADMIN).command is Command.PURGE_START
    assert understood(understanding, "lösche meine daten", role=Role.ADMIN).command is None


# -- the worst answer -------------------------------------------------------------------------------------------------

CALL_WORDS = (
    "anrufjournal anruflog anrufprotokoll anrufliste anrufverlauf anrufhistorie verbindungsprotokoll verbindungsdaten"
    " einzelverbindungsnachweis gesprächsliste gesprächsprotokoll telefonprotokoll telefonjournal rufliste"
).split()
CALL_PHRASES = ("call log", "call history", "call journal", "call records", "missed calls", "call list", "phone log")
GERMAN_FRAMES = (
    "wie lange wird {} gespeichert",
    "wann wird {} gelöscht",
    "löschfrist {}",
    "{} speicherdauer",
    "{} wie lange",
    "wird {} nach 90 tagen gelöscht?",
    "stimmt es dass {} nach neunzig tagen weg ist",
    "aufbewahrungsfrist von {} in procall nex",
    "gilt die frist aus ziffer 2.7 auch für {}",
    "wie viele tage bleibt {} im system",
    "ab wann ist {} nicht mehr da",
    "protokolliert ihr {} und wie lange",
)
ENGLISH_FRAMES = (
    "how long is {} kept",
    "when is {} deleted",
    "{} retention",
    "is {} deleted after 90 days?",
    "{} how many days",
    "how long do you keep {} please",
    "does the ninety day limit cover {}",
    "when does {} disappear from the system",
)
GERMAN_FORMS = ("{}", "mein {}", "das {}", "die {}", "unser {}", "meine {}")
ENGLISH_FORMS = ("{}", "my {}", "the {}", "our {}")
TAILS = ("", "?", " bitte", " eigentlich", "???", " in procall", " - danke", " please")
TYPED: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    str.capitalize,
    lambda text: text.replace("ö", "oe").replace("ä", "ae"),
)


def names_ninety(catalogue: Catalogue, meaning: Meaning) -> bool:
    """Tell whether the answer to a meaning would say anything of 90 days."""
    answers = [catalogue.topics[label.topic].aspect(label.aspect) for label in meaning.labels]
    tables = [catalogue.topics[label.topic].retention for label in meaning.labels if not label.aspect]
    said = [text for answer in answers for text in answer.answer.values()]
    said += [text for words in tables if words for text in words.values()]
    return any(re.search(r"90|neunzig|ninety", text) for text in said)


@pytest.fixture(scope="session")
def says_ninety(catalogue: Catalogue) -> Callable[[Meaning], bool]:
    """Give what tells whether the answer to a meaning names the limit."""
    return lambda meaning: names_ninety(catalogue, meaning)


@settings(max_examples=200, deadline=None)
@given(
    asked=st.one_of(
        st.tuples(st.sampled_from(GERMAN_FRAMES), st.sampled_from(GERMAN_FORMS), st.sampled_from(CALL_WORDS)),
        st.tuples(st.sampled_from(ENGLISH_FRAMES), st.sampled_from(ENGLISH_FORMS), st.sampled_from(CALL_PHRASES)),
    ),
    tail=st.sampled_from(TAILS),
    typed=st.sampled_from(TYPED),
    role=st.sampled_from(EVERYBODY),
)
def test_the_call_journal_never_gets_the_ninety_days(
    understanding: Understanding,
    says_ninety: Callable[[Meaning], bool],
    asked: tuple[str, str, str],
    tail: str,
    typed: Callable[[str], str],
    role: Role,
) -> None:
    """However somebody asks how long calls are listed, the limit of clause 2.7 is not the answer."""
    frame, form, word = asked
    text = typed(frame.format(form.format(word)) + tail)
    found = understood(understanding, text, role=role)
    assert not says_ninety(found), (text, found.labels)


def test_the_logs_do_get_the_ninety_days(understanding: Understanding, catalogue: Catalogue) -> None:
    """The positive control: the same questions on traces are answered with the limit."""
    for text in ("wie lange werden traces gespeichert", "how long are error logs kept", "löschfrist stack-traces"):
        assert names_ninety(catalogue, understood(understanding, text)), text


@pytest.mark.parametrize(
    "turns",
    [
        ("wie lange werden fehlerprotokolle gespeichert", "und das anrufjournal?"),
        ("wie lange werden traces aufbewahrt", "und meine anrufliste"),
        ("how long are stack traces kept", "and the call log?"),
        ("wer sieht mein anrufjournal", "und wie lange bleibt das gespeichert?"),
        ("wie lange werden logs gespeichert", "das anrufjournal"),
        ("how long are logs kept", "the call history"),
    ],
)
def test_no_follow_up_turns_calls_into_logs(talk: Talk, turns: tuple[str, ...]) -> None:
    """A follow-up on the call journal stays with the journal, whatever was spoken of before."""
    reply = talk(*turns)
    assert reply.topics == ("journal",)
    assert "90" not in str((reply.card or {})["body"])


# -- follow-ups -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turns", "topic"),
    [
        (("datenschutzerklärung für windows", "und auf dem handy?"), "app_mobile"),
        (("privacy notice for the mobile app", "and for windows?"), "app_desktop"),
        (("wie lange wird das anrufjournal gespeichert", "und die voicemails?"), "voicemail"),
        (("werden anrufe aufgezeichnet?", "wie lange wird das gespeichert?"), "recording"),
        (("was steht in push nachrichten", "und wer bekommt das?"), "push"),
        (("was steht in push nachrichten", "danke", "und wer bekommt das?"), "push"),
        (("wer sieht meinen präsenzstatus", "wo stehen eure server"), "hosting"),
    ],
)
def test_a_follow_up_is_read_with_what_was_said(talk: Talk, turns: tuple[str, ...], topic: str) -> None:
    """A sentence that leaves something out is completed by the one before; one that stands alone is not."""
    assert talk(*turns).topics[0] == topic


def test_without_a_conversation_a_follow_up_means_little(talk: Talk) -> None:
    """The positive control: the same words alone do not find the topic."""
    assert talk("wie lange wird das gespeichert?").topics != ("recording",)


@pytest.mark.parametrize(("passed", "topic"), [(REMEMBER_SECONDS - 1, True), (REMEMBER_SECONDS + 1, False)])
def test_a_subject_is_forgotten_after_ten_minutes(talk: Talk, passed: int, topic: bool) -> None:
    """What was talked about counts for ten minutes and not a second longer."""
    talk("werden anrufe aufgezeichnet?")
    talk.clock.advance(passed)
    assert (talk("wie lange wird das gespeichert?").topics == ("recording",)) is topic


def test_the_language_stays_where_a_text_does_not_tell(talk: Talk) -> None:
    """After an English question a bare word is answered in English; a German sentence switches back."""
    assert talk("who gets my push notifications?").lang is Lang.EN
    assert talk("starface").lang is Lang.EN
    assert talk("wer bekommt das und wie lange wird es gespeichert").lang is Lang.DE


# -- choices ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "topic"),
    [
        ("das anrufjournal", "journal"),
        ("die anrufe", "journal"),
        ("die technischen logs", "diagnostics"),
        ("fehlerberichte", "diagnostics"),
        ("nicht die anrufe, die fehlerberichte", "diagnostics"),
    ],
)
def test_the_answer_to_a_question_back_is_understood(talk: Talk, answer: str, topic: str) -> None:
    """After the bot asked which logs are meant, naming one is enough."""
    asked = talk("wie lange werden logs gespeichert")
    assert asked.outcome is Outcome.CLARIFY
    assert asked.options == ("journal", "diagnostics")
    assert talk(answer).topics == (topic,)


def test_something_else_may_be_asked_instead_of_choosing(talk: Talk) -> None:
    """Nobody is held in a choice: another question is answered."""
    talk("wie lange werden logs gespeichert")
    assert talk("wo stehen die server von procall nex eigentlich").topics == ("hosting",)


def test_a_bare_status_asks_back_between_the_two_states(talk: Talk) -> None:
    """The word status alone may mean the purge or the logs that are due."""
    asked = talk("status?")
    assert set(asked.options) == {"purge_status", "retention_status"}


# -- two at once ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("werden anrufe aufgezeichnet und wo stehen die server?", {"recording", "hosting"}),
        ("Welche Datenschutzerklärung gilt für Windows? Und was ist mit Push?", {"app_desktop", "push"}),
        ("who can see my presence, and are calls recorded?", {"presence", "recording"}),
        ("wie lange werden voicemails und absturzberichte gespeichert", {"voicemail", "diagnostics"}),
    ],
)
def test_two_questions_get_two_answers(understanding: Understanding, text: str, both: set[str]) -> None:
    """Two questions in one message are both answered."""
    assert set(topics(understood(understanding, text))) == both


@pytest.mark.parametrize(
    "text",
    [
        "welche logs und traces werden gespeichert",
        "name und e-mail werden verarbeitet?",
        "datenschutzerklärung für windows und mac",
        "wer bekommt push daten, apple und google?",
    ],
)
def test_one_question_with_two_nouns_stays_one(understanding: Understanding, text: str) -> None:
    """An "and" inside a question does not split it."""
    assert len(topics(understood(understanding, text, role=Role.ADMIN))) == 1


@pytest.fixture(scope="session")
def topic_ids(catalogue: Catalogue) -> frozenset[str]:
    """Give the ids of all topics."""
    return frozenset(catalogue.topics)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from("logs push wie lange und anrufjournal chef sieht ? , . starten 90 2.7".split()), max_size=12
    )
)
def test_any_mixture_has_one_meaning(understanding: Understanding, topic_ids: frozenset[str], words: list[str]) -> None:
    """Whatever is mixed, the meaning is whole: known topics, at most three, options to choose from, or none."""
    text = " ".join(words)
    found = understood(understanding, text)
    assert found == understood(understanding, text)
    assert len(found.labels) <= 3
    assert all(label.topic in topic_ids for label in found.labels)
    assert (found.kind is Kind.TOPICS) == bool(found.labels)
    assert (found.kind is Kind.CHOICE) == bool(found.options)
    assert (found.kind is Kind.COMMAND) == (found.command is not None)
    assert 0 <= found.confidence <= 1 + 1e-6


# -- contexts ---------------------------------------------------------------------------------------------------------


def test_contexts_are_kept_apart_and_for_a_while() -> None:
    """Each conversation has its own subject; it goes when its time is over or when it is forgotten."""
    clock = FakeClock()
    contexts = Contexts(clock)
    push, journal = (Context(lang=Lang.DE, topic=topic) for topic in ("push", "journal"))
    contexts.remember("a", push)
    clock.advance(REMEMBER_SECONDS)
    contexts.remember("b", journal)
    assert (contexts.recall("a"), contexts.recall("b"), contexts.recall("c")) == (push, journal, None)
    clock.advance(1)
    assert (contexts.recall("a"), contexts.recall("b")) == (None, journal)
    contexts.forget("b")
    contexts.forget("unknown")
    assert contexts.recall("b") is None


def test_contexts_never_grow_beyond_their_number() -> None:
    """The oldest conversation is forgotten first; a conversation that goes on is young again."""
    contexts = Contexts(FakeClock())
    context = Context(lang=Lang.EN)
    for number in range(REMEMBER_AT_MOST):
        contexts.remember(str(number), context)
    contexts.remember("0", context)
    contexts.remember("one more", context)
    assert contexts.recall("0") == context
    assert contexts.recall("1") is None
    assert contexts.recall("2") == context


def test_what_is_too_old_is_dropped_from_memory() -> None:
    """Sweeping leaves nothing behind of a conversation that is over."""
    clock = FakeClock()
    contexts = Contexts(clock)
    contexts.remember("a", Context(lang=Lang.DE, even="wie lange"))
    contexts.sweep()
    assert len(contexts._kept) == 1
    clock.advance(REMEMBER_SECONDS + 1)
    contexts.sweep()
    assert len(contexts._kept) == 0


def test_labels_read_topic_and_aspect() -> None:
    """A label is a topic, or a topic and an aspect."""
    assert Label.of("push") == Label(topic="push")
    assert Label.of("push.optout") == Label(topic="push", aspect="optout")
