"""Trains the linear model from examples (scikit-learn), and keeps it in a file that says what it was trained on."""

import hashlib
import inspect
import io
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from data.questions import features as feature_rules
from data.questions import normalise as normalise_rules
from data.questions.features import Lexicon, features_of
from data.questions.matcher import Example, LinearModel
from data.questions.normalise import normalise

RAREST = 2
"""A feature that fewer examples than this have says nothing about a label."""
STRICTNESS = 0.5
TOLERANCE = 1e-2
SHIPPED_MODEL = Path(__file__).parent / "model.npz"


def digest_of(examples: Sequence[Example], stems: Mapping[str, Sequence[str]]) -> str:
    """Tell apart what models are trained on: examples, lexicon, and the code that makes features."""
    digest = hashlib.sha256()
    for module in (feature_rules, normalise_rules):
        digest.update(inspect.getsource(module).encode())
    for concept, words in sorted(stems.items()):
        digest.update(f"{concept}={','.join(words)}\n".encode())
    for example in examples:
        digest.update(f"{example.label}\t{example.lang}\t{example.text}\n".encode())
    digest.update(f"{RAREST} {STRICTNESS} {TOLERANCE}".encode())
    return digest.hexdigest()


def train(examples: Sequence[Example], lexicon: Lexicon, *, digest: str) -> LinearModel:
    """Fit one-against-the-rest linear support vectors on tf-idf features; the same examples give the same model."""
    # Imported here: answering needs numpy only, and scikit-learn takes longer to import than the model to load.
    from scipy.sparse import csr_matrix
    from sklearn.svm import LinearSVC

    bags = [features_of(normalise(example.text), lexicon) for example in examples]
    counts = Counter(feature for bag in bags for feature in bag)
    known = {feature: at for at, feature in enumerate(sorted(f for f, count in counts.items() if count >= RAREST))}
    idf = np.array([np.log((1 + len(bags)) / (1 + counts[f])) + 1 for f in known], dtype=np.float32)
    columns = [np.array(sorted(known[f] for f in bag if f in known), dtype=np.int32) for bag in bags]
    values = [idf[row] / max(float(np.linalg.norm(idf[row])), 1e-9) for row in columns]
    matrix = csr_matrix(
        (np.concatenate(values), np.concatenate(columns), np.cumsum([0, *map(len, columns)])),
        shape=(len(bags), len(known)),
        dtype=np.float64,
    )
    labels = tuple(sorted({example.label for example in examples}))
    places = {label: at for at, label in enumerate(labels)}
    model = LinearSVC(C=STRICTNESS, tol=TOLERANCE, random_state=0)
    model.fit(matrix, np.array([places[example.label] for example in examples]))
    # A byte for each weight: a quarter of the memory, and no answer changes (`bench/questions.py`).
    scale = (np.abs(model.coef_).max(axis=1) / 127).astype(np.float32)
    return LinearModel(
        labels=labels,
        features=known,
        idf=idf,
        weights=np.ascontiguousarray(np.round(model.coef_.T / scale), dtype=np.int8),
        scale=scale,
        bias=np.asarray(model.intercept_, dtype=np.float32),
        digest=digest,
    )


def save_model(model: LinearModel, path: Path) -> None:
    """Write a model; the file is whole or not there."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        labels=np.array(model.labels),
        features=np.array("\n".join(model.features)),
        idf=model.idf,
        weights=model.weights,
        scale=model.scale,
        bias=model.bias,
        digest=np.array(model.digest),
    )
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    aside.write_bytes(buffer.getvalue())
    aside.replace(path)


def load_model(path: Path, *, digest: str) -> LinearModel | None:
    """Read a model back; None where there is none, or where it was trained on something else."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["digest"]) != digest:
                return None
            return LinearModel(
                labels=tuple(str(label) for label in stored["labels"]),
                features={feature: at for at, feature in enumerate(str(stored["features"]).split("\n"))},
                idf=stored["idf"],
                weights=stored["weights"],
                scale=stored["scale"],
                bias=stored["bias"],
                digest=digest,
            )
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
