"""The cards of holds: the form, one hold with what it does and who is still missing, and the list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cards.elements import Card, Element, actions, card, container, escape, facts, heading, subtle, text
from cards.parts import Said, button, choice_field, day_field, field
from cards.verbs import Verb
from data.catalogue.model import TERMS_VERSION
from data.retention.hold import END, LONGEST_REVIEW, Hold
from data.retention.instants import BEGINNING, DAY, Instant
from data.retention.rule import LONGEST_AGE

ALL = "all"
"""Stands for every source in the form."""
LONGEST_REASON = 200
LONGEST_CASE = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What stands in the fields of the form: days are ISO 8601, "" where nothing was given."""

    source: str = ""
    reason: str = ""
    case: str = ""
    review: str
    begins: str = ""
    ends: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Between which days the fields of the form may lie, ISO 8601."""

    review_first: str
    review_last: str
    records_first: str
    records_last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How a hold is seen by whoever looks at the card."""

    hold: Hold
    now: Instant
    mine: bool = False
    """Whether the viewer has asked for the release."""
    release: Mapping[str, Any] | None = None
    """The sealed data of the button by which the viewer asks for the release or releases; None for no button."""
    private: bool = True
    """Whether reason and case may be shown: only where nobody reads along."""

    @property
    def late(self) -> bool:
        """Tell whether the review date has passed."""
        return self.hold.active and self.now > self.hold.review_at


def form_card(
    said: Said, sources: Iterable[str], filled: Filled, days: Days, data: Mapping[str, Any], *, problem: str = ""
) -> Card:
    """Ask what is to be held; `problem` is a sentence on what was wrong with the last try."""
    choices = [*((source, source) for source in sources), (ALL, said("hold.all_sources"))]
    records = {"least": days.records_first, "most": days.records_last}
    body: list[Element] = [heading(said("hold.form_title"))]
    if problem:
        body.append(text(problem, weight="Bolder", color="Attention"))
    body += [
        text(said("hold.form_body")),
        {**choice_field("source", said("hold.form_source"), choices, value=filled.source), "isRequired": True,
         "errorMessage": said("refused.unknown_source")},
        field("reason", said("hold.form_reason"), maxLength=LONGEST_REASON, isMultiline=True, isRequired=True,
              errorMessage=said("hold.form_reason_missing"), **_value(filled.reason)),
        field("case", said("hold.form_case"), maxLength=LONGEST_CASE, **_value(filled.case)),
        day_field("review", said("hold.form_review", days=said.number(LONGEST_REVIEW // DAY)),
                  least=days.review_first, most=days.review_last, value=filled.review),
        day_field("from", said("hold.form_from"), value=filled.begins, **records),
        day_field("to", said("hold.form_to"), value=filled.ends, **records),
        actions([button(said("hold.place"), Verb.HOLD_PLACE, data, style="positive"), _to_list(said)]),
        *_terms(said),
    ]  # fmt: skip
    summary = f"{said('hold.form_title')}. {problem or said('hold.form_body')}"
    return card(said.texts, body, summary=summary, banner=said.banner)


def hold_card(said: Said, seen: Seen, *, note: str = "") -> Card:
    """Show one hold as it is now: what it keeps, until when it is to be reviewed, and who is missing for a release."""
    hold = seen.hold
    title = said(_title_of(hold), id=escape(hold.id))
    body: list[Element] = [text(note, weight="Bolder")] if note else []
    body += [heading(title), facts(_rows(said, seen))]
    if hold.active:
        body.append(text(said("hold.effect", days=said.number(LONGEST_AGE // DAY))))
        body.append(_review(said, seen))
    else:
        body.append(text(said("hold.effect_released")))
    if hold.active and hold.release_asked_by and seen.private:
        body.append(text(_who_is_missing(said, seen), weight="Bolder"))
    if seen.private:
        body.append(actions([*_release(said, seen), _to_list(said)]))
    body += _terms(said)
    return card(said.texts, body, summary=f"{f'{note} ' if note else ''}{title}", banner=said.banner)


def list_card(
    said: Said, shown: Sequence[Seen], *, active: int, released: int, more: Mapping[str, Any] | None, note: str = ""
) -> Card:
    """List holds in force, each with its button; `more` is the data of the button that shows the next ones."""
    title = said("hold.list_title", count=said.number(active)) if active else said("hold.list_none")
    body: list[Element] = [text(note, weight="Bolder")] if note else []
    body.append(heading(title))
    body += [_listed(said, seen) for seen in shown]
    if released:
        body.append(subtle(said("hold.list_released", count=said.number(released))))
    row = [button(said("hold.list_more"), Verb.HOLD_LIST, more)] if more else []
    row.append(button(said("hold.new"), Verb.HOLD_FORM, {"id": "new", "lang": said.texts.lang.value}))
    body += [actions(row), *_terms(said)]
    return card(said.texts, body, summary=f"{f'{note} ' if note else ''}{title}", banner=said.banner)


def _listed(said: Said, seen: Seen) -> Element:
    hold = seen.hold
    line = said("hold.list_row", id=escape(hold.id), sources=_sources(said, hold), review=said.day(hold.review_at))
    items = [text(line, weight="Bolder"), text(escape(hold.reason), spacing="Small")]
    if seen.late:
        items.append(text(said("hold.list_late"), color="Attention", spacing="Small"))
    if hold.release_asked_by:
        items.append(text(_who_is_missing(said, seen), spacing="Small"))
    offered = _release(said, seen)
    if offered:
        items.append(actions(offered))
    return container(items, separator=True)


def _rows(said: Said, seen: Seen) -> list[tuple[str, str]]:
    hold = seen.hold
    rows = [(said("hold.source"), _sources(said, hold)), (said("hold.records"), _records(said, hold))]
    if seen.private:
        rows.append((said("hold.reason"), escape(hold.reason)))
        rows += [(said("hold.case"), escape(hold.case))] if hold.case else []
    rows += [(said("hold.placed"), said.when(hold.placed_at)), (said("hold.review"), said.day(hold.review_at))]
    rows += [(said("hold.released"), said.when(hold.released_at))] if hold.released_at is not None else []
    return rows


def _title_of(hold: Hold) -> str:
    if not hold.active:
        return "hold.title_released"
    return "hold.title_asked" if hold.release_asked_by else "hold.title_active"


def _sources(said: Said, hold: Hold) -> str:
    return escape(", ".join(hold.sources)) if hold.sources else said("hold.all_sources")


def _records(said: Said, hold: Hold) -> str:
    begins = "" if hold.begins == BEGINNING else said.day(hold.begins)
    ends = "" if hold.ends == END else said.day(hold.ends - 1)  # the range is half-open, people name its last day
    if begins and ends:
        return said("hold.records_between", begins=begins, ends=ends)
    if begins:
        return said("hold.records_from", begins=begins)
    return said("hold.records_to", ends=ends) if ends else said("hold.records_all")


def _review(said: Said, seen: Seen) -> Element:
    if seen.late:
        return text(said("hold.review_past"), weight="Bolder", color="Attention")
    return text(said("hold.review_ahead"))


def _who_is_missing(said: Said, seen: Seen) -> str:
    return said("hold.asked_by_you") if seen.mine else said("hold.asked_by_other")


def _release(said: Said, seen: Seen) -> list[Element]:
    if seen.release is None or not seen.hold.active or seen.mine:
        return []
    name = escape(seen.hold.id)
    if seen.hold.release_asked_by:
        title, label, style = said("hold.release"), said("hold.release_label", id=name), "destructive"
    else:
        title, label, style = said("hold.ask_release"), said("hold.ask_release_label", id=name), "default"
    return [button(title, Verb.HOLD_RELEASE, seen.release, style=style, tooltip=label)]


def _to_list(said: Said) -> Element:
    return button(said("hold.list_show"), Verb.HOLD_LIST, {"id": "0", "lang": said.texts.lang.value})


def _terms(said: Said) -> list[Element]:
    return [subtle(said("terms.clause_2_7", version=TERMS_VERSION))]


def _value(value: str) -> dict[str, str]:
    return {"value": value} if value else {}
