"""Holds in chat: anybody who may places one at once, two people release it, and the list shows who is missing."""

import asyncio
import datetime as dt
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo

from cards.elements import Card
from cards.hold import ALL, LONGEST_CASE, LONGEST_REASON, Days, Filled, Seen, form_card, hold_card, list_card
from cards.refused import PREFIX
from cards.verbs import Verb
from data.access import Permission
from data.desk.seal import Fit
from data.errors import RefusedError, UnknownError
from data.labels import Lang
from data.purge.holds import Wish
from data.purge.parts import PurgeParts
from data.questions.commands import Command
from data.retention.hold import END, LONGEST_REVIEW, Hold
from data.retention.instants import BEGINNING, DAY, Instant, datetime_of, instant_of
from dialogs.desk import Desk
from dialogs.face import Act, Viewer
from dialogs.press import pressed_id, presses, typed
from dialogs.turn import Reply, Turn

Work = Callable[[], Awaitable[Reply]]

PAGE = 8
"""Holds on one list."""
USUAL_REVIEW = 30 * DAY
RECORD_DAYS = 3650
NEW = "hold/new"
"""The subject of the form; no hold has this id."""
FIXABLE = frozenset({"no_reason", "bad_text", "bad_date", "bad_review_date", "empty_range"})
"""Refusals after which the form comes again with what was typed: a slip of the pen is no attempt."""


class HoldDialog:
    """Places, lists and releases holds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._placing = asyncio.Lock()
        """Between the look at a form's seal and the hold it leads to, so that one form makes one hold."""

    def verbs(self) -> Mapping[str, Act]:
        """Give what answers each verb of this dialog."""
        return {
            Verb.HOLD_FORM: self._form,
            Verb.HOLD_PLACE: self._place,
            Verb.HOLD_LIST: self._list,
            Verb.HOLD_RELEASE: self._release,
        }

    def commands(self) -> Mapping[Command, Act]:
        """Give what answers each typed command of this dialog."""
        return {Command.HOLD_SET: self._typed_set, Command.HOLD_RELEASE: self._typed_release}

    def faces(self) -> Mapping[str, Callable[[str, Viewer], Awaitable[Card | None]]]:
        """Give what draws the present card of a hold."""
        return {"hold": self._face}

    # -- showing ------------------------------------------------------------------------------------------------------

    async def _face(self, hold_id: str, viewer: Viewer) -> Card | None:
        if not viewer.actor.may(Permission.PLACE_HOLD):
            return None
        try:
            hold = await self._desk.call(lambda: self._parts.stores.holds.get(hold_id))
        except UnknownError:
            return None
        return hold_card(self._desk.said[viewer.lang], self._seen(hold, viewer))

    async def _form(self, turn: Turn, lang: Lang) -> Reply:
        async def work() -> Reply:
            return await self._ask(turn, lang, Filled(source=await self._suggested(pressed_id(turn)), review=""))

        return await self._guarded(turn, lang, what=Verb.HOLD_FORM, about="new", work=work)

    async def _typed_set(self, turn: Turn, lang: Lang) -> Reply:
        async def work() -> Reply:
            return await self._ask(turn, lang, Filled(source=named_in(turn.text, self._sources), review=""))

        return await self._guarded(turn, lang, what=Command.HOLD_SET, about="new", work=work)

    async def _list(self, turn: Turn, lang: Lang) -> Reply:
        async def work() -> Reply:
            first = pressed_id(turn)
            return await self._show_list(turn, lang, first=int(first) if first.isdecimal() else 0)

        return await self._guarded(turn, lang, what=Verb.HOLD_LIST, about="", work=work)

    async def _typed_release(self, turn: Turn, lang: Lang) -> Reply:
        async def work() -> Reply:
            holds = await self._desk.call(self._desk.office.engine.holds.all)
            named = named_in(turn.text, [hold.id for hold in holds if hold.active])
            found = next((hold for hold in holds if hold.id == named), None)
            return self._show(turn, lang, found) if found else await self._show_list(turn, lang)

        return await self._guarded(turn, lang, what=Command.HOLD_RELEASE, about="", work=work)

    # -- doing --------------------------------------------------------------------------------------------------------

    async def _place(self, turn: Turn, lang: Lang) -> Reply:
        async def work() -> Reply:
            async with self._placing:
                stamp = await self._desk.call(lambda: self._form_stamp(self._desk.name(turn.actor)))
                fit = self._desk.fit(turn, subject=NEW, stamp=stamp)
                if fit is Fit.FOREIGN:
                    return await self._foreign(turn, lang, about="new")
                if fit is Fit.STALE:
                    return await self._show_list(turn, lang, note=self._desk.said[lang]("pressed.stale"))
                return await self._place_typed(turn, lang)

        return await self._guarded(turn, lang, what=Verb.HOLD_PLACE, about="new", work=work)

    async def _place_typed(self, turn: Turn, lang: Lang) -> Reply:
        said, filled = self._desk.said[lang], typed_into(turn)
        if filled.source != ALL and filled.source not in self._sources:
            raise RefusedError("unknown_source", "there is no source of this name")
        try:
            wish = self._wish(filled, lang)
            placed = await self._desk.call(lambda: self._desk.office.engine.holds.place(turn.actor, wish))
        except RefusedError as error:
            if error.reason not in FIXABLE:
                raise
            return await self._ask(turn, lang, filled, problem=said(PREFIX + error.reason))
        self._desk.office.jobs.changed()
        return self._show(turn, lang, placed, note=said("hold.placed_now"), outcome="hold_placed")

    async def _release(self, turn: Turn, lang: Lang) -> Reply:
        name = pressed_id(turn)

        async def work() -> Reply:
            hold = await self._desk.call(lambda: self._parts.stores.holds.get(name))
            fit = self._desk.fit(turn, subject=f"hold/{name}", stamp=stamp_of(hold))
            if fit is Fit.FOREIGN:
                return await self._foreign(turn, lang, about=name)
            if fit is Fit.STALE:
                return self._show(turn, lang, hold, note=self._desk.said[lang]("pressed.stale"), outcome="stale")
            changed = await self._desk.call(lambda: self._desk.office.engine.holds.release(turn.actor, name))
            self._desk.office.jobs.changed()
            return self._show(turn, lang, changed, outcome="release_asked" if changed.active else "hold_released")

        return await self._guarded(turn, lang, what=Verb.HOLD_RELEASE, about=name, work=work)

    # -- shared -------------------------------------------------------------------------------------------------------

    async def _ask(self, turn: Turn, lang: Lang, filled: Filled, *, problem: str = "") -> Reply:
        viewer = self._desk.viewer(turn, lang)
        stamp = await self._desk.call(lambda: self._form_stamp(viewer.recipient))
        press = presses(self._desk.office.seal, viewer, subject=NEW, stamp=stamp)
        days, usual = self._days(lang)
        filled = filled if filled.review else replace(filled, review=usual)
        shown = form_card(self._desk.said[lang], self._sources, filled, days, press(Verb.HOLD_PLACE), problem=problem)
        return Reply(card=shown, outcome="hold_form", lang=lang)

    def _days(self, lang: Lang) -> tuple[Days, str]:
        """Give the days the form allows, and the usual day of the review."""
        now, zone = self._parts.guard.now(), self._desk.said[lang].zone
        today = day_at(now, zone)
        days = Days(
            review_first=(today + dt.timedelta(days=1)).isoformat(),
            review_last=day_at(now + LONGEST_REVIEW, zone).isoformat(),
            records_first=(today - dt.timedelta(days=RECORD_DAYS)).isoformat(),
            records_last=(today + dt.timedelta(days=RECORD_DAYS)).isoformat(),
        )
        return days, day_at(now + USUAL_REVIEW, zone).isoformat()

    def _wish(self, filled: Filled, lang: Lang) -> Wish:
        zone = self._desk.said[lang].zone
        review = filled.review or self._days(lang)[1]
        return Wish(
            sources=() if filled.source == ALL else (filled.source,),
            reason=filled.reason,
            case=filled.case,
            review_at=instant_at(review, zone),
            begins=instant_at(filled.begins, zone) if filled.begins else BEGINNING,
            ends=instant_at(filled.ends, zone, days_later=1) if filled.ends else END,
        )

    async def _suggested(self, name: str) -> str:
        """Give the source that a button names: by its own id, or by that of an alert on it; "" for none."""
        if name in self._sources:
            return name
        alert = await self._desk.call(lambda: self._desk.office.parts.desk.alerts.find(name))
        return alert.source if alert is not None and alert.source in self._sources else ""

    def _form_stamp(self, name: str) -> str:
        """Give a stamp that changes with each hold this person places: a form that led to one leads to no other."""
        return str(sum(hold.placed_by == name for hold in self._parts.stores.holds.all()))

    async def _show_list(self, turn: Turn, lang: Lang, *, first: int = 0, note: str = "") -> Reply:
        viewer = self._desk.viewer(turn, lang)
        holds = await self._desk.call(self._desk.office.engine.holds.all)
        active = sorted((hold for hold in holds if hold.active), key=lambda hold: not hold.release_asked_by)
        first = first if first < len(active) else 0
        shown = [self._seen(hold, viewer) for hold in active[first : first + PAGE]]
        more = {"id": str(first + PAGE), "lang": lang.value} if first + PAGE < len(active) else None
        listed = list_card(self._desk.said[lang], shown, active=len(active), released=len(holds) - len(active),
                           more=more, note=note)  # fmt: skip
        return Reply(card=listed, outcome="hold_list", lang=lang)

    def _show(self, turn: Turn, lang: Lang, hold: Hold, *, note: str = "", outcome: str = "hold") -> Reply:
        seen = self._seen(hold, self._desk.viewer(turn, lang))
        shown = hold_card(self._desk.said[lang], seen, note=note)
        return Reply(card=shown, outcome=outcome, lang=lang, subject=f"hold/{hold.id}")

    def _seen(self, hold: Hold, viewer: Viewer) -> Seen:
        press = presses(self._desk.office.seal, viewer, subject=f"hold/{hold.id}", stamp=stamp_of(hold))
        return Seen(
            hold=hold,
            now=self._parts.guard.now(),
            mine=bool(hold.release_asked_by) and hold.release_asked_by == viewer.recipient,
            release=press(Verb.HOLD_RELEASE) if viewer.personal else None,
            private=viewer.personal,
        )

    async def _guarded(
        self, turn: Turn, lang: Lang, *, what: str, about: str, work: Callable[[], Awaitable[Reply]]
    ) -> Reply:
        return await self._desk.guarded(turn, lang, what=what, about=about, work=work, needs=Permission.PLACE_HOLD)

    async def _foreign(self, turn: Turn, lang: Lang, *, about: str) -> Reply:
        said = self._desk.said[lang]("pressed.foreign")
        return await self._desk.refuse(turn, lang, what=turn.verb, about=about, reason="foreign", detail=said)

    @property
    def _parts(self) -> PurgeParts:
        return self._desk.office.parts.engine

    @property
    def _sources(self) -> list[str]:
        return list(self._parts.sources)


def stamp_of(hold: Hold) -> str:
    """Give a stamp that changes with each step towards the release of a hold."""
    return f"{hold.active}-{hold.release_asked_by}"


def typed_into(turn: Turn) -> Filled:
    """Read what somebody typed into the form."""
    return Filled(
        source=typed(turn, "source", most=40),
        reason=typed(turn, "reason", most=LONGEST_REASON),
        case=typed(turn, "case", most=LONGEST_CASE),
        review=typed(turn, "review", most=10),
        begins=typed(turn, "from", most=10),
        ends=typed(turn, "to", most=10),
    )


def named_in(text: str, names: Iterable[str]) -> str:
    """Give the one name that stands as a word of its own in a text, the longest where one holds another; "" for none.

    A text that names two things names none: nobody guesses which was meant.
    """
    rest, found = text.lower(), []
    for name in sorted(names, key=len, reverse=True):
        word = re.compile(rf"(?<![\w-]){re.escape(name.lower())}(?![\w-])")
        if word.search(rest):
            found.append(name)
            rest = word.sub(" ", rest)
    return found[0] if len(found) == 1 else ""


def day_at(instant: Instant, zone: ZoneInfo) -> dt.date:
    """Give the day of an instant in a time zone."""
    return datetime_of(instant).astimezone(zone).date()


def instant_at(day: str, zone: ZoneInfo, *, days_later: int = 0) -> Instant:
    """Give when a day begins in a time zone; raises `RefusedError` for what is no day, or too far from the present."""
    try:
        begins = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), zone) + dt.timedelta(days=days_later)
        return min(max(instant_of(begins.astimezone(dt.UTC)), BEGINNING), END)
    except (ValueError, OverflowError):
        raise RefusedError("bad_date", "this is no date") from None
