"""Stencils: what a line that was understood teaches about all lines like it, so that they are read by the million.

A stencil is learned from one head line and the place its reader gave (`Place`): fixed bytes, then a stamp of a fixed
form. Its fine digits (time of day, fraction) count linearly from the coarse rest (date, offset). What a coarse rest
means, the reader itself is asked, with the fine digits set to the ends of every hour and to odd times: only where all
answers lie on one line are other lines with it judged without asking. So nothing here knows a calendar, a zone or a
month's name. A day on which a clock is put forward or back is judged hour by hour, such an hour line by line.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from data.formats.interface import Kind, Line, Place
from data.retention.instants import HOUR, MINUTE, SECOND, Instant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    Bytes = NDArray[np.uint8]
    Words = NDArray[np.uint64]

WIDEST: Final = 256
"""Bytes from the beginning of a line to the end of its stamp beyond which no stencil is made."""

_CLOCK: Final = re.compile(rb"(?<!\d)(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(?!\d)")
_PACKED_CLOCK: Final = re.compile(rb"(?<=[ T_-])(\d\d)(\d\d)(\d\d)(?:[.,](\d+))?(?!\d)")
_OFFSET: Final = re.compile(rb"\d(?:[Zz]| ?[+-]\d\d:?\d\d)\Z")
_EPOCH: Final = re.compile(rb"(\d{10}|\d{13}|\d{16}|\d{19})(?:\.(\d+))?")
_SECONDS_DIGITS = 10
_COARSE_DIGITS = 1
"""Digits of an epoch that count as its date: below the first one nothing but the number itself tells the instant."""
_TIMES: Final = (b"0000", b"0059", b"0100", b"1459", b"1500", b"2959", b"3000", b"4459", b"4500", b"5900", b"5959")
_ODD: Final = len(_TIMES)
_HIGHEST: Final = MappingProxyType({10 * HOUR: b"2", 10 * MINUTE: b"5", 10 * SECOND: b"5"})
_ANY = 255
_ALL = (1 << 64) - 1
_HIGHEST_BITS = 0x8080_8080_8080_8080
_DIGITS: Final = b"0123456789"
_WORD = 8
_DAY_COSTS = 8
"""How much more is asked about a day than about an hour."""
_MOST_KNOWN = 1 << 16

Base = tuple[Instant, Instant]
"""What a coarse rest means: `lo` and `hi` with all fine digits at nought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stencil:
    """The form of one kind of head line; offsets count from the beginning of the window."""

    per_day: bool
    """Whether the hour is fine too."""
    zoned: bool
    """Whether the stamp itself names its offset, so that no clock is put forward or back in it."""
    anchor: bytes
    """The window begins behind the first such byte of the line; b"" where it begins with the line."""
    once: bytes
    never: tuple[bytes, ...]
    fixed: bytes
    """The bytes before the stamp."""
    form: bytes
    """What makes two stencils the same."""
    length: int
    fine: tuple[tuple[int, int], ...]
    """Offset and weight in microseconds of every fine digit."""
    highest: bytes
    """The highest value of each fine digit."""
    literal: bytes
    """The byte at each offset, where it is fixed; any other byte where it is not."""
    kinds: bytes
    """Of each offset: `=` fixed, `9` a fine digit, `5` and `2` one up to that; coarse: `N` a digit, `F` anything."""
    following: int
    """The class of the byte behind the one that follows the stamp; 255 for any."""
    known: dict[bytes, Base | None] = field(default_factory=dict)
    seen: dict[bytes, int] = field(default_factory=dict)

    def fine_of(self, digits: bytes) -> int:
        """Add up fine digits, in microseconds."""
        return sum(weight * (digit - 48) for (_, weight), digit in zip(self.fine, digits, strict=True))


def class_of(byte: int) -> int:
    """Sort a byte by what it could add to a stamp: a digit, a sign, a letter, nothing."""
    if byte in b"0123456789":
        return 0
    if byte in b"+-":
        return 1
    return 2 if chr(byte).isalpha() else 3


def learn(line: bytes, place: Place) -> tuple[Stencil, ...]:
    """Make the stencils of a line, its line end included; none where the stamp has no end or stands too far."""
    start = place.start if place.anchor else 0
    if place.anchor and line.find(place.anchor) + 1 != place.start:
        return ()
    fixed, stamp, rest = line[start : place.start], line[place.start : place.end], line[place.end : place.end + 2]
    if not stamp or not rest or len(fixed) + len(stamp) > WIDEST or b"\n" in fixed + stamp:
        return ()
    clock = _CLOCK.search(stamp) or _PACKED_CLOCK.search(stamp)
    if clock is None:
        return (_stencil(place, fixed, stamp, rest, _epoch_digits(stamp)),)
    hourly = _stencil(place, fixed, stamp, rest, _clock_digits(clock))
    if len(clock[1]) == 1:
        return (hourly,)
    return (_stencil(place, fixed, stamp, rest, _clock_digits(clock) | _pair(clock.start(1), HOUR)), hourly)


def _stencil(place: Place, fixed: bytes, stamp: bytes, rest: bytes, fine: dict[int, int]) -> Stencil:
    kinds = bytearray(b"=" * len(fixed))
    for at, byte in enumerate(stamp):
        if at in fine:
            kinds += _HIGHEST.get(fine[at], b"9")
        else:
            kinds += b"N" if byte in _DIGITS else b"F" if chr(byte).isalpha() else b"="
    kinds += b"="
    literal = fixed + stamp + rest[:1]
    following = class_of(rest[1]) if len(rest) > 1 and rest[:1] not in (b"\r", b"\n") else _ANY
    shown = bytes(byte if kind == ord("=") else kind for byte, kind in zip(literal, kinds, strict=True))
    return Stencil(
        per_day=10 * HOUR in fine.values(),
        zoned=_OFFSET.search(stamp) is not None,
        anchor=place.anchor,
        once=place.once,
        never=place.never,
        fixed=fixed,
        form=b"\0".join((place.anchor, place.once, *place.never, shown, kinds, bytes([following]))),
        length=len(kinds),
        fine=tuple((len(fixed) + at, abs(weight)) for at, weight in sorted(fine.items())),
        highest=bytes(kinds[len(fixed) + at] for at in sorted(fine)),
        literal=literal,
        kinds=bytes(kinds),
        following=following,
    )


def _clock_digits(clock: "re.Match[bytes]") -> dict[int, int]:
    """Tell what the digits of minutes, seconds and their fraction are worth, in microseconds."""
    fine = _pair(clock.start(2), MINUTE) | _pair(clock.start(3), SECOND)
    return fine if clock[4] is None else fine | _fraction(clock.start(4), len(clock[4]), SECOND)


def _epoch_digits(stamp: bytes) -> dict[int, int]:
    """Tell what the lower digits of an epoch are worth; negative, for they have no limit of their own."""
    epoch = _EPOCH.fullmatch(stamp)
    if epoch is None:
        return {}
    whole = len(epoch[1])
    fine = {}
    for at in range(_COARSE_DIGITS, whole):
        power = _SECONDS_DIGITS + 5 - at
        fine[at] = -(10**power) if power >= 0 else 0
    if epoch[2] is not None:
        unit = 10 ** max(0, _SECONDS_DIGITS + 6 - whole)
        fine |= {at: -weight for at, weight in _fraction(epoch.start(2), len(epoch[2]), unit).items()}
    return fine


def _pair(start: int, unit: int) -> dict[int, int]:
    return {start: 10 * unit, start + 1: unit}


def _fraction(start: int, length: int, unit: int) -> dict[int, int]:
    return {start + at: unit // 10 ** (at + 1) for at in range(length)}


def base_of(stencil: Stencil, ask: Callable[[bytes], Line], line: bytes, window: int) -> Base | None:
    """Ask a reader what the coarse rest of a line means; None where its answers do not lie on one line."""
    if window + stencil.length > len(line):
        return None
    offsets = [window + at for at, _ in stencil.fine]
    own = bytes(line[at] for at in offsets)
    first: Base | None = None
    for digits in [own, *_probes(stencil)]:
        changed = bytearray(line)
        for at, digit in zip(offsets, digits, strict=True):
            changed[at] = digit
        answer = ask(bytes(changed))
        if answer.kind is not Kind.HEAD or answer.lo is None or answer.hi is None:
            return None
        fine = stencil.fine_of(digits)
        found = (answer.lo - fine, answer.hi - fine)
        if first is not None and found != first:
            return None
        first = found
    return first


def _probes(stencil: Stencil) -> list[bytes]:
    """List the fine digits to ask about."""
    count = len(stencil.fine)
    if not count:
        return []
    odd = [bytes(48 + (turn * 7 + at * 3 + 1) % 10 for at in range(count)) for turn in range(_ODD)]
    highest = stencil.highest
    if stencil.per_day:
        hours = [b"%02d" % hour for hour in ((0, 23) if stencil.zoned else range(24))]
        odd = odd[: len(hours) * 2]
        found = [hour + b"0" * (count - 2) for hour in hours] + [hour + highest[2:] for hour in hours]
        return found + [b"%02d" % (turn * 2) + b"3427"[: count - 2] + digits[6:] for turn, digits in enumerate(odd)]
    if highest.startswith(b"5959"):
        return [b"0" * count, highest, *(time + digits[4:] for time, digits in zip(_TIMES, odd, strict=True))]
    return [b"0" * count, highest, *odd]


class Matcher:
    """A stencil laid over many lines at once."""

    def __init__(self, stencil: Stencil) -> None:
        import numpy as np  # heavy, and not needed for a small file

        self.stencil = stencil
        self._width = -(-stencil.length // _WORD) * _WORD
        kinds = np.frombuffer(stencil.kinds.ljust(self._width, b"?"), np.uint8)
        literal = np.frombuffer(stencil.literal.ljust(self._width, b"\0"), np.uint8)
        full = np.uint8(0xFF)
        equal = kinds == ord("=")
        digit = np.isin(kinds, np.frombuffer(b"952N", np.uint8))
        spare = np.select([equal, kinds == ord("5"), kinds == ord("2"), digit], [0x7F, 0x7A, 0x7D, 0x76], 0)
        coarse = np.isin(kinds, np.frombuffer(b"NF", np.uint8))
        expected = np.where(equal, literal, np.where(digit, 0x30, 0))
        self._expected = expected.astype(np.uint8).view(np.uint64)
        self._looked_at = np.where(equal | digit, full, 0).astype(np.uint8).view(np.uint64)
        self._spare = spare.astype(np.uint8).view(np.uint64)
        """What may be added to a byte, less what is expected there, before its highest bit is set."""
        self._coarse = np.where(coarse, full, 0).astype(np.uint8).view(np.uint64)
        fine = dict(stencil.fine)
        self._from, self._to = min(fine, default=0), max(fine, default=-1) + 1
        self._weights = np.array([float(fine.get(at, 0)) for at in range(self._from, self._to)])
        self._noughts = 48 * sum(fine.values())
        self._classes = np.array([class_of(byte) for byte in range(256)], np.uint8)

    def match(self, data: bytes, windows: "Rows") -> "tuple[NDArray[np.bool_], Bytes]":
        """Tell at which offsets the stencil fits, and give the windows; offsets near the end of the data do not."""
        import numpy as np  # heavy, and not needed for a small file

        reach = self._width + 1
        inside = windows <= len(data) - reach
        if len(data) < reach:
            return np.zeros(len(windows), np.bool_), np.zeros((len(windows), self._width), np.uint8)
        at = windows if inside.all() else np.where(inside, windows, 0)
        all_windows: NDArray[np.bytes_] = np.ndarray(
            buffer=data, dtype=f"S{self._width}", shape=(len(data) - self._width + 1,), strides=(1,)
        )
        seen = all_windows[at]
        words = seen.view(np.uint64).reshape(len(windows), -1)
        bad = np.zeros(len(windows), np.uint64)
        for index in np.flatnonzero(self._looked_at):
            rest = words[:, index] ^ self._expected[index]
            if self._looked_at[index] != _ALL:
                rest &= self._looked_at[index]
            bad |= rest
            rest += self._spare[index]
            bad |= rest
        # A byte that is not what it may be has its highest bit set, before or after adding; a carry only follows such.
        bad &= _HIGHEST_BITS
        fits = (bad == 0) & inside
        if self.stencil.following != _ANY:
            behind = np.frombuffer(data, np.uint8)[at + self.stencil.length]
            fits &= self._classes[behind] == self.stencil.following
        return fits, seen.view(np.uint8).reshape(len(windows), self._width)

    def turns(self, seen: "Bytes") -> "tuple[Rows, Words]":
        """Find where the coarse rest differs from the line before; the first line always does."""
        import numpy as np  # heavy, and not needed for a small file

        words = seen.view(np.uint64).reshape(len(seen), -1)
        differs = np.zeros(len(seen), np.bool_)
        differs[:1] = True
        for index in np.flatnonzero(self._coarse):
            word = words[:, index] & self._coarse[index]
            differs[1:] |= word[1:] != word[:-1]
        turns = np.flatnonzero(differs)
        return turns, words[turns] & self._coarse

    def fine(self, seen: "Bytes") -> "Rows":
        """Add up the fine digits of every line, in microseconds."""
        import numpy as np  # heavy, and not needed for a small file

        if not len(self._weights):
            return np.zeros(len(seen), np.int64)
        digits = seen[:, self._from : self._to].astype(np.float64)
        total: Rows = (digits @ self._weights).astype(np.int64)
        total -= self._noughts
        return total


def enough(stencil: Stencil, key: bytes, rows: int, worth: int) -> bool:
    """Tell whether a coarse rest was met so often (`worth` lines of an hour) that asking about it pays."""
    if not stencil.fine:
        return True
    if len(stencil.seen) > _MOST_KNOWN:
        stencil.seen.clear()
    total = stencil.seen[key] = stencil.seen.get(key, 0) + rows
    return total >= (_DAY_COSTS * worth if stencil.per_day else worth)


def remember(stencil: Stencil, key: bytes, base: Base | None) -> None:
    """Keep an answer; forget all where there are too many."""
    if len(stencil.known) > _MOST_KNOWN:
        stencil.known.clear()
    stencil.known[key] = base
