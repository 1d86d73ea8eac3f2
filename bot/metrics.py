"""What can be counted without knowing anybody: Prometheus metrics in a registry of their own."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from data.errors import StateError

STORE_USERS: Final = ("outbox", "round", "job", "turn")
"""Who can meet a store or audit that fails."""


class Metrics:
    """Every figure the product shows on `/metrics`; labels are stable words, never ids or texts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.turns = Counter(
            "procall_turns",
            "Turns answered, by what became of them and language.",
            ["outcome", "lang"],
            registry=self.registry,
        )
        self.topics = Counter("procall_topics", "Answers given, by topic.", ["topic"], registry=self.registry)
        self.refused = Counter(
            "procall_refused",
            "Requests refused at the edge or the gate, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self.ignored = Counter(
            "procall_ignored",
            "Activities that are none of the bot's business, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self.repeated = Counter(
            "procall_repeated",
            "Activities delivered again and answered once.",
            registry=self.registry,
        )
        self.failed = Counter("procall_failed", "Turns that failed, by error class.", ["error"], registry=self.registry)
        self.outbound = Counter(
            "procall_outbound",
            "Calls to the connector, by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        self.deliveries, self.deliveries_due = _of_outbox(self.registry)
        self.by_itself_failed, self.last_round = _of_schedule(self.registry)
        self.audit_broken, self.audit_verified = _of_audit(self.registry)
        self.store_failures, self.ready = _of_well_being(self.registry)
        self.seconds = Histogram(
            "procall_turn_seconds",
            "Seconds from the whole body to the answer.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.loop_lag = Gauge(
            "procall_loop_lag_seconds",
            "Longest time the event loop was late in the last ten seconds.",
            registry=self.registry,
        )
        self._begin_at_nought()

    def _begin_at_nought(self) -> None:
        """Show what alert rules look at from the start: a first failure must be seen as a rise, not as a new figure."""
        for where in STORE_USERS:
            self.store_failures.labels(where)
        self.failed.labels(StateError.__name__)
        self.by_itself_failed.labels("job", "audit")
        self.refused.labels("foreign_tenant")

    def failed_turn(self, error: Exception) -> None:
        """Count a turn that failed, by the class of what went wrong."""
        self.failed.labels(type(error).__name__).inc()
        if isinstance(error, StateError):
            self.store_failures.labels("turn").inc()

    def failed_by_itself(self, what: str, which: str, error: Exception) -> None:
        """Count a step of a round (`round`) or a job (`job`) that failed."""
        self.by_itself_failed.labels(what, which).inc()
        if isinstance(error, StateError):
            self.store_failures.labels(what).inc()

    def render(self) -> bytes:
        """Give the text form that Prometheus reads."""
        return generate_latest(self.registry)


def _of_outbox(registry: CollectorRegistry) -> tuple[Counter, Gauge]:
    attempts = Counter(
        "procall_deliveries",
        "Attempts of the outbox, by what became of them.",
        ["outcome"],
        registry=registry,
    )
    due = Gauge("procall_deliveries_due", "Deliveries that should have been sent by now.", registry=registry)
    return attempts, due


def _of_schedule(registry: CollectorRegistry) -> tuple[Counter, Gauge]:
    failed = Counter(
        "procall_unattended_failed",
        "Steps of a round and jobs that failed, by kind and name.",
        ["what", "which"],
        registry=registry,
    )
    last = Gauge(
        "procall_last_round_timestamp_seconds",
        "When the schedule last finished a round in which nothing failed; 0 before the first.",
        registry=registry,
    )
    return failed, last


def _of_audit(registry: CollectorRegistry) -> tuple[Gauge, Gauge]:
    broken = Gauge("procall_audit_broken", "1 where the audit does not verify.", registry=registry)
    verified = Gauge(
        "procall_audit_verified_timestamp_seconds",
        "When the whole audit was last looked through by this process; 0 before the first time.",
        registry=registry,
    )
    return broken, verified


def _of_well_being(registry: CollectorRegistry) -> tuple[Counter, Gauge]:
    failures = Counter(
        "procall_store_failures",
        "Times a store or the audit did not take or give what was asked of it, by who asked.",
        ["where"],
        registry=registry,
    )
    ready = Gauge("procall_ready", "1 where /readyz would say that the bot can answer.", registry=registry)
    return failures, ready
