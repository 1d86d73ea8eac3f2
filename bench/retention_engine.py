"""A whole purge as the command line does it, with the time of each phase."""

import time
from pathlib import Path
from typing import Any

import app  # noqa: TID251  the bench measures what app.py builds
from bot.operator import host_operator
from bot.settings import Settings


def settings_for(root: Path, state: Path) -> Settings:
    """Give settings with one source over a tree, and no limit on the share."""
    return Settings(
        state={"folder": str(state)},
        purge={"max_share": 1.0},
        sources=[{"id": "tree", "kind": "files", "data_kind": "log", "root": str(root), "include": ["*.jsonl"]}],
    )


class Phases:
    """Notes when each phase was first and last heard of."""

    def __init__(self) -> None:
        self.spans: dict[str, list[float]] = {}

    def __call__(self, phase: str, _done: int, _total: int) -> None:
        """Take note."""
        now = time.perf_counter()
        self.spans.setdefault(phase, [now, now])[1] = now

    def of(self, phase: str) -> float:
        """Give how long a phase took, in seconds."""
        first, last = self.spans.get(phase, [0.0, 0.0])
        return last - first


def purge_tree(root: Path, state: Path) -> dict[str, Any]:
    """Preview and purge everything that is old in a tree; the executor runs with intent, result and guard."""
    settings, phases = settings_for(root, state), Phases()
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with app.open_engine(settings, state, dev=False) as engine:
        started = time.perf_counter()
        request = engine.purges.preview(host_operator(), "tree", phases)
        previewed = time.perf_counter()
        engine.purges.break_glass(host_operator(), request.id, request.code, "bench")
        request = engine.runner.run(request.id, progress=phases)
        ended = time.perf_counter()
    return {
        "preview": previewed - started,
        "execute": phases.of("execute"),
        "run": ended - previewed,
        "verdict": request.verdict,
        "units": request.results.get("deleted", 0),
    }
