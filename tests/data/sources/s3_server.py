"""Runs moto's own S3 server in a process of its own, on a free port of loopback that it prints.

One door is added, because moto knows no time but now: `POST /lab/age` sets when a version was written.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Quiet(WSGIRequestHandler):
    """Keeps connections, and writes no line for each request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Say nothing."""


def with_age(moto: Wsgi) -> Wsgi:
    """Add the door."""

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/lab/age":
            return moto(environ, start)
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        versions = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[asked["bucket"]].keys.getlist(asked["key"])
        chosen = [one for one in versions if asked["version"] in {None, one.version_id}]
        chosen[-1].last_modified = dt.datetime.fromtimestamp(asked["at"], dt.UTC).replace(tzinfo=None)
        start("204 No Content", [("Content-Length", "0")])
        return []

    return serve


def main() -> None:
    """Serve until somebody ends the process."""
    server = make_server(
        "127.0.0.1",
        0,
        with_age(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=Quiet,
    )
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
