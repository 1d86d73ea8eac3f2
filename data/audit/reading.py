"""Reading the epochs of an audit log, without changing or locking anything."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

from data.audit.chain import ACKNOWLEDGED, OPENED, Chain
from data.audit.checkpoint import CHECKPOINTS, Checkpoint, checkpoint_of
from data.audit.entry import GENESIS, LONGEST_LINE, AuditEntry, entry_of
from data.errors import StateError
from data.retention.canonical import canonical
from data.retention.instants import read_iso
from data.retention.merkle import MerkleTree, leaf_hash

_AT: Final = b'","at":"'
_AT_LENGTH: Final = len("2026-01-01T00:00:00.000000Z")
_EPOCH: Final = re.compile(r"audit-([1-9]\d{3})\.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """An epoch read to its end, every link of its chain found whole."""

    chain: Chain | None
    """None where the epoch holds no whole line."""
    good: int
    """Bytes of whole lines."""
    torn: int = 0
    """Bytes behind the last whole line."""


def epoch_files(folder: Path) -> dict[int, Path]:
    """List the epochs by year, oldest first; raises `OSError`."""
    try:
        found = {int(match[1]): path for path in folder.iterdir() if (match := _EPOCH.fullmatch(path.name))}
    except FileNotFoundError:
        return {}
    return dict(sorted(found.items()))


def epoch_path(folder: Path, epoch: int) -> Path:
    """Name the file of a year."""
    return folder / f"audit-{epoch:04}.jsonl"


def open_plain(path: Path) -> IO[bytes]:
    """Open a file to read; a link is not followed; raises `OSError`."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=1 << 18)


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Walk through lines with their newlines; one without is torn or too long."""
    return iter(lambda: file.readline(LONGEST_LINE), b"")


def scan_epoch(path: Path, *, sealed: Checkpoint | None = None) -> Scanned:
    """Read an epoch, check every link, and the checkpoint where it is of this epoch; raises `StateError`."""
    epoch = int(path.stem.removeprefix("audit-"))
    with open_plain(path) as file:
        scanned = scan_lines(lines_of(file), epoch=epoch, where=str(path), sealed=sealed)
        return replace(scanned, torn=os.fstat(file.fileno()).st_size - scanned.good)


def scan_lines(lines: Iterable[bytes], *, epoch: int, where: str, sealed: Checkpoint | None = None) -> Scanned:
    """Read the lines of an epoch up to one without a newline, check every link, and a checkpoint of this epoch.

    `where` names the log in messages. Raises `StateError`.
    """
    tree, head, seq, baseline = MerkleTree(), b"", 0, b""
    opening, body, good = b"", b"", 0
    mark = sealed.size if sealed else 0
    for line in lines:
        if not line.endswith(b"\n"):
            break
        body = line[:-1]
        if head:
            seq += 1
            if not body.endswith(b'","prev":"%b","seq":%d}' % (head, seq)):
                raise _not_whole(where, seq)
        else:
            opening, seq = body, _opening(where, body).seq
        digest = sha256(body)
        head = digest.hexdigest().encode()
        baseline = _baseline(baseline, body)
        tree.add(leaf_hash(digest.digest()))
        good += len(line)
        if seq == mark and sealed and (sealed.head.encode(), sealed.root) != (head, tree.root().hex()):
            raise _not_whole(where, seq)
    if not head:
        return Scanned(chain=None, good=good)
    first = _opening(where, opening)
    chain = Chain(
        origin=first.data["origin"],
        epoch=epoch,
        first=first.seq,
        size=seq,
        head=head.decode(),
        last=read_entry(where, body),
        baseline=read_iso(baseline.decode()),
        tree=tree,
    )
    return Scanned(chain=chain, good=good)


def read_entries(folder: Path, about: str = "", *, until: int | None = None) -> Iterator[AuditEntry]:
    """Stream the entries of all epochs forward, or those about one object; raises `StateError`."""
    mark = canonical({"object": about})[1:-1] if about else b""
    try:
        for path in epoch_files(folder).values():
            with open_plain(path) as file:
                for line in lines_of(file):
                    if mark not in line or not line.endswith(b"\n"):
                        continue
                    entry = read_entry(path, line[:-1])
                    if until is not None and entry.seq > until:
                        return
                    if not about or entry.object == about:
                        yield entry
    except OSError as error:
        raise _unreadable(folder, error) from error


class AuditView:
    """A log as it is on the disk, to look at: nothing is locked, changed or verified."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self, object: str = "") -> Iterator[AuditEntry]:  # noqa: A002  the word of the entry's own field
        """Stream the entries forward, or only those about one object; raises `StateError`."""
        return read_entries(self._folder, object)

    def checkpoints(self) -> Iterator[Checkpoint]:
        """Stream the checkpoints that can be read, oldest first; raises `StateError`."""
        try:
            yield from (found for found in read_checkpoints(self._folder) if found is not None)
        except OSError as error:
            raise _unreadable(self._folder, error) from error

    @property
    def last(self) -> AuditEntry | None:
        """The latest entry; None where there is none; raises `StateError`."""
        line = self._last_line()
        return read_entry(self._folder, line) if line else None

    @property
    def size(self) -> int:
        """How many entries there ever were; raises `StateError`."""
        last = self.last
        return last.seq if last else 0

    @property
    def head(self) -> str:
        """SHA-256 of the last line, in hex; raises `StateError`."""
        line = self._last_line()
        return sha256(line).hexdigest() if line else GENESIS

    def _last_line(self) -> bytes:
        try:
            for path in reversed(epoch_files(self._folder).values()):
                with open_plain(path) as file:
                    file.seek(max(0, os.fstat(file.fileno()).st_size - 2 * LONGEST_LINE))
                    whole = file.read().rpartition(b"\n")[0]
                if whole:
                    return whole.rpartition(b"\n")[2]
        except OSError as error:
            raise _unreadable(self._folder, error) from error
        return b""


def read_audit(folder: Path) -> AuditView:
    """Look at a log without locking it; where there is none it has no entries."""
    return AuditView(folder)


def read_checkpoints(folder: Path) -> Iterator[Checkpoint | None]:
    """Stream the checkpoints beside the log; None stands for a line that is none, a torn last one is left out."""
    try:
        file = open_plain(folder / CHECKPOINTS)
    except FileNotFoundError:
        return
    with file:
        for line in lines_of(file):
            if line.endswith(b"\n"):
                yield _checkpoint(line[:-1])


def _checkpoint(line: bytes) -> Checkpoint | None:
    try:
        return checkpoint_of(line)
    except ValueError:
        return None


def read_entry(where: Path | str, body: bytes) -> AuditEntry:
    """Read one entry of a log, which `where` names in messages; raises `StateError`."""
    try:
        return entry_of(body)
    except ValueError as error:
        message = f"{where}: holds an entry that cannot be read: {error}; ask `audit verify`"
        raise StateError(message) from error


def _baseline(before: bytes, body: bytes) -> bytes:
    """Give the time that later entries must not be before; no actor holds a quotation mark, so `at` is easily found."""
    start = body.find(_AT) + len(_AT)
    at = body[start : start + _AT_LENGTH]
    return at if at >= before or b'"kind":"%b"' % ACKNOWLEDGED.encode() in body else before


def _opening(where: str, body: bytes) -> AuditEntry:
    entry = read_entry(where, body)
    if not is_opening(entry):
        raise _not_whole(where, entry.seq)
    return entry


def is_opening(entry: AuditEntry) -> bool:
    """Tell whether an entry may be the first of an epoch: it says how the one before closed, as its place has it."""
    data = entry.data
    closed = (data.get("size"), data.get("head")) == (entry.seq - 1, entry.prev)
    return entry.kind == OPENED and closed and isinstance(data.get("origin"), str)


def _unreadable(folder: Path, error: OSError) -> StateError:
    return StateError(f"{folder}: the audit log cannot be read: {error.strerror}")


def _not_whole(where: str, seq: int) -> StateError:
    place = f"at entry {seq}" if seq else "at its first entry"
    return StateError(f"{where}: the audit log is not whole {place}; ask `audit verify`, then move the folder away")
