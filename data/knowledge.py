"""Everything the bot knows, read and joined: the catalogue, the corpus, and the model trained on both."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data.catalogue.loader import load_catalogue
from data.catalogue.model import Catalogue
from data.questions.corpus import Corpus, load_corpus
from data.questions.matcher import Example, LinearModel
from data.questions.training import SHIPPED_MODEL, digest_of, load_model, save_model, train


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What the bot knows, read and trained."""

    catalogue: Catalogue
    corpus: Corpus
    model: LinearModel


def load_knowledge(
    *,
    overlay: Path | None = None,
    notice_urls: Mapping[str, str] | None = None,
    cache: Path | None = None,
) -> Knowledge:
    """Read catalogue and corpus; take the shipped model, or train one where an overlay changed what is asked."""
    catalogue = load_catalogue(overlay=overlay, notice_urls=notice_urls)
    corpus = load_corpus()
    examples = all_examples(catalogue, corpus)
    digest = digest_of(examples, corpus.stems)
    model = load_model(SHIPPED_MODEL, digest=digest)
    if model is None and cache is not None:
        model = load_model(cache / "model.npz", digest=digest)
    if model is None:
        model = train(examples, corpus.lexicon, digest=digest)
        if cache is not None:
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            save_model(model, cache / "model.npz")
    return Knowledge(catalogue=catalogue, corpus=corpus, model=model)


def all_examples(catalogue: Catalogue, corpus: Corpus) -> list[Example]:
    """Join the phrasings of all topics with the corpus, in a fixed order."""
    examples: list[Example] = []
    for topic in catalogue.topics.values():
        for aspect in (topic.general, *topic.aspects.values()):
            label = f"{topic.id}.{aspect.id}" if aspect.id else topic.id
            for lang, phrasings in aspect.phrasings.items():
                examples.extend(Example(text=text, lang=lang, label=label) for text in phrasings)
    return [*examples, *corpus.examples]


def train_shipped() -> str:
    """Train the shipped model anew; tells on how much."""
    catalogue, corpus = load_catalogue(), load_corpus()
    examples = all_examples(catalogue, corpus)
    model = train(examples, corpus.lexicon, digest=digest_of(examples, corpus.stems))
    save_model(model, SHIPPED_MODEL)
    return f"{len(examples)} examples, {len(model.labels)} labels, {len(model.features)} features"
