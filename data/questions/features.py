"""A normalised text as a bag of features: words, word pairs, character n-grams inside words, and concepts.

The same function serves training and answering, so the two can never drift apart.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise

from data.questions.normalise import words_of

SHORTEST, LONGEST = 3, 5
_STOP = frozenset(
    [
        "der",
        "die",
        "das",
        "den",
        "dem",
        "des",
        "ein",
        "eine",
        "einen",
        "einem",
        "einer",
        "und",
        "oder",
        "ist",
        "sind",
        "the",
        "a",
        "an",
        "and",
        "or",
        "is",
        "are",
        "of",
        "to",
        "in",
        "on",
        "at",
        "zu",
        "im",
        "am",
        "es",
        "it",
        "so",
        "da",
        "eigentlich",
        "mal",
        "denn",
        "doch",
        "ja",
        "please",
        "bitte",
    ],
)


class Lexicon:
    """Stems that mean the same thing; a text that holds one gets the concept as a feature."""

    def __init__(self, stems: Mapping[str, Iterable[str]]) -> None:
        self._starts: dict[str, list[tuple[str, str]]] = {}
        self._inside: list[tuple[str, str]] = []
        for concept, words in stems.items():
            for word in words:
                if word.startswith("*"):
                    self._inside.append((word.strip("*"), concept))
                else:
                    self._starts.setdefault(word[:3], []).append((word, concept))

    def concepts(self, words: Iterable[str]) -> set[str]:
        """Find the concepts of a text's words: `stem*` matches a beginning, `*stem*` any place, `word` exactly."""
        found = set()
        for word in words:
            for stem, concept in self._starts.get(word[:3], ()):
                if word == stem or (stem.endswith("*") and word.startswith(stem[:-1])):
                    found.add(concept)
            for stem, concept in self._inside:
                if stem in word:
                    found.add(concept)
        return found


def features_of(even: str, lexicon: Lexicon) -> set[str]:
    """Collect the features of a normalised text."""
    words = words_of(even)
    found = {f"w:{word}" for word in words}
    content = [word for word in words if word not in _STOP]
    found.update(f"p:{first} {second}" for first, second in pairwise(words))
    found.update(f"s:{first} {second}" for first, second in zip(content, content[2:], strict=False))
    if words:
        found.add(f"b:{words[0]}")
    for word in words:
        if len(word) >= SHORTEST:
            marked = f"<{word}>"
            for size in range(SHORTEST, LONGEST + 1):
                found.update(marked[at : at + size] for at in range(len(marked) - size + 1))
    concepts = sorted(lexicon.concepts(words))
    found.update(f"#{concept}" for concept in concepts)
    found.update(f"#{a}#{b}" for at, a in enumerate(concepts) for b in concepts[at + 1 :])
    return found
