"""What can be counted without knowing anybody: Prometheus metrics in a registry of their own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


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
