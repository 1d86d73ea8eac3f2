"""The properties P1 to P8 of purge.md 6.11, on generated trees of real files, with the whole engine over them."""

import itertools
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.purge.holds import Wish
from data.retention.instants import DAY, SECOND, Instant, datetime_of, iso
from data.retention.manifest import planned_of, row_of
from data.retention.request import PurgeRequest, State
from data.retention.residue import Code
from data.retention.unit import Action, Identity, Planned, Unit
from data.sources.interface import Source
from tests.data.purge.lab import ALICE, DORA, SOURCE, Lab, in_memory, set_mtime, silent
from tests.data.purge.test_purge_runs import Between, CrashError, crash_at

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

ages = st.one_of(
    st.integers(0, 120 * 86_400),
    st.integers(83 * 86_400 - 3, 83 * 86_400 + 3),  # around the cutoff
    st.integers(90 * 86_400 - 3, 90 * 86_400 + 3),  # around the limit
)
"""Seconds."""


@dataclass(frozen=True)
class Tree:
    """Files as lists of the ages of their records, in seconds, with the form each is written in."""

    files: tuple[tuple[tuple[int, ...], str], ...]


trees = st.builds(
    Tree,
    st.lists(
        st.tuples(st.lists(ages, max_size=8).map(tuple), st.sampled_from(("jsonl", "serilog", "crlf", "traces"))),
        max_size=6,
    ).map(tuple),
)


def written(form: str, at: Instant, mark: str) -> bytes:
    """Write one record; its mark is unique."""
    if form == "jsonl":
        return json.dumps({"@t": iso(at), "@m": mark}).encode() + b"\n"
    stamp = datetime_of(at).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " +00:00"
    ending = "\r\n" if form == "crlf" else "\n"
    line = f"{stamp} [INF] {mark} ä{ending}"
    if form == "traces":
        line += f"System.InvalidOperationException: {mark}\n   at Estos.A.B() in C:\\a.cs:line 7\n\n"
    return line.encode()


@contextmanager
def grown(tree: Tree) -> Iterator[tuple[Lab, dict[str, tuple[Instant, bytes]]]]:
    """Give a lab with the tree, and for each record its instant and its bytes."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder, tempfile.TemporaryDirectory() as logs:
        lab = Lab(folder=Path(folder) / "lab", logs=Path(logs))
        truth: dict[str, tuple[Instant, bytes]] = {}
        for number, (found, form) in enumerate(tree.files):
            path = lab.root / f"app{number:02}.log"
            content = b""
            for place, age in enumerate(found):
                mark = f"mark-{number}-{place}-end"
                at = lab.now - age * SECOND
                truth[mark] = (at, written(form, at, mark))
                content += truth[mark][1]
            path.write_bytes(content)
            set_mtime(path, lab.now - min([DAY // 2, *(age * SECOND for age in found if age * SECOND > DAY // 4)]))
        yield lab, truth


def present(lab: Lab) -> bytes:
    """Read everything that is there."""
    return b"".join(path.read_bytes() for path in sorted(lab.root.rglob("*")) if path.is_file())


def check(lab: Lab, truth: dict[str, tuple[Instant, bytes]], request: PurgeRequest, *, held: frozenset[str]) -> None:
    """Hold what is left against what there was: P1, P2 and P3."""
    content = present(lab)
    for mark, (at, line) in truth.items():
        if at >= request.cutoff:
            assert line in content, f"P1: {mark} is young and gone"
        elif mark not in held:
            assert mark.encode() not in content, f"P2: {mark} is old and there"
    executed = {code: n for code, n in request.results.items() if code not in request.preview.residue}
    assert sum(executed.values()) == request.preview.rows, "P3"


@SLOW
@given(tree=trees)
def test_a_purge_removes_all_that_is_old_and_nothing_that_is_young(tree: Tree) -> None:
    """P1, P2, P3, P5: young records stay byte for byte, old ones are gone, each unit has one code, and no more."""
    with grown(tree) as (lab, truth):
        before = {path.name for path in lab.root.iterdir()}
        request = lab.purge_at_once()
        assert request.verdict == "PASS"
        check(lab, truth, request, held=frozenset())
        planned = {row.unit.name.decode() for row in lab.stores.manifests.load(request.id, root=request.preview.root)}
        assert before - {path.name for path in lab.root.iterdir()} <= planned, "P5"
        assert request.gone.records == sum(at < request.cutoff for at, _ in truth.values())


@SLOW
@given(tree=trees, at=st.integers(0, 12), later=st.integers(0, 12))
def test_a_crash_changes_nothing_about_the_end(tree: Tree, at: int, later: int) -> None:
    """P4: dead at any commit, and dead again, the third process reaches the same end as one that never died."""
    with grown(tree) as (lab, truth):
        between: list[Between] = []

        def put(source: Source) -> Source:
            between.append(Between(source))
            return between[-1]

        lab.watch_source = put
        with lab.engine() as engine:
            request = lab.approved(engine)
        for number in (at, later, 99):
            with lab.engine() as engine:
                between[-1].before_commit = crash_at(number)
                try:
                    request = engine.runner.run(request.id, progress=silent)
                except CrashError:
                    continue
                break
        assert request.verdict == "PASS"
        check(lab, truth, request, held=frozenset())
        assert request.gone.records == sum(at < request.cutoff for at, _ in truth.values())


@SLOW
@given(tree=trees, begins=ages, days=st.integers(1, 60))
def test_held_records_stay(tree: Tree, begins: int, days: int) -> None:
    """P6: nothing inside a held range is deleted, whatever else is; young records stay as ever."""
    with grown(tree) as (lab, truth):
        low, high = lab.now - begins * SECOND, lab.now - begins * SECOND + days * DAY
        with lab.engine() as engine:
            wish = Wish(sources=(SOURCE,), reason="case", review_at=lab.now + DAY, begins=low, ends=high)
            engine.holds.place(DORA, wish)
        request = lab.purge_at_once()
        content = present(lab)
        assert request.verdict == "PASS"
        for mark, (at, line) in truth.items():
            if at >= request.cutoff or low <= at < high:
                assert line in content, mark


class Shuffled:
    """A source that lists its units in another order each time."""

    def __init__(self, source: Source, order: Any) -> None:
        self._source = source
        self._order = order

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def measure(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        """Give the units in another order."""
        found = list(self._source.measure(*arguments, **options))
        self._order.shuffle(found)
        return iter(found)


@SLOW
@given(tree=trees, order=st.randoms(use_true_random=False))
def test_the_scope_does_not_depend_on_the_order_of_listing(tree: Tree, order: Any) -> None:
    """P7: the same files give the same Merkle root, in whatever order the file system lists them."""
    with grown(tree) as (lab, _):
        roots = set()
        for wrap in (lambda source: source, *[lambda source: Shuffled(source, order)] * 3):
            lab.watch_source = wrap
            with lab.engine() as engine:
                roots.add(engine.purges.preview(ALICE, SOURCE, silent).preview.root)
        assert len(roots) == 1


@SLOW
@given(
    names=st.lists(
        st.binary(min_size=1, max_size=40).filter(lambda name: b"/" not in name and b"\0" not in name and name != b"."),
        unique=True,
        max_size=5,
    )
)
def test_odd_names_are_only_names(names: list[bytes]) -> None:
    """Names with newlines, invalid UTF-8 and the like are handled as bytes, and different names give different rows."""
    identity = Identity(device=1, inode=2, size=3, mtime_ns=4, ctime_ns=5, digest="0" * 64)
    rows = [
        Planned(unit=Unit(name=name, identity=identity), action=Action.DELETE, records=1, bytes=1, lo=0, hi=1)
        for name in names
    ]
    encoded = [row_of(row) for row in rows]
    assert len(set(encoded)) == len(names)
    assert [planned_of(row) for row in encoded] == rows
    assert all(b"\n" not in row for row in encoded)


@SLOW
@given(tree=trees, at=st.integers(0, 12))
def test_stopping_at_any_unit_keeps_the_books(tree: Tree, at: int) -> None:
    """Stopped before any unit, what is done is counted, what is not is named, and young records are all there."""
    with grown(tree) as (lab, truth):
        with lab.engine() as engine:
            request = lab.approved(engine)
            pressed = itertools.chain([False] * at, itertools.repeat(True))
            request = engine.runner.run(request.id, progress=silent, stop=lambda: next(pressed))
        content = present(lab)
        assert all(line in content for _, (at, line) in truth.items() if at >= request.cutoff)
        gone = sum(mark.encode() not in content for mark in truth)
        assert gone == request.gone.records
        stopped = request.results.get(Code.STOPPED, 0)
        assert (request.state is State.CLOSED_PARTIAL) == bool(stopped)
