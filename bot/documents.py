"""Turns the outcome of a purge into its certificate or report: signed JSON, and a PDF in each language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.settings import Settings
from cards.texts import Texts, load_texts
from data.audit.keys import Signer
from data.certificate.files import write_documents
from data.certificate.guard import Form, check_text
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
    residue_of,
)
from data.certificate.pdf import render_pdf
from data.labels import Lang
from data.purge.parts import Outcome, Written
from data.retention.evidence import Evidence
from data.retention.instants import BEGINNING
from data.retention.request import PurgeRequest
from data.retention.residue import Code
from data.retention.rule import RetentionRule
from data.retention.unit import Action
from data.retention.verdict import Level, Verdict
from data.sources.interface import Source

TERMS = "05-2025"
"""Version of the terms whose clause 2.7 is the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Writes the documents of purges into one folder."""

    folder: Path
    signer: Signer
    texts: Mapping[Lang, Texts]
    controller: str
    sources: Mapping[str, Source]
    rules: Mapping[str, RetentionRule]
    office_of: Callable[[str], Office]
    """Tells as what somebody acted, from his pseudonym."""
    known: tuple[str, ...]
    """Names and object ids that must not occur."""
    version: str

    def write(self, outcome: Outcome, *, previous: str) -> Written:
        """Issue, render and write; the verdict is what the document says. Raises `StateError`."""
        document = issue(
            self._facts(outcome),
            verdict=outcome.verdict,
            signer=self.signer,
            now=outcome.verified_at,
            previous=previous,
            known=self.known,
        )
        pdfs = {lang: render_pdf(document, say, lang=lang) for lang, say in self.texts.items()}
        written = write_documents(self.folder, document, pdfs, self.signer)
        return Written(
            path=str(written.document),
            digest=document.digest,
            verdict=Verdict(document.body["verdict"]),
        )

    def _facts(self, outcome: Outcome) -> Facts:
        request = outcome.request
        source = self.sources[request.source]
        selected, kept = request.preview.selected, request.preview.kept
        results = outcome.results
        rewritten = results.get(Code.REWRITTEN, 0)
        deleted = results.get(Code.DELETED, 0) + results.get(Code.ABSENT, 0)
        used = ((Action.DELETE, deleted), (Action.REWRITE, rewritten))
        return Facts(
            request=request.id,
            issuer=issuer_of(self.controller),
            role=Role.CONTROLLER,
            rule=applied(self.rules[request.source], terms=TERMS),
            reason=_reason(request),
            sources=(_purged(source),),
            methods=tuple(action for action, count in used if count),
            level=Level.RELEASED if outcome.released else Level.REMOVED,
            next_level_at=outcome.release_at,
            cutoff=request.cutoff,
            scope_digest=request.digest,
            manifest_root=request.preview.root,
            selected=Amount(units=selected.units, records=selected.records, bytes=selected.bytes),
            deleted=Amount(units=deleted, records=outcome.records, bytes=outcome.size),
            rewritten_units=rewritten,
            kept=Amount(units=kept.units, records=kept.records, bytes=kept.bytes),
            residue=residue_of(results, request.preview.residue),
            set_aside={Code(code): count for code, count in request.preview.residue.items()},
            undatable=kept.undatable,
            oldest_deleted=None if outcome.lo in {None, BEGINNING} else outcome.lo,
            youngest_deleted=outcome.hi,
            oldest_remaining=None if outcome.oldest_left in {None, BEGINNING} else outcome.oldest_left,
            evidence={Evidence(kind): count for kind, count in request.preview.evidence.items()},
            started=outcome.started_at,
            ended=outcome.ended_at,
            people=self._people(outcome),
            checked=_checked(outcome),
            holds=request.preview.holds,
            copies=tuple(KnownCopy(kind=copy.kind, expires=copy.expires) for copy in source.copies()),
            audit=AuditRange(first=outcome.audit_first, last=outcome.audit_last, head=outcome.audit_head),
            product=self.version,
        )

    def _people(self, outcome: Outcome) -> tuple[Person, ...]:
        request = outcome.request
        approvers = [(Part.APPROVER, approval.by) for approval in request.approvals]
        named = approvers if request.by_rule else [(Part.REQUESTER, request.requester), *approvers]
        people = [Person(part=part, office=self.office_of(name), pseudonym=name) for part, name in named]
        return (
            *([Person(part=Part.REQUESTER, office=Office.BOT)] if request.by_rule else []),
            *people,
            Person(part=Part.EXECUTOR, office=Office.BOT),
            Person(part=Part.VERIFIER, office=Office.BOT),
        )


def _reason(request: PurgeRequest) -> Reason:
    if request.break_glass:
        return Reason.BREAK_GLASS
    return Reason.STANDING_RULE if request.standing else Reason.REGULAR


def documents_of(
    settings: Settings,
    folder: Path,
    signer: Signer,
    sources: Mapping[str, Source],
    rules: Mapping[str, RetentionRule],
    office_of: Callable[[str], Office],
    *,
    version: str,
) -> Documents:
    """Build what writes documents, with the operator's names to be kept out of them."""
    return Documents(
        folder=folder / "certificates",
        signer=signer,
        texts=load_texts(),
        controller=settings.contacts.controller,
        sources=sources,
        rules=rules,
        office_of=office_of,
        known=(*settings.roles.admins, *settings.roles.dpos, settings.contacts.dpo_name),
        version=version,
    )


def _purged(source: Source) -> PurgedSource:
    able = source.capabilities()
    return PurgedSource(
        id=source.id,
        connector=able.kind,
        connector_version=able.version,
        clock_offset_us=source.probe().clock_offset,
    )


def _checked(outcome: Outcome) -> Checked:
    return Checked(
        found=outcome.verification,
        verdict=outcome.verdict,
        look=Look.FRESH_SCAN,
        full=True,
        sample=outcome.looked_at,
        control_seen=bool(outcome.verification.controls),
        at=outcome.verified_at,
    )


def issuer_of(controller: str) -> str:
    """Take the controller's name if it can stand in a document, else none: a purge must not fail for its name."""
    try:
        check_text(controller, Form.ISSUER, where="contacts.controller")
    except ValueError:
        return ""
    return controller
