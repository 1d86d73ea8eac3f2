"""German or English: py3langid restricted to the two, helped by the small words that decide short messages."""

from typing import Protocol

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from data.labels import Lang
from data.questions.normalise import clean, words_of

_GERMAN = frozenset(
    "ich du er sie es wir ihr mich mir mein meine meinen meiner dein deine ist sind hat haben habe hab wird"
    " werden wurde der die das den dem des ein eine einen einem einer und oder aber nicht kein keine auch noch"
    " nur wie was wer wo wann warum wieso welche welcher welches wessen wen wem wozu fuer ueber unter bei mit"
    " von vom zum zur auf aus im ins am an kann darf muss soll gibt gibts bitte danke hallo moin servus gruezi"
    " tach guten morgen abend tag hilfe daten handy datenschutz loesche loesch loeschen loeschlauf zeig zeige"
    " protokolle logdateien aelter tage bestaetigen abbrechen ja nein doch mal eigentlich wirklich firma chef"
    " anruf anrufe gespeichert lange lang verschluesselt erklaerung dse avv dsb dsfa vvt betriebsrat nachweis"
    " ueberfaellig sperre aufheben setzen rechner nochmal erinner morgen i's hob des aufm  fuers beim aufm aber denn"
    " dann eigentlich eben gleich sonst nochmal ausserdem wuerde tach moinsen jo nee"
    " joa passt tschuess ciao welch".split(),
)
_ENGLISH = frozenset(
    "i you he she it we they me my mine your his her our their is are was were do does did have has had will"
    " would can could should the a and or but not no yes also only how what who whom whose where when why"
    " which for about under with from to of on at by please thanks thank thx hello hi hey good morning evening"
    " help data phone privacy delete purge show logs older than days confirm cancel call calls stored long"
    " kept keep encrypted notice policy there any this that these those am be been get gets see sees read pls"
    " plz status overdue proof hold release snooze laptop again cheers bye ok okay tell give list go ahead"
    " stop boss manager location".split(),
)
_GERMAN_STEMS = (
    "loesch",
    "datenschutz",
    "speicher",
    "aufbewahr",
    "protokoll",
    "anruf",
    "gespraech",
    "verarbeit",
    "frist",
)
_BOTH = _GERMAN & _ENGLISH
SMALL_WORDS = _GERMAN | _ENGLISH
"""Words that say nothing by themselves about what is asked."""

_DECIDED = 0.75
_WEIGHT = 1.0


class LanguageModel(Protocol):
    """Tells which language a text is in."""

    def detect(self, text: str, even: str, fallback: Lang) -> Lang:
        """Name the language of a text and its normalised form; `fallback` where they do not tell."""
        ...


class SmallWordsFirst:
    """Counts small words first; asks py3langid where they do not decide."""

    def __init__(self) -> None:
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        self._identifier.set_languages([lang.value for lang in Lang])

    def detect(self, text: str, even: str, fallback: Lang) -> Lang:
        """Name the language of a text; `fallback` for a text without any sign."""
        words = words_of(even)
        umlauts = sum(char in "äöüßÄÖÜ" for char in text)
        german = umlauts + sum(
            _WEIGHT for word in words if (word in _GERMAN and word not in _BOTH) or word.startswith(_GERMAN_STEMS)
        )
        english = sum(_WEIGHT for word in words if word in _ENGLISH and word not in _BOTH)
        if german > english * 1.5:
            return Lang.DE
        if english > german * 1.5:
            return Lang.EN
        if not words:
            return fallback
        name, certainty = self._identifier.classify(clean(text))
        return Lang(name) if float(certainty) >= _DECIDED else fallback
