"""Accuracy on a question set: by outcome, topic and language, with a confusion list and the dangerous answers.

    python bench/questions.py [tests/questions/dev.jsonl ...]

The set is the validation set: none of its questions is among the phrasings (`tests/data/catalogue` proves it).
"""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app import Application  # noqa: E402, TID251  the bench measures what app.py builds
from data.access import Role  # noqa: E402
from data.labels import Lang  # noqa: E402
from data.questions.validation import Judged, judge_all, read_set  # noqa: E402

SETS = tuple(ROOT / "tests" / "questions" / f"{name}.jsonl" for name in ("dev", "blind-a", "blind-b", "blind-c"))


def run(questions: Iterable[Mapping[str, Any]], ask: Callable[..., Mapping[str, Any]]) -> list[Judged]:
    """Ask every question, each in a conversation of its own."""
    return judge_all(questions, lambda q: ask(turns=q["turns"], role=Role(q["role"]), lang=None))


def report(name: str, judged: list[Judged]) -> bool:
    """Print everything; tells whether nothing dangerous was said."""
    right = [j for j in judged if j.right]
    print(f"\n{name}: outcome and topic right {len(right)}/{len(judged)} = {len(right) / len(judged):.1%}")
    for title, key in (("language", "lang"), ("role", "role")):
        _table(title, judged, right, lambda j, key=key: j.question[key])
    _table("outcome", judged, right, lambda j: j.question["expect"]["outcome"])
    _table("topic", judged, right, lambda j: (j.question["expect"]["topics"] or ["-"])[0], only_bad=True)
    for key in ("clauses", "notices"):
        missing = [j for j in judged if key in j.problems]
        print(f"  {key} missing: {len(missing)}")
    wrong_lang = [j for j in judged if j.got["lang"] != Lang(j.question["lang"])]
    print(f"  language not recognised: {len(wrong_lang)} {[j.question['id'] for j in wrong_lang][:20]}")
    print("  confusions:")
    for j in judged:
        if j.problems:
            expect = j.question["expect"]
            said = " || ".join(j.question["turns"])
            print(
                f"    {j.question['id']} {j.question['lang']} {j.question['role'][:3]} {said!r}"
                f" expected {expect['outcome']} {expect['topics']} got {j.got['outcome']} {j.got['topics']}"
                f" {j.got['confidence']:.2f} ({', '.join(j.problems)})",
            )
    dangerous = [j for j in judged if j.dangers]
    print(f"  dangerous: {len(dangerous)}")
    for j in dangerous:
        print(f"    {j.question['id']} {' || '.join(j.question['turns'])!r}: {'; '.join(j.dangers)}")
    return not dangerous


def _table(
    title: str,
    judged: list[Judged],
    right: list[Judged],
    key: Callable[[Judged], str],
    *,
    only_bad: bool = False,
) -> None:
    total, good = Counter(map(key, judged)), Counter(map(key, right))
    cells: dict[str, str] = defaultdict(str)
    for name in sorted(total):
        if not only_bad or good[name] < total[name]:
            cells[name] = f"{name} {good[name]}/{total[name]}"
    print(f"  by {title}: {', '.join(cells.values())}")


def main(paths: list[str]) -> int:
    """Run the sets; the exit code is 1 when anything dangerous was said."""
    ask = Application().asker()
    safe = True
    for path in [Path(p) for p in paths] or SETS:
        questions = read_set(path)
        started = time.perf_counter()
        judged = run(questions, ask)
        seconds = time.perf_counter() - started
        safe = report(path.name, judged) and safe
        print(f"  {1000 * seconds / sum(len(q['turns']) for q in questions):.2f} ms an utterance")
    return 0 if safe else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
