"""Issuing: from facts to a signed document; whether it is a certificate is decided here and nowhere else."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from data.audit.keys import Signer
from data.certificate.guard import Form, check_text, plain
from data.certificate.judgement import judged
from data.certificate.mapping import mapping
from data.certificate.model import NOT_CLAIMED, Certificate, Facts, Report
from data.certificate.signing import SignedDocument, signed
from data.retention.canonical import digest_of
from data.retention.instants import Instant, datetime_of
from data.retention.verdict import Verdict

_ID_LENGTH: Final = 12


def issue(
    facts: Facts,
    *,
    verdict: Verdict,
    signer: Signer,
    now: Instant,
    previous: str = "",
    known: Iterable[str] = (),
) -> SignedDocument:
    """Make and sign the document of a purge: a certificate if the facts bear one, a report otherwise (purge.md 6.9).

    `verdict` is what the caller makes of the purge; here it can only become worse. `now` is the instant of issue: the
    same facts at the same instant give the same bytes, so that a crash in between changes nothing. `previous` is the
    digest of the last document; `known` are names, addresses and object ids that must not occur.
    Raises `ValueError` for a text that is not plain or looks personal, naming the field and never the text.
    """
    if previous:
        check_text(previous, Form.DIGEST, where="previous")
    document = _document(facts, Verdict(verdict), now, previous)
    kind = "certificate" if isinstance(document, Certificate) else "report"
    known = tuple(known)
    name = _id(kind, now, digest_of(plain(document, known=known)))
    body = plain(replace(document, id=name), known=known)
    return signed(kind, {**body, "mapping": mapping(), "not_claimed": list(NOT_CLAIMED)}, signer)


def _document(facts: Facts, claimed: Verdict, now: Instant, previous: str) -> Certificate | Report:
    verdict, doubts = judged(facts, claimed)
    if verdict in {Verdict.PASS, Verdict.PENDING}:
        provisional = verdict is Verdict.PENDING
        return Certificate(issued=now, verdict=verdict, provisional=provisional, previous=previous, purge=facts)
    return Report(issued=now, verdict=verdict, doubts=doubts, previous=previous, purge=facts)


def _id(kind: str, now: Instant, digest: str) -> str:
    """Name a document by kind, day and content, so that it can be told on the telephone and never names another."""
    return f"{kind}-{datetime_of(now):%Y%m%d}-{digest[:_ID_LENGTH]}"
