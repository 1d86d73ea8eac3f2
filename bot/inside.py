"""Builds what stands behind the face towards Teams: dialogs over the office, lessons, documents, the schedule."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bot.asking import asker_of
from bot.assembly import Inside
from bot.identity import Directory
from bot.jobs import JobQueue
from bot.live import LiveRouter
from bot.logs import PersonHash, load_person_key
from bot.reception import dialogs_of, downloads_of, said_of, surroundings_of
from bot.routing import build_router
from bot.settings import Settings
from cards.elements import escape
from data.access import Role
from data.clock import SystemClock
from data.knowledge import Knowledge, load_knowledge
from data.office.office import Office
from data.office.teaching import TeachingParts, TeachingService
from data.questions.context import Contexts
from data.questions.validation import Ask, read_set
from data.stores.interface import FeedbackStore
from dialogs.desk import Desk
from dialogs.router import Router

LONGEST_WORDS = 2000
"""Characters of an answer that somebody typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What `app.py` hands in."""

    knowledge: Knowledge
    office: Office
    jobs: JobQueue
    directory: Directory
    titles: Mapping[str, str]
    """What people call each source, by its id."""
    feedback: FeedbackStore
    trial: Callable[[], FeedbackStore]
    """Makes a place for the feedback of a bot that is only tried."""
    audit_files: Callable[[], AbstractContextManager[Path]]
    """Gives the folder of the audit's files, to verify them."""


def build_inside(settings: Settings, folder: Path, given: Given, *, dev: bool) -> Inside:
    """Build all of it."""
    office = given.office
    contexts, person = Contexts(SystemClock()), PersonHash(load_person_key(folder))
    downloads, links = downloads_of(settings, folder, office, SystemClock(), dev=dev)
    desk = Desk(office=office, said=said_of(settings, banner=dev), documents=links)
    teaching = _teaching(settings, folder, office, lambda: live, given.trial)
    dialogs = dialogs_of(
        desk,
        catalogue=lambda: live.present().catalogue,
        teaching=teaching,
        releases=given.jobs,
        titles=given.titles,
        cut_logs=lambda: person.renew(folder),
    )

    def router(known: Knowledge) -> Router:
        return build_router(
            known,
            settings,
            given.feedback,
            contexts=contexts,
            banner=dev,
            dialogs=dialogs,
            hands_over=bool(office.parts.holders().dpos),  # without a DPO there is nobody to answer
        )

    live = LiveRouter(given.knowledge, router)
    return Inside(
        office=office,
        jobs=given.jobs,
        live=live,
        contexts=contexts,
        around=surroundings_of(settings, folder, teaching, given.audit_files),
        downloads=downloads,
        person=person,
        directory=given.directory,
    )


def _teaching(
    settings: Settings,
    folder: Path,
    office: Office,
    live: Callable[[], LiveRouter],
    trial: Callable[[], FeedbackStore],
) -> TeachingService:
    """Build what turns answers of data protection officers into something the bot knows."""

    def asker(known: Knowledge) -> Ask:
        router = build_router(known, settings, trial(), contexts=Contexts(SystemClock()), banner=False)
        ask = asker_of(router)
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
            plain=lambda words: escape(words, longest=LONGEST_WORDS),
            model=folder / "model.npz",
        )
    )
