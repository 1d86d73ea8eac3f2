"""The card that says what became of a message: for each recipient, by role and never by name, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cards.elements import Card, Element, actions, card, container, escape, facts, heading, subtle, text
from cards.parts import Said, button
from cards.verbs import Verb
from data.desk.delivery import Delivery

MOST: Final = 20
ABOUTS: Final = ("alert", "request", "ticket", "hold", "standing", "digest")
"""Kinds of subject that have a name for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One delivery, and what its recipient is: `dpo`, `admin`, `other`, `channel_dpo` or `channel_admin`."""

    delivery: Delivery
    to: str
    number: int
    """Tells recipients of one role apart; nobody is named."""


def delivery_card(said: Said, sent: Iterable[Sent], *, number: str = "") -> Card:
    """Say for each recipient what became of a card, and why; without the number of an alert, what was given up."""
    found = list(sent)
    title = said("delivery.title", number=number) if number else said("delivery.title_dead")
    body: list[Element] = [heading(title)]
    for one in found[:MOST]:
        who = said(f"delivery.to_{one.to}", number=str(one.number))
        line = who if number else f"{_about(said, one.delivery.subject)} · {who}"
        notes = [subtle(said("delivery.twice"))] if one.delivery.maybe_twice else []
        shown = [text(line, weight="Bolder"), facts(_delivery_rows(said, one.delivery)), *notes]
        body.append(container(shown, separator=True))
    if not found:
        body.append(text(said("delivery.none" if number else "delivery.none_dead")))
    if len(found) > MOST:
        body.append(subtle(said("delivery.more", count=said.number(len(found) - MOST))))
    lang = said.texts.lang.value
    back = (
        button(said("alert.button_show", number=number), Verb.ALERT_SHOW, {"id": number, "lang": lang})
        if number
        else button(said("alert.button_list"), Verb.ALERT_LIST, {"id": "1", "lang": lang})
    )
    body += [subtle(said("delivery.honest")), actions([back])]
    return card(said.texts, body, summary=title, banner=said.banner)


def _about(said: Said, subject: str) -> str:
    kind, _, name = subject.partition("/")
    return said(f"delivery.about_{kind}", id=escape(name)) if kind in ABOUTS else said("delivery.about_other")


def _delivery_rows(said: Said, delivery: Delivery) -> list[tuple[str, str]]:
    rows = [(said("delivery.row_state"), said(f"delivery.state_{delivery.state}"))]
    if delivery.sent_at is not None:
        rows.append((said("delivery.row_when"), said.when(delivery.sent_at)))
    if delivery.attempts:
        rows.append((said("delivery.row_attempts"), said.number(delivery.attempts)))
    if delivery.error:
        rows.append((said("delivery.row_error"), _error(said, delivery.error)))
    return rows


def _error(said: Said, word: str) -> str:
    key = f"delivery.error_{word}"
    return said(key) if key in said.texts.keys() else said("delivery.error_other", word=escape(word))  # noqa: SIM118
