"""Every sentence people read, in both languages: read once, looked up by key, filled in with plain values."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from data.labels import Lang


class Texts:
    """The sentences of one language."""

    def __init__(self, lang: Lang, sentences: Mapping[str, str]) -> None:
        self.lang = lang
        self._sentences = sentences

    def __call__(self, key: str, **values: str) -> str:
        """Give a sentence; raises `KeyError` for an unknown key or a missing value, which a test makes impossible."""
        sentence = self._sentences[key]
        return sentence.format(**values) if values else sentence

    def keys(self) -> frozenset[str]:
        """List all keys, for the tests that compare languages."""
        return frozenset(self._sentences)


def load_texts() -> Mapping[Lang, Texts]:
    """Read the sentences of both languages."""
    return MappingProxyType({lang: Texts(lang, _read(lang)) for lang in Lang})


def _read(lang: Lang) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for path in sorted(Path(__file__).parent.glob(f"*{lang}.toml")):  # de.toml, and purge.de.toml beside it
        for section, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
            found |= {f"{section}.{key}": text for key, text in table.items()}
    return found
