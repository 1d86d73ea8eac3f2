"""What the cards of a purge are made of: how much goes, what stays and why, how far it is, what came of it."""

from collections.abc import Callable, Iterator, Mapping
from textwrap import wrap
from typing import Any, Final

from cards.elements import Element, escape, facts, subtle, text
from cards.parts import Said
from cards.verbs import Verb
from data.retention.instants import BEGINNING, DAY, Instant
from data.retention.request import Preview, PurgeRequest, State
from data.retention.residue import DONE, Code
from data.retention.verdict import Verdict

Press = Callable[[Verb], Mapping[str, Any]]
"""Gives the data of a sealed button."""

_CELLS: Final = 20
_PROVES: Final = frozenset({Verdict.PASS.value, Verdict.PENDING.value})
CHANGES: Final = frozenset({"source", "rule", "care", "holds", "configuration", "connector", "new_preview"})
"""What can make a preview worthless, in the words that a superseded request gives as its reason."""


def scope(said: Said, request: PurgeRequest) -> Iterator[Element]:
    """Say what a preview selected, and what is nearest to it of what stays."""
    preview, selected, kept = request.preview, request.preview.selected, request.preview.kept
    rows = [
        (said("purging.row_kind"), said(f"kinds.{request.data_kind}")),
        (said("purging.row_cutoff"), said.when(request.cutoff)),
        (said("purging.row_records"), _of_source(said, preview)),
        (said("purging.row_files"), _files(said, preview)),
        (said("purging.row_bytes"), said.size(selected.bytes)),
    ]
    if selected.records:
        rows.append((said("purging.row_oldest"), _instant(said, selected.oldest)))
        rows.append((said("purging.row_youngest"), _instant(said, selected.youngest)))
    rows.append((said("purging.row_kept_oldest"), _instant(said, kept.oldest) if kept.records else "–"))
    amounts = {"records": said.number(kept.records), "units": said.number(kept.units), "bytes": said.size(kept.bytes)}
    rows.append((said("purging.row_kept"), said("purging.row_kept_value", **amounts)))
    yield facts(rows)
    yield from _spared(said, preview)


def _of_source(said: Said, preview: Preview) -> str:
    return said(
        "purging.row_records_value", records=said.number(preview.selected.records), share=said.share(preview.share)
    )


def _files(said: Said, preview: Preview) -> str:
    whole = said.number(preview.selected.units - preview.rewritten_units)
    return said("purging.row_files_value", whole=whole, part=said.number(preview.rewritten_units))


def _instant(said: Said, instant: Instant | None) -> str:
    return said("purging.unknown") if instant is None or instant <= BEGINNING else said.when(instant)


def _spared(said: Said, preview: Preview) -> Iterator[Element]:
    """Say what was skipped and why; "nothing" is said too, so that a missing row is no riddle."""
    kept = preview.kept
    counts = (
        (said("purging.row_held"), kept.held),
        (said("purging.row_active"), kept.active),
        (said("purging.row_undatable"), kept.undatable),
        (said("purging.row_future"), kept.future),
        (said("purging.row_unparsed"), kept.unparsed),
    )
    rows = [(title, said.number(count)) for title, count in counts if count]
    rows += [
        (_became(said, code), said.number(count))
        for code, count in preview.residue.items()
        if count and code not in {Code.HELD, Code.ACTIVE}
    ]
    if preview.confidence < 1:
        rows.append((said("purging.row_confidence"), said.share(int(preview.confidence * 100) / 100)))
    if not rows:
        yield subtle(said("purging.nothing_special"))
        return
    yield text(said("purging.spared_title"), weight="Bolder")
    yield facts(rows)


def limits(said: Said, request: PurgeRequest, worst: int | None) -> Iterator[Element]:
    """Say who chose the cutoff, what the bot cannot see, and how old records get here at worst (microseconds)."""
    yield subtle(said("purging.rule", days=said.days(request.created_at - request.cutoff)))
    yield subtle(said("purging.copies"))
    if worst is not None:
        yield subtle(said("purging.worst", days=said.days(-(-worst // DAY) * DAY)))


def progress(said: Said, phase: str, done: int, total: int) -> Iterator[Element]:
    """Say how far it is, in words first and then as a bar; never how long it will take."""
    name = said(f"purging.phase_{phase}")
    if total <= 0:
        yield text(said("purging.progress_open", phase=name, done=said.number(done)))
        return
    so_far = min(max(done, 0), total)  # whole numbers: a fraction of large ones rounds up to all of it
    percent = said.share(so_far * 100 // total / 100)
    amounts = {"done": said.number(done), "total": said.number(total)}
    yield text(said("purging.progress", phase=name, percent=percent, **amounts))
    full = so_far * _CELLS // total
    yield text("█" * full + "░" * (_CELLS - full), spacing="None")


def only_asked(request: PurgeRequest) -> bool:
    """Tell whether the engine has taken a deletion that it has not carried out: nothing may be called deleted yet."""
    return request.state is State.PENDING_PHYSICAL and not request.certificate


def outcome(said: Said, request: PurgeRequest) -> Iterator[Element]:
    """Say what came of a purge: verdict, amounts, files by what became of them, each rest with its next step."""
    if request.lost:
        yield text(said("purging.lost", count=said.number(request.lost)), weight="Bolder", color="Attention")
    asked = only_asked(request)
    yield facts(
        [
            (said("purging.row_verdict"), said(f"purging.verdict_{request.verdict.lower()}")),
            (said("purging.row_records" if asked else "purging.row_gone"), said.number(request.gone.records)),
            (said("purging.row_bytes" if asked else "purging.row_gone_bytes"), said.size(request.gone.bytes)),
            (said("purging.row_cutoff"), said.when(request.cutoff)),
        ]
    )
    told = {code: count for code, count in request.results.items() if count and not (asked and code in DONE)}
    rows = [(_became(said, code), _next(said, code, count)) for code, count in sorted(told.items())]
    if rows:
        yield text(said("purging.results_title"), weight="Bolder")
        yield facts(rows)


def _became(said: Said, code: str) -> str:
    return said(f"purging.done_{code}") if code in DONE else said(f"certificate.residue_{code}")


def _next(said: Said, code: str, count: int) -> str:
    number = said.number(count)
    return number if code in DONE else said("purging.row_next", count=number, next=said(f"certificate.next_{code}"))


def proof_in_words(said: Said, request: PurgeRequest) -> Iterator[Element]:
    """Give the main facts of certificate or report as text, for where nothing can be downloaded."""
    title = said("purging.proof_title") if proves(request) else said("purging.report_title")
    yield text(title, weight="Bolder")
    yield facts(
        [
            (said("purging.row_request"), escape(request.id)),
            (said("purging.row_verdict"), said(f"purging.verdict_{request.verdict.lower()}")),
            (said("purging.row_scope"), " ".join(wrap(request.digest, 8))),
        ]
    )
    yield subtle(said("purging.proof_here"))


def proves(request: PurgeRequest) -> bool:
    """Tell whether the document of a purge is a certificate; after FAIL and UNKNOWN it is a report (purge.md 6.9)."""
    return request.verdict in _PROVES


def what_changed(said: Said, reason: str) -> str:
    """Name what made a preview worthless."""
    return said(f"purging.changed_{reason if reason in CHANGES else 'other'}")
