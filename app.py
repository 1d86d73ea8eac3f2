"""Reads the settings, builds every part once, starts what the command line asked for; alone names concrete parts.

What only one command needs is imported where it is built, so that `scan` does not wait for the Bot Framework.
"""

import logging
import platform
import secrets
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from bot.console import Asker, build_cli
from bot.operator import host_operator
from bot.routing import build_router
from bot.settings import Settings, load_settings
from bot.source_settings import OWN_LOGS, SourceSettings
from bot.state import dsn_of, state_folder, state_path
from data.access import Actor
from data.clock import SystemClock
from data.retention.instants import Instant, instant_of

if TYPE_CHECKING:
    from bot.assembly import Parts
    from bot.commands import AuditCheck
    from bot.doctor import Check
    from bot.identity import Directory
    from bot.jobs import JobQueue
    from bot.people import RolesOf
    from bot.server import Listening
    from bot.watchdog import Trouble
    from data.audit.keys import Signer
    from data.kept import Keeping, Kept
    from data.knowledge import Knowledge
    from data.office.office import Office
    from data.purge.engine import Engine
    from data.purge.parts import PurgeParts
    from data.sources.interface import Source
    from data.watch import Watch

VERSION = "0.3.0"


def read_knowledge(settings: Settings, *, cache: Path | None = None) -> "Knowledge":
    """Read what the bot knows, with the operator's overlay and addresses."""
    from data.knowledge import load_knowledge

    overlay = Path(settings.catalogue.overlay) if settings.catalogue.overlay else None
    return load_knowledge(overlay=overlay, notice_urls=settings.notices, cache=cache)


@asynccontextmanager
async def built(settings: Settings, *, dev: bool) -> AsyncIterator["Parts"]:
    """Build everything that serves and take it down again."""
    import asyncio

    from bot.assembly import assemble, outbound_session
    from bot.inside import Given, build_inside
    from bot.people import directory_of
    from bot.telemetry import tracing
    from data.stores.memory import MemoryFeedbackStore

    folder = state_folder(settings, dev=dev)
    knowledge = await asyncio.to_thread(read_knowledge, settings, cache=folder)
    keeping, directory = keeping_of(settings, folder, dev=dev), directory_of(settings, dev=dev)
    with keeping.feedback() as feedback, open_office(settings, folder, directory, dev=dev) as (office, jobs):
        async with tracing(settings.telemetry, version=VERSION) as trace, outbound_session(trace) as session:
            given = Given(
                knowledge=knowledge,
                office=office,
                jobs=jobs,
                directory=directory,
                titles={one.id: one.title or one.id for one in named_sources(settings, folder, dev=dev)},
                feedback=feedback,
                trial=MemoryFeedbackStore,
                audit_files=keeping.audit_files,
            )
            inside = build_inside(settings, folder, given, dev=dev)
            yield assemble(settings, inside, session, folder, dev=dev, trace=trace)


def keeping_of(settings: Settings, folder: Path, *, dev: bool) -> "Keeping":
    """Tell where everything is kept: in the state folder, or in PostgreSQL where the settings name one."""
    from data.opening import EmbeddedKeeping, PostgresKeeping

    dsn = settings.state.postgres_dsn.get_secret_value()
    if dsn and not dev:
        return PostgresKeeping(dsn=dsn, host=platform.node(), clock=SystemClock())
    return EmbeddedKeeping(folder=folder, clock=SystemClock())


@contextmanager
def open_office(
    settings: Settings, folder: Path, directory: "Directory", *, dev: bool
) -> "Iterator[tuple[Office, JobQueue]]":
    """Open desk and engine, and build the services over them; one process at a time."""
    from bot.jobs import JobQueue
    from bot.reception import office_parts, seal_of, watch_of
    from data.audit.keys import Ed25519FileSigner
    from data.office.office import office_of

    signer = Ed25519FileSigner(folder / "keys")
    with keeping_of(settings, folder, dev=dev).open(signer) as kept:
        engine = engine_over(settings, folder, kept, signer, directory=directory, dev=dev)
        parts, jobs = office_parts(settings, engine.parts, kept.desk, dev=dev), JobQueue(SystemClock())
        yield office_of(parts, engine, watch_of(engine.parts), jobs=jobs, seal=seal_of(folder)), jobs


def named_sources(settings: Settings, folder: Path, *, dev: bool) -> "tuple[SourceSettings, ...]":
    """Give the settings of all sources, the bot's own logs last; in dev mode the sample logs instead of yours."""
    from bot.own_logs import with_own_logs
    from bot.samples import sample_settings, samples_in

    own = sample_settings(samples_in(folder, now=instant_of(SystemClock().now()))) if dev else settings.sources
    return with_own_logs(own, folder)


def build_sources(
    settings: Settings, named: "Sequence[SourceSettings]", folder: Path, *, dev: bool
) -> "tuple[Mapping[str, Source], Mapping[str, frozenset[str]]]":
    """Build the sources, in the order of the settings, and tell which of them can reach the same files."""
    from bot.retention_settings import all_kin, all_sources, files_config
    from data.formats.families.registry import all_families
    from data.formats.logs import LogReader
    from data.sources.connector import FILES, Around
    from data.sources.files import FilesSource
    from data.stores.durable import make_folder

    reader, clock = LogReader(all_families()), SystemClock()
    # Neither the bot's state nor its code is anybody's log, but its own logs and the samples of dev mode lie in there.
    own = () if dev else (Path(settings.state.folder).absolute(), Path(__file__).resolve().parent)
    local = [source for source in named if source.kind == FILES]
    configured = [files_config(source, forbidden=() if source.id == OWN_LOGS else own) for source in local]
    state = folder / "sources"
    make_folder(state)
    rotation = None if dev else Path("/etc/logrotate.d")  # what Debian's own rotation keeps, to be told where it drifts
    files = {
        config.id: FilesSource(config, reader=reader, clock=clock, state=state, rotation=rotation)
        for config in configured
    }
    return all_sources(named, files, Around(clock=clock, state=state)), all_kin(named, configured)


@contextmanager
def open_engine(settings: Settings, folder: Path, *, dev: bool) -> Iterator["Engine"]:
    """Open what the command line works with, for this process alone; no standing rule carries a purge here."""
    from data.audit.keys import Ed25519FileSigner

    signer = Ed25519FileSigner(folder / "keys")
    with keeping_of(settings, folder, dev=dev).open(signer) as kept:
        yield engine_over(settings, folder, kept, signer, directory=None, dev=dev)


def engine_over(
    settings: Settings, folder: Path, kept: "Kept", signer: "Signer", *, directory: "Directory | None", dev: bool
) -> "Engine":
    """Build the services of the engine; without a directory roles are those of the settings, and no rule stands."""
    from bot.people import directory_of, roles_source
    from data.office.standing import rule_carries
    from data.purge.engine import check_whole, engine_of

    roles_of = roles_source(directory or directory_of(settings, dev=dev))
    parts = engine_parts(settings, folder, kept, signer, roles_of=roles_of, dev=dev)
    if directory is not None:
        parts = replace(parts, standing_runs=rule_carries(kept.desk.standing, parts.people, parts.roles_of))
    check_whole(parts)
    return engine_of(parts, holder=f"executor-{secrets.token_hex(8)}")


def engine_parts(
    settings: Settings,
    folder: Path,
    kept: "Kept",
    signer: "Signer",
    *,
    roles_of: "RolesOf",
    dev: bool,
) -> "PurgeParts":
    """Build everything the purge works with; raises `SettingsError`, `SourceError`, `StateError`."""
    from bot.documents import documents_of
    from bot.people import check_people, office_of
    from bot.retention_settings import care_of, rules_of
    from data.purge.clock_guard import ClockGuard
    from data.purge.parts import PurgeParts
    from data.purge.people import Pseudonyms, load_key

    named = named_sources(settings, folder, dev=dev)
    sources, kin = build_sources(settings, named, folder, dev=dev)
    rules, care = rules_of(settings, named), care_of(settings, dev=dev)
    check_people(settings, care)
    stores = kept.retention
    fresh = not (stores.requests.newest(most=1) or stores.holds.all())
    people = Pseudonyms(load_key(folder / "keys", fresh=fresh), stores.people)
    documents = documents_of(settings, folder, signer, sources, rules, office_of(people, roles_of), version=VERSION)
    return PurgeParts(
        sources=sources,
        rules=rules,
        kin=kin,
        care=care,
        stores=stores,
        audit=kept.audit,
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
        from bot.serving import serve

        settings = load_settings()
        keep_lines(state_path(settings, dev=dev), SystemClock())

        def announce(where: "Listening") -> None:
            mode = "dev" if dev else "production"
            structlog.get_logger(__name__).info(
                "listening", action="listening", port=where.port, ops_port=where.ops_port, mode=mode
            )

        asyncio.run(serve(settings, built, dev=dev, announce=announce))

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
        from data.knowledge import train_shipped

        return train_shipped()

    # -- the retention engine -----------------------------------------------------------------------------------------

    @contextmanager
    def watch(self, *, dev: bool) -> Iterator["Watch"]:
        """Open what only looks."""
        from bot.retention_settings import care_of, rules_of
        from data.watch import Watch, Watched

        settings = load_settings()
        folder = state_folder(settings, dev=dev)
        named = named_sources(settings, folder, dev=dev)
        sources, kin = build_sources(settings, named, folder, dev=dev)
        with keeping_of(settings, folder, dev=dev).show() as shown:
            yield Watch(
                Watched(
                    sources=sources,
                    kin=kin,
                    rules=rules_of(settings, named),
                    care=care_of(settings, dev=dev),
                    holds=shown.retention.holds,
                    marks=shown.retention.marks,
                    requests=shown.retention.requests,
                )
            )

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

        settings = load_settings()
        folder = state_folder(settings, dev=dev)
        with keeping_of(settings, folder, dev=dev).audit_files() as audit:
            return check_audit(audit, folder / "keys", checkpoint=checkpoint, key=key)

    def export_audit(self, out: Path, *, dev: bool) -> None:
        """Write the audit with all that is needed to check it elsewhere."""
        from bot.audit_report import write_export
        from cards.texts import load_texts

        settings = load_settings()
        folder = state_folder(settings, dev=dev)
        with keeping_of(settings, folder, dev=dev).audit_files() as audit:
            write_export(audit, folder / "keys", out, texts=load_texts())

    def watchdog(self, *, dev: bool) -> "Sequence[Trouble]":
        """Tell what is not as it should be, from what is stored alone."""
        from bot.watchdog import troubles_of

        settings = load_settings()
        folder = state_path(settings, dev=dev)
        return troubles_of(folder, self.now(), keeping_of(settings, folder, dev=dev))

    def migrate(self, *, grant_to: str) -> "Sequence[str]":
        """Bring the database up to date."""
        from data.stores.postgres.migrations import migrate

        return [f"{one.number:04} {one.name}" for one in migrate(dsn_of(load_settings()), grant_to=grant_to)]

    def copy_state(self) -> "Sequence[tuple[str, int, str]]":
        """Copy the state folder into the database."""
        from data.audit.keys import Ed25519FileSigner
        from data.moving import copy_state

        settings = load_settings()
        folder, dsn = state_folder(settings, dev=False), dsn_of(settings)
        copied = copy_state(folder, dsn, clock=SystemClock(), signer=Ed25519FileSigner(folder / "keys"))
        return [(one.what, one.count, one.digest) for one in copied]

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
