"""Stands between the SDK and Azurite, passes everything on, and does what a test asks for: refuse, delay, cut, change.

It makes up nothing about blobs: what is not asked for is Azurite's own answer.
"""

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(slots=True, kw_only=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def query(self) -> Mapping[str, str]:
        """Give the query, one value a name."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query, keep_blank_values=True).items()}

    @property
    def is_listing(self) -> bool:
        """Tell whether it asks for a listing of blobs."""
        return self.query.get("comp") == "list"


@dataclass(slots=True, kw_only=True)
class Answer:
    """What goes back."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None
    """After how many bytes of the body the connection is cut; None for not at all."""
    silent: bool = False
    """Whether the connection is closed without a word."""


def refusal(status: int, code: str, **headers: str) -> Answer:
    """Make the answer of a service that says no."""
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>no</Message></Error>'.encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(
        status=status, headers={"Content-Type": "application/xml", "x-ms-error-code": code, **named}, body=body
    )


class BlobProxy:
    """A proxy on a free port; `before` may answer by itself, `after` may change what Azurite said."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.asked: list[Asked] = []
        self.before: Callable[[Asked], Answer | None] = lambda _: None
        self.after: Callable[[Asked, Answer], Answer] = lambda _, answer: answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Go away; afterwards nobody can connect."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def deletions(self) -> list[Asked]:
        """List the deletions that were asked for."""
        return [asked for asked in self.asked if asked.method == "DELETE"]

    def answer(self, asked: Asked, body: bytes) -> Answer:
        """Answer a request."""
        self.asked.append(asked)
        own = self.before(asked)
        return own or self.after(asked, self._passed_on(asked, body))

    def _passed_on(self, asked: Asked, body: bytes) -> Answer:
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=30)
        try:
            upstream.request(asked.method, asked.path, body or None, dict(asked.headers))
            found = upstream.getresponse()
            content = found.read()
        finally:
            upstream.close()
        return Answer(status=found.status, headers=dict(found.getheaders()), body=content)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            """Passes one connection on, one request each."""

            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(method=self.command, path=self.path, headers=dict(self.headers.items()))
                answer = proxy.answer(asked, self.rfile.read(length))
                self.close_connection = True
                if answer.silent:
                    return
                self.send_response_only(answer.status)
                kept = {n: v for n, v in answer.headers.items() if n.lower() not in _OF_THE_CONNECTION}
                size = kept.pop("content-length", kept.pop("Content-Length", str(len(answer.body))))
                if asked.method != "HEAD":
                    size = str(len(answer.body))
                for name, value in {**kept, "Content-Length": size, "Connection": "close"}.items():
                    self.send_header(name, value)
                self.end_headers()
                if asked.method != "HEAD":
                    self.wfile.write(answer.body[: answer.cut])

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any  # noqa: N815  the names that http.server asks for

        return Handler


_OF_THE_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding"})


@contextmanager
def running_proxy(upstream: int) -> Iterator[BlobProxy]:
    """Start a proxy in front of a port, and stop it afterwards."""
    proxy = BlobProxy(upstream)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
