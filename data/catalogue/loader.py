"""Reads the shipped catalogue and lays a customer's overlay over it; every problem names file, key and reason."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from data.catalogue.files import (
    AspectPatch,
    AspectTable,
    CategoriesFile,
    CategoryTable,
    NoticesFile,
    NoticesPatch,
    ReferencesFile,
    TopicFile,
    TopicPatch,
)
from data.catalogue.model import Aspect, Catalogue, Fact, Notice, Reference, Topic, Words
from data.errors import CatalogueError
from data.labels import Lang
from data.toml import check_table, read_table, read_toml

SHIPPED = Path(__file__).parent


def load_catalogue(*, overlay: Path | None = None, notice_urls: Mapping[str, str] | None = None) -> Catalogue:
    """Read, check and join everything.

    The overlay may hold `topics/*.toml` (a known id changes that topic, a new id adds one) and `notices.toml`.
    `notice_urls` (the settings) win over both. Raises `CatalogueError`.
    """
    if overlay is not None and not overlay.is_dir():
        message = f"{overlay}: catalogue.overlay: is not a folder"
        raise CatalogueError(message)
    tables, own = _topic_tables(overlay)
    files = {path: check_table(TopicFile, table, path) for path, table in tables.items()}
    notices = _read_notices(overlay, notice_urls or {})
    categories = read_toml(CategoriesFile, SHIPPED / "categories.toml")
    data_categories, subjects = _titles(categories.data_categories), _titles(categories.subjects)
    references = _read_references()
    known = _Known(
        topics=frozenset(file.id for file in files.values()),
        notices=frozenset(notices),
        data_categories=frozenset(data_categories),
        subjects=frozenset(subjects),
        references=frozenset(references),
    )
    for path, file in files.items():
        known.check(path, file)
    return Catalogue(
        # By id, so that where an overlay lies changes nothing: the order decides what the matcher is trained on.
        topics={
            file.id: _topic(file, references, changed=path in own)
            for path, file in sorted(files.items(), key=lambda found: found[1].id)
        },
        notices=notices,
        data_categories=data_categories,
        subjects=subjects,
        digest=_digest(overlay, notice_urls or {}),
    )


class _Known:
    """The ids that other tables may refer to."""

    def __init__(self, **ids: frozenset[str]) -> None:
        self._ids = ids

    def check(self, path: Path, file: TopicFile) -> None:
        _refuse_twins(path, file.aspects)
        aspects = [aspect.id for aspect in file.aspects]
        if not (file.phrasings.de or file.phrasings.en):
            message = f"{path}: phrasings: nobody could ever find this topic; give at least one phrasing"
            raise CatalogueError(message)
        self._refer(path, "related", file.related, "topics")
        self._refer(path, "notices", file.notices, "notices")
        self._refer(path, "data_categories", file.data_categories, "data_categories")
        self._refer(path, "subjects", file.subjects, "subjects")
        for aspect in file.aspects:
            self._refer(path, f"aspects.{aspect.id}.notices", aspect.notices, "notices")
        for number, fact in enumerate(file.facts):
            self._refer(path, f"facts.{number}.source", [fact.source], "references")
            unknown = sorted(set(fact.aspects) - set(aspects))
            if unknown:
                message = f"{path}: facts.{number}.aspects: the topic has no aspect {unknown[0]}"
                raise CatalogueError(message)

    def _refer(self, path: Path, key: str, ids: Iterable[str], kind: str) -> None:
        for unknown in sorted(set(ids) - self._ids[kind]):
            message = f"{path}: {key}: there is no {unknown} among the {kind.replace('_', ' ')}"
            raise CatalogueError(message)


def _refuse_twins(path: Path, aspects: Iterable[AspectTable | AspectPatch]) -> None:
    ids = [aspect.id for aspect in aspects]
    if len(set(ids)) != len(ids):
        message = f"{path}: aspects: two aspects have the same id"
        raise CatalogueError(message)


def _topic_tables(overlay: Path | None) -> tuple[dict[Path, dict[str, Any]], frozenset[Path]]:
    """Read all topic files, the overlay's merged into the shipped ones; tells in which ones the overlay says more."""
    tables = {path: read_table(path) for path in sorted((SHIPPED / "topics").glob("*.toml"))}
    by_id = {str(table.get("id")): path for path, table in tables.items()}
    own: dict[str, Path] = {}
    speaking: set[Path] = set()
    for path in sorted((overlay / "topics").glob("*.toml")) if overlay else ():
        table = read_table(path)
        name = str(table.get("id"))
        if name in own:
            message = f"{path}: id: another file of the overlay has the same id"
            raise CatalogueError(message)
        if name not in by_id or _says_something(table):
            speaking.add(path)
        if name in by_id:
            _refuse_twins(path, check_table(TopicPatch, table, path).aspects or ())
            table = _merged(tables.pop(by_id[name]), table)
        tables[path] = table
        own[name] = path
    return tables, frozenset(speaking)


def _says_something(table: dict[str, Any]) -> bool:
    """Tell whether a patch changes more than how people ask: only then the answer is no longer the shipped one."""
    aspects = table.get("aspects", [])
    changed = {key for part in (table, *aspects) if isinstance(part, dict) for key in part}
    return bool(changed - {"id", "phrasings", "aspects"}) or not isinstance(aspects, list)


def _merged(shipped: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Lay one table over another: tables are merged, phrasings and aspects added to, everything else replaced."""
    merged = dict(shipped)
    for key, value in own.items():
        there = merged.get(key)
        if key == "aspects" and isinstance(there, list) and isinstance(value, list):
            merged[key] = _merged_aspects(there, value)
        elif key == "phrasings" and isinstance(there, dict) and isinstance(value, dict):
            merged[key] = {lang: [*there.get(lang, []), *value.get(lang, [])] for lang in {*there, *value}}
        elif isinstance(there, dict) and isinstance(value, dict):
            merged[key] = {**there, **value}
        else:
            merged[key] = value
    return merged


def _merged_aspects(shipped: list[dict[str, Any]], own: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_id = {aspect.get("id"): aspect for aspect in shipped}
    for aspect in own:
        by_id[aspect.get("id")] = _merged(by_id.get(aspect.get("id"), {}), aspect)
    return list(by_id.values())


def _read_notices(overlay: Path | None, urls: Mapping[str, str]) -> dict[str, Notice]:
    tables: dict[str, Any] = {}
    paths = [SHIPPED / "notices.toml"]
    if overlay and (overlay / "notices.toml").exists():
        paths.append(overlay / "notices.toml")
    for path in paths:
        table = read_table(path)
        check_table(NoticesPatch, table, path)
        for entry in table["notices"]:
            tables[entry["id"]] = _merged(tables.get(entry["id"], {}), entry)
    file = check_table(NoticesFile, {"notices": list(tables.values())}, paths[-1])
    return {
        notice.id: Notice(
            id=notice.id,
            clause=notice.clause,
            title=notice.title.words(),
            url=urls.get(notice.id) or notice.url,
            names_itself=notice.names_itself,
        )
        for notice in file.notices
    }


def _read_references() -> dict[str, Reference]:
    file = read_toml(ReferencesFile, SHIPPED / "references.toml")
    return {
        table.id: Reference(
            id=table.id,
            title=table.title.words(),
            url=table.url,
            date=table.date,
            applies_to=table.applies_to.words(),
        )
        for table in file.references
    }


def _topic(file: TopicFile, references: Mapping[str, Reference], *, changed: bool) -> Topic:
    return Topic(
        id=file.id,
        group=file.group,
        title=file.title.words(),
        general=Aspect(
            id="",
            outcome=file.outcome,
            answer=file.answer.words(),
            clauses=file.clauses,
            notices=file.notices,
            phrasings=file.phrasings.phrasings(),
        ),
        aspects={
            table.id: Aspect(
                id=table.id,
                outcome=table.outcome,
                answer=table.answer.words(),
                clauses=table.clauses,
                notices=table.notices,
                phrasings=table.phrasings.phrasings(),
            )
            for table in file.aspects
        },
        related=file.related,
        data_categories=file.data_categories,
        subjects=file.subjects,
        recipients=file.recipients.words() if file.recipients else None,
        retention=file.retention.words() if file.retention else None,
        facts=tuple(
            Fact(
                text={Lang.DE: fact.de, Lang.EN: fact.en},
                reference=references[fact.source],
                aspects=frozenset(fact.aspects),
            )
            for fact in file.facts
        ),
        changed_by_overlay=changed,
    )


def _titles(tables: Iterable[CategoryTable]) -> dict[str, Words]:
    return {table.id: table.title.words() for table in tables}


def _digest(overlay: Path | None, urls: Mapping[str, str]) -> str:
    """Hash every file and every configured address, each with its length, in a fixed order."""
    digest = hashlib.sha256()
    for folder in (SHIPPED, *([overlay] if overlay else [])):
        for path in sorted(folder.rglob("*.toml")):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)}:{len(content)}:".encode())
            digest.update(content)
    for key, url in sorted(urls.items()):
        digest.update(f"{key}={url}\n".encode())
    return digest.hexdigest()
