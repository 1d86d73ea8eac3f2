"""A log that was tampered with is never called whole, and the entry that was touched is named (CR 13-21, 24)."""

import json
import os
import random
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from data.audit.checkpoint import Checkpoint, checkpoint_line, find_checkpoint, sign_checkpoint
from data.audit.entry import LONGEST_LINE
from data.audit.keys import Ed25519FileSigner
from data.audit.report import FlawCode, Verdict
from data.audit.verify import verify
from data.errors import StateError
from data.retention.merkle import merkle_root
from tests.data.audit.making import Installation, chained_anew, found

Lines = list[bytes]


@pytest.fixture
def sealed(installation: Installation) -> Installation:
    """Give a log of 13 entries, signed at 1 and at 13, and found whole: the positive control of every test here."""
    installation.fill(12)
    report = installation.verify()
    assert (report.verdict, report.findings) == (Verdict.INTACT, ())
    assert (report.first, report.size, report.sealed, report.checkpoints, report.epochs) == (1, 13, 13, 2, (2026,))
    return installation


def rewrite(installation: Installation, change: Callable[[Lines], Lines]) -> None:
    """Put other lines in the place of the log's."""
    installation.epoch.write_bytes(b"".join(change(installation.lines())))


def resign(installation: Installation) -> None:
    """Sign a whole log anew with the installation's own key, as a thief of the key would."""
    first, last = installation.entries()[0], installation.entries()[-1]
    bodies = [line[:-1] for line in installation.lines()]
    hashes = [sha256(body).digest() for body in bodies]
    made = sign_checkpoint(
        installation.signer,
        origin=first.data["origin"],
        epoch=2026,
        first=1,
        size=last.seq,
        head=hashes[-1].hex(),
        root=merkle_root(hashes).hex(),
        at=last.at,
    )
    installation.checkpoints.write_bytes(checkpoint_line(made) + b"\n")


def off_host(installation: Installation) -> Checkpoint:
    """Give the last checkpoint as the DPO has it in a mail."""
    line = installation.checkpoints.read_text().splitlines()[-1]
    return find_checkpoint(f"Subject: checkpoint\n\n> {line}\n\nregards\n")


# -- one change at a time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seq", range(1, 14))
def test_cr14_an_altered_byte_names_its_entry(sealed: Installation, seq: int) -> None:
    """CR-14: one byte changed in record n, and n is named, and no other, the last one too."""
    lines = sealed.lines()
    lines[seq - 1] = lines[seq - 1].replace(b"deleted", b"delayed").replace(b"system", b"sYstem")
    sealed.epoch.write_bytes(b"".join(lines))
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.ALTERED, seq)}


@pytest.mark.parametrize("part", [b'"prev":"', b'"seq":', b'"at":"2026-11-', b'"kind":"purge.', b'"object":"r-'])
@pytest.mark.parametrize("seq", [2, 7, 13])
def test_cr14_whatever_is_altered_the_same_entry_is_named(sealed: Installation, seq: int, part: bytes) -> None:
    """CR-14: the hash, the number, the time, the kind or the object of record n changed: n is named."""

    def change(lines: Lines) -> Lines:
        line = lines[seq - 1]
        place = line.index(part) + len(part)
        other = b"9" if line[place : place + 1] != b"9" else b"8"
        return [*lines[: seq - 1], line[:place] + other + line[place + 1 :], *lines[seq:]]

    rewrite(sealed, change)
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert (FlawCode.ALTERED, seq) in found(report)
    assert {flaw.seq for flaw in report.findings if flaw.code is FlawCode.ALTERED} == {seq}


def test_cr15_a_deleted_record_is_a_gap(sealed: Installation) -> None:
    """CR-15: a record taken out is named as missing."""
    rewrite(sealed, lambda lines: lines[:5] + lines[6:])
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.GAP, 6)}


def test_cr15_the_first_record_is_missed_too(sealed: Installation) -> None:
    """CR-15: the very first record taken out is a gap, not a log that begins later."""
    rewrite(sealed, lambda lines: lines[1:])
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert (FlawCode.GAP, 1) in found(report)


def test_cr15_two_swapped_records_are_named(sealed: Installation) -> None:
    """CR-15: of two records that changed places the earlier one is out of order."""
    rewrite(sealed, lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]])
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert (FlawCode.OUT_OF_ORDER, 6) in found(report)


def test_cr15_an_inserted_record_is_named(sealed: Installation) -> None:
    """CR-15: a record put in between, well chained itself, makes a fork where it stands."""

    def change(lines: Lines) -> Lines:
        forged = chained_anew([*lines[:5], lines[5].replace(b"deleted", b"skipped")])[-1]
        return [*lines[:5], forged, *lines[5:]]

    rewrite(sealed, change)
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.FORK, 6)}


def test_cr16_a_cut_tail_is_shorter_than_the_checkpoint(sealed: Installation) -> None:
    """CR-16: records cut off the end of a log are missed by the checkpoint beside it."""
    rewrite(sealed, lambda lines: lines[:-2])
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.CUT_TAIL, 12)}


def test_cr16_a_log_taken_away_is_a_cut_tail(sealed: Installation) -> None:
    """CR-16: a log that is gone altogether, or empty, is shorter than its checkpoint."""
    sealed.epoch.write_bytes(b"")
    assert FlawCode.CUT_TAIL in {flaw.code for flaw in sealed.verify().findings}
    sealed.epoch.unlink()
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert (FlawCode.CUT_TAIL, 1) in found(report)


def test_cr17_a_torn_last_line_is_no_tampering(sealed: Installation) -> None:
    """CR-17: half an entry behind the last one is told and tolerated; half of a signed one is not."""
    whole = sealed.epoch.read_bytes()
    sealed.epoch.write_bytes(whole + whole.splitlines()[-1][:50])
    report = sealed.verify()
    assert report.verdict is Verdict.INTACT
    assert found(report) == {(FlawCode.TORN_LAST_LINE, 14)}
    sealed.epoch.write_bytes(whole[:-20])
    assert sealed.verify().verdict is Verdict.BROKEN


def test_cr18_a_record_that_is_there_twice_is_named(sealed: Installation) -> None:
    """CR-18: a copy of a record is a duplicate, beside it or further on."""
    rewrite(sealed, lambda lines: [*lines[:5], lines[4], *lines[5:]])
    assert found(sealed.verify()) == {(FlawCode.DUPLICATE_SEQ, 5)}
    rewrite(sealed, lambda lines: [*lines[:5], *lines[6:], lines[3]])
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.DUPLICATE_SEQ, 4)}


def test_cr18_a_fork_is_named(sealed: Installation) -> None:
    """CR-18: two ways to go on from one record are a fork, whichever of them the rest follows."""
    lines = sealed.lines()
    forged = chained_anew([*lines[:5], lines[5].replace(b"deleted", b"skipped")])[-1]
    sealed.epoch.write_bytes(b"".join([*lines[:6], forged, *lines[6:]]))
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.FORK, 6)}


def test_cr19_a_log_written_anew_without_the_key_contradicts_its_checkpoints(sealed: Installation) -> None:
    """CR-19: a whole chain of forged records fails against the checkpoint, on the host or off it."""
    kept = off_host(sealed)
    rewrite(sealed, lambda lines: chained_anew([line.replace(b"deleted", b"skipped") for line in lines]))
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.REWRITTEN, 13)}
    sealed.checkpoints.unlink()
    assert sealed.verify().verdict is Verdict.NOT_CHECKABLE
    report = sealed.verify(since=kept)
    assert report.verdict is Verdict.BROKEN
    assert (FlawCode.REWRITTEN, 13) in found(report)


def test_cr20_a_log_written_anew_with_the_key_contradicts_the_one_off_the_host(sealed: Installation) -> None:
    """CR-20: whoever has the key can sign a forged log, but not take the DPO's checkpoint back."""
    kept = off_host(sealed)
    assert sealed.verify(since=kept).verdict is Verdict.INTACT
    rewrite(sealed, lambda lines: chained_anew([line.replace(b"deleted", b"skipped") for line in lines]))
    resign(sealed)
    assert sealed.verify().verdict is Verdict.INTACT, "nothing on the host can show it"
    report = sealed.verify(since=kept)
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.REWRITTEN, 13)}


def test_cr13_a_restored_backup_is_older_than_the_checkpoint_off_the_host(sealed: Installation) -> None:
    """CR-13: yesterday's log with yesterday's checkpoints is whole, and rolled back for whoever has today's."""
    shutil.copytree(sealed.folder, sealed.state / "backup")
    sealed.fill(5)
    kept = off_host(sealed)
    assert sealed.verify(since=kept).verdict is Verdict.INTACT
    shutil.rmtree(sealed.folder)
    (sealed.state / "backup").rename(sealed.folder)
    assert sealed.verify().verdict is Verdict.INTACT
    report = sealed.verify(since=kept)
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.ROLLED_BACK, 14)}


def test_cr13_a_restored_backup_that_grew_again_is_rewritten(sealed: Installation) -> None:
    """CR-13: a log that was rolled back and then grew past its old length contradicts the checkpoint off the host."""
    shutil.copytree(sealed.folder, sealed.state / "backup")
    sealed.fill(5)
    kept = off_host(sealed)
    shutil.rmtree(sealed.folder)
    (sealed.state / "backup").rename(sealed.folder)
    sealed.fill(9)
    assert sealed.verify().verdict is Verdict.INTACT
    report = sealed.verify(since=kept)
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.REWRITTEN, 18)}


def test_cr13_only_the_log_restored_is_refused_at_once(sealed: Installation) -> None:
    """CR-13: a log that is shorter than the checkpoints beside it is not even opened; the whole one is."""
    old = sealed.epoch.read_bytes()
    sealed.fill(5)
    new = sealed.epoch.read_bytes()
    sealed.epoch.write_bytes(old)
    with pytest.raises(StateError, match="18 entries are signed for, 13 are there"):
        sealed.open()
    sealed.epoch.write_bytes(new)
    sealed.open().close()


@pytest.mark.parametrize(
    "spell",
    [
        lambda line: json.dumps(json.loads(line)).encode() + b"\n",
        lambda line: json.dumps(dict(reversed(json.loads(line).items())), separators=(",", ":")).encode() + b"\n",
        lambda line: line.replace(b'"unit":5', b'"unit":5.0'),
        lambda line: line.replace(b'"unit":5', b'"unit":5,"unit":5'),
        lambda line: line.replace(b"deleted", b"del\\u0065ted"),
        lambda line: line.replace(b"\n", b"\r\n"),
        lambda line: line.replace(b"\n", b"\n\n"),
    ],
    ids=["blanks", "order", "float", "twice", "escape", "crlf", "empty line"],
)
@pytest.mark.parametrize("forged", [False, True], ids=["as it was", "chained anew"])
def test_cr21_the_same_json_in_another_spelling_is_detected(
    sealed: Installation, spell: Callable[[bytes], bytes], forged: bool
) -> None:
    """CR-21: what means the same in other bytes is found, even where all hashes after it were made to fit."""
    lines = sealed.lines()
    other = spell(lines[6])
    assert other != lines[6]
    rest = lines[7:]
    if forged:
        prev = sha256(other[:-1]).hexdigest().encode()
        rest = []
        for line in lines[7:]:
            place = line.index(b'"prev":"') + 8
            rest.append(line[:place] + prev + line[place + 64 :])
            prev = sha256(rest[-1][:-1]).hexdigest().encode()
    sealed.epoch.write_bytes(b"".join([*lines[:6], other, *rest]))
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    named = min(flaw.seq or 0 for flaw in report.findings)
    if forged and b"5.0" in other:
        assert found(report) == {(FlawCode.REWRITTEN, 13)}, "5.0 is a number too: only the checkpoint knows it was a 5"
    else:
        assert named == (8 if other.endswith(b"\n\n") else 7)


def years(installation: Installation) -> Installation:
    """Make three epochs of five entries each, closed by a checkpoint."""
    for _ in range(3):
        installation.fill(4)
        installation.clock.advance(366 * 86_400)
    assert installation.verify().findings == ()
    return installation


def test_an_altered_end_or_beginning_of_an_epoch_is_named(installation: Installation) -> None:
    """What is altered at the seam of two epochs is named too, with checkpoints and by the chain alone."""
    years(installation)
    old, new = installation.folder / "audit-2026.jsonl", installation.folder / "audit-2027.jsonl"
    for with_checkpoints in (True, False):
        if not with_checkpoints:
            installation.checkpoints.unlink()
        for path, change, seq in [
            (old, (b'"unit":3', b'"unit":4'), 5),
            (new, (b'"size":5', b'"size":4'), 6),
            (new, (b'"actor":"system"', b'"actor":"sYstem"'), 6),
            (new, (b'"prev":"', b'"prev":"0'), 6),
        ]:
            content = path.read_bytes()
            path.write_bytes(content.replace(*change, 1))
            report = installation.verify()
            assert report.verdict is Verdict.BROKEN
            assert (FlawCode.ALTERED, seq) in found(report), (with_checkpoints, change)
            path.write_bytes(content)


def test_without_any_help_both_suspects_are_told(installation: Installation) -> None:
    """Where the last two entries do not fit together and nothing vouches for either, the finding says so."""
    installation.fill(4)
    installation.checkpoints.unlink()
    rewrite(installation, lambda lines: [*lines[:3], lines[3].replace(b'"unit":2', b'"unit":7'), lines[4]])
    report = installation.verify()
    assert report.verdict is Verdict.BROKEN
    flaw = next(flaw for flaw in report.findings if flaw.code is FlawCode.ALTERED)
    assert (flaw.seq, flaw.detail) == (5, "this entry or the one before it")


def test_a_first_line_that_cannot_be_read_is_numbered(installation: Installation) -> None:
    """Rubbish in place of the first entry that is here is named by the number its checkpoints give it."""
    years(installation)
    (installation.folder / "audit-2026.jsonl").unlink()
    path = installation.folder / "audit-2027.jsonl"
    content = path.read_bytes()
    for rubbish in (b"\n", b"{}\n", b"rubbish\n"):
        path.write_bytes(rubbish + content.split(b"\n", 1)[1])
        report = installation.verify()
        assert report.verdict is Verdict.BROKEN
        assert (FlawCode.ALTERED, 6) in found(report)
        assert (report.first, report.size) == (6, 15)


FORMS = [
    (part, f"{part.split(':')[0]}:{value}")
    for part in ('"actor":"p-7f3k"', '"at":"2026-11-24T12:00:05.000000Z"', '"kind":"purge.result"')
    for value in ("null", "1", '["x"]', '{"x":1}')
]
FORMS += [('"kind":', '"extra":1,"kind":'), ('"object":"r-1",', ""), ('{"code":"deleted","unit":4}', '["deleted",4]')]


@pytest.mark.parametrize("change", FORMS)
def test_a_forged_entry_of_another_form_is_no_entry(sealed: Installation, change: tuple[str, str]) -> None:
    """Canonical JSON with other fields or types than an entry's is not taken for one, even chained and signed."""
    lines = sealed.lines()[:6]
    assert change[0].encode() in lines[5]
    lines[5] = lines[5].replace(change[0].encode(), change[1].encode())
    sealed.epoch.write_bytes(b"".join(lines))
    hashes = [sha256(line[:-1]).digest() for line in lines]
    made = sign_checkpoint(
        sealed.signer,
        origin=find_checkpoint(sealed.checkpoints.read_text()).origin,
        epoch=2026,
        first=1,
        size=6,
        head=hashes[-1].hex(),
        root=merkle_root(hashes).hex(),
        at=0,
    )
    sealed.checkpoints.write_bytes(checkpoint_line(made) + b"\n")
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.ALTERED, 6)}


def test_half_a_line_in_a_closed_epoch_is_no_crash(installation: Installation) -> None:
    """Only the newest epoch can have been torn by a crash."""
    years(installation)
    old = installation.folder / "audit-2027.jsonl"
    content = old.read_bytes()
    old.write_bytes(content + b'{"actor')
    assert installation.verify().verdict is Verdict.BROKEN
    old.write_bytes(content)
    installation.epoch.write_bytes(installation.epoch.read_bytes() + b'{"actor')
    assert installation.verify().verdict is Verdict.INTACT


def test_checkpoints_of_deleted_epochs_still_count(installation: Installation) -> None:
    """Where old epochs are gone, the rest goes on from their last checkpoint; one off the host may be too old."""
    years(installation)
    kept = [find_checkpoint(line) for line in installation.checkpoints.read_text().splitlines()]
    closing = next(one for one in kept if one.size == 10)
    for year in (2026, 2027):
        (installation.folder / f"audit-{year}.jsonl").unlink()
    assert found(installation.verify(since=closing)) == {(FlawCode.EPOCHS_GONE, 11)}
    report = installation.verify(since=kept[0])
    assert report.verdict is Verdict.NOT_CHECKABLE
    assert found(report) == {(FlawCode.EPOCHS_GONE, 11), (FlawCode.TOO_OLD, 1)}
    fields = {name: getattr(closing, name) for name in ("origin", "epoch", "first", "size", "root", "at")}
    other = sign_checkpoint(installation.signer, **fields, head="a" * 64)
    report = installation.verify(since=other)
    assert report.verdict is Verdict.BROKEN
    assert (FlawCode.REWRITTEN, 10) in found(report)
    fields = {**fields, "first": 11, "size": 12, "head": "a" * 64}
    report = installation.verify(since=sign_checkpoint(installation.signer, **fields))
    assert report.verdict is Verdict.BROKEN
    assert (FlawCode.REWRITTEN, 12) in found(report)


# -- checkpoints and keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["size", "head", "root", "origin", "at", "first", "epoch"])
def test_a_checkpoint_that_says_something_else_is_not_genuine(sealed: Installation, field: str) -> None:
    """A signature covers every field of a checkpoint."""
    lines = sealed.checkpoints.read_bytes().splitlines(keepends=True)
    value = json.loads(lines[0])
    old = value[field]
    value[field] = old + 1 if isinstance(old, int) else old.translate(str.maketrans("0123456789", "1234567890"))
    if field == "first":
        value["first"], value["size"] = 1, 2
    line = json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    sealed.checkpoints.write_bytes(line + lines[1])
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert {flaw.code for flaw in report.findings} == {FlawCode.BAD_SIGNATURE}


def test_a_line_that_is_no_checkpoint_is_a_bad_signature(sealed: Installation) -> None:
    """A line among the checkpoints that is none is no reason to look away, but a torn last one is."""
    whole = sealed.checkpoints.read_bytes()
    sealed.checkpoints.write_bytes(whole + b'{"size":99}\n')
    assert {flaw.code for flaw in sealed.verify().findings} == {FlawCode.BAD_SIGNATURE}
    sealed.checkpoints.write_bytes(whole + whole[:100])
    assert sealed.verify().verdict is Verdict.INTACT


def test_without_checkpoints_a_log_cannot_be_called_whole(sealed: Installation) -> None:
    """A chain alone proves nothing: without a checkpoint the verdict stays open."""
    sealed.checkpoints.unlink()
    report = sealed.verify()
    assert report.verdict is Verdict.NOT_CHECKABLE
    assert found(report) == {(FlawCode.NO_CHECKPOINT, None)}


def test_checkpoints_taken_away_leave_the_verdict_open(installation: Installation) -> None:
    """A log whose last 100 entries have no checkpoint has lost some: a forger cannot hide behind the first one."""
    installation.fill(150)
    lines = installation.checkpoints.read_bytes().splitlines(keepends=True)
    assert [find_checkpoint(line.decode()).size for line in lines] == [1, 101, 151]
    rewrite(installation, lambda found: found[:100])
    installation.checkpoints.write_bytes(lines[0])
    assert installation.verify().verdict is Verdict.INTACT, "99 entries may be waiting for their checkpoint"
    rewrite(installation, lambda found: [*found, *chained_anew([*found, found[-1].replace(b":100}", b":101}")])[-1:]])
    report = installation.verify()
    assert report.verdict is Verdict.NOT_CHECKABLE
    assert found(report) == {(FlawCode.UNSEALED, 2)}
    assert (report.size, report.sealed) == (101, 1)


def test_another_key_leaves_the_verdict_open(sealed: Installation, tmp_path: Path) -> None:
    """Checkpoints of a key that is not the one given vouch for nothing."""
    stranger = Ed25519FileSigner(tmp_path / "elsewhere")
    report = sealed.verify(public_key=stranger.public)
    assert report.verdict is Verdict.NOT_CHECKABLE
    assert {flaw.code for flaw in report.findings} == {FlawCode.UNKNOWN_KEY, FlawCode.NO_CHECKPOINT}


def test_without_a_key_the_verdict_stays_open_but_breaks_are_seen(sealed: Installation) -> None:
    """Without a public key nothing can be called whole; what is broken is still told."""
    report = sealed.verify(public_key=None)
    assert report.verdict is Verdict.NOT_CHECKABLE
    assert found(report) == {(FlawCode.NO_KEY, None)}
    rewrite(sealed, lambda lines: lines[:5] + lines[6:])
    assert sealed.verify(public_key=None).verdict is Verdict.BROKEN


def test_no_log_at_all_cannot_be_checked(tmp_path: Path) -> None:
    """A folder without a log, or none, gives no verdict."""
    for folder in (tmp_path, tmp_path / "none"):
        report = verify(folder, public_key=bytes(32))
        assert report.verdict is Verdict.NOT_CHECKABLE
        assert (report.first, report.size, report.epochs) == (0, 0, ())


def test_a_log_behind_a_link_is_not_followed(sealed: Installation) -> None:
    """A symbolic link in place of an epoch is unreadable, not read."""
    path = sealed.epoch
    moved = path.rename(sealed.state / "elsewhere.jsonl")
    path.symlink_to(moved)
    report = sealed.verify()
    assert report.verdict is Verdict.NOT_CHECKABLE
    assert FlawCode.UNREADABLE in {flaw.code for flaw in report.findings}


def test_a_checkpoint_of_another_log_is_not_this_ones(sealed: Installation) -> None:
    """A log that was thrown away and begun anew is not the one the DPO has a checkpoint of."""
    kept = off_host(sealed)
    shutil.rmtree(sealed.folder)
    sealed.fill(12)
    assert sealed.verify().verdict is Verdict.INTACT
    assert found(sealed.verify(since=kept)) == {(FlawCode.REWRITTEN, 13)}


def test_a_line_without_end_is_read_in_bounded_memory(sealed: Installation) -> None:
    """A line longer than any entry is named, and what stands behind it is still looked at."""
    rewrite(sealed, lambda lines: [*lines[:5], b"x" * (3 * LONGEST_LINE) + b"\n", *lines[6:]])
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.ALTERED, 6)}


@pytest.mark.parametrize("change", [{"origin": "f" * 16}, {"first": 2}, {"root": "a" * 64}])
def test_a_checkpoint_must_agree_in_every_word(sealed: Installation, change: dict[str, object]) -> None:
    """A genuine checkpoint over the right head, but of another log, epoch or root, is contradicted."""
    kept = off_host(sealed)
    fields = {name: getattr(kept, name) for name in ("origin", "epoch", "first", "size", "head", "root", "at")}
    assert sealed.verify(since=sign_checkpoint(sealed.signer, **fields)).verdict is Verdict.INTACT
    report = sealed.verify(since=sign_checkpoint(sealed.signer, **{**fields, **change}))
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.REWRITTEN, 13)}


def test_a_log_cannot_begin_in_the_middle(sealed: Installation) -> None:
    """A first entry that claims to go on from something is altered, even in a log chained and signed anew."""
    lines = sealed.lines()
    rewrite(sealed, lambda lines: chained_anew([lines[0].replace(b"0" * 64, b"a" * 64), *lines[1:]]))
    resign(sealed)
    report = sealed.verify()
    assert report.verdict is Verdict.BROKEN
    assert found(report) == {(FlawCode.ALTERED, 1)}
    sealed.epoch.write_bytes(b"".join(lines))
    resign(sealed)
    assert sealed.verify().verdict is Verdict.INTACT


def test_a_checkpoint_over_a_missing_entry_adds_nothing(installation: Installation) -> None:
    """An entry taken out together with its checkpoint's place is one gap, not a log written anew as well."""
    installation.fill(3)
    installation.fill(5)
    rewrite(installation, lambda lines: lines[:3] + lines[4:])
    assert found(installation.verify()) == {(FlawCode.GAP, 4)}


def test_very_many_findings_are_counted_not_kept(installation: Installation) -> None:
    """A ruined log gives a report of bounded size."""
    installation.fill(180)
    rewrite(installation, lambda lines: [line.replace(b"purge", b"PURGE") for line in lines])
    report = installation.verify()
    assert report.verdict is Verdict.BROKEN
    assert len(report.findings) == 100
    assert report.more >= 50


# -- at random --------------------------------------------------------------------------------------------------------


def mutated(draw: random.Random, lines: Lines) -> Lines:
    """Change a log in one of the ways of the list, at random."""
    lines = list(lines)
    place = draw.randrange(len(lines))
    way = draw.randrange(8)
    if way == 0:  # a bit
        content = bytearray(b"".join(lines))
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        return [bytes(content)]
    if way == 1:  # a line deleted
        del lines[place]
    elif way == 2:  # two lines swapped
        other = draw.choice([number for number in range(len(lines)) if number != place])
        lines[place], lines[other] = lines[other], lines[place]
    elif way == 3:  # a line there twice
        lines.insert(draw.randrange(len(lines) + 1), lines[place])
    elif way == 4:  # a line made up, in front of another
        forged = chained_anew([*lines[: place + 1]])[-1].replace(b"p-7f3k", b"p-0000").replace(b"system", b"systen")
        lines.insert(place, forged)
    elif way == 5:  # the same JSON, spelled differently
        lines[place] = json.dumps(json.loads(lines[place])).encode() + b"\n"
    elif way == 6:  # the tail cut off anywhere
        content = b"".join(lines)
        return [content[: draw.randrange(len(content))]]
    else:  # everything from here on written anew, well chained
        changed = [line.replace(b'"code"', b'"kode"').replace(b"origin", b"urigin") for line in lines[place:]]
        return chained_anew([*lines[:place], *changed])
    return lines


def test_ten_thousand_random_mutations_are_all_detected(installation: Installation) -> None:
    """Whatever single thing is done to a signed log, at any place, the verdict is broken; undone, it is whole."""
    installation.fill(5)
    lines, public = installation.lines(), installation.signer.public
    whole, path = b"".join(lines), installation.epoch
    draw = random.Random(20261124)  # noqa: S311  the same mutations in every run
    missed = []
    descriptor = os.open(path, os.O_WRONLY)
    for number in range(10_000):
        content = b"".join(mutated(draw, lines))
        assert content != whole
        os.pwrite(descriptor, content, 0)  # ten times as fast as writing a file anew, which ext4 flushes
        os.ftruncate(descriptor, len(content))
        if verify(installation.folder, public_key=public).verdict is not Verdict.BROKEN:
            missed.append((number, content))
    os.close(descriptor)
    assert missed == []
    path.write_bytes(whole)
    assert installation.verify().verdict is Verdict.INTACT
