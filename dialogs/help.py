"""Says what this person may ask, and nothing else; greets; says that something went wrong."""

from collections.abc import Mapping

from cards.elements import card, text
from cards.help import Example, error_card, help_card
from cards.texts import Texts
from cards.verbs import Verb
from data.access import Actor, Permission, Role
from data.catalogue.model import Catalogue
from data.labels import Lang, Outcome
from dialogs.turn import Reply

EXAMPLE_TOPICS = ("data_categories", "app_mobile", "diagnostics", "recording")


DOORS: Mapping[Verb, Permission | None] = {
    Verb.RETENTION_SHOW: Permission.SEE_RETENTION,
    Verb.ALERT_LIST: Permission.HANDLE_ALERT,
    Verb.PURGE_MENU: Permission.RUN_PURGE,
    Verb.PURGE_LIST: Permission.SEE_RETENTION,
    Verb.HOLD_LIST: Permission.PLACE_HOLD,
    Verb.STANDING_LIST: Permission.SEE_RETENTION,
    Verb.TICKET_LIST: Permission.HANDLE_TICKET,
    Verb.MY_DATA: None,
}
"""What somebody can look at from the help card, and what his role has to grant for it."""


class HelpDialog:
    """Help by role."""

    def __init__(self, *, catalogue: Catalogue, texts: Mapping[Lang, Texts], banner: bool, doors: bool = False) -> None:
        """`doors` says whether there are dialogs behind the buttons to alerts, purges and one's own data."""
        self._catalogue = catalogue
        self._texts = texts
        self._banner = banner
        self._doors = doors

    def help(self, actor: Actor, lang: Lang, *, welcome: bool = False, before: str = "") -> Reply:
        """Say what can be asked; `before` is the key of a sentence said first."""
        shown = help_card(
            self._texts[lang],
            [Example(id=topic, title=self._catalogue.topics[topic].title[lang]) for topic in EXAMPLE_TOPICS],
            roles=[role.value for role in (Role.ADMIN, Role.DPO) if role in actor.roles],
            welcome=welcome,
            before=before,
            doors=[door for door, needs in DOORS.items() if self._doors and (needs is None or actor.may(needs))],
            banner=self._banner,
        )
        return Reply(card=shown, outcome=Outcome.HELP, lang=lang)

    def failed(self, lang: Lang, *, reference: str) -> Reply:
        """Say that the bot failed, with a number the operator finds in the log."""
        return Reply(
            card=error_card(self._texts[lang], reference=reference, banner=self._banner),
            outcome="error",
            lang=lang,
        )

    def too_many(self, lang: Lang) -> Reply:
        """Ask somebody to write more slowly."""
        texts = self._texts[lang]
        shown = card(texts, [text(texts("refused.rate_limited"))], summary=texts("refused.rate_limited"),
                     banner=self._banner)  # fmt: skip
        return Reply(card=shown, outcome="rate_limited", lang=lang)

    def unknown_button(self, lang: Lang) -> Reply:
        """Say that a button means nothing here."""
        return Reply(
            card=error_card(self._texts[lang], unknown_button=True, banner=self._banner),
            outcome="unknown_button",
            lang=lang,
        )
