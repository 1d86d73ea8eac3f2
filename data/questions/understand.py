"""From a sentence to its meaning: commands by grammar, topics by the matcher, the rest asked back or refused."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, unique

from data.labels import Lang
from data.questions.collisions import Corrections
from data.questions.commands import STATE_CHANGING, Command, CommandGrammar
from data.questions.context import Context
from data.questions.features import Lexicon
from data.questions.language import SMALL_WORDS, LanguageModel
from data.questions.matcher import Match, Matcher
from data.questions.normalise import normalise, words_of
from data.questions.thresholds import (
    ANSWER_FROM,
    CHOOSE_FROM,
    MULTI_ALONE_FROM,
    MULTI_WHOLE_FROM,
    NEAR,
    OBJECT_FROM,
    STAY_FROM,
    SUGGEST_FROM,
    SURE_FROM,
)

OUT_OF_SCOPE = "?out_of_scope"
HELP = "?help"
AMBIGUOUS = "?ambiguous."
COMMAND = "?command."
ABOUT_COMMANDS = "?about_commands"


@unique
class Kind(StrEnum):
    """What a sentence is."""

    EMPTY = "empty"
    COMMAND = "command"
    TOPICS = "topics"
    CHOICE = "choice"
    HELP = "help"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A topic, and the aspect of it that is asked for ("" for the general answer)."""

    topic: str
    aspect: str = ""

    @classmethod
    def of(cls, text: str) -> "Label":
        """Read `topic` or `topic.aspect`."""
        topic, _, aspect = text.partition(".")
        return cls(topic=topic, aspect=aspect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What was understood."""

    kind: Kind
    lang: Lang
    confidence: float = 1.0
    labels: tuple[Label, ...] = ()
    ambiguity: str = ""
    """Id of the known ambiguity, for its own clarifying question; "" for a choice between near topics."""
    options: tuple[str, ...] = ()
    command: Command | None = None
    even: str = ""
    """The normalised utterance, for the context of the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One utterance with what is known about it."""

    text: str
    operator: bool
    """Whether an admin or a DPO asks: their bare "logs" are program logs, an employee's may be call logs."""
    fallback: Lang
    context: Context | None = None
    lang: Lang | None = None


class Understanding:
    """Understands utterances; holds no state of its own."""

    def __init__(
        self,
        *,
        matcher: Matcher,
        lexicon: Lexicon,
        language: LanguageModel,
        grammar: CommandGrammar,
        ambiguities: Mapping[str, tuple[str, ...]],
        clauses: Mapping[str, str],
    ) -> None:
        self._matcher = matcher
        self._lexicon = lexicon
        self._language = language
        self._grammar = grammar
        self._ambiguities = ambiguities
        self._corrections = Corrections(lexicon, clauses)

    def understand(self, asked: Asked) -> Meaning:
        """Give the meaning of an utterance."""
        even = normalise(asked.text)
        return replace(self._meaning(even, asked), even=even)

    def _meaning(self, even: str, asked: Asked) -> Meaning:
        context = asked.context
        lang = asked.lang or self._language.detect(asked.text, even, context.lang if context else asked.fallback)
        if not words_of(even):
            return Meaning(kind=Kind.HELP if asked.text.strip() else Kind.EMPTY, lang=lang)
        if self._grammar.greets(even) and not self._grammar.answers(even, context.command if context else None):
            return Meaning(kind=Kind.HELP, lang=lang)
        bare = _bare(even)
        alone = self._matcher.rank(bare)
        command = self._command(even, alone, context)
        if command is not None:
            return Meaning(kind=Kind.COMMAND, lang=lang, command=command)
        several = self._several(bare, alone, asked)
        if several:
            return Meaning(kind=Kind.TOPICS, lang=lang, labels=several[0], confidence=several[1])
        return self._judge(self._rank_in_context(even, alone, context), bare, asked, lang)

    # -- commands -------------------------------------------------------------------------------------------------

    def _command(self, even: str, alone: Sequence[Match], context: Context | None) -> Command | None:
        """Let the grammar recognise a command; the matcher may suggest what the grammar then permits, and may object.

        So a state-changing command takes two that agree: no sentence that either of them takes for a question starts
        anything.
        """
        last = context.command if context else None
        if self._grammar.answers(even, last):
            return self._grammar.parse(even, last=last)
        topics = by_topic(alone)
        if not topics:
            return None
        best = topics[0]
        parsed = self._grammar.parse(even, last=last)
        if best.label.startswith(COMMAND):
            suggested = Command(best.label.removeprefix(COMMAND))
            if suggested in STATE_CHANGING and parsed is not None and parsed not in STATE_CHANGING:
                # Of the two, what changes nothing.
                return parsed
            if best.probability >= SUGGEST_FROM and self._grammar.permits(even, suggested):
                return suggested
        if parsed is None:
            return None
        harmless = parsed not in STATE_CHANGING and best.label.startswith(AMBIGUOUS)
        overruled = harmless or (self._grammar.is_plain_order(even) and best.label != OUT_OF_SCOPE)
        objects = not best.label.startswith(COMMAND) and best.probability >= OBJECT_FROM and not overruled
        return None if objects else parsed

    # -- one question ---------------------------------------------------------------------------------------------

    def _judge(self, ranked: Sequence[Match], even: str, asked: Asked, lang: Lang) -> Meaning:
        ranked = self._corrections.apply(ranked, even, operator=asked.operator, context=asked.context)
        if ranked and ranked[0].label.startswith(COMMAND) and ranked[0].probability < OBJECT_FROM:
            ranked = _no_orders(ranked)
        topics = by_topic(ranked)
        if not topics:
            return Meaning(kind=Kind.OUT_OF_SCOPE, lang=lang, confidence=0.0)
        best = topics[0]
        if best.label == OUT_OF_SCOPE or best.probability < CHOOSE_FROM:
            return Meaning(kind=Kind.OUT_OF_SCOPE, lang=lang, confidence=best.probability)
        if best.label in (HELP, ABOUT_COMMANDS) or best.label.startswith(COMMAND):
            return Meaning(kind=Kind.HELP, lang=lang, confidence=best.probability)
        if best.label.startswith(AMBIGUOUS):
            ambiguity = best.label.removeprefix(AMBIGUOUS)
            return Meaning(
                kind=Kind.CHOICE,
                lang=lang,
                confidence=best.probability,
                ambiguity=ambiguity,
                options=self._ambiguities[ambiguity],
            )
        if best.probability < ANSWER_FROM:
            options = tuple(match.label for match in topics[:4] if not match.label.startswith("?"))[:3]
            if len(options) > 1 and topics[1].probability >= best.probability * NEAR:
                return Meaning(kind=Kind.CHOICE, lang=lang, confidence=best.probability, options=options)
        label = next(Label.of(match.label) for match in ranked if Label.of(match.label).topic == best.label)
        return Meaning(kind=Kind.TOPICS, lang=lang, labels=(label,), confidence=best.probability)

    # -- what the question leaves out -----------------------------------------------------------------------------

    def _rank_in_context(self, even: str, alone: Sequence[Match], context: Context | None) -> Sequence[Match]:
        if context is None or not (context.topic or context.options):
            return alone
        if context.options:
            return self._rank_choice(even, context, alone)
        if not _leaves_out(even) or (_is_elsewhere(alone) and self._brings_new_words(even)):
            return alone
        concepts = self._lexicon.concepts(words_of(even))
        joint = self._matcher.rank(f"{context.even} {_bare(even)}")
        if concepts & SUBJECTS:
            # In a conversation about ProCall, "and in Teams?" is about ProCall in Teams.
            cues = "" if concepts & ASPECTS.keys() else self._cues(context.even)
            named = self._matcher.rank(f"{_bare(even)} {cues} procall")
            stays = self._stays(joint, context) if concepts & ASPECTS.keys() and not _sure(named) else ()
            return stays or (joint if _is_elsewhere(named) else named)
        if concepts & ASPECTS.keys() or _refers_back(even):
            return self._aspect_asked(concepts, context) or _only(joint, context.topic) or alone
        return alone if _sure(alone) else joint

    def _aspect_asked(self, concepts: set[str], context: Context) -> Sequence[Match]:
        """Find the aspect of the subject that "and for how long?" asks for, where the subject has one."""
        wanted = (f"{context.topic}.{aspect}" for concept, aspect in ASPECTS.items() if concept in concepts)
        label = next((label for label in wanted if label in self._matcher.labels), "")
        return (Match(label, 1.0),) if label else ()

    def _brings_new_words(self, even: str) -> bool:
        """Tell whether there is a word that neither this field nor the small words know: "weather", say."""
        return any(
            len(word) >= _LONG_WORD and word not in SMALL_WORDS and not self._lexicon.concepts([word])
            for word in words_of(even)
        )

    def _stays(self, joint: Sequence[Match], context: Context) -> Sequence[Match]:
        """Keep to the subject, if the two sentences together are about it beyond doubt."""
        topics = by_topic(joint)
        stays = bool(topics) and topics[0].label == context.topic and topics[0].probability > STAY_FROM
        return _only(joint, context.topic) if stays else ()

    def _rank_choice(self, even: str, context: Context, alone: Sequence[Match]) -> Sequence[Match]:
        """Read the answer to a clarifying question; what is said not to be meant does not count."""
        kept = _NOT_THAT.sub(" ", even).strip() or even
        with_cues = self._matcher.rank(f"{_bare(kept)} {self._cues(context.even)}")
        if len(words_of(even)) > _LONGEST_FOLLOW_UP:
            return alone
        chosen = [match for match in by_topic(with_cues)[:3] if match.label in context.options]
        if chosen and chosen[0].probability >= CHOOSE_FROM:
            return _only(with_cues, chosen[0].label)
        return with_cues if _sure(with_cues) and not _sure(alone) else alone

    def _cues(self, even: str) -> str:
        """Give the words of a question that tell what was asked, without what it was asked about."""
        return " ".join(word for word in words_of(even) if self._lexicon.concepts([word]) & ASPECTS.keys())

    # -- two questions in one -------------------------------------------------------------------------------------

    def _several(self, even: str, alone: Sequence[Match], asked: Asked) -> tuple[tuple[Label, ...], float] | None:
        parts = _parts(even)
        if len(parts) < 2:  # noqa: PLR2004  one part is one question
            return None
        whole = {match.label: match.probability for match in by_topic(alone)}
        cues = self._cues(even)
        found: dict[str, tuple[Label, float]] = {}
        for part in parts:
            label = self._part(part, cues, whole, asked)
            if label and label[0].topic not in found:
                found[label[0].topic] = label
        if not 2 <= len(found) <= 3 or _every_app(self._lexicon.concepts(words_of(even))):  # noqa: PLR2004  more is a ramble
            return None
        labels = tuple(label for label, _ in found.values())
        return labels, min(probability for _, probability in found.values())

    def _part(self, part: str, cues: str, whole: Mapping[str, float], asked: Asked) -> tuple[Label, float] | None:
        concepts = self._lexicon.concepts(words_of(part))
        if not concepts & SUBJECTS or _FOR_WHAT.search(part) or _CONDITION.match(part):
            return None
        text = part if concepts & ASPECTS.keys() else f"{part} {cues}"
        ranked = _no_orders(self._matcher.rank(text))
        ranked = self._corrections.apply(ranked, text, operator=asked.operator, context=None)
        topics = by_topic(ranked)
        if not topics or topics[0].label.startswith("?"):
            return None
        best = topics[0]
        if best.probability < MULTI_ALONE_FROM or whole.get(best.label, 0.0) < MULTI_WHOLE_FROM:
            return None
        label = next(Label.of(match.label) for match in ranked if Label.of(match.label).topic == best.label)
        return label, best.probability


ASPECTS = {
    "retention": "retention",
    "howlong": "retention",
    "optout": "optout",
    "content": "content",
    "recipient": "recipients",
    "access": "access",
    "purpose": "purpose",
    "notice": "notice",
}
"""Concepts that say what is asked, with the standard aspect they belong to."""

SUBJECTS = frozenset(
    "tariff price trunk processor subprocessor security desktop mobile web teams conference guest call push"
    " faultlog log journal presence boss recording voicemail location contacts chat calendar analytics"
    " federation rights hosting legal works_council ropa ai encryption dpo support subjects kinds item private"
    " duties version person".split(),
)
"""Concepts that say what it is asked about."""

_LEADS = re.compile(
    r"^(?:(?:ok(?:ay)?|danke|thanks|thx|gut|alles klar|achso|ach so|aha|hm+|ah|super|fine|great|ja|yes|nein|no|und|and|auch|also|aber|but|or|oder|sowie|plus|dann|then|nochmal|so)[,.! ]+)+",
)
_GREETS = re.compile(
    r"^(?:(?:schoenen )?guten (?:tag|morgen|abend)|hallo|hi|hey|hello|moin|servus|good (?:morning|afternoon|evening))"
    r"(?: zusammen| alle| all| bot| there| team| everyone| ihr| liebe\w*)*[ ,.!:-]+",
)
_SIGNS_OFF = re.compile(
    r"[.,!?; ]+(?:(?:vielen|besten|herzlichen|lieben|schoenen) dank|danke\w*|thanks|thank you|thx|cheers|mfg|lg|vg|gruss|gruesse|"
    r"viele gruesse|mit freundlichen gruessen|kind regards|best regards|regards)\b[^?]{0,40}$",
)
_LEAVES_OUT = re.compile(
    r"^(?:(?:ok(?:ay)?|danke|thanks|gut|aha|ah|hm+|ja|yes|alles klar|super|great|fine)[,.! ]+)*(?:und|and|auch|also|oder|or|aber|but|what about|how about|was ist mit|wie ist es|wie ist das|wie siehts|wie sieht'?s|wie schaut'?s|same for|gilt das|does that|is that|is it|und das|for how long|how long|wie lang|since|seit|wer|who|warum|why|wo|where|welche|which|ich mein|i mean|nein|no|dann|then|kann ich das|can i)\b",
)
_BACK = re.compile(
    r"\b(?:das|dies|diese|dieser|es|sie|die|den|dort|da|dabei|dafuer|davon|damit|darin|it|its|that|this|they|them|those|these|there|dem|deren|ihn|ihm)\b",
)
_NOT_THAT = re.compile(r",?\s*\b(?:not|nicht|nich|und nicht|and not|kein\w*|statt|instead of|rather than)\b [^,.;]*")
_SPLIT = re.compile(
    r"\s*[?.;!\n]+\s*|\s*,?\s+\b(?:und|and|sowie|plus|ausserdem|ferner|as well as|auch noch|dazu noch|u|&|\+)\b\s+|\s*[&+]\s+"
)
_CONDITION = re.compile(r"^(?:wenn|falls|if|when|sobald|solange|while|whenever)\b")
_FOR_WHAT = re.compile(
    r"\b(?:i need (?:it|them|this|that) for|(?:brauche?|benoetige|is|ist) (?:das|es|die|sie|ich) (?:\w+ )?(?:fuer|fuers)|weil|because|since i|damit ich)\b"
)
_LONGEST_FOLLOW_UP = 14
_SHORT = 4
_LONG_WORD = 4


def _every_app(concepts: set[str]) -> bool:
    return {"desktop", "mobile"} <= concepts and bool(concepts & {"web", "teams"})


def by_topic(ranked: Sequence[Match]) -> list[Match]:
    """Add up what the aspects of each topic have, the likeliest topic first; labels with "?" stand for themselves."""
    sums: dict[str, float] = {}
    for label, probability in ranked:
        name = label if label.startswith("?") else label.partition(".")[0]
        sums[name] = sums.get(name, 0.0) + probability
    return sorted((Match(name, share) for name, share in sums.items()), key=_share, reverse=True)


def _share(match: Match) -> float:
    return match.probability


def _no_orders(ranked: Sequence[Match]) -> Sequence[Match]:
    """Leave out the commands, which the grammar has refused already, and share what they had among the rest."""
    kept = [match for match in ranked if not match.label.startswith((COMMAND, ABOUT_COMMANDS))]
    total = sum(match.probability for match in kept)
    return tuple(Match(match.label, match.probability / total) for match in kept)


def _sure(ranked: Sequence[Match]) -> bool:
    topics = by_topic(ranked)
    return bool(topics) and not topics[0].label.startswith("?") and topics[0].probability >= ANSWER_FROM


def _is_elsewhere(ranked: Sequence[Match]) -> bool:
    topics = by_topic(ranked)
    return (
        bool(topics) and topics[0].label in (OUT_OF_SCOPE, HELP, ABOUT_COMMANDS) and topics[0].probability >= SURE_FROM
    )


def _only(ranked: Sequence[Match], topic: str) -> Sequence[Match]:
    """Keep the labels of one topic and share the whole probability among them."""
    kept = [match for match in ranked if Label.of(match.label).topic == topic]
    total = sum(match.probability for match in kept)
    return tuple(Match(label=match.label, probability=match.probability / total) for match in kept)


def _leaves_out(even: str) -> bool:
    words = words_of(even)
    if len(words) > _LONGEST_FOLLOW_UP:
        return False
    return len(words) <= _SHORT or bool(_LEAVES_OUT.match(even)) or bool(_BACK.search(even))


def _refers_back(even: str) -> bool:
    return bool(_BACK.search(even)) and bool(_LEAVES_OUT.match(even)) and len(words_of(even)) <= 2 * _SHORT


def _bare(even: str) -> str:
    """Drop greetings and "ok, thanks, and" around a question, unless that is all there is."""
    for pattern in (_GREETS, _SIGNS_OFF, _LEADS):
        rest = pattern.sub("", even)
        if len(words_of(rest)) > 1:
            even = rest
    return even


def _parts(even: str) -> list[str]:
    return [part for part in _SPLIT.split(even) if len(words_of(part)) >= 1 and len(part) > 2]  # noqa: PLR2004
