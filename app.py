"""Reads the settings, builds every part once, starts what the command line asked for; alone names concrete parts."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import structlog

from bot import doctor as examination
from bot.adapter.authentication import GuardedAuthentication
from bot.adapter.cloud_adapter import HardenedAdapter
from bot.adapter.clouds import cloud_of
from bot.adapter.connector import CALL_SECONDS, CONNECT_SECONDS, PooledConnectors, TokenSource
from bot.adapter.credentials import (
    OutboundToken,
)
from bot.adapter.hosts import HostList
from bot.adapter.keys import SigningKeys
from bot.adapter.tokens import TokenVerifier
from bot.console import build_cli
from bot.gate import Gate
from bot.handler import Handler, Repetitions
from bot.identity import DEV_ADMINS, DEV_DPOS, DEV_TENANT, Directory
from bot.logs import PersonHash, configure_logs, load_person_key
from bot.metrics import Metrics
from bot.package import write_package
from bot.registration import check_servable, signing_keys, token_source, trusted_authorities
from bot.server import Address, Edge, Health, Listening, listening
from bot.settings import LOOPBACK_HOSTS, Settings, load_settings
from cards.ask import Contact
from cards.elements import visible_text
from cards.texts import load_texts
from data.access import Actor, Role
from data.catalogue.loader import load_catalogue
from data.clock import SystemClock
from data.errors import SettingsError, StateError
from data.knowledge import Knowledge, all_examples, load_knowledge
from data.labels import Lang
from data.questions.context import Contexts
from data.questions.corpus import load_corpus
from data.questions.language import SmallWordsFirst
from data.questions.matcher import Matcher
from data.questions.training import SHIPPED_MODEL, digest_of, save_model, train
from data.questions.understand import Understanding
from data.stores.interface import FeedbackStore
from data.stores.memory import MemoryFeedbackStore
from data.stores.tinydb_store import TinyFeedbackStore
from dialogs.ask import AskDialog
from dialogs.help import HelpDialog
from dialogs.purge import PurgeDialog
from dialogs.router import Router
from dialogs.turn import Turn, TurnKind

VERSION = "0.1.0"
_log = structlog.get_logger(__name__)


def read_knowledge(settings: Settings, *, cache: Path | None = None) -> Knowledge:
    """Read what the bot knows, with the operator's overlay and addresses."""
    overlay = Path(settings.catalogue.overlay) if settings.catalogue.overlay else None
    return load_knowledge(overlay=overlay, notice_urls=settings.notices, cache=cache)


def build_router(
    knowledge: Knowledge,
    settings: Settings,
    feedback: FeedbackStore,
    *,
    contexts: Contexts,
    banner: bool,
) -> Router:
    """Build what decides which card answers a turn."""
    texts = load_texts()
    lexicon = knowledge.corpus.lexicon
    matcher = Matcher(knowledge.model, lexicon)
    contact = Contact(
        dpo_name=settings.contacts.dpo_name,
        dpo_mail=settings.contacts.dpo_mail,
        controller=settings.contacts.controller,
    )
    return Router(
        understanding=Understanding(
            matcher=matcher,
            lexicon=lexicon,
            language=SmallWordsFirst(),
            grammar=knowledge.corpus.grammar,
            ambiguities=knowledge.corpus.options,
            clauses=knowledge.catalogue.topic_of_clause(),
        ),
        matcher=matcher,
        contexts=contexts,
        ask=AskDialog(
            catalogue=knowledge.catalogue,
            texts=texts,
            contact=contact,
            clarifying=knowledge.corpus.clarifying,
            banner=banner,
        ),
        purge=PurgeDialog(texts=texts, banner=banner),
        helper=HelpDialog(catalogue=knowledge.catalogue, texts=texts, banner=banner),
        feedback=feedback,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that serves, built."""

    edge: Edge
    health: Health
    metrics: Metrics
    keys: SigningKeys | None
    sweep: Callable[[], None]
    """Drops what is remembered for minutes only."""


@asynccontextmanager
async def built(settings: Settings, *, dev: bool) -> AsyncIterator[Parts]:
    """Build everything that serves and take it down again."""
    folder = _state_folder(settings, dev=dev)
    knowledge = await asyncio.to_thread(read_knowledge, settings, cache=folder)
    feedback = TinyFeedbackStore(folder / "feedback.json")
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS)
    connections = aiohttp.TCPConnector(limit=100, limit_per_host=50, ssl=trusted_authorities())
    try:
        async with aiohttp.ClientSession(
            timeout=timeout,
            connector=connections,
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:
            yield _parts(settings, knowledge, feedback, session, folder, dev=dev)
    finally:
        feedback.close()


def _parts(
    settings: Settings,
    knowledge: Knowledge,
    feedback: FeedbackStore,
    session: aiohttp.ClientSession,
    folder: Path,
    *,
    dev: bool,
) -> Parts:
    clock, metrics = SystemClock(), Metrics()
    hosts = HostList(LOOPBACK_HOSTS if dev else settings.teams.service_url_hosts)
    tenant = DEV_TENANT if dev else settings.teams.tenant_id
    gate = Gate(
        tenant_id=tenant,
        channels=("msteams", "emulator") if dev else ("msteams",),
        allows_url=hosts.allows,
    )
    keys = None if dev else signing_keys(settings, session, clock)
    cloud = cloud_of(settings.teams.openid_metadata_url)
    verifier = (
        TokenVerifier(app_id=settings.teams.app_id, issuer=cloud.issuer, keys=keys, clock=clock) if keys else None
    )
    connectors = PooledConnectors(
        hosts=hosts,
        token=TokenSource() if dev else OutboundToken(acquire=token_source(settings), clock=clock),
        session=session,
        observe=lambda outcome: metrics.outbound.labels(outcome).inc(),
    )
    adapter = HardenedAdapter(
        GuardedAuthentication(app_id=settings.teams.app_id, verifier=verifier, gate=gate, connectors=connectors),
    )
    contexts, seen = Contexts(clock), Repetitions(clock)
    handler = Handler(
        router=build_router(knowledge, settings, feedback, contexts=contexts, banner=dev),
        directory=_directory(settings, tenant, dev=dev),
        metrics=metrics,
        person=PersonHash(load_person_key(folder)),
        seen=seen,
    )

    def sweep() -> None:
        contexts.sweep()
        seen.sweep()

    checks = [lambda: "" if keys is None or keys.usable else "signing_keys", lambda: _writable(folder)]
    return Parts(
        edge=Edge(adapter=adapter, handler=handler, metrics=metrics),
        health=Health(checks, metrics),
        metrics=metrics,
        keys=keys,
        sweep=sweep,
    )


def _directory(settings: Settings, tenant: str, *, dev: bool) -> Directory:
    return Directory(
        tenant_id=tenant,
        admins=(*settings.roles.admins, *(DEV_ADMINS if dev else ())),
        dpos=(*settings.roles.dpos, *(DEV_DPOS if dev else ())),
    )


async def serve(settings: Settings, *, dev: bool, announce: Callable[[Listening], None]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way."""
    check_servable(settings, dev=dev)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = settings.server
    async with (
        built(settings, dev=dev) as parts,
        listening(
            parts.edge,
            parts.health,
            parts.metrics,
            public=Address(host=server.host, port=server.port),
            ops=Address(host=server.ops_host, port=server.ops_port),
        ) as where,
    ):
        chores = [asyncio.create_task(_keep_tidy(parts.sweep))]
        if parts.keys:
            chores.append(asyncio.create_task(_keep_fetching(parts.keys)))
        announce(where)
        await stop.wait()
        _log.info("stopping", action="stopping")
        for chore in chores:
            chore.cancel()
    _log.info("stopped", action="stopped")


async def _keep_fetching(keys: SigningKeys) -> None:
    """Fetch the signing keys before the first turn, and again until there are some."""
    pause = 1.0
    while not await keys.prefetch():
        await asyncio.sleep(pause)
        pause = min(pause * 2, 60.0)


async def _keep_tidy(sweep: Callable[[], None]) -> None:
    """Drop old contexts and repetitions every minute, also while nobody writes."""
    while True:
        await asyncio.sleep(60.0)
        sweep()


class Application:
    """The services behind the command line."""

    def serve(self, *, dev: bool) -> None:
        """Run until stopped."""
        settings = load_settings()

        def announce(where: Listening) -> None:
            mode = "dev" if dev else "production"
            _log.info("listening", action="listening", port=where.port, ops_port=where.ops_port, mode=mode)

        asyncio.run(serve(settings, dev=dev, announce=announce))

    def asker(self) -> Callable[..., Mapping[str, Any]]:
        """Build what answers questions on the command line."""
        settings = load_settings()
        folder = Path(settings.state.folder)
        router = build_router(
            read_knowledge(settings, cache=folder if settings.catalogue.overlay else None),
            settings,
            MemoryFeedbackStore(),
            contexts=Contexts(SystemClock()),
            banner=False,
        )
        number = iter(range(1_000_000_000))

        def ask(*, turns: Sequence[str], role: Role, lang: Lang | None) -> Mapping[str, Any]:
            conversation = str(next(number))
            actor = Actor(tenant_id="console", object_id="console", roles=frozenset({Role.EMPLOYEE, role}))
            for text in turns:
                turn = Turn(kind=TurnKind.MESSAGE, actor=actor, conversation=conversation, text=text, lang=lang)
                reply = router.say(turn)
            return {
                "lang": reply.lang,
                "outcome": reply.outcome,
                "topics": list(reply.topics),
                "clauses": list(reply.clauses),
                "notices": list(reply.notices),
                "confidence": round(reply.confidence, 4),
                "answer": visible_text(dict(reply.card or {})),
                "options": list(reply.options),
            }

        return ask

    def doctor(self, *, url: str) -> Iterable[examination.Check]:
        """Examine this deployment."""
        settings = load_settings()
        return asyncio.run(examination.examine(settings, url=url, build=built, check_servable=check_servable))

    def pack(self, path: Path) -> None:
        """Write the Teams app package."""
        settings = load_settings()
        write_package(path, app_id=settings.teams.app_id, manifest=settings.manifest, version=VERSION)

    def train(self) -> str:
        """Train the shipped matcher anew."""
        catalogue, corpus = load_catalogue(), load_corpus()
        examples = all_examples(catalogue, corpus)
        model = train(examples, corpus.lexicon, digest=digest_of(examples, corpus.stems))
        save_model(model, SHIPPED_MODEL)
        return f"{len(examples)} examples, {len(model.labels)} labels, {len(model.features)} features"


def _state_folder(settings: Settings, *, dev: bool) -> Path:
    folder = Path(settings.state.folder) / "dev" if dev else Path(settings.state.folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"state.folder: {folder}: {error.strerror}"
        raise SettingsError(message) from None
    if folder.stat().st_mode & 0o002:
        message = f"{folder}: everybody may write here; run chmod o-w"
        raise StateError(message)
    return folder


def _writable(folder: Path) -> str:
    return "" if os.access(folder, os.W_OK | os.X_OK) else "state_folder"


def main() -> None:
    """Run the command line."""
    configure_logs(level=logging.INFO)
    build_cli(Application())()


if __name__ == "__main__":
    main()
