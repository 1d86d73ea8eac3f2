"""What a turn costs: bare aiohttp, our adapter, the whole product and the stock SDK, alternating in one run.

    python bench/turns.py [--quick] [--stock-python PATH] [--profile echo|turn|raw|stock]

Everything is real but Microsoft: HTTP on loopback, RS256 tokens of own keys, a server process on one core, and the load
generator with the connector on another. Figures of noisy machines differ; read the ratios. The goals are those of the
design, section 5; none is a test. The exit code is 1 only when the measurement itself is worth nothing (an answer that
is no success, or a reply that never reached the connector).
"""

import argparse
import asyncio
import contextlib
import json
import os
import pstats
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from load import APP_ID, PEOPLE, TENANT, Load, Requests, flat_out, steady  # noqa: E402
from microsoft import FakeMicrosoft  # noqa: E402

from app import read_knowledge  # noqa: E402, TID251  the bench measures what app.py builds
from bot.patience import PER_SECOND  # noqa: E402
from bot.routing import build_router  # noqa: E402
from bot.settings import Settings  # noqa: E402
from data.clock import SystemClock  # noqa: E402
from data.labels import Lang  # noqa: E402
from data.questions.context import Contexts  # noqa: E402
from data.questions.understand import Asked  # noqa: E402
from data.stores.memory import MemoryFeedbackStore  # noqa: E402

QUESTIONS = ROOT / "tests" / "questions" / "dev.jsonl"
STOCK_MODULE = "botbuilder.integration.aiohttp"
STOCK_PACKAGE = "botbuilder-integration-aiohttp==4.17.1"
CONCURRENT = 16
RATE = 200
HAS_AFFINITY = hasattr(os, "sched_setaffinity")
CORES = sorted(os.sched_getaffinity(0)) if HAS_AFFINITY else []
NOTHING_MORE: Mapping[str, str] = {}
LABELS = {
    "raw": "raw aiohttp",
    "echo": "echo, our adapter",
    "turn": "turn, the product",
    "stock": "stock CloudAdapter",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long each part takes."""

    rounds: int
    busy: float
    single: float
    rate: float
    asked: int
    starts: int


THOROUGH = Plan(rounds=6, busy=2.0, single=0.8, rate=10.0, asked=100, starts=3)
QUICK = Plan(rounds=3, busy=0.6, single=0.3, rate=2.5, asked=30, starts=1)


@dataclass(slots=True, kw_only=True)
class Figures:
    """What was measured of one target."""

    cpu: list[float] = field(default_factory=list)
    """Milliseconds a request, of each round."""
    busy: Load = field(default_factory=Load)
    single: Load = field(default_factory=Load)
    at_rate: Load | None = None
    blocked: float = 0.0
    blocked_cpu: float = 0.0
    memory: float = 0.0
    identity_first: int = 0
    identity_later: int = 0
    lost: int = 0

    @property
    def milliseconds(self) -> float:
        """CPU of a request: the median of the rounds."""
        return statistics.median(self.cpu)

    def against(self, peer: "Figures") -> float:
        """CPU as a multiple of a peer's: the median of the rounds, each against its neighbour in time."""
        return statistics.median(mine / its for mine, its in zip(self.cpu, peer.cpu, strict=True))

    @property
    def bad(self) -> int:
        """Answers that were no success, in all phases."""
        return self.busy.bad + self.single.bad + (self.at_rate.bad if self.at_rate else 0)


class Target:
    """A running server process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, port: int) -> None:
        self.name = name
        self.port = port
        self.figures = Figures()
        self._process = process

    async def tell(self, word: str) -> Mapping[str, Any]:
        """Begin or end a phase."""
        assert self._process.stdin
        self._process.stdin.write(f"{word}\n".encode())
        return await read_line(self._process)

    def resident(self) -> float:
        """Megabytes of memory in use (0 where /proc does not tell)."""
        status = Path(f"/proc/{self._process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


async def read_line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Read one line a server process writes."""
    assert process.stdout
    line = await asyncio.wait_for(process.stdout.readline(), 120)
    if not line:
        raise EOFError
    found: dict[str, Any] = json.loads(line)
    return found


def pin(pid: int, cores: Iterable[int]) -> None:
    """Keep a process on some cores, where there are two and the system can."""
    if HAS_AFFINITY and len(CORES) > 1:
        os.sched_setaffinity(pid, set(cores))


def environment(microsoft: FakeMicrosoft, folder: Path) -> dict[str, str]:
    """Give the settings of the product, by environment."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PROCALL_")}
    return {
        **kept,
        "NO_PROXY": "127.0.0.1",
        "BENCH_APP_ID": APP_ID,
        "BENCH_TENANT": TENANT,
        "BENCH_OPENID_URL": microsoft.openid_url,
        "PROCALL_TEAMS__APP_ID": APP_ID,
        "PROCALL_TEAMS__TENANT_ID": TENANT,
        "PROCALL_TEAMS__APP_SECRET": "bench",
        "PROCALL_TEAMS__OPENID_METADATA_URL": microsoft.openid_url,
        "PROCALL_TEAMS__AUTHORITY_URL": microsoft.url,
        "PROCALL_TEAMS__SERVICE_URL_HOSTS": '["127.0.0.1"]',
        "PROCALL_STATE__FOLDER": str(folder / "state"),
        "PROCALL_SERVER__PORT": "0",
        "PROCALL_SERVER__OPS_PORT": "0",
    }


@asynccontextmanager
async def running(
    name: str,
    python: str,
    microsoft: FakeMicrosoft,
    folder: Path,
    *,
    profile: str = "",
    more: Mapping[str, str] = NOTHING_MORE,
    cores: Sequence[int] = CORES[:1],
) -> AsyncIterator[Target]:
    """Run a server process; its log goes where a service's log goes: into a file."""
    log = folder / f"{name}.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            python,
            str(ROOT / "bench" / "targets.py"),
            name,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env={**environment(microsoft, folder), "BENCH_PROFILE": profile, **more},
        )
    pin(process.pid, cores)
    try:
        try:
            started = await read_line(process)
        except EOFError:
            raise SystemExit(f"{name} did not start:\n{log.read_text(errors='replace')[-2000:]}") from None
        yield Target(name, process, started["port"])
    finally:
        assert process.stdin
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()


# -- the four servers -------------------------------------------------------------------------------------------------


async def warm_up(target: Target, microsoft: FakeMicrosoft, requests: Requests) -> bytes:
    """Send the first turn, then some more; gives the first reply's body."""
    microsoft.clear()
    first = await flat_out(target.port, requests, connections=1, seconds=0)
    counts = microsoft.clear()
    if first.bad or not counts.replies:
        raise SystemExit(f"{target.name}: the first turn failed: {dict(first.statuses)}, {counts}")
    target.figures.identity_first = counts.identity + counts.keys
    await flat_out(target.port, requests, connections=CONCURRENT, seconds=0.5)
    microsoft.clear()
    return counts.last


async def measure(target: Target, microsoft: FakeMicrosoft, requests: Requests, plan: Plan) -> None:
    """Measure one round of one target."""
    figures = target.figures
    before = await target.tell("begin")
    busy = await flat_out(target.port, requests, connections=CONCURRENT, seconds=plan.busy)
    after = await target.tell("end")
    figures.cpu.append(1000 * (after["cpu"] - before["cpu"]) / busy.requests)
    single = await flat_out(target.port, requests, connections=1, seconds=plan.single)
    figures.busy.add(busy)
    figures.single.add(single)
    count(figures, microsoft, busy.requests + single.requests)


async def measure_rate(target: Target, microsoft: FakeMicrosoft, requests: Requests, plan: Plan) -> None:
    """Measure a target at the fixed rate, and how long its event loop is blocked there."""
    figures = target.figures
    await target.tell("begin")
    figures.at_rate = await steady(target.port, requests, rate=RATE, seconds=plan.rate)
    after = await target.tell("end")
    figures.blocked, figures.blocked_cpu = 1000 * after["blocked"], 1000 * after["blocked_cpu"]
    count(figures, microsoft, figures.at_rate.requests)


def count(figures: Figures, microsoft: FakeMicrosoft, requests: int) -> None:
    """Note what the bot called meanwhile; every request must have led to a reply."""
    counts = microsoft.clear()
    figures.identity_later += counts.identity + counts.keys
    figures.lost += requests - counts.replies


# -- what is measured in this process or by a command -----------------------------------------------------------------


class MatcherOnly:
    """Understands utterances, and does nothing else."""

    def __init__(self, folder: Path, questions: Sequence[Mapping[str, Any]]) -> None:
        knowledge = read_knowledge(Settings(), cache=folder / "state")
        if (folder / "state" / "model.npz").exists():
            raise SystemExit("data/questions/model.npz is not of this catalogue; run `python app.py train` first")
        router = build_router(
            knowledge,
            Settings(),
            MemoryFeedbackStore(),
            contexts=Contexts(SystemClock()),
            banner=False,
        )
        self.milliseconds: list[float] = []
        self._understanding = router._understanding  # noqa: SLF001  the very one that serves, without the dialogs
        self._asked = [
            Asked(text=text, operator=False, fallback=Lang(question["lang"]))
            for question in questions
            for text in question["turns"]
        ]

    def measure(self) -> None:
        """Understand every utterance once."""
        began = time.process_time()
        for asked in self._asked:
            self._understanding.understand(asked)
        self.milliseconds.append(1000 * (time.process_time() - began) / len(self._asked))


def measure_ask(folder: Path, questions: Sequence[Mapping[str, Any]], count: int) -> list[float]:
    """Ask a warm `ask --batch -` line by line; gives milliseconds from line to line."""
    with subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "ask", "--json", "--batch", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=folder,
        env=product_environment(folder / "ask"),
    ) as process:
        assert process.stdin
        assert process.stdout
        pin(process.pid, CORES[:1])
        found = []
        for question in questions[: count + 1]:
            began = time.perf_counter()
            process.stdin.write(json.dumps({"id": "", "turns": question["turns"]}).encode() + b"\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            found.append(1000 * (time.perf_counter() - began) / len(question["turns"]))
            assert answer["answer"]
        process.stdin.close()
    return found[1:]  # the first waits for the start


def measure_start(folder: Path, number: int) -> float:
    """Start `serve --dev`; gives seconds until `/readyz` says yes."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "serve", "--dev"],
        stderr=subprocess.PIPE,
        cwd=folder,
        env=product_environment(folder / f"start{number}"),
    ) as process:
        assert process.stderr
        pin(process.pid, CORES)
        for line in process.stderr:
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if said.get("action") == "listening":
                    break
        else:
            raise SystemExit("`serve --dev` did not start")
        with urllib.request.urlopen(f"http://127.0.0.1:{said['ops_port']}/readyz", timeout=5) as answer:
            assert answer.status == 200
        seconds = time.perf_counter() - began
        process.send_signal(signal.SIGTERM)
    return seconds


def product_environment(state: Path) -> dict[str, str]:
    """Give an environment with default settings and a state folder of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PROCALL_")}
    return {
        **kept,
        "PROCALL_STATE__FOLDER": str(state),
        "PROCALL_SERVER__PORT": "0",
        "PROCALL_SERVER__OPS_PORT": "0",
    }


def check_patience(targets: Sequence[Target]) -> None:
    """Refuse a measurement in which the bot told people to wait: that answer costs nothing."""
    turn = next(target.figures for target in targets if target.name == "turn")
    if turn.busy.requests / turn.busy.seconds > PEOPLE * PER_SECOND:
        raise SystemExit("people were told to wait: more of them are needed than bench/load.py has")


# -- the report -------------------------------------------------------------------------------------------------------


def print_targets(targets: Sequence[Target]) -> None:
    """Print one line a target."""
    figures = {target.name: target.figures for target in targets}
    print(
        f"\n| target | CPU ms/req (min-max) | x raw | x echo | req/s c={CONCURRENT} | p50/p99 ms"
        f" | req/s c=1 | p50/p99 ms | p50/p99 ms at {RATE}/s | loop blocked ms (CPU) | RSS MB"
        " | identity calls: first turn, later | non-2xx | lost |",
    )
    print("|---" * 14 + "|")
    for name, f in figures.items():
        rate = f"{f.at_rate.percentile(0.5):.1f}/{f.at_rate.percentile(0.99):.1f}" if f.at_rate else "-"
        blocked = f"{f.blocked:.1f} ({f.blocked_cpu:.1f})" if f.at_rate else "-"
        own_token = " (its own token is stubbed)" if name == "stock" else ""
        print(
            f"| {LABELS[name]} | {f.milliseconds:.3f} ({min(f.cpu):.3f}-{max(f.cpu):.3f})"
            f" | {f.against(figures['raw']):.2f} | {f.against(figures['echo']):.2f}"
            f" | {f.busy.requests / f.busy.seconds:.0f}"
            f" | {f.busy.percentile(0.5):.1f}/{f.busy.percentile(0.99):.1f}"
            f" | {f.single.requests / f.single.seconds:.0f}"
            f" | {f.single.percentile(0.5):.2f}/{f.single.percentile(0.99):.1f}"
            f" | {rate} | {blocked} | {f.memory:.0f}"
            f" | {f.identity_first}, {f.identity_later}{own_token} | {f.bad} | {f.lost} |",
        )


def print_goals(targets: Sequence[Target], matcher: MatcherOnly, asked: list[float], starts: list[float]) -> None:
    """Print the goals of the design beside what was measured."""
    figures = {target.name: target.figures for target in targets}
    raw, echo, turn = (figures[name] for name in ("raw", "echo", "turn"))
    understanding = statistics.median(matcher.milliseconds)
    rounds = list(zip(turn.cpu, echo.cpu, matcher.milliseconds, strict=True))
    budget = statistics.median(mine / (2 * its + words) for mine, its, words in rounds)
    rest = statistics.median((mine - words) / its for mine, its, words in rounds)
    at_rate = turn.at_rate
    assert at_rate
    rows = [
        ("echo, CPU against raw", "<= 1.3 x", f"{echo.against(raw):.2f} x", echo.against(raw) <= 1.3),
        ("turn, CPU against echo", "<= 1.3 x (issue 2)", f"{turn.against(echo):.2f} x", turn.against(echo) <= 1.3),
        ("turn, CPU against 2 x echo + matcher", "<= 1 x (design 5)", f"{budget:.2f} x", budget <= 1),
        ("matcher alone, CPU ms an utterance", "-", f"{understanding:.3f}", None),
        ("turn without matcher, against echo", "-", f"{rest:.2f} x", None),
        (f"turn, p99 ms at {RATE}/s", "< 50", f"{at_rate.percentile(0.99):.1f}", at_rate.percentile(0.99) < 50),
        (
            "turn, event loop blocked ms",
            "< 50",
            f"{turn.blocked:.1f} ({turn.blocked_cpu:.1f} by own CPU)",
            turn.blocked < 50,
        ),
        (
            "turn, identity calls from the second turn on",
            "0",
            str(turn.identity_later),
            turn.identity_later == 0,
        ),
        (
            "`ask`, warm, ms a question: median, longest",
            "< 20",
            f"{statistics.median(asked):.2f}, {max(asked):.1f}",
            max(asked) < 20,
        ),
        (
            "start to ready, s",
            "< 5",
            f"{statistics.median(starts):.2f}, longest {max(starts):.2f}",
            max(starts) < 5,
        ),
    ]
    print("\n| what | goal | measured | met |\n|---|---|---|---|")
    for what, goal, measured, met in rows:
        print(f"| {what} | {goal} | {measured} | {'' if met is None else 'yes' if met else 'NO'} |")


def print_profile(path: Path) -> None:
    """Print where the time of a profiled server went: all functions, then our own with what they call."""
    for order, pattern, title in (("tottime", "", "own time"), ("cumulative", str(ROOT), "with callees, our code")):
        print(f"\n-- {title}")
        pstats.Stats(str(path)).sort_stats(order).print_stats(*([pattern] if pattern else []), 40)


# -- the run ----------------------------------------------------------------------------------------------------------


def has_stock(python: str) -> bool:
    """Tell whether an interpreter knows the stock adapter."""
    found = subprocess.run([python, "-c", f"import {STOCK_MODULE}"], check=False, capture_output=True, cwd=ROOT)
    return found.returncode == 0


async def run(arguments: argparse.Namespace) -> int:
    """Measure everything and print it."""
    began = time.perf_counter()
    plan = QUICK if arguments.quick else THOROUGH
    questions = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if line.strip()]
    pin(0, CORES[-1:])
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        async with FakeMicrosoft() as microsoft:
            requests = Requests(
                service_url=microsoft.service_url,
                tokens=[microsoft.token(APP_ID)],
                questions=questions,
            )
            if arguments.profile:
                await run_profile(arguments, microsoft, requests, folder)
                return 0
            matcher = MatcherOnly(folder, questions)
            targets = await run_targets(arguments.stock_python, microsoft, requests, plan, matcher, folder)
        asked = measure_ask(folder, questions, plan.asked)
        starts = [measure_start(folder, number) for number in range(plan.starts)]
    check_patience(targets)
    print_targets(targets)
    print_goals(targets, matcher, asked, starts)
    print(f"\n{time.perf_counter() - began:.0f} s; CPU is the median of {plan.rounds} alternating rounds.")
    return 1 if any(target.figures.bad or target.figures.lost for target in targets) else 0


async def run_targets(
    stock_python: str,
    microsoft: FakeMicrosoft,
    requests: Requests,
    plan: Plan,
    matcher: MatcherOnly,
    folder: Path,
) -> list[Target]:
    """Start all servers, then measure one after the other, again and again."""
    pythons = dict.fromkeys(("raw", "echo", "turn"), sys.executable)
    if has_stock(stock_python):
        pythons["stock"] = stock_python
    else:
        print(f"stock not installed: pip install {STOCK_PACKAGE}, or --stock-python PATH")
    async with AsyncExitStack() as stack:
        targets = [
            await stack.enter_async_context(running(name, python, microsoft, folder))
            for name, python in pythons.items()
        ]
        replies = {target.name: await warm_up(target, microsoft, requests) for target in targets}
        if json.loads(replies["raw"]).keys() != json.loads(replies["echo"]).keys():
            raise SystemExit("raw and echo do not send the same reply; the comparison is worth nothing")
        busy_began, used = time.perf_counter(), time.process_time()
        for _ in range(plan.rounds):
            for target in targets:
                await measure(target, microsoft, requests, plan)
            matcher.measure()
        share = (time.process_time() - used) / (time.perf_counter() - busy_began)
        for target in targets:
            if target.name != "stock":
                await measure_rate(target, microsoft, requests, plan)
            target.figures.memory = target.resident()
    where = f"server on core {CORES[0]}, generator on core {CORES[-1]}" if len(CORES) > 1 else "one core for both"
    sizes = ", ".join(f"{name} {len(body)}" for name, body in replies.items())
    print(f"{where}; generator and connector {share:.0%} busy; bytes of the first reply: {sizes}")
    return targets


async def run_profile(
    arguments: argparse.Namespace, microsoft: FakeMicrosoft, requests: Requests, folder: Path
) -> None:
    """Profile one target under full load."""
    python = arguments.stock_python if arguments.profile == "stock" else sys.executable
    path = folder / "profile"
    async with running(arguments.profile, python, microsoft, folder, profile=str(path)) as target:
        await warm_up(target, microsoft, requests)
        await target.tell("begin")
        load = await flat_out(target.port, requests, connections=CONCURRENT, seconds=2 if arguments.quick else 6)
        await target.tell("end")
    print(f"{load.requests} requests")
    print_profile(path)


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less than 40 seconds, less certain")
    parser.add_argument("--stock-python", default=sys.executable, help=f"an interpreter with {STOCK_PACKAGE}")
    parser.add_argument("--profile", choices=sorted(LABELS), help="profile one server instead")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    raise SystemExit(main())
