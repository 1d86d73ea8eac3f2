"""Asks an S3 bucket through boto3: one place, few and patient tries, and one small error for all that can go wrong.

Nothing is tried again by the client itself. A question is asked again where the engine throttles or does not answer; an
order to delete only where the engine says that it was not taken.
"""

import configparser
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from data.retention.instants import SECOND, Instant, instant_of

_T = TypeVar("_T")
_CONNECT: Final = 5
_READ: Final = 60
_LONGEST_PAUSE: Final = 20.0
_KEYS: Final = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_THROTTLED: Final = frozenset(
    {"SlowDown", "ServiceUnavailable", "Throttling", "ThrottlingException", "TooManyRequests", "RequestLimitExceeded"}
)
_WORDS: Final = {
    "NoSuchBucket": "no_bucket",
    "RequestTimeTooSkewed": "clock",
    "InvalidObjectState": "archived",
    "ExpiredToken": "denied",
    "InvalidToken": "denied",
    "PermanentRedirect": "wrong_region",
    "AuthorizationHeaderMalformed": "wrong_region",
    "NotImplemented": "missing",
}
_STATUSES: Final = {
    301: "wrong_region",
    307: "wrong_region",
    401: "denied",
    403: "denied",
    404: "missing",
    405: "missing",  # the version that is asked for is a delete marker: nothing is there
    409: "conflict",
    412: "changed",
    429: "throttled",
    503: "throttled",
}
_BROKEN: Final = 500
_NO_KEYS: Final = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    NoAuthTokenError,
    ProfileNotFound,
)


class S3Error(Exception):
    """The engine did not do what it was asked."""

    def __init__(self, reason: str, *, code: str = "", pause: float = 0.0, date: str = "") -> None:
        super().__init__(f"{reason} ({code})" if code else reason)
        self.reason = reason
        """A stable word: `archived`, `broken`, `changed`, `clock`, `conflict`, `denied`, `missing`, `no_bucket`,
        `no_credentials`, `refused`, `throttled`, `unreachable`, `wrong_region`."""
        self.code = code
        """The engine's own word; "" where there was no answer."""
        self.pause = pause
        """Seconds the engine asked to wait; 0 where it did not."""
        self.date = date
        """The clock of the engine, as it wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often, and for how long, something is asked again."""

    tries: int = 4
    pause: float = 0.5
    """Seconds before the second try; doubled for each one after, unless the engine says how long."""
    most: float = 45.0
    """Seconds after which nothing is tried again."""
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a bucket is, and with whose rights it is asked."""

    bucket: str
    region: str
    endpoint: str = ""
    owner: str = ""
    credentials_file: Path | None = None
    ca_file: Path | None = None


class Bucket:
    """One bucket; the connection is made with the first question, and anew where the credentials file has changed."""

    def __init__(self, address: Address, *, patience: Patience | None = None) -> None:
        self._address = address
        self.patience = patience or Patience()
        self._client: Any = None
        self._made_of: object = None

    @property
    def name(self) -> str:
        """Give the bucket's name."""
        return self._address.bucket

    def ask(self, operation: str, **params: Any) -> Mapping[str, Any]:
        """Ask, and ask again where the engine throttles, breaks down or does not answer; raises `S3Error`."""
        return self.patiently(lambda: self.once(operation, **params), {"throttled", "unreachable", "broken"})

    def order(self, operation: str, **params: Any) -> Mapping[str, Any]:
        """Give an order, and again only where the engine says that it took none; raises `S3Error`."""
        return self.patiently(lambda: self.once(operation, **params), {"throttled"})

    def once(self, operation: str, **params: Any) -> Mapping[str, Any]:
        """Ask exactly once; raises `S3Error`."""
        owner = {"ExpectedBucketOwner": self._address.owner} if self._address.owner else {}
        with told():
            found: Mapping[str, Any] = getattr(self._connected(), operation)(Bucket=self.name, **owner, **params)
        return found

    def patiently(self, asking: Callable[[], _T], passing: set[str]) -> _T:
        """Do something again while it fails for a reason that may pass; raises `S3Error`."""
        patience = self.patience
        until = patience.monotonic() + patience.most
        pause = patience.pause
        for number in range(1, patience.tries + 1):
            try:
                return asking()
            except S3Error as error:
                wait = min(error.pause or pause, _LONGEST_PAUSE)
                last = number == patience.tries or patience.monotonic() + wait > until
                if error.reason not in passing or last:
                    raise
                patience.sleep(wait)
                pause *= 2
        raise S3Error("unreachable")  # with no try at all

    def close(self) -> None:
        """Give all connections back."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> Any:
        made_of = self._keys_changed()
        if self._client is None or made_of != self._made_of:
            self.close()
            self._client, self._made_of = self._make(), made_of
        return self._client

    def _keys_changed(self) -> object:
        file = self._address.credentials_file
        if file is None:
            return None
        try:
            found = file.stat()
        except OSError:
            raise S3Error("no_credentials") from None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _make(self) -> Any:
        address = self._address
        keys = {} if address.credentials_file is None else read_keys(address.credentials_file)
        session = boto3.session.Session(**keys)
        config = Config(
            region_name=address.region,
            signature_version="s3v4",
            connect_timeout=_CONNECT,
            read_timeout=_READ,
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=4,
            s3={"addressing_style": "path" if address.endpoint else "auto"},
            ignore_configured_endpoint_urls=True,  # where the data lie is said in the settings and nowhere else
            request_checksum_calculation="when_required",
        )
        return session.client(
            "s3",
            endpoint_url=address.endpoint or None,
            verify=None if address.ca_file is None else str(address.ca_file),
            config=config,
        )


@contextmanager
def told() -> Iterator[None]:
    """Turn all that the client library raises into `S3Error`."""
    try:
        yield
    except ClientError as error:
        raise _said(error.response) from None
    except _NO_KEYS:
        raise S3Error("no_credentials") from None
    except (HTTPClientError, IncompleteReadError):
        raise S3Error("unreachable") from None
    except (BotoCoreError, ResponseParserError, ValueError, OSError) as error:
        raise S3Error("broken", code=type(error).__name__) from None


def _said(response: Mapping[str, Any]) -> S3Error:
    """Tell in a word what the engine answered."""
    about = response.get("ResponseMetadata", {})
    status, headers = about.get("HTTPStatusCode", 0), about.get("HTTPHeaders", {})
    code = str(response.get("Error", {}).get("Code", ""))
    if code in _THROTTLED:
        reason = "throttled"
    else:
        reason = _WORDS.get(code) or _STATUSES.get(status) or ("broken" if status >= _BROKEN else "refused")
    return S3Error(reason, code=code, pause=_pause(headers), date=headers.get("date", ""))


def _pause(headers: Mapping[str, str]) -> float:
    try:
        return max(float(headers.get("retry-after", "0")), 0.0)
    except ValueError:  # a date: rare, and a pause of our own is as good
        return 0.0


def clock_of(date: str) -> Instant | None:
    """Read the engine's clock from the header `Date`, in the middle of the second it names; None where it cannot be."""
    with suppress(ValueError, TypeError):
        return instant_of(parsedate_to_datetime(date)) + SECOND // 2
    return None


def date_of(answer: Mapping[str, Any]) -> str:
    """Give the header `Date` of an answer; "" where there is none."""
    return str(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", ""))


def read_keys(file: Path) -> Mapping[str, str]:
    """Read a credentials file as the AWS command line has it, its section `default`; raises `S3Error`, says no secret.

    Source: docs.aws.amazon.com/cli, "Configuration and credential file settings".
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
        said = dict(parser.items("default"))
    except (OSError, ValueError, configparser.Error):
        raise S3Error("no_credentials") from None
    keys = {key: said[key] for key in _KEYS if said.get(key)}
    if not {*_KEYS[:2]} <= set(keys):
        raise S3Error("no_credentials")
    return keys
