"""Names of card actions, shared by the card that offers one and the dialog that hears it."""

from enum import StrEnum, unique
from typing import Final


@unique
class Verb(StrEnum):
    """What a button asks for. The first group only shows things; what has authority carries a seal."""

    SHOW_TOPIC = "show_topic"
    SHOW_HELP = "show_help"
    SHOW_STATUS = "show_status"
    FEEDBACK_YES = "feedback_yes"
    FEEDBACK_NO = "feedback_no"

    PURGE_MENU = "purge_menu"
    PURGE_PREVIEW = "purge_preview"
    PURGE_SHOW = "purge_show"
    PURGE_LIST = "purge_list"
    PURGE_CONFIRM = "purge_confirm"
    PURGE_APPROVE = "purge_approve"
    PURGE_REJECT = "purge_reject"
    PURGE_REVOKE = "purge_revoke"
    PURGE_WITHDRAW = "purge_withdraw"
    PURGE_CANCEL = "purge_cancel"

    HOLD_FORM = "hold_form"
    HOLD_PLACE = "hold_place"
    HOLD_LIST = "hold_list"
    HOLD_RELEASE = "hold_release"

    RETENTION_SHOW = "retention_show"
    ALERT_SHOW = "alert_show"
    ALERT_LIST = "alert_list"
    ALERT_ACKNOWLEDGE = "alert_acknowledge"
    ALERT_SNOOZE = "alert_snooze"
    ALERT_ESCALATE = "alert_escalate"
    DELIVERY_REPORT = "delivery_report"

    STANDING_LIST = "standing_list"
    STANDING_FORM = "standing_form"
    STANDING_PROPOSE = "standing_propose"
    STANDING_APPROVE = "standing_approve"
    STANDING_ACKNOWLEDGE = "standing_acknowledge"
    STANDING_REJECT = "standing_reject"
    STANDING_STOP = "standing_stop"

    HAND_OVER = "hand_over"
    HAND_OVER_SEND = "hand_over_send"
    RIGHTS_FORM = "rights_form"
    RIGHTS_ASK = "rights_ask"
    TICKET_SHOW = "ticket_show"
    TICKET_LIST = "ticket_list"
    TICKET_TAKE = "ticket_take"
    TICKET_ANSWER = "ticket_answer"
    TICKET_CLOSE = "ticket_close"
    DRAFT_MAKE = "draft_make"
    DRAFT_RELEASE = "draft_release"
    DRAFT_DISCARD = "draft_discard"

    MY_DATA = "my_data"
    FORGET_ME = "forget_me"
    FORGET_ME_YES = "forget_me_yes"


LOOKS: Final = frozenset(
    {
        Verb.SHOW_TOPIC,
        Verb.SHOW_HELP,
        Verb.SHOW_STATUS,
        Verb.PURGE_MENU,
        Verb.PURGE_SHOW,
        Verb.PURGE_LIST,
        Verb.HOLD_FORM,
        Verb.HOLD_LIST,
        Verb.RETENTION_SHOW,
        Verb.ALERT_SHOW,
        Verb.ALERT_LIST,
        Verb.DELIVERY_REPORT,
        Verb.STANDING_LIST,
        Verb.STANDING_FORM,
        Verb.HAND_OVER,
        Verb.RIGHTS_FORM,
        Verb.TICKET_SHOW,
        Verb.TICKET_LIST,
        Verb.MY_DATA,
    }
)
"""Buttons that only show something: who presses one a second time wants to see what is there now."""
