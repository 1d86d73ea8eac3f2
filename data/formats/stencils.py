"""Stencils: what a line that was understood teaches about all lines like it, so that they are read by the million.

A stencil is learned from one head line and the place its reader gave (`Place`): fixed bytes, then a stamp of a fixed
form. Its fine digits (minutes, seconds, fraction) count linearly from the coarse rest (date, hour, offset). What a
coarse rest means, the reader itself is asked, with the fine digits set to the ends, the quarters and odd places of
the hour: only where all answers lie on one line are other lines with it judged without asking. So nothing here knows
a calendar, a zone or a month's name, and an hour in which a clock is put forward or back is read slowly.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from data.formats.interface import Kind, Line, Place
from data.retention.instants import MINUTE, SECOND, Instant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    Bytes = NDArray[np.uint8]
    Words = NDArray[np.uint64]

WIDEST: Final = 256
"""Bytes from the beginning of a line to the end of its stamp beyond which no stencil is made."""

_CLOCK: Final = re.compile(rb"(?<!\d)\d\d:(\d\d):(\d\d)(?:[.,](\d+))?(?!\d)")
_PACKED_CLOCK: Final = re.compile(rb"(?<=[ T_-])\d\d(\d\d)(\d\d)(?:[.,](\d+))?(?!\d)")
_EPOCH: Final = re.compile(rb"(\d{10}|\d{13}|\d{16}|\d{19})(?:\.(\d+))?")
_SECONDS_DIGITS = 10
_TIMES: Final = (b"0000", b"0059", b"0100", b"1459", b"1500", b"2959", b"3000", b"4459", b"4500", b"5900", b"5959")
_DIGITS: Final = b"0123456789"
_WORD = 8
_LEAST_ROWS = 16
"""Lines that must share a coarse rest before it is worth asking the reader so often."""
_MOST_KNOWN = 1 << 16

Base = tuple[Instant, Instant]
"""What a coarse rest means: `lo` and `hi` with all fine digits at nought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stencil:
    """The form of one kind of head line; offsets count from the beginning of the window."""

    anchor: bytes
    """The window begins behind the first such byte of the line; b"" where it begins with the line."""
    once: bytes
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
    """Of each offset: `=` fixed, `9` a digit, `5` a digit up to 5, `.` free; capitals of it where it is coarse."""
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


def learn(line: bytes, place: Place) -> Stencil | None:
    """Make the stencil of a line, its line end included; None where the stamp has no end or stands too far."""
    start = 0 if not place.anchor else place.start
    if place.anchor and line.find(place.anchor) + 1 != place.start:
        return None
    fixed, stamp, rest = line[start : place.start], line[place.start : place.end], line[place.end : place.end + 2]
    if not stamp or not rest or len(fixed) + len(stamp) > WIDEST or b"\n" in fixed + stamp:
        return None
    fine = _fine_digits(stamp)
    kinds, literal, highest = bytearray(b"=" * len(fixed)), bytearray(fixed), bytearray()
    for at, byte in enumerate(stamp):
        literal.append(byte)
        if at in fine:
            kinds.append(ord("5") if fine[at] in _TENS else ord("9"))
            highest.append(ord("5") if fine[at] in _TENS else ord("9"))
        else:
            kinds.append(ord("N") if byte in _DIGITS else ord("F") if chr(byte).isalpha() else ord("="))
    kinds += b"="
    literal += rest[:1]
    following = class_of(rest[1]) if len(rest) > 1 and rest[:1] not in (b"\r", b"\n") else 255
    shown = bytes(byte if kind == ord("=") else kind for byte, kind in zip(literal, kinds, strict=True))
    return Stencil(
        anchor=place.anchor,
        once=place.once,
        fixed=fixed,
        form=b"\0".join((place.anchor, place.once, shown, kinds, bytes([following]))),
        length=len(kinds),
        fine=tuple((len(fixed) + at, abs(weight)) for at, weight in sorted(fine.items())),
        highest=bytes(highest),
        literal=bytes(literal),
        kinds=bytes(kinds),
        following=following,
    )


_TENS: Final = frozenset({10 * MINUTE, 10 * SECOND})


def _fine_digits(stamp: bytes) -> dict[int, int]:
    """Find the digits that count linearly within an hour, and what each is worth in microseconds."""
    match = _CLOCK.search(stamp)
    if match is None:
        match = _PACKED_CLOCK.search(stamp)
    if match is not None:
        groups = [group for group in range(1, len(match.regs)) if match[group] is not None]
        fine: dict[int, int] = {}
        for group, unit in zip(groups, (MINUTE, SECOND), strict=False):
            at = match.start(group)
            fine |= {at: 10 * unit, at + 1: unit}
        if len(groups) > len((MINUTE, SECOND)):
            fine |= _fraction(match.start(groups[2]), len(match[groups[2]]), SECOND)
        return fine
    epoch = _EPOCH.fullmatch(stamp)
    if epoch is None:
        return {}
    whole = len(epoch[1])
    unit = 10 ** (6 - (whole - _SECONDS_DIGITS)) if whole <= _SECONDS_DIGITS + 6 else 0
    fine = {}
    for at in range(_SECONDS_DIGITS - 3, whole):
        power = _SECONDS_DIGITS - 1 - at + 6
        fine[at] = -(10**power) if power >= 0 else 0  # negative: a ten of seconds is no limit to an epoch's digits
    if epoch[2] is not None:
        fine |= {at: -weight for at, weight in _fraction(epoch.start(2), len(epoch[2]), unit).items()}
    return fine


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
    clock = [weight for _, weight in stencil.fine[:4]] == [10 * MINUTE, MINUTE, 10 * SECOND, SECOND]
    found = [b"0" * count, stencil.highest]
    for turn, time in enumerate(_TIMES):
        digits = bytes(48 + (turn * 7 + at * 3 + 1) % 10 for at in range(count))
        found.append(time + digits[4:] if clock else digits)
    return found


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
        digit = np.isin(kinds, np.frombuffer(b"95N", np.uint8))
        tens = kinds == ord("5")
        coarse = np.isin(kinds, np.frombuffer(b"NF", np.uint8))
        self._equal = np.where(equal, full, 0).astype(np.uint8).view(np.uint64)
        self._literal = np.where(equal, literal, 0).astype(np.uint8).view(np.uint64)
        self._digit = np.where(digit, full, 0).astype(np.uint8).view(np.uint64)
        self._nought = np.where(digit, 0x30, 0).astype(np.uint8).view(np.uint64)
        self._beyond = np.where(tens, 0x7A, np.where(digit, 0x76, 0)).astype(np.uint8).view(np.uint64)
        self._top = np.where(digit, 0x80, 0).astype(np.uint8).view(np.uint64)
        self._coarse = np.where(coarse, full, 0).astype(np.uint8).view(np.uint64)
        self._columns = np.array([at for at, _ in stencil.fine], np.intp)
        self._weights = np.array([float(weight) for _, weight in stencil.fine])
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
        for index in range(words.shape[1]):
            word = words[:, index]
            if self._equal[index]:
                bad |= (word ^ self._literal[index]) & self._equal[index]
            if self._digit[index]:
                value = (word ^ self._nought[index]) & self._digit[index]
                bad |= ((value + self._beyond[index]) | value) & self._top[index]
        fits = (bad == 0) & inside
        if self.stencil.following != 255:  # noqa: PLR2004  any byte may follow
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

        if not len(self._columns):
            return np.zeros(len(seen), np.int64)
        digits = (seen[:, self._columns] - np.uint8(48)).astype(np.float64)
        total: Rows = (digits @ self._weights).astype(np.int64)
        return total


def enough(stencil: Stencil, key: bytes, rows: int) -> bool:
    """Tell whether a coarse rest was met often enough to be worth asking about it."""
    if not stencil.fine:
        return True
    if len(stencil.seen) > _MOST_KNOWN:
        stencil.seen.clear()
    total = stencil.seen[key] = stencil.seen.get(key, 0) + rows
    return total >= _LEAST_ROWS


def remember(stencil: Stencil, key: bytes, base: Base | None) -> None:
    """Keep an answer; forget all where there are too many."""
    if len(stencil.known) > _MOST_KNOWN:
        stencil.known.clear()
    stencil.known[key] = base
