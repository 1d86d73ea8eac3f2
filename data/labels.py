"""The words of the label contract that several floors share: languages and outcomes."""

from enum import StrEnum, unique


@unique
class Lang(StrEnum):
    """The two languages of the product."""

    DE = "de"
    EN = "en"


@unique
class Outcome(StrEnum):
    """What became of a question."""

    ANSWER = "answer"
    NOT_IN_TERMS = "not_in_terms"
    CLARIFY = "clarify"
    OUT_OF_SCOPE = "out_of_scope"
    HELP = "help"
    COMMAND = "command"
