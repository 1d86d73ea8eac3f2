"""Runs moto's own S3 server in a process of its own, on a free port of loopback that it prints.

Two doors are added. Moto knows no time but now: `POST /lab/age` sets when a version was written. And it enforces
retention and does not tell it: `GET ?retention` is answered here as S3 does, by what moto holds of the version.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

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


def with_doors(moto: Wsgi) -> Wsgi:
    """Add the doors."""

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
        if environ["REQUEST_METHOD"] == "GET" and "retention" in query:
            return retention(environ["PATH_INFO"], query["versionId"][0], start)
        if environ["PATH_INFO"] != "/lab/age":
            return moto(environ, start)
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        chosen = [one for one in found(asked["bucket"], asked["key"]) if asked["version"] in {None, one.version_id}]
        chosen[-1].last_modified = dt.datetime.fromtimestamp(asked["at"], dt.UTC).replace(tzinfo=None)
        start("204 No Content", [("Content-Length", "0")])
        return []

    return serve


def found(bucket: str, key: str) -> list[Any]:
    """Give what moto holds of a key."""
    versions: list[Any] = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys.getlist(key)
    return versions


def retention(path: str, version: str, start: Callable[..., Any]) -> Iterable[bytes]:
    """Tell the retention of a version."""
    bucket, _, key = path[1:].partition("/")
    (chosen,) = [one for one in found(bucket, key) if one.version_id == version]
    if chosen.lock_mode:
        inside = f"<Mode>{chosen.lock_mode}</Mode><RetainUntilDate>{chosen.lock_until}</RetainUntilDate>"
        status, body = "200 OK", f"<Retention>{inside}</Retention>"
    else:
        status, body = "404 Not Found", "<Error><Code>NoSuchObjectLockConfiguration</Code></Error>"
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body.encode()]


def main() -> None:
    """Serve until somebody ends the process."""
    server = make_server(
        "127.0.0.1",
        0,
        with_doors(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=Quiet,
    )
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
