"""Text from outside is shown as it is and can do nothing: no Markdown, no mention, nothing hidden, one short line."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cards.elements import MAX_CARD_CHARS, actions, card, escape, execute, facts, heading, open_url, text, visible_text
from cards.texts import load_texts
from cards.verbs import Verb
from data.labels import Lang

LONGEST = 200
INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""Letters and marks by their category, but nobody sees them."""
NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from("\\`*_[]()<>#~|{}!$&;:+-.=\"'1 aä\n\r\t\0\u200b\u202e\u2066\ufeff\u2028" + INVISIBLE),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=260,
)


def rendered(markdown: str) -> str:
    """Show what a reader of CommonMark sees; fails on anything but one paragraph of plain text."""
    blocks = MarkdownIt("commonmark").parse(markdown)
    if not blocks:
        return ""
    assert [block.type for block in blocks] == ["paragraph_open", "inline", "paragraph_close"], markdown
    children = blocks[1].children or []
    assert {child.type for child in children} <= {"text", "text_special"}, (markdown, children)
    return "".join(child.content for child in children)


def wanted(foreign: str) -> str:
    """Say what should be seen of a foreign text: hidden characters by their number, one line, cut where it is long."""
    shown = "".join(
        f"[U+{ord(char):04X}]"
        if (unicodedata.category(char)[0] == "C" and char not in "\t\r\n") or char in INVISIBLE
        else char
        for char in unicodedata.normalize("NFC", foreign)
    )
    line = " ".join(shown.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


@given(NASTY)
@example("[click](javascript:alert(1))")
@example("<img src=x onerror=alert(1)>")
@example("<at>All</at>")
@example("&lt;at&gt;All&lt;/at&gt; &#64; &copy;")
@example("${x} {{DATE()}}")
@example("1. erstens")
@example("1) erstens")
@example("+ plus")
@example("- minus")
@example("--- ")
@example("    code")
@example("a\n===")
@example("\u3164")
@example("*" * 300)
def test_escaped_text_is_read_literally(foreign: str) -> None:
    """Whatever comes from outside, a reader of Markdown shows exactly its visible form and nothing else."""
    assert rendered(escape(foreign)) == wanted(foreign)


@given(NASTY)
def test_escaped_text_is_one_short_line_without_hidden_characters(foreign: str) -> None:
    """Escaped text has no line break, nothing invisible, and at most 200 visible characters."""
    shown = escape(foreign)
    assert not set(shown) & set("\n\r\t" + INVISIBLE)
    assert not [char for char in shown if unicodedata.category(char)[0] == "C"]
    assert len(rendered(shown)) <= LONGEST


def test_harmless_text_stays_as_it_is() -> None:
    """Names and addresses as people have them are not changed at all."""
    for name in ("Erika Mustermann", "Müller-Lüdenscheidt, Dr. h. c.", "dsb@beispiel.example", "O’Brien", "日本 太郎"):
        assert escape(name) == name
    assert escape("") == ""


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        pytest.param("[click](javascript:x)", r"\[click\]\(javascript:x\)", id="IN-01"),
        pytest.param("<img onerror=x>", r"\<img onerror=x\>", id="IN-02"),
        pytest.param("<at>All</at>", r"\<at\>All\</at\>", id="IN-03"),
        pytest.param("${a} {{b}}", r"\$\{a\} \{\{b\}\}", id="IN-04"),
        pytest.param("a\u202eb\u2066c\u200bd", r"a\[U+202E\]b\[U+2066\]c\[U+200B\]d", id="IN-05"),
        pytest.param("lines\r\nand\ttabs", "lines and tabs", id="one-line"),
        pytest.param("e\u0301", "é", id="composed"),
    ],
)
def test_known_tricks_are_shown_as_text(foreign: str, shown: str) -> None:
    """Each trick of security.md (IN-01 to IN-05) has one known harmless form."""
    assert escape(foreign) == shown


def test_a_longer_limit_can_be_asked_for() -> None:
    """The limit holds for what is asked for, and no text is cut that fits."""
    assert escape("x" * 300, longest=300) == "x" * 300
    assert escape("x" * 301, longest=300) == "x" * 299 + "…"


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_visible_text_is_what_stands_on_the_card(lines: list[str]) -> None:
    """Every text and every row is read, in order; buttons are not."""
    texts = load_texts()[Lang.DE]
    body = [heading(lines[0]), *(text(line) for line in lines), facts([("Titel", lines[-1])])]
    button = execute("Knopf-Titel-4711", Verb.SHOW_HELP, {"id": "x"})
    shown = card(texts, [*body, actions([button])], summary="s", banner=False)
    assert visible_text(shown) == "\n".join([lines[0], *lines, f"Titel: {lines[-1]}"])


def test_a_button_carries_the_same_data_both_ways() -> None:
    """What the new and the old kind of button send cannot drift apart, and neither holds more than was given."""
    given_data = {"id": "push", "lang": "de"}
    button = execute("Titel", Verb.SHOW_TOPIC, given_data, tooltip="Hinweis")
    assert button["data"] == given_data
    assert button["fallback"]["data"] == {"verb": "show_topic", **given_data}
    assert button["fallback"]["tooltip"] == button["tooltip"] == "Hinweis"
    assert "tooltip" not in execute("Titel", Verb.SHOW_TOPIC, given_data)
    assert open_url("Titel", "https://beispiel.example") == {
        "type": "Action.OpenUrl",
        "title": "Titel",
        "url": "https://beispiel.example",
    }


def test_dev_mode_stands_on_top_of_a_card() -> None:
    """The banner of dev mode is the first thing on a card, and is on no other card."""
    texts = load_texts()[Lang.EN]
    for banner in (True, False):
        shown = card(texts, [text("body")], summary="s", banner=banner)
        assert visible_text(shown).startswith(texts("common.dev_banner")) == banner
    assert MAX_CARD_CHARS == 28 * 1024 // 2
