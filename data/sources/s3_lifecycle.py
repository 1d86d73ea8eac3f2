"""What a bucket itself does about age, and where else its data lie: lifecycle rules, locks, uploads, replicas."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from data.retention.instants import DAY, instant_of
from data.sources.interface import UNREADABLE, Copy
from data.sources.s3_client import Bucket, S3Error

_NONE: Final = frozenset(
    {
        "NoSuchLifecycleConfiguration",
        "ObjectLockConfigurationNotFoundError",
        "ReplicationConfigurationNotFoundError",
        "NotImplemented",
    }
)
_YEAR: Final = 365
_PASSING: Final = frozenset({"unreachable", "throttled", "no_bucket", "no_credentials", "clock"})
INCOMPLETE: Final = "incomplete_upload"
REPLICA: Final = "replica"
_UNCHECKED: Final = "_not_checked"
_MOST_UPLOADS: Final = 1000


def own_retention(bucket: Bucket, prefix: str, *, versioned: bool) -> dict[str, str]:
    """Give what the bucket's own rules keep, in days, by a name for each; raises `S3Error` only where all is lost.

    In a versioned bucket an expiry only hides: what it hides is gone when its days as a noncurrent version are over.
    """
    found: dict[str, str] = {}
    try:
        rules = _told(bucket, "get_bucket_lifecycle_configuration").get("Rules", ())
        applying = [rule for rule in rules if rule.get("Status") == "Enabled" and _reaches(rule, prefix)]
        found.update(_expiries(applying, versioned=versioned))
    except _UnreadableError:
        found["lifecycle"] = UNREADABLE
    try:
        lock = _told(bucket, "get_object_lock_configuration").get("ObjectLockConfiguration", {})
        default = lock.get("Rule", {}).get("DefaultRetention", {})
        days = default.get("Days") or default.get("Years", 0) * _YEAR
        if days:
            found["object_lock"] = str(days)
    except _UnreadableError:
        found["object_lock"] = UNREADABLE
    return found


def copies_of(bucket: Bucket, prefix: str) -> tuple[Copy, ...]:
    """Name copies that a purge does not reach; what cannot be looked at is named as such, and nothing is raised."""
    return (*_uploads(bucket, prefix), *_replicas(bucket, prefix))


class _UnreadableError(Exception):
    """Settings that are there, or may be, and cannot be read."""


def _told(bucket: Bucket, operation: str) -> Mapping[str, Any]:
    """Read one kind of settings; {} where there are none. Raises `S3Error`, `_UnreadableError`."""
    try:
        return bucket.ask(operation)
    except S3Error as error:
        if error.code in _NONE:
            return {}
        if error.reason in _PASSING:
            raise
        raise _UnreadableError from None


def _expiries(rules: list[Mapping[str, Any]], *, versioned: bool) -> Iterator[tuple[str, str]]:
    hidden = [days for rule in rules if (days := rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"))]
    for number, rule in enumerate(rules, start=1):
        name = ascii(str(rule.get("ID") or f"rule {number}"))[1:-1]
        days = rule.get("Expiration", {}).get("Days")
        if days and not versioned:
            yield name, str(days)
        elif days and hidden:
            yield name, str(int(days) + int(min(hidden)))
        elif versioned and (own := rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")):
            yield f"{name} (noncurrent)", str(own)


def _reaches(rule: Mapping[str, Any], prefix: str) -> bool:
    """Tell whether a rule can concern what lies below a prefix; its tags and sizes are passed over."""
    chosen = rule.get("Filter", {})
    theirs = str(rule.get("Prefix") or chosen.get("Prefix") or chosen.get("And", {}).get("Prefix") or "")
    return theirs.startswith(prefix) or prefix.startswith(theirs)


def _uploads(bucket: Bucket, prefix: str) -> Iterator[Copy]:
    """Tell whether parts of uploads that never ended lie in the bucket: no listing of objects shows them."""
    try:
        found = bucket.ask("list_multipart_uploads", Prefix=prefix, MaxUploads=_MOST_UPLOADS)
    except S3Error:
        yield Copy(kind=INCOMPLETE + _UNCHECKED)
        return
    begun = [
        upload["Initiated"] for upload in found.get("Uploads", ()) if isinstance(upload.get("Initiated"), datetime)
    ]
    if not begun:
        return
    try:
        rules = _told(bucket, "get_bucket_lifecycle_configuration").get("Rules", ())
    except (S3Error, _UnreadableError):
        rules = ()
    days = [
        rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        for rule in rules
        if rule.get("Status") == "Enabled"
        and rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
        and prefix.startswith(str(rule.get("Prefix") or rule.get("Filter", {}).get("Prefix") or ""))
    ]
    expires = instant_of(max(begun)) + int(min(days)) * DAY if days and not found.get("IsTruncated") else None
    yield Copy(kind=INCOMPLETE, expires=expires)


def _replicas(bucket: Bucket, prefix: str) -> Iterator[Copy]:
    try:
        found = _told(bucket, "get_bucket_replication").get("ReplicationConfiguration", {})
    except (S3Error, _UnreadableError):
        yield Copy(kind=REPLICA + _UNCHECKED)
        return
    if any(rule.get("Status") == "Enabled" and _reaches(rule, prefix) for rule in found.get("Rules", ())):
        yield Copy(kind=REPLICA)
