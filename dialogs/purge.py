"""Recognised commands: for now each is answered with who may give it; carrying them out comes with the purge itself."""

from collections.abc import Mapping

from cards.help import command_card
from cards.texts import Texts
from data.access import Actor, Permission, roles_granting
from data.labels import Lang, Outcome
from data.questions.commands import Command
from dialogs.turn import Reply

NEEDS: Mapping[Command, Permission] = {
    Command.PURGE_START: Permission.RUN_PURGE,
    Command.PURGE_CONFIRM: Permission.RUN_PURGE,
    Command.PURGE_CANCEL: Permission.RUN_PURGE,
    Command.PURGE_STATUS: Permission.SEE_RETENTION,
    Command.RETENTION_STATUS: Permission.SEE_RETENTION,
    Command.AUDIT_SHOW: Permission.SEE_AUDIT,
    Command.HOLD_SET: Permission.PLACE_HOLD,
    Command.HOLD_RELEASE: Permission.PLACE_HOLD,
    Command.ALERT_SNOOZE: Permission.HANDLE_ALERT,
}


class PurgeDialog:
    """Answers commands; changes nothing."""

    def __init__(self, *, texts: Mapping[Lang, Texts], banner: bool) -> None:
        self._texts = texts
        self._banner = banner

    def recognised(self, command: Command, actor: Actor, lang: Lang) -> Reply:
        """Say whether this person may give the command."""
        permission = NEEDS[command]
        shown = command_card(
            self._texts[lang],
            command.value,
            allowed=actor.may(permission),
            roles=[role.value for role in roles_granting(permission)],
            banner=self._banner,
        )
        return Reply(card=shown, outcome=Outcome.COMMAND, topics=(command.value,), lang=lang)
