"""One subject's card at one recipient: what it should show, what it shows, and how the sending goes (security.md 5.2).

There is one delivery for each pair of subject and recipient. It is level-based: `post` and `shown` say what should have
arrived, `told_post` and `told_shown` what has, so nothing is lost by a crash and nothing piles up in an outage.
"""

from dataclasses import dataclass
from enum import StrEnum, unique

from data.retention.instants import Instant

DPO_CHANNEL = "channel-dpo"
ADMIN_CHANNEL = "channel-admin"
"""Recipients that are no person; a person is named by pseudonym."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What somebody should have got by now."""

    subject: str
    """Kind and id of the thing: `alert/17`, `request/3f2a`, `ticket/5`, `standing/app-logs`, `digest/2026-W48`."""
    recipient: str
    post: str
    """Stamp of what deserves a message of its own."""
    shown: str
    """Stamp of what the card shows; a change of it alone changes the card in place."""
    urgent: bool = False
    """Whether it must arrive: an unknown outcome is repeated, because twice is better than never."""


@unique
class DeliveryState(StrEnum):
    """How far the sending is."""

    WAITING = "waiting"
    SENDING = "sending"
    """Marked before the call goes out; a crash leaves it here, and it is repeated if it is urgent."""
    SENT = "sent"
    DEAD = "dead"
    """Given up; visible to admins, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One subject's card at one recipient; holds neither names nor texts."""

    id: str
    """`subject@recipient`."""
    subject: str
    recipient: str
    urgent: bool
    post: str
    shown: str
    told_post: str = ""
    told_shown: str = ""
    activity_id: str = ""
    """The card sent last, which is changed in place."""
    conversation_id: str = ""
    """Where it was sent to."""
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    """How often it was tried, for what is wanted now."""
    tried_at: Instant | None = None
    """When it was tried first, for what is wanted now."""
    since: Instant = 0
    """Since when it has been waiting."""
    next_at: Instant = 0
    """When to try (again)."""
    sent_at: Instant | None = None
    error: str = ""
    """Why the last attempt failed, in a stable word."""
    maybe_twice: bool = False
    """Whether an attempt whose outcome nobody knows was repeated."""
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where a recipient can be written to: plain values, no names; dropped on uninstall and after 90 days unused."""

    id: str
    """The recipient: a pseudonym or a channel's word."""
    conversation_id: str
    service_url: str
    lang: str = "de"
    used_at: Instant = 0
    version: int = 0


def delivery_id(subject: str, recipient: str) -> str:
    """Give the id of the one delivery of a subject to a recipient."""
    return f"{subject}@{recipient}"
