"""What may stand in a document: plain ids, words and digests, never a text that could name a person or quote a log.

Every text of the model says by a `Form` what it may look like. A text without a form is refused, so nobody can add one
that nobody thought about (purge.md 6.9, security.md 2.4).
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum, StrEnum, unique
from types import MappingProxyType
from typing import Annotated, Final, get_args, get_origin, get_type_hints

from data.retention.instants import iso

Plain = str | int | bool | None | list["Plain"] | dict[str, "Plain"]
"""What canonical JSON can hold here; never a float."""

LARGEST: Final = 2**53 - 1
"""Above it JSON readers round (RFC 8785 3.2.2.3)."""


@unique
class Form(StrEnum):
    """How a value may look."""

    WORD = "word"
    """A stable word: `files`, `capture`."""
    ID = "id"
    """Of a source, rule, hold, request or operation."""
    VERSION = "version"
    DIGEST = "digest"
    """SHA-256, hexadecimal."""
    PSEUDONYM = "pseudonym"
    """A keyed hash, perhaps behind `p-` or `host-`; never an object id."""
    ISSUER = "issuer"
    """Who answers for the document: the only free text there is, the name of an organisation."""
    INSTANT = "instant"
    """Microseconds since 1970 here, ISO 8601 with `Z` in the document."""


Word = Annotated[str, Form.WORD]
Id = Annotated[str, Form.ID]
Version = Annotated[str, Form.VERSION]
Digest = Annotated[str, Form.DIGEST]
Pseudonym = Annotated[str, Form.PSEUDONYM]
Issuer = Annotated[str, Form.ISSUER]
Moment = Annotated[int, Form.INSTANT]

_SHAPES: Final[Mapping[Form, re.Pattern[str]]] = MappingProxyType(
    {
        Form.WORD: re.compile(r"[a-z][a-z0-9_]{0,39}"),
        Form.ID: re.compile(r"[a-z0-9][a-z0-9_.:-]{0,79}"),
        Form.VERSION: re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,10}){0,2}(?:[-+.]?[a-z]{1,8}[0-9]{0,6})?"),
        Form.DIGEST: re.compile(r"[0-9a-f]{64}"),
        Form.PSEUDONYM: re.compile(r"(?:[a-z]{1,8}-)?[0-9a-f]{8,64}"),
        Form.ISSUER: re.compile(r"[\w &.,'’\"„“”()/+!–-]{1,120}"),
    },
)
_NUMBERS_LIKE_ADDRESSES = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])")
_HARDWARE_ADDRESS = re.compile(r"\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b", re.IGNORECASE)
_COLONS = re.compile(r"[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*", re.IGNORECASE)
_FIRST_DOT_LAST = re.compile(r"[a-z]{2,}(?:[.][a-z]{2,})+(?:-[a-z]{2,})*")
_KEY_PREFIX = re.compile(
    r"(?<![a-z0-9])(?:ghp_|gho_|github_pat_|glpat-|xox[abp]-|sk[-_]|akia|eyj)[a-z0-9_-]{8,}", re.IGNORECASE
)
_PATH_OR_LINK = re.compile(r"^/|/[^/]*/|\s/|\bwww\.", re.IGNORECASE)


def plain(value: object, *, known: Iterable[str] = ()) -> dict[str, Plain]:
    """Write a dataclass of the model as plain values, each text checked.

    `known` are texts that must not occur as whole words: names, addresses and object ids of the people the product
    knows. Raises `ValueError` that names the field, never its value.
    """
    words = tuple(word.casefold() for word in known if word.strip())
    return _object(value, "", words)


def check_text(text: str, form: Form, *, where: str, known: Iterable[str] = ()) -> None:
    """Refuse a text that is not of its form or looks personal; raises `ValueError` that names the field only."""
    if form is Form.ISSUER:
        _check_issuer(text, where)
        return
    if form is not Form.INSTANT and not _SHAPES[form].fullmatch(text):
        message = f"{where}: not a plain {form}"
        raise ValueError(message)
    if _looks_personal(text, form):
        message = f"{where}: looks like personal data or a secret"
        raise ValueError(message)
    if any(_holds_word(text, word.casefold()) for word in known):
        message = f"{where}: holds the name, address or id of a person"
        raise ValueError(message)


def _check_issuer(text: str, where: str) -> None:
    tidy = unicodedata.normalize("NFC", text) == text == text.strip()
    if not (tidy and _SHAPES[Form.ISSUER].fullmatch(text)):
        message = f"{where}: not a plain name of an organisation"
        raise ValueError(message)
    if _PATH_OR_LINK.search(text) or _is_address(text) or _KEY_PREFIX.search(text):
        message = f"{where}: looks like personal data or a secret"
        raise ValueError(message)


def _looks_personal(text: str, form: Form) -> bool:
    if form is Form.ID and _FIRST_DOT_LAST.fullmatch(text):
        return True
    return bool(_KEY_PREFIX.search(text)) or _is_address(text)


def _is_address(text: str) -> bool:
    if _NUMBERS_LIKE_ADDRESSES.search(text) or _HARDWARE_ADDRESS.search(text):
        return True
    return any(_is_ip(found.strip(".")) for found in _COLONS.findall(text))


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _holds_word(text: str, word: str) -> bool:
    return bool(re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", text.casefold()))


# -- from dataclasses to plain values ---------------------------------------------------------------------------------


def _object(value: object, where: str, known: tuple[str, ...]) -> dict[str, Plain]:
    if not is_dataclass(value) or isinstance(value, type):
        message = f"{where or 'the document'}: not a part of the model"
        raise TypeError(message)
    hints = get_type_hints(type(value), include_extras=True)
    return {
        field.name: _value(
            getattr(value, field.name), _form_of(hints[field.name]), f"{where}.{field.name}"[:200], known
        )
        for field in fields(value)
    }


def _form_of(hint: object) -> Form | None:
    """Find the form that an annotation names, also inside a tuple, a mapping or beside None."""
    if get_origin(hint) is Annotated:
        return next((found for found in get_args(hint)[1:] if isinstance(found, Form)), None)
    return next((form for inner in get_args(hint) if (form := _form_of(inner)) is not None), None)


def _value(value: object, form: Form | None, where: str, known: tuple[str, ...]) -> Plain:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum | int):
        return _counted(value, form, where)
    if isinstance(value, str):
        return _text(value, form, where, known)
    if isinstance(value, Mapping):
        return {_key(key, where): _value(item, form, f"{where}.{key}", known) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_value(item, form, f"{where}[{place}]", known) for place, item in enumerate(value)]
    return _object(value, where, known)


def _text(text: str, form: Form | None, where: str, known: tuple[str, ...]) -> str:
    if form is None:
        message = f"{where}: nobody has said what this text may look like"
        raise ValueError(message)
    if text:  # "" says that there is none
        check_text(text, form, where=where.lstrip("."), known=known)
    return text


def _key(key: object, where: str) -> str:
    if not isinstance(key, StrEnum):
        message = f"{where}: keys are words of the model"
        raise TypeError(message)
    return key.value


def _counted(value: Enum | int, form: Form | None, where: str) -> Plain:
    if isinstance(value, Enum):
        return str(value.value)
    if form is Form.INSTANT:
        return iso(value)
    if abs(value) > LARGEST:
        message = f"{where}: too large for a JSON reader"
        raise ValueError(message)
    return value
