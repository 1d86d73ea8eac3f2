"""Is this deployment safe to run: looks at settings, files and clock, and knocks at the door."""

import base64
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from bot.adapter.clouds import cloud_of
from bot.logs import only_allowed
from bot.metrics import Metrics
from bot.server import Address, Edge, Health, listening
from bot.settings import LOOPBACK_HOSTS, Settings
from data.errors import ProcallError

LEAST_FREE_BYTES = 200 * 1024 * 1024
LARGEST_OFFSET_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


class Built(Protocol):
    """The parts of a bot that can be put behind a port."""

    @property
    def edge(self) -> Edge:
        """Give the public face."""
        ...

    @property
    def health(self) -> Health:
        """Give the ops face."""
        ...

    @property
    def metrics(self) -> Metrics:
        """Give the counters."""
        ...


Build = Callable[..., AbstractAsyncContextManager[Built]]


async def examine(
    settings: Settings,
    *,
    url: str,
    build: Build,
    check_servable: Callable[..., None],
) -> list[Check]:
    """Look at everything; a bot is started on a free loopback port for the knocking unless `url` names one."""
    checks = [_servable(settings, check_servable), *_files(settings), _process(), _redaction(), _address(settings)]
    checks.append(await _clock(settings))
    if url:
        checks.extend(await knock(url, settings))
    elif checks[0].ok:
        async with _started(settings, build) as base:
            checks.extend(await knock(base, settings))
    return checks


async def knock(base: str, settings: Settings) -> list[Check]:
    """Try every wrong door of a running bot; the forged tokens are right in everything but their signature."""
    address = f"{base.rstrip('/')}/api/messages"
    activity = _activity(settings)
    checks = []
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for name, headers in (
            ("a message without a token is refused", {}),
            ("a message with a forged token is refused", _forged(settings, activity, 3600)),
            ("a message with an expired token is refused", _forged(settings, activity, -3600)),
        ):
            checks.append(await _expects(session, "POST", address, activity, headers, (401,), name))
        name = "reading from the message port is refused"
        checks.append(await _expects(session, "GET", address, activity, {}, (405,), name))
    return checks


async def _expects(
    session: aiohttp.ClientSession,
    method: str,
    address: str,
    activity: Mapping[str, Any],
    headers: Mapping[str, str],
    statuses: tuple[int, ...],
    name: str,
) -> Check:
    try:
        async with session.request(method, address, json=activity, headers=headers) as response:
            found = response.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Check(name=name, ok=False, detail=f"no answer: {type(error).__name__}")
    return Check(name=name, ok=found in statuses, detail=f"answered {found}, expected {statuses[0]}")


def _activity(settings: Settings) -> Mapping[str, Any]:
    """Build a message that a careless bot would take: right tenant, allowed service URL, type nobody answers."""
    host = settings.teams.service_url_hosts[0] if settings.teams.service_url_hosts else "smba.trafficmanager.net"
    scheme = "http" if host.partition(":")[0] in LOOPBACK_HOSTS else "https"
    return {
        "type": "typing",
        "id": "doctor",
        "channelId": "msteams",
        "serviceUrl": f"{scheme}://{host}/doctor/",
        "conversation": {"id": "doctor"},
        "from": {"id": "29:doctor"},
        "recipient": {"id": "28:doctor"},
        "channelData": {"tenant": {"id": settings.teams.tenant_id}},
    }


def _forged(settings: Settings, activity: Mapping[str, Any], lifetime: int) -> dict[str, str]:
    def part(value: Mapping[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {
        "iss": cloud_of(settings.teams.openid_metadata_url).issuer,
        "aud": settings.teams.app_id,
        "exp": int(time.time()) + lifetime,  # noqa: TID251  the doctor compares the machine's own clock
        "serviceurl": activity["serviceUrl"],
    }
    token = f"{part({'alg': 'RS256', 'kid': 'doctor', 'typ': 'JWT'})}.{part(claims)}.{'A' * 342}"
    return {"Authorization": f"Bearer {token}"}


def _servable(settings: Settings, check_servable: Callable[..., None]) -> Check:
    name = "registration, tenant and credential are set"
    try:
        check_servable(settings, dev=False)
    except ProcallError as error:
        return Check(name=name, ok=False, detail=str(error))
    return Check(name=name, ok=True, detail=settings.teams.app_type)


def _files(settings: Settings) -> list[Check]:
    folder = Path(settings.state.folder)
    if not folder.exists():
        return [Check(name="the state folder is private", ok=True, detail=f"{folder} is made at the first start")]
    found = folder.stat()
    private = not found.st_mode & 0o077 and found.st_uid == os.geteuid()
    free = shutil.disk_usage(folder).free
    loose = [path.name for path in folder.glob("*") if path.is_file() and path.stat().st_mode & 0o077]
    return [
        Check(
            name="the state folder is private",
            ok=private and not loose,
            detail="only the service's account may enter" if private else f"run chmod 700 {folder} as its owner",
        ),
        Check(name="there is room to write", ok=free > LEAST_FREE_BYTES, detail=f"{free // 1024**2} MiB free"),
    ]


def _process() -> Check:
    root = os.geteuid() == 0
    return Check(name="not run as root", ok=not root, detail="use an account of its own" if root else "as it should be")


def _redaction() -> Check:
    line = only_allowed(None, "", {"event": "Bearer abc", "text": "secret", "token": "eyJhbGciOi.x.y"})
    ok = line == {"event": "[token]"}
    return Check(
        name="logs drop texts and tokens", ok=ok, detail="the allow-list is active" if ok else str(sorted(line))
    )


def _address(settings: Settings) -> Check:
    host = settings.server.host
    local = host in LOOPBACK_HOSTS
    detail = f"{host}: put TLS in front" if local else f"{host}: make sure that only the TLS proxy can reach it"
    return Check(name="the message port is reached over TLS only (look yourself)", ok=True, detail=detail)


async def _clock(settings: Settings) -> Check:
    name = "the clock is right"
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(
                settings.teams.openid_metadata_url,
            ) as response,
        ):
            theirs = parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
        detail = f"teams.openid_metadata_url cannot be reached: {type(error).__name__}"
        return Check(name=name, ok=False, detail=detail)
    offset = abs(theirs - time.time())  # noqa: TID251
    return Check(name=name, ok=offset < LARGEST_OFFSET_SECONDS, detail=f"{offset:.0f} s from the key server's")


@asynccontextmanager
async def _started(settings: Settings, build: Build) -> AsyncIterator[str]:
    anywhere = Address(host="127.0.0.1", port=0)
    async with (
        build(settings, dev=False) as parts,
        listening(parts.edge, parts.health, parts.metrics, public=anywhere, ops=anywhere) as where,
    ):
        yield f"http://127.0.0.1:{where.port}"
