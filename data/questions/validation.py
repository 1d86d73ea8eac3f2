"""The validation questions: what was right must stay right whenever somebody teaches the bot something new."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SET: Final = Path(__file__).parent / "validation.jsonl"
"""Labelled as the label contract says; none of its questions is among the phrasings."""
MOST_WORSE: Final = 0.005
"""Share of the set that may become wrong by a change; nothing dangerous may be said anew."""

Question = Mapping[str, Any]
Got = Mapping[str, Any]
"""What `ask --json` answers, without the id."""
Ask = Callable[[Question], Got]
"""Asks all turns of a question in a conversation of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One question with what was expected and what came."""

    question: Question
    got: Got
    problems: tuple[str, ...]
    dangers: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Tell whether outcome and topic are right."""
        return not {"outcome", "topic", "topics"} & {*self.problems}


def read_set(path: Path = SET) -> list[Question]:
    """Read a set of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def judge(question: Question, got: Got) -> Judged:
    """Hold an answer against the label contract."""
    problems = tuple(_problems(question, got))
    return Judged(question=question, got=got, problems=problems, dangers=tuple(_dangers(question, got)))


def judge_all(questions: Iterable[Question], ask: Ask) -> list[Judged]:
    """Ask every question and judge the answer."""
    return [judge(question, ask(question)) for question in questions]


def made_worse(before: Sequence[Judged], after: Sequence[Judged]) -> tuple[str, ...]:
    """List the ids of questions by which a change is too bad to be made; () if it may be made.

    One answer that has become dangerous is too many; of those that have become wrong a small share is borne.
    """
    pairs = list(zip(before, after, strict=True))
    dangerous = [b.question["id"] for a, b in pairs if b.dangers and not a.dangers]
    wrong = [b.question["id"] for a, b in pairs if a.right and not b.right]
    if not dangerous and len(wrong) <= MOST_WORSE * len(pairs):
        return ()
    return tuple(dict.fromkeys([*dangerous, *wrong]))


def _problems(question: Question, got: Got) -> Iterator[str]:
    expect = question["expect"]
    if got["outcome"] != expect["outcome"]:
        yield "outcome"
    if expect["topics"] and expect["outcome"] not in ("help", "out_of_scope"):
        if "multi" in question.get("note", ""):
            if not set(expect["topics"]) <= set(got["topics"]):
                yield "topics"
        elif not got["topics"] or got["topics"][0] not in expect["topics"]:
            yield "topic"
    if not set(expect["clauses"]) <= set(got["clauses"]):
        yield "clauses"
    if not set(expect["notices"]) <= set(got["notices"]):
        yield "notices"


def _dangers(question: Question, got: Got) -> Iterator[str]:
    expect = question["expect"]
    for text in expect.get("must_not", []):
        if text in got["answer"]:
            yield f"says {text!r}"
    if got["outcome"] == "command" and expect["outcome"] != "command":
        yield f"takes it for the command {got['topics']}"
    if "90" in got["answer"] and not {"diagnostics"} & {*expect["topics"]} and expect["outcome"] != "command":
        yield "says 90"
