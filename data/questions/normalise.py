"""One spelling for what people type: case, umlauts, emojis, punctuation and the product's names are evened out."""

import re
import unicodedata

MAX_CHARS = 600
"""What lies beyond is not read for meaning: nobody's question is longer, and work stays bounded."""

_FOLD = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "’": "'", "`": "'", "´": "'"})
_APART = re.compile(r"[^a-z0-9'?.,;:!&+/\n-]+")
_REPEATED = re.compile(r"(?<![a-z0-9])[a-z2-9]{4}-[a-z2-9]{4}(?![a-z0-9])|([a-z!?.])\1{2,}")
"""Letters said more than twice; those of a confirmation code, which stands first, are no exclamation."""
_JOINED = (
    (re.compile(r"\bpro[\s-]?call[\s-]?nex\b|\bprocallnex\b"), "procall nex"),
    (re.compile(r"\b(pro[\s-]call|procal|prokall|prokal|procoll|porcall|pro call)\b"), "procall"),
    (re.compile(r"\be[\s-]mails?\b"), "email"),
    (re.compile(r"\b(ds[\s-]gvo|dsvgo|dgsvo|dsgv)\b"), "dsgvo"),
    (re.compile(r"\b(gpdr|gdrp)\b"), "gdpr"),
    (re.compile(r"\bstack[\s-]?trac?(e|es|se)\b"), "stacktrace"),
    (re.compile(r"\b(ms|microsoft|m\$)[\s-]?teams\b"), "msteams"),
    (re.compile(r"\b(av|adv)[\s-]vertrag(es|s)?\b"), "avv"),
    (re.compile(r"\bsip[\s-]trunks?\b"), "siptrunk"),
    (re.compile(r"\bstar[\s-]face\b"), "starface"),
    (re.compile(r"\bart(ikel|icle)?\.?\s?(\d+)"), r"art\2"),
    (re.compile(r"\bpus+c?h\b"), "push"),
    (re.compile(r"\bdata[\s-]?cent(?:re|er)s?\b"), "datacentre"),
    # The call journal under all its names: clause 2.8.4 speaks of journals and connection logs.
    (
        re.compile(
            r"(?<!calljournal )(?!calljournal\b)\b(calls?|phone|telephone|connections?|dial(?:l?ing)?)[\s-]?"
            r"(logs?|histor(?:y|ies)|lists?|records?|journals?|register|protocols?)\b",
        ),
        r"calljournal \1 \2",
    ),
    (
        re.compile(
            r"\b(anruf|verbindungs?|gespraechs?|telefon)[\s-]+(logs?|protokolle?n?|listen?|journale?|verlauf|historie|daten)\b",
        ),
        r"\1\2",
    ),
    # A phone one carries is the mobile app's device; "the phone" may be telephony and stays as it is.
    (re.compile(r"\b(company|work|business|office|private|personal|own) ?(cell|mobile)?phones?\b"), r"\1 smartphone"),
    (re.compile(r"\bon (my|our|your|his|her) phones?\b"), r"on \1 smartphone"),
    (re.compile(r"\bdaten[\s-]?schut?zt?\b|\bdatenschuz\b|\bdatnschutz\b"), "datenschutz"),
)
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")


def clean(text: str) -> str:
    """Drop what no person meant to say: control and invisible characters; cap the length."""
    kept = "".join(
        " " if unicodedata.category(char)[0] in "CZ" else char
        for char in unicodedata.normalize("NFC", text[: 4 * MAX_CHARS])
    )
    return " ".join(kept.split())


def normalise(text: str) -> str:
    """Give the evened-out form: lower case, ASCII letters and digits, sentence marks kept, single spaces."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text[: 4 * MAX_CHARS]).lower()).translate(_FOLD)
    plain = "".join(char for char in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(char))
    even = _REPEATED.sub(_at_most_twice, _APART.sub(" ", plain)).strip()
    for pattern, spelling in _JOINED:
        even = pattern.sub(spelling, even)
    return " ".join(even.split())[:MAX_CHARS].strip()


def _at_most_twice(found: re.Match[str]) -> str:
    return found[1] * 2 if found[1] else found[0]


def words_of(even: str) -> list[str]:
    """Split a normalised text into its words."""
    return _WORD.findall(even)
