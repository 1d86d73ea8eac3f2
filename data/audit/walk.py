"""Walks through the lines of a log and finds what is wrong where; the hot path of a verification.

A line is right if it has the one shape, follows on the one before in number and hash, and agrees with every checkpoint
signed at its place. Everything else is looked at slowly, to name the entry that was touched and not its neighbours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson

from data.audit.checkpoint import Checkpoint
from data.audit.entry import FIELDS, GENESIS, LONGEST_LINE, SHAPE, AuditEntry, entry_of, strict_json
from data.audit.reading import is_opening, lines_of, open_plain
from data.audit.report import AuditFlaw, FlawCode
from data.retention.canonical import canonical
from data.retention.merkle import MerkleTree, leaf_hash

MOST_FINDINGS: Final = 100
"""How many findings are kept; the rest is counted."""

Marks = Mapping[int, list[Checkpoint]]
"""Checkpoints by the entry they were signed at."""


@dataclass(slots=True, kw_only=True)
class Findings:
    """What was found so far."""

    kept: list[AuditFlaw] = field(default_factory=list)
    codes: set[FlawCode] = field(default_factory=set)
    more: int = 0
    _known: set[tuple[FlawCode, int | None]] = field(default_factory=set)

    def add(self, code: FlawCode, seq: int | None = None, detail: str = "") -> None:
        """Keep a finding, once; of very many only the first, and count the rest."""
        self.codes.add(code)
        if len(self.kept) >= MOST_FINDINGS:
            self.more += 1
        elif (code, seq) not in self._known:
            self._known.add((code, seq))
            self.kept.append(AuditFlaw(code=code, seq=seq, detail=detail))


class Walk:
    """Follows the chain over all epochs."""

    def __init__(self, findings: Findings) -> None:
        self.first = 0
        self.size = 0
        self.head = GENESIS.encode()
        self.agreed: list[Checkpoint] = []
        """Checkpoints that the log agrees with."""
        self.met: list[Checkpoint] = []
        """Checkpoints whose entry was passed."""
        self.start = GENESIS
        """The hash that the first entry goes on from."""
        self._findings = findings
        self._tree = MerkleTree()
        self._epoch_first = 0
        self._origin = ""
        self._latest = ""
        self._plain = False
        """Whether the next line may be taken for what it should be, if it looks so."""
        self._whole = True
        """Whether the tree still is what a checkpoint could have been signed over."""
        self._before = b""
        """The hash that the last line went on from."""
        self._also = b""
        """The other end of a fork."""
        self._doubt = 0
        """An entry that does not go on from the one before: the next line tells which of the two was touched."""
        self._gaps: list[range] = []

    def epoch(self, path: Path, marks: Marks, *, newest: bool) -> None:
        """Walk through one file; raises `OSError`."""
        self._tree, self._epoch_first, self._whole, self._plain = MerkleTree(), 0, True, False
        with open_plain(path) as file:
            lines = lines_of(file)
            for line in lines:
                body = line[:-1]
                if not line.endswith(b"\n"):
                    self._unfinished(line, lines, newest=newest)
                    continue
                at = _time(body) if self._plain and body.endswith(_tail(self.head, self.size + 1)) else ""
                if not at:
                    self._look(body, marks)
                    self._plain = bool(self._epoch_first) and not self._doubt
                    continue
                if at < self._latest:
                    self._findings.add(FlawCode.CLOCK_BACKWARDS, self.size + 1)
                self._latest = at
                self._take(body, marks)

    def end(self) -> None:
        """Say what is still in doubt behind the last line."""
        if self._doubt:
            self._altered(self._doubt, "this entry or the one before it")
            self._doubt = 0

    def _take(self, body: bytes, marks: Marks) -> None:
        """Let the chain go on by a line."""
        digest = sha256(body)
        self.size += 1
        self._before, self.head = self.head, digest.hexdigest().encode()
        if self.size in marks:
            self._compare(marks[self.size], digest.digest())
        else:
            self._tree.add(leaf_hash(digest.digest()))

    def _compare(self, checkpoints: list[Checkpoint], digest: bytes) -> None:
        before = self._tree.copy()
        self._tree.add(leaf_hash(digest))
        now = (self._origin, self._epoch_first, digest.hex(), self._tree.root().hex())
        self.met += checkpoints
        for checkpoint in checkpoints:
            if self._doubt == self.size:
                self._settle(self.head if checkpoint.head == digest.hex() else b"")
            if not self._whole:
                return
            if (checkpoint.origin, checkpoint.first, checkpoint.head, checkpoint.root) == now:
                self.agreed.append(checkpoint)
                continue
            signed = before.copy()
            signed.add(leaf_hash(bytes.fromhex(checkpoint.head)))
            if checkpoint.head != digest.hex() and signed.root().hex() == checkpoint.root:
                self._altered(self.size, "differs from the head of its checkpoint")
            else:
                self._findings.add(FlawCode.REWRITTEN, self.size, "a signed checkpoint says otherwise")
            self._whole = False

    # -- slowly -------------------------------------------------------------------------------------------------------

    def _look(self, body: bytes, marks: Marks) -> None:
        """Find out what a line that does not simply go on is."""
        entry = _strictly(body)
        if entry is None:
            self._settle(b"")
            self._guess_first(marks)
            self._altered(self.size + 1, "the line is no entry")
            self._take_up(body, marks)
            return
        prev = entry.prev.encode()
        self._settle(prev)
        if not self._epoch_first:
            self._open(entry, body, marks)
        elif prev == self.head:
            if entry.seq != self.size + 1:
                self._altered(self.size + 1, f"calls itself {entry.seq}")
            self._take_up(body, marks)
        elif entry.seq == self.size + 1:
            if prev != self._also:
                self._doubt, self._whole = entry.seq, False
            self._take_up(body, marks)
        elif entry.seq > self.size + 1:
            self._gap(entry.seq)
            self._take_up(body, marks)
        else:
            self._behind(entry, body, prev)

    def _settle(self, prev: bytes) -> None:
        """Tell by the line after it which of two entries that do not fit together was touched."""
        if self._doubt:
            self._altered(self._doubt - 1 if prev == self.head else self._doubt, "the next entry's hash says otherwise")
            self._doubt = 0

    def _guess_first(self, marks: Marks) -> None:
        """Number a first line that cannot be read."""
        if not self.first:
            self.first = min((checkpoint.first for found in marks.values() for checkpoint in found), default=1)
            self.size = self.first - 1

    def _open(self, entry: AuditEntry, body: bytes, marks: Marks) -> None:
        """Begin with the first line of a file."""
        if not self.first:
            if entry.seq > 1:
                self._findings.add(FlawCode.EPOCHS_GONE, entry.seq, f"the log begins with entry {entry.seq}")
            self.first, self.size, self.head, self.start = entry.seq, entry.seq - 1, entry.prev.encode(), entry.prev
        if entry.seq > self.size + 1:
            self._gap(entry.seq)
        elif entry.seq <= self.size:
            self._behind(entry, body, entry.prev.encode())
            return
        elif entry.prev.encode() != self.head:
            self._doubt = entry.seq
        if not is_opening(entry) or (entry.seq == 1 and entry.prev != GENESIS):
            self._not_opening(entry, marks)
        self._epoch_first = entry.seq
        self._origin = str(entry.data.get("origin", ""))
        self._take_up(body, marks)

    def _not_opening(self, entry: AuditEntry, marks: Marks) -> None:
        signed = {checkpoint.first for checkpoints in marks.values() for checkpoint in checkpoints}
        if entry.seq in signed or entry.seq == 1:
            self._altered(entry.seq, "is not how an epoch begins")
        else:
            self._findings.add(
                FlawCode.GAP, min(signed, default=entry.seq - 1), "the beginning of the epoch is missing"
            )
            self._whole = False

    def _take_up(self, body: bytes, marks: Marks) -> None:
        self._also = b""
        self._epoch_first = self._epoch_first or self.size + 1
        self._latest = _time(body) or self._latest
        self._take(body, marks)

    def _gap(self, seq: int) -> None:
        missing = range(self.size + 1, seq)
        self._findings.add(FlawCode.GAP, missing.start, f"entries {missing.start} to {missing.stop - 1} are missing")
        if len(self._gaps) < MOST_FINDINGS:
            self._gaps.append(missing)
        self.size, self._whole = seq - 1, False

    def _behind(self, entry: AuditEntry, body: bytes, prev: bytes) -> None:
        """Name a line whose number has been passed already; the chain goes on without it."""
        self._whole = False
        if any(entry.seq in gap for gap in self._gaps):
            self._findings.add(FlawCode.OUT_OF_ORDER, entry.seq)
        elif prev == self._before and sha256(body).hexdigest().encode() != self.head:
            self._findings.add(FlawCode.FORK, entry.seq, "two entries go on from the same one")
            self._also = sha256(body).hexdigest().encode()
        else:
            self._findings.add(FlawCode.DUPLICATE_SEQ, entry.seq)

    def _altered(self, seq: int, detail: str) -> None:
        self._findings.add(FlawCode.ALTERED, seq, detail)
        self._whole = False

    def _unfinished(self, line: bytes, rest: Iterator[bytes], *, newest: bool) -> None:
        """Tell a line torn by a crash from one that is too long or stands in a closed epoch."""
        too_long = len(line) >= LONGEST_LINE
        if too_long:
            next((chunk for chunk in rest if chunk.endswith(b"\n")), None)  # the rest of it
        if too_long or not newest:
            self._settle(b"")
            self._altered(self.size + 1, "the line is no entry")
            self.size, self.head = self.size + 1, b""
        else:
            self._findings.add(FlawCode.TORN_LAST_LINE, self.size + 1, f"{len(line)} bytes of an unfinished entry")


def _strictly(body: bytes) -> AuditEntry | None:
    """Read a line; None where it is not exactly as it would have been written."""
    try:
        return entry_of(body) if SHAPE.fullmatch(body) and _is_canonical(body) else None
    except ValueError:
        return None


def _tail(head: bytes, seq: int) -> bytes:
    return b'","prev":"%b","seq":%d}' % (head, seq)


def _time(body: bytes) -> str:
    """Read the time off a line that is without doubt an entry in its one form; "" where that takes a closer look."""
    try:
        found = orjson.loads(body)
        if orjson.dumps(found, option=orjson.OPT_SORT_KEYS) != body or len(found) != len(FIELDS):
            return ""
        at: str = found["at"]
        if type(found["actor"]) is type(found["kind"]) is type(found["object"]) is type(at) is str:
            return at if type(found["data"]) is dict else ""
    except (ValueError, KeyError, TypeError):
        pass
    return ""


def _is_canonical(body: bytes) -> bool:
    """Tell whether JSON is in its one form: a key that stands twice, a blank or another spelling of a number is not."""
    try:
        if orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS) == body:
            return True
        return canonical(strict_json(body)) == body  # the two libraries spell a few numbers differently
    except ValueError:
        return False
