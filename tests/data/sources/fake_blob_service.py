"""Answers as Azure Blob Storage does where an account keeps versions, holds blobs and makes them immutable.

Azurite knows none of it. This is a small state machine after the REST reference (learn.microsoft.com: List Blobs, Get
Blob, Delete Blob, "Blob versioning", "Immutable storage"), driven by the real SDK. What it must get right: without a
version id a deletion turns the current version into an earlier one, also where it is held; a held or immutable version
is not deleted; the current version cannot be deleted by its id.
"""

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from data.clock import SystemClock
from tests.data.sources.blob_proxy import Answer, Asked, BlobProxy, refusal


@dataclass(slots=True, kw_only=True)
class Version:
    """One version of a blob."""

    id: str
    etag: str
    content: bytes
    made: dt.datetime
    kind: str
    leased: bool = False
    legal_hold: bool = False
    until: dt.datetime | None = None

    @property
    def is_protected(self) -> bool:
        """Tell whether it may not be deleted."""
        return self.legal_hold or (self.until is not None and self.until > SystemClock().now())


class FakeBlobService(BlobProxy):
    """An account that keeps versions; what a test wants besides is put in front of it, as with the proxy."""

    def __init__(self) -> None:
        super().__init__(0)
        self.containers: dict[str, dict[str, list[Version]]] = {}
        self.current: dict[tuple[str, str], Version] = {}
        self.held_containers: set[str] = set()
        self._numbers = itertools.count(1)

    # -- what a test does to it ---------------------------------------------------------------------------------------

    def versions(self, container: str, blob: str) -> list[Version]:
        """List the versions of a blob, oldest first, the current one included."""
        return list(self.containers[container].get(blob, []))

    # -- what it answers ----------------------------------------------------------------------------------------------

    def answer(self, asked: Asked, body: bytes) -> Answer:
        """Answer a request."""
        self.asked.append(asked)
        answer = self.before(asked) or self.after(asked, self._answered(asked, body))
        answer.headers.setdefault("Date", format_datetime(SystemClock().now(), usegmt=True))
        return answer

    def _answered(self, asked: Asked, body: bytes) -> Answer:
        _, _, container, *rest = unquote(urlsplit(asked.path).path).split("/", 3)
        query = asked.query
        if query.get("restype") == "service" or not container:
            off = "<DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>"
            return _xml(f"<StorageServiceProperties>{off}</StorageServiceProperties>")
        if query.get("restype") == "container" and not query.get("comp"):
            return self._container(asked.method, container)
        if container not in self.containers:
            return refusal(404, "ContainerNotFound")
        if asked.is_listing:
            return self._listing(container, query)
        if asked.method == "PUT":
            return self._put(container, rest[0], asked, body)
        return self._on_one(container, rest[0], asked)

    def _container(self, method: str, name: str) -> Answer:
        if method == "PUT":
            self.containers[name] = {}
            return Answer(status=201)
        if name not in self.containers:
            return refusal(404, "ContainerNotFound")
        if method == "DELETE":
            del self.containers[name]
            return Answer(status=202)
        held = str(name in self.held_containers).lower()
        made = format_datetime(SystemClock().now(), usegmt=True)
        return Answer(status=200, headers={"ETag": '"0x1"', "Last-Modified": made, "x-ms-has-legal-hold": held})

    def _listing(self, container: str, query: Mapping[str, str]) -> Answer:
        found = [
            (blob, version)
            for blob, versions in sorted(self.containers[container].items())
            for version in versions
            if blob.startswith(query.get("prefix", "")) and self._shows(container, blob, version, query)
        ]
        start, size = int(query.get("marker", "0")), int(query.get("maxresults", "5000"))
        entries = "".join(self._entry(container, blob, version) for blob, version in found[start : start + size])
        marker = str(start + size) if len(found) > start + size else ""
        return _xml(
            f'<EnumerationResults ServiceEndpoint="http://127.0.0.1:{self.port}/" ContainerName="{container}">'
            f"<Prefix>{escape(query.get('prefix', ''))}</Prefix><Blobs>{entries}</Blobs>"
            f"<NextMarker>{marker}</NextMarker></EnumerationResults>"
        )

    def _shows(self, container: str, blob: str, version: Version, query: Mapping[str, str]) -> bool:
        return version is self.current.get((container, blob)) or "versions" in query.get("include", "")

    def _entry(self, container: str, blob: str, version: Version) -> str:
        current = version is self.current.get((container, blob))
        mark = "<IsCurrentVersion>true</IsCurrentVersion>" if current else ""
        made, until = format_datetime(version.made, usegmt=True), version.until
        immutable = (
            f"<ImmutabilityPolicyUntilDate>{format_datetime(until, usegmt=True)}</ImmutabilityPolicyUntilDate>"
            "<ImmutabilityPolicyMode>unlocked</ImmutabilityPolicyMode>"
            if until
            else ""
        )
        lease = "<LeaseStatus>locked</LeaseStatus><LeaseState>leased</LeaseState>" if version.leased else ""
        return (
            f"<Blob><Name>{escape(blob)}</Name><VersionId>{version.id}</VersionId>{mark}<Properties>"
            f"<Creation-Time>{made}</Creation-Time><Last-Modified>{made}</Last-Modified><Etag>{version.etag}</Etag>"
            f"<Content-Length>{len(version.content)}</Content-Length><BlobType>{version.kind}</BlobType>{lease}"
            f"{immutable}<LegalHold>{str(version.legal_hold).lower()}</LegalHold></Properties></Blob>"
        )

    def _put(self, container: str, blob: str, asked: Asked, body: bytes) -> Answer:
        key = (container, blob)
        if asked.query.get("comp") == "lease":
            self.current[key].leased = True
            made = format_datetime(self.current[key].made, usegmt=True)
            return Answer(
                status=201, headers={"x-ms-lease-id": "0" * 8, "Last-Modified": made, "ETag": self.current[key].etag}
            )
        number = next(self._numbers)
        now = SystemClock().now().replace(microsecond=0)
        version = Version(
            id=f"{now:%Y-%m-%dT%H:%M:%S}.{number:07}Z",
            etag=f"0x{number:X}",
            content=body,
            made=now,
            kind=next(value for name, value in asked.headers.items() if name.lower() == "x-ms-blob-type"),
        )
        self.containers[container].setdefault(blob, []).append(version)
        self.current[key] = version
        return Answer(status=201, headers=_of(version, is_current=True))

    def _on_one(self, container: str, blob: str, asked: Asked) -> Answer:
        current = self.current.get((container, blob))
        named = asked.query.get("versionid")
        there = self.containers[container].get(blob, [])
        found = next((one for one in there if one.id == named), None) if named else current
        if found is None:
            return refusal(404, "BlobNotFound")
        if asked.headers.get("If-Match", f'"{found.etag}"') != f'"{found.etag}"':
            return refusal(412, "ConditionNotMet")
        if asked.method == "DELETE":
            return self._delete(container, blob, found, by_id=bool(named))
        headers = _of(found, is_current=found is current)
        if asked.method == "HEAD":
            return Answer(status=200, headers={**headers, "Content-Length": str(len(found.content))})
        span = asked.headers.get("x-ms-range", "").removeprefix("bytes=").split("-")
        if not found.content:
            return refusal(416, "InvalidRange") if span[0] else Answer(status=200, headers=headers)
        first, last = int(span[0] or 0), min(int(span[-1] or len(found.content)), len(found.content) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(found.content)}"
        return Answer(status=206, headers=headers, body=found.content[first : last + 1])

    def _delete(self, container: str, blob: str, found: Version, *, by_id: bool) -> Answer:
        current = self.current.get((container, blob))
        if found.leased:
            return refusal(412, "LeaseIdMissing")
        if not by_id:
            del self.current[container, blob]  # and it stays as an earlier version, whatever protects it
            return Answer(status=202)
        if found is current:
            return refusal(403, "OperationNotAllowedOnRootBlob")
        if found.is_protected:
            return refusal(409, "BlobImmutableDueToLegalHold" if found.legal_hold else "BlobImmutableDueToPolicy")
        self.containers[container][blob].remove(found)
        return Answer(status=202)


def _of(version: Version, *, is_current: bool) -> dict[str, str]:
    headers = {
        "ETag": f'"{version.etag}"',
        "Last-Modified": format_datetime(version.made, usegmt=True),
        "x-ms-creation-time": format_datetime(version.made, usegmt=True),
        "x-ms-blob-type": version.kind,
        "x-ms-version-id": version.id,
        "x-ms-legal-hold": str(version.legal_hold).lower(),
        "x-ms-lease-state": "leased" if version.leased else "available",
        "x-ms-lease-status": "locked" if version.leased else "unlocked",
    }
    if is_current:
        headers["x-ms-is-current-version"] = "true"
    if version.until is not None:
        headers["x-ms-immutability-policy-until-date"] = format_datetime(version.until, usegmt=True)
        headers["x-ms-immutability-policy-mode"] = "unlocked"
    return headers


def _xml(document: str) -> Answer:
    body = f'<?xml version="1.0" encoding="utf-8"?>{document}'.encode()
    return Answer(status=200, headers={"Content-Type": "application/xml"}, body=body)


@contextmanager
def running_fake() -> Iterator[FakeBlobService]:
    """Start the fake on a free port, and stop it afterwards."""
    fake = FakeBlobService()
    fake.start()
    try:
        yield fake
    finally:
        fake.stop()
