"""What journald keeps by itself is read as systemd reads it, and what cannot be read is said."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from data.sources.interface import UNREADABLE
from data.sources.journald_conf import read_conf
from tests.data.sources.faults import as_nobody
from tests.data.sources.journald_lab import JournaldLab, JournalMaker
from tests.domain import need


def written(folder: Path, text: str, name: str = "journald.conf") -> Path:
    """Write a file of settings; give the folder."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("value", "days"),
    [
        ("90day", "90"),
        ("90d 1s", "91"),
        ("3month", "92"),
        ("1year", "366"),
        ("2w", "14"),
        ("86400", "1"),
        ("1d 12h 30min", "2"),
        ("1.5d", "2"),
        ("500ms", "1"),
        ("0", "off"),
        ("infinity", "off"),
        ("many", UNREADABLE),
        ("10 fortnights", UNREADABLE),
        ("-5", UNREADABLE),
    ],
)
def test_an_age_is_given_in_days(tmp_path: Path, value: str, days: str) -> None:
    """Spans of time become whole days, rounded up; no limit is said as such, and nonsense is unreadable."""
    conf = read_conf([written(tmp_path, f"[Journal]\nMaxRetentionSec={value}\n")])
    assert conf.own_retention() == {"journald MaxRetentionSec": days}


@pytest.mark.parametrize("value", ["90day", "3month", "1year", "1d 12h 30min", "2w", "1.5d", "86400"])
def test_systemd_reads_a_span_alike(tmp_path: Path, value: str) -> None:
    """The control: `systemd-analyze timespan` says the same."""
    need(shutil.which("systemd-analyze"), "systemd-analyze is the control")
    shown = subprocess.run(["systemd-analyze", "timespan", value], check=True, capture_output=True, text=True).stdout
    microseconds = int(shown.splitlines()[1].split()[-1])
    conf = read_conf([written(tmp_path, f"[Journal]\nMaxFileSec={value}\n")])
    assert conf.own_retention() == {"journald MaxFileSec": str(-(-microseconds // 86_400_000_000))}


def test_sizes_and_counts_are_told_and_never_taken_for_days(tmp_path: Path) -> None:
    """A size proves no age: it is said in words that no comparison takes for days; a wrong one is unreadable."""
    text = "[Journal]\nSystemMaxUse=1073741824\nSystemKeepFree=10%\nRuntimeMaxFileSize=8M\nSystemMaxFiles=100\n"
    found = read_conf([written(tmp_path, text)]).own_retention()
    assert found == {
        "journald SystemMaxUse": "size 1073741824",
        "journald SystemKeepFree": UNREADABLE,
        "journald RuntimeMaxFileSize": "size 8M",
        "journald SystemMaxFiles": "count 100",
    }
    assert not any(value.isdecimal() for value in found.values())


def test_what_is_not_set_is_not_said(tmp_path: Path) -> None:
    """Comments, other sections, empty values and folders without settings say nothing."""
    text = "# MaxRetentionSec=1d\n[Other]\nMaxRetentionSec=2d\n[Journal]\n;MaxFileSec=1d\nMaxFileSec=3d\nMaxFileSec=\n"
    assert read_conf([written(tmp_path, text)]).own_retention() == {}
    assert read_conf([tmp_path / "nowhere"]).own_retention() == {}
    assert read_conf([]).own_retention() == {}


def test_drop_ins_overrule_in_the_order_of_systemd(tmp_path: Path) -> None:
    """The main file first, then drop-ins by name; of one name the first folder's counts, if only as a mask."""
    etc, usr = tmp_path / "etc", tmp_path / "usr"
    written(etc, "[Journal]\nMaxRetentionSec=10d\nMaxFileSec=10d\n")
    written(usr, "[Journal]\nMaxRetentionSec=99d\nSystemMaxUse=1G\n")
    written(usr, "[Journal]\nMaxRetentionSec=\\\n20d\n", "journald.conf.d/20-vendor.conf")
    written(etc, "[Journal]\nMaxRetentionSec=30d\n", "journald.conf.d/10-local.conf")
    written(etc, "[Journal]\nMaxRetentionSec=40d\n", "journald.conf.d/99-ignored.txt")
    asked = [etc, usr]
    expected = {"journald MaxRetentionSec": "20", "journald MaxFileSec": "10"}
    assert read_conf(asked).own_retention() == expected
    (etc / "journald.conf.d" / "20-vendor.conf").symlink_to(os.devnull)
    assert read_conf(asked).own_retention() == expected | {"journald MaxRetentionSec": "30"}
    (etc / "journald.conf").unlink()
    assert read_conf(asked).own_retention()["journald SystemMaxUse"] == "size 1G"


def test_settings_that_nobody_can_read_are_said(tmp_path: Path) -> None:
    """Bytes that are no text, and files of absurd size, may say anything; the readable ones still count."""
    written(tmp_path, "[Journal]\nMaxRetentionSec=10d\n")
    (tmp_path / "journald.conf.d").mkdir()
    (tmp_path / "journald.conf.d" / "a.conf").write_bytes(b"\xff\xfe[Journal]")
    (tmp_path / "journald.conf.d" / "b.conf").write_bytes(b"#" * 2_000_000)
    found = read_conf([tmp_path]).own_retention()
    assert found == {
        "journald MaxRetentionSec": "10",
        "journald a.conf": UNREADABLE,
        "journald b.conf": UNREADABLE,
    }


def test_settings_without_a_right_to_read_them_are_said(tmp_path: Path, journals: JournalMaker) -> None:
    """Where the bot may not read the settings, the probe says that nobody knows; where it may, it says the days."""
    need(os.geteuid() == 0, "becoming nobody needs root")
    lab = JournaldLab(tmp_path, journals)
    lab.settings = (written(tmp_path / "conf", "[Journal]\nMaxRetentionSec=400d\n"),)
    (tmp_path / "conf").chmod(0o755)
    assert lab.fresh().probe().own_retention == {"journald MaxRetentionSec": "400"}
    (tmp_path / "conf" / "journald.conf").chmod(0o600)
    found = as_nobody(lambda: dict(lab.source.probe().own_retention), lab)
    assert found == {"journald journald.conf": UNREADABLE}


@pytest.mark.parametrize(
    ("text", "copies"),
    [("[Journal]\n", 1), ("[Journal]\nForwardToSyslog=yes\n", 1), ("[Journal]\nForwardToSyslog=no\n", 0), (None, 0)],
)
def test_a_syslog_service_may_have_a_copy(
    tmp_path: Path, journals: JournalMaker, text: str | None, copies: int
) -> None:
    """What is forwarded to a syslog service is named as a copy, unless the settings switch that off."""
    lab = JournaldLab(tmp_path, journals)
    lab.settings = (tmp_path / "conf",)
    if text is not None:
        written(tmp_path / "conf", text)
    assert [copy.kind for copy in lab.fresh().copies()] == ["syslog"] * copies
