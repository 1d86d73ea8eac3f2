"""Standing rules in chat: an admin proposes one, another approves, a DPO acknowledges; an admin and a DPO end it."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from cards.elements import Card, Element
from cards.parts import button
from cards.standing import FormView, StandingView, note_card, standing_card, standing_form_card, standing_list_card
from cards.verbs import Verb
from data.access import Actor, Permission, Role
from data.desk.seal import Fit
from data.desk.standing import StandingRule, StandingState
from data.desk.standing_steps import Terms
from data.errors import RefusedError, UnknownError
from data.labels import Lang
from data.office.parts import actor_behind
from data.questions.commands import Command
from dialogs.desk import Desk
from dialogs.face import Act, Viewer
from dialogs.press import pressed_id, presses, typed
from dialogs.turn import Reply, Turn

KIND = "standing"
_NEW = "standing/new"
"""What the form's button is about: no rule has this id, for each holds a full stop."""
_WAITING = frozenset({StandingState.PROPOSED, StandingState.APPROVED})
_TITLES: Mapping[Verb, str] = {
    Verb.STANDING_APPROVE: "standing.button_approve",
    Verb.STANDING_ACKNOWLEDGE: "standing.button_acknowledge",
    Verb.STANDING_REJECT: "standing.button_reject",
    Verb.STANDING_STOP: "standing.button_stop",
}


class StandingDialog:
    """Shows standing rules and takes the steps of the people behind them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._service = desk.office.standing

    def verbs(self) -> Mapping[str, Act]:
        """Give what answers each verb of this dialog."""
        service, handle = self._service, Permission.HANDLE_ALERT
        return {
            Verb.STANDING_LIST: self.overview,
            Verb.STANDING_FORM: self.form,
            Verb.STANDING_PROPOSE: self.propose,
            Verb.STANDING_APPROVE: self._step(service.approve, Permission.RUN_PURGE),
            Verb.STANDING_ACKNOWLEDGE: self._step(service.acknowledge, handle),
            Verb.STANDING_REJECT: self._step(service.reject, handle),
            Verb.STANDING_STOP: self._step(service.stop, handle),
        }

    def commands(self) -> Mapping[Command, Act]:
        """Give what answers each typed command of this dialog: none."""
        return {}

    def faces(self) -> Mapping[str, Callable[[str, Viewer], Awaitable[Card | None]]]:
        """Give what draws the present card of a rule."""
        return {KIND: self.face}

    async def face(self, rule_id: str, viewer: Viewer) -> Card | None:
        """Draw the present card of a rule for whoever may see it."""
        if not viewer.actor.may(Permission.SEE_RETENTION):
            return None
        try:
            return await self._desk.call(lambda: self._draw(self._service.get(rule_id), viewer))
        except UnknownError:
            return None

    # -- looking ------------------------------------------------------------------------------------------------------

    async def overview(self, turn: Turn, lang: Lang) -> Reply:
        """Show every source with its rule or, where one was chosen, that rule."""
        chosen = typed(turn, "which", most=60) or pressed_id(turn)

        async def work() -> Reply:
            if chosen:
                return await self._show(turn, lang, chosen)
            shown = await self._desk.call(lambda: self._draw_list(turn.actor, lang))
            return Reply(card=shown, outcome="standing", lang=lang)

        needs = Permission.SEE_RETENTION
        return await self._desk.guarded(turn, lang, what=turn.verb, about=chosen[:60], needs=needs, work=work)

    async def form(self, turn: Turn, lang: Lang) -> Reply:
        """Show the form for a proposal."""
        source, needs = pressed_id(turn), Permission.RUN_PURGE

        async def work() -> Reply:
            return await self._show_form(turn, lang, source=source)

        return await self._desk.guarded(turn, lang, what=turn.verb, about=source, needs=needs, work=work)

    def _draw_list(self, actor: Actor, lang: Lang) -> Card:
        said = self._desk.said[lang]
        rules = [rule for rule in self._service.all() if rule.runs or rule.state in _WAITING]
        plain = {"lang": lang.value}
        buttons: list[Element] = []
        if rules:
            buttons.append(button(said("standing.button_show"), Verb.STANDING_LIST, plain))
        if actor.may(Permission.RUN_PURGE) and self._sources():
            buttons.append(button(said("standing.button_new"), Verb.STANDING_FORM, plain))
        return standing_list_card(said, self._sources(), rules, buttons=buttons)

    def _draw(self, rule: StandingRule, viewer: Viewer, *, note: str = "") -> Card:
        said, parts = self._desk.said[viewer.lang], self._desk.office.parts.engine
        now = parts.guard.now()
        known, runs = self._service.all(), self._service.runs
        waiting = [one.number for one in known if one.source == rule.source and one.state in _WAITING]
        asker = actor_behind(parts, rule.stop_asked_by) if rule.stop_asked_by else None
        ends = _roles_that_end(asker.roles if asker else frozenset())
        kept = parts.rules.get(rule.source)
        view = StandingView(
            rule=rule,
            now=now,
            age=kept.max_age - kept.margin if kept else 0,
            next_run=runs.next_run(rule, now),
            problem=runs.problem(rule) if rule.runs else "",
            stops_with=ends,
            successor=waiting[0] if rule.runs and waiting else 0,
        )
        buttons = self._buttons(rule, viewer, ends) if viewer.personal else []
        return standing_card(said, view, buttons=buttons, note=note)

    def _buttons(self, rule: StandingRule, viewer: Viewer, ends: tuple[Role, ...]) -> list[Element]:
        said = self._desk.said[viewer.lang]
        press = presses(self._desk.office.seal, viewer, subject=f"{KIND}/{rule.id}", stamp=rule.face)
        made = [
            button(said(_title(verb, rule, viewer.recipient)), verb, press(verb), style=_STYLES.get(verb, "default"))
            for verb in offers(rule, viewer.actor, viewer.recipient, ends)
        ]
        plain = {"lang": viewer.lang.value}
        if viewer.actor.may(Permission.RUN_PURGE) and rule.state not in _WAITING and rule.source in self._sources():
            title = said("standing.button_change" if rule.runs else "standing.button_new")
            made.append(button(title, Verb.STANDING_FORM, {"id": rule.source, **plain}))
        return [*made, button(said("standing.button_list"), Verb.STANDING_LIST, plain)]

    # -- changing -----------------------------------------------------------------------------------------------------

    async def propose(self, turn: Turn, lang: Lang) -> Reply:
        """Propose what the form says."""

        async def work() -> Reply:
            stamp = await self._desk.call(self._stamp)
            fit = self._desk.fit(turn, subject=_NEW, stamp=stamp)
            if fit is Fit.FOREIGN:
                return await self._foreign(turn, lang, "new")
            if fit is Fit.STALE:
                return await self._show_form(turn, lang, note="pressed.stale")
            source, terms = typed(turn, "source", most=60), _terms(turn)
            rule = await self._desk.call(lambda: self._service.propose(turn.actor, source, terms))
            self._desk.office.jobs.changed()
            return await self._show(turn, lang, rule.id)

        needs = Permission.RUN_PURGE
        return await self._desk.guarded(turn, lang, what=turn.verb, about="new", needs=needs, work=work)

    def _step(self, take: Callable[[Actor, str], StandingRule], needs: Permission) -> Act:
        """Give what answers a sealed button: judge the seal, take the step, show what it has become."""

        async def answer(turn: Turn, lang: Lang) -> Reply:
            rule_id = pressed_id(turn)

            async def work() -> Reply:
                rule = await self._desk.call(lambda: self._service.get(rule_id))
                fit = self._desk.fit(turn, subject=f"{KIND}/{rule.id}", stamp=rule.face)
                if fit is Fit.FOREIGN:
                    return await self._foreign(turn, lang, rule_id)
                if fit is Fit.STALE:
                    return await self._show(turn, lang, rule_id, note="pressed.stale")
                await self._desk.call(lambda: take(turn.actor, rule_id))
                self._desk.office.jobs.changed()
                return await self._show(turn, lang, rule_id)

            return await self._desk.guarded(turn, lang, what=turn.verb, about=rule_id, needs=needs, work=work)

        return answer

    # -- shared -------------------------------------------------------------------------------------------------------

    async def _show(self, turn: Turn, lang: Lang, rule_id: str, *, note: str = "") -> Reply:
        viewer, first = self._desk.viewer(turn, lang), self._desk.said[lang](note) if note else ""
        shown = await self._desk.call(lambda: self._draw(self._service.get(rule_id), viewer, note=first))
        outcome = "stale" if note else "standing"
        return Reply(card=shown, outcome=outcome, lang=lang, subject=f"{KIND}/{rule_id}")

    async def _show_form(self, turn: Turn, lang: Lang, *, source: str = "", note: str = "") -> Reply:
        said, viewer = self._desk.said[lang], self._desk.viewer(turn, lang)
        if not self._sources() or (source and source not in self._sources()):
            raise UnknownError(f"there is no source {source[:40]!r}")
        parts = self._desk.office.parts.engine
        running = await self._desk.call(lambda: [one for one in self._service.all() if one.runs])
        view = FormView(
            sources=self._sources(),
            now=parts.guard.now(),
            max_share=parts.care.max_share,
            source=source,
            before=next((one for one in reversed(running) if one.source == source), None),
        )
        press = presses(self._desk.office.seal, viewer, subject=_NEW, stamp=await self._desk.call(self._stamp))
        verb = Verb.STANDING_PROPOSE
        buttons = [button(said("standing.button_propose"), verb, press(verb), style="positive")]
        shown = standing_form_card(said, view, buttons=buttons, note=said(note) if note else "")
        return Reply(card=shown, outcome="stale" if note else "standing", lang=lang)

    async def _foreign(self, turn: Turn, lang: Lang, about: str) -> Reply:
        refused = await self._desk.refuse(turn, lang, what=turn.verb, about=about, reason="foreign")
        return replace(refused, card=note_card(self._desk.said[lang], self._desk.said[lang]("pressed.foreign")))

    def _sources(self) -> tuple[str, ...]:
        return tuple(self._desk.office.parts.engine.sources)

    def _stamp(self) -> str:
        """Give what changes with every proposal and with the limits, so that no form proposes twice."""
        return f"{len(self._service.all())}-{self._desk.office.parts.engine.care.digest}"


_STYLES: Mapping[Verb, str] = {
    Verb.STANDING_APPROVE: "positive",
    Verb.STANDING_ACKNOWLEDGE: "positive",
    Verb.STANDING_STOP: "destructive",
}


def offers(rule: StandingRule, actor: Actor, name: str, ends: tuple[Role, ...]) -> tuple[Verb, ...]:
    """Say which steps of a rule somebody can take now; the service asks again. `ends`: roles that can switch it off."""
    admin, dpo = actor.may(Permission.RUN_PURGE), Role.DPO in actor.roles
    handles = actor.may(Permission.HANDLE_ALERT)
    may = {
        Verb.STANDING_APPROVE: rule.state is StandingState.PROPOSED and admin and name != rule.proposed_by,
        Verb.STANDING_ACKNOWLEDGE: rule.state is StandingState.APPROVED
        and dpo
        and name not in {rule.proposed_by, rule.approved_by},
        Verb.STANDING_STOP: handles
        and (
            rule.state is StandingState.ACTIVE
            or (rule.state is StandingState.STOPPING and name != rule.stop_asked_by and bool(actor.roles & set(ends)))
        ),
        Verb.STANDING_REJECT: handles and rule.state in _WAITING | {StandingState.STOPPING},
    }
    return tuple(verb for verb, allowed in may.items() if allowed)


def _roles_that_end(asker: frozenset[Role]) -> tuple[Role, ...]:
    """Give which roles can agree to switching off; both, where whoever asked has both or none any more."""
    found = tuple(role for role, other in ((Role.ADMIN, Role.DPO), (Role.DPO, Role.ADMIN)) if other in asker)
    return found or (Role.ADMIN, Role.DPO)


def _title(verb: Verb, rule: StandingRule, name: str) -> str:
    if rule.state is StandingState.STOPPING:
        return "standing.button_keep" if verb is Verb.STANDING_REJECT else "standing.button_stop_yes"
    if verb is Verb.STANDING_REJECT and name == rule.proposed_by:
        return "standing.button_withdraw"
    return _TITLES[verb]


def _terms(turn: Turn) -> Terms:
    """Read the form; raises `RefusedError` for what is no number."""
    share = typed(turn, "share", most=12)
    if not re.fullmatch(r"[01](\.[0-9]{1,6})?", share):
        raise RefusedError("bad_share", "this is no share")
    return Terms(
        every_days=_whole(turn, "every", "bad_interval"),
        at_minute=_whole(turn, "minute", "bad_time"),
        max_share=float(share),
        max_records=_whole(turn, "records", "bad_records"),
    )


def _whole(turn: Turn, field: str, reason: str) -> int:
    value = turn.data.get(field)
    found = value if isinstance(value, str) else str(value) if type(value) is int else ""
    if not re.fullmatch(r"[0-9]{1,15}", found):
        raise RefusedError(reason, f"{field}: this is no whole number")
    return int(found)
