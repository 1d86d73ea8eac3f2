"""What no purge may ever touch: journals, chats, recordings, call records are no logs (procall-nex.md section 0)."""

import re

_STEMS = (
    "journal", "chat", "recording", "voicemail", "voice-mail", "messenger",
    "anruf", "aufnahme", "aufzeichnung", "mitschnitt", "gespraech", "gespräch", "telefonat",
    "verbindungsprotokoll", "verbindungsdaten", "einzelverbindung", "sprachnachricht",
)  # fmt: skip
_CALLS = r"calls?(?![a-zäöüß])|call(?:log|record|histor|list|data|detail)|cdrs?(?![a-zäöüß])"
_OUTSIDE = re.compile(rf"(?<![a-zäöüß])(?:{'|'.join(map(re.escape, _STEMS))}|{_CALLS})", re.IGNORECASE)


def outside_word(text: str) -> str:
    """Give the word that shows a source to be none of clause 2.7, or "" where there is none."""
    found = _OUTSIDE.search(text.replace("_", "-"))
    return found.group().lower() if found else ""
