"""Scans, requests and findings as the JSON of the contract (design 4.2); pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from data.retention.hold import END, Hold
from data.retention.instants import BEGINNING, Instant, iso
from data.retention.request import PurgeRequest
from data.retention.residue import DONE, Code
from data.watch import SourceStatus


def instant(moment: Instant | None) -> str | None:
    """Write an instant, or None where nobody knows it."""
    return None if moment is None or moment in {BEGINNING, END} else iso(moment)


def scan_json(at: Instant, found: Iterable[SourceStatus]) -> dict[str, Any]:
    """Write a scan."""
    return {"at": iso(at), "sources": [_source_json(status) for status in found]}


def _source_json(status: SourceStatus) -> dict[str, Any]:
    summary = status.summary
    return {
        "id": status.source,
        "state": status.standing.value,
        "units": summary.units,
        "records": summary.records,
        "bytes": summary.bytes,
        "oldest": instant(summary.oldest),
        "newest": instant(summary.newest),
        "expired": {
            "units": summary.expired_units,
            "records": summary.expired_records,
            "bytes": summary.expired_bytes,
        },
        "overdue": {"units": summary.overdue_units, "records": summary.overdue_records},
        "active": summary.active,
        "future": summary.future,
        "undatable": summary.undatable,
        "unparsed": summary.unparsed,
        "held": status.held,
        "evidence": dict(summary.evidence),
        "worst_case_age_days": status.worst.days,
    }


def preview_json(request: PurgeRequest) -> dict[str, Any]:
    """Write a preview."""
    selected, kept = request.preview.selected, request.preview.kept
    return {
        "request": request.id,
        "code": request.code,
        "cutoff": iso(request.cutoff),
        "expires": iso(request.expires_at),
        "selected": {
            "units": selected.units,
            "records": selected.records,
            "bytes": selected.bytes,
            "oldest": instant(selected.oldest),
            "youngest": instant(selected.youngest),
        },
        "rewritten_units": request.preview.rewritten_units,
        "kept": {
            "units": kept.units,
            "records": kept.records,
            "bytes": kept.bytes,
            "oldest": instant(kept.oldest),
            "held": kept.held,
            "active": kept.active,
            "future": kept.future,
            "undatable": kept.undatable,
            "unparsed": kept.unparsed,
        },
        "residue": dict(request.preview.residue),
    }


def run_json(request: PurgeRequest) -> dict[str, Any]:
    """Write what a purge came to."""
    results = request.results
    return {
        "request": request.id,
        "verdict": request.verdict,
        "deleted": {
            "units": results.get(Code.DELETED, 0) + results.get(Code.ABSENT, 0),
            "records": request.gone.records,
            "bytes": request.gone.bytes,
        },
        "rewritten_units": results.get(Code.REWRITTEN, 0),
        "residue": {code: count for code, count in results.items() if Code(code) not in DONE},
        "certificate": request.certificate,
    }


def request_json(request: PurgeRequest) -> dict[str, Any]:
    """Write a request with its story."""
    return {
        **preview_json(request),
        "source": request.source,
        "state": request.state.value,
        "created": iso(request.created_at),
        "requester": request.requester,
        "approvals": [{"by": approval.by, "at": iso(approval.at)} for approval in request.approvals],
        "break_glass": request.break_glass,
        "standing": request.standing.partition(":")[0],
        "reason": request.reason,
        "verdict": request.verdict,
        "results": dict(request.results),
        "certificate": request.certificate,
        "story": [
            {"state": step.state.value, "at": iso(step.at), "by": step.by, "reason": step.reason}
            for step in request.story
        ],
    }


def hold_json(hold: Hold) -> Mapping[str, Any]:
    """Write a hold."""
    return {
        "id": hold.id,
        "active": hold.active,
        "sources": list(hold.sources),
        "reason": hold.reason,
        "case": hold.case,
        "legal_basis": hold.legal_basis,
        "from": instant(hold.begins),
        "to": instant(hold.ends),
        "placed_by": hold.placed_by,
        "placed_at": iso(hold.placed_at),
        "review_at": iso(hold.review_at),
        "release_asked_by": hold.release_asked_by,
        "released_by": hold.released_by,
        "released_at": instant(hold.released_at),
    }
