"""How long people wait for an answer while a look, a preview and a purge of 200,000 files run behind it.

    python bench/loop.py [--files N] [--folder FOLDER] [--profile]

The bot is a process as in production, with its schedule and sender at work; people press over real HTTP with real
tokens, each no faster than one person may. Of the event loop it is measured how late a timer of 10 ms comes: in the
bot, and in the measuring process beside it, which tells what of it is the machine. The goals are no test, on
a noisy machine least of all; the exit code is 1 only where the measurement is worth nothing (an answer that is no
success, a person who was told to wait, files that are left).
"""

import argparse
import asyncio
import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import aiohttp  # noqa: E402
from load import APP_ID, TENANT  # noqa: E402
from microsoft import FakeMicrosoft  # noqa: E402
from targets import Blocked  # noqa: E402
from turns import CORES, Target, pin, running  # noqa: E402

from cards.verbs import Verb  # noqa: E402
from data.clock import SystemClock  # noqa: E402
from data.retention.instants import DAY, instant_of  # noqa: E402
from data.samples.bulk import write_tree  # noqa: E402

SOURCE = "tree"
FILES = 200_000
ADMINS, DPOS = 8, 2
ASKER, SECOND = 101, 102
"""Who asks for the purge and who approves it: people of their own, so that the crowd's pace is not theirs."""
QUESTION, COPIED = "(a question)", "purge_confirm, copied"
PAUSE = 0.45
"""Seconds between two presses of one person: the bot answers three a second."""
ANSWER_MS, BLOCKED_MS, ALERT_SECONDS = 1000.0, 50.0, 300.0
LONGEST_SECONDS = 900.0
"""After which a phase that does not end has failed."""


@dataclass(slots=True)
class Phase:
    """What was measured while one thing ran."""

    seconds: float = 0.0
    milliseconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    late: Mapping[str, Any] = field(default_factory=dict)
    """Of the bot's event loop, in seconds: longest, share and count; and by its own CPU."""
    idle: float = 0.0
    """The longest delay of the measuring process's own loop, in seconds."""
    bad: Counter[str] = field(default_factory=Counter)

    def note(self, verb: str, status: int, spent: float) -> None:
        """Note one answer."""
        self.milliseconds[verb].append(spent)
        if status // 100 != 2:
            self.bad[f"{verb} {status}"] += 1

    @property
    def all(self) -> list[float]:
        """Give the milliseconds of all presses."""
        return [value for values in self.milliseconds.values() for value in values]


def percentile(values: list[float], share: float) -> float:
    """Give the value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


def guid(number: int) -> str:
    """Name a person."""
    return f"00000000-0000-4000-8000-{number:012x}"


@dataclass(slots=True, kw_only=True)
class Client:
    """Teams, as far as it sends presses and messages of people."""

    session: aiohttp.ClientSession
    url: str
    service_url: str
    token: str
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def press(self, person: int, verb: str, data: Mapping[str, Any]) -> tuple[int, Any, float]:
        """Press a button of a card of its own; gives status, card and milliseconds."""
        action = {"type": "Action.Execute", "verb": verb, "data": dict(data)}
        return await self._send(
            person,
            type="invoke",
            name="adaptiveCard/action",
            value={"action": action, "trigger": "manual"},
            replyToId=f"card-{next(self.numbers)}",
        )

    async def say(self, person: int, words: str) -> tuple[int, Any, float]:
        """Write something."""
        return await self._send(person, type="message", text=words, textFormat="plain")

    async def _send(self, person: int, **fields: Any) -> tuple[int, Any, float]:
        body = {
            "id": f"f:{next(self.numbers)}",
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": {"id": f"29:{guid(person)}", "name": "Erika Beispiel", "aadObjectId": guid(person)},
            "conversation": {"id": f"a:chat-{person}", "conversationType": "personal", "tenantId": TENANT},
            "recipient": {"id": f"28:{APP_ID}", "name": "Privacy Bot"},
            "channelData": {"tenant": {"id": TENANT}},
            "locale": "en-US",
        } | fields
        began = time.perf_counter()
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.post(self.url, json=body, headers=headers) as response:
            text = await response.read()
            milliseconds = 1000 * (time.perf_counter() - began)
        found = json.loads(text) if text else {}
        return response.status, found.get("value") if isinstance(found, dict) else None, milliseconds


def buttons(value: object) -> dict[str, dict[str, Any]]:
    """Collect the buttons of a card that come back, by verb."""
    found: dict[str, dict[str, Any]] = {}
    if isinstance(value, Mapping):
        if value.get("type") == "Action.Execute":
            found[str(value["verb"])] = dict(value.get("data") or {})
        for inner in value.values():
            found |= buttons(inner)
    elif isinstance(value, list):
        for inner in value:
            found |= buttons(inner)
    return found


class Crowd:
    """Everybody presses everything, in turn, each a little shifted against the others."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.request_id = ""
        self.confirm: Mapping[str, Any] = {}
        """The sealed button of the preview, whatever has become of it since."""

    def presses(self) -> list[tuple[str, Mapping[str, Any]]]:
        """List what may be pressed now."""
        found: list[tuple[str, Mapping[str, Any]]] = [
            (Verb.PURGE_MENU, {}),
            (Verb.PURGE_LIST, {"id": "all.1"}),
            (Verb.RETENTION_SHOW, {}),
            (Verb.ALERT_LIST, {}),
            (Verb.ALERT_SHOW, {"id": "1"}),
            (Verb.HOLD_LIST, {}),
            (Verb.STANDING_LIST, {}),
            (Verb.TICKET_LIST, {}),
            (Verb.DELIVERY_REPORT, {}),
            (Verb.MY_DATA, {}),
            (Verb.SHOW_HELP, {}),
            (QUESTION, {}),
        ]
        if self.request_id:
            found += [(Verb.PURGE_SHOW, {"id": self.request_id}), (Verb.PURGE_PREVIEW, {"id": SOURCE})]
        if self.confirm:
            found.append((COPIED, self.confirm))
        return found

    async def mistype(self, phase: Phase, done: asyncio.Event) -> None:
        """Let the requester type a wrong code again and again: refused and recorded while the preview waits."""
        while not done.is_set():
            await asyncio.sleep(2 * PAUSE)
            if self.confirm:
                data = {**self.confirm, "code": "AAAA-AAAA"}
                status, _, spent = await self._client.press(ASKER, Verb.PURGE_CONFIRM, data)
                phase.note("purge_confirm, wrong code", status, spent)

    async def go_on(self, phase: Phase, done: asyncio.Event) -> None:
        """Press until something is done."""
        people = (self._person(number + 1, phase, done) for number in range(ADMINS + DPOS))
        await asyncio.gather(*people, self.mistype(phase, done))

    async def _person(self, person: int, phase: Phase, done: asyncio.Event) -> None:
        await asyncio.sleep(PAUSE * person / (ADMINS + DPOS))
        for turn in itertools.count(person * 5):
            if done.is_set():
                return
            verbs = self.presses()
            verb, data = verbs[turn % len(verbs)]
            if person > ADMINS and verb.startswith("purge_") and verb != Verb.PURGE_SHOW:
                continue
            if verb == QUESTION:
                status, _, spent = await self._client.say(person, "Wie lange werden Logs gespeichert?")
            else:
                pressed = Verb.PURGE_CONFIRM if verb == COPIED else verb
                status, _, spent = await self._client.press(person, pressed, data)
            phase.note(str(verb), status, spent)
            await asyncio.sleep(max(0.0, PAUSE - spent / 1000))


class Watched:
    """Measures phases, one after the other."""

    def __init__(self, target: Target, crowd: Crowd) -> None:
        self._target, self._crowd = target, crowd
        self.phases: dict[str, Phase] = {}

    @asynccontextmanager
    async def during(self, name: str) -> AsyncIterator[Phase]:
        """Let everybody press while the block runs."""
        phase, done, idle = self.phases.setdefault(name, Phase()), asyncio.Event(), Blocked()
        await self._target.tell("begin")
        idle.begin()
        began = time.perf_counter()
        pressing = asyncio.create_task(self._crowd.go_on(phase, done))
        try:
            yield phase
        finally:
            done.set()
            phase.seconds = time.perf_counter() - began
            idle.end()
            phase.idle = idle.wall
            phase.late = await self._target.tell("end")
            await pressing


async def until(what: Callable[[], Any], *, every: float = 1.0) -> Any:
    """Ask again and again until there is something; raises `TimeoutError`."""
    end = time.perf_counter() + LONGEST_SECONDS
    while time.perf_counter() < end:
        found = await what()
        if found:
            return found
        await asyncio.sleep(every)
    raise TimeoutError


async def go_through(target: Target, microsoft: FakeMicrosoft) -> tuple[dict[str, Phase], float]:
    """Take one purge from the first look to its certificate; gives the phases, and when the first alert came."""
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        client = Client(
            session=session,
            url=f"http://127.0.0.1:{target.port}/api/messages",
            service_url=microsoft.service_url,
            token=microsoft.token(APP_ID),
        )
        crowd = Crowd(client)
        watched = Watched(target, crowd)

        async def looked() -> bool:
            _, card, _ = await client.press(ASKER, Verb.ALERT_LIST, {})
            return Verb.ALERT_SHOW in buttons(card)

        async def shown(verb: str, person: int = ASKER) -> Any:
            _, card, _ = await client.press(person, Verb.PURGE_SHOW, {"id": crowd.request_id})
            return buttons(card).get(verb)

        await client.press(ADMINS + 1, Verb.SHOW_HELP, {})  # the officer who is told first can be reached
        async with watched.during("look"):
            await until(looked)
        opened = time.perf_counter()
        told = await until(lambda: arrived(microsoft), every=0.2)
        alert_after = max(0.0, time.perf_counter() - opened) if told else float("nan")

        _, card, _ = await client.press(ASKER, Verb.PURGE_PREVIEW, {"id": SOURCE})
        crowd.request_id = next(data["id"] for verb, data in buttons(card).items() if verb == Verb.PURGE_SHOW)
        async with watched.during("preview"):
            crowd.confirm = await until(lambda: shown(Verb.PURGE_CONFIRM))
        async with watched.during("waiting"):
            await asyncio.sleep(10.0)
        code = await code_of(client, ASKER, crowd.request_id)
        await client.press(ASKER, Verb.PURGE_CONFIRM, {**await shown(Verb.PURGE_CONFIRM), "code": code})
        await client.press(SECOND, Verb.PURGE_APPROVE, await until(lambda: shown(Verb.PURGE_APPROVE, SECOND)))
        async with watched.during("purge"):
            await until(lambda: shown(Verb.PURGE_PREVIEW))
        return watched.phases, alert_after


async def arrived(microsoft: FakeMicrosoft) -> bool:
    """Tell whether a message has come that was no answer."""
    return microsoft.counts.posts > 0


async def code_of(client: Client, person: int, request_id: str) -> str:
    """Read the code off the card, as a person does."""
    _, card, _ = await client.press(person, Verb.PURGE_SHOW, {"id": request_id})
    return next(word for word in words_of(card) if len(word) == 9 and word[4] == "-" and word.isupper())


def words_of(value: object) -> Iterator[str]:
    """Walk through the words of a card."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from words_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from words_of(inner)
    elif isinstance(value, str):
        yield from value.replace("*", " ").split()


# -- the report -------------------------------------------------------------------------------------------------------


def outcomes_in(log: Path) -> Counter[str]:
    """Count what became of each turn, and what went wrong behind it, by the bot's own log."""
    found: Counter[str] = Counter()
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        said = json.loads(line) if line.startswith("{") else {"action": "no_json"}
        if said.get("action") == "turn":
            found[str(said["outcome"])] += 1
        elif said.get("level") in {"warning", "error", "critical"} or said.get("action") == "no_json":
            found[f"{said.get('action')} {said.get('error', '')}".strip()] += 1
    return found


def report(phases: Mapping[str, Phase], alert_after: float, outcomes: Mapping[str, int]) -> bool:
    """Print everything; tells whether the measurement is worth something."""
    print("\n| button | " + " | ".join(f"{name}: presses, p50/p99/longest ms" for name in phases) + " |")
    print("|---" * (len(phases) + 1) + "|")
    for verb in dict.fromkeys(verb for phase in phases.values() for verb in sorted(phase.milliseconds)):
        print(f"| {verb} | " + " | ".join(cell(phase.milliseconds.get(verb, [])) for phase in phases.values()) + " |")
    print("| all | " + " | ".join(cell(phase.all) for phase in phases.values()) + " |")
    print("\n| phase | seconds | loop late: longest ms | p99.9 ms | times > 50 ms | by its own CPU, longest ms"
          " | garbage collector, longest ms | measuring process beside it, longest ms |")  # fmt: skip
    print("|---" * 8 + "|")
    for name, phase in phases.items():
        found = (phase.late[f"blocked{what}"] for what in ("", "_p999", "_cpu", "_tidied"))
        longest, most, own, tidied = (1000 * seconds for seconds in found)
        print(
            f"| {name} | {phase.seconds:.1f} | {longest:.1f} | {most:.1f} | {phase.late['blocked_often']} | {own:.1f}"
            f" | {tidied:.1f} | {1000 * phase.idle:.1f} |"
        )
    for name, phase in phases.items():
        for place, times in phase.late["blocked_places"].items():
            print(f"  late in {name}, {times} times while another thread was at {place}")
    worst = max(percentile(values, 0.99) for phase in phases.values() for values in phase.milliseconds.values())
    longest = max(1000 * phase.late["blocked"] for phase in phases.values())
    bad = sum((phase.bad for phase in phases.values()), Counter[str]())
    rows: list[tuple[str, str, float, float | None]] = [
        ("answer to any button, p99 ms, the slowest verb in the slowest phase", f"< {ANSWER_MS:.0f}", worst, ANSWER_MS),
        ("event loop late, longest ms", f"< {BLOCKED_MS:.0f}", longest, BLOCKED_MS),
        ("of that, by the CPU of the loop's own thread", "-", 1000 * max(map(own_of, phases.values())), None),
        (
            "first alert at the connector after it was on the list (asked each second), s",
            f"< {ALERT_SECONDS:.0f}",
            alert_after,
            ALERT_SECONDS,
        ),
        ("answers that were no success, or said to wait or to try again", "0", float(spoilt(bad, outcomes)), 0.5),
    ]
    print("\n| what | goal | measured | met |\n|---|---|---|---|")
    for what, goal, measured, most in rows:
        print(f"| {what} | {goal} | {measured:.1f} | {'' if most is None else 'yes' if measured < most else 'NO'} |")
    if bad:
        print(f"no success: {dict(bad)}")
    print(f"\nwhat the bot's log says: {dict(outcomes)}")
    return spoilt(bad, outcomes) == 0


def own_of(phase: Phase) -> float:
    """Give the longest that the bot's loop itself computed without a break, in seconds."""
    return float(phase.late["blocked_cpu"])


def spoilt(bad: Counter[str], outcomes: Mapping[str, int]) -> int:
    """Count answers that are worth nothing to whoever measures: they cost less than a real one."""
    return bad.total() + sum(outcomes.get(word, 0) for word in ("rate_limited", "error", "unknown_button"))


def cell(values: list[float]) -> str:
    """Write how long answers took."""
    if not values:
        return "-"
    return f"{len(values)}: {percentile(values, 0.5):.0f}/{percentile(values, 0.99):.0f}/{max(values):.0f}"


# -- the run ----------------------------------------------------------------------------------------------------------


def settings_for(root: Path) -> dict[str, str]:
    """Give the settings besides those of every bench, by environment."""
    admins = [*map(guid, range(1, ADMINS + 1)), guid(ASKER), guid(SECOND)]
    source = {"id": SOURCE, "kind": "files", "data_kind": "log", "root": str(root), "include": ["*.jsonl"]}
    return {
        "PROCALL_ROLES__ADMINS": json.dumps(admins),
        "PROCALL_ROLES__DPOS": json.dumps([guid(ADMINS + 1 + number) for number in range(DPOS)]),
        "PROCALL_PURGE__MAX_SHARE": "1.0",
        "PROCALL_PURGE__COOLING_MINUTES": "0",
        "PROCALL_SOURCES": json.dumps([source]),
    }


async def run(arguments: argparse.Namespace, folder: Path) -> int:
    """Measure and print."""
    before = os.getloadavg()
    try:
        now = instant_of(SystemClock().now())
        write_tree(folder / SOURCE, arguments.files, 400, now - 100 * DAY, 3, days=10)
        os.sync()
        pin(0, CORES)
        profile = str(folder / "profile") if arguments.profile else ""
        async with (
            FakeMicrosoft() as microsoft,
            running(
                "work",
                sys.executable,
                microsoft,
                folder,
                profile=profile,
                more=settings_for(folder / SOURCE),
                cores=CORES,
            ) as target,
        ):
            phases, alert_after = await go_through(target, microsoft)
            memory = target.resident()
        outcomes = outcomes_in(folder / "work.log")
        left = sum(1 for _ in (folder / SOURCE).rglob("*.jsonl"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sound = report(phases, alert_after, outcomes)
    print(f"\n{arguments.files:,} files, {left} left; {memory:.0f} MB; load of the machine before: {before[0]:.1f}")
    return 0 if sound and not left else 1


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--folder", help="where the files are made; the temporary folder if none is named")
    parser.add_argument(
        "--profile", action="store_true", help="profile the event loop's thread instead of trusting times"
    )
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="loop-", dir=arguments.folder)).resolve()
    return asyncio.run(run(arguments, folder))


if __name__ == "__main__":
    raise SystemExit(main())
