"""German or English: told by the text; where the text does not tell, what was spoken before or the person's Teams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.labels import Lang
from data.questions.language import SmallWordsFirst
from data.questions.normalise import normalise

GERMAN = (
    "wie lange werden meine daten gespeichert",
    "WER SIEHT MEINE ANRUFE",
    "loeschfrist logs bitte",
    "kann mein chef meine chats lesen?",
    "Welche Datenschutzerklärung gilt für die App?",
    "und auf dem handy?",
    "Auftragsverarbeitung",
    "Bildschirmfreigabe",
    "was wird beim Push an Apple geschickt",
    "wo find ich die privacy notice",
    "ist der call encrypted oder nicht",
    "löschlauf abbrechen",
    "guten morgen",
    "danke!",
)
ENGLISH = (
    "how long is my data kept",
    "WHO CAN SEE MY CALLS",
    "can my boss read my chats?",
    "Which privacy notice applies to the app?",
    "and on the phone?",
    "delete old logs please",
    "what do you send to Apple when I get a notification",
    "where is the Datenschutzerklärung for Windows",
    "does the Betriebsrat have a say in this",
    "good morning",
    "thanks!",
    "cancel the purge",
)
UNTOLD = ("", "   ", "👍", "2.7", "???", "我的数据")


@pytest.fixture(scope="module")
def language() -> SmallWordsFirst:
    """Give the language model of the product."""
    return SmallWordsFirst()


@pytest.mark.parametrize("fallback", Lang)
@pytest.mark.parametrize(
    ("text", "lang"), [*((text, Lang.DE) for text in GERMAN), *((text, Lang.EN) for text in ENGLISH)]
)
def test_the_text_tells_the_language(language: SmallWordsFirst, text: str, lang: Lang, fallback: Lang) -> None:
    """A text with words of a language is in that language, whatever was spoken before."""
    assert language.detect(text, normalise(text), fallback) is lang


@pytest.mark.parametrize("fallback", Lang)
@pytest.mark.parametrize("text", UNTOLD)
def test_a_text_that_does_not_tell_keeps_the_language(language: SmallWordsFirst, text: str, fallback: Lang) -> None:
    """Without any word of either language the fallback holds."""
    assert language.detect(text, normalise(text), fallback) is fallback


@given(text=st.text(max_size=200), fallback=st.sampled_from(Lang))
def test_any_text_has_one_language(language: SmallWordsFirst, text: str, fallback: Lang) -> None:
    """Whatever is sent, there is an answer in one of the two languages, and the same one every time."""
    found = language.detect(text, normalise(text), fallback)
    assert found in Lang
    assert language.detect(text, normalise(text), fallback) is found
