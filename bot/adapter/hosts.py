"""Which hosts the bot takes a serviceUrl from and sends its token to: one list, asked in both directions."""

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class HostList:
    """An allow-list of `host` or `host:port` entries.

    A host without a port means the default port of https; for a loopback host it means any port, and only loopback
    hosts may be reached by http.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._entries = frozenset(host.lower() for host in hosts)
        self._known: dict[str, bool] = {}

    def allows(self, url: str) -> bool:
        """Tell whether a service URL may be talked to; never raises."""
        known = self._known.get(url)
        if known is None:
            known = self._judge(url)
            if len(self._known) < 1024:  # noqa: PLR2004  a bound, so that strangers cannot fill the memory
                self._known[url] = known
        return known

    def _judge(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        if not _is_plain(url, parts):
            return False
        host = str(parts.hostname)
        bracketed = f"[{host}]" if ":" in host else host
        if host in _LOOPBACK:
            return parts.scheme in ("http", "https") and not self._entries.isdisjoint(
                {host, bracketed, f"{bracketed}:{port}"},
            )
        return parts.scheme == "https" and (
            f"{host}:{443 if port is None else port}" in self._entries
            or (port in (None, 443) and host in self._entries)
        )


def _is_plain(url: str, parts: SplitResult) -> bool:
    """Refuse user info, queries, fragments, control characters, back-slashes and look-alike letters."""
    return (
        bool(parts.hostname)
        and parts.username is None
        and parts.password is None
        and url.isascii()
        and url.isprintable()
        and not set(url) & {"\\", " ", "@", "?", "#"}
    )
