"""Asks Azure Blob Storage through its own SDK: pinned to one version of the service, patient within limits, suspicious.

The SDK repeats nothing by itself here and follows no redirect. What it raises becomes a `BlobError` with a stable word;
its texts, which may hold names and signatures, go nowhere.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO, Any, Final, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.storage.blob import BlobClient, BlobProperties, BlobServiceClient, BlobType
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from data.retention.instants import SECOND, Instant, instant_of
from data.sources.blob_names import Place

API_VERSION: Final = "2023-11-03"
"""The version of the service that is spoken: the SDK's newest is not known everywhere, and would change unasked."""
TRANSPORT: Final[dict[str, Any]] = {
    "api_version": API_VERSION,
    "connection_timeout": 5,
    "read_timeout": 30,
    "retry_total": 0,
    "permit_redirects": False,
    "max_single_get_size": 4 << 20,
    "max_chunk_get_size": 4 << 20,
    "logging_enable": False,
}
"""How every client is made."""
EDGE: Final = 64 << 10
PAGE: Final = 1000
_AS_STORED: Final[dict[str, Any]] = {"max_concurrency": 1, "decompress": False}
"""How a blob is read: by one thread, and packed where it is packed, whatever its properties say."""
_INCLUDE: Final = ["snapshots", "versions", "copy", "immutabilitypolicy", "legalhold"]
_NO_MATTER: Final = frozenset({"absent", "changed", "leased", "copying", "snapshots", "held", "archived", "unreadable"})
_AGAIN: Final = frozenset({"throttled", "broken", "unreachable"})

T = TypeVar("T")


class BlobError(Exception):
    """Azure did not do what it was asked."""

    def __init__(self, reason: str, *, answered: bool = True, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        """A stable word. Of a blob: `absent`, `changed`, `leased`, `copying`, `snapshots`, `held`, `archived`,
        `unreadable`; of the place: `missing`, `denied`, `throttled`, `unreachable`, `broken`, `refused`, `lying`."""
        self.answered = answered
        """Whether it is known what was done: nothing; without an answer nobody knows."""
        self.pause = pause
        """Seconds Azure asked to wait; 0 where it did not."""

    @property
    def is_about_the_blob(self) -> bool:
        """Tell whether only this one blob is concerned, and everything else can go on."""
        return self.reason in _NO_MATTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a throttled or broken request is tried again."""

    attempts: int = 4
    first_pause: float = 0.5
    longest_pause: float = 30.0
    """Where Azure asks for more than this, it is not asked again now."""
    altogether: float = 60.0
    """Seconds after which nothing is begun again."""

    def ask(self, ask: Callable[[], T]) -> T:
        """Ask, and ask again where it may help. Raises `BlobError`."""
        ends = time.monotonic() + self.altogether
        for attempt in range(1, self.attempts + 1):
            try:
                return ask()
            except BlobError as error:
                pause = error.pause or self.first_pause * 2 ** (attempt - 1) * (1 + random.random())  # noqa: S311
                late = pause > self.longest_pause or time.monotonic() + pause > ends
                if error.reason not in _AGAIN or late or attempt == self.attempts:
                    raise
                time.sleep(pause)
        raise AssertionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What Azure says of one blob, snapshot or version."""

    place: Place
    etag: str
    size: int
    modified: Instant
    """The last microsecond of the second in which it was last changed: Azure tells whole seconds."""
    created: Instant | None
    version_id: str
    """Of the version that it is; "" where the account keeps none."""
    is_append: bool
    is_page: bool
    busy: str
    """`leased` or `copying` where it is; "" where not."""
    held_until: Instant | None
    """When its own immutability ends; None where it has none."""
    legal_hold: bool

    def holds(self, now: Instant) -> bool:
        """Tell whether Azure itself protects it at an instant."""
        return self.legal_hold or (self.held_until is not None and self.held_until > now)


class BlobService:
    """One container of one account."""

    def __init__(self, client: BlobServiceClient, container: str, *, patience: Patience, page: int = PAGE) -> None:
        """`page` is how many entries a listing asks for at a time."""
        self._account = client
        self._page_size = page
        self._container = client.get_container_client(container)
        self.patience = patience

    # -- the place ----------------------------------------------------------------------------------------------------

    def date(self) -> datetime:
        """Ask for one entry and give the time that Azure says it is. Raises `BlobError`."""
        dates: list[str] = []

        def look(response: Any) -> None:
            dates.append(response.http_response.headers.get("Date", ""))

        def ask() -> datetime:
            with _translated():
                pages = self._container.list_blobs(results_per_page=1, raw_response_hook=look).by_page()
                list(next(pages))
            try:
                date = parsedate_to_datetime(dates[-1])
            except ValueError:
                raise BlobError("lying") from None
            return date.replace(tzinfo=UTC) if date.tzinfo is None else date

        return self.patience.ask(ask)

    def kept_days(self) -> int:
        """Give for how many days deleted blobs can be brought back; 0 for not at all. Raises `BlobError`."""

        def ask() -> int:
            with _translated():
                policy = self._account.get_service_properties()["delete_retention_policy"]
                return int(policy.days or 0) if policy.enabled else 0

        return self.patience.ask(ask)

    def is_held(self) -> bool:
        """Tell whether a legal hold lies on the whole container. Raises `BlobError`.

        Where the bot may not read that, Azure itself still refuses each deletion.
        """

        def ask() -> bool:
            with _translated():
                return bool(self._container.get_container_properties().has_legal_hold)

        try:
            return self.patience.ask(ask)
        except BlobError as error:
            if error.reason != "denied":
                raise
            return False

    # -- what is there ------------------------------------------------------------------------------------------------

    def entries(self, prefix: str) -> Iterator[Entry]:
        """List blobs, snapshots and versions, page by page. Raises `BlobError`, also where the listing repeats itself.

        Of each page one number is remembered, so that a listing that turns round is noticed and not followed for ever.
        """
        token, tokens, begins = "", set[int](), set[int]()
        while True:
            page, token = self.patience.ask(lambda after=token: self._page(prefix, after))  # type: ignore[misc]  # the default binds this round's token
            if page:
                begin = hash((page[0].place, page[0].etag))
                if begin in begins:
                    raise BlobError("lying")
                begins.add(begin)
            yield from page
            if not token:
                return
            if hash(token) in tokens:
                raise BlobError("lying")
            tokens.add(hash(token))

    def of_one(self, blob: str) -> Iterator[Entry]:
        """List a blob, its snapshots and its versions. Raises `BlobError`."""
        for entry in self.entries(blob):
            if entry.place.blob != blob:  # the name itself sorts before every longer one
                return
            yield entry

    def look(self, place: Place, *, patiently: bool = True) -> Entry:
        """Ask what is at a place. Raises `BlobError`, `absent` where nothing is."""

        def ask() -> Entry:
            with _translated():
                return entry_of(self._client(place).get_blob_properties(), place)

        return self.patience.ask(ask) if patiently else ask()

    def read_into(self, file: IO[bytes], entry: Entry) -> None:
        """Read the very content of an entry into an empty file. Raises `BlobError`, `OSError`."""

        def ask() -> None:
            file.seek(0)
            file.truncate()
            with _translated():
                client = self._client(entry.place)
                for chunk in client.download_blob(**_AS_STORED, **_only_if(entry.etag)).chunks():
                    file.write(chunk)
            file.flush()
            if file.tell() != entry.size:
                raise BlobError("broken")

        self.patience.ask(ask)

    def edges(self, place: Place, etag: str, size: int) -> tuple[bytes, bytes]:
        """Read the first and the last 64 KiB of exactly this content. Raises `BlobError`."""

        def ask(offset: int, length: int) -> bytes:
            with _translated():
                stream = self._client(place).download_blob(offset, length, **_AS_STORED, **_only_if(etag))
                return bytes(stream.readall())

        if not size:
            return b"", b""
        head = self.patience.ask(lambda: ask(0, min(size, EDGE)))
        rest = max(EDGE, size - EDGE)
        tail = self.patience.ask(lambda: ask(rest, size - rest)) if size > EDGE else b""
        return head, tail

    # -- deleting -----------------------------------------------------------------------------------------------------

    def delete(self, place: Place, etag: str) -> None:
        """Delete exactly this content, asking once. Raises `BlobError`."""
        if not etag:
            raise BlobError("changed")  # a deletion without a condition is never sent
        try:
            with _translated():
                self._client(place).delete_blob(**_only_if(etag))
        except OSError:  # below the SDK
            raise BlobError("unreachable", answered=False) from None

    def _client(self, place: Place) -> BlobClient:
        return self._container.get_blob_client(
            place.blob, snapshot=place.snapshot or None, version_id=place.version or None
        )

    def _page(self, prefix: str, token: str) -> tuple[list[Entry], str]:
        with _translated():
            found: Any = self._container.list_blobs(prefix or None, include=_INCLUDE, results_per_page=self._page_size)
            pages = found.by_page(token or None)
            listed = list(next(pages))
            if pages.container != self._container.container_name:
                raise BlobError("lying")
            page = [entry_of(one) for one in listed if not one.deleted]
        if any(not entry.place.blob.startswith(prefix) for entry in page):
            raise BlobError("lying")
        return page, pages.continuation_token or ""


def entry_of(found: BlobProperties, asked: Place | None = None) -> Entry:
    """Write down what Azure says of a blob; raises `ValueError`, `TypeError` where it leaves out what must be there."""
    etag = str(found.etag or "").strip('"')
    if not etag or not found.name or "\0" in found.name:
        message = "a blob without a name or an ETag"
        raise ValueError(message)
    version = str(found.version_id or "")
    earlier = bool(version) and not found.is_current_version
    listed = Place(blob=found.name, snapshot=found.snapshot or "", version=version if earlier else "")
    policy = found.immutability_policy
    expiry = policy.expiry_time if policy else None
    return Entry(
        place=asked or listed,
        etag=etag,
        size=int(found.size),
        modified=instant_of(found.last_modified) + SECOND - 1,
        created=instant_of(found.creation_time) if found.creation_time else None,
        version_id=version,
        is_append=found.blob_type == BlobType.APPENDBLOB,
        is_page=found.blob_type == BlobType.PAGEBLOB,
        busy=_busy(found),
        held_until=instant_of(expiry) if expiry else None,
        legal_hold=bool(found.has_legal_hold),
    )


def _busy(found: BlobProperties) -> str:
    if found.lease and (found.lease.status == "locked" or found.lease.state in {"leased", "breaking"}):
        return "leased"
    return "copying" if found.copy and found.copy.status == "pending" else ""


def _only_if(etag: str) -> dict[str, Any]:
    return {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified}


_OF_CODE: Final = {
    "BlobNotFound": "absent",
    "ConditionNotMet": "changed",
    "LeaseIdMissing": "leased",
    "PendingCopyOperation": "copying",
    "SnapshotsPresent": "snapshots",
    "BlobImmutableDueToPolicy": "held",
    "BlobImmutableDueToLegalHold": "held",
    "ContainerImmutableDueToLegalHold": "held",
    "BlobArchived": "archived",
    "BlobBeingRehydrated": "archived",
    "BlobUsesCustomerSpecifiedEncryption": "unreadable",
    "ServerBusy": "throttled",
    "OperationTimedOut": "broken",
    "ContainerNotFound": "missing",
    "ContainerBeingDeleted": "missing",
    "ContainerDisabled": "missing",
    "ResourceNotFound": "missing",
    "AccountBeingCreated": "missing",
}
_OF_STATUS: Final = {401: "denied", 403: "denied", 404: "missing", 408: "broken", 429: "throttled", 503: "throttled"}
_SERVER_ERROR: Final = 500
_OK: Final = range(200, 300)
_DEEPEST: Final = 5


class _Translated:
    """Turns what the SDK raises into `BlobError`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        del kind, trace
        if isinstance(error, AzureError):
            raise _translation(error) from None
        if isinstance(error, ValueError | TypeError | AttributeError | KeyError | StopIteration):
            raise BlobError("broken", answered=False) from None  # an answer that is none of Azure's


def _translated() -> _Translated:
    return _Translated()


def _translation(error: AzureError) -> BlobError:
    """Give the word for what the SDK raised."""
    if isinstance(error, ClientAuthenticationError):
        return BlobError("denied")
    if not isinstance(error, HttpResponseError):
        return BlobError("unreachable", answered=_never_sent(error))
    response, status = error.response, int(error.status_code or 0)
    if response is None or not status or status in _OK:
        return BlobError("broken", answered=False)
    code = getattr(error, "error_code", None) or ""
    word = _OF_CODE.get(str(getattr(code, "value", code)))
    if word is None:
        word = _OF_STATUS.get(status, "broken" if status >= _SERVER_ERROR else "refused")
    # of an inner error nobody knows whether the deletion was carried out before it came up
    return BlobError(word, answered=word != "broken", pause=_pause(getattr(response, "headers", {})))


def _never_sent(error: BaseException) -> bool:
    """Tell whether not even a connection came about: then surely nothing was done."""
    inner: Any = error
    for _ in range(_DEEPEST):
        inner = (
            getattr(inner, "inner_exception", None) or getattr(inner, "reason", None) or next(iter(inner.args), None)
        )
        if isinstance(inner, NewConnectionError | ConnectTimeoutError):
            return True
        if not isinstance(inner, BaseException):
            return False
    return False


def _pause(headers: Any) -> float:
    for name, unit in (("x-ms-retry-after-ms", 1000.0), ("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(float(headers[name]) / unit, 0.0)
        except (KeyError, ValueError, TypeError):  # none, or a date: a pause of our own is as good
            continue
    return 0.0
