"""Work without end on the retention stores, to be killed at any moment."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from data.stores.tinydb_retention import open_retention
from tests.crash.scenario_stores import FIRST, planned_rows


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Count up in the version of one request, and save a manifest now and then."""
    del task
    stores = open_retention(folder)
    for number in itertools.count():
        request = stores.requests.get(FIRST.id)
        ack(stores.requests.replace(replace(request, confirmed_by=f"p-{number}")).version)
        if number % 4 == 0:
            stores.manifests.save("x-1", planned_rows())
