"""The cards an asker sees: answer (also "the terms are silent"), choice, out of scope, and a search result."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cards.elements import (
    Card,
    Element,
    actions,
    card,
    container,
    escape,
    execute,
    facts,
    heading,
    open_url,
    subtle,
    text,
)
from cards.texts import Texts
from cards.verbs import Verb
from data.catalogue.model import TERMS_VERSION, Aspect, Fact, Group, Notice, Topic, Words
from data.labels import Outcome

MOST_RELATED = 3
NOTHING_KNOWN = "none"
"""Stands for the topic where a question belongs to none."""
RIGHTS_TOPIC = "rights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom people are sent to, as the operator set it; all may be empty."""

    dpo_name: str = ""
    dpo_mail: str = ""
    controller: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer with everything that stands beside it."""

    topic: Topic
    aspect: Aspect
    facts: Sequence[Fact]
    notices: Sequence[Notice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The complete lists of clauses 2.8 and 2.9."""

    data_categories: Mapping[str, Words]
    subjects: Mapping[str, Words]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where a button leads: a topic, or the state of something."""

    id: str
    title: str
    verb: Verb = Verb.SHOW_TOPIC


def answer_card(
    texts: Texts,
    answers: Sequence[Answered],
    *,
    lists: Lists,
    contact: Contact,
    related: Sequence[Link],
    back: Link | None = None,
    thanked: bool | None = None,
    asks_feedback: bool = True,
    interactive: bool = True,
    hands_over: bool = False,
    banner: bool = False,
) -> Card:
    """Show one answer or several.

    `thanked` is None before feedback was given, then whether it was good. A card that is not interactive (one that was
    inserted into somebody else's chat) has links but no buttons that come back to the bot. `hands_over` tells whether
    there are people to whom a question without an answer can be sent.
    """
    body: list[Element] = []
    for number, answered in enumerate(answers):
        body.append(container(_answer(texts, answered, lists), separator=number > 0))
    if any(answered.aspect.outcome is Outcome.NOT_IN_TERMS for answered in answers):
        body.append(subtle(_contact(texts, contact)))
    body.extend(_notices(texts, [notice for answered in answers for notice in answered.notices]))
    body.extend(subtle(line) for line in _footers(texts, answers))
    if interactive:
        ids = [_id(answered) for answered in answers]
        if back or related:
            body.append(actions(_links(texts, related, back=back, come_from=ids[0])))
        if asks_feedback:
            body.extend(_feedback(texts, ids, thanked))
        if hands_over:
            body.extend(_hand_over(texts, answers, ids[0], disliked=thanked is False))
    summary = "\n".join(f"{a.topic.title[texts.lang]}: {a.aspect.answer[texts.lang]}" for a in answers)
    return card(texts, body, summary=summary, banner=banner)


def choice_card(
    texts: Texts, question: str, options: Sequence[Link], *, hands_over: bool = False, banner: bool = False
) -> Card:
    """Ask back: which of these is meant."""
    question = question or texts("clarify.near")
    return card(
        texts,
        [
            heading(texts("clarify.title")),
            text(question),
            actions(_show(texts, option) for option in options),
            subtle(texts("clarify.hint")),
            *([actions([_offer(texts, NOTHING_KNOWN)])] if hands_over else []),
        ],
        summary=f"{question} {' / '.join(option.title for option in options)}",
        banner=banner,
    )


def out_of_scope_card(
    texts: Texts, examples: Sequence[Link], *, hands_over: bool = False, banner: bool = False
) -> Card:
    """Say honestly that this is not the bot's subject, and what is."""
    return card(
        texts,
        [
            heading(texts("out_of_scope.title")),
            text(texts("out_of_scope.body")),
            text(texts("out_of_scope.examples"), spacing="Medium"),
            actions(_show(texts, example) for example in examples),
            *([actions([_offer(texts, NOTHING_KNOWN)])] if hands_over else []),
        ],
        summary=f"{texts('out_of_scope.title')}. {texts('out_of_scope.body')}",
        banner=banner,
    )


def preview_card(texts: Texts, title: str, line: str) -> Card:
    """A search result as it stands in the list, before it is inserted."""
    return card(texts, [text(title, weight="Bolder"), subtle(line)], summary=title, banner=False)


def _answer(texts: Texts, answered: Answered, lists: Lists) -> Iterable[Element]:
    lang = texts.lang
    yield heading(answered.topic.title[lang])
    if answered.aspect.outcome is Outcome.NOT_IN_TERMS:
        yield container([text(texts("answer.label_not_in_terms"), weight="Bolder")], style="warning")
    elif answered.topic.changed_by_overlay:
        yield text(texts("answer.label_own"), weight="Bolder", color="Accent", spacing="None")
    yield text(answered.aspect.answer[lang])
    rows = list(_rows(texts, answered, lists))
    if rows:
        yield facts(rows)
    if answered.facts:
        yield container(_background(texts, answered.facts), style="emphasis")


def _rows(texts: Texts, answered: Answered, lists: Lists) -> Iterable[tuple[str, str]]:
    """The table of an answered question; a narrower or silent answer has none, so that it never says too much."""
    topic, lang = answered.topic, texts.lang
    if answered.aspect.outcome is not Outcome.ANSWER or answered.aspect.id:
        return
    if topic.recipients:
        yield texts("answer.fact_recipients"), topic.recipients[lang]
    if topic.retention:
        yield texts("answer.fact_retention"), topic.retention[lang]
        # The general list names the call journal, and must not stand under a period that is not the journal's.
        return
    if topic.data_categories:
        names = ", ".join(lists.data_categories[key][lang] for key in topic.data_categories)
        yield texts("answer.fact_categories"), texts("answer.in_general", list=names, clause="2.8")
    if topic.subjects:
        yield texts("answer.fact_subjects"), texts("answer.groups_in_general", count=str(len(topic.subjects)))


def _background(texts: Texts, found: Sequence[Fact]) -> Iterable[Element]:
    lang = texts.lang
    yield text(texts("answer.background"), weight="Bolder", size="Small")
    for fact in found:
        yield text(fact.text[lang], size="Small")
        details = [texts("answer.source_applies", applies_to=fact.reference.applies_to[lang])]
        if fact.reference.date:
            details.insert(0, texts("answer.source_date", date=fact.reference.date))
        yield subtle(texts("answer.source", title=fact.reference.title[lang], details="; ".join(details)))


def _contact(texts: Texts, contact: Contact) -> str:
    parts = [escape(part) for part in (contact.dpo_name, contact.dpo_mail) if part]
    line = texts("answer.contact_known", contact=", ".join(parts)) if parts else texts("answer.contact_unknown")
    if contact.controller:
        line = line.removesuffix(".") + ". " + texts("answer.controller", controller=escape(contact.controller))
    return line


def _notices(texts: Texts, notices: Sequence[Notice]) -> Iterable[Element]:
    unique = list({notice.id: notice for notice in notices}.values())
    for notice in unique:
        lines = []
        if not notice.names_itself:
            lines.append(texts("answer.notice_unnamed", clause=notice.clause))
        if not notice.url:
            lines.append(texts("answer.notice_missing", title=notice.title[texts.lang]))
        if lines:
            yield subtle(" ".join(lines))
    linked = [notice for notice in unique if notice.url]
    if linked:
        yield actions(
            open_url(texts("answer.notice_button", title=notice.title[texts.lang]), notice.url) for notice in linked
        )


def _footers(texts: Texts, answers: Sequence[Answered]) -> Iterable[str]:
    clauses = list(dict.fromkeys(clause for answered in answers for clause in answered.aspect.clauses))
    if clauses:
        key = "answer.footer_clauses" if len(clauses) > 1 else "answer.footer_clause"
        yield texts(key, clauses=", ".join(clauses), version=TERMS_VERSION)
    elif all(answered.topic.group in (Group.PRODUCT, Group.OWN) for answered in answers):
        yield texts("answer.footer_product", version=TERMS_VERSION)
    else:
        yield texts("answer.footer_silent", version=TERMS_VERSION)


def _links(texts: Texts, related: Sequence[Link], *, back: Link | None, come_from: str) -> Iterable[Element]:
    if back:
        yield _show(texts, Link(id=back.id, title=texts("answer.back", title=back.title)))
    for link in [link for link in related if not back or link.id != back.id][:MOST_RELATED]:
        yield _show(texts, link, come_from=come_from)


def _show(texts: Texts, link: Link, *, come_from: str = "") -> Element:
    data = {"id": link.id, "lang": texts.lang.value}
    return execute(link.title, link.verb, {**data, "from": come_from} if come_from else data)


def _feedback(texts: Texts, ids: Sequence[str], thanked: bool | None) -> Iterable[Element]:  # noqa: FBT001  three states
    if thanked is not None:
        yield subtle(texts("answer.feedback_thanks" if thanked else "answer.feedback_thanks_no"))
        return
    data = {"id": "+".join(ids), "lang": texts.lang.value}
    yield subtle(texts("answer.feedback_question"))
    yield actions(
        [
            execute(
                texts("answer.feedback_yes"),
                Verb.FEEDBACK_YES,
                data,
                tooltip=texts("answer.feedback_yes_label"),
            ),
            execute(
                texts("answer.feedback_no"),
                Verb.FEEDBACK_NO,
                data,
                tooltip=texts("answer.feedback_no_label"),
            ),
        ],
    )


def _hand_over(texts: Texts, answers: Sequence[Answered], come_from: str, *, disliked: bool) -> Iterable[Element]:
    """Offer the way to a person where there is no answer, or where the answer did not help."""
    offered = []
    if any(answered.topic.id == RIGHTS_TOPIC for answered in answers):
        offered.append(_offer(texts, RIGHTS_TOPIC, verb=Verb.RIGHTS_FORM))
    if disliked or any(answered.aspect.outcome is Outcome.NOT_IN_TERMS for answered in answers):
        offered.append(_offer(texts, come_from))
    if offered:
        yield actions(offered)


def _offer(texts: Texts, name: str, *, verb: Verb = Verb.HAND_OVER) -> Element:
    rights = verb is Verb.RIGHTS_FORM
    title = texts("handover.offer_rights" if rights else "handover.offer")
    hint = texts("handover.offer_rights_hint" if rights else "handover.offer_hint")
    return execute(title, verb, {"id": name, "lang": texts.lang.value}, tooltip=hint)


def _id(answered: Answered) -> str:
    return f"{answered.topic.id}.{answered.aspect.id}" if answered.aspect.id else answered.topic.id
