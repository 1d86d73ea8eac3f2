"""Deletes blobs: one conditional request for each, and where the account keeps versions one for the version left.

The condition is the ETag that was planned, so no look before the act is needed: Azure itself compares, and refuses what
is leased, held or has snapshots. An act without an answer is looked up, and never called deleted.
"""

import time
from collections.abc import Callable
from typing import Final

from data.retention.instants import Instant
from data.retention.residue import Code
from data.retention.unit import Action, Planned
from data.sources.blob_names import Place, place_named
from data.sources.blob_service import BlobError, BlobService, Patience
from data.sources.interface import Acted, Guard

_OUTCOMES: Final = {
    "absent": Code.TARGET_ABSENT,
    "changed": Code.DRIFTED,
    "leased": Code.ACTIVE,
    "copying": Code.ACTIVE,
    "snapshots": Code.LOCKED,
    "held": Code.HELD_NATIVE,
    "missing": Code.UNREACHABLE,
    "unreachable": Code.UNREACHABLE,
    "denied": Code.DENIED,
    "throttled": Code.RATE_LIMITED,
}
_NO_ANSWER: Final = "no_answer"
_VERSION_LEFT: Final = "version_left"


def outcome_of(error: BlobError) -> Acted:
    """Give the outcome that an error stands for."""
    code = _OUTCOMES.get(error.reason, Code.FAILED)
    return Acted(code=code, reason="" if code in {Code.TARGET_ABSENT, Code.DRIFTED} else error.reason)


class Deletion:
    """Deletes planned blobs under a guard."""

    def __init__(self, service: BlobService, guard: Guard, now: Callable[[], Instant]) -> None:
        self._service = service
        self._guard = guard
        self._now = now

    def run(self, planned: Planned) -> Acted:
        """Delete one blob if it still is what was planned; never raises."""
        try:
            place = place_named(planned.unit.name)
        except ValueError:
            return Acted(code=Code.FAILED, reason="no_blob")
        etag, version = _bound(planned)
        if planned.action is not Action.DELETE or not etag or planned.hi >= planned.cutoff:
            return Acted(code=Code.UNSUPPORTED, reason="not_planned_here")
        try:
            return self._committed(planned, lambda: self._act(place, etag, version))
        except BlobError as error:
            return self._looked_up(planned, place, error)

    def finish(self, planned: Planned, place: Place, version: str) -> Acted:
        """Delete the version that is left of a blob that was deleted. Raises `BlobError`."""
        etag, _ = _bound(planned)
        done = self._committed(planned, lambda: self._service.delete(_version(place, version), etag))
        return done if done.code is not Code.DELETED else _gone(planned, Code.ABSENT)

    def _act(self, place: Place, etag: str, version: str) -> None:
        """Delete a blob, and the version that it then becomes. Raises `BlobError`.

        Where versions are kept Azure lets a held blob be hidden behind its versions, and only refuses to delete the
        version: so its holds are looked at first.
        """
        if not version or place.is_copy:
            self._service.delete(place, etag)
            return
        found = self._service.look(place, patiently=False)  # nobody waits under the guard
        if found.etag == etag and found.holds(self._now()):
            raise BlobError("held")
        self._service.delete(place, etag)
        try:
            self._service.delete(_version(place, version), etag)
        except BlobError as error:
            if error.reason != "absent":
                raise _VersionLeftError(error) from None

    def _committed(self, planned: Planned, act: Callable[[], None]) -> Acted:
        """Do it under the guard, and again where Azure was busy and surely did nothing. Raises `BlobError`."""
        patience: Patience = self._service.patience
        ends = time.monotonic() + patience.altogether
        for attempt in range(1, patience.attempts + 1):
            with self._guard(planned) as prevented:
                if prevented is not None:
                    return Acted(code=prevented)
                try:
                    act()
                except BlobError as error:
                    pause = error.pause or patience.first_pause * 2 ** (attempt - 1)
                    late = pause > patience.longest_pause or time.monotonic() + pause > ends
                    if error.reason != "throttled" or late or attempt == patience.attempts:
                        raise
                else:
                    return _gone(planned, Code.DELETED)
            time.sleep(pause)  # outside the guard: whoever places a hold meanwhile need not wait
        raise AssertionError

    def _looked_up(self, planned: Planned, place: Place, error: BlobError) -> Acted:
        """Give the outcome of an act that was refused, or of which nobody knows."""
        if isinstance(error, _VersionLeftError):
            code = outcome_of(error.cause).code if error.cause.answered else Code.FAILED
            return Acted(code=code, reason=_VERSION_LEFT)
        if error.answered and error.reason != "changed":
            return outcome_of(error)
        try:
            found = self._service.look(place)
        except BlobError as unseen:
            return self._unseen(planned, place, unseen, answered=error.answered)
        if found.etag != _bound(planned)[0]:
            return Acted(code=Code.DRIFTED)
        return Acted(code=Code.FAILED, reason=error.reason if error.answered else _NO_ANSWER)

    def _unseen(self, planned: Planned, place: Place, unseen: BlobError, *, answered: bool) -> Acted:
        if unseen.reason != "absent":
            return outcome_of(unseen) if answered else Acted(code=Code.FAILED, reason=_NO_ANSWER)
        if answered:  # the condition was refused because nothing was there any more
            return Acted(code=Code.TARGET_ABSENT)
        return self._after_silence(planned, place)

    def _after_silence(self, planned: Planned, place: Place) -> Acted:
        """Give the outcome where a blob is gone after a deletion that got no answer: this request's, as after a crash.

        Somebody else may have deleted the same content in the same moment; it is gone either way.
        """
        try:
            left = version_left(self._service, planned, place)
        except BlobError:
            return Acted(code=Code.FAILED, reason=_NO_ANSWER)
        return Acted(code=Code.FAILED, reason=_VERSION_LEFT) if left else _gone(planned, Code.ABSENT)


class _VersionLeftError(BlobError):
    """A blob is gone, and its content is still there as an earlier version."""

    def __init__(self, cause: BlobError) -> None:
        super().__init__(_VERSION_LEFT)
        self.cause = cause


def recover(service: BlobService, planned: Planned, guard: Guard, now: Callable[[], Instant]) -> Acted | None:
    """Tell what a crash left of an intended deletion, and end it under the guard; None if it has not happened."""
    try:
        place = place_named(planned.unit.name)
        try:
            found = service.look(place)
        except BlobError as error:
            if error.reason != "absent":
                raise
            version = version_left(service, planned, place)
            if not version:
                return _gone(planned, Code.ABSENT)
            return Deletion(service, guard, now).finish(planned, place, version)
    except BlobError as error:
        return outcome_of(error)
    except ValueError:
        return Acted(code=Code.FAILED, reason="no_blob")
    return None if found.etag == _bound(planned)[0] else Acted(code=Code.DRIFTED)


def verify(service: BlobService, planned: Planned) -> Code | None:
    """Look by a listing, and not by the address that was deleted, whether a deletion has held; None if so.

    A listing that shows nothing proves nothing: so the address is asked too, and Azure has to say that the container is
    there and the blob is not. What somebody has since put in its place is his right, unless it is the same content.
    """
    try:
        place = place_named(planned.unit.name)
        etag, version = _bound(planned)
        for entry in service.of_one(place.blob):
            same_place = entry.place == place or (version and entry.version_id == version)
            if same_place and entry.etag == etag:
                return Code.FAILED
        try:
            found = service.look(place)
        except BlobError as error:
            return None if error.reason == "absent" else outcome_of(error).code
    except BlobError as error:
        return outcome_of(error).code
    except ValueError:
        return Code.FAILED
    return Code.FAILED if found.etag == etag else None


def version_left(service: BlobService, planned: Planned, place: Place) -> str:
    """Give the id of the version in which a deleted blob lives on; "" where there is none. Raises `BlobError`."""
    _, version = _bound(planned)
    if not version or place.is_copy:
        return ""
    left = any(entry.version_id == version for entry in service.of_one(place.blob))
    return version if left else ""


def _version(place: Place, version: str) -> Place:
    return Place(blob=place.blob, version=version)


def _bound(planned: Planned) -> tuple[str, str]:
    """Give ETag and version that a row is bound to."""
    etag, _, version = planned.unit.identity.tag.partition(" ")
    return etag, version


def _gone(planned: Planned, code: Code) -> Acted:
    return Acted(code=code, bytes=planned.bytes, records=planned.records)
