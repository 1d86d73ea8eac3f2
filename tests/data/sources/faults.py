"""Real faults: another owner, a full disk."""

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from tests.data.sources.lab import FilesLab

NOBODY = 65534


def as_nobody(act: Callable[[], dict[str, str]], lab: FilesLab) -> dict[str, str]:
    """Run something in a child process that is nobody, without a state folder."""
    for folder in [lab.root, *lab.root.parents][:-1]:
        if folder.stat().st_mode & 0o005 != 0o005 and folder.stat().st_uid == 0:
            folder.chmod(0o755)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            lab.source = lab.fresh()
            os.write(writing, json.dumps(act()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    found: dict[str, str] = json.loads(said)
    return found


def fill(folder: Path) -> None:
    """Write until not a byte is left."""
    with (folder / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(b"x" * 4096)
