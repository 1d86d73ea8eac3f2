"""A purge that went well, as facts, and a key of its own to sign with: what the tests of certificates share."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from data.audit.keys import key_id_of
from data.certificate.issue import issue
from data.certificate.model import (
    Amount,
    AuditRange,
    Checked,
    Facts,
    KnownCopy,
    Look,
    Office,
    Part,
    Person,
    PurgedSource,
    Reason,
    Role,
    applied,
)
from data.certificate.signing import SignedDocument
from data.retention.evidence import Evidence
from data.retention.instants import DAY, SECOND, read_iso
from data.retention.residue import Code
from data.retention.rule import DataKind, RetentionRule
from data.retention.unit import Action
from data.retention.verdict import Level, Verdict, Verification

STARTED = read_iso("2026-11-24T18:00:00Z")
ENDED = STARTED + 95 * SECOND
ISSUED = ENDED + 30 * SECOND
PREVIOUS = "12" * 32


class FixedSigner:
    """Signs with a key made from a number, so that tests can have two."""

    def __init__(self, number: int = 7) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)

    @property
    def public(self) -> bytes:
        """The raw public key."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self) -> str:
        """The id as the product makes it."""
        return key_id_of(self.public)

    def sign(self, message: bytes) -> bytes:
        """Give the signature."""
        return self._key.sign(message)


SIGNER = FixedSigner()
RULE = RetentionRule(data_kind=DataKind.LOG)
VERIFIED = Checked(
    found=Verification(looked=True, controls=20),
    verdict=Verdict.PASS,
    look=Look.FRESH_SCAN,
    full=True,
    sample=1216,
    control_seen=True,
    at=ENDED + 20 * SECOND,
)
GOOD = Facts(
    request="r-20261124-7f3k",
    issuer="Müller & Söhne GmbH",
    role=Role.CONTROLLER,
    instruction="instruction-12",
    tenant="0123456789abcdef0123",
    rule=applied(RULE, terms="05-2025"),
    reason=Reason.REGULAR,
    sources=(
        PurgedSource(
            id="app-logs",
            connector="files",
            connector_version="1.2.3",
            engine="ext4",
            engine_version="6.1",
            clock_offset_us=12_000,
        ),
    ),
    methods=(Action.DELETE, Action.REWRITE),
    level=Level.REMOVED,
    cutoff=RULE.marks(STARTED).cutoff,
    scope_digest="ab" * 32,
    manifest_root="cd" * 32,
    selected=Amount(units=1240, records=4_812_377, bytes=2_913_444_120),
    deleted=Amount(units=1204, records=4_809_977, bytes=2_904_456_793),
    rewritten_units=12,
    kept=Amount(units=310, records=1_200_450, bytes=700_123_456),
    residue={Code.HELD: 20, Code.ACTIVE: 4},
    set_aside={Code.ACTIVE: 2, Code.UNSUPPORTED: 1},
    undatable=5,
    oldest_deleted=STARTED - 120 * DAY,
    youngest_deleted=STARTED - 83 * DAY - 1,
    oldest_remaining=STARTED - 83 * DAY,
    evidence={Evidence.OWN: 4_500_000, Evidence.NAME: 309_977},
    started=STARTED,
    ended=ENDED,
    people=(
        Person(part=Part.REQUESTER, office=Office.ADMIN, pseudonym="p-0123456789abcdef0123"),
        Person(part=Part.APPROVER, office=Office.DPO, pseudonym="p-fedcba98765432100123"),
        Person(part=Part.EXECUTOR, office=Office.BOT),
        Person(part=Part.VERIFIER, office=Office.BOT),
    ),
    checked=VERIFIED,
    holds=("hold-3", "hold-7"),
    copies=(KnownCopy(kind="backup", expires=STARTED + 30 * DAY), KnownCopy(kind="snapshot")),
    operations=("purge-970318",),
    audit=AuditRange(first=1012, last=1099, head="ef" * 32),
    anchors=("dpo-channel",),
    product="0.1.0",
)


def facts(**changes: Any) -> Facts:
    """Give the facts of the good purge with some of them changed."""
    return replace(GOOD, **changes)


def seen(**counts: Any) -> Checked:
    """Give the good verification with other findings."""
    return replace(VERIFIED, found=replace(VERIFIED.found, **counts))


def issued(found: Facts = GOOD, verdict: Verdict = Verdict.PASS, **more: Any) -> SignedDocument:
    """Issue a document as the purge does."""
    arguments: Mapping[str, Any] = {"signer": SIGNER, "now": ISSUED, "previous": PREVIOUS, **more}
    return issue(found, verdict=verdict, **arguments)
