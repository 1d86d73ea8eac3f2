"""The seal on a button: proves that this bot put it on a card, for this place, and about this state of its subject.

A button carries the id of its subject and this seal, nothing else (design 3.4). The seal is no authority: role and
state are checked again on every press. It tells three things apart: a button that fits, one of an earlier state, and
one that was forged, or copied into another conversation (security.md AZ-14, AZ-16, AZ-17, AZ-19).
"""

import base64
import hashlib
import hmac
from enum import Enum, auto

_STAMP = 8
_PROOF = 16


class Fit(Enum):
    """What a seal says."""

    FITS = auto()
    STALE = auto()
    """Genuine, but of an earlier state."""
    FOREIGN = auto()
    """Not made by this bot for this place, verb and subject."""


class Seal:
    """Makes and judges seals with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, verb: str, subject: str, stamp: str, place: str) -> str:
        """Give the seal: letters and digits, 25 of them with a full stop inside."""
        short = _short(hashlib.sha256(stamp.encode()).digest(), _STAMP)
        return f"{short}.{self._proof(verb, subject, short, place)}"

    def judge(self, given: object, *, verb: str, subject: str, stamp: str, place: str) -> Fit:
        """Tell what a pressed button is; never raises, whatever was sent."""
        if not isinstance(given, str) or len(given) != _STAMP + 1 + _PROOF or not given.isascii():
            return Fit.FOREIGN
        short, _, proof = given.partition(".")
        if not hmac.compare_digest(proof, self._proof(verb, subject, short, place)):
            return Fit.FOREIGN
        return Fit.FITS if given == self.make(verb, subject, stamp, place) else Fit.STALE

    def _proof(self, verb: str, subject: str, short: str, place: str) -> str:
        said = f"{verb}\x1f{subject}\x1f{short}\x1f{place}".encode()
        return _short(hmac.digest(self._key, said, "sha256"), _PROOF)


def _short(digest: bytes, letters: int) -> str:
    return base64.b32encode(digest).decode("ascii").lower()[:letters]
