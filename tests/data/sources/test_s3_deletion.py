"""What could go wrong when objects are deleted: another content, another version, locks, rights, silence."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from data.retention.instants import DAY, datetime_of
from data.retention.residue import Code
from data.retention.unit import Planned
from tests.data.sources.lab import FREE, OLD
from tests.data.sources.s3_lab import Engine, S3Lab
from tests.data.sources.s3_proxy import Answer, Asked, Forward, Hook, refusal

Make = Callable[..., S3Lab]


@pytest.fixture
def make(tmp_path: Path, s3_engine: Engine) -> Iterator[Make]:
    """Give what makes buckets, each with a source."""
    made: list[S3Lab] = []

    def new(**how: object) -> S3Lab:
        made.append(S3Lab(tmp_path, s3_engine, **how))  # type: ignore[arg-type]  # options of many kinds
        return made[-1]

    yield new
    for lab in made:
        lab.close()


def before_deletion(happening: Callable[[], object]) -> Hook:
    """Let something happen once, after all looks and right before the first real deletion reaches the engine."""
    done: list[object] = []

    def hook(asked: Asked, forward: Forward) -> Answer | None:
        if is_real_deletion(asked) and not done:
            done.append(happening())
        return forward()

    return hook


def is_real_deletion(asked: Asked) -> bool:
    """Tell a deletion from the one with the impossible condition."""
    return asked.method == "DELETE" and not asked.headers.get("If-Match", "").startswith('"0000')


def codes(lab: S3Lab, planned: list[Planned]) -> list[tuple[Code, str]]:
    """Delete, and give code and reason of each."""
    return [(done.code, done.reason) for done in lab.delete(planned)]


# -- another content --------------------------------------------------------------------------------------------------


def test_a_replacement_in_the_last_moment_stays(make: Make) -> None:
    """Without versions, what is written between the last look and the deletion is left alone; the next unit goes."""
    lab = make()
    lab.old("a.log")
    lab.old("b.log")
    planned = lab.plan()
    lab.proxy.hook = before_deletion(lambda: lab.young("a.log"))
    assert codes(lab, planned) == [(Code.DRIFTED, ""), (Code.DELETED, "")]
    assert lab.content("a.log") is not None
    assert lab.content("b.log") is None


def test_with_versions_a_replacement_in_the_last_moment_stays(make: Make) -> None:
    """With versions, the planned one goes by its id, what is written over it stays, and no delete marker is made."""
    lab = make(versioned=True)
    lab.old("a.log")
    planned = lab.plan()
    lab.proxy.hook = before_deletion(lambda: lab.young("a.log"))
    assert codes(lab, planned) == [(Code.DELETED, "")]
    assert len(lab.versions("a.log")) == 1
    assert lab.versions("a.log")[0] not in planned[0].unit.identity.tag
    assert lab.markers("a.log") == []


def test_a_deletion_in_the_last_moment_is_not_ours(make: Make) -> None:
    """Without versions, what somebody else deletes between the last look and ours is not counted as deleted."""
    lab = make()
    lab.old("a.log")
    planned = lab.plan()
    lab.proxy.hook = before_deletion(lambda: lab.remove("a.log"))
    assert codes(lab, planned) == [(Code.TARGET_ABSENT, "")]


@pytest.mark.parametrize("versioned", [False, True])
def test_every_deletion_names_a_version_and_nothing_bypasses(make: Make, *, versioned: bool) -> None:
    """No request deletes without a version, sends the bypass header or pays for a requester; no marker is left."""
    lab = make(versioned=versioned)
    lab.old("a.log")
    lab.old("b.log")
    assert [code for code, _ in codes(lab, lab.plan())] == [Code.DELETED, Code.DELETED]
    deletions = [asked for asked in lab.proxy.seen if asked.method == "DELETE"]
    assert len(deletions) == (2 if versioned else 3)
    assert all(asked.query["versionId"] for asked in deletions)
    assert versioned or all("If-Match" in asked.headers for asked in deletions)
    sent = {name.lower() for asked in lab.proxy.seen for name in asked.headers}
    assert sent.isdisjoint({"x-amz-bypass-governance-retention", "x-amz-request-payer", "x-amz-mfa"})
    assert "authorization" in sent, "the positive control"
    assert lab.markers("a.log") == []
    assert not any(asked.method in {"PUT", "POST"} for asked in lab.proxy.seen), "nothing is ever written"


def test_versions_switched_on_meanwhile_make_no_marker(make: Make) -> None:
    """An object planned without versions is removed for good though the bucket has versions by now."""
    lab = make()
    lab.old("a.log")
    lab.old("b.log")
    planned = lab.plan()
    lab.versioning("Enabled")
    lab.young("b.log")
    assert [code for code, _ in codes(lab, planned)] == [Code.DELETED, Code.DELETED]
    assert (lab.versions("a.log"), lab.markers("a.log")) == ([], [])
    assert len(lab.versions("b.log")) == 1
    assert lab.markers("b.log") == []


def test_what_nothing_binds_is_left_alone(make: Make) -> None:
    """Below another version in a bucket whose versions are suspended, `null` may be written over at any time."""
    lab = make()
    lab.old("a.log")
    planned = lab.plan()
    lab.versioning("Enabled")
    lab.young("a.log")

    def suspended(asked: Asked, forward: Forward) -> Answer:
        answer = forward()
        return answer.replaced("Enabled", "Suspended") if asked.is_("GET", "versioning") else answer

    lab.proxy.hook = suspended
    assert codes(lab, planned) == [(Code.UNSUPPORTED, "unbound")]
    lab.proxy.hook = None
    assert codes(lab, planned) == [(Code.DELETED, "")], "where versions are on, nothing can write over it"


def test_an_engine_that_ignores_conditions_shows_itself(make: Make) -> None:
    """Where `If-Match` is passed over, one planned unit is gone and says why, and no other is touched."""
    lab = make()
    for name in ("a.log", "b.log", "c.log"):
        lab.old(name)
    planned = lab.plan()

    def ignores(asked: Asked, forward: Forward) -> Answer | None:
        if asked.method != "DELETE":
            return forward()
        headers = {name: value for name, value in asked.headers.items() if name != "If-Match"}
        return lab.proxy._forward(replace(asked, headers=headers))

    lab.proxy.hook = ignores
    gone, *left = codes(lab, planned)
    assert gone == (Code.ABSENT, "unconditional")
    assert left == [(Code.FAILED, "unconditional")] * 2
    assert lab.content("b.log") is not None


def test_a_marker_in_place_of_a_deletion_is_a_failure(make: Make) -> None:
    """An engine that hides what it was told to remove has removed nothing."""
    lab = make(versioned=True)
    lab.old("a.log")
    planned = lab.plan()

    def hides(asked: Asked, forward: Forward) -> Answer | None:
        if asked.method != "DELETE":
            return forward()
        return lab.proxy._forward(replace(asked, target=asked.target.partition("?")[0]))

    lab.proxy.hook = hides
    assert codes(lab, planned) == [(Code.FAILED, "delete_marker")]
    assert lab.source.verify(planned[0]) is Code.FAILED
    assert len(lab.versions("a.log")) == 1


# -- versions ---------------------------------------------------------------------------------------------------------


def test_what_is_below_is_judged_by_the_same_rule(make: Make) -> None:
    """An old version goes from below a young one, which stays the current one."""
    lab = make(versioned=True)
    lab.old("a.log")
    lab.young("a.log")
    young = lab.content("a.log")
    planned = lab.plan()
    assert [row.unit.name.partition(b"\0")[0] for row in planned] == [b"a.log"]
    assert [code for code, _ in codes(lab, planned)] == [Code.DELETED]
    assert len(lab.versions("a.log")) == 1
    assert lab.content("a.log") == young


def test_what_a_marker_hides_is_still_there_and_goes(make: Make) -> None:
    """An object that somebody deleted in a bucket with versions is a unit still; the marker above it is none."""
    lab = make(versioned=True)
    lab.old("a.log")
    lab.client.delete_object(Bucket=lab.bucket, Key="a.log")
    assert lab.skipped() == {"a.log": ("skipped", "delete_marker")}
    planned = lab.plan()
    assert [code for code, _ in codes(lab, planned)] == [Code.DELETED]
    assert lab.versions("a.log") == []
    assert len(lab.markers("a.log")) == 1
    assert lab.source.verify(planned[0]) is None


@pytest.mark.parametrize("versioned", [False, True])
def test_a_restored_object_is_known_again(make: Make, *, versioned: bool) -> None:
    """What is put back after a purge is resurrected, under another key too; without versions verification sees it."""
    lab = make(versioned=versioned)
    lab.old("a.log")
    planned = lab.plan()
    body = lab.content("a.log")
    assert body is not None
    lab.delete(planned)
    lab.source.remember_purged(planned, at=lab.marks.now)
    assert lab.source.verify(planned[0]) is None
    lab.put("a.log", body, lab.now - DAY)
    lab.put("elsewhere/b.log", body, lab.now - DAY)
    assert lab.source.verify(planned[0]) is (None if versioned else Code.FAILED)
    found = lab.source.reappeared(lab.marks, purged_until=lab.marks.cutoff, purged_at=lab.marks.now)
    assert (found.late, found.resurrected) == (0, 6)


def test_what_is_written_over_a_known_place_is_late(make: Make) -> None:
    """Other old records under a key that was seen before the purge are late all the same: they were written since."""
    lab = make()
    lab.old("a.log")
    lab.plan()
    lab.put("a.log", lab.content("a.log").replace(b"record", b"Record"), lab.now + DAY)  # type: ignore[union-attr]
    lab.clock.advance(2 * 86_400)
    marks = replace(lab.marks, now=lab.now + 2 * DAY)
    found = lab.source.reappeared(marks, purged_until=lab.marks.cutoff, purged_at=lab.marks.now)
    assert (found.late, found.resurrected) == (3, 0)


# -- locks ------------------------------------------------------------------------------------------------------------


def locked(lab: S3Lab, name: str, how: str, *, days: int = 30) -> None:
    """Protect an object in one of the engine's ways."""
    version = lab.versions(name)[0]
    if how == "LEGAL":
        lab.client.put_object_legal_hold(Bucket=lab.bucket, Key=name, VersionId=version, LegalHold={"Status": "ON"})
        return
    until = datetime_of(lab.now) + dt.timedelta(days=days)
    retention = {"Mode": how, "RetainUntilDate": until}
    lab.client.put_object_retention(Bucket=lab.bucket, Key=name, VersionId=version, Retention=retention)


@pytest.mark.parametrize("how", ["LEGAL", "GOVERNANCE", "COMPLIANCE"])
def test_what_the_bucket_protects_is_held(make: Make, how: str) -> None:
    """Legal hold and retention of either mode veto; what stands beside it goes, and the bypass is never asked for."""
    lab = make(lock=True)
    lab.old("a.log")
    lab.old("b.log")
    planned = lab.plan()
    assert not lab.source.holds_native(planned[0].unit)
    locked(lab, "a.log", how)
    assert lab.source.holds_native(planned[0].unit)
    assert not lab.source.holds_native(planned[1].unit)
    assert codes(lab, planned) == [(Code.HELD_NATIVE, ""), (Code.DELETED, "")]
    assert lab.content("a.log") is not None
    assert not any("Bypass" in name for asked in lab.proxy.seen for name in asked.headers)


@pytest.mark.parametrize("how", ["LEGAL", "GOVERNANCE"])
def test_a_lock_in_the_last_moment_is_held(make: Make, how: str) -> None:
    """A lock that comes after the last look is told by the engine's refusal, and is no missing right."""
    lab = make(lock=True)
    lab.old("a.log")
    planned = lab.plan()
    lab.proxy.hook = before_deletion(lambda: locked(lab, "a.log", how))
    assert codes(lab, planned) == [(Code.HELD_NATIVE, "")]
    assert lab.content("a.log") is not None


def test_a_retention_that_is_over_holds_nothing(make: Make) -> None:
    """A retention date that has passed protects no more."""
    lab = make(lock=True)
    lab.old("a.log")
    locked(lab, "a.log", "GOVERNANCE", days=-1)
    (row,) = lab.plan()
    assert not lab.source.holds_native(row.unit)
    assert codes(lab, [row]) == [(Code.DELETED, "")]


@pytest.mark.parametrize("word", ["legal-hold", "retention"])
def test_a_lock_that_nobody_may_read_counts(make: Make, word: str) -> None:
    """Without the right to read locks every version counts as held; with it, none does."""
    lab = make(lock=True)
    lab.old("a.log")
    planned = lab.plan()
    lab.proxy.hook = lambda asked, go: refusal(403, "AccessDenied") if asked.is_("GET", word) else go()
    assert lab.source.holds_native(planned[0].unit)
    assert codes(lab, planned) == [(Code.HELD_NATIVE, "")]
    lab.proxy.hook = None
    assert codes(lab, planned) == [(Code.DELETED, "")]


# -- rights, throttling, silence --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
def test_without_the_right_a_unit_is_denied(make: Make, method: str) -> None:
    """A refusal for one object is that object's outcome; the next one goes."""
    lab = make()
    lab.old("a.log")
    lab.old("b.log")
    planned = lab.plan()

    def denies(asked: Asked, forward: Forward) -> Answer | None:
        refused = asked.method == method and asked.key == "a.log"
        return refusal(403, "AccessDenied") if refused else forward()

    lab.proxy.hook = denies
    assert codes(lab, planned) == [(Code.DENIED, "denied"), (Code.DELETED, "")]
    assert lab.content("a.log") is not None


def test_throttling_passes(make: Make) -> None:
    """A deletion that is throttled twice is tried again after the pauses the engine asks for, and then done."""
    lab = make(versioned=True)
    lab.old("a.log")
    planned = lab.plan()
    answers = [refusal(503, "SlowDown", Retry_After="7"), refusal(503, "SlowDown")]
    lab.proxy.hook = lambda asked, go: answers.pop(0) if asked.method == "DELETE" and answers else go()
    assert codes(lab, planned) == [(Code.DELETED, "")]
    assert lab.slept == [7.0, 1.0]


def test_throttling_that_does_not_pass_ends_the_batch(make: Make) -> None:
    """Within limits it is tried again; then this unit and all after it are said to be throttled, and nothing is sent.

    The four tries are counted, so that a storm of retries would be seen.
    """
    lab = make(versioned=True)
    for name in ("a.log", "b.log", "c.log"):
        lab.old(name)
    planned = lab.plan()
    lab.proxy.hook = lambda asked, go: refusal(503, "SlowDown") if asked.method == "DELETE" else go()
    assert codes(lab, planned) == [(Code.RATE_LIMITED, "throttled")] * 3
    assert sum(asked.method == "DELETE" for asked in lab.proxy.seen) == 4
    assert sum(lab.slept) <= 45
    lab.proxy.hook = None
    assert [code for code, _ in codes(lab, planned)] == [Code.DELETED] * 3


@pytest.mark.parametrize("versioned", [False, True])
def test_an_answer_that_is_lost_after_the_act_is_no_deletion(make: Make, *, versioned: bool) -> None:
    """What is gone after a silent deletion is absent, never deleted."""
    lab = make(versioned=versioned)
    lab.old("a.log")
    planned = lab.plan()

    def silent(asked: Asked, forward: Forward) -> Answer | None:
        answer = forward()
        return None if is_real_deletion(asked) else answer

    lab.proxy.hook = silent
    assert codes(lab, planned) == [(Code.ABSENT, "no_answer")]
    assert lab.content("a.log") is None


@pytest.mark.parametrize(
    "answer", [None, refusal(500, "InternalError"), Answer(status=200, body=b"<html>hello</html>")]
)
def test_an_order_that_never_arrived_has_failed(make: Make, answer: Answer | None) -> None:
    """Where nobody answers, breaks down, or somebody else answers, and the unit is still there, it has failed."""
    lab = make()
    lab.old("a.log")
    lab.old("b.log")
    planned = lab.plan()
    lab.proxy.hook = lambda asked, go: answer if is_real_deletion(asked) and asked.key == "a.log" else go()
    assert codes(lab, planned) == [(Code.FAILED, "no_answer"), (Code.DELETED, "")]
    assert lab.content("a.log") is not None


def test_a_server_that_goes_away_in_the_middle_ends_the_batch(make: Make) -> None:
    """What was done is done, the rest is unreachable and still there, and everything else waits for the next time."""
    lab = make(versioned=True)
    for name in ("a.log", "b.log", "c.log"):
        lab.old(name)
    planned = lab.plan()

    def fails_then(asked: Asked, forward: Forward) -> Answer | None:
        answer = forward()
        lab.proxy.down = asked.method == "DELETE"
        return answer

    lab.proxy.hook = fails_then
    assert [code for code, _ in codes(lab, planned)] == [Code.DELETED, Code.UNREACHABLE, Code.UNREACHABLE]
    assert lab.source.verify(planned[0]) is Code.UNREACHABLE
    assert lab.source.recover(planned[1], guard=FREE) is not None
    lab.proxy.reset()
    assert [code for code, _ in codes(lab, planned)] == [Code.TARGET_ABSENT, Code.DELETED, Code.DELETED]


def test_a_bucket_that_is_gone_is_not_a_unit_that_is_gone(make: Make) -> None:
    """Where the bucket itself is missing, nothing is said to be absent."""
    lab = make()
    lab.old("a.log")
    planned = lab.plan()
    lab.remove("a.log")
    lab.client.delete_bucket(Bucket=lab.bucket)
    assert codes(lab, planned) == [(Code.UNREACHABLE, "no_bucket")]
    found = lab.source.recover(planned[0], guard=FREE)
    assert found is not None
    assert found.code is Code.UNREACHABLE
    assert lab.source.probe().reason == "missing"


def test_a_death_between_act_and_result_is_counted_once(make: Make) -> None:
    """A process that dies right after the commit finds on its return that the deletion has happened."""
    lab = make(versioned=True)
    lab.old("a.log")
    lab.old("b.log")
    planned = lab.plan()

    @contextmanager
    def dies(_: Planned) -> Iterator[Code | None]:
        yield None
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(lab.source.delete(planned, guard=dies))
    again = lab.fresh()
    found = [again.recover(row, guard=FREE) for row in planned]
    assert [done and done.code for done in found] == [Code.ABSENT, None]
    assert lab.content("b.log") is not None


@pytest.mark.parametrize("versioned", [False, True])
def test_two_at_once_do_no_harm(make: Make, *, versioned: bool) -> None:
    """Two that delete the same units remove these and nothing else; S3 does not tell which of two removed a version."""
    lab = make(versioned=versioned)
    names = [f"{number}.log" for number in range(6)]
    for name in names:
        lab.old(name)
    lab.young()
    planned = lab.plan()
    sources = [lab.fresh(), lab.fresh()]
    found: dict[int, list[Code]] = {}

    def work(number: int) -> None:
        found[number] = [done.code for done in sources[number].delete(planned, guard=FREE)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {code for outcomes in found.values() for code in outcomes} <= {Code.DELETED, Code.TARGET_ABSENT, Code.FAILED}
    assert all(lab.content(name) is None for name in names)
    assert lab.content("young.log") is not None


def test_an_old_object_that_was_planned_long_ago_is_bound_to_its_time(make: Make) -> None:
    """The same bytes written anew, with the same ETag, are not what was planned."""
    lab = make()
    lab.old("a.log")
    planned = lab.plan()
    body = lab.content("a.log")
    assert body is not None
    lab.put("a.log", body, lab.now - OLD + DAY)
    assert codes(lab, planned) == [(Code.DRIFTED, "")]
