"""An honest proxy before the S3 server: it passes on every request as it came, and lets a test step in between.

So the real client meets what moto does not do by itself: throttling, answers that never come, pages that contradict
each other, missing rights, another clock.
"""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as the client sent it."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def key(self) -> str:
        """Give the key; "" for a request to the bucket."""
        return unquote(urlsplit(self.target).path[1:].partition("/")[2])

    @property
    def query(self) -> dict[str, str]:
        """Give the query."""
        found = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in found.items()}

    def is_(self, method: str, *words: str) -> bool:
        """Tell whether this is such a request, with these words in its query."""
        return self.method == method and all(word in self.query for word in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False
    """Whether the connection ends before all of the body was sent."""

    def replaced(self, old: str, new: str) -> "Answer":
        """Give the same answer with another word in its body, which must be there."""
        assert old.encode() in self.body, (old, self.body)
        return replace(self, body=self.body.replace(old.encode(), new.encode()))


Forward = Callable[[], Answer]
Hook = Callable[[Asked, Forward], Answer | None]
"""Gives what goes back; None where the connection ends without an answer."""


def refusal(status: int, code: str, **headers: str) -> Answer:
    """Make an answer as S3 refuses."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers={"Content-Type": "application/xml", **named}, body=body)


class Proxy:
    """Passes on between client and engine; `hook` is asked about every request."""

    def __init__(self, engine_port: int) -> None:
        self.hook: Hook | None = None
        self.down = False
        self.seen: list[Asked] = []
        self._engine_port = engine_port
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def url(self) -> str:
        """Give the address for clients."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def reset(self) -> None:
        """Step out of the way."""
        self.hook, self.down = None, False
        self.seen.clear()

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, asked: Asked) -> Answer | None:
        """Decide about one request."""
        self.seen.append(asked)
        if self.down:
            return None
        return self.hook(asked, lambda: self._forward(asked)) if self.hook else self._forward(asked)

    def _forward(self, asked: Asked) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._engine_port, timeout=30)
        try:
            connection.putrequest(asked.method, asked.target, skip_host=True, skip_accept_encoding=True)
            for name, value in asked.headers.items():
                connection.putheader(name, value)
            connection.endheaders(asked.body or None)
            found = connection.getresponse()
            headers = {name: value for name, value in found.getheaders() if name.lower() != "connection"}
            return Answer(status=found.status, headers=headers, body=found.read())
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                asked = Asked(
                    method=self.command,
                    target=self.path,
                    headers=dict(self.headers.items()),
                    body=self.rfile.read(length),
                )
                answer = proxy.answer(asked)
                if answer is None:
                    self.close_connection = True
                    return
                self.send(answer, head=asked.method == "HEAD")

            def send(self, answer: Answer, *, head: bool) -> None:
                self.send_response_only(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                told = {name.lower(): value for name, value in answer.headers.items()}
                length = told.get("content-length", "0") if head else str(len(answer.body))
                self.send_header("Content-Length", length)
                self.end_headers()
                if not head:
                    self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)
                self.close_connection = self.close_connection or answer.cut

            def log_message(self, *_: Any) -> None:
                pass

        for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.handle_any)
        return Handler


@contextmanager
def running_proxy(engine_port: int) -> Iterator[Proxy]:
    """Give a proxy, and take it down."""
    proxy = Proxy(engine_port)
    try:
        yield proxy
    finally:
        proxy.close()
