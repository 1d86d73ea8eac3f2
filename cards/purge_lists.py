"""Two cards to choose from: the sources that can be purged, and the requests that there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cards.elements import Card, Element, actions, card, escape, heading, subtle, text
from cards.parts import Said, button
from cards.verbs import Verb
from data.retention.instants import Instant
from data.retention.request import PurgeRequest
from data.watch import SourceStatus

PAGE: Final = 8
"""Rows on one card; more have a button."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One source that can be purged."""

    source: str
    status: SourceStatus | None = None
    """What the last look saw; None before it."""
    open_request: str = ""
    """Id of the request that is open for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list is shown."""

    number: int = 1
    more: bool = False


def menu_card(said: Said, rows: Sequence[SourceRow], *, page: Page, at: Instant | None, note: str = "") -> Card:
    """Let somebody choose a source by its id; each has one button."""
    body: list[Element] = [heading(said("purge.menu_title"))]
    if note:
        body.append(text(note, weight="Bolder"))
    body.append(text(said("purge.menu_body") if rows else said("purge.menu_none")))
    for row in rows:
        body += _source(said, row)
    if at is not None:
        body.append(subtle(said("purge.menu_at", when=said.when(at))))
    body.append(actions(_ends(said, Verb.PURGE_MENU, f"{page.number + 1}" if page.more else "", lists=True)))
    summary = f"{said('purge.menu_title')} {note or said('purge.menu_body')}"
    return card(said.texts, body, summary=summary, banner=said.banner)


def _source(said: Said, row: SourceRow) -> Iterator[Element]:
    lang = said.texts.lang.value
    yield text(escape(row.source), weight="Bolder", separator=True)
    yield text(_due(said, row.status), spacing="None")
    if row.open_request:
        shown = button(
            said("purge.menu_open", source=row.source), Verb.PURGE_SHOW, {"id": row.open_request, "lang": lang}
        )
    else:
        shown = button(
            said("purge.menu_preview", source=row.source), Verb.PURGE_PREVIEW, {"id": row.source, "lang": lang}
        )
    yield actions([shown])


def _due(said: Said, status: SourceStatus | None) -> str:
    if status is None:
        return said("purge.menu_not_looked")
    if status.reason:
        return said("purge.menu_unread")
    summary = status.summary
    due = said.number(summary.expired_records)
    if summary.overdue_records:
        return said("purge.menu_overdue", records=said.number(summary.overdue_records), due=due)
    if summary.expired_records:
        return said("purge.menu_due", records=due, bytes=said.size(summary.expired_bytes))
    return said("purge.menu_nothing_due")


def list_card(said: Said, requests: Sequence[PurgeRequest], *, page: Page, proofs: bool, note: str = "") -> Card:
    """List requests, newest first; `proofs` lists only those that have a certificate or a report."""
    title = said("purge.list_proofs") if proofs else said("purge.list_title")
    body: list[Element] = [heading(title)]
    if note:
        body.append(text(note, weight="Bolder"))
    if not requests:
        body.append(text(said("purge.list_none")))
    for request in requests:
        body += _request(said, request)
    following = f"{'proofs' if proofs else 'all'}.{page.number + 1}" if page.more else ""
    ends = _ends(said, Verb.PURGE_LIST, following, lists=proofs)
    if ends:
        body.append(actions(ends))
    return card(said.texts, body, summary=f"{title}. {note}".strip(), banner=said.banner)


def _request(said: Said, request: PurgeRequest) -> Iterator[Element]:
    state = said(f"purge.state_{request.state}")
    yield text(said("purge.list_line", source=escape(request.source), state=state), weight="Bolder", separator=True)
    at = request.story[-1].at if request.story else request.created_at
    yield text(said("purge.list_when", request=escape(request.id), when=said.when(at)), spacing="None")
    data = {"id": request.id, "lang": said.texts.lang.value}
    yield actions([button(said("purge.list_open", request=request.id), Verb.PURGE_SHOW, data)])


def _ends(said: Said, verb: Verb, following: str, *, lists: bool) -> list[Element]:
    """Give the buttons below a list: its next page, and all requests."""
    lang = said.texts.lang.value
    made = [button(said("purge.more"), verb, {"id": following, "lang": lang})] if following else []
    if lists:
        made.append(button(said("purge.all_requests"), Verb.PURGE_LIST, {"id": "all.1", "lang": lang}))
    return made
