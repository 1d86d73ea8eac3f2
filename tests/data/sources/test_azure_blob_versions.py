"""Accounts that keep versions, hold blobs or make them immutable: against a fake, for Azurite knows none of it."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.clock import SystemClock
from data.retention.instants import DAY, datetime_of
from data.retention.residue import Code
from data.retention.unit import Planned
from data.sources.interface import Measured
from tests.azurite.server import ACCOUNT, KEY, Azurite
from tests.data.sources.azure_blob_lab import BlobLab
from tests.data.sources.blob_proxy import Answer, Asked, BlobProxy, refusal, running_proxy
from tests.data.sources.conformance import SourceConformance
from tests.data.sources.fake_blob_service import FakeBlobService, running_fake
from tests.data.sources.lab import FREE, asking


def _string(port: int) -> str:
    return Azurite(port=port).connection_string()


class VersionedLab(BlobLab):
    """A container of an account that keeps versions; what is measured and planned by name is the current one."""

    def put(self, name: str, content: bytes, *, appended: bool = False) -> str:
        """Upload a blob, and leave no version of it behind."""
        super().put(name, content, appended=appended)
        self.tidy(name)
        return name

    def remove(self, name: str) -> None:
        """Take a unit away, all versions of it."""
        super().remove(name)
        self.tidy(name)

    def tidy(self, name: str) -> None:
        """Delete all earlier versions."""
        for one in list(self.container.list_blobs(name_starts_with=name, include=["versions"])):
            if one.name == name and not one.is_current_version:
                self.container.delete_blob(name, version_id=one.version_id)


class TestVersionedAccount(SourceConformance):
    """The conformance suite where each deletion leaves a version behind that has to go too."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> Iterator[BlobLab]:
        """Give an account of its own to every test."""
        with running_fake() as fake:
            yield VersionedLab(tmp_path, _string(fake.port))


@pytest.fixture
def fake() -> Iterator[FakeBlobService]:
    """Give an account that keeps versions."""
    with running_fake() as found:
        yield found


@pytest.fixture
def lab(tmp_path: Path, fake: FakeBlobService) -> BlobLab:
    """Give a container of it."""
    return BlobLab(tmp_path, _string(fake.port))


def test_the_version_that_a_deletion_leaves_is_deleted_too(lab: BlobLab, fake: FakeBlobService) -> None:
    """A deleted blob is not there as an earlier version either; both requests named the ETag."""
    lab.old()
    (row,) = lab.plan()
    assert [done.code for done in lab.delete([row])] == [Code.DELETED]
    assert fake.versions(lab.options.container, "old.log") == []
    assert lab.source.verify(row) is None
    etag = row.unit.identity.tag.partition(" ")[0]
    assert [asked.headers["If-Match"] for asked in fake.deletions()] == [f'"{etag}"'] * 2


def test_earlier_versions_are_units_of_their_own(lab: BlobLab, fake: FakeBlobService) -> None:
    """Of a young blob the old version goes, the young version and the blob stay."""
    lab.old("app.log")
    lab.young("app.log")
    lab.young("app.log")
    planned = lab.plan()
    assert [row.unit.name.startswith(b"\0version\0") for row in planned] == [True]
    assert [done.code for done in lab.delete(planned)] == [Code.DELETED]
    assert lab.source.verify(planned[0]) is None
    assert len(fake.versions(lab.options.container, "app.log")) == 2
    assert lab.content("app.log")


def test_an_orphaned_version_is_found_and_deleted(lab: BlobLab, fake: FakeBlobService) -> None:
    """What somebody deleted by hand and Azure kept as a version is old data like any other."""
    lab.old()
    lab.remove("old.log")
    assert [done.code for done in lab.purge().values()] == [Code.DELETED]
    assert fake.versions(lab.options.container, "old.log") == []


def test_a_version_that_cannot_be_deleted_is_not_called_deleted(lab: BlobLab, fake: FakeBlobService) -> None:
    """Without the right to delete versions the content is still there, and that is said; the next scan finds it."""
    lab.old()
    (row,) = lab.plan()
    no = refusal(403, "AuthorizationPermissionMismatch")
    fake.before = lambda asked: no if asked.method == "DELETE" and asked.query.get("versionid") else None
    assert [(done.code, done.reason) for done in lab.delete([row])] == [(Code.DENIED, "version_left")]
    assert lab.source.verify(row) is Code.FAILED
    fake.before = lambda _: None
    assert [unit.reading.expired.records for unit in lab.measured().values()] == [3]


def test_a_crash_between_blob_and_version_is_ended(lab: BlobLab, fake: FakeBlobService) -> None:
    """A process that dies after the first request is recovered: the version goes under the guard, and only then."""
    lab.old()
    (row,) = lab.plan()

    def kill(asked: Asked) -> Answer | None:
        return Answer(status=0, silent=True) if asked.query.get("versionid") else None

    fake.before = kill
    assert [(done.code, done.reason) for done in lab.delete([row])] == [(Code.FAILED, "version_left")]
    fake.before = lambda _: None
    held = lab.fresh().recover(row, guard=asking(lambda _: Code.HELD))
    assert held is not None
    assert held.code is Code.HELD
    assert len(fake.versions(lab.options.container, "old.log")) == 1
    ended = lab.fresh().recover(row, guard=FREE)
    assert ended is not None
    assert (ended.code, ended.records) == (Code.ABSENT, 3)
    assert fake.versions(lab.options.container, "old.log") == []
    assert lab.source.verify(row) is None


@pytest.mark.parametrize("kind", ["legal_hold", "immutable"])
def test_what_azure_protects_is_neither_deleted_nor_hidden(lab: BlobLab, fake: FakeBlobService, kind: str) -> None:
    """A held blob is reported as such before and at the deletion, and is still there as the current one."""
    lab.old()
    lab.old("free.log")
    planned = lab.plan()
    (version,) = fake.versions(lab.options.container, "old.log")
    if kind == "legal_hold":
        version.legal_hold = True
    else:
        version.until = datetime_of(lab.now + DAY)
    found = {unit.unit.name: unit for unit in lab.source.measure(lab.marks) if isinstance(unit, Measured)}
    assert {name: lab.source.holds_native(unit.unit) for name, unit in found.items()} == {
        b"old.log": True,
        b"free.log": False,
    }
    assert [lab.source.holds_native(row.unit) for row in planned] == [row.unit.name == b"old.log" for row in planned]
    codes = {row.unit.name: done for row, done in zip(planned, lab.delete(planned), strict=True)}
    assert (codes[b"old.log"].code, codes[b"old.log"].reason) == (Code.HELD_NATIVE, "held")
    assert codes[b"free.log"].code is Code.DELETED
    assert lab.content("old.log")


def test_an_immutability_that_has_ended_protects_no_longer(lab: BlobLab, fake: FakeBlobService) -> None:
    """A blob whose retention is over can be deleted."""
    lab.old()
    fake.versions(lab.options.container, "old.log")[0].until = SystemClock().now() - dt.timedelta(hours=1)
    assert [done.code for done in lab.purge().values()] == [Code.DELETED]


def test_a_held_version_stays(lab: BlobLab, fake: FakeBlobService) -> None:
    """An earlier version under legal hold is not deleted, and reported as held."""
    lab.old("app.log")
    lab.young("app.log")
    planned = lab.plan()
    fake.versions(lab.options.container, "app.log")[0].legal_hold = True
    assert [done.code for done in lab.delete(planned)] == [Code.HELD_NATIVE]
    assert len(fake.versions(lab.options.container, "app.log")) == 2


def test_a_legal_hold_on_the_container_is_seen(lab: BlobLab, fake: FakeBlobService) -> None:
    """A hold on the whole container protects every blob in it, and is seen before anything is tried."""
    lab.old()
    fake.held_containers.add(lab.options.container)
    (found,) = lab.measured().values()
    assert lab.source.holds_native(found.unit)
    fake.held_containers.clear()
    (found,) = lab.measured().values()
    assert not lab.source.holds_native(found.unit)


# -- the same refusals from an account without versions, put in front of Azurite -------------------------------------


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[BlobProxy]:
    """Give a proxy in front of Azurite."""
    with running_proxy(azurite.port) as found:
        yield found


@pytest.mark.parametrize(
    ("status", "word", "code", "reason"),
    [
        (409, "BlobImmutableDueToPolicy", Code.HELD_NATIVE, "held"),
        (409, "BlobImmutableDueToLegalHold", Code.HELD_NATIVE, "held"),
        (409, "PendingCopyOperation", Code.ACTIVE, "copying"),
        (404, "ContainerNotFound", Code.UNREACHABLE, "missing"),
        (409, "ContainerBeingDeleted", Code.UNREACHABLE, "missing"),
        (403, "AccountIsDisabled", Code.DENIED, "denied"),
        (400, "InvalidHeaderValue", Code.FAILED, "refused"),
        (409, "SomethingNew", Code.FAILED, "refused"),
        (500, "InternalError", Code.FAILED, "no_answer"),
        (302, "Elsewhere", Code.FAILED, "refused"),
    ],
)
def test_each_refusal_has_its_outcome(
    tmp_path: Path, azurite: Azurite, proxy: BlobProxy, status: int, word: str, code: Code, reason: str
) -> None:
    """What Azure answers to a deletion becomes an outcome with a stable reason, and nothing is deleted."""
    lab = BlobLab(tmp_path, azurite.connection_string(), behind=azurite.connection_string(port=proxy.port))
    lab.old()
    planned: list[Planned] = lab.plan()
    proxy.before = lambda asked: (
        refusal(status, word, Location="http://127.0.0.1:9/") if asked.method == "DELETE" else None
    )
    assert [(done.code, done.reason) for done in lab.delete(planned)] == [(code, reason)]
    assert lab.content("old.log")
    proxy.before = lambda _: None
    assert [done.code for done in lab.delete(planned)] == [Code.DELETED]


def test_an_archived_blob_is_judged_by_its_last_change(tmp_path: Path, azurite: Azurite, proxy: BlobProxy) -> None:
    """What lies in the archive tier cannot be read: it counts as damaged, and goes when its last change is old."""
    lab = BlobLab(tmp_path, azurite.connection_string(), behind=azurite.connection_string(port=proxy.port))
    lab.old()
    proxy.before = lambda asked: (
        refusal(409, "BlobArchived") if asked.method == "GET" and "/old.log" in asked.path else None
    )
    reading = lab.measured()["old.log"].reading
    assert (reading.damaged, reading.records, reading.expired.records) == ("archived", 1, 0)
    later = lab.marks.__class__(cutoff=lab.now, limit=lab.now, now=lab.now)
    rows = list(lab.source.plan([one for one in lab.source.measure(later) if isinstance(one, Measured)], later))
    assert [done.code for done in lab.delete([row for row in rows if row])] == [Code.DELETED]


def test_no_secret_is_ever_said(tmp_path: Path, azurite: Azurite) -> None:
    """Neither the source nor its options nor its errors show the key."""
    lab = BlobLab(tmp_path, azurite.connection_string())
    lab.lose()
    probe = lab.source.probe()
    shown = f"{lab.source!r} {lab.options!r} {probe!r} {lab.source.config_digest}"
    assert KEY not in shown
    assert KEY[:8] not in shown
    assert ACCOUNT not in shown
