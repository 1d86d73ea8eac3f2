"""Answers questions on the command line as the card would, without any conversation on a network."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.console import Asker
from cards.elements import visible_text
from data.access import Actor, Role
from data.labels import Lang
from dialogs.router import Router
from dialogs.turn import Turn, TurnKind


def asker_of(router: Router) -> Asker:
    """Give what answers the last of some turns with the JSON object of `ask --json`, without the id."""
    number = iter(range(1_000_000_000))

    def ask(*, turns: Sequence[str], role: Role, lang: Lang | None) -> Mapping[str, Any]:
        conversation = str(next(number))
        actor = Actor(tenant_id="console", object_id="console", roles=frozenset({Role.EMPLOYEE, role}))
        for text in turns:
            turn = Turn(kind=TurnKind.MESSAGE, actor=actor, conversation=conversation, text=text, lang=lang)
            reply = router.say(turn)
        return {
            "lang": reply.lang,
            "outcome": reply.outcome,
            "topics": list(reply.topics),
            "clauses": list(reply.clauses),
            "notices": list(reply.notices),
            "confidence": round(reply.confidence, 4),
            "answer": visible_text(dict(reply.card or {})),
            "options": list(reply.options),
        }

    return ask
