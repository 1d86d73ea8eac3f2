"""Reads the settings, builds every part once, starts what the command line asked for; alone names concrete parts.

What only one command needs is imported where it is built, so that `scan` does not wait for the Bot Framework.
"""

import logging
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from bot.console import Asker, build_cli
from bot.operator import host_operator
from bot.settings import Settings, load_settings
from bot.source_settings import OWN_LOGS, SourceSettings
from bot.state import state_folder, state_path
from data.access import Actor
from data.clock import SystemClock
from data.retention.instants import Instant, instant_of

if TYPE_CHECKING:
    from bot.assembly import Inside, Parts
    from bot.commands import AuditCheck
    from bot.doctor import Check
    from bot.jobs import JobQueue
    from bot.live import LiveRouter
    from bot.server import Listening
    from bot.watchdog import Trouble
    from data.audit.keys import Signer
    from data.desk.standing import StandingRule
    from data.knowledge import Knowledge
    from data.office.office import Office
    from data.office.teaching import TeachingService
    from data.purge.engine import Engine
    from data.purge.parts import AuditTrail, PurgeParts
    from data.questions.context import Contexts
    from data.questions.validation import Ask
    from data.sources.interface import Source
    from data.stores.desk import Shelf
    from data.stores.interface import FeedbackStore, RetentionStores
    from data.watch import Watch
    from dialogs.face import Dialog
    from dialogs.router import Router

VERSION = "0.2.0"


def read_knowledge(settings: Settings, *, cache: Path | None = None) -> "Knowledge":
    """Read what the bot knows, with the operator's overlay and addresses."""
    from data.knowledge import load_knowledge

    overlay = Path(settings.catalogue.overlay) if settings.catalogue.overlay else None
    return load_knowledge(overlay=overlay, notice_urls=settings.notices, cache=cache)


def build_router(
    knowledge: "Knowledge",
    settings: Settings,
    feedback: "FeedbackStore",
    *,
    contexts: "Contexts",
    banner: bool,
    dialogs: "Sequence[Dialog]" = (),
) -> "Router":
    """Build what decides which card answers a turn; without dialogs nothing is carried out."""
    from cards.ask import Contact
    from cards.texts import load_texts
    from data.questions.language import SmallWordsFirst
    from data.questions.matcher import Matcher
    from data.questions.understand import Understanding
    from dialogs.ask import AskDialog
    from dialogs.help import HelpDialog
    from dialogs.purge import PurgeDialog
    from dialogs.router import Router

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
            hands_over=bool(dialogs),
        ),
        purge=PurgeDialog(texts=texts, banner=banner),
        helper=HelpDialog(catalogue=knowledge.catalogue, texts=texts, banner=banner, doors=bool(dialogs)),
        feedback=feedback,
        dialogs=dialogs,
    )


@asynccontextmanager
async def built(settings: Settings, *, dev: bool) -> AsyncIterator["Parts"]:
    """Build everything that serves and take it down again."""
    import asyncio

    from bot.assembly import assemble, outbound_session
    from data.stores.tinydb_store import TinyFeedbackStore

    folder = state_folder(settings, dev=dev)
    knowledge = await asyncio.to_thread(read_knowledge, settings, cache=folder)
    feedback = TinyFeedbackStore(folder / "feedback.json")
    try:
        with open_office(settings, folder, dev=dev) as (office, jobs):
            async with outbound_session() as session:
                inside = build_inside(settings, folder, knowledge, feedback, office, jobs, dev=dev)
                yield assemble(settings, inside, session, folder, dev=dev)
    finally:
        feedback.close()


@contextmanager
def open_office(settings: Settings, folder: Path, *, dev: bool) -> "Iterator[tuple[Office, JobQueue]]":
    """Open desk and engine, and build the services over them; one process at a time."""
    from bot.jobs import JobQueue
    from bot.reception import office_parts, seal_of, watch_of
    from data.office.office import office_of
    from data.stores.tinydb_desk import open_desk

    desk = open_desk(folder)
    try:
        with open_engine(settings, folder, dev=dev, standing=desk.standing) as engine:
            parts, jobs = office_parts(settings, engine.parts, desk, dev=dev), JobQueue(SystemClock())
            yield office_of(parts, engine, watch_of(engine.parts), jobs=jobs, seal=seal_of(folder)), jobs
    finally:
        desk.close()


def build_inside(
    settings: Settings,
    folder: Path,
    knowledge: "Knowledge",
    feedback: "FeedbackStore",
    office: "Office",
    jobs: "JobQueue",
    *,
    dev: bool,
) -> "Inside":
    """Build what stands behind the face towards Teams: dialogs over the office, lessons, documents, the schedule."""
    from bot.assembly import Inside
    from bot.live import LiveRouter
    from bot.logs import PersonHash, load_person_key
    from bot.reception import dialogs_of, downloads_of, said_of, surroundings_of
    from data.questions.context import Contexts
    from dialogs.desk import Desk

    contexts, person = Contexts(SystemClock()), PersonHash(load_person_key(folder))
    downloads, links = downloads_of(settings, folder, office, SystemClock(), dev=dev)
    desk = Desk(office=office, said=said_of(settings, banner=dev), documents=links)
    teaching = teaching_service(settings, folder, office, lambda: live)
    titles = {source.id: source.title or source.id for source in named_sources(settings, folder, dev=dev)}
    dialogs = dialogs_of(
        desk,
        catalogue=lambda: live.present().catalogue,
        teaching=teaching,
        releases=jobs,
        titles=titles,
        cut_logs=lambda: person.renew(folder),
    )

    def router(known: "Knowledge") -> "Router":
        return build_router(known, settings, feedback, contexts=contexts, banner=dev, dialogs=dialogs)

    live = LiveRouter(knowledge, router)
    around = surroundings_of(settings, folder, teaching)
    return Inside(
        office=office, jobs=jobs, live=live, contexts=contexts, around=around, downloads=downloads, person=person
    )


def teaching_service(
    settings: Settings, folder: Path, office: "Office", live: "Callable[[], LiveRouter]"
) -> "TeachingService":
    """Build what turns answers of data protection officers into something the bot knows."""
    from bot.asking import asker_of
    from cards.elements import escape
    from data.access import Role
    from data.knowledge import load_knowledge
    from data.office.teaching import TeachingParts, TeachingService
    from data.questions.context import Contexts
    from data.questions.validation import read_set
    from data.stores.memory import MemoryFeedbackStore

    def asker(known: "Knowledge") -> "Ask":
        contexts = Contexts(SystemClock())
        ask = asker_of(build_router(known, settings, MemoryFeedbackStore(), contexts=contexts, banner=False))
        return lambda question: ask(turns=question["turns"], role=Role(question["role"]), lang=None)

    overlay = settings.catalogue.overlay
    return TeachingService(
        TeachingParts(
            office=office.parts,
            overlay=Path(overlay) if overlay else None,
            work=folder / "lessons",
            load=lambda copy, cache: load_knowledge(overlay=copy, notice_urls=settings.notices, cache=cache),
            asker=asker,
            present=lambda: live().present(),
            swap=lambda known: live().swap(known),
            questions=read_set,
            plain=lambda words: escape(words, longest=2000),
            model=folder / "model.npz",
        )
    )


async def serve(settings: Settings, *, dev: bool, announce: Callable[["Listening"], None]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way."""
    import asyncio

    import structlog

    from bot.assembly import at_work
    from bot.registration import check_servable
    from bot.server import Address, listening

    check_servable(settings, dev=dev)
    log = structlog.get_logger(__name__)
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
            downloads=parts.downloads,
        ) as where,
        at_work(parts),
    ):
        announce(where)
        await stop.wait()
        log.info("stopping", action="stopping")
    log.info("stopped", action="stopped")


def named_sources(settings: Settings, folder: Path, *, dev: bool) -> "tuple[SourceSettings, ...]":
    """Give the settings of all sources, the bot's own logs last; in dev mode the sample logs instead of yours."""
    from bot.own_logs import with_own_logs
    from bot.samples import sample_settings, samples_in

    own = sample_settings(samples_in(folder, now=instant_of(SystemClock().now()))) if dev else settings.sources
    return with_own_logs(own, folder)


def build_sources(
    settings: Settings, named: "Iterable[SourceSettings]", folder: Path, *, dev: bool
) -> "tuple[Mapping[str, Source], Mapping[str, frozenset[str]]]":
    """Build the sources, in the order of the settings, and tell which of them can reach the same files."""
    from bot.retention_settings import files_config, kin_of
    from data.formats.families.registry import all_families
    from data.formats.logs import LogReader
    from data.sources.files import FilesSource
    from data.stores.durable import make_folder

    reader, clock = LogReader(all_families()), SystemClock()
    # Neither the bot's state nor its code is anybody's log, but its own logs and the samples of dev mode lie in there.
    own = () if dev else (Path(settings.state.folder).absolute(), Path(__file__).resolve().parent)
    configured = [files_config(source, forbidden=() if source.id == OWN_LOGS else own) for source in named]
    state = folder / "sources"
    make_folder(state)
    rotation = None if dev else Path("/etc/logrotate.d")  # what Debian's own rotation keeps, to be told where it drifts
    sources = {
        config.id: FilesSource(config, reader=reader, clock=clock, state=state, rotation=rotation)
        for config in configured
    }
    return sources, kin_of(configured)


@contextmanager
def open_engine(
    settings: Settings, folder: Path, *, dev: bool, standing: "Shelf[StandingRule] | None" = None
) -> Iterator["Engine"]:
    """Open stores, audit and sources, and build the services over them; one process at a time.

    Without the standing rules none of them carries a purge.
    """
    from data.audit.keys import Ed25519FileSigner
    from data.audit.log import AuditLog
    from data.office.standing import rule_carries
    from data.purge.engine import check_whole, engine_of
    from data.stores.tinydb_retention import open_retention

    stores = open_retention(folder)
    try:
        signer = Ed25519FileSigner(folder / "keys")
        audit = AuditLog(folder / "audit", clock=SystemClock(), signer=signer)
        try:
            parts = engine_parts(settings, folder, stores, audit, signer, dev=dev)
            if standing is not None:
                carries = rule_carries(standing, parts.people, parts.roles_of)
                parts = replace(parts, standing_runs=carries)
            check_whole(parts)
            yield engine_of(parts, holder=f"executor-{secrets.token_hex(8)}")
        finally:
            audit.close()
    finally:
        stores.close()


def engine_parts(
    settings: Settings, folder: Path, stores: "RetentionStores", audit: "AuditTrail", signer: "Signer", *, dev: bool
) -> "PurgeParts":
    """Build everything the purge works with; raises `SettingsError`, `SourceError`, `StateError`."""
    from bot.documents import documents_of
    from bot.people import check_people, office_of, roles_source
    from bot.retention_settings import care_of, rules_of
    from data.purge.clock_guard import ClockGuard
    from data.purge.parts import PurgeParts
    from data.purge.people import Pseudonyms, load_key

    named = named_sources(settings, folder, dev=dev)
    sources, kin = build_sources(settings, named, folder, dev=dev)
    rules, care, roles_of = rules_of(settings, named), care_of(settings, dev=dev), roles_source(settings, dev=dev)
    check_people(settings, care)
    fresh = not (stores.requests.newest(most=1) or stores.holds.all())
    people = Pseudonyms(load_key(folder / "keys", fresh=fresh), stores.people)
    documents = documents_of(settings, folder, signer, sources, rules, office_of(people, roles_of), version=VERSION)
    return PurgeParts(
        sources=sources,
        rules=rules,
        kin=kin,
        care=care,
        stores=stores,
        audit=audit,
        guard=ClockGuard(SystemClock(), stores.ticks),
        people=people,
        roles_of=roles_of,
        documents=documents,
        commit=Lock(),
        stops=set(),
        new_id=lambda: secrets.token_hex(8),
    )


class Application:
    """The services behind the command line."""

    def serve(self, *, dev: bool) -> None:
        """Run until stopped."""
        import asyncio

        import structlog

        from bot.own_logs import keep_lines

        settings = load_settings()
        keep_lines(state_path(settings, dev=dev), SystemClock())

        def announce(where: "Listening") -> None:
            mode = "dev" if dev else "production"
            structlog.get_logger(__name__).info(
                "listening", action="listening", port=where.port, ops_port=where.ops_port, mode=mode
            )

        asyncio.run(serve(settings, dev=dev, announce=announce))

    def asker(self) -> Asker:
        """Build what answers questions on the command line."""
        from bot.asking import asker_of
        from data.questions.context import Contexts
        from data.stores.memory import MemoryFeedbackStore

        settings = load_settings()
        folder = Path(settings.state.folder) if settings.catalogue.overlay else None
        knowledge = read_knowledge(settings, cache=folder)
        contexts = Contexts(SystemClock())
        return asker_of(build_router(knowledge, settings, MemoryFeedbackStore(), contexts=contexts, banner=False))

    def doctor(self, *, url: str) -> "Iterable[Check]":
        """Examine this deployment."""
        import asyncio

        from bot import doctor as examination
        from bot.registration import check_servable

        settings = load_settings()
        return asyncio.run(examination.examine(settings, url=url, build=built, check_servable=check_servable))

    def pack(self, path: Path) -> None:
        """Write the Teams app package."""
        from bot.package import write_package

        settings = load_settings()
        write_package(path, app_id=settings.teams.app_id, manifest=settings.manifest, version=VERSION)

    def train(self) -> str:
        """Train the shipped matcher anew."""
        from data.catalogue.loader import load_catalogue
        from data.knowledge import all_examples
        from data.questions.corpus import load_corpus
        from data.questions.training import SHIPPED_MODEL, digest_of, save_model, train

        catalogue, corpus = load_catalogue(), load_corpus()
        examples = all_examples(catalogue, corpus)
        model = train(examples, corpus.lexicon, digest=digest_of(examples, corpus.stems))
        save_model(model, SHIPPED_MODEL)
        return f"{len(examples)} examples, {len(model.labels)} labels, {len(model.features)} features"

    # -- the retention engine -----------------------------------------------------------------------------------------

    @contextmanager
    def watch(self, *, dev: bool) -> Iterator["Watch"]:
        """Open what only looks."""
        from bot.retention_settings import care_of, rules_of
        from data.stores.tinydb_retention import read_retention
        from data.watch import Watch, Watched

        settings = load_settings()
        folder = state_folder(settings, dev=dev)
        stores = read_retention(folder)
        named = named_sources(settings, folder, dev=dev)
        sources, kin = build_sources(settings, named, folder, dev=dev)
        try:
            yield Watch(
                Watched(
                    sources=sources,
                    kin=kin,
                    rules=rules_of(settings, named),
                    care=care_of(settings, dev=dev),
                    holds=stores.holds,
                    marks=stores.marks,
                    requests=stores.requests,
                )
            )
        finally:
            stores.close()

    @contextmanager
    def engine(self, *, dev: bool) -> Iterator["Engine"]:
        """Open what changes something."""
        settings = load_settings()
        with open_engine(settings, state_folder(settings, dev=dev), dev=dev) as engine:
            yield engine

    def operator(self) -> Actor:
        """Tell who sits at this machine."""
        return host_operator()

    def now(self) -> Instant:
        """Tell the time."""
        return instant_of(SystemClock().now())

    def verify_audit(self, *, dev: bool, checkpoint: Path | None, key: Path | None) -> "AuditCheck":
        """Verify the audit."""
        from bot.audit_report import check_audit

        return check_audit(state_folder(load_settings(), dev=dev), checkpoint=checkpoint, key=key)

    def export_audit(self, out: Path, *, dev: bool) -> None:
        """Write the audit with all that is needed to check it elsewhere."""
        from bot.audit_report import write_export
        from cards.texts import load_texts

        write_export(state_folder(load_settings(), dev=dev), out, texts=load_texts())

    def watchdog(self, *, dev: bool) -> "Sequence[Trouble]":
        """Tell what is not as it should be, from the files alone."""
        from bot.watchdog import troubles_of
        from data.stores.tinydb_desk import read_desk
        from data.stores.tinydb_retention import read_retention

        state = state_path(load_settings(), dev=dev)
        return troubles_of(state, self.now(), read_desk=read_desk, read_rest=read_retention)

    def write_samples(self) -> Path:
        """Write the sample logs of dev mode anew."""
        from bot.samples import samples_in

        return samples_in(state_folder(load_settings(), dev=True), now=self.now(), anew=True)


def main() -> None:
    """Run the command line; what only looks says nothing in the log, and does not wait for it to be set up."""
    if sys.argv[1:2] != ["scan"]:
        from bot.logs import configure_logs

        configure_logs(level=logging.INFO)
    build_cli(Application())()


if __name__ == "__main__":
    main()
