"""Reads what OpenSearch (ISM) or Elasticsearch (ILM) itself does with indices by age, and when it deletes them."""

import re
from collections.abc import Iterable
from typing import Any, Final

from data.retention.instants import DAY, HOUR, MINUTE, SECOND
from data.sources.http_api import ApiError
from data.sources.interface import UNREADABLE
from data.sources.opensearch_api import SearchApi

_SPAN: Final = re.compile(r"(\d+)(nanos|micros|ms|s|m|h|d)")
_UNITS: Final = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": 1000, "micros": 1, "nanos": 0}
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")


def own_retention(api: SearchApi, product: str, expressions: Iterable[str]) -> dict[str, str]:
    """Give for each policy that manages an index of these in how many days it deletes it, rounded up.

    A policy that deletes nothing is no retention and is left out; what cannot be read is `UNREADABLE`.
    """
    names_of = _ilm_names if product == "elasticsearch" else _ism_names
    try:
        names = {name for expression in expressions for name in names_of(api, expression)}
    except ApiError as error:
        return {} if error.reason == "missing" else {"policies": UNREADABLE}
    read = _ilm_days if product == "elasticsearch" else _ism_days
    found = {name: _read(api, name, read) for name in sorted(names)}
    return {f"policy_{name}": days for name, days in found.items() if days}


def _read(api: SearchApi, name: str, read: Any) -> str:
    if not _NAME.fullmatch(name):
        return UNREADABLE
    try:
        return str(read(api, name))
    except (ApiError, KeyError, TypeError, ValueError, AttributeError):
        return UNREADABLE


def _ism_names(api: SearchApi, expression: str) -> set[str]:
    told = api.raw(f"/_plugins/_ism/explain/{expression}")
    fields = ("index.plugins.index_state_management.policy_id", "index.opendistro.index_state_management.policy_id")
    rows = [one for one in told.values() if isinstance(one, dict)] if isinstance(told, dict) else []
    return {str(row[field]) for row in rows for field in fields if row.get(field)}


def _ism_days(api: SearchApi, name: str) -> str:
    """Give the longest age at which a state that deletes is entered; "" where none deletes."""
    states = api.raw(f"/_plugins/_ism/policies/{name}")["policy"]["states"]
    deleting = {state["name"] for state in states if any("delete" in action for action in state["actions"])}
    if not deleting:
        return ""
    ages = [
        _days(transition["conditions"]["min_index_age"])
        for state in states
        for transition in state.get("transitions", ())
        if transition["state_name"] in deleting
    ]
    return str(max(ages)) if ages else UNREADABLE


def _ilm_names(api: SearchApi, expression: str) -> set[str]:
    told = api.raw(f"/{expression}/_ilm/explain", {"only_managed": "true"})
    rows = told.get("indices", {}).values() if isinstance(told, dict) else ()
    return {str(row["policy"]) for row in rows if row.get("policy")}


def _ilm_days(api: SearchApi, name: str) -> str:
    phases = api.raw(f"/_ilm/policy/{name}")[name]["policy"]["phases"]
    return str(_days(phases["delete"]["min_age"])) if "delete" in phases else ""


def _days(text: str) -> int:
    """Read a span such as `90d` in days, rounded up; raises `ValueError`."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return -(-int(found[1]) * _UNITS[found[2]] // DAY)
