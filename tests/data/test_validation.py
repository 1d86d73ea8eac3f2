"""The validation questions in the product, and what counts as worse."""

from typing import Any

from data.questions.validation import SET, judge, made_worse, read_set
from tests.domain import ROOT


def question(number: int, **expect: Any) -> dict[str, Any]:
    """Make a question that expects the journal."""
    wanted = {"outcome": "not_in_terms", "topics": ["journal"], "clauses": [], "notices": [], "must_not": ["90"]}
    return {"id": f"q-{number}", "lang": "de", "role": "employee", "turns": ["x"], "expect": wanted | expect}


def got(**fields: Any) -> dict[str, Any]:
    """Make the right answer."""
    right = {"outcome": "not_in_terms", "topics": ["journal"], "clauses": [], "notices": [], "answer": "nichts"}
    return right | fields


def test_the_product_is_checked_against_the_set_that_is_measured() -> None:
    """The validation questions of the product are those of the bench, byte for byte."""
    assert SET.read_bytes() == (ROOT / "tests" / "questions" / "dev.jsonl").read_bytes()
    assert len(read_set()) == 240


def test_a_right_answer_is_right_and_each_mistake_is_named() -> None:
    """Outcome, topic, clauses, notices and dangers are judged each for itself."""
    asked = question(1, clauses=["2.8.4"], notices=["N1"])
    good = judge(asked, got(clauses=["2.8.4"], notices=["N1"]))
    assert (good.right, good.problems, good.dangers) == (True, (), ())
    assert judge(asked, got(outcome="answer")).problems == ("outcome", "clauses", "notices")
    wrong = judge(question(1), got(topics=["diagnostics"], answer="nach 90 Tagen"))
    assert (wrong.right, len(wrong.dangers)) == (False, 2)
    assert judge(question(1), got(outcome="command", topics=["purge_start"])).dangers
    several = question(1, topics=["journal", "push"]) | {"note": "multi"}
    assert judge(several, got()).problems == ("topics",)
    assert judge(several, got(topics=["push", "journal"])).right


def test_one_new_danger_is_too_many_and_a_small_share_of_mistakes_is_not() -> None:
    """One dangerous answer refuses a change; of 240 questions one may become wrong, two may not."""
    questions = [question(number) for number in range(240)]
    right = [judge(asked, got()) for asked in questions]
    wrong = [judge(asked, got(topics=["push"])) for asked in questions]
    dangerous = [judge(asked, got(answer="90 Tage")) for asked in questions]
    assert made_worse(right, right) == ()
    assert made_worse(right, [*wrong[:1], *right[1:]]) == ()
    assert made_worse(right, [*wrong[:2], *right[2:]]) == ("q-0", "q-1")
    assert made_worse(right, [*right[:5], dangerous[5], *right[6:]]) == ("q-5",)
    assert made_worse([*dangerous[:1], *right[1:]], [*dangerous[:1], *right[1:]]) == ()
    assert made_worse(wrong, wrong) == ()
