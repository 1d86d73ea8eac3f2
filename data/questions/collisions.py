"""Where two topics share their words: rules that overrule the model (facts, section 5b), the safe side first.

The worst answer this product could give is the 90 days of clause 2.7 to a question about the call journal. So the rules
here do not trust the model with it: diagnostics is answered only where the question names program logs.
"""

import re
from collections.abc import Mapping, Sequence

from data.questions.context import Context
from data.questions.features import Lexicon
from data.questions.matcher import Match
from data.questions.normalise import words_of

LOGS = "?ambiguous.logs"
APP_NOTICE = "?ambiguous.app_notice"
PHONE_NOTICE = "?ambiguous.phone_notice"
OUT_OF_SCOPE = "?out_of_scope"
ABOUT_COMMANDS = "?about_commands"
_NAMED_GROUP = re.compile(
    r"\b(?:handelsvertret|lieferant|interessent|kund|beschaeftigt|mitarbeit|geschaeftskontakt|ansprechpartner|supplier|customer|prospect|employee|staff|sales agent|business contact|business partner|client)"
)
_EARLIER = re.compile(
    r"\b(?:frueher|eher|vor ablauf|vorher|vorzeitig|vor den|schon nach|sooner|earlier|before|ahead of|prior)\b"
)
_BARE_LOG_ANY = re.compile(r"\b(?:\w*logs?|logdateien|traces?|stacktraces?|protokolle)\b")

_BARE_LOG = re.compile(r"\b(?:log|logs|protokolle?n?|logging)\b")
_ONLY_LOG = re.compile(r"\b(?:log|logs|logfiles?|logdatei(?:en)?)\b")
_PROGRAM = re.compile(
    r"\b(?:programm?|app|server|system|software|technisch\w*|fehler\w*|debug|estos|technical|error|it|maschine\w*|dienst\w*|cloud|anwendung\w*)\b"
)
_NEUTRAL = frozenset(
    [
        "log",
        "retention",
        "howlong",
        "access",
        "content",
        "recipient",
        "data",
        "product",
        "howlong",
        "kinds",
        "purpose",
        "history",
        "teams_none",
        "bot",
    ],
)
_WITH_OTHERS = frozenset({"contacts", "calendar", "app_web_teams", "presence", "subprocessors", OUT_OF_SCOPE})
"""Topics that are asked about together with other products: Outlook contacts, the status in Teams."""
DOUBTFUL = 0.5
_OUR_PRODUCT = re.compile(r"\b(?:nex|tarif\w*|plan|terms|bedingungen)\b")
_CLAUSE = re.compile(r"(?<![\d.,])([12]\.\d(?:\.\d)?)(?![\d,])")
_DEVICES = frozenset({"desktop", "mobile", "web", "teams"})
_APPS = frozenset({"app_mobile", "app_desktop", "app_web_teams", "app_connection"})
_OTHER_PRODUCT = re.compile(r"\bprocall (?:enterprise|business server|datacenter|analytics server)\b")


class Corrections:
    """Applies the rules to a ranking."""

    def __init__(self, lexicon: Lexicon, clauses: Mapping[str, str]) -> None:
        self._lexicon = lexicon
        self._clauses = clauses

    def apply(self, ranked: Sequence[Match], even: str, *, operator: bool, context: Context | None) -> Sequence[Match]:
        """Give the ranking as the rules leave it."""
        if not ranked:
            return ranked
        concepts = self._lexicon.concepts(words_of(even))
        ranked = _named_clause(ranked, even, self._clauses)
        ranked = _journal_is_no_log(ranked, even, concepts, context)
        if not ranked:
            # Of a choice nothing was left but the logs, and nobody has named them.
            return ranked
        ranked = _bare_log(ranked, even, concepts, operator=operator)
        ranked = _after_another(ranked, context)
        ranked = _bare_app(ranked, concepts)
        ranked = _all_apps(ranked, concepts)
        ranked = _named_in_terms(ranked, even, concepts)
        ranked = _about_the_limit(ranked, even, concepts)
        ranked = _other_product(ranked, even)
        ranked = _elsewhere(ranked, concepts)
        # Once more and last: no rule above may bring the logs back to a question on the journal.
        return _journal_is_no_log(ranked, even, concepts, context)


def _journal_is_no_log(
    ranked: Sequence[Match], even: str, concepts: set[str], context: Context | None
) -> Sequence[Match]:
    if _topic(ranked[0]) != "diagnostics":
        return ranked
    about_calls = "journal" in concepts or ("call" in concepts and _BARE_LOG.search(even))
    if about_calls and "faultlog" not in concepts:
        return _without(ranked, "diagnostics", instead="journal")
    names_logs = concepts & {"faultlog", "log", "ninety"} or "2.7" in even
    names_logs = names_logs or (context is not None and context.topic == "diagnostics")
    return ranked if names_logs else _without(ranked, "diagnostics")


def _bare_log(ranked: Sequence[Match], even: str, concepts: set[str], *, operator: bool) -> Sequence[Match]:
    best = ranked[0].label
    if _topic(ranked[0]) not in ("diagnostics", "journal") and best != LOGS:
        return ranked
    if not _BARE_LOG.search(even) or "faultlog" in concepts or concepts & {"journal", "call", "chat"}:
        return ranked
    if operator and _ONLY_LOG.search(even):
        return _without(_without(ranked, LOGS, instead="diagnostics"), "journal", instead="diagnostics")
    bare = concepts <= _NEUTRAL and not _PROGRAM.search(even)
    return (Match(label=LOGS, probability=1.0),) if bare else ranked


def _after_another(ranked: Sequence[Match], context: Context | None) -> Sequence[Match]:
    """What was just talked about tells which of two is meant: after the journal, "and the logs?" are the other logs."""
    if context is None:
        return ranked
    if ranked[0].label == LOGS and context.topic == "journal":
        return (Match("diagnostics.retention", 1.0),)
    if ranked[0].label == PHONE_NOTICE and context.topic in _APPS:
        return (Match("app_mobile", 1.0),)
    return ranked


def _bare_app(ranked: Sequence[Match], concepts: set[str]) -> Sequence[Match]:
    if (
        _topic(ranked[0]) in _APPS - {"app_connection"}
        and "app" in concepts
        and "notice" in concepts
        and not concepts & _DEVICES
    ):
        return (Match(label=APP_NOTICE, probability=1.0),)
    return ranked


def _all_apps(ranked: Sequence[Match], concepts: set[str]) -> Sequence[Match]:
    """All three apps named at once are the general clause 2.3, which lists their notices."""
    every = {"desktop", "mobile"} <= concepts and bool(concepts & {"web", "teams"})
    if not every or _topic(ranked[0]) not in _APPS:
        return ranked
    for app in _APPS - {"app_connection"}:
        ranked = _without(ranked, app, instead="app_connection")
    return ranked


def _named_in_terms(ranked: Sequence[Match], even: str, concepts: set[str]) -> Sequence[Match]:
    """Groups and items that clauses 2.8 and 2.9 name get the general answer, never "the terms do not say"."""
    best = ranked[0].label
    if best == "data_subjects.other_groups" and _NAMED_GROUP.search(even):
        return (Match(label="data_subjects", probability=ranked[0].probability), *ranked[1:])
    unnamed = best.startswith("data_categories.") and best.partition(".")[2] in ("other", "technical", "phone_number")
    if unnamed and "person" in concepts and "item" not in concepts:
        return (Match(label="data_categories", probability=ranked[0].probability), *ranked[1:])
    return ranked


def _about_the_limit(ranked: Sequence[Match], even: str, concepts: set[str]) -> Sequence[Match]:
    """Questions about the limit itself, or about deleting before it, are answered by clause 2.7 ("at the latest")."""
    if ranked[0].label != ABOUT_COMMANDS:
        return ranked
    if _EARLIER.search(even) and _BARE_LOG_ANY.search(even):
        return (Match("diagnostics.early_deletion", ranked[0].probability), *ranked[1:])
    if "ninety" in concepts and not concepts & {"journal", "call"} and "purge" not in even:
        return (Match("diagnostics", ranked[0].probability), *ranked[1:])
    return ranked


def _other_product(ranked: Sequence[Match], even: str) -> Sequence[Match]:
    if _OTHER_PRODUCT.search(even) and not _OUR_PRODUCT.search(even):
        return (Match(OUT_OF_SCOPE, 1.0),)
    return ranked


def _named_clause(ranked: Sequence[Match], even: str, clauses: Mapping[str, str]) -> Sequence[Match]:
    """A clause that is named by its number decides where the words do not: "2.8 please" is about data categories."""
    named = [topic for number in _CLAUSE.findall(even) if (topic := _topic_of(number, clauses))]
    if len(set(named)) != 1 or ranked[0].probability >= DOUBTFUL:
        return ranked
    same = [match for match in ranked if _topic(match) == named[0]]
    label = same[0].label if same and same[0].probability > ranked[0].probability / 2 else named[0]
    return (Match(label, 1.0),)


def _topic_of(number: str, clauses: Mapping[str, str]) -> str:
    """Find the topic of a clause, or of the clause it belongs to."""
    while number:
        if number in clauses:
            return clauses[number]
        number = number.rpartition(".")[0]
    return ""


def _elsewhere(ranked: Sequence[Match], concepts: set[str]) -> Sequence[Match]:
    """What is asked of other products, or what something else costs, is not this bot's subject."""
    doubtful = ranked[0].probability < DOUBTFUL and _topic(ranked[0]) not in _WITH_OTHERS
    if doubtful and "other_product" in concepts and "product" not in concepts:
        return (Match(OUT_OF_SCOPE, 1.0),)
    if "price" in concepts and _topic(ranked[0]) == "dpo_contact":
        return (Match(OUT_OF_SCOPE, 1.0),)
    return ranked


def _topic(match: Match) -> str:
    return match.label.partition(".")[0] if not match.label.startswith("?") else match.label


def _without(ranked: Sequence[Match], topic: str, *, instead: str = "") -> Sequence[Match]:
    """Take a topic out; what it had goes to `instead`, spread over its labels, or is shared among the others."""
    kept = [match for match in ranked if _topic(match) != topic]
    gone = sum(match.probability for match in ranked) - sum(match.probability for match in kept)
    heirs = [match for match in kept if _topic(match) == instead] if instead else kept
    if instead and not heirs:
        return (Match(label=instead, probability=gone), *kept)
    total = sum(match.probability for match in heirs)
    raised = [
        Match(label=m.label, probability=m.probability + (gone * m.probability / total if m in heirs else 0.0))
        for m in kept
    ]
    return tuple(sorted(raised, key=lambda match: -match.probability))
