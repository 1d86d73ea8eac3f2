"""What reading, rewriting and purging logs cost, beside `wc`, `grep`, `cp`, `find`, json, DuckDB and Polars.

    python bench/retention.py [--size BYTES] [--files N] [--rounds N] [--peers PYTHON] [--folder FOLDER]

Everything runs in processes of its own on files of its own, in turns, on one core each. Read the ratios: they come from
one run. The files lie outside the project, where the engine would refuse to purge; name a folder on a real disk if the
temporary one is in memory. A peer compares the stamp's bytes at a fixed place, which is the least it can do; ours
judges every record by its own stamp, wherever it is, and proves that it may.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from data.retention.instants import DAY, instant_of, iso  # noqa: E402
from data.samples.bulk import write_jsonl, write_tree  # noqa: E402

TASKS = ROOT / "bench" / "retention_tasks.py"
CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One run of one process."""

    wall: float
    cpu: float
    rss: int
    """Largest resident set, bytes."""
    found: dict[str, Any]


def run(command: Sequence[str]) -> Figure:
    """Run a command to its end, with the operating system's own accounting."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, env=os.environ | CORE, cwd=ROOT)
        errors = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        out.seek(0)
        text = out.read()
    if process.returncode not in {0, 1} or b"Traceback" in errors:  # 1 is a finding: of grep, of our own scan
        raise RuntimeError(f"{command[0]}: {errors[-2000:].decode(errors='replace')}")
    last = text.strip().splitlines()[-1] if text.strip() else b""
    found = json.loads(last) if last.startswith(b"{") else {}
    return Figure(wall=wall, cpu=usage.ru_utime + usage.ru_stime, rss=usage.ru_maxrss * 1024, found=found)


def ours(task: str, *arguments: str) -> list[str]:
    """Give the command of a task in this environment."""
    return [sys.executable, str(TASKS), task, *arguments]


def table(title: str, rows: list[tuple[str, ...]]) -> None:
    """Print a table."""
    print(f"\n{title}")
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def middle(figures: list[Figure], key: Callable[[Figure], float]) -> float:
    """Give the median."""
    return statistics.median(key(figure) for figure in figures)


def measured(commands: dict[str, list[str]], rounds: int) -> dict[str, list[Figure]]:
    """Run all commands in turns, after one round that is not counted."""
    figures: dict[str, list[Figure]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            figure = run(command)
            if number:
                figures[name].append(figure)
    return figures


def bench_scan(folder: Path, size: int, rounds: int, peers: str) -> None:
    """Scan a warm JSONL file with ISO stamps."""
    now = instant_of(datetime.now(UTC))  # noqa: TID251  the bench asks the machine
    path = folder / "scan.jsonl"
    truth = write_jsonl(path, size, now, 1)
    cutoff = iso((now - 60 * DAY) // 1_000_000 * 1_000_000).replace("Z", ".000Z")
    commands = {
        "wc -l": ["wc", "-l", str(path)],
        "grep -c": ["grep", "-c", '"@l":"Warning"', str(path)],
        "ours": ours("ours-scan", str(path), cutoff),
        "json.loads": ours("json-scan", str(path), cutoff),
    }
    if peers:
        commands["DuckDB"] = [peers, str(TASKS), "duckdb-scan", str(path), cutoff]
        commands["Polars"] = [peers, str(TASKS), "polars-scan", str(path), cutoff]
    figures = measured(commands, rounds)
    base = middle(figures["ours"], lambda figure: figure.found["work"])
    rows = [("scan of JSONL, ISO stamps", "s", "GB/s", "GB per CPU s", "against ours", "MB")]
    for name, found in figures.items():
        spent = middle(found, lambda figure: figure.found.get("work", figure.wall))
        cpu = middle(found, lambda figure: figure.cpu)
        rows.append(_row(name, spent, cpu, truth.bytes, base, found))
    table(f"{truth.bytes / 1e9:.2f} GB, {truth.records:,} records, warm, {rounds} rounds", rows)
    expected = truth.expired((now - 60 * DAY) // 1_000_000 * 1_000_000).records
    for name in ("ours", "json.loads", *(("DuckDB", "Polars") if peers else ())):
        assert figures[name][0].found["old"] == expected, f"{name} counted {figures[name][0].found}, not {expected}"
    path.unlink()


def _row(name: str, spent: float, cpu: float, size: int, base: float, found: list[Figure]) -> tuple[str, ...]:
    rss = max(figure.rss for figure in found) / 1e6
    return (
        name,
        f"{spent:.2f}",
        f"{size / 1e9 / spent:.2f}",
        f"{size / 1e9 / cpu:.2f}",
        f"{spent / base:.2f} x",
        f"{rss:.0f}",
    )


def bench_text(folder: Path, size: int, rounds: int) -> None:
    """Scan warm text formats."""
    from bench.retention_text import FORMS, write_text

    now = instant_of(datetime.now(UTC))  # noqa: TID251
    rows = [("scan of text", "s", "GB/s", "family", "understood", "MB")]
    for form in FORMS:
        path = folder / f"{form}.log"
        written = write_text(path, form, size, now)
        cutoff = iso((now - 60 * DAY) // 1_000_000 * 1_000_000)
        figures = measured({form: ours("ours-scan", str(path), cutoff)}, rounds)[form]
        spent = middle(figures, lambda figure: figure.found["work"])
        found = figures[0].found
        assert found["records"] == written.records, (form, found, written)
        rss = max(figure.rss for figure in figures) / 1e6
        rows.append(
            (
                form,
                f"{spent:.2f}",
                f"{written.bytes / 1e9 / spent:.2f}",
                found["family"],
                f"{found['confidence']:.4f}",
                f"{rss:.0f}",
            )
        )
        path.unlink()
    table("text formats, warm", rows)


def bench_rewrite(folder: Path, size: int, rounds: int, peers: str) -> None:
    """Drop the old half of a file, durably."""
    now = instant_of(datetime.now(UTC))  # noqa: TID251
    original = folder / "original.jsonl"
    truth = write_jsonl(original, size, now - DAY, 2)
    half = (now - DAY - 60 * DAY) // 1_000_000 * 1_000_000
    cutoff = iso(half).replace("Z", ".000Z")
    kept = truth.bytes - truth.expired(half).bytes
    path = folder / "rewrite.jsonl"
    state = folder / "state"
    state.mkdir()
    awk = f'substr($0, 8, 24) >= "{cutoff}"'
    young = "(2026-1[0-2]|202[7-9])"
    commands = {
        "cp + sync of what is kept": ours("copy-kept", str(original), str(kept)),
        "ours": ours("ours-rewrite", str(path), cutoff, str(state)),
        "awk + sync": ["bash", "-c", f"awk '{awk}' {original} > {path}.a && sync {path}.a && rm {path}.a"],
        "grep + sync": ["bash", "-c", f"grep -E '{young}' {original} > {path}.a; sync {path}.a && rm {path}.a"],
        "json.loads": ours("json-drop", str(original), cutoff),
    }
    if peers:
        commands["DuckDB"] = [peers, str(TASKS), "duckdb-drop", str(original), cutoff]
        commands["Polars"] = [peers, str(TASKS), "polars-drop", str(original), cutoff]
    figures: dict[str, list[Figure]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            if name == "ours":
                shutil.copy2(original, path)
                os.sync()
            figure = run(command)
            if number:
                figures[name].append(figure)
    base = middle(figures["cp + sync of what is kept"], lambda figure: figure.found["seconds"])
    rows = [("dropping the old half, flushed", "s", "against cp + sync", "kept bytes", "MB")]
    for name, found in figures.items():
        spent = middle(found, lambda figure: figure.found.get("work", figure.found.get("seconds", figure.wall)))
        rss = max(figure.rss for figure in found) / 1e6
        rows.append((name, f"{spent:.2f}", f"{spent / base:.2f} x", f"{found[0].found.get('kept', '-')}", f"{rss:.0f}"))
    table(f"{truth.bytes / 1e9:.2f} GB, {kept / 1e9:.2f} GB kept, {rounds} rounds", rows)
    assert figures["ours"][0].found["kept"] == kept, (figures["ours"][0].found, kept)
    for left in (original, path):
        left.unlink(missing_ok=True)
    shutil.rmtree(state)


def bench_purge(folder: Path, files: int) -> None:
    """Purge a tree of old files, and scan a tree twice."""
    now = instant_of(datetime.now(UTC))  # noqa: TID251
    tree, twin, state = folder / "tree", folder / "twin", folder / "purge-state"
    write_tree(tree, files, 400, now - 100 * DAY, 3, days=10)
    write_tree(twin, files, 400, now - 100 * DAY, 3, days=10)
    os.sync()
    purged = run(ours("ours-purge", str(tree), str(state)))
    found = run(["find", str(twin), "-type", "f", "-delete"])
    rows = [
        ("purge of small files", "s", "files/s", "against find"),
        ("find -delete", f"{found.wall:.2f}", f"{files / found.wall:,.0f}", "1.00 x"),
    ]
    for name in ("execute", "preview", "run"):
        spent = purged.found[name]
        rows.append((f"ours: {name}", f"{spent:.2f}", f"{files / spent:,.0f}", f"{spent / found.wall:.2f} x"))
    table(
        f"{files:,} files; execute = intents, checks, deletion, results; run = with verification and certificate; "
        f"verdict {purged.found['verdict']}, {purged.rss / 1e6:.0f} MB",
        rows,
    )
    print(
        "  The limit is the disk: every file is renamed and unlinked where find only unlinks, and each batch of 500\n"
        "  is flushed twice, so that a crash finds either all of it or a record of it."
    )
    assert purged.found["units"] == files, purged.found
    shutil.rmtree(tree)
    shutil.rmtree(twin)
    shutil.rmtree(state)


def bench_second_scan(folder: Path, files: int) -> None:
    """Scan an unchanged tree twice with the command line."""
    now = instant_of(datetime.now(UTC))  # noqa: TID251
    tree = folder / "scanned"
    write_tree(tree, files, 400, now, 4)
    settings = folder / "settings.toml"
    settings.write_text(
        f'[state]\nfolder = "{folder}/scan-state"\n[[sources]]\nid = "tree"\nkind = "files"\ndata_kind = "log"\n'
        f'root = "{tree}"\ninclude = ["*.jsonl"]\n',
        encoding="utf-8",
    )
    os.environ["PROCALL_SETTINGS"] = str(settings)
    command = [sys.executable, str(ROOT / "app.py"), "scan", "--json"]
    first = run(command)
    again = [run(command) for _ in range(3)]
    walked = run(["find", str(tree), "-type", "f", "-printf", "%s %T@ %i\\n"])
    del os.environ["PROCALL_SETTINGS"]
    assert first.found["sources"][0]["units"] == files, first.found
    rows = [
        ("scan of a tree, whole command", "s", "files/s", "MB"),
        ("find -printf", f"{walked.wall:.2f}", f"{files / walked.wall:,.0f}", f"{walked.rss / 1e6:.0f}"),
        ("ours, first", f"{first.wall:.2f}", f"{files / first.wall:,.0f}", f"{first.rss / 1e6:.0f}"),
    ]
    spent = middle(again, lambda figure: figure.wall)
    rows.append(("ours, unchanged", f"{spent:.2f}", f"{files / spent:,.0f}", f"{again[0].rss / 1e6:.0f}"))
    table(f"{files:,} files", rows)
    shutil.rmtree(tree)


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=2_000_000_000)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--peers", default="")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the files go; never the project"
    )
    parser.add_argument("--only", default="", help="scan, text, rewrite, purge or tree")
    options = parser.parse_args()
    parts: dict[str, Callable[[Path], None]] = {
        "scan": lambda folder: bench_scan(folder, options.size, options.rounds, options.peers),
        "text": lambda folder: bench_text(folder, options.size // 8, options.rounds),
        "rewrite": lambda folder: bench_rewrite(folder, options.size, options.rounds, options.peers),
        "purge": lambda folder: bench_purge(folder, options.files),
        "tree": lambda folder: bench_second_scan(folder, options.files),
    }
    for name, bench in parts.items():
        if options.only in {"", name}:
            with tempfile.TemporaryDirectory(dir=options.folder, prefix=".bench-") as folder:
                bench(Path(folder))


if __name__ == "__main__":
    main()
