"""The matcher and its model: the same answer always, nothing for what it cannot know, and a file that fits."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.catalogue.model import Catalogue
from data.knowledge import Knowledge, all_examples
from data.labels import Lang
from data.questions.features import Lexicon, features_of
from data.questions.matcher import MOST_RANKED, Example, Matcher
from data.questions.normalise import normalise
from data.questions.training import SHIPPED_MODEL, digest_of, load_model, save_model, train

QUESTIONS = (
    "wie lange werden logs gespeichert",
    "which notice applies to the mobile app",
    "wer sieht mein anrufjournal",
    "push apple google",
    "guten morgen",
    "wetter morgen",
    "löschlauf starten",
)
SMALL = [
    *(Example(text=text, lang=Lang.DE, label="push") for text in ("push an apple", "push nachricht", "apple push")),
    *(Example(text=text, lang=Lang.DE, label="logs") for text in ("logs löschen", "alte logs", "logs speichern")),
    *(Example(text=text, lang=Lang.DE, label="chat") for text in ("chat lesen", "chat verlauf", "mein chat")),
]
LEXICON = Lexicon({"bigtech": ["apple*"]})


def test_the_same_question_gets_the_same_answer(knowledge: Knowledge, matcher: Matcher) -> None:
    """Ranking is exact: twice the same, from another matcher of the same model too, to the last bit."""
    other = Matcher(knowledge.model, knowledge.corpus.lexicon)
    for text in QUESTIONS:
        assert matcher.rank(normalise(text)) == matcher.rank(normalise(text)) == other.rank(normalise(text))


@pytest.mark.parametrize("text", ["", "?!", "我的数据", "👍", "\0"])
def test_a_text_of_nothing_known_ranks_nothing(matcher: Matcher, text: str) -> None:
    """Where there is nothing to go by, nothing is suggested; a known word is."""
    assert list(matcher.rank(normalise(text))) == []
    assert list(matcher.rank("push")) != []


@given(st.text(max_size=200))
def test_any_ranking_is_a_ranking(matcher: Matcher, text: str) -> None:
    """Probabilities fall, none is negative, and all together are at most one."""
    ranked = matcher.rank(normalise(text))
    shares = [match.probability for match in ranked]
    assert shares == sorted(shares, reverse=True)
    assert all(0 <= share <= 1 for share in shares)
    assert sum(shares) <= 1 + 1e-4
    assert len({match.label for match in ranked}) == len(ranked) <= MOST_RANKED


def test_the_model_knows_every_label(knowledge: Knowledge, catalogue: Catalogue) -> None:
    """Every answer of the catalogue and every label of the corpus can be found, and nothing else."""
    assert set(knowledge.model.labels) == {example.label for example in all_examples(catalogue, knowledge.corpus)}


def test_training_twice_gives_the_same_model() -> None:
    """The same examples give the same numbers: a model can be rebuilt and compared."""
    first, second = (train(SMALL, LEXICON, digest="d") for _ in range(2))
    assert first.labels == second.labels
    assert dict(first.features) == dict(second.features)
    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.bias, second.bias)
    assert Matcher(first, LEXICON).rank("push von apple")[0].label == "push"
    assert Matcher(first, LEXICON).rank("alte logs")[0].label == "logs"


def test_a_saved_model_ranks_as_before(tmp_path: Path, knowledge: Knowledge, matcher: Matcher) -> None:
    """Writing a model and reading it back changes no answer."""
    path = tmp_path / "model.npz"
    save_model(knowledge.model, path)
    loaded = load_model(path, digest=knowledge.model.digest)
    assert loaded is not None
    again = Matcher(loaded, knowledge.corpus.lexicon)
    for text in QUESTIONS:
        assert again.rank(normalise(text)) == matcher.rank(normalise(text))
    assert [found.name for found in tmp_path.iterdir()] == ["model.npz"], "nothing is left beside it"


def test_a_stale_or_broken_file_is_no_model(tmp_path: Path) -> None:
    """A file of another digest, an empty, a cut and a foreign one are not used; the right one is."""
    path = tmp_path / "model.npz"
    model = train(SMALL, LEXICON, digest="right")
    save_model(model, path)
    assert load_model(path, digest="right") is not None
    assert load_model(path, digest="other") is None
    assert load_model(tmp_path / "missing.npz", digest="right") is None
    content = path.read_bytes()
    for broken in (b"", b"no model", b"PK\x03\x04", content[: len(content) // 2], content[:-1]):
        path.write_bytes(broken)
        assert load_model(path, digest="right") is None, broken[:10]


def test_the_digest_tells_every_change_of_what_is_learnt() -> None:
    """Another text, label, language, order or lexicon is another digest."""
    stems = {"bigtech": ["apple*"]}
    first = SMALL[0]
    variants = [
        digest_of(SMALL, stems),
        digest_of(SMALL[1:], stems),
        digest_of([*SMALL[1:], SMALL[0]], stems),
        digest_of([Example(text=first.text + " ", lang=first.lang, label=first.label), *SMALL[1:]], stems),
        digest_of([Example(text=first.text, lang=Lang.EN, label=first.label), *SMALL[1:]], stems),
        digest_of([Example(text=first.text, lang=first.lang, label="chat"), *SMALL[1:]], stems),
        digest_of(SMALL, {"bigtech": ["apple"]}),
    ]
    assert len(set(variants)) == len(variants)
    assert digest_of(SMALL, stems) == variants[0]


def test_the_shipped_model_fits_the_shipped_catalogue(knowledge: Knowledge, catalogue: Catalogue) -> None:
    """The model in the repository was trained on exactly this catalogue and corpus."""
    digest = digest_of(all_examples(catalogue, knowledge.corpus), knowledge.corpus.stems)
    assert load_model(SHIPPED_MODEL, digest=digest) is not None, "the model is stale: run make model"


def test_features_hold_words_pairs_and_concepts() -> None:
    """A text becomes words, neighbours, pieces of words and concepts, whatever their order in the set."""
    found = features_of("push an apple", LEXICON)
    assert {"w:push", "w:apple", "p:push an", "b:push", "#bigtech", "<pus", "ple>"} <= found
    assert features_of("", LEXICON) == set()


@pytest.mark.parametrize(
    ("stem", "word", "matches"),
    [
        ("log", "log", True),
        ("log", "logs", False),
        ("log*", "logs", True),
        ("log*", "blog", False),
        ("*log", "anruflog", True),
        ("*log*", "catalogue", True),
        ("*log*", "lag", False),
    ],
)
def test_stems_match_as_the_lexicon_says(stem: str, word: str, matches: bool) -> None:
    """`stem*` matches a beginning, `*stem*` any place, `word` the whole word."""
    assert (Lexicon({"c": [stem]}).concepts([word]) == {"c"}) is matches
