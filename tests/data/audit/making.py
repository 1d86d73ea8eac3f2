"""Makes audit logs for tests: real files, a real key, a clock that the test sets."""

import datetime as dt
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from data.audit.entry import AuditEntry, entry_of
from data.audit.keys import Ed25519FileSigner
from data.audit.log import AuditLog
from data.audit.reading import read_audit
from data.audit.report import AuditReport, FlawCode
from data.audit.verify import verify
from data.retention.canonical import canonical
from tests.world import FakeClock

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


@dataclass(kw_only=True)
class Installation:
    """A state folder with a key and a log."""

    state: Path
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON))

    @property
    def folder(self) -> Path:
        """Where the log is."""
        return self.state / "audit"

    @property
    def signer(self) -> Ed25519FileSigner:
        """The key, made at first use."""
        return Ed25519FileSigner(self.state / "keys")

    @property
    def epoch(self) -> Path:
        """The newest file of the log."""
        return max(self.folder.glob("audit-*.jsonl"))

    @property
    def checkpoints(self) -> Path:
        """The file of checkpoints."""
        return self.folder / "checkpoints.jsonl"

    def open(self, *, signed: bool = True) -> AuditLog:
        """Open the log as the product does."""
        return AuditLog(self.folder, clock=self.clock, signer=self.signer if signed else None)

    def fill(self, count: int, *, sealed: bool = True) -> None:
        """Record some purges, a second apart, and sign at the end."""
        log = self.open()
        for number in range(count):
            self.clock.advance(1)
            log.append("purge.result", "p-7f3k", f"r-{number % 3}", {"unit": number, "code": "deleted"})
        if sealed:
            log.checkpoint()
        log.close()

    def lines(self) -> list[bytes]:
        """Give the lines of the newest epoch, with their newlines."""
        return self.epoch.read_bytes().splitlines(keepends=True)

    def entries(self) -> list[AuditEntry]:
        """Give all entries."""
        return list(read_audit(self.folder).entries())

    def verify(self, **chosen: object) -> AuditReport:
        """Verify with the installation's own key, unless another is chosen."""
        return verify(self.folder, **{"public_key": self.signer.public, **chosen})  # type: ignore[arg-type]


def found(report: AuditReport) -> set[tuple[FlawCode, int | None]]:
    """Give what was found, and where."""
    return {(flaw.code, flaw.seq) for flaw in report.findings}


def chained_anew(lines: list[bytes]) -> list[bytes]:
    """Give the lines the hashes that make a whole chain of them again, as a forger without the key would."""
    made: list[bytes] = []
    prev = entry_of(lines[0].rstrip(b"\n")).prev
    for line in lines:
        entry = entry_of(line.rstrip(b"\n"))
        at = line.split(b'"at":"')[1].split(b'"')[0].decode()
        body = canonical(
            {
                "actor": entry.actor,
                "at": at,
                "data": entry.data,
                "kind": entry.kind,
                "object": entry.object,
                "prev": prev,
                "seq": entry.seq,
            },
        )
        prev = sha256(body).hexdigest()
        made.append(body + b"\n")
    return made
