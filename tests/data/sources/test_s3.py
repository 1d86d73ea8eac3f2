"""What could go wrong when a bucket is looked at: half listings, lies, rights, names, contents, clocks, settings."""

import gzip
import re
import sqlite3
import tomllib
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.source_settings import SourceSettings
from data.errors import SourceError
from data.purge.clock_guard import LARGEST_OFFSET
from data.retention.evidence import Evidence
from data.retention.instants import DAY, HOUR, SECOND, datetime_of, instant_of
from data.retention.residue import Code
from data.retention.unit import Unit
from data.sources.connector import connector_of
from data.sources.interface import UNREADABLE, Measured, Skipped
from data.sources.object_periods import dated_name
from data.sources.s3_options import S3Options
from tests.data.sources.lab import OLD, YOUNG
from tests.data.sources.reader import line_at
from tests.data.sources.s3_lab import KEYS, REGION, Engine, S3Lab
from tests.data.sources.s3_proxy import Answer, Asked, Forward, Hook, refusal
from tests.domain import ROOT

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


def paged(asked: Asked) -> bool:
    """Tell whether this asks for a page of a listing that is not the first."""
    return asked.is_("GET", "versions", "key-marker")


def small(lab: S3Lab, then: Hook | None = None) -> Hook:
    """Make pages of two entries, and step in afterwards."""

    def hook(asked: Asked, forward: Forward) -> Answer | None:
        def go() -> Answer:
            if not asked.is_("GET", "versions"):
                return forward()
            return lab.proxy._forward(replace(asked, target=asked.target.replace("max-keys=1000", "max-keys=2")))

        return then(asked, go) if then else go()

    return hook


def names(lab: S3Lab) -> list[bytes]:
    """List the names of all units."""
    return [unit.name for unit in lab.source.list_units() if isinstance(unit, Unit)]


# -- listings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("versioned", [False, True])
def test_a_listing_of_many_pages_is_whole(make: Make, *, versioned: bool) -> None:
    """Every version comes once, whatever page it is on; a key's versions may go on over the end of a page."""
    lab = make(versioned=versioned)
    for name in ("a.log", "b.log", "b.log", "b.log", "b.log", "c.log"):
        lab.old(name)
    lab.proxy.hook = small(lab)
    found = [name.partition(b"\0")[0] for name in names(lab)]
    assert found == [b"a.log", *[b"b.log"] * (4 if versioned else 1), b"c.log"]
    assert sum(map(paged, lab.proxy.seen)) >= 1


def first_again(lab: S3Lab) -> Hook:
    """Give the first page for every other one."""

    def again(asked: Asked, _: Forward) -> Answer:
        target = re.sub(r"&?(?:key|version-id)-marker=[^&]*", "", asked.target)
        return lab.proxy._forward(replace(asked, target=target.replace("max-keys=1000", "max-keys=2")))

    return lambda asked, go: again(asked, go) if paged(asked) else go()


def without(element: str) -> Callable[[S3Lab], Hook]:
    """Take an element out of every page."""

    def strip(asked: Asked, go: Forward) -> Answer:
        answer = go()
        if not asked.is_("GET", "versions"):
            return answer
        body, count = re.subn(rf"<{element}>[^<]*</{element}>".encode(), b"", answer.body)
        assert count
        return replace(answer, body=body)

    return lambda _: strip


def on_page_two(answer: Answer | None) -> Callable[[S3Lab], Hook]:
    """Give this for every page but the first."""
    return lambda _: lambda asked, go: answer if paged(asked) else go()


def cut(_: S3Lab) -> Hook:
    """End the connection in the middle of every page but the first."""
    return lambda asked, go: replace(go(), cut=True) if paged(asked) else go()


def elsewhere(_: S3Lab) -> Hook:
    """Name a key that was not asked for."""
    return lambda asked, go: go().replaced("logs/b", "mail/b") if asked.is_("GET", "versions") else go()


def endless(_: S3Lab) -> Hook:
    """Let the last page say that more follows, and name itself."""

    def hook(asked: Asked, go: Forward) -> Answer:
        answer = go()
        if not paged(asked) or b"<IsTruncated>true" in answer.body:
            return answer
        more = "<IsTruncated>true</IsTruncated><NextKeyMarker>logs/d.log</NextKeyMarker>"
        return replace(answer, body=re.sub(rb"<IsTruncated>\w+</IsTruncated>", more.encode(), answer.body))

    return hook


def twice(_: S3Lab) -> Hook:
    """Name one object in place of the next."""
    return lambda asked, go: (
        go().replaced("logs/b", "logs/a") if asked.is_("GET", "versions") and not paged(asked) else go()
    )


def disordered(_: S3Lab) -> Hook:
    """Name a key on the first page that comes before the one above it."""
    return lambda asked, go: (
        go().replaced("logs/b", "logs/B") if asked.is_("GET", "versions") and not paged(asked) else go()
    )


LIES: dict[str, Callable[[S3Lab], Hook]] = {
    "broken": on_page_two(refusal(500, "InternalError")),
    "throttled": on_page_two(refusal(503, "SlowDown")),
    "denied": on_page_two(refusal(403, "AccessDenied")),
    "silent": on_page_two(None),
    "html": on_page_two(Answer(status=200, headers={"Content-Type": "text/html"}, body=b"<html>please log in</html>")),
    "empty": on_page_two(Answer(status=200)),
    "cut": cut,
    "repeated": first_again,
    "no_token": without("NextKeyMarker"),
    "no_end": without("IsTruncated"),
    "no_etag": without("ETag"),
    "no_size": without("Size"),
    "no_version": without("VersionId"),
    "elsewhere": elsewhere,
    "endless": endless,
    "twice": twice,
    "disordered": disordered,
}


@pytest.mark.parametrize("lie", LIES)
def test_half_a_listing_is_no_listing(make: Make, lie: str) -> None:
    """A page that fails, repeats, contradicts or cannot be read is an error of the source, never a shorter list."""
    lab = make(prefix="logs/")
    for name in "abcde":
        lab.old(f"logs/{name}.log")
    lab.proxy.hook = small(lab, LIES[lie](lab))
    for look in (lab.source.list_units, lambda: lab.source.measure(lab.marks)):
        with pytest.raises(SourceError, match=f"source lab: bucket {lab.bucket}"):
            list(look())
    lab.proxy.hook = small(lab)
    assert len(names(lab)) == 5, "the positive control"


def test_a_page_that_fails_once_is_asked_for_again(make: Make) -> None:
    """What passes is waited for, a few times and not for long."""
    lab = make()
    for name in "abcd":
        lab.old(f"{name}.log")
    bad = [refusal(503, "SlowDown"), refusal(500, "InternalError"), None]
    lab.proxy.hook = small(lab, lambda asked, go: bad.pop() if paged(asked) and bad else go())
    assert len(names(lab)) == 4
    assert lab.slept == [0.5, 1.0, 2.0]


def test_a_million_keys_need_no_more_memory_than_a_few(make: Make) -> None:
    """Memory for a listing does not grow with it."""
    lab = make()

    def listing(pages: int) -> Hook:
        def hook(asked: Asked, go: Forward) -> Answer:
            if not asked.is_("GET", "versions"):
                return go()
            number = int(asked.query.get("key-marker", "k000000")[1:7]) // 1000
            return page_of(range(number * 1000, number * 1000 + 1000), more=number + 1 < pages)

        return hook

    peaks = []
    for pages in (3, 3, 30):
        lab.proxy.hook = listing(pages)
        tracemalloc.start()
        assert sum(1 for _ in lab.source.list_units()) == pages * 1000
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        lab.proxy.seen.clear()
    assert peaks[2] < 1.3 * peaks[1]


def page_of(numbers: range, *, more: bool) -> Answer:
    """Write a page as S3 does, with keys in the encoding that was asked for."""
    stamp = "2026-01-01T00:00:00.000Z"
    entries = "".join(
        f"<Version><Key>k{number:06d}%20%00.log</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>"
        f"<LastModified>{stamp}</LastModified><ETag>&quot;e&quot;</ETag><Size>1</Size></Version>"
        for number in numbers
    ).replace("%00", "")
    token = f"<NextKeyMarker>k{numbers.stop:06d}</NextKeyMarker>" if more else ""
    head = f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>{token}"
    body = f'<?xml version="1.0"?><ListVersionsResult>{head}{entries}</ListVersionsResult>'
    return Answer(status=200, headers={"Content-Type": "application/xml"}, body=body.encode())


# -- names ------------------------------------------------------------------------------------------------------------

ODD = (
    "a b.log", "a+b.log", "a%2Fb.log", "a?versionId=null", "ü.log", "u\u0308.log", "\u2028.log", "\U0001f600.log",
    "'\"&<>.log", "-rf.log", "*.log", "$(x).log", "trailing .log ", "double//slash.log", "tab\t.log", "~.log",
    ".", "..", "./x.log", "a/../b.log",
    "#anchor.log", "a;b=c,d@e:f.log", "k" * 1000, "AWSLogs/1/elb/2026/01/01/x.log.gz", "\u202egol.log",
)  # fmt: skip


@pytest.mark.parametrize("versioned", [False, True])
def test_names_are_bytes_and_nothing_else(make: Make, *, versioned: bool) -> None:
    """Keys of any characters are listed, read, planned and deleted, each itself and no other."""
    lab = make(versioned=versioned)
    for name in ODD:
        lab.old(name, count=1)
    assert names(lab) == sorted(name.encode() for name in ODD)
    planned = lab.plan()
    assert [row.unit.name for row in planned] == sorted(name.encode() for name in ODD)
    kept = planned.pop(3)
    assert {done.code for done in lab.delete(planned)} == {Code.DELETED}
    assert names(lab) == [kept.unit.name]
    assert [lab.source.verify(row) for row in planned] == [None] * len(planned)


def test_a_key_with_a_nul_is_no_unit(make: Make) -> None:
    """What could be taken for key and version is left alone, and said to be unseen."""
    lab = make()
    page = page_of(range(2), more=False)
    lab.proxy.hook = lambda asked, go: page.replaced("k000000%20", "k%00null") if asked.is_("GET", "versions") else go()
    odd, fine = lab.source.list_units()
    assert isinstance(odd, Skipped)
    assert (odd.reason, odd.code) == ("odd_name", Code.UNSUPPORTED)
    assert isinstance(fine, Unit)


def test_only_what_was_named_is_looked_at(make: Make) -> None:
    """Prefix and patterns bound what is a unit at all."""
    lab = make(prefix="logs/", include=("*.log", "*.gz"))
    for name in ("logs/a.log", "logs/deep/b.gz", "logs/c.txt", "other/d.log", "logs2.log"):
        lab.old(name)
    assert names(lab) == [b"logs/a.log", b"logs/deep/b.gz"]


# -- contents ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code", "reason"),
    [
        (refusal(403, "AccessDenied"), "denied", "denied"),
        (refusal(400, "InvalidRequest"), "damaged", "encrypted"),
        (refusal(403, "InvalidObjectState"), "damaged", "archived"),
        (refusal(412, "PreconditionFailed"), "active", "changing"),
        (refusal(500, "InternalError"), "failed", "broken"),
        (Answer(status=200, body=b"short"), "failed", "broken"),
        (Answer(status=200, body=b"long" * 1000), "failed", "broken"),
    ],
)
def test_what_cannot_be_read_is_not_deleted(make: Make, answer: Answer, code: str, reason: str) -> None:
    """One object that cannot be read is counted as such, however old it is, and never planned; the next one is."""
    lab = make()
    lab.old("a.log")
    lab.old("b.log")
    lab.proxy.hook = lambda asked, go: answer if asked.is_("GET") and asked.key == "a.log" else go()
    assert lab.skipped() == {"a.log": (code, reason)}
    assert [row.unit.name for row in lab.plan()] == [b"b.log"]
    assert lab.source.summarise(lab.marks).unreadable == 1
    lab.proxy.hook = None
    assert [row.unit.name for row in lab.plan()] == [b"a.log", b"b.log"], "the positive control"


def test_a_key_of_the_customer_is_none_of_ours(make: Make) -> None:
    """An object under a key that only its writer has is what it is to the server itself: unreadable, and stays."""
    lab = make()
    body = line_at(lab.now - OLD)
    lab.put("a.log", body, lab.now - OLD, SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32)
    lab.proxy.hook = lambda asked, go: refusal(400, "InvalidRequest") if asked.is_("GET") and asked.key else go()
    assert lab.plan() == []
    assert lab.skipped() == {"a.log": ("damaged", "encrypted")}


def test_a_content_that_breaks_off_is_fetched_again(make: Make) -> None:
    """A connection that ends in the middle of a content is no shorter content."""
    lab = make()
    lab.old("a.log", count=50)
    broken = [True]
    lab.proxy.hook = lambda asked, go: replace(go(), cut=bool(asked.key and broken and broken.pop()))
    assert lab.measured()["a.log"].reading.records == 50
    lab.proxy.hook = lambda asked, go: replace(go(), cut=bool(asked.key))
    with pytest.raises(SourceError, match="unreachable"):
        list(lab.source.measure(lab.marks, fresh=True))


def test_a_damaged_archive_is_not_judged_by_what_it_may_hold(make: Make) -> None:
    """Old stamps in an archive that breaks off count for nothing: it was written lately, and stays."""
    lab = make()
    whole = gzip.compress(b"".join(line_at(lab.now - OLD, f"{number:04d}") for number in range(500)))
    lab.put("whole.log.gz", whole, lab.now - YOUNG)
    lab.put("half.log.gz", whole[: len(whole) // 2], lab.now - YOUNG)
    found = lab.measured()
    assert found["half.log.gz"].reading.damaged == "truncated"
    assert found["whole.log.gz"].reading.expired.records == 500
    assert [row.unit.name for row in lab.plan()] == [b"whole.log.gz"]


def test_what_was_uploaded_in_parts_may_be_younger_than_it_says(make: Make) -> None:
    """S3 dates such an object by when its upload began: without stamps it is as young as it was first seen."""
    lab = make()
    begun = lab.client.create_multipart_upload(Bucket=lab.bucket, Key="parts.log")
    told = {"Bucket": lab.bucket, "Key": "parts.log", "UploadId": begun["UploadId"]}
    part = lab.client.upload_part(**told, PartNumber=1, Body=b"nobody knows when\n")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    lab.client.complete_multipart_upload(**told, MultipartUpload=parts)
    lab.age("parts.log", lab.now - OLD)
    lab.put("whole.log", b"nobody knows when\n", lab.now - OLD)
    assert [row.unit.name for row in lab.plan()] == [b"whole.log"]
    later = replace(lab.marks, cutoff=lab.now + DAY, now=lab.now + 84 * DAY)
    lab.clock.advance(84 * 86_400)
    found = {one.unit.name: one for one in lab.source.measure(later) if isinstance(one, Measured)}
    assert found[b"parts.log"].reading.expired.records == 1, "first seen so long ago that all of it is old"


def test_what_is_listed_and_cannot_be_fetched_is_not_passed_over(make: Make) -> None:
    """A key that some way to S3 does not take is said to be unread; one that has gone meanwhile is no unit."""
    lab = make()
    lab.old("a.log")
    lab.old("b.log")
    missing = refusal(404, "NoSuchKey")
    lab.proxy.hook = lambda asked, go: missing if asked.is_("GET") and asked.key == "a.log" else go()
    assert lab.skipped() == {"a.log": ("failed", "broken")}
    gone: list[object] = []

    def goes(asked: Asked, go: Forward) -> Answer:
        if asked.is_("GET") and asked.key == "a.log" and not gone:
            gone.append(lab.remove("a.log"))
        return go()

    lab.proxy.hook = goes
    found = list(lab.source.measure(lab.marks, fresh=True))
    assert [one.unit.name for one in found if isinstance(one, Measured)] == [b"b.log"]
    assert len(found) == 1


def test_what_is_too_large_is_not_fetched(make: Make) -> None:
    """An object above the limit is reported, and not one byte of it is asked for."""
    lab = make(largest_mb=1)
    lab.put("large.log", line_at(lab.now - OLD) * 40_000, lab.now - OLD)
    assert lab.skipped() == {"large.log": ("damaged", "too_large")}
    assert not any(asked.key for asked in lab.proxy.seen)


def test_nothing_is_fetched_twice(make: Make) -> None:
    """Content that was read is remembered by version and ETag; a careful look reads it anew; so does another rule."""
    lab = make()
    lab.old("a.log")
    lab.mixed("b.log")

    def fetched(look: Callable[[], object]) -> int:
        lab.proxy.seen.clear()
        look()
        return sum(asked.is_("GET") and bool(asked.key) for asked in lab.proxy.seen)

    assert fetched(lambda: list(lab.source.measure(lab.marks))) == 2
    assert fetched(lambda: list(lab.source.measure(lab.marks))) == 0
    assert fetched(lambda: list(lab.fresh().measure(lab.marks))) == 0
    assert fetched(lambda: list(lab.source.measure(lab.marks, fresh=True))) == 2
    between = replace(lab.marks, cutoff=lab.now - OLD + HOUR // 2)
    found = {one.unit.name: one for one in lab.source.measure(between) if isinstance(one, Measured)}
    assert found[b"b.log"].reading.expired.records == 1
    lab.drift("a.log")
    assert fetched(lambda: list(lab.source.measure(between))) == 1


def test_a_broken_memory_is_in_nobodys_way(make: Make) -> None:
    """Whatever has become of the cache, the source is read."""
    lab = make()
    lab.old("a.log")
    first = lab.measured()
    (lab.state / "lab.readings.sqlite").write_bytes(b"no database" * 1000)
    assert lab.measured() == first
    with sqlite3.connect(lab.state / "lab.readings.sqlite") as connection:
        connection.execute("UPDATE readings SET reading = '{}'")
    connection.close()
    assert lab.measured() == first


def test_no_name_and_no_content_stays_in_the_state_folder(make: Make) -> None:
    """What is remembered of objects are numbers and digests; nothing that was fetched is left."""
    lab = make()
    lab.put("anna-mueller.log", line_at(lab.now - OLD, "very private"), lab.now - OLD)
    planned = lab.plan()
    lab.source.remember_purged(planned, at=lab.now)
    kept = b"".join(path.read_bytes() for path in lab.state.iterdir())
    assert len(kept) > 4096
    assert b"anna" not in kept
    assert b"private" not in kept


# -- periods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "period"),
    [
        ("AWSLogs/123456789012/elasticloadbalancing/eu-central-1/2026/01/31/x.log.gz", "2026-01-31"),
        ("AWSLogs/123456789012/CloudTrail/eu-central-1/2026/01/31/05/x.json.gz", "2026-01-31T05"),
        ("app/dt=2026-01-31/part-0000.jsonl", "2026-01-31"),
        ("app/date=20260131/hour=07/part-0000.jsonl", "2026-01-31T07"),
        ("app/year=2026/month=01/day=31/hour=23/x", "2026-01-31T23"),
        ("insights/y=2026/m=01/d=31/h=05/m=00/PT1H.json", "2026-01-31T05"),
        ("2026/01/31/x.log", "2026-01-31"),
        ("2026-01-31/x.log", "2026-01-31"),
        ("export/2026/06/30/of/2026/01/31/x.log", "2026-01-31"),
        ("app/2026/13/31/x.log", ""),
        ("app/v2026/01/31x/y.log", ""),
        ("app/2026/01/x.log", ""),
        ("2026/01/31/app-2026-02-01.log", ""),
        ("2026/01/31/E2ABC.2026-02-01-20.0123abcd.gz", ""),
        ("x.log", ""),
    ],
)
def test_a_path_that_names_a_period_is_understood(key: str, period: str) -> None:
    """The period of a path is given to the reader where the last part of the key names none."""
    now = instant_of(datetime_of(0).replace(year=2026, month=11))
    folder, slash, leaf = key.rpartition("/")
    expected = f"{folder}{slash}{period}+{leaf}" if period else key
    assert dated_name(key.encode(), None, now) == expected.encode()


def test_the_period_of_a_path_dates_what_has_no_stamp(make: Make) -> None:
    """Lines without a stamp are as old as their path says, also where they were copied here much later."""
    lab = make()
    for name, age, written in (("old", 100, 100), ("young", 10, 10), ("late", 100, 10)):
        day = datetime_of(lab.now - age * DAY).strftime("%Y/%m/%d")
        lab.put(f"AWSLogs/1/{day}/{name}", b"nobody knows\nwhen this was\n", lab.now - written * DAY)
    found = {name.rpartition("/")[2]: one.reading for name, one in lab.measured().items()}
    assert {name: reading.expired.records for name, reading in found.items()} == {"old": 1, "young": 0, "late": 1}
    assert found["old"].evidence == {Evidence.NAME: 1}


# -- clock, rights, own retention, copies -----------------------------------------------------------------------------


def test_the_clock_of_the_bucket_is_read(make: Make) -> None:
    """A clock that is two minutes ahead is told, far enough for nothing to be deleted; one that agrees is not."""
    lab = make()
    assert abs(lab.source.probe().clock_offset) < LARGEST_OFFSET

    def ahead(_: Asked, go: Forward) -> Answer:
        answer = go()
        date = format_datetime(datetime_of(lab.now + 120 * SECOND), usegmt=True)
        return replace(answer, headers={**answer.headers, "Date": date})

    lab.proxy.hook = ahead
    probe = lab.source.probe()
    assert probe.reachable
    assert abs(probe.clock_offset - 120 * SECOND) <= SECOND
    assert probe.clock_offset > LARGEST_OFFSET


def test_a_bucket_without_a_clock_is_not_trusted(make: Make) -> None:
    """An engine that does not tell the time, or finds ours wrong, is not reachable."""
    lab = make()
    lab.proxy.hook = lambda _, go: replace(go(), headers={"Content-Type": "application/xml"})
    assert lab.source.probe().reason == "no_clock"
    lab.proxy.hook = lambda _, __: refusal(403, "RequestTimeTooSkewed")
    assert lab.source.probe().reason == "clock"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refusal(403, "AccessDenied"), "denied"),
        (refusal(403, "InvalidAccessKeyId"), "denied"),
        (refusal(404, "NoSuchBucket"), "missing"),
        (refusal(400, "AuthorizationHeaderMalformed"), "wrong_region"),
        (refusal(503, "SlowDown"), "throttled"),
        (refusal(500, "InternalError"), "broken"),
        (None, "unreachable"),
    ],
)
def test_a_probe_says_why_not(make: Make, answer: Answer | None, reason: str) -> None:
    """What stands in the way is a stable word and a sentence with source and bucket, and no secret."""
    lab = make()
    lab.proxy.hook = lambda _, __: answer
    probe = lab.source.probe()
    assert (probe.reachable, probe.reason) == (False, reason)
    assert probe.explained.startswith(f"source lab: bucket {lab.bucket}: ")
    assert "planted" not in probe.explained
    with pytest.raises(SourceError):
        lab.source.summarise(lab.marks)


def rule(name: str, *, prefix: str = "", status: str = "Enabled", **what: Any) -> dict[str, Any]:
    """Make a rule of a lifecycle."""
    return {"ID": name, "Status": status, "Filter": {"Prefix": prefix}, **what}


def lifecycle(lab: S3Lab, *rules: dict[str, Any]) -> None:
    """Give a bucket its rules."""
    lab.client.put_bucket_lifecycle_configuration(Bucket=lab.bucket, LifecycleConfiguration={"Rules": list(rules)})


def test_the_rules_of_a_bucket_are_read(make: Make) -> None:
    """Rules that are on and concern the source's keys are told in days; a bucket without rules has none."""
    lab = make(prefix="logs/")
    assert lab.source.probe().own_retention == {}
    lifecycle(
        lab,
        rule("all", Expiration={"Days": 400}),
        rule("ours", prefix="logs/app/", Expiration={"Days": 30}),
        rule("off", status="Disabled", Expiration={"Days": 500}),
        rule("theirs", prefix="mail/", Expiration={"Days": 600}),
    )
    assert lab.source.probe().own_retention == {"all": "400", "ours": "30"}


def test_with_versions_an_expiry_only_hides(make: Make) -> None:
    """What a rule hides is gone when its days below are over too; a rule that only hides removes nothing."""
    lab = make(versioned=True)
    lifecycle(lab, rule("hides", Expiration={"Days": 60}))
    assert lab.source.probe().own_retention == {}
    below = rule("below", NoncurrentVersionExpiration={"NoncurrentDays": 40})
    lifecycle(lab, rule("hides", Expiration={"Days": 60}), below)
    assert lab.source.probe().own_retention == {"hides": "100", "below (noncurrent)": "40"}


def test_a_lock_by_default_is_a_retention(make: Make) -> None:
    """A bucket that locks everything for years cannot be purged in time: it stands beside the rules."""
    lab = make(lock=True)
    setting = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": 1}}}
    lab.client.put_object_lock_configuration(Bucket=lab.bucket, ObjectLockConfiguration=setting)
    assert lab.source.probe().own_retention == {"object_lock": "365"}


@pytest.mark.parametrize(("word", "name"), [("lifecycle", "lifecycle"), ("object-lock", "object_lock")])
def test_rules_that_nobody_may_read_are_said_to_be(make: Make, word: str, name: str) -> None:
    """Settings without the right to read them are unreadable, and the bucket is reachable all the same."""
    lab = make()
    lab.proxy.hook = lambda asked, go: refusal(403, "AccessDenied") if asked.is_("GET", word) else go()
    probe = lab.source.probe()
    assert probe.reachable
    assert probe.own_retention == {name: UNREADABLE}


def test_copies_are_named(make: Make) -> None:
    """Parts of uploads that never ended and replicas are named, and when a rule removes such parts."""
    lab = make()
    assert lab.source.copies() == ()
    begun = lab.client.create_multipart_upload(Bucket=lab.bucket, Key="a.log")
    (copy,) = lab.source.copies()
    assert (copy.kind, copy.expires) == ("incomplete_upload", None)
    lifecycle(lab, rule("parts", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7}))
    (copy,) = lab.source.copies()
    assert copy.expires is not None
    lab.client.abort_multipart_upload(Bucket=lab.bucket, Key="a.log", UploadId=begun["UploadId"])
    lab.versioning("Enabled")
    replication = {
        "Role": "arn:aws:iam::123456789012:role/r",
        "Rules": [
            {
                "ID": "r",
                "Status": "Enabled",
                "Priority": 1,
                "Filter": {"Prefix": ""},
                "DeleteMarkerReplication": {"Status": "Disabled"},
                "Destination": {"Bucket": "arn:aws:s3:::elsewhere"},
            }
        ],
    }
    target = "elsewhere"
    lab.client.create_bucket(Bucket=target, CreateBucketConfiguration={"LocationConstraint": REGION})
    lab.client.put_bucket_versioning(Bucket=target, VersioningConfiguration={"Status": "Enabled"})
    lab.client.put_bucket_replication(Bucket=lab.bucket, ReplicationConfiguration=replication)
    assert [copy.kind for copy in lab.source.copies()] == ["replica"]


def test_copies_that_cannot_be_looked_for_are_named_too(make: Make) -> None:
    """A certificate never passes over in silence what nobody could look at."""
    lab = make()
    lab.proxy.down = True
    assert [copy.kind for copy in lab.source.copies()] == ["incomplete_upload_not_checked", "replica_not_checked"]


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {"bucket": "Has-Capitals"},
        {"bucket": "10.0.0.1"},
        {"bucket": "logs--euc1-az1--x-s3"},
        {"region": ""},
        {"endpoint": "http://storage.example.org"},
        {"endpoint": "https://key:secret@storage.example.org"},
        {"endpoint": "https://storage.example.org/bucket"},
        {"owner": "12"},
        {"include": ()},
        {"include": ("a/b",)},
        {"zone": "Mars/Olympus"},
        {"format": "no-such-format"},
        {"quiet_minutes": 0},
        {"largest_mb": 0},
        {"access_key": "AKIA"},
    ],
)
def test_what_is_unsafe_or_senseless_is_refused_by_name(said: dict[str, Any]) -> None:
    """Each wrong option is refused when the settings are read, and names itself; the rest of it is fine."""
    good = {"bucket": "logs-of-ours", "region": REGION, "endpoint": "http://127.0.0.1:9000"}
    assert S3Options(**good)
    with pytest.raises(ValidationError) as caught:
        S3Options(**{**good, **said})
    assert [error["loc"][0] for error in caught.value.errors()] == list(said)
    assert "secret" not in str(caught.value).replace("key:secret@", "") or "endpoint" in said


def test_the_example_of_the_page_can_be_loaded() -> None:
    """The block that the page shows is accepted, and relative paths are taken from the settings' folder."""
    page = (ROOT / "docs" / "sources" / "s3.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(\[\[sources\]\]\n.*?)```", page, re.DOTALL)
    (said,) = tomllib.loads(block)["sources"]
    settings = SourceSettings(**said).anchored(Path("/srv/bot"))
    assert settings.options.credentials_file == Path("/srv/bot") / said["credentials_file"]
    assert connector_of("s3").options is S3Options
    described = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert set(S3Options.model_fields) <= described


def test_two_sources_meet_where_one_prefix_is_inside_the_other() -> None:
    """A hold on one protects from the other, whatever address the bucket is named by."""
    meet = connector_of("s3").meet

    def options(bucket: str, prefix: str, endpoint: str = "") -> S3Options:
        return S3Options(bucket=bucket, region=REGION, prefix=prefix, endpoint=endpoint)

    assert meet(options("logs", ""), options("logs", "app/"))
    assert meet(options("logs", "app/"), options("logs", "", "https://storage.example.org"))
    assert not meet(options("logs", "app/"), options("logs", "mail/"))
    assert not meet(options("logs", ""), options("other", ""))


def test_credentials_come_from_the_file_and_are_read_anew(make: Make) -> None:
    """A file that is missing or says nothing is no access; one that was exchanged is used; no secret is told."""
    lab = make()
    assert lab.source.probe().reachable
    for content in ("", "[default]\naws_access_key_id = planted-id\n", "no = [ini"):
        lab.keys.write_text(content)
        probe = lab.source.probe()
        assert (probe.reachable, probe.reason) == (False, "no_credentials")
        assert "planted" not in probe.explained
    lab.keys.unlink()
    assert lab.source.probe().reason == "no_credentials"
    lab.keys.write_text(KEYS.replace("AKIATEST", "AKIANEXT"))
    assert lab.source.probe().reachable
    assert "AKIANEXT" in lab.proxy.seen[-1].headers["Authorization"]
    assert "planted" not in repr(lab.source) + repr(lab.options)


def test_the_surroundings_do_not_choose_the_place(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint in the environment is not followed: where the data lie is said in the settings."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAFROMTHESHELL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "shell")
    lab = make()
    assert lab.source.probe().reachable
    assert not any("FROMTHESHELL" in asked.headers["Authorization"] for asked in lab.proxy.seen)


def test_the_owner_is_asked_for_with_every_request(make: Make) -> None:
    """Where the account is named, the engine refuses a bucket of somebody else's; without it nothing is asked."""
    lab = make(owner="123456789012")
    lab.old("a.log")
    lab.delete(lab.plan())
    assert {asked.headers.get("x-amz-expected-bucket-owner") for asked in lab.proxy.seen} == {"123456789012"}


def test_building_asks_nobody(make: Make) -> None:
    """A source is made without a word to its engine."""
    lab = make()
    lab.proxy.seen.clear()
    lab.fresh()
    assert lab.proxy.seen == []
