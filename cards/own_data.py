"""The cards of what is stored about the person who looks, of what forgetting would do, and of what it has done."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cards.elements import Card, Element, actions, card, container, escape, execute, facts, heading, subtle, text
from cards.parts import Said, button
from cards.verbs import Verb
from data.access import Role
from data.desk.ticket import TicketState
from data.desk.ticket_steps import KEPT_AFTER
from data.office.own_data import REQUEST, ROLE, STANDING, Forgotten, KeptTicket, Stored
from data.retention.instants import DAY

MOST_TICKETS: Final = 20
"""Tickets that are listed one by one; older ones are counted."""

_STATES: Final = {
    TicketState.OPEN: "own_data.ticket_open",
    TicketState.TAKEN: "own_data.ticket_taken",
    TicketState.ANSWERED: "own_data.ticket_answered",
    TicketState.CLOSED: "own_data.ticket_closed",
}
_ROLES: Final = {Role.ADMIN: "own_data.role_admin", Role.DPO: "own_data.role_dpo"}
_BINDS: Final = {ROLE: "forget.stays_role", REQUEST: "forget.stays_request", STANDING: "forget.stays_standing"}
_WAITING: Final = frozenset({TicketState.OPEN, TicketState.TAKEN})


def own_data_card(said: Said, stored: Stored, *, days: int, unused_days: int) -> Card:
    """List everything stored about somebody, for how long and why; `days` of the logs, `unused_days` of the address."""
    used = said("own_data.reference_used", day=said.day(stored.used_at)) if stored.reachable else said("own_data.none")
    sent = said("own_data.deliveries_count", count=said.number(stored.deliveries))
    parts = [
        _part(said, "own_data.link", [said("own_data.yes" if stored.linked else "own_data.none")], "own_data.why_link"),
        _explained(said("own_data.reference"), [used], said("own_data.why_reference", days=str(unused_days))),
        _part(said, "own_data.deliveries", [sent if stored.deliveries else said("own_data.none")],
              "own_data.why_deliveries"),
        _explained(said("own_data.tickets"), _tickets(said, stored.tickets),
                   said("own_data.why_tickets", days=said.number(KEPT_AFTER // DAY))),
        _acts(said, stored),
        _part(said, "own_data.roles", [_roles(said, stored)], "own_data.why_roles"),
        _rest(said, days),
    ]  # fmt: skip
    intro = said("own_data.intro", pseudonym=escape(stored.pseudonym))
    buttons = [_forget_button(said)] if stored.forgettable else []
    body = [heading(said("own_data.title")), text(intro), *parts, *([actions(buttons)] if buttons else [])]
    return card(said.texts, body, summary=said("own_data.title"), banner=said.banner)


def forget_card(said: Said, stored: Stored, press: Mapping[str, Any], *, note: str = "") -> Card:
    """Say what forgetting would delete and what stays; `press` is the data of the sealed button, `note` stands first.

    Without anything to delete there is no button that would.
    """
    title = said("forget.title")
    body: list[Element] = [heading(title), *([text(note, weight="Bolder")] if note else [])]
    if stored.forgettable:
        body += [text(said("forget.goes")), *_lines(_goes(said, stored))]
    else:
        body.append(text(said("forget.nothing")))
    body += [text(said("forget.stays")), *_lines([said("forget.stays_acts"), *_stays(said, stored.binds)])]
    body += [subtle(line) for line in _consequences(said, stored)]
    yes = button(said("forget.yes"), Verb.FORGET_ME_YES, press, style="destructive")
    back = execute(said("buttons.cancel"), Verb.MY_DATA, {"lang": said.texts.lang.value})
    body.append(actions([yes, back] if stored.forgettable else [back]))
    return card(said.texts, body, summary=title, banner=said.banner)


def forgotten_card(said: Said, before: Stored, done: Forgotten) -> Card:
    """Say what was forgotten, and what stays and why."""
    gone, kept, was_none = said("forget.gone"), said("forget.kept"), said("forget.was_none")

    def fate(was: bool, is_gone: bool) -> str:  # noqa: FBT001  a column of a table
        return gone if is_gone else kept if was else was_none

    rows = [
        (said("forget.done_link"), fate(before.linked, done.linked)),
        (said("forget.done_reference"), fate(before.reachable, done.reference)),
        (said("forget.done_deliveries"), said.number(done.deliveries)),
        (said("forget.done_words"), said.number(done.words)),
        (said("forget.done_log"), said("forget.cut")),
    ]
    whole = said("forget.done_partly" if done.binds else "forget.done_whole")
    stays = [said("forget.stays_acts"), *_stays(said, done.binds)]
    again = execute(said("own_data.show"), Verb.MY_DATA, {"lang": said.texts.lang.value})
    body = [heading(said("forget.done")), text(whole), facts(rows), text(said("forget.stays")), *_lines(stays),
            actions([again])]  # fmt: skip
    return card(said.texts, body, summary=f"{said('forget.done')}. {whole}", banner=said.banner)


def _part(said: Said, title: str, lines: Iterable[str], why: str) -> Element:
    return _explained(said(title), lines, said(why))


def _explained(title: str, lines: Iterable[str], why: str) -> Element:
    shown = [text(line, spacing="Small") for line in lines]
    return container([text(title, weight="Bolder"), *shown, subtle(why)], separator=True)


def _acts(said: Said, stored: Stored) -> Element:
    counted = [
        (said("own_data.acts_requests"), stored.requests),
        (said("own_data.acts_approvals"), stored.approvals),
        (said("own_data.acts_holds"), stored.holds),
        (said("own_data.acts_alerts"), stored.alerts),
        (said("own_data.acts_standing"), stored.standing),
        (said("own_data.acts_handled"), stored.handled),
    ]
    rows = [(title, said.number(count)) for title, count in counted if count]
    shown = facts(rows) if rows else text(said("own_data.none"), spacing="Small")
    return container(
        [text(said("own_data.acts"), weight="Bolder"), shown, subtle(said("own_data.why_acts"))], separator=True
    )


def _rest(said: Said, days: int) -> Element:
    lines = [
        said("own_data.rest_questions"),
        said("own_data.rest_feedback"),
        said("own_data.rest_log", days=str(days)),
        said("own_data.rest_teams"),
    ]
    return container([text(said("own_data.rest"), weight="Bolder"), *_lines(lines)], separator=True)


def _tickets(said: Said, tickets: tuple[KeptTicket, ...]) -> list[str]:
    def line(ticket: KeptTicket) -> str:
        key = "own_data.ticket_words" if ticket.words else "own_data.ticket_empty"
        return said(key, number=escape(ticket.number), state=said(_STATES[ticket.state]))

    more = len(tickets) - MOST_TICKETS
    shown = [line(ticket) for ticket in tickets[:MOST_TICKETS]]
    older = [said("own_data.ticket_more", count=said.number(more))] if more > 0 else []
    return [*shown, *older] or [said("own_data.none")]


def _roles(said: Said, stored: Stored) -> str:
    return ", ".join(said(_ROLES[role]) for role in stored.roles) or said("own_data.role_none")


def _goes(said: Said, stored: Stored) -> list[str]:
    numbers = [ticket.number for ticket in stored.tickets if ticket.words]
    listed = ", ".join(map(escape, numbers[:MOST_TICKETS])) + (" …" if len(numbers) > MOST_TICKETS else "")
    found = [
        (said("forget.goes_link"), stored.linked and not stored.binds),
        (said("forget.goes_reference"), (stored.reachable or stored.deliveries > 0) and ROLE not in stored.binds),
        (said("forget.goes_words", numbers=listed), bool(numbers)),
        (said("forget.goes_log"), True),
    ]
    return [line for line, true in found if true]


def _stays(said: Said, binds: Iterable[str]) -> list[str]:
    return [said(_BINDS[word]) for word in binds]


def _consequences(said: Said, stored: Stored) -> list[str]:
    if ROLE in stored.binds or not stored.forgettable:
        return []
    waits = any(ticket.state in _WAITING for ticket in stored.tickets)
    return [*([said("forget.consequence_answer")] if waits else []), said("forget.consequence_write")]


def _forget_button(said: Said) -> Element:
    data = {"lang": said.texts.lang.value}
    return execute(said("own_data.forget"), Verb.FORGET_ME, data, tooltip=said("own_data.forget_hint"))


def _lines(lines: Iterable[str]) -> list[Element]:
    return [text(f"• {line}", spacing="Small") for line in lines]
