"""Settings to an office: who holds which role, which channels there are, and how cards write times."""

import hmac
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.adapter.credentials import credential_ends
from bot.audit_report import BROKEN, check_audit
from bot.heartbeat import beat
from bot.identity import DEV_ADMINS, DEV_DPOS, DEV_TENANT
from bot.links import Downloads, Links, Wanted, documents_links
from bot.schedule import Surroundings
from bot.settings import Settings
from cards.parts import Said
from cards.texts import load_texts
from data.access import Actor, Role
from data.catalogue.model import Catalogue
from data.clock import Clock
from data.desk.delivery import ADMIN_CHANNEL, DPO_CHANNEL
from data.desk.seal import Seal
from data.labels import Lang
from data.office.office import Office
from data.office.outbox import KEPT
from data.office.parts import OfficeParts, RoleHolders
from data.office.reading import record_reading
from data.office.teaching import Releases, TeachingService
from data.purge.parts import PurgeParts
from data.purge.people import load_key
from data.retention.instants import DAY, HOUR
from data.stores.desk import DeskStores
from data.watch import Watch, Watched
from dialogs.desk import Desk
from dialogs.face import Dialog
from dialogs.handover import HandoverDialog, Lessons
from dialogs.holds import HoldDialog
from dialogs.own_data import OwnDataDialog
from dialogs.purge import PurgeTalk
from dialogs.retention import RetentionDialog
from dialogs.standing import StandingDialog

LOG_DAYS = 90
"""How long the bot's own logs are kept at most, as clause 2.7 has it."""


def channels_of(settings: Settings) -> Mapping[str, str]:
    """Give the channels that are written to: recipient by conversation id."""
    named = {settings.alerts.dpo_channel: DPO_CHANNEL, settings.alerts.admin_channel: ADMIN_CHANNEL}
    return {conversation: recipient for conversation, recipient in named.items() if conversation}


def holders_of(settings: Settings, parts: PurgeParts, *, dev: bool) -> Callable[[], RoleHolders]:
    """Give what lists who has a role, in the order of the settings; each is remembered, so that he can be told."""
    tenant = DEV_TENANT if dev else settings.teams.tenant_id

    def names(role: Role, people: tuple[str, ...]) -> tuple[str, ...]:
        roles = frozenset({Role.EMPLOYEE, role})
        actors = [Actor(tenant_id=tenant, object_id=person.lower(), roles=roles) for person in dict.fromkeys(people)]
        return tuple(parts.people.of(actor) for actor in actors)

    found = RoleHolders(
        admins=names(Role.ADMIN, (*settings.roles.admins, *(DEV_ADMINS if dev else ()))),
        dpos=names(Role.DPO, (*settings.roles.dpos, *(DEV_DPOS if dev else ()))),
    )
    return lambda: found


def office_parts(settings: Settings, parts: PurgeParts, desk: DeskStores, *, dev: bool) -> OfficeParts:
    """Build what the office works with."""
    return OfficeParts(
        engine=parts,
        desk=desk,
        holders=holders_of(settings, parts, dev=dev),
        warn_days=settings.retention.warn_days,
        escalate_after=settings.alerts.escalate_hours * HOUR,
        channels=frozenset(channels_of(settings).values()),
    )


def watch_of(parts: PurgeParts) -> Watch:
    """Build a watch over the very stores and sources that the engine uses."""
    return Watch(
        Watched(
            sources=parts.sources,
            kin=parts.kin,
            rules=parts.rules,
            care=parts.care,
            holds=parts.stores.holds,
            marks=parts.stores.marks,
            requests=parts.stores.requests,
        )
    )


def seal_of(folder: Path) -> Seal:
    """Build the seal of buttons, with a key made of the one of the pseudonyms."""
    return Seal(hmac.digest(load_key(folder / "keys", fresh=False), b"seal of buttons", "sha256"))


def said_of(settings: Settings, *, banner: bool) -> Mapping[Lang, Said]:
    """Build what cards speak with."""
    zone = ZoneInfo(settings.alerts.zone)
    return {lang: Said(texts=texts, zone=zone, banner=banner) for lang, texts in load_texts().items()}


def dialogs_of(
    desk: Desk,
    *,
    catalogue: Callable[[], Catalogue],
    teaching: TeachingService,
    releases: Releases,
    titles: Mapping[str, str],
    cut_logs: Callable[[], None],
) -> tuple[Dialog, ...]:
    """Build everything that is talked about besides questions."""
    return (
        PurgeTalk(desk),
        HoldDialog(desk),
        RetentionDialog(desk, titles=titles),
        StandingDialog(desk),
        HandoverDialog(desk, catalogue, Lessons(service=teaching, releases=releases)),
        OwnDataDialog(desk, cut_logs=cut_logs, log_days=LOG_DAYS, unused_days=KEPT // DAY),
    )


def downloads_of(
    settings: Settings, folder: Path, office: Office, clock: Clock, *, dev: bool
) -> tuple[Downloads | None, Callable[[str, Lang], Mapping[str, str]]]:
    """Build what serves documents by link, and what makes the links; neither where browsers cannot reach the bot."""
    server = settings.server
    base = server.public_url or (f"http://{server.host}:{server.port}" if dev and server.port else "")
    requests = office.parts.engine.stores.requests
    if not base:
        return None, lambda _request, _lang: {}
    links = Links(load_key(folder / "keys", fresh=False), base, clock)

    def note(wanted: Wanted) -> None:
        record_reading(office.parts.engine, wanted.request_id, kind=wanted.kind)

    return Downloads(links, requests, folder / "certificates", note), documents_links(links, requests)


def surroundings_of(
    settings: Settings,
    folder: Path,
    teaching: TeachingService,
    audit_files: Callable[[], AbstractContextManager[Path]],
) -> Surroundings:
    """Build what the schedule looks at besides office and sources."""

    def audit_broken() -> bool:
        with audit_files() as audit:
            return check_audit(audit, folder / "keys", checkpoint=None, key=None).exit_code == BROKEN

    return Surroundings(
        beat=lambda now: beat(folder, now),
        audit_broken=audit_broken,
        credential_ends=lambda: credential_ends(settings.teams.certificate_file),
        finish_lesson=teaching.finish,
        unfinished_lessons=teaching.unfinished,
        zone=ZoneInfo(settings.alerts.zone),
        digest_weekday=settings.alerts.digest_weekday,
    )
