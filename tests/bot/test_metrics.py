"""What can be counted without knowing anybody."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.assembly import counted
from bot.metrics import STORE_USERS, Metrics
from bot.schedule import Surroundings
from data.errors import StateError
from data.retention.instants import SECOND
from tests.lists.live import PATIENCE, living, write_logs
from tests.world import EMPLOYEE, TENANT, FakeClock, LiveBot, StartBot, World

ALLOWED_LABELS = {"outcome", "lang", "topic", "reason", "error", "le", "what", "which", "where"}


def samples(rendered: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Read the text form as Prometheus does."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(rendered.decode())
        for sample in family.samples
    }


def test_two_bots_count_apart() -> None:
    """Metrics live in a registry of their own, so two bots in one process do not mix or clash."""
    first, second = Metrics(), Metrics()
    first.turns.labels("answer", "de").inc()
    key = ("procall_turns_total", frozenset({("outcome", "answer"), ("lang", "de")}))
    assert samples(first.render())[key] == 1
    assert key not in samples(second.render())


def test_every_metric_is_the_products_own_and_explained() -> None:
    """Every name begins with the product's, and every figure has a help text and known labels."""
    metrics = Metrics()
    metrics.turns.labels("answer", "de").inc()
    families = list(text_string_to_metric_families(metrics.render().decode()))
    assert len(families) >= 9
    assert all(family.name.startswith("procall_") and family.documentation for family in families)
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    assert labels <= ALLOWED_LABELS


@pytest.mark.asyncio(loop_scope="session")
async def test_live_turns_are_counted_without_people(bot: LiveBot, world: World) -> None:
    """An answered, a refused and an ignored activity are counted each in its place, and no id or name is a label."""
    before = samples((await bot.ops("/metrics")).body)
    await bot.post(world.message("Wie lange werden Logs gespeichert?"), token=world.token())
    await bot.post(world.message(), token="planted-token")
    await bot.post(world.message(type="messageReaction"), token=world.token())
    answer = await bot.ops("/metrics")
    after = samples(answer.body)
    changed = {(name, labels): after[name, labels] - before.get((name, labels), 0) for name, labels in after}
    assert changed["procall_refused_total", frozenset({("reason", "not_a_token")})] == 1
    assert changed["procall_ignored_total", frozenset({("reason", "messageReaction")})] == 1
    assert sum(value for (name, _), value in changed.items() if name == "procall_turns_total") == 1
    assert changed["procall_outbound_total", frozenset({("outcome", "2xx")})] == 1
    assert {label for _, labels in after for label, _ in labels} <= ALLOWED_LABELS
    text = answer.body.decode()
    assert not [planted for planted in (EMPLOYEE, TENANT, "Erika", "planted") if planted in text]


@pytest.mark.asyncio(loop_scope="session")
async def test_strangers_cannot_make_new_series(bot: LiveBot, world: World) -> None:
    """Types, names and languages made up by a caller share one series each: memory stays bounded."""
    token = world.token()
    for number in range(3):
        await bot.post(world.message(type=f"made-up-{number}"), token=token)
        await bot.post(world.message(f"hallo {number}", locale=f"xx-{number}"), token=token)
        await bot.post(world.invoke(f"verb-{number}"), token=token)
        await bot.post(world.invoke(name=f"invoke-{number}"), token=token)
        await bot.post(world.message(channelId=f"channel-{number}"), token=token)
    before = set(samples((await bot.ops("/metrics")).body))
    for number in range(3, 6):
        await bot.post(world.message(type=f"made-up-{number}"), token=token)
        await bot.post(world.message(f"hallo {number}", locale=f"xx-{number}"), token=token)
        await bot.post(world.invoke(f"verb-{number}"), token=token)
        await bot.post(world.invoke(name=f"invoke-{number}"), token=token)
        await bot.post(world.message(channelId=f"channel-{number}"), token=token)
    assert set(samples((await bot.ops("/metrics")).body)) == before


def test_a_store_that_fails_is_counted_by_whoever_asked_it() -> None:
    """A turn, a step or a job that a store fails counts twice: as itself, and as a failure of the store."""
    metrics = Metrics()
    before = samples(metrics.render())
    assert before["procall_store_failures_total", frozenset({("where", "turn")})] == 0, "there before it is needed"
    metrics.failed_turn(StateError("planted"))
    metrics.failed_turn(ValueError("planted"))
    metrics.failed_by_itself("round", "want", StateError("planted"))
    metrics.failed_by_itself("job", "look", OSError("planted"))
    after = samples(metrics.render())
    stores = {where: after["procall_store_failures_total", frozenset({("where", where)})] for where in STORE_USERS}
    assert stores == {"outbox": 0, "round": 1, "job": 0, "turn": 1}
    assert after["procall_failed_total", frozenset({("error", "ValueError")})] == 1
    assert after["procall_unattended_failed_total", frozenset({("what", "job"), ("which", "look")})] == 1
    assert b"planted" not in metrics.render()


@pytest.mark.asyncio(loop_scope="session")
async def test_ready_says_what_readyz_says(start_bot: StartBot) -> None:
    """The gauge is worked out when it is asked for: 1 for a bot that can answer, 0 for one without signing keys."""
    ready = ("procall_ready", frozenset[tuple[str, str]]())
    async with start_bot() as well:
        assert (await well.ops("/readyz")).status == 200
        assert samples((await well.ops("/metrics")).body)[ready] == 1
    async with start_bot(fetch_keys=False) as keyless:
        assert (await keyless.ops("/readyz")).status == 503
        assert samples((await keyless.ops("/metrics")).body)[ready] == 0


@pytest.mark.asyncio(loop_scope="session")
async def test_heartbeat_and_audit_are_shown(world: World, new_state: Callable[[], Path], tmp_path: Path) -> None:
    """A bot at work tells when its last good round was and that the audit was verified; one that has only begun, 0."""
    names = ("procall_last_round_timestamp_seconds", "procall_audit_verified_timestamp_seconds", "procall_audit_broken")
    assert [samples(Metrics().render())[name, frozenset()] for name in names] == [0, 0, 0]
    async with living(world, new_state(), write_logs(tmp_path / "logs")) as live:
        async with asyncio.timeout(PATIENCE):
            while not all((shown := await figures(live.bot, names))[:2]):  # noqa: ASYNC110  it works in threads
                await asyncio.sleep(0.05)
    assert shown[2] == 0
    assert shown[0] > 1_700_000_000


async def figures(bot: LiveBot, names: Sequence[str]) -> list[float]:
    """Read figures without labels."""
    found = samples((await bot.ops("/metrics")).body)
    return [found[name, frozenset()] for name in names]


def test_an_audit_that_cannot_be_verified_is_a_broken_one() -> None:
    """Broken, and not to be looked at, are both 1; a disk that takes no heartbeat leaves the old one."""

    def raising() -> bool:
        raise StateError("the disk is gone")

    metrics, clock = Metrics(), FakeClock()
    for verify, expected in ((lambda: False, 0), (lambda: True, 1), (lambda: False, 0), (raising, 1)):
        around = counted(surroundings(verify), metrics, clock)
        with suppress(StateError):
            around.audit_broken()
        assert samples(metrics.render())["procall_audit_broken", frozenset()] == expected
    beat = ("procall_last_round_timestamp_seconds", frozenset[tuple[str, str]]())
    around.beat(1_700_000_000 * SECOND)
    assert samples(metrics.render())[beat] == 1_700_000_000
    counted(surroundings(raising, notes=False), metrics, clock).beat(1_800_000_000 * SECOND)
    assert samples(metrics.render())[beat] == 1_700_000_000


def surroundings(verify: Callable[[], bool], *, notes: bool = True) -> Surroundings:
    """Give surroundings whose audit is as told, on a disk that takes the heartbeat or does not."""
    return Surroundings(
        beat=lambda _: notes,
        audit_broken=verify,
        credential_ends=lambda: None,
        finish_lesson=lambda _: None,
        unfinished_lessons=list,
        zone=ZoneInfo("UTC"),
        digest_weekday=0,
    )
