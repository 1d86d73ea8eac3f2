"""Alerts, overview and weekly report in a conversation: who sees what, what each button does, what is refused."""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cards.alerts import LONGEST_REASON
from cards.elements import Card, visible_text
from cards.verbs import Verb
from data.access import Actor, Role
from data.desk.alert import Alert, AlertState, AlertStep
from data.desk.alert_steps import EVERYBODY
from data.desk.delivery import ADMIN_CHANNEL, DPO_CHANNEL, Delivery, DeliveryState, delivery_id
from data.labels import Lang
from data.questions.commands import Command
from data.retention.finding import FindingKind
from data.retention.instants import DAY, HOUR
from dialogs.desk import Desk
from dialogs.face import Viewer
from dialogs.retention import RetentionDialog
from dialogs.snoozing import morning_of
from dialogs.turn import Reply
from tests.data.purge.lab import person
from tests.desk import ALICE, DORA, EVE, SOURCE, Lab, OpenOffice, buttons, chat_of, open_office, press, say

ZONE = ZoneInfo("Europe/Berlin")
TITLES = {SOURCE: "App logs of the *server*"}


@dataclass(kw_only=True)
class Room:
    """An office with one alert, and its dialog."""

    opened: OpenOffice
    dialog: RetentionDialog
    desk: Desk

    @property
    def alert(self) -> Alert:
        """Give the alert as it is stored."""
        return self.desk.office.alerts.get("17")

    def keep(self, alert: Alert) -> None:
        """Store another state of it."""
        self.opened.office.parts.desk.alerts.replace(alert)

    async def face(self, viewer: Actor = ALICE, lang: Lang = Lang.EN) -> Card:
        """Draw the alert for somebody in the personal chat."""
        shown = await self.dialog.faces()["alert"]("17", self.opened.viewer(viewer, lang))
        assert shown is not None
        return shown

    async def press(self, who: Actor, card: Card, verb: Verb, *, lang: Lang = Lang.EN, place: str = "",
                    **typed: str) -> Reply:  # fmt: skip
        """Press a button of a card."""
        return await self.dialog.verbs()[verb](press(who, card, verb, place=place, **typed), lang)

    async def say(self, who: Actor, text: str, command: Command, *, lang: Lang = Lang.EN) -> Reply:
        """Type a command."""
        return await self.dialog.commands()[command](say(who, text), lang)

    def attempts(self) -> list[tuple[str, str]]:
        """List refused attempts in the audit: what and why."""
        entries = self.opened.engine.parts.audit.entries()
        return [(entry.data["what"], entry.data["reason"]) for entry in entries if entry.kind == "attempt.refused"]

    def sentence(self, key: str, lang: Lang = Lang.EN, **values: str) -> str:
        """Give a sentence."""
        return self.desk.said[lang](key, **values)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Open an office in which one alert is open: app-logs, ten days before the limit."""
    lab = Lab(folder=tmp_path)
    lab.write("old.log", [80, 82])
    lab.write("young.log", [1, 2])
    with open_office(lab) as opened:
        opened.office.parts.desk.alerts.add(
            Alert(
                id="17",
                kind=FindingKind.DUE,
                about=SOURCE,
                source=SOURCE,
                data_kind="log",
                count=2,
                since=lab.now - 80 * DAY,
                limit=lab.now + 10 * DAY,
                stage=14,
                opened_at=lab.now - DAY,
                changed_at=lab.now - DAY,
                story=(AlertStep(what="opened", at=lab.now - DAY),),
            )
        )
        yield Room(opened=opened, desk=opened.desk, dialog=RetentionDialog(opened.desk, titles=TITLES))


def text_of(reply: Reply) -> str:
    """Give what a person reads in an answer."""
    assert reply.card is not None
    return visible_text(dict(reply.card))


# -- the card of an alert ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", Lang)
async def test_the_face_of_an_alert_says_everything(room: Room, lang: Lang) -> None:
    """What, where, how many, until when, why, what it means, the story by role, and whose logs these are."""
    room.desk.office.alerts.acknowledge(DORA, "17")
    seen = visible_text(await room.face(lang=lang))
    for key in ("alert.what_due", "alert.means_due", "alert.why_due", "alert.do_due", "alert.state_acknowledged",
                "alert.by_dpo", "kinds.log", "terms.whose"):  # fmt: skip
        assert room.sentence(key, lang) in seen
    assert "App logs of the \\*server\\*" in seen
    assert room.sentence("alert.limit_left", lang, when=room.desk.said[lang].when(room.alert.limit),
                         days=room.desk.said[lang].days(10 * DAY)) in seen  # fmt: skip
    assert room.opened.engine.parts.people.of(DORA) not in seen


async def test_who_may_not_handle_alerts_sees_none(room: Room) -> None:
    """An employee's face of an alert is none; an unknown alert has none for anybody; an admin has one."""
    face = room.dialog.faces()["alert"]
    assert await face("17", room.opened.viewer(EVE)) is None
    assert await face("18", room.opened.viewer(ALICE)) is None
    assert await face("17", room.opened.viewer(ALICE)) is not None


async def test_only_admins_are_offered_a_preview(room: Room) -> None:
    """The preview of the purge carries the source's id, for admins; a DPO may place a hold on it."""
    admin, dpo = buttons(await room.face(ALICE)), buttons(await room.face(DORA))
    assert admin[Verb.PURGE_PREVIEW]["data"]["id"] == SOURCE
    assert Verb.PURGE_PREVIEW not in dpo
    assert dpo[Verb.HOLD_FORM]["data"]["id"] == SOURCE


async def test_a_channel_is_told_counts_and_kinds_only(room: Room) -> None:
    """The channel's card holds no source, no person and no button; the same card in the personal chat does."""
    channel = Viewer(
        actor=Actor(tenant_id=ALICE.tenant_id, object_id="", roles=frozenset({Role.DPO})),
        recipient=DPO_CHANNEL,
        place="19:x@thread.tacv2",
        lang=Lang.EN,
        personal=False,
    )
    shown = await room.dialog.faces()["alert"]("17", channel)
    assert shown is not None
    assert buttons(shown) == {}
    assert "App logs" not in visible_text(shown)
    assert room.sentence("alert.title", number="17", what=room.sentence("alert.what_due")) in visible_text(shown)
    assert "App logs" in visible_text(await room.face())


async def test_a_copy_that_may_have_come_twice_is_said_to_be_one(room: Room) -> None:
    """Whose delivery was repeated without an answer is told that there is one alert under a number; nobody else."""
    alice = room.opened.engine.parts.people.of(ALICE)
    room.opened.office.parts.desk.deliveries.add(delivery(alice, maybe_twice=True))
    assert room.sentence("alert.twice") in visible_text(await room.face(ALICE))
    assert room.sentence("alert.twice") not in visible_text(await room.face(DORA))


async def test_the_story_keeps_the_role_in_which_somebody_acted(room: Room) -> None:
    """Who acted as a DPO is shown as one, whatever becomes of the role; a step without a role names none."""
    room.desk.office.alerts.acknowledge(DORA, "17")
    room.opened.lab.roles[DORA.object_id] = frozenset()
    assert room.sentence("alert.by_dpo") in visible_text(await room.face())
    assert room.sentence("alert.by_nobody") not in visible_text(await room.face())
    last = replace(room.alert.story[-1], role="")
    room.keep(replace(room.alert, story=(*room.alert.story[:-1], last)))
    assert room.sentence("alert.by_nobody") in visible_text(await room.face())


async def test_what_cannot_be_undone_is_for_a_dpo(room: Room) -> None:
    """An over-deletion offers its acknowledgement to DPOs only, and says so to admins; a pressed one is refused."""
    ordinary = await room.face(ALICE)
    assert Verb.ALERT_ACKNOWLEDGE in buttons(ordinary)
    room.keep(replace(room.alert, kind=FindingKind.OVER_DELETION, level=2))
    admin, dpo = await room.face(ALICE), await room.face(DORA)
    assert Verb.ALERT_ACKNOWLEDGE not in buttons(admin)
    assert room.sentence("alert.needs_dpo") in visible_text(admin)
    assert Verb.ALERT_ESCALATE not in buttons(dpo), "it has reached everybody"
    reply = await room.press(ALICE, dpo, Verb.ALERT_ACKNOWLEDGE, place=chat_of(DORA))
    assert room.sentence("refused.needs_dpo") in text_of(reply)
    assert room.alert.state is AlertState.OPEN
    await room.press(DORA, dpo, Verb.ALERT_ACKNOWLEDGE)
    assert room.alert.state is AlertState.ACKNOWLEDGED


# -- buttons ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", Lang)
async def test_acknowledging_is_one_press(room: Room, lang: Lang) -> None:
    """The press is carried out, the office is told, and the answer is the present card, which may change in place."""
    reply = await room.press(DORA, await room.face(DORA, lang), Verb.ALERT_ACKNOWLEDGE, lang=lang)
    assert room.alert.state is AlertState.ACKNOWLEDGED
    assert reply.subject == "alert/17"
    assert room.opened.chores.changes == 1
    assert room.sentence("alert.done_acknowledged", lang) in text_of(reply)
    assert Verb.ALERT_ACKNOWLEDGE not in buttons(dict(reply.card or {}))


async def test_passing_on_is_one_press(room: Room) -> None:
    """An alert that is passed on reaches somebody new: where there is one DPO, the admins."""
    reply = await room.press(ALICE, await room.face(), Verb.ALERT_ESCALATE)
    assert room.alert.level == EVERYBODY
    assert room.sentence("alert.done_escalated") in text_of(reply)


@pytest.mark.parametrize("lang", Lang)
async def test_snoozing_needs_day_and_reason(room: Room, lang: Lang) -> None:
    """With both, the alert sleeps until the morning of that day, and the card says so with the reason."""
    reply = await room.press(DORA, await room.face(DORA, lang), Verb.ALERT_SNOOZE, lang=lang, until="2026-12-24",
                             reason="vendor [x](http://y)")  # fmt: skip
    assert room.alert.state is AlertState.SNOOZED
    assert room.alert.quiet_until == morning_of(dt.date.fromisoformat("2026-12-24"), ZONE)
    seen = text_of(reply)
    assert room.sentence("alert.done_snoozed", lang) in seen
    assert "vendor" in seen
    assert "](http" not in seen


async def test_a_reason_is_cut(room: Room) -> None:
    """However long a typed reason is, what is kept is short."""
    await room.press(DORA, await room.face(DORA), Verb.ALERT_SNOOZE, until="2026-12-24", reason="x" * 10_000)
    assert room.alert.story[-1].reason == "x" * LONGEST_REASON


@pytest.mark.parametrize(
    ("until", "reason", "why"),
    [("2026-12-24", "", "no_reason"), ("2026-12-24", "   \u200b ", "no_reason"), ("2027-03-01", "x", "past_limit")],
)
async def test_a_snooze_that_is_not_allowed_is_refused(room: Room, until: str, reason: str, why: str) -> None:
    """No reason, an invisible one, or a day past the limit: refused, recorded, nothing changed."""
    reply = await room.press(DORA, await room.face(DORA), Verb.ALERT_SNOOZE, until=until, reason=reason)
    assert reply.outcome == "refused"
    assert room.sentence(f"refused.{why}") in text_of(reply)
    assert room.alert.state is AlertState.OPEN
    assert room.opened.chores.changes == 0
    assert room.attempts() == [(Verb.ALERT_SNOOZE, why)]


@pytest.mark.parametrize("until", ["", "tomorrow", "2026-13-40", "2026-12-24T00:00", "9" * 500])
async def test_a_day_that_cannot_be_read_is_asked_for_again(room: Room, until: str) -> None:
    """Whatever a client sends in place of a day changes nothing; the card comes again with its form."""
    reply = await room.press(DORA, await room.face(DORA), Verb.ALERT_SNOOZE, until=until, reason="x")
    assert room.alert.state is AlertState.OPEN
    assert room.sentence("alert.ask_form") in text_of(reply)
    assert Verb.ALERT_SNOOZE in buttons(dict(reply.card or {}))


async def test_the_day_field_ends_before_the_limit(room: Room) -> None:
    """The last day that can be picked wakes the alert before the limit; where there is none, there is no field."""
    room.keep(replace(room.alert, limit=room.opened.lab.now + 3 * DAY))
    field_ = next(item for item in (await room.face())["body"] if item["type"] == "Input.Date")
    limit = room.alert.limit or 0
    assert (
        morning_of(dt.date.fromisoformat(field_["max"]), ZONE)
        < limit
        <= morning_of(dt.date.fromisoformat(field_["max"]), ZONE) + DAY
    )
    room.keep(replace(room.alert, limit=room.opened.lab.now + HOUR))
    late = await room.face()
    assert not [item for item in late["body"] if item["type"].startswith("Input.")]
    assert room.sentence("alert.no_snooze") in visible_text(late)


@pytest.mark.parametrize("verb", [Verb.ALERT_ACKNOWLEDGE, Verb.ALERT_SNOOZE, Verb.ALERT_ESCALATE])
@pytest.mark.parametrize("lang", Lang)
async def test_an_employee_changes_nothing(room: Room, verb: Verb, lang: Lang) -> None:
    """A button that found its way to an employee is refused, with who could do it, and the attempt is recorded."""
    reply = await room.press(EVE, await room.face(), verb, lang=lang, place=chat_of(ALICE), until="2026-12-24",
                             reason="x")  # fmt: skip
    assert reply.outcome == "refused"
    assert room.sentence("refused.not_allowed", lang) in text_of(reply)
    assert room.sentence("roles.dpo", lang) in text_of(reply)
    assert room.alert.state is AlertState.OPEN
    assert room.attempts() == [(verb, "not_allowed")]


@pytest.mark.parametrize("verb", [Verb.ALERT_ACKNOWLEDGE, Verb.ALERT_SNOOZE, Verb.ALERT_ESCALATE])
async def test_an_old_button_changes_nothing(room: Room, verb: Verb) -> None:
    """A button of an earlier state is answered with the present card, twice pressed or not."""
    old = await room.face()
    room.keep(replace(room.alert, count=99))
    reply = await room.press(ALICE, old, verb, until="2026-12-24", reason="x")
    assert room.sentence("pressed.stale") in text_of(reply)
    assert "99" in text_of(reply)
    assert room.alert.state is AlertState.OPEN
    assert room.alert.level == 0
    assert room.opened.chores.changes == 0


@pytest.mark.parametrize("verb", [Verb.ALERT_ACKNOWLEDGE, Verb.ALERT_SNOOZE, Verb.ALERT_ESCALATE])
async def test_a_copied_or_forged_button_is_refused_and_recorded(room: Room, verb: Verb) -> None:
    """A button that was made for another chat, or whose seal somebody made up, does nothing."""
    shown = await room.face()
    copied = await room.press(ALICE, shown, verb, place=chat_of(DORA), until="2026-12-24", reason="x")
    forged = await room.press(ALICE, shown, verb, n="abcdefgh.abcdefghijklmnop", until="2026-12-24", reason="x")
    for reply in (copied, forged):
        assert room.sentence("pressed.foreign") in text_of(reply)
    assert room.alert.state is AlertState.OPEN
    assert room.attempts() == [(verb, "foreign")] * 2
    fine = await room.press(ALICE, shown, verb, until="2026-12-24", reason="x")
    assert fine.outcome.startswith("alert_"), "the positive control"


async def test_a_seal_of_one_button_opens_no_other(room: Room) -> None:
    """The seal of a snooze does not acknowledge, and that of one alert does nothing to another."""
    room.opened.office.parts.desk.alerts.add(replace(room.alert, id="18"))
    shown = await room.face()
    snooze = buttons(shown)[Verb.ALERT_SNOOZE]["data"]["n"]
    await room.press(ALICE, shown, Verb.ALERT_ACKNOWLEDGE, n=snooze)
    await room.press(ALICE, shown, Verb.ALERT_ACKNOWLEDGE, id="18")
    assert {alert.state for alert in room.desk.office.alerts.all()} == {AlertState.OPEN}
    assert room.attempts() == [(Verb.ALERT_ACKNOWLEDGE, "foreign")] * 2


async def test_in_a_channel_no_button_does_anything(room: Room) -> None:
    """Where others read along the bot asks to come to the personal chat."""
    turn = replace(press(ALICE, await room.face(), Verb.ALERT_ACKNOWLEDGE), personal=False)
    reply = await room.dialog.verbs()[Verb.ALERT_ACKNOWLEDGE](turn, Lang.EN)
    assert reply.outcome == "elsewhere"
    assert room.alert.state is AlertState.OPEN


async def test_a_settled_alert_is_not_put_off(room: Room) -> None:
    """The card of a settled alert offers nothing; an old button shows it settled; typed words are refused."""
    old = await room.face()
    room.keep(replace(room.alert, state=AlertState.RESOLVED))
    assert {Verb.ALERT_ACKNOWLEDGE, Verb.ALERT_SNOOZE, Verb.ALERT_ESCALATE} & buttons(await room.face()).keys() == set()
    reply = await room.press(ALICE, old, Verb.ALERT_ACKNOWLEDGE)
    assert room.sentence("alert.weight_settled") in text_of(reply)
    reply = await room.say(ALICE, "snooze alert 17 until 2026-12-24 because x", Command.ALERT_SNOOZE)
    assert room.sentence("refused.already_resolved") in text_of(reply)
    assert room.attempts() == [(Verb.ALERT_SNOOZE, "already_resolved")]


@pytest.mark.parametrize("name", ["18", "", "abc", "../17", "1" * 61, "17/17"])
async def test_a_name_that_means_nothing_is_refused(room: Room, name: str) -> None:
    """Whatever stands in place of an alert's number: nothing is shown, nothing happens."""
    for verb in (Verb.ALERT_SHOW, Verb.ALERT_ACKNOWLEDGE, Verb.DELIVERY_REPORT):
        turn = replace(press(ALICE, await room.face(), Verb.ALERT_ACKNOWLEDGE, id=name), verb=verb)
        reply = await room.dialog.verbs()[verb](turn, Lang.EN)
        assert room.sentence("refused.unknown") in text_of(reply)
    assert room.alert.state is AlertState.OPEN


# -- typed ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", Lang)
async def test_a_snooze_can_be_typed(room: Room, lang: Lang) -> None:
    """Number, day and reason that can be read for certain are carried out at once."""
    words = {Lang.DE: "Hinweis 17 bis Donnerstag zurückstellen, Grund: wartet auf IT",
             Lang.EN: "snooze alert 17 until thursday because IT has to answer"}  # fmt: skip
    reply = await room.say(DORA, words[lang], Command.ALERT_SNOOZE, lang=lang)
    assert room.alert.quiet_until == morning_of(dt.date.fromisoformat("2026-12-24"), ZONE)
    assert room.sentence("alert.done_snoozed", lang) in text_of(reply)
    assert reply.subject == "alert/17"


@pytest.mark.parametrize(
    "words",
    [
        "snooze alert 17",
        "snooze alert 17 until thursday",
        "snooze alert 17 until the weekend because x",
        "snooze alert 17 because x",
        "do not snooze alert 17 until thursday because x",
        "hinweis 17 nicht bis donnerstag zurückstellen, grund: x",
        "snooze alert 17 until 1.1.2020 because x",
    ],
)
async def test_what_is_not_certain_is_asked(room: Room, words: str) -> None:
    """A day or reason that is missing or could mean two things is not guessed: the card comes with its form."""
    reply = await room.say(DORA, words, Command.ALERT_SNOOZE)
    assert room.alert.state is AlertState.OPEN
    assert room.sentence("alert.ask_form") in text_of(reply)
    assert Verb.ALERT_SNOOZE in buttons(dict(reply.card or {}))


async def test_without_a_number_the_list_comes(room: Room) -> None:
    """No number, or two, name no alert: the list comes, nothing changes."""
    for words in ("snooze the alert until thursday because x", "snooze alert 17 and alert 18 until friday because x"):
        reply = await room.say(DORA, words, Command.ALERT_SNOOZE)
        assert room.sentence("alert.ask_number") in text_of(reply)
        assert Verb.ALERT_SHOW in buttons(dict(reply.card or {}))
    assert room.alert.state is AlertState.OPEN


async def test_a_typed_snooze_obeys_role_and_limit(room: Room) -> None:
    """An employee's words are refused and recorded, and so is a day past the limit."""
    words = "snooze alert 17 until 2027-03-01 because x"
    assert room.sentence("refused.not_allowed") in text_of(await room.say(EVE, words, Command.ALERT_SNOOZE))
    assert room.sentence("refused.past_limit") in text_of(await room.say(DORA, words, Command.ALERT_SNOOZE))
    assert room.attempts() == [(Verb.ALERT_SNOOZE, "not_allowed"), (Verb.ALERT_SNOOZE, "past_limit")]
    assert room.alert.state is AlertState.OPEN


# -- lists and reports ------------------------------------------------------------------------------------------------


async def test_the_list_begins_with_the_worst(room: Room) -> None:
    """Incidents come first, then what has passed the limit; what is settled is not listed; each opens its card."""
    shelf = room.opened.office.parts.desk.alerts
    shelf.add(replace(room.alert, id="18", kind=FindingKind.OVERDUE))
    shelf.add(replace(room.alert, id="19", kind=FindingKind.OVER_DELETION, source="", about="id-1"))
    shelf.add(replace(room.alert, id="20", state=AlertState.RESOLVED))
    reply = await room.press(DORA, await room.face(DORA), Verb.ALERT_LIST)
    seen = text_of(reply)
    places = [seen.index(f"Alert {number}:") for number in (19, 18, 17)]
    assert places == sorted(places)
    assert "Alert 20:" not in seen
    opened = await room.press(DORA, dict(reply.card or {}), Verb.ALERT_SHOW)
    assert opened.subject == "alert/17", "the last button of the list"


def delivery(recipient: str, **changes: object) -> Delivery:
    """Make the delivery of the alert to somebody."""
    made = Delivery(
        id=delivery_id("alert/17", recipient), subject="alert/17", recipient=recipient, urgent=True, post="1", shown="1"
    )
    return dataclasses.replace(made, **changes)


@pytest.mark.parametrize("lang", Lang)
async def test_the_report_names_recipients_by_role(room: Room, lang: Lang) -> None:
    """Who got the card, and why not, by role and number; pseudonyms and names stay where they are."""
    people, shelf = room.opened.engine.parts.people, room.opened.office.parts.desk.deliveries
    carl = person("carl", Role.DPO)
    room.opened.lab.roles["carl"] = carl.roles
    for one in (
        delivery(people.of(DORA), state=DeliveryState.SENT, sent_at=room.opened.lab.now),
        delivery(people.of(carl), state=DeliveryState.DEAD, attempts=4, error="gone"),
        delivery(people.of(ALICE), state=DeliveryState.WAITING, error="no_reference"),
        delivery(DPO_CHANNEL, state=DeliveryState.SENT),
        delivery(ADMIN_CHANNEL),
        delivery("p-unknown"),
    ):
        shelf.add(one)
    reply = await room.press(DORA, await room.face(DORA, lang), Verb.DELIVERY_REPORT, lang=lang)
    seen = text_of(reply)
    for key, number in (("to_dpo", "1"), ("to_dpo", "2"), ("to_admin", "1"), ("to_other", "1")):
        assert room.sentence(f"delivery.{key}", lang, number=number) in seen
    for key in ("to_channel_dpo", "to_channel_admin", "error_gone", "error_no_reference"):
        assert room.sentence(f"delivery.{key}", lang) in seen
    assert people.of(DORA) not in str(reply.card)


async def test_what_was_given_up_is_visible_to_admins(room: Room) -> None:
    """Dead letters of all subjects stand in one report, for those with a role; an employee is refused."""
    shelf = room.opened.office.parts.desk.deliveries
    shelf.add(delivery("p-1", state=DeliveryState.DEAD, error="rejected"))
    shelf.add(delivery("p-2", state=DeliveryState.SENT))
    shown = await room.say(ALICE, "status", Command.RETENTION_STATUS)
    room.desk.office.jobs.look()
    shown = await room.say(ALICE, "status", Command.RETENTION_STATUS)
    reply = await room.press(ALICE, dict(shown.card or {}), Verb.DELIVERY_REPORT)
    assert room.sentence("delivery.about_alert", id="17") in text_of(reply)
    assert room.sentence("delivery.error_rejected") in text_of(reply)
    assert text_of(reply).count(room.sentence("delivery.row_state")) == 1
    refused = await room.press(EVE, dict(shown.card or {}), Verb.DELIVERY_REPORT)
    assert room.sentence("refused.not_allowed") in text_of(refused)


# -- how things stand -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", Lang)
async def test_the_overview_comes_from_the_last_look(room: Room, lang: Lang) -> None:
    """Before the first look one is begun and said; after it every source stands there with its figures."""
    reply = await room.say(DORA, "which logs are overdue", Command.RETENTION_STATUS, lang=lang)
    assert reply.outcome == "retention_looking"
    assert room.sentence("retention.looking", lang) in text_of(reply)
    reply = await room.press(DORA, dict(reply.card or {}), Verb.RETENTION_SHOW, lang=lang)
    said, seen = room.desk.said[lang], text_of(reply)
    board = room.desk.office.jobs.board()
    assert board is not None
    summary = board.statuses[0].summary
    assert "App logs of the \\*server\\*" in seen
    assert said("retention.numbers", due=said.number(summary.expired_records), overdue="0") in seen
    assert said.day(summary.oldest) in seen
    assert said("retention.looked", when=said.when(board.at)) in seen
    assert Verb.PURGE_PREVIEW not in buttons(dict(reply.card or {}))
    admin = await room.say(ALICE, "which logs are overdue", Command.RETENTION_STATUS, lang=lang)
    assert buttons(dict(admin.card or {}))[Verb.PURGE_PREVIEW]["data"]["id"] == SOURCE


@pytest.mark.parametrize("words", ["offene alarme", "show alerts", "Gibt es Warnungen?"])
async def test_whoever_asks_for_alerts_gets_them(room: Room, words: str) -> None:
    """Typed words for the alerts list them, for an admin and a DPO alike; an employee is refused, and it is noted."""
    for who in (DORA, ALICE):
        reply = await room.say(who, words, Command.RETENTION_STATUS)
        assert reply.outcome == "alert_list"
        assert SOURCE in visible_text(reply.card or {}) or TITLES[SOURCE] in visible_text(reply.card or {})
    assert (await room.say(EVE, words, Command.RETENTION_STATUS)).outcome == "refused"
    assert (await room.say(ALICE, "status", Command.RETENTION_STATUS)).outcome != "alert_list"


async def test_the_overview_is_for_those_who_may_see_it(room: Room) -> None:
    """An employee is refused, a channel is asked to come to the personal chat, and nothing is looked at for them."""
    refused = await room.say(EVE, "which logs are overdue", Command.RETENTION_STATUS)
    assert room.sentence("refused.not_allowed") in text_of(refused)
    turn = say(ALICE, "which logs are overdue", personal=False)
    elsewhere = await room.dialog.commands()[Command.RETENTION_STATUS](turn, Lang.EN)
    assert elsewhere.outcome == "elsewhere"
    assert room.desk.office.jobs.board() is None
    assert room.attempts() == [(Command.RETENTION_STATUS.value, "not_allowed")]


@pytest.mark.parametrize("lang", Lang)
async def test_the_weekly_report_matches_the_facts(room: Room, lang: Lang) -> None:
    """Purges, certificates, alerts and the head of the audit are those of stores and audit."""
    room.desk.office.jobs.look()
    engine = room.opened.engine
    request = room.opened.lab.approved(engine)
    closed = engine.runner.run(request.id, progress=lambda *_: None)
    said = room.desk.said[lang]
    shown = await room.dialog.faces()["digest"]("2026-W51", room.opened.viewer(DORA, lang))
    assert shown is not None
    seen = visible_text(shown)
    audit = engine.parts.audit
    assert said("digest.certificates", count="1", due="1", provisional="0") in seen
    assert said("digest.verdict_pass") in seen
    assert said.number(closed.gone.records) in seen
    assert said.number(audit.last.seq) in seen
    assert audit.head[:16] in seen.replace(" ", "")
    assert said("digest.witness_why") in seen
    before = await room.dialog.faces()["digest"]("2026-W50", room.opened.viewer(DORA, lang))
    assert before is not None
    assert said("digest.certificates", count="0", due="0", provisional="0") in visible_text(before)


async def test_the_weekly_report_is_for_those_who_may_see_it(room: Room) -> None:
    """An employee gets none, a week that does not exist has none, and before the first look that is said."""
    face = room.dialog.faces()["digest"]
    assert await face("2026-W51", room.opened.viewer(EVE)) is None
    for name in ("2026-W54", "2026-W00", "2025-W53", "2026W51", "", "2026-W51 "):
        assert await face(name, room.opened.viewer(DORA)) is None
    shown = await face("2026-W51", room.opened.viewer(DORA))
    assert shown is not None
    assert room.sentence("digest.unlooked") in visible_text(shown)
    assert room.sentence("digest.calm") not in visible_text(shown)


async def test_everything_this_dialog_promises_is_there(room: Room) -> None:
    """The verbs and commands of alerts and retention lead to this dialog."""
    mine = {verb for verb in Verb if verb.value.startswith(("alert_", "retention_", "delivery_"))}
    assert room.dialog.verbs().keys() == mine
    assert room.dialog.commands().keys() == {Command.RETENTION_STATUS, Command.ALERT_SNOOZE}
    assert room.dialog.faces().keys() == {"alert", "digest"}
