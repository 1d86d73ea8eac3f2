"""What can go wrong at a container of Azure Blob Storage, each made to happen, with what still works beside it."""

import datetime as dt
import gc
import gzip
import http.client
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.storage.blob import (
    AccountSasPermissions,
    BlobProperties,
    ContentSettings,
    ResourceTypes,
    RetentionPolicy,
    generate_account_sas,
)

from data.clock import SystemClock
from data.errors import SourceError
from data.retention.evidence import Evidence
from data.retention.instants import DAY, HOUR, MINUTE, datetime_of, iso
from data.retention.residue import Code
from data.retention.unit import Action, Planned, Unit
from data.sources.blob_service import API_VERSION, Entry
from data.sources.interface import Measured, Release
from tests.azurite.server import ACCOUNT, KEEPING, KEY, Azurite
from tests.data.sources.azure_blob_lab import HASTY, BlobLab
from tests.data.sources.blob_proxy import Answer, Asked, BlobProxy, refusal, running_proxy
from tests.data.sources.lab import FREE, OLD, YOUNG, asking
from tests.data.sources.reader import line_at

EXPIRES = SystemClock().now() + dt.timedelta(hours=2)
"""Of the signatures that the tests make themselves."""


@pytest.fixture
def lab(tmp_path: Path, azurite: Azurite) -> BlobLab:
    """Give a container of its own to every test."""
    return BlobLab(tmp_path, azurite.connection_string())


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[BlobProxy]:
    """Give a proxy in front of Azurite."""
    with running_proxy(azurite.port) as found:
        yield found


@pytest.fixture
def behind(tmp_path: Path, azurite: Azurite, proxy: BlobProxy) -> BlobLab:
    """Give a lab whose source has to go through the proxy."""
    return BlobLab(tmp_path, azurite.connection_string(), behind=azurite.connection_string(port=proxy.port))


# -- deleting -------------------------------------------------------------------------------------------------------


def test_no_deletion_is_ever_sent_without_its_etag(behind: BlobLab, proxy: BlobProxy) -> None:
    """Every deletion names the ETag that was planned, and a row without one is not acted on."""
    behind.old()
    (row,) = behind.plan()
    bare = Planned(
        unit=Unit(
            name=row.unit.name,
            identity=type(row.unit.identity)(device=0, inode=0, size=row.bytes, mtime_ns=0, ctime_ns=0),
        ),
        action=Action.DELETE,
        records=1,
        bytes=1,
        lo=row.lo,
        hi=row.hi,
        cutoff=row.cutoff,
    )
    assert [done.code for done in behind.delete([bare])] == [Code.UNSUPPORTED]
    assert proxy.deletions() == []
    assert [done.code for done in behind.delete([row])] == [Code.DELETED]
    assert [asked.headers["If-Match"] for asked in proxy.deletions()] == [f'"{row.unit.identity.tag}"']


def test_what_changes_in_the_last_moment_stays(behind: BlobLab, proxy: BlobProxy) -> None:
    """A blob that is written over after the guard said yes, right before the deletion arrives, is not deleted."""
    behind.old()
    behind.old("other.log")
    planned = behind.plan()

    def write_over(asked: Asked) -> None:
        if asked.method == "DELETE" and "/old.log" in asked.path:
            behind.drift("old.log")

    proxy.before = write_over
    outcomes = {row.unit.name: done for row, done in zip(planned, behind.delete(planned), strict=True)}
    assert outcomes[b"old.log"].code is Code.DRIFTED
    assert outcomes[b"other.log"].code is Code.DELETED
    assert behind.content("old.log")


def test_what_is_appended_while_purging_stays(behind: BlobLab, proxy: BlobProxy) -> None:
    """A service that appends to its log right before the deletion arrives loses nothing."""
    behind.put("app.log", line_at(behind.now - OLD), appended=True)
    (row,) = behind.plan()

    def append(asked: Asked) -> None:
        if asked.method == "DELETE":
            behind.container.get_blob_client("app.log").append_block(line_at(behind.now - YOUNG))

    proxy.before = append
    assert [done.code for done in behind.delete([row])] == [Code.DRIFTED]
    assert (behind.content("app.log") or b"").count(b"\n") == 2


def test_new_properties_are_a_change_too(lab: BlobLab) -> None:
    """Somebody who sets metadata on a blob has touched it since the preview: it is left."""
    lab.old()
    (row,) = lab.plan()
    lab.container.get_blob_client("old.log").set_blob_metadata({"note": "keep"})
    assert [done.code for done in lab.delete([row])] == [Code.DRIFTED]


def test_a_lease_taken_in_the_last_moment_is_respected(behind: BlobLab, proxy: BlobProxy) -> None:
    """A leased blob is in use: said by the measure, and by the deletion where the lease came later; then it can go."""
    behind.old()
    (row,) = behind.plan()
    lease = behind.container.get_blob_client("old.log").acquire_lease(-1)
    assert [(done.code, done.reason) for done in behind.delete([row])] == [(Code.ACTIVE, "leased")]
    assert len(proxy.deletions()) == 1
    assert behind.measured()["old.log"].active == "leased"
    assert behind.source.recover(row, guard=FREE) is None
    lease.release()
    assert [done.code for done in behind.delete([row])] == [Code.DELETED]


def test_what_was_changed_a_moment_ago_is_active(tmp_path: Path, azurite: Azurite) -> None:
    """A blob that was changed within the quiet time is not planned, however old its records."""
    lab = BlobLab(tmp_path, azurite.connection_string(), quiet_minutes=2 * 24 * 60)
    lab.old()
    assert lab.measured()["old.log"].active == "quiet"
    assert lab.plan() == []


def test_snapshots_go_by_the_same_rule_and_first(lab: BlobLab) -> None:
    """A snapshot is a unit of its own: an old one goes, before its blob; verified in the listing with snapshots."""
    lab.old()
    lab.container.get_blob_client("old.log").create_snapshot()
    planned = lab.plan()
    assert [row.unit.name.startswith(b"\0snapshot\0") for row in planned] == [True, False]
    assert [done.code for done in lab.delete(planned)] == [Code.DELETED, Code.DELETED]
    assert [lab.source.verify(row) for row in planned] == [None, None]
    assert list(lab.container.list_blobs(include=["snapshots"])) == []


def test_a_blob_with_a_snapshot_that_must_stay_is_left(lab: BlobLab) -> None:
    """A snapshot that came after the preview is not deleted along with its blob; the next purge finds both."""
    lab.old()
    planned = lab.plan()
    lab.container.get_blob_client("old.log").create_snapshot()
    assert [(done.code, done.reason) for done in lab.delete(planned)] == [(Code.LOCKED, "snapshots")]
    assert [done.code for done in lab.purge().values()] == [Code.DELETED, Code.DELETED]


def test_an_old_snapshot_of_a_young_blob_goes_alone(lab: BlobLab) -> None:
    """What was kept of a blob before it was written anew is old, and the blob itself stays."""
    lab.old("app.log")
    lab.container.get_blob_client("app.log").create_snapshot()
    lab.young("app.log")
    (row,) = lab.plan()
    assert row.unit.name.startswith(b"\0snapshot\0")
    assert [done.code for done in lab.delete([row])] == [Code.DELETED]
    assert lab.source.verify(row) is None
    assert lab.content("app.log")


def test_two_at_once_delete_once(lab: BlobLab) -> None:
    """Of two executors with the same rows one deletes, and the other says that it did not."""
    for number in range(20):
        lab.old(f"{number:02}.log")
    planned, other = lab.plan(), lab.fresh()
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda source: list(source.delete(planned, guard=FREE)), (lab.source, other)))
    for one, two in zip(*both, strict=True):
        assert {one.code, two.code} == {Code.DELETED, Code.TARGET_ABSENT}


def test_a_hold_is_asked_again_after_a_pause(behind: BlobLab, proxy: BlobProxy) -> None:
    """While the source waits because Azure is busy, a hold can be placed: the guard is entered anew for each try."""
    behind.old()
    (row,) = behind.plan()
    proxy.before = lambda asked: refusal(503, "ServerBusy", Retry_After="0") if asked.method == "DELETE" else None
    answers = iter([None, Code.HELD])
    done = list(behind.source.delete([row], guard=asking(lambda _: next(answers))))
    assert [one.code for one in done] == [Code.HELD]
    assert behind.content("old.log")


# -- an answer that does not come -------------------------------------------------------------------------------------


def test_a_deletion_without_an_answer_is_looked_up(behind: BlobLab, proxy: BlobProxy) -> None:
    """Where the answer is lost the place is looked at: gone is absent, still there is a failure, never `deleted`."""
    behind.old("done.log")
    behind.old("undone.log")
    planned = behind.plan()

    def lose_answer(asked: Asked, answer: Answer) -> Answer:
        return Answer(status=0, silent=True) if asked.method == "DELETE" else answer

    def swallow(asked: Asked) -> Answer | None:
        swallowed = asked.method == "DELETE" and "/undone.log" in asked.path
        return Answer(status=0, silent=True) if swallowed else None

    proxy.after, proxy.before = lose_answer, swallow
    outcomes = {row.unit.name: done for row, done in zip(planned, behind.delete(planned), strict=True)}
    assert outcomes[b"done.log"].code is Code.ABSENT
    assert (outcomes[b"undone.log"].code, outcomes[b"undone.log"].reason) == (Code.FAILED, "no_answer")
    assert len(proxy.deletions()) == 2
    assert behind.content("undone.log")


def test_a_crash_between_act_and_result_is_told(behind: BlobLab, proxy: BlobProxy) -> None:
    """A process that dies after the deletion finds the blob absent; one that dies before finds it as it was."""
    behind.old("done.log")
    behind.old("undone.log")
    planned = {row.unit.name: row for row in behind.plan()}

    class KilledError(BaseException):
        """Stands for the end of the process."""

    def kill(asked: Asked, answer: Answer) -> Answer:
        if asked.method == "DELETE":
            behind.state.joinpath("deleted").touch()
        return answer

    proxy.after = kill
    guard = asking(lambda row: None if row.unit.name == b"done.log" else _raise(KilledError()))
    with pytest.raises(KilledError):
        list(behind.source.delete(list(planned.values()), guard=guard))
    assert behind.state.joinpath("deleted").exists()
    found = behind.fresh().recover(planned[b"done.log"], guard=FREE)
    assert found is not None
    assert (found.code, found.records) == (Code.ABSENT, 3)
    assert behind.fresh().recover(planned[b"undone.log"], guard=FREE) is None


def _raise(error: BaseException) -> Code | None:
    raise error


# -- throttling, rights, a server that is away ------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(429, "TooManyRequests"), (503, "ServerBusy")])
def test_throttling_is_waited_for_within_limits(behind: BlobLab, proxy: BlobProxy, status: int, code: str) -> None:
    """A busy Azure is asked again after the pause it names; one that stays busy ends in `rate_limited`."""
    behind.old()
    (row,) = behind.plan()
    busy = [refusal(status, code, Retry_After="1")]
    proxy.before = lambda asked: busy.pop() if asked.method == "DELETE" and busy else None
    began = time.monotonic()
    assert [done.code for done in behind.delete([row])] == [Code.DELETED]
    assert time.monotonic() - began >= 1

    behind.old()
    (row,) = behind.plan()
    proxy.asked.clear()
    proxy.before = lambda asked: refusal(status, code, Retry_After="0") if asked.method == "DELETE" else None
    assert [(done.code, done.reason) for done in behind.delete([row])] == [(Code.RATE_LIMITED, "throttled")]
    assert len(proxy.deletions()) == HASTY.attempts


def test_a_pause_that_is_too_long_is_not_waited_for(behind: BlobLab, proxy: BlobProxy) -> None:
    """Where Azure wants an hour, nobody sleeps for an hour; and after three such units it is not asked for more."""
    for number in range(5):
        behind.old(f"{number}.log")
    planned = behind.plan()
    proxy.before = lambda asked: refusal(503, "ServerBusy", Retry_After="3600") if asked.method == "DELETE" else None
    began = time.monotonic()
    assert {done.code for done in behind.delete(planned)} == {Code.RATE_LIMITED}
    assert time.monotonic() - began < 3
    assert len(proxy.deletions()) == 3


def test_a_listing_that_is_throttled_is_tried_again_and_then_unknown(behind: BlobLab, proxy: BlobProxy) -> None:
    """One refusal of a listing does no harm; refusals without end are an error and no empty list."""
    behind.old()
    busy = [refusal(503, "ServerBusy", Retry_After="0")]
    proxy.before = lambda asked: busy.pop() if asked.is_listing and busy else None
    assert list(behind.measured()) == ["old.log"]
    proxy.before = lambda asked: refusal(503, "ServerBusy") if asked.is_listing else None
    with pytest.raises(SourceError, match="too busy"):
        list(behind.source.list_units())
    assert behind.source.probe().reason == "throttled"


def test_missing_rights_are_named(behind: BlobLab, proxy: BlobProxy) -> None:
    """Without the right to list nothing is known; without the right to delete the outcome is `denied`."""
    behind.old()
    (row,) = behind.plan()
    no = refusal(403, "AuthorizationPermissionMismatch")
    proxy.before = lambda asked: no if asked.method == "DELETE" else None
    assert [done.code for done in behind.delete([row])] == [Code.DENIED]
    proxy.before = lambda asked: no if asked.is_listing else None
    probe = behind.source.probe()
    assert (probe.reachable, probe.reason) == (False, "denied")
    with pytest.raises(SourceError):
        behind.source.summarise(behind.marks)


def test_a_blob_that_may_not_be_read_is_counted_as_unread(behind: BlobLab, proxy: BlobProxy) -> None:
    """A blob with a key of its own counts as unread; where reading is forbidden altogether nothing is known."""
    behind.old()
    behind.old("locked.log")

    def own_key(asked: Asked) -> Answer | None:
        reads = asked.method == "GET" and "/locked.log" in asked.path
        return refusal(409, "BlobUsesCustomerSpecifiedEncryption") if reads else None

    proxy.before = own_key
    assert behind.skipped() == {"locked.log": "denied"}
    assert behind.source.summarise(behind.marks).unreadable == 1
    proxy.before = lambda asked: (
        refusal(403, "AuthorizationFailure") if asked.method == "GET" and not asked.is_listing else None
    )
    with pytest.raises(SourceError):
        list(behind.source.measure(behind.marks, fresh=True))


def test_wrong_key_and_missing_container_are_told_apart(tmp_path: Path, azurite: Azurite) -> None:
    """A wrong key is `denied`, a container that is not there is `missing`; neither is an empty source."""
    lab = BlobLab(tmp_path, azurite.connection_string())
    lab.secret.write_text(azurite.connection_string().replace("AccountKey=cHJv", "AccountKey=AAAA"), encoding="utf-8")
    wrong = lab.fresh()
    assert wrong.probe().reason == "denied"
    with pytest.raises(SourceError, match="does not let the bot in"):
        list(wrong.list_units())
    lab.lose()
    assert lab.source.probe().reason == "missing"


def test_a_server_that_is_away_at_the_start_or_in_the_middle(behind: BlobLab, proxy: BlobProxy) -> None:
    """A server that goes away in the middle of a purge leaves the rest undone; from then on nothing is known."""
    for number in range(6):
        behind.old(f"{number}.log")
    planned = behind.plan()

    def go(row: Planned) -> Code | None:
        if row.unit.name == b"2.log":
            proxy.stop()
        return None

    codes = [done.code for done in behind.source.delete(planned, guard=asking(go))]
    assert codes == [Code.DELETED, Code.DELETED, *[Code.UNREACHABLE] * 4]
    assert sorted(blob.name for blob in behind.container.list_blobs()) == [f"{n}.log" for n in range(2, 6)]
    assert behind.fresh().probe().reason == "unreachable"
    with pytest.raises(SourceError, match="does not answer"):
        list(behind.fresh().measure(behind.marks))
    recovered = behind.fresh().recover(planned[0], guard=FREE)
    assert recovered is not None
    assert recovered.code is Code.UNREACHABLE
    assert behind.source.verify(planned[0]) is Code.UNREACHABLE


def test_a_clock_that_is_off_is_noticed(behind: BlobLab, proxy: BlobProxy) -> None:
    """The probe tells how far Azure's clock is from ours, by the Date header."""
    behind.clock.advance(-DAY / 1_000_000)  # the lab is a day ahead of Azurite
    assert abs(behind.source.probe().clock_offset) < MINUTE

    def shift(asked: Asked, answer: Answer) -> Answer:
        del asked
        later = datetime_of(behind.now - DAY + 5 * MINUTE)
        answer.headers["date"] = later.strftime("%a, %d %b %Y %H:%M:%S GMT")  # as Azurite spells it
        return answer

    proxy.after = shift
    assert 4 * MINUTE < behind.source.probe().clock_offset < 6 * MINUTE


# -- listings -------------------------------------------------------------------------------------------------------


@pytest.fixture
def paged(tmp_path: Path, azurite: Azurite, proxy: BlobProxy) -> BlobLab:
    """Give a lab with five blobs of which a listing shows two at a time."""
    lab = BlobLab(tmp_path, azurite.connection_string(), behind=azurite.connection_string(port=proxy.port), page=2)
    for number in range(5):
        lab.old(f"{number}.log")
    return lab


def test_a_listing_of_several_pages_is_complete(paged: BlobLab, proxy: BlobProxy) -> None:
    """Every blob is listed once over all pages."""
    found = [unit.name for unit in paged.source.list_units()]
    assert found == [f"{number}.log".encode() for number in range(5)]
    assert sum(asked.is_listing for asked in proxy.asked) == 3


def _second_page(asked: Asked) -> bool:
    return asked.is_listing and bool(asked.query.get("marker"))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda _: refusal(500, "InternalError"), id="error"),
        pytest.param(lambda answer: Answer(status=200, headers=answer.headers, body=answer.body, cut=300), id="cut"),
        pytest.param(
            lambda answer: Answer(status=200, headers=answer.headers, body=answer.body[:300]), id="half a document"
        ),
        pytest.param(lambda _: Answer(status=0, silent=True), id="silence"),
        pytest.param(
            lambda answer: Answer(status=200, headers=answer.headers, body=b"<html><body>Login</body></html>"),
            id="another page",
        ),
        pytest.param(lambda answer: Answer(status=200, headers=answer.headers), id="nothing"),
        pytest.param(
            lambda answer: Answer(status=200, headers=answer.headers, body=answer.body.replace(b"<Etag>", b"<Tag>")
                                  .replace(b"</Etag>", b"</Tag>")),
            id="no ETags",
        ),
    ],
)  # fmt: skip
def test_half_a_listing_is_no_listing(paged: BlobLab, proxy: BlobProxy, fault: object) -> None:
    """A page that fails in the middle ends in an error, whatever the fault; nothing of the scan index is lost by it."""
    before = paged.measured()
    proxy.after = lambda asked, answer: fault(answer) if _second_page(asked) else answer  # type: ignore[operator]
    with pytest.raises(SourceError):
        list(paged.source.list_units())
    with pytest.raises(SourceError):
        paged.source.summarise(paged.marks)
    proxy.after = lambda _, answer: answer
    assert paged.measured() == before


def test_one_bad_page_is_asked_for_again(paged: BlobLab, proxy: BlobProxy) -> None:
    """A page that fails once is listed at the second try, and no unit is listed twice."""
    faults = [refusal(500, "InternalError")]
    proxy.after = lambda asked, answer: faults.pop() if _second_page(asked) and faults else answer
    assert len([unit.name for unit in paged.source.list_units()]) == 5


def test_a_listing_that_goes_round_in_circles_ends(paged: BlobLab, proxy: BlobProxy) -> None:
    """A marker that comes back, or a page that comes back under another marker, is an error and no endless loop."""

    def same_marker(asked: Asked, answer: Answer) -> Answer:
        return _marked(asked, answer, "0")

    proxy.after = same_marker
    with pytest.raises(SourceError, match="lying"):
        list(paged.source.list_units())

    pages: list[bytes] = []

    def same_page(asked: Asked, answer: Answer) -> Answer:
        if asked.is_listing:
            pages.append(answer.body)
            answer.body = pages[0]
        return _marked(asked, answer, str(len(pages)))

    proxy.after = same_page
    with pytest.raises(SourceError, match="lying"):
        list(paged.source.list_units())
    assert len(pages) == 2


def _marked(asked: Asked, answer: Answer, marker: str) -> Answer:
    """Put another marker into a page."""
    if asked.is_listing:
        said = f"<NextMarker>{marker}</NextMarker>".encode()
        answer.body = re.sub(rb"<NextMarker\s*/>|<NextMarker>.*?</NextMarker>", said, answer.body)
    return answer


def test_a_listing_of_something_else_is_refused(tmp_path: Path, azurite: Azurite, proxy: BlobProxy) -> None:
    """Names that do not begin with the prefix, or another container than the one asked for, are an error."""
    lab = BlobLab(
        tmp_path, azurite.connection_string(), behind=azurite.connection_string(port=proxy.port), prefix="app/"
    )
    lab.old("app/old.log")
    lab.old("web/old.log")
    assert list(lab.measured()) == ["app/old.log"]
    proxy.after = lambda asked, answer: _replaced(asked, answer, b"<Name>app/", b"<Name>web/")
    with pytest.raises(SourceError, match="lying"):
        list(lab.source.list_units())
    name = lab.options.container.encode()
    proxy.after = lambda asked, answer: _replaced(asked, answer, name, b"another-container")
    with pytest.raises(SourceError, match="lying"):
        list(lab.source.list_units())


def _replaced(asked: Asked, answer: Answer, old: bytes, new: bytes) -> Answer:
    if asked.is_listing:
        answer.body = answer.body.replace(old, new)
    return answer


def test_an_empty_listing_does_not_prove_a_deletion(behind: BlobLab, proxy: BlobProxy) -> None:
    """A verification by a listing that shows nothing is believed only where the address says the same."""
    behind.old()
    (row,) = behind.plan()

    def hide(asked: Asked, answer: Answer) -> Answer:
        if asked.is_listing:
            answer.body = re.sub(rb"<Blobs>.*</Blobs>", b"<Blobs/>", answer.body, flags=re.DOTALL)
        return answer

    proxy.after = hide
    assert behind.source.verify(row) is Code.FAILED
    behind.delete([row])
    assert behind.source.verify(row) is None
    behind.lose()
    assert behind.source.verify(row) is Code.UNREACHABLE


ODD_NAMES = [
    "a b.log",
    "ä/ß €.log",
    "percent %41%2F.log",
    "query?x=1&y=2.log",
    "hash#1.log",
    "plus+plus.log",
    "quote'\".log",
    "<tag>&amp;.log",
    "deep/" * 60 + "x.log",
    "emoji 😀.log",
    "..hidden.log",
    "~tilde;semi,comma=.log",
]


def test_odd_names_are_deleted_by_their_name_and_no_other(lab: BlobLab) -> None:
    """Blobs with odd names are listed, planned, deleted and verified, and a young one beside each stays."""
    for name in ODD_NAMES:
        lab.old(name)
        lab.young(name + "-young")
    planned = lab.plan()
    assert sorted(row.unit.name.decode() for row in planned) == sorted(ODD_NAMES)
    assert {done.code for done in lab.delete(planned)} == {Code.DELETED}
    assert {lab.source.verify(row) for row in planned} == {None}
    assert sorted(blob.name for blob in lab.container.list_blobs()) == sorted(name + "-young" for name in ODD_NAMES)


def test_patterns_are_for_the_last_part_of_a_name(tmp_path: Path, azurite: Azurite) -> None:
    """Only what `include` names is a unit."""
    lab = BlobLab(tmp_path, azurite.connection_string(), include=("*.log", "PT1H.json"))
    for name in ("a/x.log", "a/PT1H.json", "x.log/readme.txt"):
        lab.old(name)
    assert sorted(lab.measured()) == ["a/PT1H.json", "a/x.log"]


# -- how age is judged ------------------------------------------------------------------------------------------------


def _path_of(lab: BlobLab, age: int) -> tuple[str, str]:
    day = iso(lab.now - age)
    year, month, date, hour = day[:4], day[5:7], day[8:10], day[11:13]
    return f"y={year}/m={month}/d={date}/h={hour}/m=00/PT1H.json", f"shop/{year}/{month}/{date}/{hour}/ab12.log"


def test_the_path_dates_what_has_no_stamp(lab: BlobLab) -> None:
    """Text without stamps is dated by the layout of diagnostic settings and of App Service, in UTC, a day around it."""
    for age in (OLD, YOUNG):
        for path in _path_of(lab, age):
            lab.put(f"resourceId=/X/{path}", b"something happened\n")
    lab.put("no-date.txt", b"something happened\n")
    found = lab.measured()
    planned = {row.unit.name.decode(): row for row in lab.plan()}
    assert sorted(planned) == sorted(f"resourceId=/X/{path}" for path in _path_of(lab, OLD))
    for row in planned.values():
        assert row.lo <= lab.now - OLD - DAY + HOUR
        assert lab.now - OLD < row.hi < lab.now - OLD + DAY + HOUR
    evidence = {name: dict(unit.reading.evidence) for name, unit in found.items()}
    assert evidence.pop("no-date.txt") == {Evidence.MTIME: 1}
    assert set(map(str, evidence.values())) == {str({Evidence.NAME: 1})}


def test_a_stamp_beats_the_path(lab: BlobLab) -> None:
    """A record with its own time is judged by it, whatever the path says: diagnostic settings sort by arrival."""
    lab.put(_path_of(lab, OLD)[0], line_at(lab.now - YOUNG))
    lab.put(_path_of(lab, YOUNG)[0], line_at(lab.now - OLD))
    assert [row.unit.name.decode() for row in lab.plan()] == [_path_of(lab, YOUNG)[0]]


def test_real_layouts_are_understood_by_their_content(lab: BlobLab) -> None:
    """JSON lines of diagnostic settings, CSV of App Service and packed logs are read record by record."""
    old = iso(lab.now - OLD)
    diagnostic = f'{{"time":"{old}","resourceId":"/SUBSCRIPTIONS/X","category":"AppLogs","level":"Error"}}\n'.encode()
    app = (
        "date,level,applicationName,instanceId,eventTickCount,eventId,pid,tid,message,activityId\n"
        f"{old[:19]},Error,shop,ab12,639103212345678901,0,4711,-1,it failed,\n"
    ).encode()
    lab.put(_path_of(lab, OLD)[0], diagnostic * 3)
    lab.put(_path_of(lab, OLD)[1].replace(".log", ".applicationLog.csv"), app)
    lab.put("packed.log.gz", gzip.compress(line_at(lab.now - OLD) * 2))
    found = {name.rpartition("/")[2]: unit.reading for name, unit in lab.measured().items()}
    assert {name: (one.expired.records, one.evidence.get(Evidence.OWN)) for name, one in found.items()} == {
        "PT1H.json": (3, 3),
        "ab12.applicationLog.csv": (1, 1),
        "packed.log.gz": (2, 2),
    }
    assert len(lab.plan()) == 3


def test_a_packed_blob_with_a_content_encoding_is_read_as_it_is_stored(lab: BlobLab) -> None:
    """Nothing on the way unpacks a blob that says of itself that it is packed: sizes and digests stay its own."""
    packed = gzip.compress(line_at(lab.now - OLD) * 2)
    lab.container.upload_blob("x.log", packed, content_settings=ContentSettings(content_encoding="gzip"))
    assert lab.measured()["x.log"].reading.expired.records == 2
    assert [done.code for done in lab.purge().values()] == [Code.DELETED]


def test_a_blob_that_is_too_large_is_judged_as_a_whole(tmp_path: Path, azurite: Azurite) -> None:
    """A blob above the limit is not read: its last change bounds it, and it is said to be damaged."""
    lab = BlobLab(tmp_path, azurite.connection_string(), largest_mib=1)
    lab.put("large.log", line_at(lab.now - OLD) * 40_000)
    lab.old("small.log")
    large = lab.measured()["large.log"].reading
    assert (large.damaged, large.records, large.expired.records) == ("too_large", 1, 0)
    assert [row.unit.name for row in lab.plan()] == [b"small.log"]
    later = lab.marks.__class__(cutoff=lab.now - HOUR, limit=lab.now - HOUR, now=lab.now)
    (row,) = [
        row
        for row in lab.source.plan([one for one in lab.source.measure(later) if isinstance(one, Measured)], later)
        if row is not None and row.unit.name == b"large.log"
    ]
    assert [done.code for done in lab.delete([row])] == [Code.DELETED]


def test_a_blob_that_changes_while_it_is_read_is_growing(behind: BlobLab, proxy: BlobProxy) -> None:
    """A blob that is written over between listing and reading is active and not planned; the next look reads it."""
    behind.old()

    def write_over(asked: Asked) -> None:
        if asked.method == "GET" and not asked.is_listing and "/old.log" in asked.path:
            behind.swap("old.log")

    proxy.before = write_over
    assert behind.measured()["old.log"].active == "growing"
    proxy.before = lambda _: None
    assert behind.measured()["old.log"].reading.expired.records == 3


def test_a_blob_that_goes_while_it_is_read_is_no_unit(behind: BlobLab, proxy: BlobProxy) -> None:
    """A blob that somebody deletes between listing and reading is not measured; the others are."""
    behind.old()
    behind.old("other.log")

    def remove(asked: Asked) -> None:
        reads = asked.method == "GET" and not asked.is_listing and "/old.log" in asked.path
        if reads and behind.content("old.log"):
            behind.remove("old.log")

    proxy.before = remove
    assert list(behind.measured()) == ["other.log"]


def test_unchanged_blobs_are_not_read_again(behind: BlobLab, proxy: BlobProxy) -> None:
    """A second look reads only what has another ETag; a fresh one reads everything."""

    def reads() -> int:
        found = sum(asked.method == "GET" and not asked.query.get("comp") for asked in proxy.asked)
        proxy.asked.clear()
        return found - 1  # of the container itself

    for number in range(4):
        behind.old(f"{number}.log")
    behind.measured()
    assert reads() == 4
    behind.measured()
    assert reads() == 0
    behind.swap("2.log")
    behind.measured()
    assert reads() == 1
    behind.measured(fresh=True)
    assert reads() == 4


# -- what Azure keeps -------------------------------------------------------------------------------------------------


def test_soft_delete_is_named_with_its_days(tmp_path: Path, azurite: Azurite) -> None:
    """What the account keeps after a deletion is a copy with its date, and delays the purge's end by so many days."""
    lab = BlobLab(tmp_path, azurite.connection_string(KEEPING))
    lab.account.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=True, days=7))
    assert lab.source.capabilities().physical_delay == 7 * DAY
    assert [(copy.kind, copy.expires) for copy in lab.source.copies()] == [("soft_delete", lab.now + 7 * DAY)]
    assert lab.source.probe().own_retention == {"soft_delete": "7"}
    lab.account.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=False))
    assert lab.source.probe().own_retention == {"soft_delete": "0"}
    assert lab.source.capabilities().physical_delay == 0
    assert lab.source.copies() == ()


def test_soft_delete_that_cannot_be_read_is_taken_for_the_longest(behind: BlobLab, proxy: BlobProxy) -> None:
    """Where the setting may not be read, a year is assumed and said, unless the operator has stated the days."""
    properties = "restype=service"
    proxy.before = lambda asked: refusal(403, "AuthorizationFailure") if properties in asked.path else None
    assert behind.source.capabilities().physical_delay == 365 * DAY
    assert behind.source.probe().own_retention == {"soft_delete": "unreadable"}
    assert [copy.kind for copy in behind.source.copies()] == ["soft_delete_unknown"]
    behind.options = behind.options.model_copy(update={"soft_delete_days": 14})
    stated = behind.fresh()
    assert stated.probe().own_retention == {"soft_delete": "14"}
    assert stated.capabilities().physical_delay == 14 * DAY
    assert [copy.kind for copy in stated.copies()] == ["soft_delete"]


def test_storage_is_released_when_the_days_of_soft_delete_are_over(behind: BlobLab, proxy: BlobProxy) -> None:
    """By the account's own setting; where it may not be read nobody knows, until the longest time there is has gone."""
    properties = "restype=service"
    ago = behind.now - 15 * DAY
    assert behind.source.released(iter(()), removed_at=ago) is Release.RELEASED, "nothing is kept by this account"
    proxy.before = lambda asked: refusal(403, "AuthorizationFailure") if properties in asked.path else None
    unread = behind.fresh()
    assert unread.released(iter(()), removed_at=ago) is Release.UNKNOWN
    assert unread.released(iter(()), removed_at=behind.now - 366 * DAY) is Release.RELEASED
    behind.options = behind.options.model_copy(update={"soft_delete_days": 14})
    stated = behind.fresh()
    assert stated.released(iter(()), removed_at=behind.now - 13 * DAY) is Release.WAITING
    assert stated.released(iter(()), removed_at=ago) is Release.RELEASED


# -- size -----------------------------------------------------------------------------------------------------------


def test_thousands_of_blobs_are_listed_in_bounded_memory(tmp_path: Path, azurite: Azurite) -> None:
    """However many blobs there are, no more than two pages of them are in memory; all are listed, once each."""
    lab = BlobLab(tmp_path, azurite.connection_string(), page=250)
    fill(azurite, lab.options.container, range(5_200))
    names: set[bytes] = set()
    alive: list[int] = []
    for number, unit in enumerate(lab.source.list_units()):
        names.add(unit.name)
        if number % 500 == 499:
            gc.collect()  # the SDK's own objects hang in circles
            alive.append(sum(isinstance(one, BlobProperties | Entry) for one in gc.get_objects()))
    assert len(names) == number + 1 == 5_200
    assert 0 < max(alive) <= 2 * 250


def fill(azurite: Azurite, container: str, numbers: range) -> None:
    """Upload small blobs as fast as Azurite takes them: by plain HTTP, with a signature instead of a key."""
    signature = generate_account_sas(
        ACCOUNT, KEY, ResourceTypes(object=True), AccountSasPermissions(write=True, create=True), expiry=EXPIRES
    )
    connection = http.client.HTTPConnection("127.0.0.1", azurite.port)
    headers = {"x-ms-version": API_VERSION, "x-ms-blob-type": "BlockBlob"}
    for number in numbers:
        connection.request("PUT", f"/{ACCOUNT}/{container}/{number:06}?{signature}", b"x\n", headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 201
    connection.close()
