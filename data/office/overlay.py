"""The operator's overlay as a place that is written to: one file at a time, atomically, the version before kept.

The files are those that `data/catalogue/loader.py` reads. A file that people wrote is read and written anew, which
keeps everything it says and loses its comments; the file as it was lies in `earlier/` under a number.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.catalogue.files import TopicPatch
from data.stores.durable import flush_folder, make_folder, write_durably
from data.toml import check_table, read_table

EARLIER = "earlier"
"""Folder inside the overlay where versions before lie; their names end in a number, so that nothing reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one topic file of an overlay."""

    name: str
    content: bytes | None
    """None removes the file."""

    @property
    def digest(self) -> str:
        """Give the SHA-256 of the file as it will be."""
        return hashlib.sha256(self.content or b"").hexdigest()


def with_phrasing(overlay: Path, topic: str, lang: str, phrasing: str) -> Change:
    """Add a phrasing to a topic; one that is there already is not added again. Raises `CatalogueError`."""
    name, table = _find(overlay, topic)
    asked = dict(table.get("phrasings", {}))
    asked[lang] = [*(text for text in asked.get(lang, []) if text != phrasing), phrasing]
    return Change(name=name, content=_written({**table, "id": topic, "phrasings": asked}))


def with_entry(overlay: Path, topic: str, entry: Mapping[str, Any]) -> Change:
    """Add an entry of the operator's own under a new id. Raises `CatalogueError`."""
    name, _ = _find(overlay, topic)
    return Change(name=name, content=_written({"id": topic, **entry}))


def without_phrasing(overlay: Path, topic: str, lang: str, phrasing: str) -> Change:
    """Take a phrasing out again, and the file if nothing else is in it. Raises `CatalogueError`."""
    name, table = _find(overlay, topic)
    asked = dict(table.get("phrasings", {}))
    asked[lang] = [text for text in asked.get(lang, []) if text != phrasing]
    kept = {language: texts for language, texts in asked.items() if texts}
    rest = {key: value for key, value in table.items() if key != "phrasings"} | ({"phrasings": kept} if kept else {})
    return Change(name=name, content=_written(rest) if rest.keys() - {"id"} else None)


def without_entry(overlay: Path, topic: str) -> Change:
    """Take an entry of the operator's own out again. Raises `CatalogueError`."""
    name, _ = _find(overlay, topic)
    return Change(name=name, content=None)


@contextmanager
def staged(overlay: Path, change: Change, *, work: Path) -> Iterator[Path]:
    """Give a copy of the overlay with the change made, in a folder that is gone afterwards. Raises `OSError`."""
    make_folder(work)
    with tempfile.TemporaryDirectory(dir=work, prefix="staged-") as made:
        copy = Path(made) / "overlay"
        topics = copy / "topics"
        topics.mkdir(parents=True)
        for path in (overlay / "topics").glob("*.toml"):
            shutil.copyfile(path, topics / path.name)
        if (overlay / "notices.toml").exists():
            shutil.copyfile(overlay / "notices.toml", copy / "notices.toml")
        if change.content is None:
            (topics / change.name).unlink(missing_ok=True)
        else:
            (topics / change.name).write_bytes(change.content)
        yield copy


def apply_change(overlay: Path, change: Change) -> None:
    """Make the change durable: whoever reads finds the file before or the file after. Raises `OSError`."""
    topics = overlay / "topics"
    make_folder(topics)
    target = topics / change.name
    there = target.read_bytes() if target.exists() else None
    if there == change.content:
        return
    if there is not None:
        _keep(overlay / EARLIER, change.name, there)
    if change.content is None:
        target.unlink()
    else:
        aside = topics / f".{change.name}.new"
        write_durably(aside, change.content)
        if there is not None:
            aside.chmod(target.stat().st_mode & 0o777)
        aside.replace(target)
    flush_folder(topics)


def toml_of(table: Mapping[str, Any]) -> str:
    """Write a table of texts, numbers, truths, lists and tables as TOML."""
    return "".join(f"{line}\n" for line in _lines(table, ""))


def _find(overlay: Path, topic: str) -> tuple[str, dict[str, Any]]:
    """Give name and content of the file of a topic, or the name that a new one gets, and nothing."""
    paths = sorted((overlay / "topics").glob("*.toml"))
    for path in paths:
        table = read_table(path)
        if table.get("id") == topic:
            check_table(TopicPatch, table, path)
            return path.name, table
    names = {path.name for path in paths}
    return (f"{topic}.toml" if f"{topic}.toml" not in names else f"taught-{topic}.toml"), {}


def _keep(folder: Path, name: str, content: bytes) -> None:
    make_folder(folder)
    numbers = (path.name.rpartition(".")[2] for path in folder.glob(f"{name}.*"))
    number = max((int(text) for text in numbers if text.isdecimal()), default=0) + 1
    write_durably(folder / f"{name}.{number:04}", content)
    flush_folder(folder)


def _written(table: Mapping[str, Any]) -> bytes:
    return toml_of(table).encode()


def _lines(table: Mapping[str, Any], above: str) -> Iterator[str]:
    for key, value in table.items():
        if not _is_table(value) and not _is_tables(value):
            yield f"{_text(key)} = {_value(value)}"
    for key, value in table.items():
        name = f"{above}{_text(key)}"
        if _is_table(value):
            yield f"[{name}]"
            yield from _lines(value, f"{name}.")
        elif _is_tables(value):
            for item in value:
                yield f"[[{name}]]"
                yield from _lines(item, f"{name}.")


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    """Write a basic string: what TOML reads as anything else than itself is written by its number."""
    special = {'"': '\\"', "\\": "\\\\"}
    return '"' + "".join(special.get(c) or (f"\\u{ord(c):04X}" if c < " " or c == "\x7f" else c) for c in text) + '"'
