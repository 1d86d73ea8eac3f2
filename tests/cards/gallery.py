"""One card of each family, as the dialogs of the product make it; golden files and rules look at all of them.

The cards of the office stand in `office_gallery.py`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from cards.ask import Contact
from cards.elements import Card
from cards.texts import load_texts
from data.access import Role
from data.catalogue.loader import load_catalogue
from data.catalogue.model import Catalogue, Words
from data.labels import Lang
from data.questions.commands import Command
from data.questions.matcher import Match
from data.questions.understand import Label
from dialogs.ask import AskDialog
from dialogs.help import HelpDialog
from dialogs.purge import PurgeDialog
from dialogs.turn import Reply
from tests.cards.office_gallery import OFFICE
from tests.domain import actor

CONTACT = Contact(
    dpo_name="Dr. Erika *Muster*",
    dpo_mail="dsb_team@beispiel.example",
    controller="Beispiel GmbH & Co. KG <Starnberg>",
)
NOTICE_URLS = {f"N{number}": f"https://beispiel.example/datenschutz/n{number}" for number in range(3, 10)}
OWN_TOPIC = """\
id = "cafeteria_display"
group = "own"
outcome = "answer"
title.de = "Anzeige in der Kantine"
title.en = "Display in the cafeteria"
answer.de = "Die Anzeige in der Kantine zeigt keine Namen."
answer.en = "The display in the cafeteria shows no names."
phrasings.de = ["zeigt der kantinenbildschirm namen"]
phrasings.en = ["does the cafeteria screen show names"]
"""
OWN_ANSWER = """\
id = "recording"
outcome = "answer"
clauses = []
answer.de = "Unsere Betriebsvereinbarung verbietet Aufzeichnungen."
answer.en = "Our works agreement forbids recordings."
"""


class Studio:
    """The dialogs in three deployments: nothing configured, everything configured, and with an overlay."""

    def __init__(self, clarifying: Mapping[str, Words], folder: Path) -> None:
        self.clarifying = clarifying
        self.texts = load_texts()
        self.catalogue = load_catalogue()
        self.plain = self._ask(self.catalogue, Contact())
        self.configured = self._ask(load_catalogue(notice_urls=NOTICE_URLS), CONTACT)
        self.overlaid = self._ask(load_catalogue(overlay=_overlay(folder)), CONTACT)
        self.handing = self._ask(self.catalogue, Contact(), hands_over=True)
        self.help = HelpDialog(catalogue=self.catalogue, texts=self.texts, banner=False)
        self.doors = HelpDialog(catalogue=self.catalogue, texts=self.texts, banner=False, doors=True)
        self.dev_help = HelpDialog(catalogue=self.catalogue, texts=self.texts, banner=True)
        self.purge = PurgeDialog(texts=self.texts, banner=False)

    def _ask(self, catalogue: Catalogue, contact: Contact, *, hands_over: bool = False) -> AskDialog:
        return AskDialog(
            catalogue=catalogue,
            texts=self.texts,
            contact=contact,
            clarifying=self.clarifying,
            banner=False,
            hands_over=hands_over,
        )


def _overlay(folder: Path) -> Path:
    topics = folder / "topics"
    topics.mkdir()
    (topics / "own.toml").write_text(OWN_TOPIC, encoding="utf-8")
    (topics / "recording.toml").write_text(OWN_ANSWER, encoding="utf-8")
    return folder


def labels(*names: str) -> list[Label]:
    """Read labels such as `push` or `push.retention`."""
    return [Label.of(name) for name in names]


Make = Callable[[Studio, Lang], Reply]

ANSWERS: Mapping[str, Make] = {
    "answer": lambda s, lang: s.plain.answer(labels("push"), lang),
    "answer_with_link": lambda s, lang: s.configured.answer(labels("app_mobile"), lang),
    "answer_with_certain_link": lambda s, lang: s.plain.answer(labels("sip_trunk"), lang),
    "answer_opened_from_another": lambda s, lang: s.plain.answer(labels("push"), lang, back=Label.of("app_mobile")),
    "two_answers": lambda s, lang: s.plain.answer(labels("push", "diagnostics"), lang),
    "not_in_terms": lambda s, lang: s.plain.answer(labels("journal.retention"), lang),
    "not_in_terms_with_background_and_contact": lambda s, lang: s.configured.answer(labels("boss_view.journal"), lang),
    "overlay_answer": lambda s, lang: s.overlaid.answer(labels("recording"), lang),
    "overlay_topic": lambda s, lang: s.overlaid.answer(labels("cafeteria_display"), lang),
    "hand_over": lambda s, lang: s.handing.answer(labels("journal.retention"), lang),
    "hand_over_thanks_no": lambda s, lang: s.handing.answer(labels("push"), lang, thanked=False),
    "hand_over_rights": lambda s, lang: s.handing.answer(labels("rights"), lang),
    "product": lambda s, lang: s.plain.answer(labels("this_bot"), lang),
    "thanks_yes": lambda s, lang: s.plain.answer(labels("push"), lang, thanked=True),
    "thanks_no": lambda s, lang: s.plain.answer(labels("push"), lang, thanked=False),
}
OTHERS: Mapping[str, Make] = {
    "choice": lambda s, lang: s.plain.ask_back(("journal", "diagnostics"), "logs", lang, confidence=0.9),
    "choice_of_near_topics": lambda s, lang: s.plain.ask_back(("presence", "location"), "", lang, confidence=0.2),
    "choice_of_status": lambda s, lang: s.plain.ask_back(
        ("purge_status", "retention_status"), "status", lang, confidence=0.9
    ),
    "hand_over_choice": lambda s, lang: s.handing.ask_back(("journal", "diagnostics"), "logs", lang, confidence=0.9),
    "hand_over_out_of_scope": lambda s, lang: s.handing.out_of_scope(lang, confidence=0.9),
    "out_of_scope": lambda s, lang: s.plain.out_of_scope(lang, confidence=0.9),
    "help_employee": lambda s, lang: s.help.help(actor(), lang),
    "help_admin": lambda s, lang: s.help.help(actor(Role.ADMIN), lang),
    "help_dpo": lambda s, lang: s.help.help(actor(Role.DPO), lang),
    "help_doors_employee": lambda s, lang: s.doors.help(actor(), lang),
    "help_doors_admin": lambda s, lang: s.doors.help(actor(Role.ADMIN), lang),
    "help_doors_dpo": lambda s, lang: s.doors.help(actor(Role.DPO), lang),
    "help_doors_both": lambda s, lang: s.doors.help(actor(Role.ADMIN, Role.DPO), lang),
    "welcome": lambda s, lang: s.help.help(actor(), lang, welcome=True),
    "empty": lambda s, lang: s.help.help(actor(), lang, before="help.empty"),
    "too_long": lambda s, lang: s.help.help(actor(), lang, before="help.too_long"),
    "dev_mode": lambda s, lang: s.dev_help.help(actor(), lang),
    "command_allowed": lambda s, lang: s.purge.recognised(Command.PURGE_START, actor(Role.ADMIN), lang),
    "command_refused": lambda s, lang: s.purge.recognised(Command.PURGE_START, actor(), lang),
    "error": lambda s, lang: s.help.failed(lang, reference="0a1b2c3d"),
    "too_many": lambda s, lang: s.help.too_many(lang),
    "unknown_button": lambda s, lang: s.help.unknown_button(lang),
}
TALK: Mapping[str, Make] = {**ANSWERS, **OTHERS}
"""The cards of conversation; the others are those of the office."""
FAMILIES = (*TALK, *OFFICE)


def made(studio: Studio, family: str, lang: Lang) -> Card:
    """Make the card of a family."""
    if family in OFFICE:
        return OFFICE[family](lang)
    card = TALK[family](studio, lang).card
    assert card is not None
    return dict(card)


def found(studio: Studio, lang: Lang) -> tuple[Card, Card]:
    """Make a search result: the card to insert, and its line in the list."""
    first = studio.configured.search([Match("journal", 0.9)], lang).found[0]
    return dict(first.card), dict(first.preview)
