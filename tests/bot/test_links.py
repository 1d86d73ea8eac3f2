"""Links to documents live for minutes, lead to one document, and tell whoever tampers with one nothing at all."""

import datetime as dt
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

import app as application  # noqa: TID251  the documents are those of a purge as app.py runs it
from bot.links import LIVES_SECONDS, Downloads, Links, Wanted, documents_links, file_name, read_inside
from bot.server import public_app
from bot.settings import Settings
from data.errors import StateError
from data.labels import Lang
from data.stores.tinydb_retention import TinyRetentionStores, read_retention
from tests.data.purge.lab import HOST, silent
from tests.world import FakeClock, serving

BASE = "https://bot.example.com"
KEY = b"k" * 32
OUTSIDE = "not for everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """A state folder in which a purge has run, and one request that has not."""

    folder: Path
    request: str
    waiting: str
    document: str
    """Name of the certificate without its ending."""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Purged:
    """Run a purge as `app.py` does, with its certificate in both languages."""
    place = tmp_path_factory.mktemp("links")
    logs, state = place / "applogs", place / "state"
    logs.mkdir()
    at = dt.datetime.fromtimestamp(time.time() - 100 * 86_400, dt.UTC)  # noqa: TID251  app.py reads the real clock
    path = logs / "app.log"
    path.write_text(json.dumps({"@t": at.isoformat(), "@m": "seen"}) + "\n")
    os.utime(path, (at.timestamp(), at.timestamp()))
    source: Any = {"id": "app-logs", "kind": "files", "data_kind": "log", "root": str(logs)}
    settings = Settings(state={"folder": str(state)}, purge={"max_share": 1.0}, sources=[source])
    state.mkdir(mode=0o700)
    with application.open_engine(settings, state, dev=False) as engine:
        request = engine.purges.preview(HOST, "app-logs", silent)
        engine.purges.break_glass(HOST, request.id, request.code, "test")
        ended = engine.runner.run(request.id, progress=silent)
        waiting = engine.purges.preview(HOST, "app-logs", silent)
    assert ended.verdict == "PASS"
    name = Path(ended.certificate).stem
    return Purged(folder=state, request=request.id, waiting=waiting.id, document=name)


@dataclass
class Site:
    """The public port over a copy of the state."""

    folder: Path
    purged: Purged
    stores: TinyRetentionStores
    clock: FakeClock = field(default_factory=FakeClock)
    noted: list[Wanted] = field(default_factory=list)
    broken: bool = False
    port: int = 0

    @property
    def links(self) -> Links:
        """Give what makes links."""
        return Links(KEY, BASE, self.clock)

    def note(self, wanted: Wanted) -> None:
        """Take note, or fail as a full disk would."""
        if self.broken:
            raise StateError("full")
        self.noted.append(wanted)

    def token(self, kind: str = "pdf", lang: Lang = Lang.DE, request: str = "") -> str:
        """Make a token."""
        return self.links.make(request or self.purged.request, lang, kind).rpartition("/")[2]

    async def ask(self, token: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Follow a link on this machine."""
        url = f"http://127.0.0.1:{self.port}/documents/{token}"
        async with aiohttp.ClientSession() as session, session.request(method, url) as response:
            return response.status, dict(response.headers), await response.read()


class NoEdge:
    """Takes messages of nobody."""

    async def messages(self, request: web.Request) -> web.Response:
        """Answer nothing."""
        del request
        return web.Response()


@pytest.fixture
def site(done: Purged, tmp_path: Path) -> Iterator[Site]:
    """Give a copy of the state that a test may damage."""
    folder = tmp_path / "state"
    shutil.copytree(done.folder, folder)
    stores = read_retention(folder)
    yield Site(folder=folder, purged=done, stores=stores)
    stores.close()


@asynccontextmanager
async def served(site: Site) -> AsyncIterator[Site]:
    """Serve a site."""
    downloads = Downloads(site.links, site.stores.requests, site.folder / "certificates", site.note)
    async with serving(public_app(NoEdge(), downloads)) as port:  # type: ignore[arg-type]
        site.port = port
        yield site


# -- what is served ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", Lang)
async def test_a_link_gives_the_document_in_its_language_once_noted(site: Site, lang: Lang) -> None:
    """The PDF of each language is served as a download that nothing keeps, sniffs or passes on."""
    async with served(site):
        status, headers, body = await site.ask(site.token(lang=lang))
    name = f"{site.purged.document}.{lang.value}.pdf"
    assert status == 200
    assert body == (site.folder / "certificates" / name).read_bytes()
    assert headers["Content-Type"] == "application/pdf"
    assert headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Server"] == "procall-privacy-bot"
    assert site.noted == [Wanted(request_id=site.purged.request, lang=lang, kind="pdf")]


async def test_the_signed_json_is_served_byte_for_byte(site: Site) -> None:
    """The JSON is what was signed, so that its signature still verifies."""
    async with served(site):
        status, headers, body = await site.ask(site.token("json"))
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert body == (site.folder / "certificates" / f"{site.purged.document}.json").read_bytes()


async def test_a_look_at_the_head_sends_and_notes_nothing(site: Site) -> None:
    """HEAD tells size and type without the document; a preview robot that only looks leaves no entry."""
    async with served(site):
        status, headers, body = await site.ask(site.token(), "HEAD")
        assert site.noted == []
        _, full, content = await site.ask(site.token())
    assert (status, body) == (200, b"")
    assert headers["Content-Length"] == full["Content-Length"] == str(len(content))


async def test_one_link_is_noted_once_however_often_it_is_followed(site: Site) -> None:
    """Reloading fills no audit; another link to the same document is another entry."""
    async with served(site):
        token = site.token()
        for _ in range(5):
            assert (await site.ask(token))[0] == 200
        site.clock.advance(1)
        assert (await site.ask(site.token()))[0] == 200
    assert len(site.noted) == 2


async def test_a_full_disk_keeps_nobody_from_the_proof(site: Site) -> None:
    """Where no entry can be written, the document is served all the same: reading changes nothing."""
    site.broken = True
    async with served(site):
        assert (await site.ask(site.token()))[0] == 200
    assert site.noted == []


# -- what is not ------------------------------------------------------------------------------------------------------


def changed(token: str, place: int, new: str) -> str:
    """Change one part of a token."""
    parts = token.split(".")
    parts[place] = new
    return ".".join(parts)


async def test_everything_wrong_gets_the_same_answer(site: Site) -> None:
    """Forged, changed, expired, unknown, unfinished: one answer, to the byte that of an address that never was."""
    async with served(site):
        good = site.token()
        assert (await site.ask(good))[0] == 200, "the positive control"
        wrong = [
            changed(good, 1, "en"),
            changed(good, 2, "json"),
            changed(good, 0, site.purged.waiting),
            changed(good, 3, "ffffffff"),
            changed(good, 4, "A" * 32),
            good[:-1],
            good + "A",
            good.upper(),
            "x",
            "a" * 5000,
            "%00",
            "..%2F..%2Fkeys%2Faudit.key",
            "%E2%80%AE" + good,
            Links(b"o" * 32, BASE, site.clock).make(site.purged.request, Lang.DE, "pdf").rpartition("/")[2],
            site.token(request=site.purged.waiting),
            site.token(request="unknown"),
            site.token(request="../../keys"),
            site.token(kind="key"),
        ]
        answers = [await site.ask(token, method) for token in wrong for method in ("GET", "HEAD")]
        site.clock.advance(LIVES_SECONDS)
        answers += [await site.ask(good)]
        url = f"http://127.0.0.1:{site.port}/nothing"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            never = (response.status, await response.read())
    told = {(status, body) for status, _, body in answers}
    assert {status for status, _ in told} == {404}
    assert never in told
    assert len(told) == 2, "with the body, and without it for HEAD"
    assert {headers["Content-Type"] for _, headers, _ in answers} == {"application/json; charset=utf-8"}
    assert len(site.noted) == 1


@pytest.mark.parametrize("ruin", ["link", "gone", "folder", "pipe", "folder is a link", "huge"])
async def test_what_is_no_plain_file_of_the_folder_is_not_served(site: Site, ruin: str) -> None:
    """A link out of the folder, or anything but a plain file of sensible size, is 404 and never an error of ours."""
    folder = site.folder / "certificates"
    path = folder / f"{site.purged.document}.de.pdf"
    secret = site.folder / "secret"
    secret.write_text(OUTSIDE)
    async with served(site):
        assert (await site.ask(site.token()))[0] == 200
        if ruin == "folder is a link":
            folder.rename(site.folder / "elsewhere")
            folder.symlink_to(site.folder / "elsewhere")
        elif ruin == "huge":
            os.truncate(path, 5 * 1024 * 1024)
        else:
            path.unlink()
            make: dict[str, Any] = {
                "link": lambda: path.symlink_to(secret),
                "gone": lambda: None,
                "folder": path.mkdir,
                "pipe": lambda: os.mkfifo(path),
            }
            make[ruin]()
        status, _, body = await site.ask(site.token())
    assert status == 404
    assert OUTSIDE.encode() not in body


async def test_without_a_public_address_there_is_no_route(site: Site) -> None:
    """Where no downloads are configured, the address does not exist; where they are, only GET and HEAD do."""
    async with serving(public_app(NoEdge())) as port:  # type: ignore[arg-type]
        site.port = port
        assert (await site.ask(site.token()))[0] == 404
    async with served(site):
        assert (await site.ask(site.token()))[0] == 200
        assert (await site.ask(site.token(), "POST"))[0] == 405


def test_a_stored_path_only_gives_the_name(site: Site) -> None:
    """Where the stored certificate names a path elsewhere, or no document at all, nothing outside is ever named."""
    wanted = Wanted(request_id="r", lang=Lang.EN, kind="json")
    name = "certificate-20261124-0123456789ab.json"
    assert file_name(f"/somewhere/else/{name}", wanted) == name
    for path in ("", "/etc/passwd", "../../keys/audit.key", "certificate.json", f"{name}/..", f"{name}\n"):
        assert file_name(path, wanted) == ""
    with pytest.raises(OSError, match="No such file"):
        read_inside(site.folder / "certificates", "certificate-20261124-0123456789ab.json")


# -- links ------------------------------------------------------------------------------------------------------------


def test_links_are_made_for_finished_requests_only(site: Site) -> None:
    """A request with a document has two links; one without, or an unknown one, has none, and nothing is raised."""
    found = documents_links(site.links, site.stores.requests)
    made = found(site.purged.request, Lang.EN)
    assert set(made) == {"pdf", "json"}
    assert all(url.startswith(f"{BASE}/documents/") for url in made.values())
    assert found(site.purged.waiting, Lang.EN) == found("unknown", Lang.EN) == {}


def test_a_link_says_no_more_than_the_request() -> None:
    """The address holds the request, language, kind and instant: no source, no person, no path."""
    url = Links(KEY, BASE + "/", FakeClock()).make("83929858ff0e79a6", Lang.DE, "pdf")
    token = url.removeprefix(f"{BASE}/documents/")
    assert token.split(".")[:3] == ["83929858ff0e79a6", "de", "pdf"]
    assert len(token) < 80
    assert token.replace(".", "").replace("-", "").replace("_", "").isalnum()


@given(seconds=st.integers(-1000, 2000) | st.integers(-10, 10) | st.integers(890, 910))
def test_a_link_lives_for_its_minutes_and_not_before(seconds: int) -> None:
    """A link is good from its making until 15 minutes later; of a clock that was ahead it is none."""
    clock = FakeClock()
    links = Links(KEY, BASE, clock)
    token = links.make("r-1", Lang.DE, "pdf").rpartition("/")[2]
    clock.jump(seconds)
    assert (links.read(token) is not None) is (-5 <= seconds < LIVES_SECONDS)


@given(token=st.text(max_size=300))
def test_no_text_is_taken_for_a_token(token: str) -> None:
    """Whatever is sent instead of a token is none, and raises nothing."""
    assert Links(KEY, BASE, FakeClock()).read(token) is None


@given(place=st.integers(0, 79), letter=st.characters())
def test_no_letter_of_a_token_can_be_changed(place: int, letter: str) -> None:
    """A token with one letter exchanged is none, wherever it stands."""
    links = Links(KEY, BASE, FakeClock())
    token = links.make("r-1", Lang.DE, "pdf").rpartition("/")[2]
    at = place % len(token)
    forged = token[:at] + letter + token[at + 1 :]
    assert (links.read(forged) is not None) is (forged == token)
