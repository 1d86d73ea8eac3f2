"""Reads the lifecycle rules of a storage account: what Azure deletes by itself, and when (purge.md 2.10)."""

from collections.abc import Mapping
from typing import Any, Final

from azure.core.exceptions import AzureError

from data.sources.blob_options import BlobOptions, credential
from data.sources.http_api import ApiError, HttpApi
from data.sources.interface import UNREADABLE

_VERSION: Final = "2023-05-01"


def lifecycle_of(options: BlobOptions) -> Mapping[str, str]:
    """Give name and days of each rule that deletes blobs of this source, or that the rules cannot be read.

    Nothing where nobody said which account it is, or where it has no rules.
    """
    if not options.resource_id:
        return {}
    try:
        token = credential().get_token(f"{options.management_url}/.default").token
        api = HttpApi(options.management_url, headers=lambda: {"Authorization": f"Bearer {token}"})
        try:
            path = f"{options.resource_id}/managementPolicies/default"
            document = api.ask("GET", path, query={"api-version": _VERSION}).document
        finally:
            api.close()
        return dict(_rules(document, options))
    except ApiError as error:
        return {} if error.reason == "missing" else {"lifecycle": UNREADABLE}
    except (AzureError, KeyError, TypeError, ValueError, AttributeError):
        return {"lifecycle": UNREADABLE}


def _rules(document: Any, options: BlobOptions) -> list[tuple[str, str]]:
    """Pick the enabled rules that delete and whose prefixes reach here. Raises what a strange answer raises."""
    found: list[tuple[str, str]] = []
    ours = f"{options.container}/{options.prefix}"
    for rule in document["properties"]["policy"]["rules"]:
        definition = rule["definition"]
        prefixes = definition.get("filters", {}).get("prefixMatch") or [""]
        if rule.get("enabled", True) and any(ours.startswith(one) or one.startswith(ours) for one in prefixes):
            for of_what, actions in definition["actions"].items():
                days = [int(value) for value in (actions.get("delete") or {}).values()]
                found += [(f"lifecycle {rule['name']} {of_what}", str(max(days)))] if days else []
    return found
