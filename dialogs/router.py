"""Chooses the dialog: a pressed button first, then commands by their grammar, then topics, then help."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from cards.elements import Card
from cards.verbs import Verb
from data.access import Role
from data.labels import Lang
from data.questions.commands import STATE_CHANGING, Command
from data.questions.context import Context, Contexts
from data.questions.matcher import Matcher
from data.questions.normalise import normalise
from data.questions.understand import Asked, Kind, Label, Meaning, Understanding
from data.stores.interface import FeedbackStore
from dialogs.ask import AskDialog
from dialogs.face import Dialog, Viewer
from dialogs.help import HelpDialog
from dialogs.purge import PurgeDialog
from dialogs.turn import Reply, Turn, TurnKind

MOST_ANSWERS = 3
_LONGEST_ID = 200


class Router:
    """Everything a turn can mean, in one place."""

    def __init__(
        self,
        *,
        understanding: Understanding,
        matcher: Matcher,
        contexts: Contexts,
        ask: AskDialog,
        purge: PurgeDialog,
        helper: HelpDialog,
        feedback: FeedbackStore,
        dialogs: Sequence[Dialog] = (),
    ) -> None:
        self._understanding = understanding
        self._matcher = matcher
        self._contexts = contexts
        self._ask = ask
        self._purge = purge
        self._help = helper
        self._feedback = feedback
        self._verbs = {verb: act for dialog in dialogs for verb, act in dialog.verbs().items()}
        self._commands = {command: act for dialog in dialogs for command, act in dialog.commands().items()}
        self._faces = {kind: face for dialog in dialogs for kind, face in dialog.faces().items()}

    async def draw(self, subject: str, viewer: Viewer) -> Card | None:
        """Draw the present card of a subject for somebody; None where there is nothing to show (any more)."""
        kind, _, name = subject.partition("/")
        face = self._faces.get(kind)
        return await face(name, viewer) if face else None

    async def reply(self, turn: Turn) -> Reply:
        """Decide what goes back; always something that helps the person on."""
        if turn.kind is TurnKind.WELCOME:
            return self._help.help(turn.actor, turn.locale, welcome=True)
        if turn.kind is TurnKind.FAREWELL:
            return Reply(outcome="farewell", lang=turn.locale)
        if turn.kind is TurnKind.SEARCH:
            return self._ask.search(self._matcher.rank(normalise(turn.text)), turn.locale)
        if turn.kind is TurnKind.ACTION:
            return await self._act(turn)
        meaning = self._understand(turn)
        act = self._commands.get(meaning.command) if meaning.kind is Kind.COMMAND and meaning.command else None
        reply = replace(await act(turn, meaning.lang), topics=(str(meaning.command),)) if act else None
        reply = reply or self._reply_to(meaning, turn)
        self._remember(turn, meaning)
        return reply

    def say(self, turn: Turn) -> Reply:
        """Answer a message without carrying anything out: what `ask` does."""
        meaning = self._understand(turn)
        reply = self._reply_to(meaning, turn)
        self._remember(turn, meaning)
        return reply

    def _understand(self, turn: Turn) -> Meaning:
        return self._understanding.understand(
            Asked(
                text=turn.text,
                operator=bool(turn.actor.roles & {Role.ADMIN, Role.DPO}),
                fallback=turn.locale,
                lang=turn.lang,
                context=self._contexts.recall(turn.conversation),
            ),
        )

    def too_many(self, turn: Turn) -> Reply:
        """Ask somebody to write more slowly."""
        return self._help.too_many(turn.locale)

    def failed(self, turn: Turn, *, reference: str) -> Reply:
        """Say that answering went wrong."""
        context = self._contexts.recall(turn.conversation)
        return self._help.failed(context.lang if context else turn.locale, reference=reference)

    def _reply_to(self, meaning: Meaning, turn: Turn) -> Reply:
        lang = meaning.lang
        if meaning.kind is Kind.COMMAND and meaning.command is not None:
            return self._purge.recognised(meaning.command, turn.actor, lang)
        if meaning.kind is Kind.TOPICS:
            return self._ask.answer(meaning.labels, lang, confidence=meaning.confidence)
        if meaning.kind is Kind.CHOICE:
            return self._ask.ask_back(meaning.options, meaning.ambiguity, lang, confidence=meaning.confidence)
        if meaning.kind is Kind.OUT_OF_SCOPE:
            if turn.cut:
                return self._help.help(turn.actor, lang, before="help.too_long")
            return self._ask.out_of_scope(lang, confidence=meaning.confidence)
        return self._help.help(turn.actor, lang, before="help.empty" if meaning.kind is Kind.EMPTY else "")

    def _remember(self, turn: Turn, meaning: Meaning) -> None:
        before = self._contexts.recall(turn.conversation)
        if meaning.kind in (Kind.HELP, Kind.EMPTY):
            # "Thanks" does not end a subject: "and on the phone?" may still follow.
            return
        context = Context(
            lang=meaning.lang,
            topic=meaning.labels[-1].topic if meaning.labels else "",
            even=meaning.even,
            options=meaning.options,
            command=meaning.command,
        )
        if meaning.kind is Kind.TOPICS and before and before.topic and len(context.even) < len(before.even) // 2:
            context = Context(lang=meaning.lang, topic=context.topic, even=f"{before.even} {context.even}"[-300:])
        self._contexts.remember(turn.conversation, context)

    # -- buttons --------------------------------------------------------------------------------------------------

    async def _act(self, turn: Turn) -> Reply:
        lang = _lang_of(turn)
        handlers: dict[str, Callable[[], Reply]] = {
            Verb.SHOW_TOPIC: lambda: self._show(turn, lang),
            Verb.SHOW_HELP: lambda: self._help.help(turn.actor, lang),
        }
        if turn.verb == Verb.SHOW_STATUS:
            return await self._status(turn, lang)
        if turn.verb in (Verb.FEEDBACK_YES, Verb.FEEDBACK_NO):
            return await self._count(turn, lang, helpful=turn.verb == Verb.FEEDBACK_YES)
        handler, act = handlers.get(turn.verb), self._verbs.get(turn.verb)
        if act:
            return await act(turn, lang)
        return handler() if handler else self._help.unknown_button(lang)

    def _show(self, turn: Turn, lang: Lang) -> Reply:
        labels = self._labels(turn.data.get("id"))
        if len(labels) != 1:
            return self._help.unknown_button(lang)
        came_from = self._labels(str(turn.data.get("from", "")).partition("+")[0])
        reply = self._ask.answer(labels, lang, back=came_from[0] if came_from else None)
        title = normalise(self._ask.title(labels[0].topic, lang))
        self._contexts.remember(turn.conversation, Context(lang=lang, topic=labels[0].topic, even=title))
        return reply

    async def _status(self, turn: Turn, lang: Lang) -> Reply:
        name = turn.data.get("id")
        command = next((command for command in Command if command.value == name), None)
        if command is None or command in STATE_CHANGING:
            return self._help.unknown_button(lang)
        if command in self._commands:
            return await self._commands[command](turn, lang)
        return self._purge.recognised(command, turn.actor, lang)

    async def _count(self, turn: Turn, lang: Lang, *, helpful: bool) -> Reply:
        labels = self._labels(turn.data.get("id"))
        if not labels:
            return self._help.unknown_button(lang)
        for label in labels:
            name = f"{label.topic}.{label.aspect}" if label.aspect else label.topic
            await self._feedback.add(name, lang, helpful=helpful)
        return self._ask.answer(labels, lang, thanked=helpful)

    def _labels(self, value: object) -> tuple[Label, ...]:
        """Read the topics a button names; () for anything that is not wholly known."""
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
            return ()
        labels = tuple(Label.of(part) for part in value.split("+"))
        return labels if len(labels) <= MOST_ANSWERS and all(map(self._ask.knows, labels)) else ()


def _lang_of(turn: Turn) -> Lang:
    value = turn.data.get("lang")
    return Lang(value) if value in (Lang.DE, Lang.EN) else turn.locale
