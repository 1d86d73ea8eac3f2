"""What is asked of a self-hosted Sentry through its web API: one call each, half answers are errors.

Sentry looks back 90 days where it is not told how far: every list of issues and events is asked with both ends.
Issues are deleted by their own address, never by a list: a list without ids would delete the first thousand.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

from data.retention.instants import SECOND, Instant, datetime_of, instant_of
from data.sources.http_api import Answered, ApiError, HttpApi, read_secret

TRIES: Final = 3
LONGEST_WAIT: Final = 30.0
_SHORTEST_WAIT: Final = 0.5
PAGE: Final = 100
_LINK: Final = re.compile(r'<[^>]*>; *rel="next"; *results="(true|false)"; *cursor="([0-9:]{1,64})"')
_OPTION: Final = "system.event-retention-days"


class SentryApi:
    """One project of one organisation."""

    def __init__(
        self,
        url: str,
        organisation: str,
        project: str,
        *,
        token_file: Path,
        ca_file: str = "",
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Asks nothing yet. Raises `SettingsError`."""

        def headers() -> Mapping[str, str]:
            return {"Authorization": f"Bearer {read_secret(token_file)}"}

        self._http = HttpApi(url, headers=headers, ca_file=ca_file)
        self._wait, self._slug = wait, project
        self._organisation, self._project = (
            f"/api/0/organizations/{organisation}",
            f"/api/0/projects/{organisation}/{project}",
        )

    def project(self, now: Callable[[], Instant]) -> tuple[str, int]:
        """Give the number of the project and how far the clock is ahead, to a second; raises `ApiError`.

        It is asked beside whatever is not there: who cannot see the project cannot tell what is gone from it.
        """
        before = now()
        answered = self._ask("GET", f"{self._project}/")
        try:
            its = instant_of(parsedate_to_datetime(answered.headers.get("date", ""))) + SECOND // 2
            number, slug = str(answered.document["id"]), answered.document["slug"]
        except (KeyError, TypeError, ValueError) as error:
            raise ApiError("broken") from error
        if slug != self._slug or not number.isdecimal():
            raise ApiError("other_project")
        offset = its - (before + now()) // 2
        return number, 0 if abs(offset) <= SECOND else offset

    def issues(self, project: str, *, since: Instant, until: Instant) -> Iterator[dict[str, Any]]:
        """List the issues of any state with an event in between, the youngest first; raises `ApiError`."""
        query = {"project": project, "query": "", "sort": "new", **_between(since, until)}
        yield from self._pages(f"{self._organisation}/issues/", query)

    def events(self, issue: str, *, since: Instant, until: Instant) -> Iterator[dict[str, Any]]:
        """List the events of an issue in between, the youngest first; raises `ApiError`."""
        yield from self._pages(f"{self._organisation}/issues/{issue}/events/", _between(since, until))

    def attachments(self, issue: str) -> Iterator[dict[str, Any]]:
        """List the attachments of all events of an issue; raises `ApiError`."""
        yield from self._pages(f"{self._organisation}/issues/{issue}/attachments/", {})

    def issue(self, issue: str) -> dict[str, Any] | None:
        """Describe an issue; None where there is none, or it waits for its deletion. Raises `ApiError`."""
        return self._one(f"{self._organisation}/issues/{issue}/")

    def attachment(self, event: str, attachment: str) -> dict[str, Any] | None:
        """Describe an attachment; None where there is none. Raises `ApiError`."""
        return self._one(f"{self._project}/events/{event}/attachments/{attachment}/")

    def event(self, event: str) -> dict[str, Any] | None:
        """Describe an event; None where there is none. Raises `ApiError`."""
        return self._one(f"{self._project}/events/{event}/")

    def delete_issue(self, issue: str) -> None:
        """Ask once for the deletion of one issue with all its events; raises `ApiError`."""
        self._http.ask("DELETE", f"{self._organisation}/issues/{issue}/")

    def delete_attachment(self, event: str, attachment: str) -> None:
        """Ask once for the deletion of one attachment; raises `ApiError`."""
        self._http.ask("DELETE", f"{self._project}/events/{event}/attachments/{attachment}/")

    def retention_days(self) -> int:
        """Give SENTRY_EVENT_RETENTION_DAYS, which only an administrator may read; raises `ApiError`."""
        document = self._ask("GET", "/api/0/internal/options/").document
        try:
            days = document[_OPTION]["value"]
        except (KeyError, TypeError) as error:
            raise ApiError("broken") from error
        if isinstance(days, bool) or not isinstance(days, int) or days <= 0:
            raise ApiError("broken")
        return days

    def pause_after(self, error: ApiError, tried: int) -> bool:
        """Wait for as long as Sentry wants where it says that it is too busy; tell whether to ask again."""
        if error.reason != "throttled" or tried >= TRIES or error.pause > LONGEST_WAIT:
            return False
        self._wait(max(error.pause, _SHORTEST_WAIT * 2**tried))
        return True

    # -- the way to it ------------------------------------------------------------------------------------------------

    def _one(self, path: str) -> dict[str, Any] | None:
        try:
            document = self._ask("GET", path).document
        except ApiError as error:
            if error.reason == "missing":
                return None
            raise
        if not isinstance(document, dict):
            raise ApiError("broken")
        return document

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Give what a list holds, page by page; one that cannot be read to its end is an error."""
        cursor, before = "", frozenset[str]()
        used: set[str] = set()
        while True:
            answered = self._ask("GET", path, {**query, "limit": str(PAGE), **({"cursor": cursor} if cursor else {})})
            rows = answered.document
            if not isinstance(rows, list) or not all(isinstance(row, dict) and _id(row) for row in rows):
                raise ApiError("broken")
            names = frozenset(map(_id, rows))
            if len(names) != len(rows):
                raise ApiError("broken")
            yield from (row for row in rows if _id(row) not in before)  # what came in between has moved the page
            found = _LINK.search(answered.headers.get("link", ""))
            if found is None:
                raise ApiError("partial")
            if found[1] == "false":
                return
            cursor, before = found[2], names
            if cursor in used or not rows:
                raise ApiError("partial")
            used.add(cursor)

    def _ask(self, method: str, path: str, query: Mapping[str, str] | None = None) -> Answered:
        tried = 1
        while True:
            try:
                return self._http.ask(method, path, query=query)
            except ApiError as error:
                if not self.pause_after(error, tried):
                    raise
            tried += 1


def _id(row: Mapping[str, Any]) -> str:
    found = row.get("id")
    return found if isinstance(found, str) and re.fullmatch(r"[A-Za-z0-9]{1,64}", found) else ""


def _between(since: Instant, until: Instant) -> dict[str, str]:
    return {"start": _stamp(since), "end": _stamp(until)}


def _stamp(instant: Instant) -> str:
    return datetime_of(instant).strftime("%Y-%m-%dT%H:%M:%S")
