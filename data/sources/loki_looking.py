"""Looks at what Loki holds, day by day, and believes an empty answer only beside lines that must be seen."""

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

from data.errors import SourceError
from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, Instant
from data.retention.residue import Code
from data.sources.http_api import ApiError, HttpApi, read_secret
from data.sources.interface import Skipped
from data.sources.loki_api import Control, LokiApi
from data.sources.loki_windows import FUTURE, NANO, Count, Held, Split, Stretch, Window

CHUNK: Final = 30 * DAY
"""How much one query covers: Loki refuses more than 30 days and an hour by default."""


class LokiTold(Protocol):
    """What an operator said of a source; see `loki.LokiOptions`."""

    @property
    def url(self) -> str:
        """Give the address that answers queries."""
        ...

    @property
    def delete_url(self) -> str:
        """Give the address of the compactor; "" where it is the same."""
        ...

    @property
    def tenant(self) -> str:
        """Give the tenant."""
        ...

    @property
    def user(self) -> str:
        """Give the name for basic authentication."""
        ...

    @property
    def password_file(self) -> Path | None:
        """Give the file with its password."""
        ...

    @property
    def token_file(self) -> Path | None:
        """Give the file with a bearer token."""
        ...

    @property
    def ca_file(self) -> Path | None:
        """Give the file with certificates."""
        ...

    @property
    def selectors(self) -> tuple[str, ...]:
        """Give the stream selectors."""
        ...

    @property
    def control(self) -> str:
        """Give the selector of lines that must be seen."""
        ...

    @property
    def rewrite(self) -> bool:
        """Tell whether a day may be cut."""
        ...

    @property
    def look_back_days(self) -> int:
        """Tell how far back is looked."""
        ...

    @property
    def settle_hours(self) -> int:
        """Tell when a day is no longer written to."""
        ...

    @property
    def physical_hours(self) -> int:
        """Tell how long a deletion may take."""
        ...


class Looking:
    """Looks at the streams of one source."""

    def __init__(self, api: LokiApi, told: LokiTold, source: str, *, now: Callable[[], Instant]) -> None:
        self._api, self._told, self._source, self._now = api, told, source, now

    def windows(self) -> Iterator[tuple[Window, Count] | Skipped]:
        """Give the days that hold lines, selector by selector, oldest first. Raises `SourceError`.

        Days in the month before those that are looked at are told as something that nobody looked at.
        """
        today = self._now() // DAY * DAY
        first, last = today - self._told.look_back_days * DAY, today + 2 * DAY
        for selector in self._told.selectors:
            for begins in range(first - CHUNK, last, CHUNK):
                for held in self._steps(selector, begins, min(begins + CHUNK, last), DAY):
                    window = Window(selector=selector, day=held.ends // DAY - 1)
                    if window.begins < first:
                        yield Skipped(name=window.name, code=Code.UNSUPPORTED, reason="beyond_look_back")
                    else:
                        yield window, Count(lines=held.lines, size=held.size)

    def look(self, window: Window) -> list[Held]:
        """Give the hours of one day that hold lines; none only where there surely are none. Raises `SourceError`."""
        return self._steps(window.selector, window.begins, window.ends, HOUR)

    def split(self, window: Window, held: Count, marks: Marks) -> Split:
        """Tell what of a day may go, is over the limit, or lies ahead. Raises `SourceError`."""
        whole = window.whole()
        parts = {
            "goes": window.goes(marks.cutoff),
            "over": window.until(marks.limit * NANO - 1),
            "past": window.until((marks.now + FUTURE) * NANO),
        }
        asked = {name: one for name, one in parts.items() if window.is_cut_by(one.until)}
        found = {name: held if one == whole else Count() for name, one in parts.items()}
        found |= self.seen(asked) if asked else {}
        if any(one.lines > held.lines or one.size > held.size for one in found.values()):
            raise SourceError(f"source {self._source}: a part of a day holds more than the day")
        return Split(gone=found["goes"], overdue=found["over"].lines, ahead=held.lines - found["past"].lines)

    def seen(self, stretches: Mapping[str, Stretch]) -> Mapping[str, Count]:
        """Count short stretches in one read. Raises `SourceError`."""
        try:
            return self._api.counted(stretches, at=self._now() * NANO, control=self._control())
        except ApiError as error:
            raise self._broken(error) from error

    def _steps(self, selector: str, after: Instant, until: Instant, step: int) -> list[Held]:
        try:
            return self._api.stepwise(selector, after=after, until=until, step=step, control=self._control())
        except ApiError as error:
            raise self._broken(error) from error

    def _control(self) -> Control:
        """Name the lines that must be seen: a day old at least, to lie where old lines lie and not in an ingester."""
        return Control(selector=self._told.control, after=(self._now() // DAY - 2) * DAY)

    def _broken(self, error: ApiError) -> SourceError:
        return SourceError(f"source {self._source}: its lines cannot be counted: {error}")


def api_of(told: LokiTold, wait: Callable[[float], None] = time.sleep) -> LokiApi:
    """Build the way to one Loki; asks nothing yet. Raises `SettingsError`."""

    def headers() -> Mapping[str, str]:
        tenant = {"X-Scope-OrgID": told.tenant} if told.tenant else {}
        if told.token_file is not None:
            return tenant | {"Authorization": f"Bearer {read_secret(told.token_file)}"}
        if told.password_file is not None:
            both = f"{told.user}:{read_secret(told.password_file)}".encode()
            return tenant | {"Authorization": f"Basic {base64.b64encode(both).decode()}"}
        return tenant

    ca_file = str(told.ca_file) if told.ca_file else ""
    reads = HttpApi(told.url, headers=headers, ca_file=ca_file)
    deletes = HttpApi(told.delete_url, headers=headers, ca_file=ca_file) if told.delete_url else reads
    return LokiApi(reads, deletes, wait=wait)
