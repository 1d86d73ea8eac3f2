"""The rules that overrule the model: whatever it is sure of, calls are never logs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.labels import Lang
from data.questions.collisions import Corrections
from data.questions.context import Context
from data.questions.matcher import Match
from data.questions.normalise import normalise
from data.questions.understand import Understanding, by_topic

CALLS = (
    "anrufjournal anruflog anrufprotokoll anrufliste anrufverlauf verbindungsprotokoll verbindungsdaten gesprächsliste"
    " gesprächsprotokoll telefonprotokoll telefonjournal rufliste"
).split()
CALLS += ["call log", "call history", "call journal", "missed calls", "protokoll der anrufe", "logs of my calls"]
AROUND = (
    "wie lange wird {} gespeichert",
    "{} nach 90 tagen gelöscht?",
    "how long is {} kept",
    "{}",
    "ziffer 2.7 {}",
    "does clause 2.7 cover {}",
)
SURE = (Match("diagnostics.retention", 0.6), Match("diagnostics", 0.39), Match("journal", 0.01))
SURE_WITHOUT_JOURNAL = (Match("diagnostics", 0.99), Match("push", 0.01))
CONTEXTS = (None, Context(lang=Lang.DE, topic="diagnostics", even="wie lange werden traces gespeichert"))


@pytest.fixture(scope="session")
def corrections(understanding: Understanding) -> Corrections:
    """Give the rules as the product has them."""
    return understanding._corrections


@given(
    text=st.builds(str.format, st.sampled_from(AROUND), st.sampled_from(CALLS)),
    ranked=st.sampled_from([SURE, SURE_WITHOUT_JOURNAL]),
    operator=st.booleans(),
    context=st.sampled_from(CONTEXTS),
)
def test_a_model_that_is_sure_of_logs_is_overruled_for_calls(
    corrections: Corrections, text: str, ranked: tuple[Match, ...], operator: bool, context: Context | None
) -> None:
    """Even if the model were certain of diagnostics, a question on the call journal is not answered from it."""
    left = corrections.apply(ranked, normalise(text), operator=operator, context=context)
    assert by_topic(left)[0].label.partition(".")[0] != "diagnostics", text


@pytest.mark.parametrize(
    "text", ["wie lange werden stack traces gespeichert", "fehlerprotokolle löschfrist", "crash logs of calls"]
)
def test_a_model_that_is_sure_of_logs_is_left_alone_for_logs(corrections: Corrections, text: str) -> None:
    """The positive control: a question that names program logs keeps its answer."""
    left = corrections.apply(SURE, normalise(text), operator=False, context=None)
    assert by_topic(left)[0].label == "diagnostics"


@pytest.mark.parametrize("text", ["wie lange wird das aufbewahrt", "wer sieht meine chats", "retention please"])
def test_diagnostics_needs_a_word_for_logs(corrections: Corrections, text: str) -> None:
    """A question without any word for logs is not answered from diagnostics, however sure the model is."""
    left = corrections.apply(SURE, normalise(text), operator=False, context=None)
    assert not left or by_topic(left)[0].label != "diagnostics"


def test_no_rule_makes_something_of_nothing(corrections: Corrections) -> None:
    """Where the model knows nothing, the rules know nothing either."""
    assert list(corrections.apply((), "wie lange", operator=False, context=None)) == []
