"""The shipped catalogue: complete, grounded in the clauses, careful with the 90 days, and rich enough to be found."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from data.catalogue.files import CLAUSES, CategoriesFile, NoticesFile, TopicFile
from data.catalogue.loader import SHIPPED
from data.catalogue.model import TERMS_VERSION, Catalogue, Group
from data.knowledge import Knowledge, all_examples
from data.labels import Lang, Outcome
from data.questions.commands import Command
from data.questions.corpus import FOLDER
from data.questions.normalise import normalise, words_of
from data.toml import read_toml
from tests.domain import ROOT, answers_of

TOPICS = {
    "scope_tariff": "1.1",
    "sip_trunk": "1.2",
    "mutual_duties": "2.1",
    "processor": "2.2",
    "app_connection": "2.3",
    "app_desktop": "2.3.1",
    "app_mobile": "2.3.2",
    "app_web_teams": "2.3.3",
    "conference": "2.4",
    "av_telephony": "2.5",
    "push": "2.6",
    "diagnostics": "2.7",
    "data_categories": "2.8",
    "data_subjects": "2.9",
    **dict.fromkeys(
        (
            "journal presence boss_view recording voicemail location contacts chat_files calendar analytics federation"
            " rights hosting legal_basis works_council ropa_dpia ai encryption subprocessors security_measures"
            " dpo_contact support_contact private_device"
        ).split(),
        "open",
    ),
    "this_bot": "product",
    "terms_version": "product",
}
"""The ids of the label contract, with the clause each rests on; "open" where the terms are silent."""
NOTICES = {
    "N1": ("1.1", "https://support.estos.de/de/procall-nex"),
    "N2": ("1.2", "https://starface.com/app/uploads/2022/09/STARFACE-Connect-Leistungsbeschreibung.pdf"),
    "N3": ("2.3.1", ""),
    "N4": ("2.3.2", ""),
    "N5": ("2.3.3", ""),
    "N6": ("2.4", ""),
    "N7": ("2.5", ""),
    "N8": ("2.6", ""),
    "N9": ("2.2", ""),
}
COMMANDS = (
    "purge_start purge_confirm purge_cancel purge_status retention_status audit_show hold_set hold_release alert_snooze"
).split()
FEWEST_PHRASINGS = 20
NINETY = re.compile(r"\b90\b|neunzig|ninety", re.IGNORECASE)
ADDRESS = re.compile(r"https?:|www\.|\S@\S|\.(?:de|com|org|net)\b")


def prose(catalogue: Catalogue) -> Iterator[tuple[str, Lang, str]]:
    """Walk through everything the catalogue says: answers, rows, facts, titles."""
    for label, aspect in answers_of(catalogue):
        for lang in Lang:
            yield label, lang, aspect.answer[lang]
    for topic in catalogue.topics.values():
        for words in (topic.title, topic.recipients, topic.retention, *(fact.text for fact in topic.facts)):
            for lang in Lang if words else ():
                yield topic.id, lang, words[lang]  # type: ignore[index]


def held_out() -> dict[str, str]:
    """Give every utterance of the question sets, normalised, with the id of its question."""
    found = {}
    for path in sorted((ROOT / "tests" / "questions").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            question = json.loads(line)
            found.update(
                {normalise(turn): question["id"] for turn in question.get("turns", [question.get("text", "")])}
            )
    return found


# -- complete ---------------------------------------------------------------------------------------------------------


def test_all_topics_of_the_contract_are_there(catalogue: Catalogue) -> None:
    """The catalogue has exactly the 39 topics of the label contract, each in its file."""
    assert len(TOPICS) == 39
    assert set(catalogue.topics) == set(TOPICS)
    assert {path.stem for path in (SHIPPED / "topics").glob("*.toml")} == set(TOPICS)


@pytest.mark.parametrize(("topic", "source"), TOPICS.items())
def test_each_topic_rests_on_its_clause(catalogue: Catalogue, topic: str, source: str) -> None:
    """A topic of the terms cites its clause and answers; an open one is silent; a product one speaks for the bot."""
    found = catalogue.topics[topic]
    if source == "open":
        assert (found.group, found.general.outcome) == (Group.OPEN, Outcome.NOT_IN_TERMS)
    elif source == "product":
        assert (found.group, found.general.outcome) == (Group.PRODUCT, Outcome.ANSWER)
    else:
        assert (found.group, found.general.outcome) == (Group.TERMS, Outcome.ANSWER)
        assert source in found.general.clauses


def test_every_clause_is_cited_somewhere(catalogue: Catalogue) -> None:
    """No clause of the terms is left out: each is cited by an answer, or is an entry of the lists 2.8 and 2.9."""
    categories = read_toml(CategoriesFile, SHIPPED / "categories.toml")
    cited = {clause for _, aspect in answers_of(catalogue) for clause in aspect.clauses}
    listed = {entry.clause for entry in (*categories.data_categories, *categories.subjects)}
    assert cited | listed == CLAUSES
    assert len(CLAUSES) == 24


def test_the_lists_of_the_terms_are_complete(catalogue: Catalogue) -> None:
    """Clause 2.8 has four entries and clause 2.9 six, in their order."""
    categories = read_toml(CategoriesFile, SHIPPED / "categories.toml")
    assert [entry.clause for entry in categories.data_categories] == [f"2.8.{n}" for n in range(1, 5)]
    assert [entry.clause for entry in categories.subjects] == [f"2.9.{n}" for n in range(1, 7)]
    assert (len(catalogue.data_categories), len(catalogue.subjects)) == (4, 6)


@pytest.mark.parametrize("notice", NOTICES)
def test_notices_have_the_addresses_that_are_certain(catalogue: Catalogue, notice: str) -> None:
    """N1 and N2 have exactly the addresses that the terms print; no other notice has one until it is configured."""
    clause, url = NOTICES[notice]
    assert set(catalogue.notices) == set(NOTICES)
    assert (catalogue.notices[notice].clause, catalogue.notices[notice].url) == (clause, url)


def test_the_notices_that_the_terms_do_not_name_say_so(catalogue: Catalogue) -> None:
    """Clauses 2.4 to 2.6 say only "privacy notice"; exactly these three do not name themselves."""
    assert {key for key, notice in catalogue.notices.items() if not notice.names_itself} == {"N6", "N7", "N8"}


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("topic", TOPICS)
def test_each_topic_can_be_found_in_many_words(catalogue: Catalogue, topic: str, lang: Lang) -> None:
    """The general question of each topic has at least 20 different phrasings in each language."""
    assert len({normalise(text) for text in catalogue.topics[topic].general.phrasings[lang]}) >= FEWEST_PHRASINGS


def test_commands_are_those_of_the_contract(knowledge: Knowledge) -> None:
    """The nine commands of the contract exist, and each has examples."""
    assert [command.value for command in Command] == COMMANDS
    learnt = {example.label for example in knowledge.corpus.examples}
    assert {f"?command.{command}" for command in COMMANDS} <= learnt


# -- careful ----------------------------------------------------------------------------------------------------------


def test_only_diagnostics_names_ninety_days(catalogue: Catalogue) -> None:
    """The 90 days of clause 2.7 stand in answers on logs and error information only; there they do stand."""
    naming = {label.partition(".")[0] for label, _, text in prose(catalogue) if NINETY.search(text)}
    assert naming == {"diagnostics"}


def test_an_answer_with_the_ninety_days_cites_their_clause(catalogue: Catalogue) -> None:
    """Whoever reads "90 days" sees clause 2.7 below, or reads that the terms say no more than that."""
    for label, aspect in answers_of(catalogue):
        if any(NINETY.search(text) for text in aspect.answer.values()):
            assert "2.7" in aspect.clauses or aspect.outcome is Outcome.NOT_IN_TERMS, label


def test_answers_hold_no_address(catalogue: Catalogue) -> None:
    """Links are buttons from notices; an answer never holds an address, a mail address or a host name."""
    assert [(label, lang) for label, lang, text in prose(catalogue) if ADDRESS.search(text)] == []
    assert ADDRESS.search("siehe https://estos.de")


def test_answers_are_polite_and_plain(catalogue: Catalogue) -> None:
    """German answers say Sie; no answer holds Markdown, a placeholder or a line break."""
    for label, lang, text in prose(catalogue):
        assert not re.search(r"[*`\[\]{}<>|#\n]|\b_|_\b", text), (label, text)
        if lang is Lang.DE:
            assert not re.search(r"\b(?:du|dich|dir|dein\w*|euch|eure\w*)\b", text), (label, text)


def test_a_silent_answer_promises_no_notice_that_it_does_not_name(catalogue: Catalogue) -> None:
    """Silent topics have no table of recipients or deletion, which would look like an answer."""
    for topic in catalogue.topics.values():
        if topic.general.outcome is Outcome.NOT_IN_TERMS:
            assert (topic.recipients, topic.retention) == (None, None), topic.id


@pytest.mark.parametrize("topic", TOPICS)
def test_facts_have_references(catalogue: Catalogue, topic: str) -> None:
    """Every background sentence names a document with a title in both languages, an https address and its scope."""
    for fact in catalogue.topics[topic].facts:
        assert fact.reference.url.startswith("https://")
        for lang in Lang:
            assert fact.text[lang]
            assert fact.reference.title[lang]
            assert fact.reference.applies_to[lang]


def test_related_topics_lead_on(catalogue: Catalogue) -> None:
    """Every topic leads to others, none to itself, and none twice to the same."""
    for topic in catalogue.topics.values():
        assert len(topic.related) == len(set(topic.related)) >= 1, topic.id
        assert topic.id not in topic.related


# -- apart ------------------------------------------------------------------------------------------------------------


def test_no_phrasing_is_a_question_of_the_question_sets(knowledge: Knowledge, catalogue: Catalogue) -> None:
    """Nothing longer than two words is learnt from the questions that measure: they would measure memory."""
    measured = {text: name for text, name in held_out().items() if len(words_of(text)) > 2}
    assert len(measured) > 200
    learnt = {normalise(example.text): example.label for example in all_examples(catalogue, knowledge.corpus)}
    assert sorted(f"{measured[text]} is in {learnt[text]}" for text in measured.keys() & learnt.keys()) == []


def test_no_phrasing_stands_under_two_labels(knowledge: Knowledge, catalogue: Catalogue) -> None:
    """The same words never teach two things."""
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for example in all_examples(catalogue, knowledge.corpus):
        labels[normalise(example.text)].add(example.label)
    assert {text: found for text, found in labels.items() if len(found) > 1} == {}


def test_every_file_is_read(knowledge: Knowledge) -> None:
    """Every topic file, the notices, the lexicon and the grammar parse; none lies there unread."""
    for path in sorted((SHIPPED / "topics").glob("*.toml")):
        assert read_toml(TopicFile, path).id == path.stem
    assert len(read_toml(NoticesFile, SHIPPED / "notices.toml").notices) == len(NOTICES)
    assert {path.name for path in FOLDER.glob("*.toml")} == {"grammar.toml", "lexicon.toml"}
    read = {"ambiguous", "commands", "help", "out_of_scope"}
    assert {path.stem for path in (FOLDER / "corpus").glob("*.toml")} == read
    assert knowledge.corpus.stems


def test_the_version_of_the_terms_is_the_one_quoted(catalogue: Catalogue) -> None:
    """The answer on the version of the terms names the version that every card shows."""
    for lang in Lang:
        assert TERMS_VERSION in catalogue.topics["terms_version"].general.answer[lang]


def test_ambiguities_offer_what_exists(knowledge: Knowledge, catalogue: Catalogue) -> None:
    """Each question back offers two or more topics, or commands that only show something."""
    shows = {Command.PURGE_STATUS.value, Command.RETENTION_STATUS.value, Command.AUDIT_SHOW.value}
    for options in knowledge.corpus.options.values():
        assert len(set(options)) == len(options) >= 2
        assert set(options) <= set(catalogue.topics) or set(options) <= shows
