"""Items of the RL list (security.md 8) that are not about sending: slow work, order, storms, ends, clocks, limits."""

import asyncio
import datetime as dt
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from bot.identity import DEV_ADMINS, DEV_EMPLOYEE, DEV_TENANT
from bot.jobs import JobQueue
from bot.schedule import Schedule, Surroundings
from cards.verbs import Verb
from data.errors import ClockError
from data.office.office import office_of
from data.retention.instants import DAY, HOUR, MINUTE
from data.retention.request import State
from tests.conftest import copy_model
from tests.data.office.test_standing_rules import LIMITS
from tests.data.purge.lab import ALICE, BOB, DORA, SOURCE, Lab, silent
from tests.desk import open_office
from tests.domain import ROOT
from tests.e2e.local_teams import _BOT_LISTENS, Child
from tests.lists.live import ADMIN, EMPLOYEE, SECOND_ADMIN, Chat, Live, living, read, write_logs
from tests.test_retention_cli import DONE, Site, line
from tests.world import LiveBot, World, invoke, message

STORM = int(os.environ.get("PROCALL_STORM", "1000"))
LOAD_FILES = 8_000


@pytest.fixture
async def live(world: World, new_state: Callable[[], Path], tmp_path: Path) -> AsyncIterator[Live]:
    """Give a bot at work with one source that has something old in it."""
    async with living(world, new_state(), write_logs(tmp_path / "logs")) as found:
        yield found


# -- slow and out of order (RL-01, 05, 06, 07) ------------------------------------------------------------------------


class SlowSource:
    """A source that takes as long as the test wants."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.begun, self.gate = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def measure(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        """Measure, once the gate is open."""
        self.begun.set()
        assert self.gate.wait(30)
        yield from self._source.measure(*arguments, **options)


async def test_a_large_source_is_previewed_in_the_background(live: Live) -> None:
    """RL-05: an order is answered while the source is still read, a repetition harmless; then the preview is there.

    Others are answered meanwhile; with the gate open from the start all this would be no proof: it stays shut.
    """
    sources = live.office.engine.parts.sources
    assert isinstance(sources, dict)
    slow = sources["app-logs"] = SlowSource(sources["app-logs"])
    chat = live.chat(ADMIN)
    order = live.world.message("purge app-logs", deliveryMode="expectReplies", **chat.fields())
    try:
        answers = [await chat.sends(order) for _ in range(3)]
        assert await asyncio.to_thread(slow.begun.wait, 10)
        assert "Preview in the making" in answers[0].body.decode()
        assert "2.7" in read(await live.chat(EMPLOYEE).says("how long are stack traces kept?"))
        assert [request.state for request in live.requests()] == [State.PREVIEWING]
    finally:
        slow.gate.set()
    request = await live.until(State.PREVIEWED)
    assert request.code in read(await chat.says("confirm the purge"))
    assert len(live.requests()) == 1


async def test_an_approval_before_the_confirmation_is_politely_refused(live: Live) -> None:
    """RL-06: an approval before the request is confirmed, or even begun, counts for nothing; after it, it does."""
    second = live.chat(SECOND_ADMIN)
    office, purpose = live.office, Verb.PURGE_APPROVE.value
    card, request = await live.previewed()
    stamp = f"{State.AWAITING_SECOND}-{request.digest}-0"
    subject = f"request/{request.id}"
    early = office.seal.make(purpose, subject, stamp, f"a:{SECOND_ADMIN}")
    unborn = office.seal.make(purpose, "request/0123456789abcdef", stamp, f"a:{SECOND_ADMIN}")
    for number, (name, seal) in enumerate([("0123456789abcdef", unborn), (request.id, early)]):
        body = live.world.invoke(
            purpose, {"id": name, "n": seal, "lang": "en"}, **second.fields(replyToId=f"c{number}")
        )
        answer = await second.sends(body)
        assert answer.status == 200
        assert answer.json()["value"]["type"] == "AdaptiveCard"
    assert (live.requests()[0].state, live.requests()[0].approvals) == (State.PREVIEWED, ())
    await live.chat(ADMIN).presses(card, Verb.PURGE_CONFIRM, code=request.code)
    late = live.world.invoke(purpose, {"id": request.id, "n": early, "lang": "en"}, **second.fields(replyToId="c9"))
    assert "Your approval is noted" in read((await second.sends(late)).json()["value"])


async def test_an_identity_platform_that_hangs_holds_up_no_button(live: Live) -> None:
    """RL-01: while a first message waits for its token, buttons are answered and health is green; then it is too."""
    live.world.authority.hold = asyncio.Event()
    body = live.world.message("how long are stack traces kept?", **live.chat(EMPLOYEE).fields())
    waiting = asyncio.create_task(live.chat(EMPLOYEE).sends(body))
    for _ in range(20):
        answer = await live.chat(ADMIN).sends(live.world.invoke(**live.chat(ADMIN).fields()))
        assert answer.status == 200
    assert (await live.bot.ops("/livez")).status == 200
    assert (await live.bot.ops("/readyz")).status == 200
    assert not waiting.done()
    live.world.authority.hold.set()
    assert (await waiting).status == 201
    assert [call for call in live.world.connector.calls if body["id"] in call.path]


async def test_a_storm_of_arrivals_is_one_welcome(live: Live) -> None:
    """RL-07: people joining a team, as many as asked for: one welcome, bounded memory; a message is answered then."""
    where = {"id": "19:large@thread.tacv2", "conversationType": "channel", "isGroup": True}
    chat = live.chat(EMPLOYEE)
    fields = chat.fields(conversation=where)

    async def joins(number: int) -> int:
        body = live.world.message("", **fields) | {
            "type": "conversationUpdate", "id": f"f:join-{number}", "membersAdded": [{"id": f"29:new-{number}"}]
        }  # fmt: skip
        return (await chat.sends(body)).status

    for first in range(0, STORM, 50):
        statuses = await asyncio.gather(*(joins(number) for number in range(first, min(first + 50, STORM))))
        assert set(statuses) == {201}
    assert len([call for call in live.world.connector.calls if "19:large" in call.path]) == 1
    assert len(live.bot.parts.edge._handler._seen._results) < 10
    assert "2.7" in read(await chat.says("how long are stack traces kept?"))


# -- the end of a process under load (RL-17, 18, 29) ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DevTeams:
    """What speaks to a bot in dev mode, where there are no tokens."""

    service_url: str = "http://127.0.0.1:9/teams/"

    def token(self) -> str:
        """Give none."""
        return ""

    def message(self, text: str, **fields: Any) -> dict[str, Any]:
        """Build a message."""
        return message(text, service_url=self.service_url, **fields)

    def invoke(self, verb: str, data: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        """Build a press."""
        return invoke(verb, data, service_url=self.service_url, **fields)


def names_in(folder: Path) -> int:
    """Count what is in a folder."""
    return sum(1 for _ in folder.iterdir())


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A real process of the bot in dev mode."""

    child: Child
    bot: LiveBot

    def chat(self, who: str) -> Chat:
        """Let somebody talk to it."""
        return Chat(bot=self.bot, world=DevTeams(), who=who, tenant=DEV_TENANT)  # type: ignore[arg-type]

    def memory(self) -> int:
        """Give the resident memory in bytes."""
        fields = Path(f"/proc/{self.child.process.pid}/statm").read_text(encoding="ascii").split()
        return int(fields[1]) * resource.getpagesize()

    def files(self) -> int:
        """Count the open files."""
        return names_in(Path(f"/proc/{self.child.process.pid}/fd"))


@asynccontextmanager
async def serving_process(folder: Path, name: str) -> AsyncIterator[Process]:
    """Run `python app.py serve --dev` in a folder; it is killed at the end, if it still runs."""
    env = {
        "PROCALL_SERVER__PORT": "0",
        "PROCALL_SERVER__OPS_PORT": "0",
        "PROCALL_PURGE__COOLING_MINUTES": "0",
        "PROCALL_PURGE__MAX_SHARE": "1",
    }
    command = [sys.executable, str(ROOT / "app.py"), "serve", "--dev"]
    child = Child(command, env=env, folder=folder, log=folder / f"{name}.txt")
    try:
        where = await asyncio.to_thread(child.wait_for, _BOT_LISTENS, name="The bot")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            port, ops_port = int(where["port"]), int(where["ops_port"])
            yield Process(child=child, bot=LiveBot(parts=None, port=port, ops_port=ops_port, session=session))
    finally:
        if child.process.poll() is None:
            child.process.kill()
        child.stop()


def write_samples(folder: Path, count: int) -> Path:
    """Write so many old files and twenty young ones where dev mode has its first source."""
    now = time.time()  # noqa: TID251  a real process reads the real clock
    logs = folder / "var" / "dev" / "samples" / "desktop"
    logs.mkdir(parents=True)
    old, young = line(now - 100 * 86_400, "old"), line(now - 5 * 86_400, "young")
    for number in range(count + 20):
        path = logs / f"{'old' if number < count else 'young'}-{number:05}.log"
        path.write_text(old if number < count else young, encoding="ascii")
        os.utime(path, (now - 2 * 86_400, now - 2 * 86_400))
    return logs


async def purge_of(process: Process) -> None:
    """Let a purge of the first source come to its approval, which begins it."""
    first, second = (process.chat(who) for who in DEV_ADMINS)
    await first.says("purge desktop-logs")
    async with asyncio.timeout(60):
        while "Code of this preview" not in read(card := await first.says("confirm the purge")):  # noqa: ASYNC110
            await asyncio.sleep(0.4)
    code = read(card).partition("Code of this preview: ")[2][:9]
    await first.presses(card, Verb.PURGE_CONFIRM, code=code)
    card = await second.says("yes, confirm the purge")
    assert "Your approval is noted" in read(await second.presses(card, Verb.PURGE_APPROVE))


async def load_on(process: Process, acknowledged: list[int], person: int) -> None:
    """Ask and press without end, until the process is gone; counts the presses that were acknowledged."""
    chat = process.chat(f"00000000-0000-4000-8000-00000000{person:04x}")
    number = 0
    while True:
        number += 1
        try:
            await chat.sends(process_question(chat))
            answer = await chat.sends(
                chat.world.invoke(Verb.FEEDBACK_YES, {"id": "push"}, **chat.fields(replyToId=f"card-{number}"))
            )
        except aiohttp.ClientError:
            return
        if answer.status == 200 and "AdaptiveCard" in answer.body.decode():
            acknowledged.append(person)
        await asyncio.sleep(0.4)


def process_question(chat: Chat) -> dict[str, Any]:
    """Build a question that is answered at once."""
    return chat.world.message("how long are stack traces kept?", deliveryMode="expectReplies", **chat.fields())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
async def test_a_process_that_ends_in_a_purge_under_load_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """RL-17, 18: ended while it purges and people ask and press: what it acknowledged is there, and the purge goes on.

    The control is the second process, which ends what the first has left, without anybody's help.
    """
    logs = write_samples(tmp_path, LOAD_FILES)
    acknowledged: list[int] = []
    async with serving_process(tmp_path, "first") as process:
        people = [asyncio.create_task(load_on(process, acknowledged, person)) for person in range(8)]
        await purge_of(process)
        async with asyncio.timeout(60):
            while names_in(logs) > LOAD_FILES - 200:  # noqa: ASYNC110  another process deletes
                await asyncio.sleep(0.005)
        process.child.process.send_signal(number)
        code = await asyncio.to_thread(process.child.process.wait, 20)
        left = names_in(logs)
        assert code == (0 if number is signal.SIGTERM else -signal.SIGKILL)
        await asyncio.gather(*people)
    assert left > 20, "it was under way"
    assert len(acknowledged) >= 8
    async with serving_process(tmp_path, "second") as process:
        async with asyncio.timeout(60):
            while names_in(logs) > 20:  # noqa: ASYNC110  another process deletes
                await asyncio.sleep(0.02)
            while "Finished" not in (shown := read(await process.chat(DEV_ADMINS[0]).says("purge status"))):  # noqa: ASYNC110
                await asyncio.sleep(0.4)
        assert shown.count("desktop-logs") == 1
        assert "2.7" in read(await process.chat(DEV_EMPLOYEE).says("how long are stack traces kept?"))
    assert all(name.startswith("young-") for name in sorted(path.name for path in logs.iterdir()))
    stored = (tmp_path / "var" / "dev" / "feedback.json").read_text(encoding="utf-8")
    counted = helpful_in(json.loads(stored.splitlines()[0]))
    assert len(acknowledged) <= counted <= len(acknowledged) + 8
    verify = [sys.executable, str(ROOT / "app.py"), "audit", "verify", "--dev"]
    done = await asyncio.to_thread(subprocess.run, verify, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == DONE, done.stdout


def helpful_in(stored: Any) -> int:
    """Add up what a feedback store counts as helpful."""
    if isinstance(stored, dict):
        return int(stored.get("helpful", 0)) + sum(map(helpful_in, stored.values()))
    return sum(map(helpful_in, stored)) if isinstance(stored, list) else 0


async def test_many_turns_leave_memory_and_files_as_they_were(tmp_path: Path) -> None:
    """RL-29, in short: after 300 turns of 60 people, 1,200 more open no file, and memory grows by less than 5 %."""
    write_samples(tmp_path, 1)

    async def turns(process: Process, count: int) -> None:
        for first in range(0, count, 60):
            chats = [process.chat(f"00000000-0000-4000-8000-00000000{(first + n) % 60:04x}") for n in range(60)]
            answers = await asyncio.gather(*(chat.sends(process_question(chat)) for chat in chats))
            assert {answer.status for answer in answers} == {200}

    async with serving_process(tmp_path, "soak") as process:
        await turns(process, 300)
        memory, files = process.memory(), process.files()
        for _ in range(10):  # what is loaded in the background after the start is no leak
            await turns(process, 120)
            before, memory = memory, process.memory()
            if memory < before * 1.005:
                break
        await turns(process, 1_200)
        assert process.files() <= files + 2
        assert process.memory() < memory * 1.05


# -- clocks (RL-23 to 26) ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "reason"),
    [(1, "jumped"), (365, "jumped"), (-1, "behind_audit"), (-27, "before_build"), (-365, "before_build")],
)
def test_a_jump_of_the_clock_stops_purges_until_it_is_right(lab: Lab, days: int, reason: str) -> None:
    """RL-23, 25: a day or a year ahead or back, an approved purge does not run; with the right time again it does.

    A jump ahead stays in mind: it takes somebody who says so, which `test_a_clock_that_jumped_forward` shows.
    """
    lab.write("old.log", [120])
    with lab.engine() as engine:
        request = lab.approved(engine)
        lab.clock.jump(days * 86_400)
        with pytest.raises(ClockError) as found:
            engine.runner.run(request.id, progress=silent)
        assert found.value.reason == reason
        assert (lab.root / "old.log").exists()
        lab.clock.jump(-days * 86_400)
        if reason != "jumped":
            assert engine.runner.run(request.id, progress=silent).state is State.CLOSED_CLEAN


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    "at", ["2026-12-20T12:00:00", "2027-03-28T00:59:59", "2027-03-28T01:00:00", "2027-10-31T01:30:00"]
)
def test_the_zone_of_the_host_decides_nothing(tmp_path: Path, zone: str, at: str) -> None:
    """RL-23, 26: under any zone of the host, and at the hour when clocks are changed, the same records go.

    The control: the zone does change what a naive clock of the machine would say.
    """
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC)
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        lab = Lab(folder=tmp_path / "lab")
        lab.clock.jump((moment - lab.clock.now()).total_seconds())
        lab.write("edge.log", [83 + 1 / 86_400, 83, 83 - 1 / 86_400, 5])
        with lab.engine() as engine:
            preview = engine.purges.preview(ALICE, SOURCE, silent)
        assert preview.preview is not None
        assert preview.cutoff == lab.now // 1_000_000 * 1_000_000 - 83 * DAY
        assert preview.preview.selected.records == 1
        offset = ZoneInfo(zone).utcoffset(moment.replace(tzinfo=None))
        assert (time.localtime(moment.timestamp()).tm_hour == moment.hour) is (not offset)
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


def test_three_days_asleep_are_one_run_of_the_schedule(lab: Lab) -> None:
    """RL-24: the schedule of a bot that slept over three runs of a standing rule makes one; the next night one more."""
    lab.write("old.log", [120])
    lab.write("young.log", [5])
    with open_office(lab) as opened:
        jobs = JobQueue(lab.clock)
        office = office_of(opened.office.parts, opened.engine, opened.office.watch, jobs=jobs, seal=opened.office.seal)
        around = Surroundings(
            beat=lambda _now: None,
            audit_broken=lambda: False,
            credential_ends=lambda: None,
            finish_lesson=lambda _ticket: None,
            unfinished_lessons=tuple,
            zone=ZoneInfo("Europe/Berlin"),
            digest_weekday=0,
        )
        schedule = Schedule(office, jobs, lab.clock, around)

        def rounds(count: int) -> None:
            for _ in range(count):
                schedule.round(lab.now)
                while jobs.waiting:
                    job = jobs.next()
                    assert job is not None
                    schedule.do(job)
                    jobs.done(job)
                lab.pause(MINUTE)

        def begun() -> int:
            return sum(entry.kind == "standing.begun" for entry in opened.engine.parts.audit.entries())

        rule = office.standing.propose(ALICE, SOURCE, LIMITS)
        office.standing.approve(BOB, rule.id)
        office.standing.acknowledge(DORA, rule.id)
        rounds(1)
        assert begun() == 0
        lab.pause(3 * DAY + HOUR)
        rounds(20)
        assert begun() == 1
        assert sorted(path.name for path in lab.root.iterdir()) == ["young.log"]
        lab.pause(DAY)
        rounds(20)
        assert begun() == 2


# -- a state that cannot be written (RL-27) ---------------------------------------------------------------------------


async def test_a_state_that_became_read_only_is_red_and_answers(
    world: World, trained: Path, tmp_path: Path, mounted: Callable[[Path, str], None]
) -> None:
    """RL-27: read-only, `/readyz` is red, questions are answered, nothing is begun; writable again, all goes on.

    A mount with a file open for writing cannot be made read-only, so another view of the folder is, and put over it.
    """
    state, view = tmp_path / "state", tmp_path / "view"
    mounted(state, "mode=0700")
    view.mkdir()
    copy_model(trained, state)
    async with living(world, state, write_logs(tmp_path / "logs")) as live:
        chat = live.chat(ADMIN)
        assert (await live.bot.ops("/readyz")).status == 200
        await asyncio.to_thread(run, "mount", "--bind", str(state), str(view))
        try:
            await asyncio.to_thread(run, "mount", "-o", "remount,bind,ro", str(view))
            await asyncio.to_thread(run, "mount", "--bind", str(view), str(state))
        finally:
            await asyncio.to_thread(run, "umount", str(view))
        try:
            assert (await live.bot.ops("/readyz")).status == 503
            assert "state_folder" in (await live.bot.ops("/readyz")).json()["problems"]
            assert "2.7" in read(await live.chat(EMPLOYEE).says("how long are stack traces kept?"))
            await chat.says("purge app-logs")
            assert live.requests() == ()
        finally:
            await asyncio.to_thread(run, "umount", str(state))
        await chat.says("purge app-logs")
        assert (await live.until(State.PREVIEWED)).code
        assert (await live.bot.ops("/readyz")).status == 200


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, capture_output=True)


# -- too little of everything (RL-28) ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "amounts"),
    [(resource.RLIMIT_NOFILE, (8, 20, 40)), (resource.RLIMIT_AS, (120, 240))],
    ids=["files", "memory"],
)
def test_a_purge_that_lacks_files_or_memory_harms_nothing(tmp_path: Path, what: int, amounts: tuple[int, ...]) -> None:
    """RL-28: run with ever more files or MiB until it works: young records stay, audit and stores stay whole.

    The control is the end of it: with enough the same purge passes.
    """
    site = Site(tmp_path)
    site.configure()
    young = site.write("young.log", [5, 4]).read_bytes()
    site.write("old.log", [100])
    preview = site.json("purge", "preview", "app-logs")
    run = ["purge", "run", "--request", preview["request"], "--code", preview["code"], "--reason", "test", "--json"]
    outcomes = []
    for amount in amounts:
        size = amount if what == resource.RLIMIT_NOFILE else amount << 20
        done = subprocess.run(
            site.command(*run), cwd=tmp_path, env=site.environment(), capture_output=True, timeout=120, check=False,
            preexec_fn=lambda size=size: resource.setrlimit(what, (size, size)),
        )  # fmt: skip
        outcomes.append(done.returncode)
        assert (site.logs / "young.log").read_bytes() == young
        assert site("audit", "verify").returncode == DONE
    assert any(outcomes), "it did lack something"
    last = site("purge", "show", preview["request"], "--json")
    if (site.logs / "old.log").exists():
        assert site(*run).returncode == DONE
    assert not (site.logs / "old.log").exists(), last.stdout
