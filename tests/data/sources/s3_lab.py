"""A bucket to try a source of S3 on, in moto's own server: units of given ages, and everything that can happen."""

import http.client
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from data.clock import SystemClock
from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, MINUTE, SECOND, Instant, instant_of, whole_seconds
from data.retention.unit import Planned
from data.sources.connector import Around, Named
from data.sources.interface import Acted, Measured, Skipped
from data.sources.planning import is_wholly_old
from data.sources.s3 import S3Source
from data.sources.s3_client import Patience
from data.sources.s3_listing import place_in
from data.sources.s3_options import S3Options
from tests.data.sources.lab import FREE, OLD, YOUNG, is_old
from tests.data.sources.reader import line_at
from tests.data.sources.s3_proxy import Proxy, running_proxy
from tests.domain import ROOT
from tests.world import FakeClock

KEYS = "[default]\naws_access_key_id = AKIATESTTESTTESTTEST\naws_secret_access_key = planted-secret-of-the-lab\n"
REGION = "eu-central-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The server, the way to it that a test can step into, and a client of the tests' own."""

    port: int
    proxy: Proxy
    client: Any

    def reset(self) -> None:
        """Empty everything."""
        self.proxy.reset()
        self.post("/moto-api/reset", {})

    def post(self, path: str, body: object) -> None:
        """Tell the server something that no client of S3 can."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            found = connection.getresponse()
            found.read()
            assert found.status in {200, 204}, found.status
        finally:
            connection.close()


@contextmanager
def running_engine() -> Iterator[Engine]:
    """Start moto's server in a process of its own, and take it down."""
    command = [sys.executable, "-m", "tests.data.sources.s3_server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            client = boto3.client(
                "s3",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name=REGION,
                aws_access_key_id="AKIATESTTESTTESTTEST",
                aws_secret_access_key="planted",
                config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
            )
            with running_proxy(port) as proxy:
                yield Engine(port=port, proxy=proxy, client=client)
            client.close()
        finally:
            process.terminate()


class S3Lab:
    """One source over a bucket of its own, at a moment that stands still."""

    def __init__(
        self, folder: Path, engine: Engine, *, versioned: bool = False, lock: bool = False, **options: Any
    ) -> None:
        self.engine, self.proxy, self.client = engine, engine.proxy, engine.client
        self.state = folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.keys = folder / "keys"
        self.keys.write_text(KEYS)
        self.clock = FakeClock(SystemClock().now().replace(microsecond=0))
        self.now: Instant = instant_of(self.clock.now())
        self.marks = Marks(cutoff=whole_seconds(self.now - 83 * DAY), limit=self.now - 90 * DAY, now=self.now)
        self.bucket = f"lab-{secrets.token_hex(6)}"
        self.slept: list[float] = []
        self._made: list[S3Source] = []
        where = {"LocationConstraint": REGION}
        self.client.create_bucket(Bucket=self.bucket, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=lock)
        if versioned:
            self.versioning("Enabled")
        said = {"bucket": self.bucket, "region": REGION, "endpoint": self.proxy.url, "credentials_file": self.keys}
        self.options = S3Options(**{**said, **options})
        self.source = self.fresh()

    def fresh(self) -> S3Source:
        """Make the source anew, as after a restart."""
        named, around = Named(id="lab", title="Lab", data_kind="log"), Around(clock=self.clock, state=self.state)
        made = S3Source(named, self.options, around, patience=Patience(sleep=self.slept.append))
        self._made.append(made)
        return made

    def close(self) -> None:
        """Give all connections back."""
        for source in self._made:
            source.close()

    def versioning(self, status: str) -> None:
        """Switch versions on or off."""
        self.client.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": status})

    # -- units --------------------------------------------------------------------------------------------------------

    def old(self, name: str = "old.log", count: int = 3) -> str:
        """Make a unit of which everything may go."""
        return self.write(name, [self.now - OLD + number * HOUR for number in range(count)])

    def young(self, name: str = "young.log", count: int = 3) -> str:
        """Make a unit of which nothing may go."""
        return self.write(name, [self.now - YOUNG + number * HOUR for number in range(count)])

    def mixed(self, name: str = "mixed.log") -> str:
        """Make a unit that holds two old records and two young ones."""
        return self.write(name, [self.now - age for age in (OLD, OLD - HOUR, YOUNG, YOUNG - HOUR)])

    def undated(self, name: str = "undated.log") -> str:
        """Make a unit that nobody can date: a record is younger than when it is said to be written."""
        return self.put(name, line_at(self.now - YOUNG) + b"\x00\x01 nobody knows\n", self.now - OLD)

    def write(self, name: str, instants: list[Instant]) -> str:
        """Make a unit of records of these instants, written with the latest."""
        body = b"".join(line_at(at, f"record {number}") for number, at in enumerate(instants))
        return self.put(name, body, max(instants))

    def put(self, name: str, body: bytes, at: Instant, **how: Any) -> str:
        """Write an object at a time; give its version."""
        found = self.client.put_object(Bucket=self.bucket, Key=name, Body=body, **how)
        self.age(name, at)
        return str(found.get("VersionId", "null"))

    def age(self, name: str, at: Instant, version: str | None = None) -> None:
        """Set when an object was written."""
        told = {"bucket": self.bucket, "key": name, "version": version, "at": at // SECOND}
        self.engine.post("/lab/age", told)

    # -- what happens to them -----------------------------------------------------------------------------------------

    def drift(self, name: str) -> None:
        """Let a unit get another record, with the time it had."""
        self._replace(name, self._body(name) + line_at(self.now - YOUNG, "late"))

    def swap(self, name: str) -> None:
        """Put another unit of the same name, size and time in the place of one."""
        self._replace(name, self._body(name).replace(b"record", b"Record"))

    def _replace(self, name: str, body: bytes) -> None:
        before = self.client.head_object(Bucket=self.bucket, Key=name)["LastModified"]
        self.put(name, body, instant_of(before))

    def remove(self, name: str) -> None:
        """Take a unit away, with all its versions."""
        for version in self.versions(name):
            self.client.delete_object(Bucket=self.bucket, Key=name, VersionId=version)

    def occupy(self, name: str) -> None:
        """Let somebody write to a unit just now, without a trace in its content."""
        self.put(name, self._body(name), self.now - MINUTE)

    def lose(self) -> None:
        """Make the whole place unreachable."""
        self.proxy.down = True

    def foreign(self) -> str:
        """Put something there that is no unit; give the reason it is skipped for."""
        self.put("folder/", b"", self.now - OLD)
        return "folder"

    def versions(self, name: str) -> list[str]:
        """List the versions of a key, without delete markers, the newest first."""
        found = self.client.list_object_versions(Bucket=self.bucket, Prefix=name).get("Versions", [])
        return [one["VersionId"] for one in found if one["Key"] == name]

    def markers(self, name: str) -> list[str]:
        """List the delete markers of a key."""
        found = self.client.list_object_versions(Bucket=self.bucket, Prefix=name).get("DeleteMarkers", [])
        return [one["VersionId"] for one in found if one["Key"] == name]

    def content(self, name: str) -> bytes | None:
        """Give what a unit holds now, to the byte; None where there is none."""
        return self._body(name) if self.versions(name) else None

    def _body(self, name: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read()
        return body

    def survives(self, row: Planned) -> bool:
        """Tell whether a unit's content is still there."""
        place = place_in(row.unit)
        return place.version in self.versions(place.key)

    def expected(self, name: str) -> bytes:
        """Give what of a unit has to stay, reckoned without the product."""
        lines = self._body(name).splitlines(keepends=True)
        return b"".join(line for line in lines if not is_old(line, self.marks.cutoff))

    # -- what people do -----------------------------------------------------------------------------------------------

    def measured(self, *, fresh: bool = False) -> dict[str, Measured]:
        """Measure all units, by name."""
        found = self.source.measure(self.marks, fresh=fresh)
        return {unit.unit.name.decode(): unit for unit in found if isinstance(unit, Measured)}

    def skipped(self) -> dict[str, tuple[str, str]]:
        """Measure, and give what could not be, with code and reason."""
        found = self.source.measure(self.marks)
        return {one.name.decode(): (one.code.value, one.reason) for one in found if isinstance(one, Skipped)}

    def plan(self) -> list[Planned]:
        """Plan everything a purge would touch, by name."""
        chosen = [one for one in self.measured().values() if not one.active and is_wholly_old(one.reading)]
        planned = [row for row in self.source.plan(chosen, self.marks) if row is not None]
        return sorted(planned, key=lambda row: row.unit.name)

    def delete(self, planned: list[Planned]) -> list[Acted]:
        """Delete with nothing in the way."""
        return list(self.source.delete(planned, guard=FREE))
