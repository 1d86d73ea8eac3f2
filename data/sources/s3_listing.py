"""Lists all versions of a bucket page by page, and believes no page that contradicts itself or the one before.

A listing that ends early, repeats itself or leaves the place that was asked for is an error, never a shorter list. Keys
come in the order of their bytes, versions of one key together; so one key is all that has to be remembered.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from data.errors import SourceError
from data.retention.instants import SECOND, Instant, instant_of
from data.retention.unit import Identity, Unit, place_of
from data.sources.s3_client import Bucket, S3Error

NULL: Final = "null"
"""What S3 calls the version of an object that was written without versioning."""
PAGE: Final = 1000
_SEPARATOR: Final = b"\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of one object, or a delete marker."""

    key: str
    version: str
    latest: bool
    marker: bool
    modified: Instant
    """When it was written, by the engine's clock; whole seconds, rounded down."""
    size: int = 0
    etag: str = ""

    @property
    def in_parts(self) -> bool:
        """Tell whether it was uploaded in parts: then `modified` is when that began, and parts may have come later."""
        return "-" in self.etag

    def unit(self, bucket: str) -> Unit:
        """Give what a purge knows it by: the latest version of a key by the key, the others by key, NUL and version."""
        name = encoded(self.key)
        return Unit(
            name=name if self.latest else name + _SEPARATOR + self.version.encode(),
            identity=identity_of(bucket, self),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a unit is, as S3 has it."""

    key: str
    version: str
    etag: str


def place_in(unit: Unit) -> Place:
    """Read a unit's place back from its name and the tag of its identity."""
    version, _, etag = unit.identity.tag.partition(" ")
    name = unit.name.removesuffix(_SEPARATOR + version.encode())
    return Place(key=name.decode("utf-8", "surrogatepass"), version=version, etag=etag)


def encoded(key: str) -> bytes:
    """Give a key as the bytes it is."""
    return key.encode("utf-8", "surrogatepass")


def is_odd(key: str) -> bool:
    """Tell whether a key cannot name a unit: a NUL stands between key and version."""
    return "\0" in key


def identity_of(bucket: str, found: Version) -> Identity:
    """Give the identity of a version, whose content has the engine's own tag.

    What is written over an object without versions is another object at another place: it was seen when it was seen.
    """
    nanoseconds = found.modified * 1000
    return Identity(
        device=place_of("s3", bucket),
        inode=place_of(encoded(found.key), found.version, found.etag),
        size=found.size,
        mtime_ns=nanoseconds,
        ctime_ns=nanoseconds,
        tag=f"{found.version} {found.etag}",
    )


def to_second(moment: datetime) -> Instant:
    """Cut to whole seconds: some engines tell more in a listing than in a header."""
    return instant_of(moment) // SECOND * SECOND


class ListingError(SourceError):
    """A listing cannot be believed."""


def all_versions(bucket: Bucket, prefix: str) -> Iterator[Version]:
    """List every version and every delete marker below a prefix; raises `S3Error`, `ListingError`."""
    markers: dict[str, str] = {}
    orders = {kind: _Order(prefix=prefix) for kind in ("Versions", "DeleteMarkers")}
    progress = _Order(prefix="")
    while True:
        page = bucket.ask("list_object_versions", Prefix=prefix, MaxKeys=PAGE, **markers)
        truncated = page.get("IsTruncated")
        if not isinstance(truncated, bool):
            raise ListingError("a page does not say whether it is the last")
        for kind, order in orders.items():
            yield from order.checked(_entries(page.get(kind, ()), marker=kind == "DeleteMarkers"), markers)
        if not truncated:
            return
        markers = _next(page, progress)


def versions_of(bucket: Bucket, key: str) -> Iterator[Version]:
    """List the versions and delete markers of exactly one key; raises `S3Error`, `ListingError`."""
    for found in all_versions(bucket, key):
        if found.key == key:
            yield found
        elif not found.marker:  # a key is the first of all that begin with it; delete markers of a page come last
            return


def _next(page: Mapping[str, Any], progress: "_Order") -> dict[str, str]:
    key, version = page.get("NextKeyMarker"), page.get("NextVersionIdMarker")
    if not key or not isinstance(key, str):
        raise ListingError("a page says that more follows and not where")
    progress.step(key, version or "")
    return {"KeyMarker": key, **({"VersionIdMarker": version} if version else {})}


def _entries(found: Iterable[Mapping[str, Any]], *, marker: bool) -> Iterator[Version]:
    for entry in found:
        try:
            yield Version(
                key=entry["Key"],
                version=entry["VersionId"],
                latest=entry["IsLatest"],
                marker=marker,
                modified=to_second(entry["LastModified"]),
                size=0 if marker else int(entry["Size"]),
                etag="" if marker else entry["ETag"].strip('"'),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ListingError("an entry of a page lacks what every entry has") from None


@dataclass(slots=True, kw_only=True)
class _Order:
    """What has been seen of one sequence of keys and versions."""

    prefix: str
    last: bytes = b""
    versions: set[str] = field(default_factory=set)

    def checked(self, found: Iterable[Version], markers: Mapping[str, str]) -> Iterator[Version]:
        """Pass on what comes in its order, once, and from where it was asked for."""
        start = encoded(markers.get("KeyMarker", ""))
        for one in found:
            if not one.key.startswith(self.prefix):
                raise ListingError("a page holds keys of another place")
            if encoded(one.key) < start:
                raise ListingError("a page begins before the one it follows")
            self.step(one.key, one.version)
            yield one

    def step(self, key: str, version: str) -> None:
        """Go one further; raises `ListingError` where that leads back."""
        name = encoded(key)
        if name < self.last:
            raise ListingError("keys do not come in their order")
        if name > self.last:
            self.last, self.versions = name, set()
        if version in self.versions:
            raise ListingError("the same version comes twice")
        self.versions.add(version)


def head(bucket: Bucket, place: Place, *, versioned: bool) -> Version | None:
    """Look which content stands at a place now; None if none does. Raises `S3Error`."""
    which = {"VersionId": place.version} if versioned else {}
    try:
        found = bucket.ask("head_object", Key=place.key, **which)
        return Version(
            key=place.key,
            version=found.get("VersionId", NULL),
            latest=True,
            marker=False,
            modified=to_second(found["LastModified"]),
            size=int(found["ContentLength"]),
            etag=found["ETag"].strip('"'),
        )
    except S3Error as error:
        if error.reason != "missing":
            raise
        bucket.ask("get_bucket_versioning")  # the answer to HEAD does not tell a key that is gone from a bucket that is
        return None
    except (KeyError, TypeError, AttributeError):
        raise S3Error("broken", code="head") from None
