"""Names of card actions, shared by the card that offers one and the dialog that hears it."""

from enum import StrEnum, unique


@unique
class Verb(StrEnum):
    """What a button asks for. These verbs only show things; none of them is backed by any authority."""

    SHOW_TOPIC = "show_topic"
    SHOW_HELP = "show_help"
    SHOW_STATUS = "show_status"
    FEEDBACK_YES = "feedback_yes"
    FEEDBACK_NO = "feedback_no"
