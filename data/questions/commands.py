"""The grammar of commands: what tells the bot to do something, apart from what asks about it.

Tried before the matcher. It is a grammar and no model, so that the line between an order and a question is
drawn by rules a person can read: a question, a wish about one's own data, a remark about somebody else or about another
product is never a command. A destructive command also needs a log as its object.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum, unique

from data.questions.normalise import words_of


@unique
class Command(StrEnum):
    """What somebody can tell the bot to do (ids of the label contract)."""

    PURGE_START = "purge_start"
    PURGE_CONFIRM = "purge_confirm"
    PURGE_CANCEL = "purge_cancel"
    PURGE_STATUS = "purge_status"
    RETENTION_STATUS = "retention_status"
    AUDIT_SHOW = "audit_show"
    HOLD_SET = "hold_set"
    HOLD_RELEASE = "hold_release"
    ALERT_SNOOZE = "alert_snooze"


STATE_CHANGING = frozenset(
    {
        Command.PURGE_START,
        Command.PURGE_CONFIRM,
        Command.PURGE_CANCEL,
        Command.HOLD_SET,
        Command.HOLD_RELEASE,
        Command.ALERT_SNOOZE,
    },
)


_ALONE = (
    (Command.PURGE_CONFIRM, "gives_code"),
    (Command.RETENTION_STATUS, "would_go"),
    (Command.RETENTION_STATUS, "lists_alerts"),
)
"""Forms that by themselves can mean nothing but one command."""
HARDLY_ANY = 12
"""A text of so few characters that names a purge and nothing else asks for one."""


class CommandGrammar:
    """Recognises commands by the words and forms of `grammar.toml`."""

    def __init__(self, *, words: Mapping[str, Iterable[str]], forms: Mapping[str, str]) -> None:
        found = {name: re.compile(r"\b(?:" + "|".join(parts) + ")") for name, parts in words.items()}
        found |= {
            name: re.compile("".join(line.removeprefix("    ") for line in text.splitlines()))
            for name, text in forms.items()
        }
        self._about_ = found["about"]
        self._about_proof_ = found["about_proof"]
        self._about_status_ = found["about_status"]
        self._about_us_ = found["about_us"]
        self._alert_ = found["alert"]
        self._alone_ = tuple((command, found[form]) for command, form in _ALONE)
        self._alert_name_ = found["alert_name"]
        self._asks_ = found["asks"]
        self._asks_state_ = found["asks_state"]
        self._bare_cancel_ = found["bare_cancel"]
        self._bare_confirm_ = found["bare_confirm"]
        self._cancel_ = found["cancel"]
        self._code_ = found["code"]
        self._confirm_ = found["confirm"]
        self._delete_ = found["delete"]
        self._delete_any_ = found["delete_any"]
        self._due_alone_ = found["due_alone"]
        self._general_ = found["general"]
        self._greeting_ = found["greeting"]
        self._hold_ = found["hold"]
        self._hold_name_ = found["hold_name"]
        self._hold_on_ = found["hold_on"]
        self._keeps_ = found["keeps"]
        self._log_ = found["log"]
        self._may_we_ = found["may_we"]
        self._negated_ = found["negated"]
        self._no_ = found["no"]
        self._not_ours_ = found["not_ours"]
        self._orders_ = found["orders"]
        self._overdue_ = found["overdue"]
        self._own_ = found["own"]
        self._please_ = found["please"]
        self._proof_ = found["proof"]
        self._purge_ = found["purge"]
        self._release_ = found["release"]
        self._right_to_ = found["right_to"]
        self._sets_ = found["sets"]
        self._snooze_ = found["snooze"]
        self._start_ = found["start"]
        self._state_ = found["state"]
        self._status_only_ = found["status_only"]
        self._what_was_ = found["what_was"]
        self._who_did_ = found["who_did"]
        self._yes_ = found["yes"]

    def parse(self, even: str, *, last: Command | None = None) -> Command | None:
        """Recognise a command in a normalised text; None for everything else.

        `last` is the command recognised just before in the same conversation: after a purge was started, "yes" and "no,
        stop" answer it.
        """
        if not words_of(even):
            return None
        replied = self._reply(even, last)
        if replied is not None or self._not_ours_.search(even):
            return replied
        for test in (
            self._snooze,
            self._proof,
            self._hold,
            self._cancel,
            self._confirm,
            self._status,
            self._overdue,
            self._start,
        ):
            command = test(even)
            if command is not None:
                return command
        return None

    def is_plain_order(self, even: str) -> bool:
        """Tell whether a text begins as an order does, with its verb."""
        return bool(self._orders_.match(even)) and not self._is_question(even)

    def greets(self, even: str) -> bool:
        """Tell whether a text is a greeting, thanks or a goodbye and nothing else."""
        return bool(self._greeting_.match(even))

    def answers(self, even: str, last: Command | None) -> bool:
        """Tell whether a text answers the command before it, or by itself can mean nothing but one command."""
        return self._reply(even, last) is not None

    def permits(self, even: str, command: Command) -> bool:
        """Tell whether a text may be taken for a command that something else suggests.

        Nothing permits a question, one's own data, somebody else's things, or a purge that names nothing to be purged.
        """
        if self._not_ours_.search(even):
            return False
        if command is Command.RETENTION_STATUS and not (self._overdue_.search(even) or self._asks_state_.search(even)):
            return False
        if command not in STATE_CHANGING:
            return not self._about_us_.search(even)
        if self._is_question(even) or self._hold_on_.search(even):
            return False
        if command is Command.PURGE_START and (self._negated_.search(even) or self._own_.search(even)):
            return False
        about_logs = (self._purge_, self._log_, self._hold_name_, self._alert_name_)
        return self._says(even, command) and any(pattern.search(even) for pattern in about_logs)

    def _says(self, even: str, command: Command) -> bool:
        """Tell whether the text holds a word of purging or agreeing, where that is what the command does."""
        if command is Command.PURGE_START:
            return bool(self._purge_.search(even) or self._delete_.search(even))
        if command is Command.PURGE_CANCEL:
            return bool(self._cancel_.search(even) or self._negated_.search(even))
        return command is not Command.PURGE_CONFIRM or bool(self._confirm_.search(even))

    def _is_question(self, even: str) -> bool:
        """Tell whether a text asks about something instead of telling the bot to do it."""
        if self._may_we_.search(even) or self._about_.search(even):
            return True
        return bool(self._asks_.match(even)) or (even.endswith("?") and not self._please_.search(even))

    def _reply(self, even: str, last: Command | None) -> Command | None:
        alone = next((command for command, form in self._alone_ if form.match(even)), None)
        return alone or self._reply_to(last, even)

    def _reply_to(self, last: Command | None, even: str) -> Command | None:
        if last is not None and self._bare_confirm_.match(even):
            return Command.PURGE_CONFIRM
        if last is not None and self._bare_cancel_.match(even):
            return Command.PURGE_CANCEL
        if last in (Command.PURGE_START, Command.PURGE_CONFIRM):
            if self._yes_.match(even):
                return Command.PURGE_CONFIRM
            if self._no_.match(even) or (self._cancel_.search(even) and not self._is_question(even)):
                return Command.PURGE_CANCEL
        if (
            last in (Command.RETENTION_STATUS, Command.ALERT_SNOOZE)
            and self._snooze_.search(even)
            and not self._is_question(even)
        ):
            return Command.ALERT_SNOOZE
        return None

    def _snooze(self, even: str) -> Command | None:
        asks = self._is_question(even)
        return (
            Command.ALERT_SNOOZE
            if not asks and not self._own_.search(even) and self._snooze_.search(even) and self._alert_.search(even)
            else None
        )

    def _proof(self, even: str) -> Command | None:
        if (self._who_did_.search(even) or self._what_was_.search(even)) and (
            self._purge_.search(even) or self._log_.search(even)
        ):
            return Command.AUDIT_SHOW
        if self._proof_.search(even) and not self._about_proof_.search(even):
            return Command.AUDIT_SHOW
        return None

    def _hold(self, even: str) -> Command | None:
        if self._asks_.match(even) or self._may_we_.search(even) or even.endswith("?"):
            return None
        if not self._hold_.search(even) or self._hold_on_.search(even):
            return None
        named = self._hold_name_.search(even)
        keeps = self._negated_.search(even) and self._delete_any_.search(even)
        if named and self._release_.search(even) and not self._sets_.search(even) and not keeps:
            return Command.HOLD_RELEASE
        if named or (self._log_.search(even) and (self._negated_.search(even) or self._keeps_.search(even))):
            return Command.HOLD_SET
        return None

    def _cancel(self, even: str) -> Command | None:
        if self._is_question(even) or not self._cancel_.search(even):
            return None
        about_purge = self._purge_.search(even) or (self._log_.search(even) and self._delete_any_.search(even))
        return Command.PURGE_CANCEL if about_purge else None

    def _confirm(self, even: str) -> Command | None:
        if self._is_question(even) or not self._confirm_.search(even) or self._negated_.search(even):
            return None
        if self._own_.search(even):
            return None
        about_purge = self._purge_.search(even) or self._delete_any_.search(even) or self._code_.search(even)
        return Command.PURGE_CONFIRM if about_purge else None

    def _status(self, even: str) -> Command | None:
        if self._overdue_.search(even) and self._log_.search(even):
            return None
        if self._status_only_.match(even) or (
            self._purge_.search(even) and self._state_.search(even) and not self._about_status_.search(even)
        ):
            return None if self._orders_purge(even) else Command.PURGE_STATUS
        return None

    def _overdue(self, even: str) -> Command | None:
        if not self._overdue_.search(even) or self._orders_purge(even):
            return None
        about_logs = self._log_.search(even) or self._due_alone_.search(even)
        return (
            Command.RETENTION_STATUS
            if about_logs and self._asks_state_.search(even) and not self._general_.search(even)
            else None
        )

    def _start(self, even: str) -> Command | None:
        return Command.PURGE_START if self._orders_purge(even) else None

    def _orders_purge(self, even: str) -> bool:
        if self._own_.search(even) or self._is_question(even) or self._right_to_.search(even):
            return False
        if self._purge_.search(even) and (
            self._start_.search(even) or self._log_.search(even) or len(even) <= HARDLY_ANY
        ):
            return True
        return bool(self._delete_.search(even) and self._log_.search(even)) and not self._negated_.search(even)
