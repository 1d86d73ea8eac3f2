"""One measured task a process: reading, filtering, deleting; ours and its peers, each doing the same work.

    python bench/retention_tasks.py TASK ARGUMENT...

The driver is `bench/retention.py`. Peers run with the interpreter of an environment that has DuckDB and Polars.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

KEY = 7
STAMP = 24


def main() -> None:
    """Run a task and print its figures as JSON."""
    task, *arguments = sys.argv[1:]
    started = time.perf_counter()
    cpu = time.process_time()
    found = TASKS[task](*arguments)
    print(json.dumps({"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu, **found}))


# -- ours -------------------------------------------------------------------------------------------------------------


def ours_scan(path: str, cutoff: str) -> dict[str, object]:
    """Read a file as the source does: every record judged."""
    from data.formats.families.registry import all_families
    from data.formats.interface import FileFacts
    from data.formats.logs import LogReader
    from data.retention.evidence import Marks
    from data.retention.instants import DAY, instant_of, read_iso

    at = read_iso(cutoff)
    found = os.stat(path)
    facts = FileFacts(name=os.path.basename(path).encode(), size=found.st_size, mtime=found.st_mtime_ns // 1000)
    marks = Marks(cutoff=at, limit=at - 7 * DAY, now=instant_of(datetime.fromtimestamp(found.st_mtime).astimezone()))
    started = time.perf_counter()
    descriptor = os.open(path, os.O_RDONLY)
    reading = LogReader(all_families()).read(descriptor, facts, marks)
    return {
        "work": time.perf_counter() - started,
        "records": reading.records,
        "old": reading.expired.records,
        "family": reading.family,
        "confidence": reading.confidence,
    }


def ours_rewrite(path: str, cutoff: str, state: str) -> dict[str, object]:
    """Preview, then rewrite one file durably through the source; the rewrite alone is timed."""
    from contextlib import nullcontext
    from dataclasses import replace

    from data.clock import SystemClock
    from data.formats.families.registry import all_families
    from data.formats.logs import LogReader
    from data.retention.evidence import Marks
    from data.retention.instants import DAY, instant_of, read_iso
    from data.sources.config import FilesConfig
    from data.sources.files import FilesSource
    from data.sources.interface import Measured

    clock = SystemClock()
    at = read_iso(cutoff)
    root = Path(path).parent
    config = FilesConfig(id="bench", title="", data_kind="log", root=root, include=(Path(path).name,), quiet=0)
    source = FilesSource(config, reader=LogReader(all_families()), clock=clock, state=Path(state))
    marks = Marks(cutoff=at, limit=at - 7 * DAY, now=instant_of(clock.now()))
    (measured,) = [one for one in source.measure(marks, fresh=True) if isinstance(one, Measured)]
    started = time.perf_counter()
    (planned,) = source.plan([replace(measured, active="")], marks)
    bound = time.perf_counter() - started
    assert planned is not None
    started = time.perf_counter()
    (acted,) = source.delete([planned], guard=lambda _: nullcontext())
    spent = time.perf_counter() - started
    return {"work": spent, "preview": bound, "code": acted.code.value, "kept": os.path.getsize(path)}


def ours_purge(root: str, state: str) -> dict[str, object]:
    """Purge a tree of small files with everything on: manifest, audit, verification, certificate."""
    from bench.retention_engine import purge_tree

    return purge_tree(Path(root), Path(state))


# -- peers: reading ---------------------------------------------------------------------------------------------------


def json_scan(path: str, cutoff: str) -> dict[str, object]:
    """Parse each line with the standard library."""
    old = records = 0
    with Path(path).open("rb") as file:
        for line in file:
            records += 1
            old += json.loads(line)["@t"] < cutoff
    return {"records": records, "old": old}


def duckdb_scan(path: str, cutoff: str) -> dict[str, object]:
    """Let DuckDB compare the stamp's bytes, the fastest exact way it has."""
    import duckdb

    database = duckdb.connect()
    database.execute("set threads to 1")
    lines = f"read_csv('{path}', columns={{'l':'varchar'}}, delim='\\x01', quote='', escape='', header=false)"
    query = f"select count(*), count(*) filter (substr(l, {KEY + 1}, {STAMP}) < '{cutoff}') from {lines}"
    records, old = database.execute(query).fetchone()
    return {"records": records, "old": old}


def polars_scan(path: str, cutoff: str) -> dict[str, object]:
    """Let Polars compare the stamp's bytes, streaming."""
    import polars as pl

    lines = pl.scan_csv(path, has_header=False, separator="\x01", quote_char=None, new_columns=["l"])
    older = pl.col("l").str.slice(KEY, STAMP) < cutoff
    found = lines.select(pl.len().alias("n"), older.sum().alias("old")).collect(engine="streaming")
    return {"records": found["n"][0], "old": found["old"][0]}


# -- peers: dropping the old half -------------------------------------------------------------------------------------


def _durably(path: str, write: Callable[[str], None]) -> dict[str, object]:
    aside = f"{path}.aside"
    write(aside)
    descriptor = os.open(aside, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    kept = os.path.getsize(aside)
    os.unlink(aside)
    return {"kept": kept}


def json_drop(path: str, cutoff: str) -> dict[str, object]:
    """Parse each line and write the young ones."""

    def write(aside: str) -> None:
        with Path(path).open("rb") as file, Path(aside).open("wb") as target:
            for line in file:
                if json.loads(line)["@t"] >= cutoff:
                    target.write(line)

    return _durably(path, write)


def duckdb_drop(path: str, cutoff: str) -> dict[str, object]:
    """Let DuckDB write the young lines."""
    import duckdb

    def write(aside: str) -> None:
        database = duckdb.connect()
        database.execute("set threads to 1")
        lines = f"read_csv('{path}', columns={{'l':'varchar'}}, delim='\\x01', quote='', escape='', header=false)"
        query = f"select l from {lines} where substr(l, {KEY + 1}, {STAMP}) >= '{cutoff}'"
        database.execute(f"copy ({query}) to '{aside}' (format csv, header false, quote '', delimiter '\\x01')")

    return _durably(path, write)


def polars_drop(path: str, cutoff: str) -> dict[str, object]:
    """Let Polars write the young lines, streaming."""
    import polars as pl

    def write(aside: str) -> None:
        lines = pl.scan_csv(path, has_header=False, separator="\x01", quote_char=None, new_columns=["l"])
        young = lines.filter(pl.col("l").str.slice(KEY, STAMP) >= cutoff)
        young.sink_csv(aside, include_header=False, quote_style="never", separator="\x01")

    return _durably(path, write)


def copy_kept(path: str, kept: str) -> dict[str, object]:
    """Copy so many bytes of the file's end in the kernel and flush them: the least that a rewrite can cost."""
    size, left = os.path.getsize(path), int(kept)

    def write(aside: str) -> None:
        source = os.open(path, os.O_RDONLY)
        target = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        offset, rest = size - left, left
        while rest:
            done = os.copy_file_range(source, target, rest, offset)
            offset, rest = offset + done, rest - done
        os.close(source)
        os.close(target)

    return _durably(path, write)


TASKS: dict[str, Callable[..., dict[str, object]]] = {
    "ours-scan": ours_scan,
    "ours-rewrite": ours_rewrite,
    "ours-purge": ours_purge,
    "json-scan": json_scan,
    "duckdb-scan": duckdb_scan,
    "polars-scan": polars_scan,
    "json-drop": json_drop,
    "duckdb-drop": duckdb_drop,
    "polars-drop": polars_drop,
    "copy-kept": copy_kept,
}

if __name__ == "__main__":
    main()
