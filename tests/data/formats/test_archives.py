"""Archives: what is inside is judged like a plain file; what cannot be read to its end is one record."""

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from data.formats.interface import ArchiveLimits, Tally
from data.retention.evidence import Evidence
from data.retention.instants import BEGINNING, DAY, HOUR
from tests.data.formats.engine_fakes import NOW, Case, event, read, rewrite

OLD, YOUNG = event(100), event(1)
MIXED = OLD + YOUNG + b"  more\n" + OLD
Pack = Callable[[bytes], bytes]
PACK: dict[str, Pack] = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
UNPACK: dict[str, Pack] = {
    "gz": gzip.decompress,
    "zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    "bz2": bz2.decompress,
    "xz": lzma.decompress,
}
KINDS = pytest.mark.parametrize("kind", sorted(PACK))


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Make a zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (2026, 8, 1, 10, 20, 30))
            info.compress_type, info.external_attr = method, 0o640 << 16
            archive.writestr(info, content)
    return target.getvalue()


@KINDS
def test_the_content_counts(kind: str) -> None:
    """What is read of an archive is what is read of its content, whatever its name says about packing."""
    inside, outside = read(Case(MIXED)), read(Case(PACK[kind](MIXED), name=b"app.log"))
    assert outside == inside
    assert outside.bytes == len(MIXED)


@KINDS
def test_a_mixed_archive_is_packed_anew(kind: str) -> None:
    """What stays is inside the new archive, and the preview knows each byte of it."""
    kept, done, written = rewrite(Case(PACK[kind](MIXED)))
    assert kept == done
    assert UNPACK[kind](written) == YOUNG + b"  more\n"
    assert (kept.kept_bytes, kept.sha256) == (len(written), hashlib.sha256(written).hexdigest())
    assert (kept.gone, kept.kept_records) == (Tally(records=2, bytes=2 * len(OLD)), 1)


@KINDS
def test_members_in_a_row_are_one_content(kind: str) -> None:
    """Archives put together hold one content, even where a line begins in one and ends in the next."""
    pack = PACK[kind]
    assert read(Case(pack(MIXED[:70]) + pack(MIXED[70:]) + pack(b""))) == read(Case(MIXED))


def test_padding_behind_a_gzip_is_no_content() -> None:
    """NULs behind the last member, as tapes and truncations leave them, are skipped; anything else is garbage."""
    assert read(Case(gzip.compress(MIXED) + b"\0" * 600)) == read(Case(MIXED))
    assert read(Case(gzip.compress(MIXED) + b"more")).damaged in ("garbage", "truncated")


@KINDS
@pytest.mark.parametrize("cut", [1, 5, 12])
def test_a_truncated_archive_is_one_record(kind: str, cut: int) -> None:
    """Nothing inside counts by its own time: the whole file is bounded by its mtime, and goes or stays as a whole."""
    content = PACK[kind](MIXED)[:-cut]
    reading = read(Case(content, birth=NOW - 85 * DAY, mtime=NOW - 84 * DAY))
    assert reading.damaged == "truncated"
    assert (reading.records, reading.evidence, reading.family) == (1, {Evidence.MTIME: 1}, "")
    assert reading.lowest_lo == BEGINNING, "an archive is made after what is in it"
    assert reading.expired == Tally(records=1, bytes=len(content))
    assert rewrite(Case(content))[2] == content
    kept, done, written = rewrite(Case(content, mtime=NOW - 84 * DAY))
    assert (written, kept.damaged, kept == done) == (b"", "truncated", True)


def test_an_archive_named_after_a_day_is_as_old_as_it() -> None:
    """A damaged archive has the period of its name, before its mtime."""
    case = Case(gzip.compress(MIXED)[:-3], name=b"app.log-20260801.gz", mtime=NOW - HOUR)
    assert read(case).evidence == {Evidence.NAME: 1}
    assert read(case).expired.records == 1
    assert read(replace(case, name=b"app.log.gz")).expired.records == 0


@KINDS
@given(data=st.data())
@settings(max_examples=40)
def test_no_damage_crashes_or_loses_a_young_record(kind: str, data: st.DataObject) -> None:
    """An archive with a byte changed is either still right or called damaged; then it stays as a whole."""
    content = bytearray(PACK[kind](MIXED))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    reading = read(Case(bytes(content)))
    kept, done, written = rewrite(Case(bytes(content)))
    assert kept == done
    if reading.damaged:
        assert written == content
    elif reading.family:
        assert YOUNG in UNPACK[kind](written)


@KINDS
def test_a_bomb_is_not_followed(kind: str) -> None:
    """Two hundred bytes of content for one of archive, or too much of it at all, is called too large."""
    bomb = PACK[kind](YOUNG * 200_000)
    limits = ArchiveLimits(free_bytes=1 << 20)
    assert read(Case(bomb), limits=limits).damaged == "too_large"
    assert read(Case(bomb), limits=replace(limits, ratio=1_000_000)).damaged == ""
    tight = ArchiveLimits(content_bytes=1000, ratio=1_000_000)
    assert read(Case(bomb), limits=tight).damaged == "too_large"


def test_an_archive_in_an_archive_is_not_entered() -> None:
    """Packed twice, or a tar: nothing can be cut out of it."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        info = tarfile.TarInfo("app.log")
        info.size = len(MIXED)
        archive.addfile(info, io.BytesIO(MIXED))
    for inner in (gzip.compress(MIXED), zipped({"a": MIXED}), tar.getvalue()):
        assert read(Case(gzip.compress(inner))).damaged == "nested"
        assert read(Case(zipped({"app.log": OLD, "inner": inner}))).damaged == "nested"
    assert read(Case(gzip.compress(MIXED))).damaged == ""


# -- zip --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_of_a_zip_are_judged_one_by_one(method: int) -> None:
    """Members that go entirely are left out, mixed ones are cut, young ones stay, in order and with their entries."""
    content = zipped(
        {"a/old.log": OLD * 3, "b/mixed.log": MIXED, "c/young.log": YOUNG, "empty": b"", "d/": b""}, method
    )
    reading = read(Case(content))
    assert (reading.records, reading.expired.records, reading.damaged) == (7, 5, "")
    kept, done, written = rewrite(Case(content))
    assert kept == done
    assert (kept.kept_bytes, kept.sha256) == (len(written), hashlib.sha256(written).hexdigest())
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        assert archive.testzip() is None
        assert [info.filename for info in archive.infolist()] == ["b/mixed.log", "c/young.log", "empty", "d/"]
        assert archive.read("b/mixed.log") == YOUNG + b"  more\n"
        assert archive.read("c/young.log") == YOUNG
        assert {info.date_time for info in archive.infolist()} == {(2026, 8, 1, 10, 20, 30)}
        assert {info.external_attr >> 16 & 0o777 for info in archive.infolist()} == {0o640}
        assert {info.compress_type for info in archive.infolist() if info.file_size} == {method}


def test_a_member_is_named_for_its_own_day() -> None:
    """The name of a member counts before that of the archive, and the archive's mtime bounds both."""
    case = Case(zipped({"app-20260801.log": b"no date\n"}), name=b"all-20261101.zip")
    assert read(case).expired.records == 1
    unnamed = replace(case, content=zipped({"app.log": b"no date\n"}))
    assert read(unnamed).evidence == {Evidence.NAME: 1}
    assert read(unnamed).expired.records == 0


def test_an_encrypted_zip_stays_closed() -> None:
    """A member with the mark of encryption makes the archive one record."""
    content = bytearray(zipped({"a.log": MIXED}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + offset] |= 1
    reading = read(Case(bytes(content)))
    assert (reading.damaged, reading.records, reading.expired.records) == ("encrypted", 1, 0)
    assert rewrite(Case(bytes(content)))[2] == content


def test_a_zip_cut_short_is_one_record() -> None:
    """Without its directory a zip is truncated; with a wrong checksum it is garbage."""
    content = zipped({"a.log": MIXED}, zipfile.ZIP_STORED)
    assert read(Case(content[:-10])).damaged == "truncated"
    assert read(Case(content.replace(b"hello", b"hullo", 1))).damaged == "garbage"


def test_a_zip_of_too_many_members_is_not_followed() -> None:
    """The number of members is limited."""
    content = zipped({str(number): b"" for number in range(20)})
    assert read(Case(content), limits=ArchiveLimits(members=19)).damaged == "too_large"
    assert read(Case(content), limits=ArchiveLimits(members=20)).damaged == ""
