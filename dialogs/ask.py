"""Answers what people ask: which data, for what, which notice; asks back, or says honestly that it does not know."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cards.ask import (
    Answered,
    Contact,
    Link,
    Lists,
    answer_card,
    choice_card,
    out_of_scope_card,
    preview_card,
)
from cards.elements import Card
from cards.texts import Texts
from cards.verbs import Verb
from data.catalogue.model import Catalogue, Words
from data.labels import Lang, Outcome
from data.questions.matcher import Match
from data.questions.understand import Label
from dialogs.turn import Found, Reply

EXAMPLE_TOPICS = ("data_categories", "diagnostics", "app_mobile", "journal")
MOST_FOUND = 6
MOST_BUILT = 4096


class AskDialog:
    """Turns labels into answers."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        texts: Mapping[Lang, Texts],
        contact: Contact,
        clarifying: Mapping[str, Words],
        banner: bool,
        hands_over: bool = False,
    ) -> None:
        self._catalogue = catalogue
        self._texts = texts
        self._contact = contact
        self._clarifying = clarifying
        self._banner = banner
        self._hands_over = hands_over
        self._built: dict[tuple[tuple[Label, ...], Lang, Label | None, bool | None], Reply] = {}
        self._lists = Lists(data_categories=catalogue.data_categories, subjects=catalogue.subjects)

    def answer(
        self,
        labels: Sequence[Label],
        lang: Lang,
        *,
        confidence: float = 1.0,
        back: Label | None = None,
        thanked: bool | None = None,
    ) -> Reply:
        """Answer one question, or several at once.

        The same answer is the same card, so each is built once; nothing of who asked is in it.
        """
        key = (tuple(labels), lang, back, thanked)
        reply = self._built.get(key)
        if reply is None:
            if len(self._built) >= MOST_BUILT:
                self._built.clear()
            reply = self._built[key] = self._build(labels, lang, back=back, thanked=thanked)
        return replace(reply, confidence=confidence)

    def _build(self, labels: Sequence[Label], lang: Lang, *, back: Label | None, thanked: bool | None) -> Reply:
        answers = [self._answered(label) for label in labels]
        outcomes = {answered.aspect.outcome for answered in answers}
        shown = answer_card(
            self._texts[lang],
            answers,
            lists=self._lists,
            contact=self._contact,
            related=self._related(answers, lang),
            back=self._link(back, lang) if back else None,
            thanked=thanked,
            hands_over=self._hands_over,
            banner=self._banner,
        )
        return Reply(
            card=shown,
            # A question of which a part is answered counts as answered.
            outcome=Outcome.ANSWER if Outcome.ANSWER in outcomes else Outcome.NOT_IN_TERMS,
            topics=tuple(answered.topic.id for answered in answers),
            clauses=tuple(dict.fromkeys(c for answered in answers for c in answered.aspect.clauses)),
            notices=tuple(dict.fromkeys(notice.id for answered in answers for notice in answered.notices)),
            lang=lang,
        )

    def ask_back(self, options: Sequence[str], ambiguity: str, lang: Lang, *, confidence: float) -> Reply:
        """Ask which of several topics is meant."""
        question = self._clarifying[ambiguity][lang] if ambiguity else ""
        links = [self._option(option, lang) for option in options]
        return Reply(
            card=choice_card(self._texts[lang], question, links, hands_over=self._hands_over, banner=self._banner),
            outcome=Outcome.CLARIFY,
            topics=tuple(options),
            options=tuple(options),
            confidence=confidence,
            lang=lang,
        )

    def out_of_scope(self, lang: Lang, *, confidence: float) -> Reply:
        """Say that this is not the bot's subject."""
        examples = [self._link(Label(topic=topic), lang) for topic in EXAMPLE_TOPICS]
        return Reply(
            card=out_of_scope_card(self._texts[lang], examples, hands_over=self._hands_over, banner=self._banner),
            outcome=Outcome.OUT_OF_SCOPE,
            confidence=confidence,
            lang=lang,
        )

    def knows(self, label: Label) -> bool:
        """Tell whether there is such a topic, and such an aspect of it."""
        topic = self._catalogue.topics.get(label.topic)
        return topic is not None and (not label.aspect or label.aspect in topic.aspects)

    def search(self, ranked: Sequence[Match], lang: Lang) -> Reply:
        """Find topics for a search box; the cards have links but no buttons that come back."""
        labels: dict[str, Label] = {}
        for match in ranked:
            label = Label.of(match.label)
            if self.knows(label):
                labels.setdefault(label.topic, label)
        if not labels:
            labels = {topic: Label(topic=topic) for topic in EXAMPLE_TOPICS}
        found = tuple(self._found(label, lang) for label in list(labels.values())[:MOST_FOUND])
        return Reply(found=found, outcome="search", topics=tuple(labels)[:MOST_FOUND], lang=lang)

    def title(self, topic: str, lang: Lang) -> str:
        """Give the title of a topic."""
        return self._catalogue.topics[topic].title[lang]

    def _found(self, label: Label, lang: Lang) -> Found:
        answered = self._answered(label)
        shown: Card = answer_card(
            self._texts[lang],
            [answered],
            lists=self._lists,
            contact=self._contact,
            related=(),
            interactive=False,
            banner=self._banner,
        )
        line = answered.aspect.answer[lang]
        return Found(card=shown, preview=preview_card(self._texts[lang], answered.topic.title[lang], line[:120]))

    def _answered(self, label: Label) -> Answered:
        topic = self._catalogue.topics[label.topic]
        aspect = topic.aspect(label.aspect)
        return Answered(
            topic=topic,
            aspect=aspect,
            facts=topic.facts_for(aspect.id),
            notices=[self._catalogue.notices[notice] for notice in aspect.notices],
        )

    def _related(self, answers: Sequence[Answered], lang: Lang) -> list[Link]:
        shown = {answered.topic.id for answered in answers}
        ids = dict.fromkeys(other for answered in answers for other in answered.topic.related if other not in shown)
        return [self._link(Label(topic=other), lang) for other in ids]

    def _option(self, option: str, lang: Lang) -> Link:
        if option in self._catalogue.topics:
            return self._link(Label(topic=option), lang)
        return Link(id=option, title=self._texts[lang](f"commands.{option}"), verb=Verb.SHOW_STATUS)

    def _link(self, label: Label, lang: Lang) -> Link:
        name = f"{label.topic}.{label.aspect}" if label.aspect else label.topic
        return Link(id=name, title=self._catalogue.topics[label.topic].title[lang])
