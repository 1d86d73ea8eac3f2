"""The cards of what is stored about somebody: whole, small, honest about what stays, in both languages."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.elements import MAX_CARD_CHARS, Card, visible_text
from cards.own_data import MOST_TICKETS, forget_card, forgotten_card, own_data_card
from cards.parts import Said
from cards.texts import load_texts
from cards.verbs import Verb
from data.access import Role
from data.desk.ticket import TicketKind, TicketState
from data.labels import Lang
from data.office.own_data import Forgotten, KeptTicket, Stored
from tests.desk import buttons

TEXTS = load_texts()
PRESS = {"id": "me", "n": "aaaaaaaa.bbbbbbbbbbbbbbbb", "lang": "de"}
NOTHING = Stored(
    pseudonym="p-0123456789abcdef0123", linked=False, reachable=False, used_at=None, requests=0, approvals=0, holds=0,
    alerts=0, standing=0, handled=0, tickets=(), deliveries=0, roles=(), binds=(),
)  # fmt: skip


def said(lang: Lang) -> Said:
    """Give the sentences of a language."""
    return Said(texts=TEXTS[lang], zone=ZoneInfo("Europe/Berlin"))


def listed(stored: Stored, lang: Lang = Lang.EN) -> Card:
    """Make the list."""
    return own_data_card(said(lang), stored, days=90, unused_days=60)


def tickets(count: int, *, words: bool = True) -> tuple[KeptTicket, ...]:
    """Make tickets, newest first, in every state."""
    states = list(TicketState)
    return tuple(
        KeptTicket(number=str(number), kind=TicketKind.QUESTION, state=states[number % len(states)], words=words)
        for number in range(count, 0, -1)
    )


ALL = st.builds(
    Stored,
    pseudonym=st.just(NOTHING.pseudonym),
    linked=st.booleans(),
    reachable=st.booleans(),
    used_at=st.none() | st.integers(0, 2_000_000_000_000_000),
    requests=st.integers(0, 10_000),
    approvals=st.integers(0, 10_000),
    holds=st.integers(0, 10_000),
    alerts=st.integers(0, 10_000),
    standing=st.integers(0, 10_000),
    handled=st.integers(0, 10_000),
    tickets=st.builds(tickets, st.integers(0, 300), words=st.booleans()),
    deliveries=st.integers(0, 10_000),
    roles=st.sampled_from([(), (Role.ADMIN,), (Role.ADMIN, Role.DPO)]),
    binds=st.lists(st.sampled_from(["role", "request", "standing"]), unique=True).map(tuple),
)


@given(stored=ALL, lang=st.sampled_from(Lang))
def test_every_card_is_whole_and_small(stored: Stored, lang: Lang) -> None:
    """Whatever is stored, the cards fit into a message, fill every placeholder, and offer only what there is to do."""
    done = Forgotten(words=3, deliveries=2, reference=stored.reachable, linked=False, binds=stored.binds)
    made = [listed(stored, lang), forget_card(said(lang), stored, PRESS), forgotten_card(said(lang), stored, done)]
    for card in made:
        assert len(str(card)) < MAX_CARD_CHARS
        assert "{" not in visible_text(card)
    assert (Verb.FORGET_ME in buttons(made[0])) is stored.forgettable
    assert (Verb.FORGET_ME_YES in buttons(made[1])) is stored.forgettable
    assert Verb.MY_DATA in buttons(made[1])


@pytest.mark.parametrize("lang", Lang)
def test_the_list_says_how_long_and_why(lang: Lang) -> None:
    """Every part stands with its reason: accountability, the days of logs and addresses, and the settings for roles."""
    text = visible_text(listed(replace(NOTHING, reachable=True, used_at=1_790_000_000_000_000, requests=2), lang))
    assert "Art. 5" in text
    assert "90" in text
    assert "60" in text
    assert "2026" in text
    assert NOTHING.pseudonym in text


def test_many_tickets_are_counted_not_dropped() -> None:
    """Of many tickets the newest are listed and the others counted; of few, all are listed."""
    text = visible_text(listed(replace(NOTHING, tickets=tickets(MOST_TICKETS + 5))))
    assert text.count("No. ") == MOST_TICKETS
    assert "Older requests: 5" in text
    text = visible_text(listed(replace(NOTHING, tickets=tickets(MOST_TICKETS, words=False))))
    assert text.count("your text is deleted") == MOST_TICKETS
    assert "Older" not in text


def test_the_question_names_only_what_would_go() -> None:
    """What a role, a request or a rule keeps is not among what goes, but among what stays, with its reason."""
    full = replace(NOTHING, linked=True, reachable=True, deliveries=1, tickets=tickets(2))
    free = visible_text(forget_card(said(Lang.EN), full, PRESS))
    assert "who is behind your pseudonym" in free
    assert "where I can reach you" in free
    assert "2, 1" in free
    asked = visible_text(forget_card(said(Lang.EN), replace(full, binds=("request",)), PRESS))
    assert "who is behind your pseudonym" not in asked
    assert "where I can reach you" in asked
    assert "a purge request is open" in asked
    bound = visible_text(forget_card(said(Lang.EN), replace(full, binds=("role", "standing")), PRESS))
    assert "where I can reach you, and" not in bound
    assert "you have a role" in bound
    assert "standing rule" in bound
    assert "I will not write to you" not in bound


def test_the_result_tells_gone_kept_and_never_there_apart() -> None:
    """Three fates, three words; nothing that stayed is called deleted."""
    before = replace(NOTHING, linked=True, reachable=False)
    bound = Forgotten(words=0, deliveries=0, reference=False, linked=False, binds=("request",))
    text = visible_text(forgotten_card(said(Lang.EN), before, bound))
    assert "Link to the pseudonym: stays" in text
    assert "Address of this chat: was not stored" in text
    free = replace(bound, linked=True, binds=())
    assert "Link to the pseudonym: deleted" in visible_text(forgotten_card(said(Lang.EN), before, free))
