"""A folder of real journal files to try a source on: made by systemd's own programs, with any times one likes."""

import os
import re
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from data.formats.interface import FileFacts, Reading
from data.retention.evidence import Marks
from data.retention.instants import Instant
from data.sources.activity import LooksAtOpenFiles
from data.sources.journald import JournaldSource
from data.sources.journald_file import JournaldReader, State
from tests.data.sources.lab import YOUNG, FilesLab, nothing_open
from tests.domain import need

REMOTE: Final = Path("/usr/lib/systemd/systemd-journal-remote")
DAEMON: Final = Path("/usr/lib/systemd/systemd-journald")
STATE_AT: Final = 16
"""Where the state stands in a journal file."""
ENTRIES_AT: Final = 152
TAIL_NUMBER_AT: Final = 160
HEAD_AT: Final = 184
TAIL_AT: Final = 192
_PAGE: Final = 4096
_BOOT: Final = "00000000000040008000000000000001"


class JournalMaker:
    """Makes journal files of entries of given instants; each only once, later ones are copies."""

    def __init__(self, folder: Path) -> None:
        need(REMOTE.exists(), "journal files are made by systemd-journal-remote")
        self._folder = folder
        self._made: dict[object, Path] = {}

    def made(self, instants: Sequence[Instant], text: str = "record", **environment: str) -> Path:
        """Give a file as systemd-journal-remote leaves it, of entries in this order."""
        key = (tuple(instants), text, tuple(sorted(environment.items())))
        if key not in self._made:
            number = len(self._made)
            export, made = self._folder / f"{number}.export", self._folder / f"{number}.journal"
            export.write_text("\n\n".join(entry(at, f"{text} {place}") for place, at in enumerate(instants)) + "\n\n")
            command = [REMOTE, f"--output={made}", export]
            subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
            self._made[key] = copied(made, made.with_suffix(".sparse"))
            made.unlink()
        return self._made[key]

    def put(self, path: Path, instants: Sequence[Instant], text: str = "record", state: int = State.ARCHIVED) -> Path:
        """Put a file of these entries somewhere, in a state, last changed with its latest entry."""
        copied(self.made(instants, text), path)
        patch(path, STATE_AT, bytes([state]))
        os.utime(path, ns=(max(instants) * 1000, max(instants) * 1000))
        return path


def entry(at: Instant, text: str) -> str:
    """Write one entry in the export format."""
    monotonic = at % 10**15
    return f"__REALTIME_TIMESTAMP={at}\n__MONOTONIC_TIMESTAMP={monotonic}\n_BOOT_ID={_BOOT}\nMESSAGE={text}\nPRIORITY=6"


def copied(source: Path, target: Path) -> Path:
    """Copy a file over another, which stays the same inode, without its pages of zeros."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = source.stat().st_size
    with source.open("rb", buffering=0) as reading, target.open("wb", buffering=0) as writing:
        at = 0
        while at < size:
            try:
                at = os.lseek(reading.fileno(), at, os.SEEK_DATA) // _PAGE * _PAGE
            except OSError:  # nothing but holes up to the end
                break
            end = os.lseek(reading.fileno(), at, os.SEEK_HOLE)
            while at < end:
                page = os.pread(reading.fileno(), _PAGE, at)
                if page.strip(b"\0"):
                    os.pwrite(writing.fileno(), page, at)
                at += _PAGE
        writing.truncate(size)
    return target


def patch(path: Path, at: int, content: bytes) -> None:
    """Change bytes of a file in place, and leave its mtime as it was."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def number(value: int) -> bytes:
    """Write a number as journal files have it."""
    return struct.pack("<Q", value)


def archive_name(instants: Sequence[Instant], first: int = 1, prefix: str = "system") -> str:
    """Give the name that journald gives to an archived file."""
    return f"{prefix}@{'ab' * 16}-{first:016x}-{instants[0]:016x}.journal"


def put_aside_name(at: Instant, prefix: str = "system") -> str:
    """Give the name that journald gives to a file that it found damaged."""
    return f"{prefix}@{at:016x}-0123456789abcdef.journal~"


def reading_of(path: Path, marks: Marks) -> Reading:
    """Read one file with the product's reader."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        found = os.fstat(descriptor)
        facts = FileFacts(name=path.name.encode(), size=found.st_size, mtime=found.st_mtime_ns // 1000)
        return JournaldReader().read(descriptor, facts, marks)
    finally:
        os.close(descriptor)


def stamps_by_journalctl(*arguments: str | Path) -> list[Instant]:
    """List the times of all entries as journalctl shows them."""
    need(shutil.which("journalctl"), "journalctl is the control")
    command = ["journalctl", *arguments, "--no-pager", "--output=export", "--output-fields=MESSAGE", "--all"]
    found = subprocess.run(command, check=True, capture_output=True)
    return [int(stamp) for stamp in re.findall(rb"^__REALTIME_TIMESTAMP=(\d+)$", found.stdout, re.MULTILINE)]


def header_by_journalctl(path: Path) -> tuple[int, Instant, Instant]:
    """Give count of entries, head and tail as `journalctl --header` shows them."""
    need(shutil.which("journalctl"), "journalctl is the control")
    command = ["journalctl", "--file", path, "--header"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    count = re.search(r"^Entry objects: (\d+)$", shown, re.MULTILINE)
    head = re.search(r"^Head realtime timestamp: .*\(([0-9a-f]+)\)$", shown, re.MULTILINE)
    tail = re.search(r"^Tail realtime timestamp: .*\(([0-9a-f]+)\)$", shown, re.MULTILINE)
    assert count is not None
    assert head is not None
    assert tail is not None
    return int(count[1]), int(head[1], 16), int(tail[1], 16)


class JournaldLab(FilesLab):
    """One source of journal files in a folder of its own.

    The suite names its units `old.log`; of what does not end as journal files do only the state in the file decides,
    so its units are archived files.
    """

    def __init__(
        self, folder: Path, maker: JournalMaker, *, look: LooksAtOpenFiles = nothing_open, **config: object
    ) -> None:
        self.maker = maker
        self.settings: tuple[Path, ...] = ()
        include = ("*.log", "*.journal", "*.journal~")
        super().__init__(folder, look=look, include=include, rewrite=False, **config)

    def fresh(self) -> JournaldSource:  # type: ignore[override]  # the same ways, another source
        """Make the source anew, as after a restart."""
        settings = self.settings
        return JournaldSource(self.config, clock=self.clock, state=self.state, settings=settings, look=self.look)

    def write(self, name: str, instants: list[Instant]) -> Path:
        """Make an archived file of entries of these instants."""
        return self.maker.put(self.root / name, instants)

    def undated(self, name: str = "undated.log") -> Path:
        """Make a file whose header and entries contradict each other."""
        path = self.old(name)
        patch(path, ENTRIES_AT, number(77))
        return path

    def drift(self, name: str) -> None:
        """Let a file get another entry in place, with the size and the mtime it had."""
        path = self.root / name
        before = path.stat()
        instants = [self.now - YOUNG - number for number in range(3)]
        self.maker.put(path, instants)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert (path.stat().st_ino, path.stat().st_size) == (before.st_ino, before.st_size)

    def swap(self, name: str) -> None:
        """Put another file of the same size, mtime and times of entries in the place of one."""
        path = self.root / name
        before, instants = path.stat(), stamps_by_journalctl("--file", path)
        other = self.maker.put(path.with_name(".swap"), instants, text="another")
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(path)

    def occupy(self, name: str) -> None:
        """Let journald begin to write to a file."""
        patch(self.root / name, STATE_AT, bytes([State.ONLINE]))

    def expected(self, name: str) -> bytes:
        """Give what has to stay: all of it, for nothing is cut out of a journal file."""
        return (self.root / name).read_bytes()


@contextmanager
def running_journald(folder: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """Run a real journald that writes below a folder, in mounts of its own; give its files' folder and the process.

    What it is told on standard input is run inside of its mounts by a shell.
    """
    need(DAEMON.exists() and os.geteuid() == 0, "a journald of one's own needs root")
    files, script = folder / "journald", folder / "journald.sh"
    files.mkdir()
    script.write_text(
        "set -e\nmount --make-rprivate /\nmount -t tmpfs tmpfs /run\nmkdir -p /run/systemd/journal /var/log/journal\n"
        f"mount --bind '{files}' /var/log/journal\n{DAEMON} & daemon=$!\n"
        "while [ ! -S /run/systemd/journal/io.systemd.journal ]; do sleep 0.02; done\njournalctl --flush\n"
        'while read -r line; do eval "$line"; echo done; done\nkill $daemon\nwait $daemon || true\n'
    )
    command = ["unshare", "--mount", "bash", str(script)]
    with (folder / "journald.err").open("wb") as errors:
        shell = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        try:
            yield files, shell
        finally:
            assert shell.stdin is not None
            assert shell.stdout is not None
            shell.stdin.close()
            shell.stdout.read()
            shell.stdout.close()
            shell.wait(timeout=20)


def told(shell: subprocess.Popen[bytes], line: str) -> str:
    """Run one line beside the journald and give what it said, when it is over."""
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(f"{line}\n".encode())
    shell.stdin.flush()
    said: list[bytes] = []
    while (answer := shell.stdout.readline()) not in {b"done\n", b""}:
        said.append(answer)
    return b"".join(said).decode()


def until(seconds: float = 10.0) -> Iterator[None]:
    """Go on trying for so long, then give up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)
    raise AssertionError("it has not come to pass")
