"""Examples that belong to no topic: out of scope, greetings, and known ambiguities with their own question."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from data.labels import Lang
from data.questions.commands import Command, CommandGrammar
from data.questions.features import Lexicon
from data.questions.matcher import Example
from data.questions.understand import ABOUT_COMMANDS, AMBIGUOUS, COMMAND, HELP, OUT_OF_SCOPE
from data.toml import read_toml

FOLDER = Path(__file__).parent


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Phrasings(_Table):
    de: tuple[str, ...] = Field(min_length=1)
    en: tuple[str, ...] = Field(min_length=1)


class _Words(_Table):
    de: str = Field(min_length=1)
    en: str = Field(min_length=1)


class _Ambiguity(_Table):
    id: str
    options: tuple[str, ...] = Field(min_length=2)
    question: _Words
    phrasings: _Phrasings


class _Ambiguities(_Table):
    ambiguities: tuple[_Ambiguity, ...]


class _Commands(_Table):
    commands: dict[Command, _Phrasings]
    about: _Phrasings
    unrelated: _Phrasings


class _GrammarFile(_Table):
    words: dict[str, tuple[str, ...]]
    forms: dict[str, str]


class _LexiconFile(_Table):
    concepts: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What is learnt beside the topics."""

    examples: tuple[Example, ...]
    options: Mapping[str, tuple[str, ...]]
    """For each ambiguity the topics to choose from."""
    clarifying: Mapping[str, Mapping[Lang, str]]
    """For each ambiguity the question the bot asks back."""
    stems: Mapping[str, tuple[str, ...]]
    grammar: CommandGrammar

    @property
    def lexicon(self) -> Lexicon:
        """Build the lexicon of the field's vocabulary."""
        return Lexicon(self.stems)


def load_corpus(folder: Path = FOLDER) -> Corpus:
    """Read the corpus files; raises `CatalogueError` that names file, key and reason."""
    scope = read_toml(_Phrasings, folder / "corpus" / "out_of_scope.toml")
    greetings = read_toml(_Phrasings, folder / "corpus" / "help.toml")
    ambiguities = read_toml(_Ambiguities, folder / "corpus" / "ambiguous.toml").ambiguities
    orders = read_toml(_Commands, folder / "corpus" / "commands.toml")
    grammar = read_toml(_GrammarFile, folder / "grammar.toml")
    lexicon = read_toml(_LexiconFile, folder / "lexicon.toml")
    examples = [*_examples(OUT_OF_SCOPE, scope), *_examples(HELP, greetings)]
    for ambiguity in ambiguities:
        examples.extend(_examples(AMBIGUOUS + ambiguity.id, ambiguity.phrasings))
    for command, phrasings in orders.commands.items():
        examples.extend(_examples(COMMAND + command.value, phrasings))
    examples.extend([*_examples(ABOUT_COMMANDS, orders.about), *_examples(OUT_OF_SCOPE, orders.unrelated)])
    return Corpus(
        examples=tuple(examples),
        options={ambiguity.id: ambiguity.options for ambiguity in ambiguities},
        clarifying={a.id: {Lang.DE: a.question.de, Lang.EN: a.question.en} for a in ambiguities},
        stems=lexicon.concepts,
        grammar=CommandGrammar(words=grammar.words, forms=grammar.forms),
    )


def _examples(label: str, phrasings: _Phrasings) -> Iterable[Example]:
    for lang, texts in ((Lang.DE, phrasings.de), (Lang.EN, phrasings.en)):
        for text in texts:
            yield Example(text=text, lang=lang, label=label)
