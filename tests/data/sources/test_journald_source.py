"""Which journal files may go, which never, and what happens to those who read or write them meanwhile."""

import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.source_settings import SourceSettings
from data.errors import SettingsError
from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, MINUTE, instant_of
from data.retention.residue import Code
from data.retention.unit import Action, Planned
from data.sources.activity import open_files, written_files
from data.sources.connector import Around, Named, connector_of
from data.sources.exactly import aside_name
from data.sources.interface import Measured, Skipped
from data.sources.journald import JournaldSource
from data.sources.journald_file import State
from tests.data.sources.faults import NOBODY, as_nobody
from tests.data.sources.journald_lab import (
    ENTRIES_AT,
    STATE_AT,
    JournaldLab,
    JournalMaker,
    archive_name,
    copied,
    number,
    patch,
    put_aside_name,
    stamps_by_journalctl,
)
from tests.data.sources.lab import FREE, OLD, YOUNG, asking
from tests.domain import need


@pytest.fixture
def lab(tmp_path: Path, journals: JournalMaker) -> JournaldLab:
    """Give a folder of its own to every test."""
    return JournaldLab(tmp_path, journals)


def old_instants(lab: JournaldLab) -> list[int]:
    """Give the instants of three old entries."""
    return [lab.now - OLD + place * HOUR for place in range(3)]


def archived(lab: JournaldLab, first: int = 1, state: int = State.ARCHIVED) -> str:
    """Make an old file with an archive's name; give the name."""
    name = archive_name(old_instants(lab), first)
    lab.maker.put(lab.root / name, old_instants(lab), state=state)
    return name


# -- what is in use ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("name", ["system.journal", "user-1000.journal", "remote-a@b.journal", "system.journal~"])
def test_what_has_no_name_of_an_archive_is_never_touched(lab: JournaldLab, name: str, state: State) -> None:
    """Whatever its state says, its writer may come back to it: it is active, and even a forged row does nothing."""
    lab.maker.put(lab.root / name, old_instants(lab), state=state)
    beside = archived(lab)
    found = lab.measured()
    assert found[name].active == "unrotated"
    assert found[beside].active == ""
    (planned,) = lab.plan()
    assert planned.unit.name == beside.encode()
    unit = replace(found[name].unit, identity=lab.source.identity(found[name].unit))
    forged = replace(planned, unit=unit)
    outcomes = list(lab.source.delete([forged, planned, forged], guard=FREE))
    assert [(done.code, done.reason) for done in outcomes] == [
        (Code.ACTIVE, "unrotated"),
        (Code.DELETED, ""),
        (Code.ACTIVE, "unrotated"),
    ]
    assert lab.source.recover(forged, guard=FREE) == outcomes[0]
    assert (lab.root / name).exists()


def test_what_is_online_is_not_touched(lab: JournaldLab) -> None:
    """A file with an archive's name that says it is being written to stays; archived or closed it may go."""
    names = {state: archived(lab, first=state + 1, state=state) for state in State}
    found = lab.measured()
    assert {state: found[name].active for state, name in names.items()} == {
        State.OFFLINE: "",
        State.ONLINE: "online",
        State.ARCHIVED: "",
    }
    assert set(lab.purge()) == {names[State.OFFLINE], names[State.ARCHIVED]}


def test_active_files_with_old_entries_are_counted(lab: JournaldLab) -> None:
    """Old entries in a file that nobody rotates are overdue, and after two days of silence the file counts as dead."""
    lab.maker.put(lab.root / "system.journal", old_instants(lab), state=State.OFFLINE)
    lab.maker.put(lab.root / "user-7.journal", [lab.now - YOUNG], state=State.OFFLINE)
    summary = lab.source.summarise(lab.marks)
    assert (summary.active, summary.active_overdue, summary.dead, summary.overdue_records) == (2, 1, 1, 3)
    lab.aged(lab.root / "system.journal", lab.now - DAY)
    assert lab.source.summarise(lab.marks).dead == 0


def test_a_file_that_changed_a_moment_ago_is_left(lab: JournaldLab) -> None:
    """The quiet time holds for journal files too: it protects, and never dates."""
    name = archived(lab)
    lab.aged(lab.root / name, lab.now - MINUTE)
    assert lab.measured()[name].active == "quiet"
    lab.aged(lab.root / name, lab.now - HOUR)
    assert lab.purge()[name].code is Code.DELETED


@pytest.mark.parametrize(("mode", "survives"), [("rb", False), ("r+b", True)])
def test_a_writer_protects_a_file_and_a_reader_does_not(
    tmp_path: Path, journals: JournalMaker, mode: str, survives: bool
) -> None:
    """Who has a file open to write to it would lose what he writes; who only reads it loses nothing."""
    lab = JournaldLab(tmp_path, journals, look=written_files)
    name = archived(lab)
    script = f"import sys; file = open({str(lab.root / name)!r}, {mode!r}); print('open', flush=True); sys.stdin.read()"
    (planned,) = lab.plan()
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        found = (lab.root / name).stat()
        place = (found.st_dev, found.st_ino)
        assert place in open_files().places
        assert (place in written_files().places) is survives
        assert lab.measured()[name].active == ("open" if survives else "")
        assert [done.code for done in lab.delete([planned])] == [Code.ACTIVE if survives else Code.DELETED]
        other.communicate(b"")
    assert (lab.root / name).exists() is survives


# -- how age is judged ------------------------------------------------------------------------------------------------


def test_no_time_of_a_file_counts(lab: JournaldLab) -> None:
    """A young file with an old mtime stays, and an old one that was touched an hour ago goes: only entries count."""
    young = lab.maker.put(lab.root / archive_name([1], 2), [lab.now - YOUNG])
    lab.aged(young, lab.now - 400 * DAY)
    old = lab.root / archived(lab)
    lab.aged(old, lab.now - HOUR)
    assert set(lab.purge()) == {old.name}
    assert young.exists()


def test_a_name_that_lies_about_its_time_changes_nothing(lab: JournaldLab) -> None:
    """The time in the name of an archive is not believed either, in neither direction."""
    young = lab.maker.put(lab.root / archive_name([lab.now - 400 * DAY], 2), [lab.now - YOUNG])
    old = lab.maker.put(lab.root / archive_name([lab.now - DAY], 3), old_instants(lab))
    assert set(lab.purge()) == {old.name}
    assert young.exists()


def test_a_file_with_one_young_entry_stays_whole(lab: JournaldLab) -> None:
    """A file goes only when its youngest entry is old, wherever in the file that one stands."""
    times = old_instants(lab)
    kept = lab.maker.put(lab.root / archive_name(times, 2), [times[0], lab.now - YOUNG, times[1]])
    gone = lab.maker.put(lab.root / archive_name(times, 3), [times[0], times[2], times[1]])
    assert set(lab.purge()) == {gone.name}
    assert lab.measured()[kept.name].reading.expired.records == 2


def test_what_was_put_aside_is_dated_only_if_it_is_whole(lab: JournaldLab) -> None:
    """A file that journald found not closed goes by its entries where all of them are proved, and else stays."""
    times = old_instants(lab)
    whole = lab.maker.put(lab.root / put_aside_name(times[0]), times, state=State.ONLINE)
    torn = lab.maker.put(lab.root / put_aside_name(times[1]), times, state=State.ONLINE)
    patch(torn, ENTRIES_AT, number(9))
    found = lab.measured()
    assert (found[torn.name].reading.undatable, found[torn.name].reading.damaged) == (1, "entries")
    assert lab.source.summarise(lab.marks).undatable == 1
    assert {name: done.code for name, done in lab.purge().items()} == {whole.name: Code.DELETED}
    assert torn.exists()


# -- beside journalctl ------------------------------------------------------------------------------------------------


def test_journald_would_delete_too_much_where_this_does_not(tmp_path: Path, journals: JournalMaker) -> None:
    """`--vacuum-time` goes by a file's beginning and takes entries of 60 days with it; a purge leaves their file.

    What is left is readable by journalctl, to the last young entry.
    """
    need(shutil.which("journalctl"), "journalctl is the peer")
    lab = JournaldLab(tmp_path, journals)
    now = lab.now
    spans = {1: (200, 150), 2: (100, 60), 3: (80, 70), 4: (10, 1)}
    instants = {
        first: [now - days * DAY + first * MINUTE for days in range(oldest, newest - 1, -1)]
        for first, (oldest, newest) in spans.items()
    }
    for first, times in instants.items():
        name = "system.journal" if first == 4 else archive_name(times, first)
        lab.maker.put(lab.root / name, times, state=State.OFFLINE if first == 4 else State.ARCHIVED)
    peer = tmp_path / "peer"
    for file in lab.root.iterdir():
        shutil.copystat(file, copied(file, peer / file.name))
    young = sorted(at for times in instants.values() for at in times if at >= lab.marks.cutoff)
    command = ["faketime", f"@{now // 1_000_000}", "journalctl", "--directory", peer, "--vacuum-time=90d"]
    need(shutil.which("faketime"), "the peer has to live at the same time")
    subprocess.run(command, check=True, capture_output=True)
    left = stamps_by_journalctl("--directory", peer)
    assert len(set(young) - set(left)) == 24, "the peer lost entries of 60 to 83 days"
    assert [done.code for done in lab.purge().values()] == [Code.DELETED]
    kept = stamps_by_journalctl("--directory", lab.root)
    assert set(young) <= set(kept)
    assert sorted(kept) == sorted(at for first, times in instants.items() for at in times if first != 1)


# -- what is no unit --------------------------------------------------------------------------------------------------


def test_links_strangers_and_odd_files_are_skipped(lab: JournaldLab) -> None:
    """Symbolic links, hard links, files of another owner and executables are named, and stay."""
    need(os.geteuid() == 0, "giving a file away needs root")
    names = [archived(lab, first) for first in range(1, 6)]
    (lab.root / names[1]).unlink()
    (lab.root / names[1]).symlink_to(lab.root / names[0])
    (lab.root / "second-name").hardlink_to(lab.root / names[2])
    os.chown(lab.root / names[3], NOBODY, NOBODY)
    (lab.root / names[4]).chmod(0o755)
    assert lab.skipped() == {
        names[1]: "symlink",
        names[2]: "hard_linked",
        names[3]: "foreign_owner",
        names[4]: "setuid_or_executable",
    }
    assert set(lab.purge()) == {names[0]}
    strange = JournaldLab(lab.root.parent, lab.maker, owners=(NOBODY,))
    assert set(strange.purge()) == {names[3]}


def test_another_file_system_is_not_entered(lab: JournaldLab, mounted: Callable[[Path, str], None]) -> None:
    """What is mounted below the root is another place, and is named."""
    mounted(lab.root / "elsewhere", "size=64k")
    name = archived(lab)
    assert lab.skipped() == {"elsewhere": "other_device"}
    assert set(lab.purge()) == {name}


def test_a_read_only_root_denies(lab: JournaldLab, mounted: Callable[[Path, str], None]) -> None:
    """On a file system that is mounted read-only nothing is deleted, and each outcome says so."""
    mounted(lab.root, "size=8m")
    name = archived(lab)
    planned = lab.plan()
    subprocess.run(["mount", "-o", "remount,ro", lab.root], check=True)
    assert [(done.code, done.reason) for done in lab.delete(planned)] == [(Code.DENIED, "EROFS")]
    recovered = lab.source.recover(planned[0], guard=FREE)
    assert recovered is not None
    assert recovered.code is Code.DENIED
    subprocess.run(["mount", "-o", "remount,rw", lab.root], check=True)
    assert lab.purge()[name].code is Code.DELETED


def test_without_rights_nothing_goes_and_it_is_said(lab: JournaldLab) -> None:
    """Who may not enter a folder hears of it, and who may not change one is denied each deletion."""
    need(os.geteuid() == 0, "becoming nobody needs root")
    times = old_instants(lab)
    hidden = lab.maker.put(lab.root / "hidden" / archive_name(times), times)
    name = archived(lab)
    hidden.parent.chmod(0o700)
    (lab.root / name).chmod(0o644)

    def looked() -> dict[str, str]:
        return lab.skipped() | {found: done.code.value for found, done in lab.purge().items()}

    assert as_nobody(looked, lab) == {"hidden": "denied", name: Code.DENIED.value}
    assert hidden.exists()
    assert (lab.root / name).exists()


# -- when things go wrong ---------------------------------------------------------------------------------------------


def test_what_was_set_aside_by_a_crash_is_ended(lab: JournaldLab) -> None:
    """A kill between moving aside and removing: recovery removes it under the guard, or gives it its name back."""
    archived(lab, 1)
    archived(lab, 2)
    rows = lab.plan()
    for row in rows:
        (lab.root / os.fsdecode(row.unit.name)).rename(lab.root / os.fsdecode(aside_name(row)))
    ended = lab.fresh().recover(rows[0], guard=FREE)
    assert ended is not None
    assert (ended.code, ended.records) == (Code.ABSENT, 3)
    held = lab.fresh().recover(rows[1], guard=asking(lambda _: Code.HELD))
    assert held is not None
    assert held.code is Code.HELD
    assert [path.name for path in lab.root.iterdir()] == [os.fsdecode(rows[1].unit.name)]


def test_two_at_once_delete_each_file_once(lab: JournaldLab) -> None:
    """Two purges of the same rows: each file is deleted by exactly one of them, and neither fails."""
    for first in range(1, 41):
        archived(lab, first)
    rows, found = lab.plan(), []
    lock = threading.Lock()

    def purge() -> None:
        for _ in range(2):
            codes = [done.code for done in lab.fresh().delete(rows, guard=FREE)]
            with lock:
                found.extend(codes)

    threads = [threading.Thread(target=purge) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = Counter(found)
    assert counts[Code.DELETED] == 40
    assert set(counts) <= {Code.DELETED, Code.TARGET_ABSENT, Code.DRIFTED}
    assert list(lab.root.iterdir()) == []


def test_the_guard_is_asked_once_for_each_file(lab: JournaldLab) -> None:
    """It is entered around each commit, while the file is still there, and left before the next."""
    for first in range(1, 4):
        archived(lab, first)
    rows, entered = lab.plan(), []

    @contextmanager
    def guard(row: Planned) -> Iterator[Code | None]:
        assert lab.survives(row)
        entered.append(row.unit.name)
        yield None
        assert not lab.survives(row)

    assert [done.code for done in lab.source.delete(rows, guard=guard)] == [Code.DELETED] * 3
    assert entered == [row.unit.name for row in rows]


def test_a_rewrite_is_refused(lab: JournaldLab) -> None:
    """A row that asks to cut entries out is unsupported, and the file is as it was."""
    name = archived(lab)
    before = lab.content(name)
    (row,) = lab.plan()
    asked = replace(row, action=Action.REWRITE, kept_bytes=1)
    assert [done.code for done in lab.delete([asked])] == [Code.UNSUPPORTED]
    assert lab.content(name) == before


def test_a_wrong_clock_is_told(lab: JournaldLab) -> None:
    """The probe tells how far the file system's clock is from ours; the clock of the tests stands at another date."""
    assert abs(lab.source.probe().clock_offset) > MINUTE


def test_a_file_that_cannot_be_dated_stays_beside_a_purge(lab: JournaldLab) -> None:
    """Garbage under a journal file's name is counted as undatable and kept; an old archive beside it goes."""
    garbage = lab.root / archive_name([1], 9)
    garbage.write_bytes(b"no journal at all\n" * 100)
    lab.aged(garbage, lab.now - 400 * DAY)
    name = archived(lab)
    assert lab.measured()[garbage.name].reading.damaged == "no_signature"
    assert set(lab.purge()) == {name}
    assert garbage.exists()


# -- many files -------------------------------------------------------------------------------------------------------


def test_two_thousand_files_are_looked_at_in_bounded_memory(lab: JournaldLab) -> None:
    """Measuring and adding up 2,000 files holds a few of them in memory at once, and says the same as their sum."""
    times = old_instants(lab)
    for first in range(2000):
        lab.maker.put(lab.root / f"{first % 20:02}" / archive_name(times, first + 1), times)
    config = replace(lab.config, limits=replace(lab.config.limits, rows_in_memory=50))
    source = JournaldSource(config, clock=lab.clock, state=lab.state, look=lab.look)
    tracemalloc.start()
    try:
        found = sum(isinstance(one, Measured) for one in source.measure(lab.marks, fresh=True))
        summary = source.summarise(lab.marks)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found, summary.units, summary.expired_records, summary.damaged) == (2000, 2000, 6000, 0)
    assert peak < 4_000_000
    rows = [
        row
        for row in source.plan(
            [one for one in source.measure(lab.marks) if not isinstance(one, Skipped)][:500], lab.marks
        )
        if row is not None
    ]
    assert Counter(done.code for done in source.delete(rows, guard=FREE)) == {Code.DELETED: 500}


# -- settings ---------------------------------------------------------------------------------------------------------


def said(**own: object) -> SourceSettings:
    """Read a block of settings."""
    return SourceSettings.model_validate({"id": "host-logs", "kind": "journald", "data_kind": "log", **own})


@pytest.mark.parametrize("root", ["/var/log/journal", "/var/log/journal/remote", "var/hosts", "/run/log/journal"])
def test_systemds_own_folder_may_be_a_root(root: str) -> None:
    """The word `journal` is allowed where systemd puts it, and nowhere else."""
    assert said(root=root).options.root == Path(root)


@pytest.mark.parametrize(
    "own",
    [
        {"id": "systemd-journal", "root": "/var/log/journal"},
        {"title": "Journal", "root": "/var/log/journal"},
        {"root": "/var/log/call-journal"},
        {"root": "/srv/journals"},
        {"root": "/var/log/chat"},
        {"root": "/var/log/../etc"},
        {"root": "/var/log/a\0b"},
        {"root": "/var/log/journal", "rewrite": True},
        {"root": "/var/log/journal", "include": ["*"]},
        {"root": "/var/log/journal", "quiet_minutes": 0},
        {"root": "/var/log/journal", "settings": ["etc/systemd"]},
        {},
    ],
)
def test_a_senseless_or_forbidden_option_is_refused(own: dict[str, object]) -> None:
    """What names a journal of calls, leads elsewhere or would be ignored is refused when the settings are read."""
    with pytest.raises(ValueError, match=r"root|id|title|rewrite|include|quiet_minutes|settings"):
        said(**own)
    assert said(root="/var/log/journal").options.quiet_minutes == 15


def test_a_relative_root_is_taken_from_the_settings_folder() -> None:
    """As every other path of the settings."""
    assert said(root="var/hosts").anchored(Path("/srv/bot")).options.root == Path("/srv/bot/var/hosts")


def test_the_registry_builds_it(tmp_path: Path, journals: JournalMaker) -> None:
    """Known by its kind it is built of its options, asks nothing yet, and then finds what lies in the root."""
    lab = JournaldLab(tmp_path, journals)
    connector = connector_of("journald")
    options = connector.options(root=lab.root / "later", owners=["root", "77"], settings=[])
    named, around = Named(id="host-logs", title="Hosts", data_kind="log"), Around(clock=lab.clock, state=lab.state)
    source = connector.build(named, options, around)
    assert (source.id, source.capabilities().kind, source.capabilities().rewrites) == ("host-logs", "journald", False)
    assert source.probe().reason == "missing"
    times = old_instants(lab)
    lab.maker.put(options.root / "machine" / archive_name(times), times)
    (options.root / "machine" / "other.log").write_bytes(b"no journal file")
    assert source.probe().reachable
    assert [unit.name for unit in source.list_units()] == [b"machine/" + archive_name(times).encode()]
    with pytest.raises(SettingsError, match="owners"):
        connector.build(named, connector.options(root=lab.root, owners=["nobody-of-this-name"]), around)
    inside = connector.build(named, connector.options(root=lab.state, settings=[]), around)
    assert inside.probe().reason == "own_state"


def test_sources_that_reach_the_same_files_are_told(tmp_path: Path) -> None:
    """A folder in another one, by whatever path, is met: a hold on one protects from both."""
    meet, options = connector_of("journald").meet, connector_of("journald").options
    for name in ("a/b", "c"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    outer, inner, other, link = (options(root=tmp_path / name) for name in ("a", "a/b", "c", "link"))
    assert meet(outer, inner)
    assert meet(inner, outer)
    assert meet(link, inner)
    assert meet(options(root=tmp_path / "gone"), options(root=tmp_path / "gone" / "below"))
    assert not meet(outer, other)
    assert not meet(options(root=tmp_path / "gone"), other)


def test_the_digest_follows_what_decides(lab: JournaldLab) -> None:
    """Another quiet time is another digest; the folders of the engine's settings decide nothing."""
    before = lab.source.config_digest
    lab.settings = (lab.root,)
    assert lab.fresh().config_digest == before
    lab.config = replace(lab.config, quiet=HOUR)
    assert lab.fresh().config_digest != before


def test_marks_of_another_day_are_judged_from_the_index(lab: JournaldLab) -> None:
    """What was read once is judged right at other marks: three entries that were young are old 80 days later."""
    name = lab.maker.put(lab.root / archive_name([1]), [lab.now - YOUNG]).name
    assert lab.measured()[name].reading.expired.records == 0
    lab.clock.advance(80 * 86_400)
    now = instant_of(lab.clock.now())
    lab.marks = Marks(cutoff=now - 83 * DAY, limit=now - 90 * DAY, now=now)
    assert lab.purge()[name].code is Code.DELETED


def test_an_entry_that_is_added_to_a_planned_file_saves_it(lab: JournaldLab) -> None:
    """Were journald to write to an archive after all, with no trace in size and mtime, the file has drifted."""
    name = archived(lab)
    rows = lab.plan()
    patch(lab.root / name, STATE_AT, bytes([State.ONLINE]))
    assert [done.code for done in lab.delete(rows)] == [Code.DRIFTED]
    assert (lab.root / name).exists()


def test_the_example_of_the_page_can_be_used(lab: JournaldLab) -> None:
    """What operators copy from the page loads as it stands, and is built."""
    page = Path(__file__).parents[3] / "docs" / "sources" / "journald.md"
    (block,) = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (told,) = tomllib.loads(block)["sources"]
    one = SourceSettings.model_validate(told)
    named = Named(id=one.id, title=one.title, data_kind=one.data_kind)
    source = connector_of(one.kind).build(named, one.options, Around(clock=lab.clock, state=lab.state))
    assert source.capabilities().kind == "journald"
    assert one.options == connector_of("journald").options(root=one.options.root)
