"""What most scripts do: walk by path, skip links, look that the real path is inside, remove by path.

Tests run it beside the product, to show that what they set up would have done harm.
"""

import os
from pathlib import Path

from data.retention.instants import Instant
from tests.data.sources.lab import is_old


def naive_plan(root: Path, cutoff: Instant) -> list[Path]:
    """List the paths of logs that were last changed before an instant."""
    logs = (Path(folder, name) for folder, _, names in os.walk(root) for name in names if ".log" in name)
    return sorted(log for log in logs if not log.is_symlink() and log.stat().st_mtime * 1_000_000 < cutoff)


def naive_delete(root: Path, paths: list[Path]) -> None:
    """Remove files by path, after a look that they lie inside the root."""
    inside = root.resolve()
    for path in paths:
        if path.resolve().is_relative_to(inside) and not path.is_symlink():
            path.unlink()


def naive_purge(root: Path, cutoff: Instant) -> None:
    """Plan and delete."""
    naive_delete(root, naive_plan(root, cutoff))


def naive_rewrite(path: Path, cutoff: Instant) -> None:
    """Read a log, keep its young lines, write them beside it and move them into its place."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return
    aside = path.with_name(f"new-{path.name}")
    aside.write_bytes(b"".join(line for line in lines if not is_old(line, cutoff)))
    aside.replace(path)
