"""A process killed at any moment loses nothing it has told anybody, and leaves a log that verifies (CR 09, 12, 17)."""

import random
import subprocess
import sys
import time
from pathlib import Path

from data.audit.log import AuditLog
from data.audit.report import WARNINGS, Verdict
from data.clock import SystemClock
from tests.data.audit.making import Installation
from tests.domain import ROOT

KILLS = 25

WRITER = """
import sys
from pathlib import Path
from data.audit.entry import Draft
from data.audit.keys import Ed25519FileSigner
from data.audit.log import AuditLog
from data.clock import SystemClock

state = Path(sys.argv[1])
log = AuditLog(state / "audit", clock=SystemClock(), signer=Ed25519FileSigner(state / "keys"))
print("ready", flush=True)
while True:
    done = log.append("purge.intent", "p-1", "r-1", {"unit": log.size})
    print(done.seq, log.head, flush=True)
    done = log.append_many([Draft(kind="purge.items", data={"unit": number}) for number in range(7)])
    print(done[-1].seq, log.head, flush=True)
    log.checkpoint()
"""


def killed_writer(state: Path, after: float) -> list[tuple[int, str]]:
    """Let a process record as fast as it can, kill it after some seconds, and tell what it had acknowledged."""
    command = [sys.executable, "-c", WRITER, str(state)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after)
        process.kill()
        said = process.stdout.read()
    whole = [line.split() for line in said.splitlines(keepends=True) if line.endswith("\n")]
    return [(int(seq), head) for seq, head in whole]


def test_cr09_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    """CR-09: after each of 25 kills at random moments the log verifies and every acknowledged entry is there."""
    installation = Installation(state=tmp_path)
    draw = random.Random(9)  # noqa: S311  any moments will do
    acknowledged: list[tuple[int, str]] = []
    for _ in range(KILLS):
        acknowledged += killed_writer(tmp_path, draw.uniform(0, 0.06))
        report = installation.verify()
        assert report.verdict is Verdict.INTACT, report
        assert {flaw.code for flaw in report.findings} <= WARNINGS
        assert report.size >= max((seq for seq, _ in acknowledged), default=1)
    assert len(acknowledged) > KILLS
    following = {entry.seq - 1: entry.prev for entry in installation.entries()} | {report.size: report.head}
    assert [(seq, head) for seq, head in acknowledged if following.get(seq) != head] == []


def test_cr17_a_writer_killed_in_the_middle_of_a_line_is_recorded(tmp_path: Path) -> None:
    """CR-17: wherever in the last line a crash cut it off, the next process says so and goes on."""
    installation = Installation(state=tmp_path)
    installation.fill(3, sealed=False)
    whole = installation.epoch.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    for left in range(1, last, 13):
        installation.epoch.write_bytes(whole[: len(whole) - last + left])
        log = AuditLog(installation.folder, clock=SystemClock(), signer=installation.signer)
        assert (log.last.kind, log.last.data) == ("audit.torn", {"bytes": left})
        assert log.append("purge.intent").seq == 5
        log.close()
        assert installation.verify().verdict is Verdict.INTACT
        assert installation.epoch.read_bytes().startswith(whole[:-last])
