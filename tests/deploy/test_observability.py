"""Alert rules and dashboard: every expression parses, and every metric, label and value is one that the bot shows."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from bot.metrics import STORE_USERS, Metrics
from tests.domain import ROOT, need
from tests.test_docs import OPERATIONS, part, rows_of, words_in

PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
OF_PROMETHEUS = {"up": {"job", "instance"}}
"""Metrics that Prometheus itself makes of each target."""
OF_EVERY_TARGET = {"job", "instance"}


def rules() -> list[dict[str, Any]]:
    """Read the alert rules."""
    found = yaml.safe_load((PROMETHEUS / "rules.yaml").read_text(encoding="utf-8"))
    return [rule for group in found["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """Read the dashboard."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return found


def panel_expressions() -> list[str]:
    """List the expressions of all panels, with what Grafana puts in."""
    found = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    return [one.replace("$__rate_interval", "5m").replace("$instance", ".*") for one in found]


EXPRESSIONS = [*(rule["expr"] for rule in rules()), *panel_expressions()]


def shown() -> dict[str, set[str]]:
    """Give every series that the real registry can show, with its labels."""
    found: dict[str, set[str]] = {}
    metrics = Metrics()
    for collector in set(metrics.registry._names_to_collectors.values()):
        labels = set(collector._labelnames)
        if labels:
            collector.labels(*("x" for _ in labels))
    for family in metrics.registry.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def parts_of(node: Any) -> Iterator[Any]:
    """Walk through an expression of PromQL."""
    yield node
    for name in ("lhs", "rhs", "expr", "vector_selector", "vs", "args", "param"):
        below = getattr(node, name, None)
        for one in below if isinstance(below, list | tuple) else [below]:
            if one is not None:
                yield from parts_of(one)


def selectors_in(expression: str) -> list[tuple[str, dict[str, str]]]:
    """Give metrics and matchers of an expression."""
    nodes = parts_of(promql_parser.parse(expression))
    return [
        (node.name, {one.name: one.value for one in node.matchers.matchers})
        for node in nodes
        if isinstance(node, promql_parser.VectorSelector)
    ]


def unknown_in(expression: str) -> set[str]:
    """Name metrics and labels of an expression that the bot does not show."""
    known = shown() | OF_PROMETHEUS
    found = set()
    labels: set[str] = set()
    for metric, matchers in selectors_in(expression):
        found |= {metric} - set(known)
        found |= {f"{metric}{{{name}}}" for name in set(matchers) - known.get(metric, set()) - OF_EVERY_TARGET}
        labels |= known.get(metric, set()) | OF_EVERY_TARGET
    for node in parts_of(promql_parser.parse(expression)):
        modifier = getattr(node, "modifier", None)
        if modifier is not None and isinstance(node, promql_parser.AggregateExpr):
            found |= set(modifier.labels) - labels
    return found


# -- expressions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_label_is_shown_by_the_bot(expression: str) -> None:
    """Each metric that is named is in the real registry, with each label that is matched or grouped by."""
    assert selectors_in(expression)
    assert unknown_in(expression) == set()


@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ("sum(procall_turns)", {"procall_turns"}),
        ('procall_ready{person="x"}', {"procall_ready{person}"}),
        ("sum by (topic) (rate(procall_turns_total[5m]))", {"topic"}),
        ('increase((sum by (instance) (procall_missing_total{job="x"}))[1h:1m]) > 3', {"procall_missing_total"}),
        ("histogram_quantile(0.5, rate(procall_turn_second_bucket[5m])) or up", {"procall_turn_second_bucket"}),
    ],
)
def test_what_is_not_shown_is_found(expression: str, unknown: set[str]) -> None:
    """The control: a misspelt metric, a label of another one and a wrong grouping are found, however deep."""
    assert unknown_in(expression) == unknown


def test_only_the_one_job_is_watched() -> None:
    """Each selector names the job, so that another product's metric of the same name alarms nobody."""
    found = [matchers for expression in EXPRESSIONS for _, matchers in selectors_in(expression)]
    assert len(found) > 25
    assert {matchers.get("job") for matchers in found} == {"procall-bot"}


def test_every_metric_is_on_the_dashboard() -> None:
    """What the bot shows is to be seen: no metric is without a panel."""
    families = {family.name for family in Metrics().registry.collect()}
    drawn = {metric for one in panel_expressions() for metric, _ in selectors_in(one)}
    assert {name for name in families if not any(metric.startswith(name) for metric in drawn)} == set()


def test_matched_values_are_words_of_the_bot() -> None:
    """A value that a rule compares a label with is one that the product gives, and is there from the start."""
    values = {
        (metric, name, value)
        for expression in EXPRESSIONS
        for metric, matchers in selectors_in(expression)
        for name, value in matchers.items()
        if name not in OF_EVERY_TARGET
    }
    assert values == {("procall_refused_total", "reason", "foreign_tenant")}
    lines = Metrics().render().decode()
    assert 'procall_refused_total{reason="foreign_tenant"} 0.0' in lines
    assert all(f'procall_store_failures_total{{where="{user}"}} 0.0' in lines for user in STORE_USERS)
    first = ("procall_failed_total{", "procall_unattended_failed_total{")
    assert all(any(line.startswith(name) for line in lines.splitlines()) for name in first), "a first failure is a rise"


# -- rules ------------------------------------------------------------------------------------------------------------


def test_every_alarm_is_told() -> None:
    """The operations page has a row for each rule and no other; each says what is wrong, what to do, how bad it is."""
    told = {word for row in rows_of(part(OPERATIONS, "Metrics"), "alarm of Prometheus") for word in words_in(row[0])}
    assert told == {rule["alert"] for rule in rules()}
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith(".")


def test_alarms_say_nothing_of_anybody() -> None:
    """No text of a rule takes in a label: what is paged is the same for every bot."""
    assert "{{" not in (PROMETHEUS / "rules.yaml").read_text(encoding="utf-8")


def test_every_rule_is_made_to_fire() -> None:
    """The tests of the rules have for each rule a time at which it fires and one at which it does not."""
    tests = yaml.safe_load((PROMETHEUS / "rules.test.yaml").read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = {rule["alert"] for rule in rules()}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names


@pytest.mark.optional("promtool")
def test_promtool_lets_them_fire(tmp_path: Path) -> None:
    """Prometheus' own tool accepts the rules and runs their tests; with another threshold the same tests fail."""
    need(shutil.which("promtool"), "promtool is not installed: it comes with Debian's package prometheus")

    def promtool(*words: str, folder: Path) -> int:
        return subprocess.run(["promtool", *words], cwd=folder, capture_output=True, check=False).returncode

    assert promtool("check", "rules", "rules.yaml", folder=PROMETHEUS) == 0
    assert promtool("test", "rules", "rules.test.yaml", folder=PROMETHEUS) == 0
    for path in PROMETHEUS.iterdir():
        text = path.read_text(encoding="utf-8")
        changed = text.replace("> 900", "> 90000") if path.name == "rules.yaml" else text
        (tmp_path / path.name).write_text(changed, encoding="utf-8")
    assert promtool("check", "rules", "rules.yaml", folder=tmp_path) == 0
    assert promtool("test", "rules", "rules.test.yaml", folder=tmp_path) != 0


# -- dashboard --------------------------------------------------------------------------------------------------------


def test_panels_have_a_place_and_a_meaning() -> None:
    """Panels have ids of their own, a description, and do not cover each other within Grafana's 24 columns."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["description"].endswith(".") for panel in panels)
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) == 23


def test_the_dashboard_belongs_to_no_installation() -> None:
    """Where the figures come from is a variable, and each one that is used is declared."""
    text = DASHBOARD.read_text(encoding="utf-8")
    declared = {one["name"] for one in dashboard()["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", text))
    assert used == declared == {"datasource", "instance"}
    assert {panel["datasource"]["uid"] for panel in dashboard()["panels"]} == {"${datasource}"}
