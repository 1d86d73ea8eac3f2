"""Short-lived links to the documents of a purge, and the route that serves them (issue 4, certificate download).

A link is a signed sentence: this request, this language, this kind, until then. It proves nothing about who follows
it, so it lives for minutes and is made only for a card whose reader may see the document. Whatever is wrong with one
is answered the same: 404, as if there had never been such an address.
"""

import asyncio
import base64
import hmac
import os
import re
import stat
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

import structlog
from aiohttp import web

from data.clock import Clock
from data.errors import ProcallError
from data.labels import Lang
from data.stores.interface import RequestStore

ROUTE: Final = "/documents/{token}"
LIVES_SECONDS: Final = 15 * 60
KINDS: Final = ("pdf", "json")

_SLACK_SECONDS: Final = 5
"""How far a clock may be set back, as it is in daily life, without ending a link."""
_LONGEST: Final = 200
_PROOF_BYTES: Final = 24
_LARGEST: Final = 4 * 1024 * 1024
_REMEMBERED: Final = 1_000
_TOKEN: Final = re.compile(r"([a-z0-9][a-z0-9-]{0,63})\.(de|en)\.(pdf|json)\.([0-9a-f]{1,11})\.([A-Za-z0-9_-]{32})")
_DOCUMENT: Final = re.compile(r"((?:certificate|report)-[0-9]{8}-[0-9a-f]{12})\.json")
_TYPES: Final = {"pdf": "application/pdf", "json": "application/json"}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a link leads to."""

    request_id: str
    lang: Lang
    kind: str


class Links:
    """Makes and reads links with one key; it may serve other purposes too, for this one has a key made from it."""

    def __init__(self, key: bytes, base_url: str, clock: Clock) -> None:
        self._key = hmac.digest(key, b"links to documents", "sha256")
        self._base = base_url.rstrip("/")
        self._clock = clock

    def make(self, request_id: str, lang: Lang, kind: str) -> str:
        """Give an address that leads to a document of a request for 15 minutes."""
        until = int(self._clock.now().timestamp()) + LIVES_SECONDS
        said = f"{request_id}.{lang.value}.{kind}.{until:x}"
        return f"{self._base}{ROUTE.format(token=f'{said}.{self._proof(said)}')}"

    def read(self, token: str) -> Wanted | None:
        """Tell what a token leads to; None for one that is forged, malformed or too old. Never raises."""
        found = _TOKEN.fullmatch(token) if len(token) <= _LONGEST else None
        if found is None:
            return None
        said = token.rpartition(".")[0]
        if not hmac.compare_digest(found[5], self._proof(said)):
            return None
        left = int(found[4], 16) - self._clock.now().timestamp()
        if not 0 < left <= LIVES_SECONDS + _SLACK_SECONDS:  # more would be a link of a clock that was ahead
            return None
        return Wanted(request_id=found[1], lang=Lang(found[2]), kind=found[3])

    def _proof(self, said: str) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self._key, said.encode(), "sha256")[:_PROOF_BYTES]).decode()


def documents_links(links: Links, requests: RequestStore) -> Callable[[str, Lang], Mapping[str, str]]:
    """Give what makes the links of a request's documents, by kind; none for a request that has no document (yet)."""

    def found(request_id: str, lang: Lang) -> Mapping[str, str]:
        try:
            certificate = requests.get(request_id).certificate
        except ProcallError:
            return {}
        return {kind: links.make(request_id, lang, kind) for kind in KINDS} if certificate else {}

    return found


Note = Callable[[Wanted], None]
"""Records that a document was read; may raise `ProcallError`."""


class Downloads:
    """Serves the documents that links lead to; nothing it is sent makes it fail."""

    def __init__(self, links: Links, requests: RequestStore, folder: Path, note: Note) -> None:
        """`folder` holds the certificates; `note` hears once of each link that was followed."""
        self._links, self._requests, self._folder, self._note = links, requests, folder, note
        self._followed: OrderedDict[str, None] = OrderedDict()
        self._guard = Lock()

    async def serve(self, request: web.Request) -> web.Response:
        """Answer `GET` and `HEAD /documents/{token}`."""
        token = request.match_info["token"]
        found = await asyncio.to_thread(self._fetch, token, noted=request.method == "GET")
        if found is None:
            raise web.HTTPNotFound
        name, content = found
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
        return web.Response(body=content, content_type=_TYPES[name.rpartition(".")[2]], headers=headers)

    def _fetch(self, token: str, *, noted: bool) -> tuple[str, bytes] | None:
        wanted = self._links.read(token)
        if wanted is None:
            return None
        try:
            name = file_name(self._requests.get(wanted.request_id).certificate, wanted)
            content = read_inside(self._folder, name) if name else None
        except (ProcallError, OSError) as error:
            _log.warning("document not served", action="document_failed", error=type(error).__name__)
            return None
        if content is None:
            return None
        if noted and self._is_first(token):
            self._take_note(wanted)
        return name, content

    def _is_first(self, token: str) -> bool:
        """Tell whether a link is followed for the first time: a repeated look fills no audit."""
        with self._guard:
            first = token not in self._followed
            self._followed[token] = None
            while len(self._followed) > _REMEMBERED:
                self._followed.popitem(last=False)
            return first

    def _take_note(self, wanted: Wanted) -> None:
        try:
            self._note(wanted)
        except ProcallError as error:
            # Reading changes nothing: a full disk must not keep the proof of a purge from who needs it.
            _log.warning("document read without an entry", action="document_unrecorded", error=type(error).__name__)


def file_name(certificate: str, wanted: Wanted) -> str:
    """Give the name of the file a link leads to, from the path that was stored with the request; "" for none."""
    document = _DOCUMENT.fullmatch(Path(certificate).name)
    if document is None:
        return ""
    return f"{document[1]}.{wanted.lang.value}.pdf" if wanted.kind == "pdf" else f"{document[1]}.json"


def read_inside(folder: Path, name: str) -> bytes | None:
    """Read a plain file of a folder, following no link; None for anything else. Raises `OSError`."""
    above = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=above)
    finally:
        os.close(above)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            return None
        return file.read()
