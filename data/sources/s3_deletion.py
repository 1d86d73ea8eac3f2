"""Deletes versions of objects that still are what was planned, one by one, each under the engine's own condition.

Every deletion names a version, `null` where the bucket has none: so it can never leave a delete marker in place of the
content. What names a content for ever, a version, needs no other condition. The version `null` may be overwritten, so
its deletion is bound to the ETag; S3 holds that against the current version of the key only.

Source: docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from data.retention.instants import Instant
from data.retention.residue import Code
from data.retention.unit import Planned
from data.sources.interface import Acted, Guard
from data.sources.s3_client import Bucket, S3Error
from data.sources.s3_listing import NULL, Place, Version, head, identity_of, place_in, to_second, versions_of

_DELETED: Final = 204
_IMPOSSIBLE: Final = '"00000000000000000000000000000000-0"'
"""An ETag that no object can have: nothing is uploaded in no part."""
_NO_LOCK: Final = frozenset({"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration", "NotImplemented"})
_CODES: Final = {
    "denied": Code.DENIED,
    "no_credentials": Code.DENIED,
    "throttled": Code.RATE_LIMITED,
    "unreachable": Code.UNREACHABLE,
    "no_bucket": Code.UNREACHABLE,
    "wrong_region": Code.UNREACHABLE,
    "clock": Code.UNREACHABLE,
}
_ENDS_BATCH: Final = frozenset({Code.RATE_LIMITED, Code.UNREACHABLE})


def outcome_of(error: S3Error) -> Acted:
    """Give the code for what an engine said, with its word as the reason."""
    return Acted(code=_CODES.get(error.reason, Code.FAILED), reason=error.reason)


def is_versioned(bucket: Bucket) -> bool:
    """Tell whether a bucket has, or ever had, versions; raises `S3Error`."""
    return bool(versioning(bucket))


def versioning(bucket: Bucket) -> str:
    """Give `Enabled`, `Suspended`, or "" where versions were never switched on; raises `S3Error`."""
    return str(bucket.ask("get_bucket_versioning").get("Status", ""))


def can_lock(bucket: Bucket) -> bool:
    """Tell whether single versions may be locked; where nobody says, they may. Raises `S3Error`."""
    try:
        found = bucket.ask("get_object_lock_configuration")
    except S3Error as error:
        if error.code in _NO_LOCK:
            return False
        if error.reason == "denied":
            return True
        raise
    return bool(found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")


def is_held(bucket: Bucket, place: Place, *, now: Instant) -> bool:
    """Tell whether a version is under legal hold or retention; yes where nobody says. Raises `S3Error`."""
    legal = _lock_of(bucket, "get_object_legal_hold", place)
    retention = _lock_of(bucket, "get_object_retention", place)
    if legal is None or retention is None:
        return True
    until = retention.get("Retention", {}).get("RetainUntilDate")
    return legal.get("LegalHold", {}).get("Status") == "ON" or (until is not None and to_second(until) >= now)


def _lock_of(bucket: Bucket, operation: str, place: Place) -> dict[str, Any] | None:
    """Ask for one kind of lock of a version; {} where it has none, None where nobody says."""
    try:
        return dict(bucket.ask(operation, Key=place.key, VersionId=place.version))
    except S3Error as error:
        if error.code in _NO_LOCK or error.reason == "missing":
            return {}
        if error.reason in {"denied", "refused"}:
            return None
        raise


@dataclass(slots=True, kw_only=True)
class Deletion:
    """One batch against one bucket."""

    bucket: Bucket
    guard: Guard
    now: Instant
    rested: Instant
    """What was written after this may still be in use."""
    _status: str | None = None
    _locks: bool = False
    _proved: bool | None = None
    """Whether the engine was seen to honour a condition; None as long as nobody has looked."""

    def run(self, batch: Sequence[Planned]) -> Iterator[Acted]:
        """Act on each unit in order and give its outcome; what cannot be reached any more is not tried on and on."""
        lost: Acted | None = None
        for planned in batch:
            if lost is None:
                acted = self._told(planned)
                lost = acted if acted.code in _ENDS_BATCH else None
            else:
                acted = lost
            yield acted

    def _told(self, planned: Planned) -> Acted:
        try:
            if self._status is None:
                self._status, self._locks = versioning(self.bucket), can_lock(self.bucket)
            return self._one(planned)
        except S3Error as error:
            return outcome_of(error)

    def _one(self, planned: Planned) -> Acted:
        place = place_in(planned.unit)
        refused = self._refused(planned, place)
        if refused is not None:
            return refused
        condition = self._condition(place)
        if condition is None:
            return Acted(code=Code.UNSUPPORTED, reason="unbound")
        with self.guard(planned) as prevented:
            return self._commit(planned, place, condition) if prevented is None else Acted(code=prevented)

    def _refused(self, planned: Planned, place: Place) -> Acted | None:
        """Tell why a unit must not be touched now, or None. Raises `S3Error`."""
        found = self._look(place)
        if found is None:
            return Acted(code=Code.TARGET_ABSENT)
        if not self._is_planned(found, planned):
            return Acted(code=Code.DRIFTED)
        if found.modified > self.rested:
            return Acted(code=Code.ACTIVE, reason="quiet")
        if self._locks and is_held(self.bucket, place, now=self.now):
            return Acted(code=Code.HELD_NATIVE)
        return None

    def _look(self, place: Place) -> Version | None:
        return head(self.bucket, place, versioned=bool(self._status))

    def _is_planned(self, found: Version, planned: Planned) -> bool:
        return identity_of(self.bucket.name, found).same_place(planned.unit.identity)

    def _condition(self, place: Place) -> dict[str, str] | None:
        """Give what binds a deletion to this content besides its version; None where nothing does."""
        if place.version != NULL:
            return {}
        bound = {"IfMatch": f'"{place.etag}"'}
        if not self._status:
            return bound
        current = head(self.bucket, place, versioned=False)
        if current is not None and current.version == NULL:
            return bound
        # below another version: the condition would be held against that one
        return {} if self._status == "Enabled" else None

    def _commit(self, planned: Planned, place: Place, condition: dict[str, str]) -> Acted:
        try:
            if condition and self._proved is None:
                self._proved = self._honours_conditions(place)
            if condition and not self._proved:
                return self._look_again(planned, place, "unconditional")
            return self._delete(planned, place, condition)
        except S3Error as error:
            return self._failed(planned, place, error)

    def _honours_conditions(self, place: Place) -> bool:
        """Order this very deletion under a condition that cannot hold: an engine that passes over it shows itself.

        Only a planned unit is put at stake, after the guard has let it go. Raises `S3Error`.
        """
        try:
            self.bucket.order("delete_object", Key=place.key, VersionId=place.version, IfMatch=_IMPOSSIBLE)
        except S3Error as error:
            if error.reason == "changed":
                return True
            raise
        return False

    def _delete(self, planned: Planned, place: Place, condition: dict[str, str]) -> Acted:
        found = self.bucket.order("delete_object", Key=place.key, VersionId=place.version, **condition)
        if found.get("DeleteMarker"):
            return self._look_again(planned, place, "delete_marker")
        if found["ResponseMetadata"]["HTTPStatusCode"] != _DELETED:
            return self._look_again(planned, place, "no_answer")
        return Acted(code=Code.DELETED, bytes=planned.bytes, records=planned.records)

    def _failed(self, planned: Planned, place: Place, error: S3Error) -> Acted:
        if error.reason == "changed":
            return Acted(code=Code.DRIFTED)
        if error.reason == "missing":  # somebody else was faster
            return Acted(code=Code.TARGET_ABSENT)
        if error.reason == "denied":
            held = self._locks and is_held(self.bucket, place, now=self.now)
            return Acted(code=Code.HELD_NATIVE) if held else outcome_of(error)
        if error.reason in {"unreachable", "broken", "conflict"}:
            return self._look_again(planned, place, "no_answer")
        return outcome_of(error)

    def _look_again(self, planned: Planned, place: Place, reason: str) -> Acted:
        """Tell what has become of a unit whose deletion nobody answered for; never that this deleted it."""
        try:
            found = self._look(place)
        except S3Error:
            return Acted(code=Code.FAILED, reason=reason)
        if found is None:
            return Acted(code=Code.ABSENT, bytes=planned.bytes, records=planned.records, reason=reason)
        return Acted(code=Code.FAILED if self._is_planned(found, planned) else Code.DRIFTED, reason=reason)


def recovered(bucket: Bucket, planned: Planned) -> Acted | None:
    """Tell what a crash left of an intended deletion; None if it has not happened. Raises `S3Error`."""
    found = head(bucket, place_in(planned.unit), versioned=is_versioned(bucket))
    if found is None:
        return Acted(code=Code.ABSENT, bytes=planned.bytes, records=planned.records)
    if identity_of(bucket.name, found).same_place(planned.unit.identity):
        return None
    return Acted(code=Code.DRIFTED)


def verified(bucket: Bucket, planned: Planned) -> Code | None:
    """Look in a fresh listing whether the planned content stands at its place; raises `S3Error`, `SourceError`."""
    place = place_in(planned.unit)
    for found in versions_of(bucket, place.key):
        if not found.marker and (found.version, found.etag) == (place.version, place.etag):
            return Code.FAILED
    return None
