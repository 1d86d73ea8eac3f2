"""Settings to an office: who holds which role, which channels there are, and how cards write times."""

import hmac
from collections.abc import Callable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.identity import DEV_ADMINS, DEV_DPOS, DEV_TENANT
from bot.settings import Settings
from cards.parts import Said
from cards.texts import load_texts
from data.access import Actor, Role
from data.desk.delivery import ADMIN_CHANNEL, DPO_CHANNEL
from data.desk.seal import Seal
from data.labels import Lang
from data.office.parts import OfficeParts, RoleHolders
from data.purge.parts import PurgeParts
from data.purge.people import load_key
from data.retention.instants import HOUR
from data.stores.desk import DeskStores
from data.watch import Watch, Watched


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
