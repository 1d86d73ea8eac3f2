"""Reading the catalogue and a customer's overlay: what changes, who wins, and that every mistake is named."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cards.ask import Contact
from cards.elements import visible_text
from cards.texts import load_texts
from data.catalogue.loader import load_catalogue
from data.catalogue.model import Catalogue, Group
from data.errors import CatalogueError
from data.labels import Lang, Outcome
from data.questions.corpus import load_corpus
from data.questions.understand import Label
from dialogs.ask import AskDialog
from tests.domain import said

Overlay = Callable[..., Path]

OWN = """\
id = "cafeteria_display"
group = "own"
outcome = "answer"
title.de = "Anzeige in der Kantine"
title.en = "Display in the cafeteria"
answer.de = "Die Anzeige zeigt keine Namen."
answer.en = "The display shows no names."
phrasings.de = ["zeigt der kantinenbildschirm namen"]
phrasings.en = ["does the cafeteria screen show names"]
"""
CHANGE = """\
id = "recording"
answer.de = "Bei uns wird nichts aufgezeichnet."
"""


@pytest.fixture
def overlay(tmp_path: Path) -> Overlay:
    """Give what writes an overlay folder: files by name, `topics/x.toml` or `notices.toml`."""

    def write(**files: str | bytes) -> Path:
        (tmp_path / "topics").mkdir(exist_ok=True)
        for name, content in files.items():
            path = tmp_path / ("notices.toml" if name == "notices" else f"topics/{name}.toml")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return write


def replaced(old: str, new: str) -> str:
    """Give the good topic with one thing wrong."""
    assert old in OWN
    return OWN.replace(old, new)


# -- what an overlay does ---------------------------------------------------------------------------------------------


def test_an_overlay_changes_what_it_names_and_nothing_else(overlay: Overlay) -> None:
    """A known id replaces the given text; the other language, the title and the phrasings stay."""
    shipped, own = load_catalogue(), load_catalogue(overlay=overlay(recording=CHANGE))
    before, after = shipped.topics["recording"], own.topics["recording"]
    assert after.general.answer[Lang.DE] == "Bei uns wird nichts aufgezeichnet."
    assert after.general.answer[Lang.EN] == before.general.answer[Lang.EN]
    assert (after.title, after.general.phrasings, after.aspects) == (
        before.title,
        before.general.phrasings,
        before.aspects,
    )
    assert after.changed_by_overlay
    assert not before.changed_by_overlay
    untouched = {key: topic for key, topic in own.topics.items() if key != "recording"}
    assert untouched == {key: topic for key, topic in shipped.topics.items() if key != "recording"}


def test_an_overlay_adds_a_topic(overlay: Overlay) -> None:
    """A new id adds a topic of the customer's own."""
    own = load_catalogue(overlay=overlay(mine=OWN))
    topic = own.topics["cafeteria_display"]
    assert (topic.group, topic.general.outcome, topic.changed_by_overlay) == (Group.OWN, Outcome.ANSWER, True)
    assert len(own.topics) == len(load_catalogue().topics) + 1


def test_an_overlay_adds_phrasings_and_aspects(overlay: Overlay) -> None:
    """Phrasings and aspects are added to the shipped ones; an aspect of the same id is changed."""
    change = (
        'id = "push"\nphrasings.de = ["eigene pushfrage"]\n'
        '[[aspects]]\nid = "optout"\nanswer.de = "Fragen Sie die IT."\n'
        '[[aspects]]\nid = "vibration"\noutcome = "not_in_terms"\nanswer.de = "Nein."\nanswer.en = "No."\n'
    )
    shipped, own = load_catalogue().topics["push"], load_catalogue(overlay=overlay(push=change)).topics["push"]
    assert own.general.phrasings[Lang.DE] == (*shipped.general.phrasings[Lang.DE], "eigene pushfrage")
    assert own.general.phrasings[Lang.EN] == shipped.general.phrasings[Lang.EN]
    assert own.aspects.keys() == shipped.aspects.keys() | {"vibration"}
    assert own.aspects["optout"].answer[Lang.DE] == "Fragen Sie die IT."
    assert own.aspects["optout"].answer[Lang.EN] == shipped.aspects["optout"].answer[Lang.EN]
    assert own.aspects["optout"].phrasings == shipped.aspects["optout"].phrasings


def test_an_overlay_gives_a_notice_its_address_and_settings_win(overlay: Overlay) -> None:
    """The overlay's address of a notice holds until the settings name another; both keep title and clause."""
    folder = overlay(notices='[[notices]]\nid = "N4"\nurl = "https://overlay.example/n4"\n')
    assert load_catalogue().notices["N4"].url == ""
    assert load_catalogue(overlay=folder).notices["N4"].url == "https://overlay.example/n4"
    settled = load_catalogue(overlay=folder, notice_urls={"N4": "https://settings.example/n4"}).notices["N4"]
    assert settled.url == "https://settings.example/n4"
    assert (settled.title, settled.clause) == (load_catalogue().notices["N4"].title, "2.3.2")


def test_an_empty_setting_does_not_take_an_address_away() -> None:
    """N1 has a certain address; an empty setting leaves it."""
    assert load_catalogue(notice_urls={"N1": ""}).notices["N1"].url == load_catalogue().notices["N1"].url != ""


def test_a_changed_answer_is_marked_on_the_card(overlay: Overlay) -> None:
    """People see which answers are their organisation's; a shipped answer carries no such mark."""
    own = load_catalogue(overlay=overlay(mine=OWN, push='id = "push"\nanswer.de = "Wir nutzen kein Push."\n'))
    assert said("answer.label_own") in shown(own, "push")
    assert "Wir nutzen kein Push." in shown(own, "push")
    assert said("answer.label_own") in shown(own, "cafeteria_display")
    assert said("answer.label_own") not in shown(own, "conference")


def shown(catalogue: Catalogue, topic: str) -> str:
    """Give what the German card of a topic says."""
    dialog = AskDialog(
        catalogue=catalogue,
        texts=load_texts(),
        contact=Contact(),
        clarifying=load_corpus().clarifying,
        banner=False,
    )
    return visible_text(dict(dialog.answer([Label(topic=topic)], Lang.DE).card or {}))


# -- the digest -------------------------------------------------------------------------------------------------------


def test_the_digest_stays_while_nothing_changes(overlay: Overlay) -> None:
    """The same files give the same digest, however often they are read."""
    assert load_catalogue().digest == load_catalogue().digest
    folder = overlay(mine=OWN)
    assert load_catalogue(overlay=folder).digest == load_catalogue(overlay=folder).digest


def test_the_digest_tells_every_change(overlay: Overlay) -> None:
    """Another byte in an overlay, another file name, or another configured address gives another digest."""
    digests = [load_catalogue().digest, load_catalogue(notice_urls={"N3": "https://a.example/"}).digest]
    digests.append(load_catalogue(notice_urls={"N4": "https://a.example/"}).digest)
    folder = overlay(mine=OWN)
    digests.append(load_catalogue(overlay=folder).digest)
    (folder / "topics" / "mine.toml").rename(folder / "topics" / "ours.toml")
    digests.append(load_catalogue(overlay=folder).digest)
    overlay(ours=OWN + "\n")
    digests.append(load_catalogue(overlay=folder).digest)
    assert len(set(digests)) == len(digests)


# -- mistakes ---------------------------------------------------------------------------------------------------------

MISTAKES: Mapping[str, tuple[str | bytes, tuple[str, ...]]] = {
    "bad TOML": (OWN + "answer.de = ", ("not valid TOML",)),
    "not UTF-8": (OWN.replace("Kantine", "K\xfcche").encode("latin-1"), ("not UTF-8",)),
    "unknown key": (OWN + 'colour = "red"\n', ("colour", "unknown key")),
    "missing key": (replaced('outcome = "answer"\n', ""), ("outcome", "is missing")),
    "one language": (replaced('title.en = "Display in the cafeteria"\n', ""), ("title.en", "is missing")),
    "empty text": (replaced('"Die Anzeige zeigt keine Namen."', '" "'), ("answer.de", "must not be empty")),
    "unknown outcome": (replaced('outcome = "answer"', 'outcome = "help"'), ("outcome", "'not_in_terms'")),
    "unknown group": (replaced('group = "own"', 'group = "ours"'), ("group", "'own'")),
    "unknown clause": ('clauses = ["2.10"]\n' + OWN, ("clauses.0", "no clause 2.10")),
    "unknown notice": ('notices = ["N44"]\n' + OWN, ("notices", "no N44 among the notices")),
    "unknown topic": ('related = ["pushh"]\n' + OWN, ("related", "no pushh among the topics")),
    "unknown category": (
        'data_categories = ["shoe"]\n' + OWN,
        ("data_categories", "no shoe among the data categories"),
    ),
    "unknown subject": ('subjects = ["cats"]\n' + OWN, ("subjects", "no cats among the subjects")),
    "unknown reference": (
        OWN + '[[facts]]\nsource = "X99"\nde = "a"\nen = "b"\n',
        ("facts.0.source", "no X99 among the references"),
    ),
    "unknown aspect of a fact": (
        OWN + '[[facts]]\nsource = "D1"\naspects = ["nope"]\nde = "a"\nen = "b"\n',
        ("facts.0.aspects", "no aspect nope"),
    ),
    "bad id": (replaced("cafeteria_display", "Cafeteria Display"), ("id", "pattern")),
    "missing phrasings": (
        replaced('phrasings.de = ["zeigt der kantinenbildschirm namen"]', "phrasings.de = []").replace(
            'phrasings.en = ["does the cafeteria screen show names"]', "phrasings.en = []"
        ),
        ("phrasings", "at least one phrasing"),
    ),
    "one phrasing as text": (
        replaced('["zeigt der kantinenbildschirm namen"]', '"zeigt der kantinenbildschirm namen"'),
        ("phrasings.de",),
    ),
    "aspect without answer": (OWN + '[[aspects]]\nid = "sound"\noutcome = "answer"\n', ("aspects.0.answer", "missing")),
    "unknown notice of an aspect": (
        OWN + '[[aspects]]\nid = "sound"\noutcome = "answer"\nnotices = ["N0"]\nanswer.de = "a"\nanswer.en = "b"\n',
        ("aspects.sound.notices", "no N0 among the notices"),
    ),
    "duplicate aspect": (
        OWN + 2 * '[[aspects]]\nid = "sound"\noutcome = "answer"\nanswer.de = "a"\nanswer.en = "b"\n',
        ("aspects", "two aspects have the same id"),
    ),
    "id that is a list": (replaced('"cafeteria_display"', '["cafeteria_display"]'), ("id",)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_topic_is_named(overlay: Overlay, mistake: str) -> None:
    """Each mistake is refused with file, key and reason; the same file without it is read."""
    content, words = MISTAKES[mistake]
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(overlay=overlay(mine=content))
    assert "topics/mine.toml" in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert "cafeteria_display" in load_catalogue(overlay=overlay(mine=OWN)).topics


def change(text: str) -> str:
    """Give a change of a shipped topic."""
    return 'id = "push"\n' + text


MERGED: Mapping[str, tuple[str, str]] = {
    "unknown key": (change('colour = "red"\n'), "colour"),
    "unknown clause": (change('clauses = ["9.9"]\n'), "clauses.0"),
    "one phrasing as text": (change('phrasings.de = "pushfrage"\n'), "phrasings.de"),
    "aspects as text": (change('aspects = ["optout"]\n'), "aspects"),
    "title as text": (change('title = "Push"\n'), "title"),
    "second aspect of the same id": (
        change(2 * '[[aspects]]\nid = "sound"\noutcome = "answer"\nanswer.de = "a"\nanswer.en = "b"\n'),
        "aspects",
    ),
}


@pytest.mark.parametrize("mistake", MERGED)
def test_a_mistake_in_a_changed_topic_is_named(overlay: Overlay, mistake: str) -> None:
    """A change of a shipped topic is checked like a topic of its own; the message names the overlay's file."""
    content, key = MERGED[mistake]
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(overlay=overlay(mine=content))
    assert "topics/mine.toml" in str(caught.value)
    assert key in str(caught.value)
    assert load_catalogue(overlay=overlay(mine=change('answer.de = "gut"\n'))).topics["push"].changed_by_overlay


NOTICES: Mapping[str, tuple[str, str]] = {
    "bad TOML": ("[[notices]", "not valid TOML"),
    "not https": ('[[notices]]\nid = "N4"\nurl = "http://overlay.example"\n', "https://"),
    "unknown key": ('[[notices]]\nid = "N4"\nlink = "https://overlay.example"\n', "link"),
    "unknown clause": ('[[notices]]\nid = "N4"\nclause = "7"\n', "no clause 7"),
    "half a new one": ('[[notices]]\nid = "N10"\nurl = "https://overlay.example"\n', "is missing"),
    "misspelt table": ('[[notice]]\nid = "N4"\nurl = "https://overlay.example"\n', "notice"),
    "no table": ('notices = ["N4"]\n', "notices"),
    "text": ('notices = "N4"\n', "notices"),
}


@pytest.mark.parametrize("mistake", NOTICES)
def test_a_mistake_in_the_notices_is_named(overlay: Overlay, mistake: str) -> None:
    """Each mistake in the overlay's notices is refused with file, key and reason, never passed over in silence."""
    content, word = NOTICES[mistake]
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(overlay=overlay(notices=content))
    assert "notices.toml" in str(caught.value)
    assert word in str(caught.value)


def test_two_files_of_an_overlay_cannot_give_the_same_topic(overlay: Overlay) -> None:
    """Nobody has to guess which of two files holds: it is refused, for new topics and for changed ones."""
    with pytest.raises(CatalogueError, match="id: another file of the overlay has the same id"):
        load_catalogue(overlay=overlay(mine=OWN, ours=OWN))
    (overlay() / "topics" / "mine.toml").unlink()
    (overlay() / "topics" / "ours.toml").unlink()
    with pytest.raises(CatalogueError, match="id: another file of the overlay has the same id"):
        load_catalogue(overlay=overlay(a=change('answer.de = "a"\n'), b=change('answer.de = "b"\n')))


def test_an_overlay_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A misspelt folder is named; without the overlay the catalogue loads."""
    with pytest.raises(CatalogueError, match=r"catalogue\.overlay: is not a folder"):
        load_catalogue(overlay=tmp_path / "missing")
    assert load_catalogue(overlay=None).topics
    assert load_catalogue(overlay=tmp_path).topics.keys() == load_catalogue().topics.keys()


def test_every_mistake_of_a_file_is_listed_at_once(overlay: Overlay) -> None:
    """An operator sees all problems of a file in one go, one a line."""
    content = replaced('group = "own"', 'group = "x"').replace('"answer"', '"y"') + 'colour = "red"\n'
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(overlay=overlay(mine=content))
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all("mine.toml" in line for line in lines)
