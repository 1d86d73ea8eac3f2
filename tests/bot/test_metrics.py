"""What can be counted without knowing anybody."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Metrics
from tests.world import EMPLOYEE, TENANT, LiveBot, World

ALLOWED_LABELS = {"outcome", "lang", "topic", "reason", "error", "le"}


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
