"""Says what this person may ask, and nothing else; greets; says that something went wrong."""

from collections.abc import Mapping

from cards.elements import card, text
from cards.help import Example, error_card, help_card
from cards.texts import Texts
from data.access import Actor, Role
from data.catalogue.model import Catalogue
from data.labels import Lang, Outcome
from dialogs.turn import Reply

EXAMPLE_TOPICS = ("data_categories", "app_mobile", "diagnostics", "recording")


class HelpDialog:
    """Help by role."""

    def __init__(self, *, catalogue: Catalogue, texts: Mapping[Lang, Texts], banner: bool) -> None:
        self._catalogue = catalogue
        self._texts = texts
        self._banner = banner

    def help(self, actor: Actor, lang: Lang, *, welcome: bool = False, before: str = "") -> Reply:
        """Say what can be asked; `before` is the key of a sentence said first."""
        shown = help_card(
            self._texts[lang],
            [Example(id=topic, title=self._catalogue.topics[topic].title[lang]) for topic in EXAMPLE_TOPICS],
            roles=[role.value for role in (Role.ADMIN, Role.DPO) if role in actor.roles],
            welcome=welcome,
            before=before,
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
