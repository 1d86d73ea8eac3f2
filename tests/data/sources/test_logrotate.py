"""What logrotate is told about the files of a source is read, so that a contradiction to the rule can be shown."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from data.sources.files import FilesSource
from data.sources.interface import UNREADABLE
from data.sources.logrotate import longest_kept, rotations
from tests.data.sources.lab import FilesLab

TEXT = """
# a comment { with a brace
compress
/var/log/app/*.log "/var/log/app/with blank.log" {
    weekly
    rotate 52
    postrotate
        kill -HUP `cat /run/app.pid` || { echo no; }
    endscript
}
/var/log/other.log {
    daily
    rotate 7
}
"""


@pytest.mark.parametrize(
    ("rules", "days"),
    [
        ("daily\nrotate 89", 90),
        ("weekly\nrotate 52", 371),
        ("weekly\nrotate 52\nmaxage 60", 74),
        ("monthly\nrotate 3", 124),
        ("rotate 10\nsize 10M", None),
        ("daily", None),
        ("maxage 30", 30),
    ],
)
def test_how_long_records_are_kept(tmp_path: Path, rules: str, days: int | None) -> None:
    """The longest time a record can stay follows from interval, count and age; what is not said is not known."""
    (tmp_path / "app").write_text(f"/var/log/app/*.log {{\n{rules}\n}}\n")
    (found,) = rotations(Path("/var/log/app"), tmp_path)
    assert found.keeps_days == days


def test_the_longest_of_several_blocks_counts(tmp_path: Path) -> None:
    """Two blocks in one file limited by the same directive give the longer time; one without a limit gives nothing."""
    blocks = ("daily\nmaxage 30", "weekly\nmaxage 400", "size 10M", "daily\nrotate 7")
    (tmp_path / "app").write_text("".join(f"/var/log/app/{n}.log {{\n{rules}\n}}\n" for n, rules in enumerate(blocks)))
    found = longest_kept(rotations(Path("/var/log/app"), tmp_path))
    assert found == {"logrotate app maxage": "414", "logrotate app rotate": "8"}


def test_only_blocks_of_the_root_count(tmp_path: Path) -> None:
    """A block is found by its patterns, past comments, scripts and other blocks; one for other files is not."""
    (tmp_path / "app").write_text(TEXT)
    (found,) = rotations(Path("/var/log/app"), tmp_path)
    assert found.paths == ("/var/log/app/*.log", "/var/log/app/with blank.log")
    assert (found.every, found.rotate, found.maxage) == ("weekly", 52, None)
    assert (found.decides, longest_kept([found])) == ("rotate", {"logrotate app rotate": "371"})
    assert len(list(rotations(Path("/var/log"), tmp_path))) == 2
    assert list(rotations(Path("/srv/logs"), tmp_path)) == []


def test_wildcards_in_folders_reach_a_root_below(tmp_path: Path) -> None:
    """A pattern whose wildcard stands above the root may name files in it, so it counts."""
    (tmp_path / "all").write_text("/var/log/*/*.log {\n daily\n rotate 7\n}\n")
    assert len(list(rotations(Path("/var/log/app"), tmp_path))) == 1


def test_what_is_no_settings_says_nothing(tmp_path: Path) -> None:
    """Neither a missing folder nor a folder, a pipe or a dead link among the files nor wild bytes are an error."""
    assert list(rotations(Path("/var/log"), tmp_path / "none")) == []
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere")
    (tmp_path / "wild").write_bytes(b'\xff"{}}{ /var/log/x {\n')
    assert list(rotations(Path("/var/log"), tmp_path)) == []


def test_settings_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    """A file, or a whole folder, that is there and cannot be read is named, and the files beside it still count."""
    assert longest_kept(rotations(Path("/var/log"), tmp_path)) == {}
    (tmp_path / "app").write_text("/var/log/app/*.log {\nweekly\nrotate 52\n}\n")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    found = longest_kept(rotations(Path("/var/log"), tmp_path))
    assert found == {"logrotate app rotate": "371", "logrotate loop": UNREADABLE}
    assert longest_kept(rotations(Path("/var/log"), tmp_path / "app")) == {"logrotate app": UNREADABLE}


def test_settings_too_large_to_be_read_whole_are_said(tmp_path: Path) -> None:
    """What stands past the first MiB of a file is not read, so the file is named; what stands before it counts."""
    block = "/var/log/app/*.log {\nweekly\nrotate 52\n}\n"
    (tmp_path / "app").write_text(block + "#" * 1024 * 1024)
    found = longest_kept(rotations(Path("/var/log"), tmp_path))
    assert found == {"logrotate app": UNREADABLE, "logrotate app rotate": "371"}
    (tmp_path / "app").write_text(block + "#" * 1024)
    assert longest_kept(rotations(Path("/var/log"), tmp_path)) == {"logrotate app rotate": "371"}


def test_a_probe_tells_the_retention_of_the_machine(tmp_path: Path) -> None:
    """A probe names what logrotate would do with the files of the source; without such a block it names nothing."""
    lab = FilesLab(tmp_path)
    (tmp_path / "rotate").mkdir()
    (tmp_path / "rotate" / "app").write_text(f"{lab.root}/*.log {{\nweekly\nrotate 52\n}}\n")
    source = FilesSource(lab.config, reader=lab.reader, clock=lab.clock, rotation=tmp_path / "rotate")
    assert source.probe().own_retention == {"logrotate app rotate": "371"}
    other = replace(lab.config, root=lab.state)
    assert FilesSource(other, reader=lab.reader, clock=lab.clock, rotation=tmp_path / "rotate").probe() is not None
    assert lab.source.probe().own_retention == {}


def test_the_clock_of_the_file_system_is_read(tmp_path: Path) -> None:
    """A probe says how far the disk's clock is ahead of ours: far, for a clock that stands in the past."""
    lab = FilesLab(tmp_path)
    assert lab.source.probe().clock_offset > 0
    lab.clock.advance(10**9)
    assert lab.source.probe().clock_offset < 0
