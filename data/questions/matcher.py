"""The matcher: a linear model over the features of a text; the same question always gets the same answer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.labels import Lang
from data.questions.features import Lexicon, features_of

MOST_RANKED = 24

Floats = npt.NDArray[np.float32]

SHARPNESS = 6.0
"""Turns the model's margins into probabilities; fixed on the validation set (`bench/questions.py --calibrate`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text and the label it should get."""

    text: str
    lang: Lang
    label: str


class Match(NamedTuple):
    """A label and how probable it is, from 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearModel:
    """The trained numbers: `weights` has a row for each feature and a column for each label, in steps of `scale`."""

    labels: tuple[str, ...]
    features: Mapping[str, int]
    idf: Floats
    weights: npt.NDArray[np.int8]
    scale: Floats
    bias: Floats
    digest: str
    """Tells which examples, lexicon and feature rules it was trained on."""


class Matcher:
    """Ranks labels for a normalised text."""

    def __init__(self, model: LinearModel, lexicon: Lexicon) -> None:
        self._model = model
        self._lexicon = lexicon
        self._labels = frozenset(model.labels)

    @property
    def labels(self) -> frozenset[str]:
        """Give every label there is."""
        return self._labels

    def rank(self, even: str) -> Sequence[Match]:
        """List all labels with their probabilities, the likeliest first; [] for a text without any known feature."""
        places = self._model.features
        # In a fixed order: a sum of floats depends on it, and the same question must get the same answer.
        rows = sorted(places[feature] for feature in features_of(even, self._lexicon) if feature in places)
        if not rows:
            return ()
        values = self._model.idf[rows]
        values = values / math.sqrt(float(values @ values))
        margins = (values @ self._model.weights[rows].astype(np.float32)) * self._model.scale + self._model.bias
        powers = np.exp(SHARPNESS * (margins - margins.max()))
        shares = powers / powers.sum()
        best = np.argsort(-shares, kind="stable")[:MOST_RANKED]
        labels = self._model.labels
        return tuple(Match(labels[at], share) for at, share in zip(best.tolist(), shares[best].tolist(), strict=True))
