"""The facts of a purge, and the two documents that can be made of them (purge.md 6.9)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Final

from data.certificate.guard import Digest, Id, Issuer, Moment, Pseudonym, Version, Word
from data.retention.evidence import Evidence
from data.retention.instants import SECOND
from data.retention.residue import DONE, Code
from data.retention.rule import DataKind, RetentionRule
from data.retention.unit import Action
from data.retention.verdict import Level, Verdict, Verification

CERTIFICATE_SCHEMA: Final = "procall-certificate-1"
REPORT_SCHEMA: Final = "procall-purge-report-1"
NOT_CLAIMED: Final = ("media_sanitisation", "copies_not_listed", "call_journal", "logs_at_estos")
"""What no document of ours says anything about."""


@unique
class Role(StrEnum):
    """In which role under the GDPR the issuer deletes."""

    CONTROLLER = "controller"
    PROCESSOR = "processor"


@unique
class Reason(StrEnum):
    """Why there was a purge."""

    REGULAR = "regular"
    INSTRUCTION = "instruction"
    ERASURE_REQUEST = "erasure_request"
    END_OF_CONTRACT = "end_of_contract"
    BREAK_GLASS = "break_glass"
    STANDING_RULE = "standing_rule"
    """Regular too, but by itself: the approvers agreed to the standing rule, not to this one purge."""


@unique
class UnitKind(StrEnum):
    """The smallest thing a connector deletes."""

    FILE = "file"
    RECORD = "record"
    PARTITION = "partition"
    CHUNK = "chunk"
    BLOB = "blob"
    INDEX = "index"


@unique
class Part(StrEnum):
    """What somebody did in a purge."""

    REQUESTER = "requester"
    APPROVER = "approver"
    EXECUTOR = "executor"
    VERIFIER = "verifier"


@unique
class Office(StrEnum):
    """As what somebody did it."""

    ADMIN = "admin"
    DPO = "dpo"
    HOST = "host"
    """The operator at the host's command line."""
    BOT = "bot"
    FORGOTTEN = "forgotten"
    """Nobody knows any more."""


@unique
class Look(StrEnum):
    """By which way the verification looked; never through what the executor remembered."""

    FRESH_SCAN = "fresh_scan"
    """The source listed anew and read to its end."""
    SECOND_PATH = "second_path"
    """Another way into the same engine."""
    COLD_READ = "cold_read"
    """With caches passed by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody, as part, office and keyed hash."""

    part: Part
    office: Office
    pseudonym: Pseudonym = ""
    """Empty where the bot itself acted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRule:
    """The rule that was applied, as it was then."""

    id: Id
    version: int
    digest: Digest
    data_kind: DataKind
    loeschklasse: Word
    starts: Word = "capture"
    """The start point of the period: when a record was written."""
    max_age_seconds: int
    margin_seconds: int
    clause: Version = "2.7"
    """Of the terms."""
    terms: Id = ""
    """Version of the terms: `05-2025`."""


def applied(rule: RetentionRule, *, terms: str, loeschklasse: str = "diagnostics") -> AppliedRule:
    """Write down a rule as applied."""
    return AppliedRule(
        id=rule.id,
        version=rule.version,
        digest=rule.digest,
        data_kind=rule.data_kind,
        loeschklasse=loeschklasse,
        max_age_seconds=rule.max_age // SECOND,
        margin_seconds=rule.margin // SECOND,
        terms=terms,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgedSource:
    """Where was deleted, and by which connector."""

    id: Id
    connector: Word
    connector_version: Version
    engine: Word = ""
    engine_version: Version = ""
    unit_kind: UnitKind = UnitKind.FILE
    clock_offset_us: int = 0
    """Microseconds the engine's clock was ahead of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much."""

    units: int = 0
    records: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the verification saw, in both directions, and how."""

    found: Verification
    verdict: Verdict
    """What the verifier made of it."""
    look: Look
    full: bool
    """Whether every unit of the manifest was looked at."""
    sample: int
    """How many units were looked at."""
    control_seen: bool
    """Whether something known to be kept was seen in the same read, so that not seeing proves something."""
    at: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCopy:
    """Another place where the same data lie, and until when."""

    kind: Word
    expires: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRange:
    """Which entries of the audit tell the story of this purge."""

    first: int
    last: int
    head: Digest
    """Of the last entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that is to be said about one purge; no log text, no name, no path."""

    request: Id
    issuer: Issuer
    """The controller's name as set up, or ""."""
    role: Role
    instruction: Id = ""
    """Of the instruction under Art. 28 GDPR, where the issuer is a processor."""
    tenant: Pseudonym = ""
    rule: AppliedRule
    reason: Reason
    sources: tuple[PurgedSource, ...]
    methods: tuple[Action, ...]
    level: Level
    next_level_at: Moment | None = None
    """When the next level is reached; None where none is awaited."""
    cutoff: Moment
    scope_digest: Digest
    manifest_root: Digest
    selected: Amount
    deleted: Amount
    """Whole units; records and bytes with those that were cut out of rewritten units."""
    rewritten_units: int = 0
    """Units that old records were cut out of."""
    kept: Amount
    residue: Mapping[Code, int] = field(default_factory=dict)
    """Units that were selected and stay, or were gone already, by code."""
    set_aside: Mapping[Code, int] = field(default_factory=dict)
    """Units that the preview found something old in and did not select, by code."""
    undatable: int = 0
    """Records that stay because nothing tells their age."""
    oldest_deleted: Moment | None = None
    """Lowest beginning of an interval."""
    youngest_deleted: Moment | None = None
    """Highest end of an interval."""
    oldest_remaining: Moment | None = None
    evidence: Mapping[Evidence, int] = field(default_factory=dict)
    started: Moment
    ended: Moment
    people: tuple[Person, ...]
    checked: Checked | None
    """None where nobody has looked: there is no certificate then (P8)."""
    holds: tuple[Id, ...] = ()
    """Ids of the holds that were respected."""
    copies: tuple[KnownCopy, ...] = ()
    operations: tuple[Id, ...] = ()
    """Ids that the vendor's engine gave to what it did."""
    audit: AuditRange
    anchors: tuple[Id, ...] = ()
    """Where the checkpoint was left outside the host."""
    product: Version = ""
    """Version of the bot."""


def residue_of(results: Mapping[str, int], set_aside: Mapping[str, int]) -> dict[Code, int]:
    """Take what the preview set aside, and what is done, out of the units by code: what was selected and stays."""
    left = {Code(code): count - set_aside.get(code, 0) for code, count in results.items()}
    return {code: count for code, count in left.items() if count and code not in DONE}


@unique
class Doubt(StrEnum):
    """Why there is no certificate."""

    NOT_VERIFIED = "not_verified"
    NO_CONTROL = "no_control"
    LOOKED_EARLY = "looked_early"
    NOT_ALL_LOOKED_AT = "not_all_looked_at"
    COUNTS = "counts"
    LEVEL = "level"
    STILL_THERE = "still_there"
    OLD_LEFT = "old_left"
    YOUNG_LOST = "young_lost"
    TOO_YOUNG = "too_young"
    UNRESOLVED = "unresolved"
    VERDICT = "verdict"
    """Whoever verified says so, for a reason that the facts do not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The proof that a purge did what it was told; cannot even be built from what proves nothing."""

    schema: Id = CERTIFICATE_SCHEMA
    id: Id = ""
    issued: Moment
    verdict: Verdict
    provisional: bool
    """Whether a later date is still to be waited for."""
    previous: Digest = ""
    """Of the document before it; "" for the first."""
    purge: Facts

    def __post_init__(self) -> None:
        proves = self.verdict in {Verdict.PASS, Verdict.PENDING} and self.purge.checked is not None
        if not proves or self.provisional is not (self.verdict is Verdict.PENDING):
            message = "a certificate needs a verification that passed"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a purge that nothing was proved about, or that went wrong."""

    schema: Id = REPORT_SCHEMA
    id: Id = ""
    issued: Moment
    verdict: Verdict
    doubts: tuple[Doubt, ...]
    """Why this is no certificate."""
    previous: Digest = ""
    purge: Facts

    def __post_init__(self) -> None:
        if self.verdict not in {Verdict.FAIL, Verdict.UNKNOWN}:
            message = "a report says that a purge failed or that nobody knows"
            raise ValueError(message)
