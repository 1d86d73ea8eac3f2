"""Asks an engine over HTTP: JSON in, JSON out, within limits, never to another place than the one configured."""

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import urllib3

from data.errors import SettingsError

_TIMEOUT: Final = urllib3.Timeout(connect=5.0, read=60.0)
_MOST_BYTES: Final = 64 << 20
_LONGEST_SECRET: Final = 16_384
_LONGEST_PAUSE: Final = 3600.0


class ApiError(Exception):
    """An engine did not do what it was asked."""

    def __init__(self, reason: str, *, status: int = 0, pause: float = 0.0) -> None:
        super().__init__(f"{reason} ({status})" if status else reason)
        self.reason = reason
        """A stable word: `unreachable`, `denied`, `missing`, `throttled`, `conflict`, `refused`, `broken`, `too_large`,
        `no_json`, `no_secret`."""
        self.status = status
        """The HTTP status; 0 where there was no answer: nobody knows then whether something was done."""
        self.pause = pause
        """Seconds the engine asked to wait; 0 where it did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What an engine said."""

    status: int
    headers: Mapping[str, str]
    document: Any
    """The JSON that came back; None where there was no body."""


class HttpApi:
    """One engine behind one address; usable from several threads."""

    def __init__(self, base: str, *, headers: Callable[[], Mapping[str, str]] = dict, ca_file: str = "") -> None:
        """`headers` gives what proves who asks, anew for each request. Raises `SettingsError` for a wrong address."""
        self._base, self._headers = checked_url(base), headers
        self._pool = urllib3.PoolManager(
            num_pools=2, maxsize=4, block=True, retries=False, timeout=_TIMEOUT, ca_certs=ca_file or None
        )

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        most: int = _MOST_BYTES,
        as_text: bool = False,
    ) -> Answered:
        """Ask once, never again by itself and never following a redirect; raises `ApiError` for all but 2xx.

        With `as_text` the document is what came back as text, for the few answers of an engine that are no JSON.
        """
        url = f"{self._base}/{path.lstrip('/')}" + (f"?{urlencode(query)}" if query else "")
        sent = None if body is None else json.dumps(body).encode("utf-8")
        headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if sent else {})}
        try:
            found = self._pool.request(
                method,
                url,
                body=sent,
                headers={**headers, **self._headers()},
                redirect=False,
                preload_content=False,
            )
            with found:
                content = found.read(most + 1)
                status, said = found.status, {key.lower(): value for key, value in found.headers.items()}
        except urllib3.exceptions.HTTPError as error:
            raise ApiError("unreachable") from error
        if status not in _GOOD:
            raise ApiError(_reason_of(status), status=status, pause=_pause(said))
        if len(content) > most:
            raise ApiError("too_large", status=status)
        document = content.decode("utf-8", "replace") if as_text else _json(content, status)
        return Answered(status=status, headers=said, document=document)

    def close(self) -> None:
        """Give all connections back."""
        self._pool.clear()


_GOOD: Final = range(200, 300)
_BROKEN: Final = range(500, 600)
_REASONS: Final = {
    401: "denied",
    403: "denied",
    404: "missing",
    409: "conflict",
    412: "conflict",
    429: "throttled",
    503: "throttled",
}


def _reason_of(status: int) -> str:
    return _REASONS.get(status, "broken" if status in _BROKEN else "refused")


def checked_url(url: str) -> str:
    """Give an address without its last slash; raises `SettingsError` unless it is `https:`, or `http:` on loopback."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(f"{url!r} is no address") from None
    host = parts.hostname or ""
    secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    if not secure or not host or parts.username or parts.password or parts.query or parts.fragment or port == 0:
        raise SettingsError(f"{url.partition('@')[2] or url!r}: must be https:, without a name, a password or a query")
    return url.rstrip("/")


def read_secret(path: Path) -> str:
    """Read a password, token or key from a file of its own; raises `ApiError`, and never says what it read."""
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST_SECRET).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ApiError("no_secret") from None
    if not text or not text.isprintable():
        raise ApiError("no_secret")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _pause(headers: Mapping[str, str]) -> float:
    try:
        return min(max(float(headers.get("retry-after", "0")), 0.0), _LONGEST_PAUSE)
    except ValueError:  # a date: rare, and a pause of our own is as good
        return 0.0


def _json(content: bytes, status: int) -> Any:
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except ValueError as error:
        raise ApiError("no_json", status=status) from error
