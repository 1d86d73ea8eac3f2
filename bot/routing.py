"""Builds what decides which card answers a turn; imports what it needs when it builds, so that nobody waits for it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.settings import Settings

if TYPE_CHECKING:
    from data.knowledge import Knowledge
    from data.questions.context import Contexts
    from data.stores.interface import FeedbackStore
    from dialogs.face import Dialog
    from dialogs.router import Router


def build_router(
    knowledge: "Knowledge",
    settings: Settings,
    feedback: "FeedbackStore",
    *,
    contexts: "Contexts",
    banner: bool,
    dialogs: "Sequence[Dialog]" = (),
    hands_over: bool = False,
) -> "Router":
    """Build what decides which card answers a turn; without dialogs nothing is carried out."""
    from cards.ask import Contact
    from cards.texts import load_texts
    from data.questions.language import SmallWordsFirst
    from data.questions.matcher import Matcher
    from data.questions.understand import Understanding
    from dialogs.ask import AskDialog
    from dialogs.help import HelpDialog
    from dialogs.purge import PurgeDialog
    from dialogs.router import Router

    texts = load_texts()
    lexicon = knowledge.corpus.lexicon
    matcher = Matcher(knowledge.model, lexicon)
    who = settings.contacts
    contact = Contact(dpo_name=who.dpo_name, dpo_mail=who.dpo_mail, controller=who.controller)
    return Router(
        understanding=Understanding(
            matcher=matcher,
            lexicon=lexicon,
            language=SmallWordsFirst(),
            grammar=knowledge.corpus.grammar,
            ambiguities=knowledge.corpus.options,
            clauses=knowledge.catalogue.topic_of_clause(),
        ),
        matcher=matcher,
        contexts=contexts,
        ask=AskDialog(
            catalogue=knowledge.catalogue,
            texts=texts,
            contact=contact,
            clarifying=knowledge.corpus.clarifying,
            banner=banner,
            hands_over=hands_over,
        ),
        purge=PurgeDialog(texts=texts, banner=banner),
        helper=HelpDialog(catalogue=knowledge.catalogue, texts=texts, banner=banner, doors=bool(dialogs)),
        feedback=feedback,
        dialogs=dialogs,
    )
