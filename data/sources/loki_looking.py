"""Looks at what Loki holds, day by day, and believes an empty answer only beside lines that must be seen."""

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from data.errors import SourceError
from data.retention.evidence import Marks
from data.retention.instants import DAY, Instant
from data.retention.residue import Code
from data.sources.http_api import ApiError, HttpApi
from data.sources.interface import Skipped
from data.sources.loki_api import LokiApi
from data.sources.loki_windows import NANO, Count, Hour, Stretch, Window, windows_of

CHUNK: Final = 30 * DAY
"""How much one query covers: Loki refuses more than 30 days and an hour by default."""
TOGETHER: Final = 6
"""How many stretches one read counts: the query stands in the address, and gateways allow some thousand characters."""
_LONGEST_SECRET: Final = 16_384


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

    def windows(self) -> Iterator[tuple[Window, list[Hour]] | Skipped]:
        """Give the days that hold lines, selector by selector, oldest first. Raises `SourceError`.

        What lies before the days that are looked at is told as something that nobody looked at.
        """
        today = self._now() // DAY * DAY
        first, last = today - self._told.look_back_days * DAY, today + 2 * DAY
        for selector in self._told.selectors:
            before = Stretch(selector=selector, after=(first - CHUNK) * NANO, until=first * NANO)
            if self.seen({"before": before})["before"].lines:
                yield Skipped(name=f"{selector}@before".encode(), code=Code.UNSUPPORTED, reason="beyond_look_back")
            yield from self._days(selector, first, last)
        self.seen({})  # and whoever answered until here has not lost its memory on the way

    def _days(self, selector: str, first: Instant, last: Instant) -> Iterator[tuple[Window, list[Hour]]]:
        empty: list[Stretch] = []
        for begins in range(first, last, CHUNK):
            ends = min(begins + CHUNK, last)
            hours = self._counted_hours(selector, begins, ends)
            yield from windows_of(selector, hours)
            if not hours:
                empty.append(Stretch(selector=selector, after=begins * NANO, until=ends * NANO))
            if len(empty) == TOGETHER:
                self._surely_empty(empty)
                empty = []
        self._surely_empty(empty)

    def look(self, window: Window) -> list[Hour]:
        """Give the hours of one day that hold lines; none only where there surely are none. Raises `SourceError`."""
        hours = self._counted_hours(window.selector, window.begins, window.ends)
        total = self.seen({"all": window.whole()})["all"]
        if total != Count(lines=sum(hour.lines for hour in hours), size=sum(hour.size for hour in hours)):
            raise SourceError(f"source {self._source}: two counts of the same day differ")
        return hours

    def split(self, window: Window, hours: Sequence[Hour], marks: Marks) -> tuple[Count, int]:
        """Tell how much of a day may go, and how many of its lines are over the limit. Raises `SourceError`."""
        total = Count(lines=sum(hour.lines for hour in hours), size=sum(hour.size for hour in hours))
        goes, over = window.goes(marks.cutoff), window.until(marks.limit * NANO - 1)
        asked = {name: one for name, one in (("goes", goes), ("over", over)) if window.is_cut_by(one.until)}
        found = self.seen(asked) if asked else {}
        whole = window.whole()
        gone = found.get("goes", total if goes == whole else Count())
        late = found.get("over", total if over == whole else Count())
        if gone.lines > total.lines or late.lines > total.lines or gone.size > total.size:
            raise SourceError(f"source {self._source}: a part of a day holds more than the day")
        return gone, late.lines

    def seen(self, stretches: Mapping[str, Stretch]) -> Mapping[str, Count]:
        """Count stretches in one read in which the control lines are seen too. Raises `SourceError`.

        They are one to three days old, so that they lie where old lines lie and not in an ingester's memory.
        """
        now = self._now() * NANO
        control = Stretch(selector=self._told.control, after=now - 3 * DAY * NANO, until=now - DAY * NANO)
        try:
            found = self._api.counted({**stretches, "control": control}, at=now)
        except ApiError as error:
            raise self._broken(error) from error
        if not found["control"].lines:
            blind = ApiError("no_control")
            raise self._broken(blind) from blind
        return found

    def _counted_hours(self, selector: str, after: Instant, until: Instant) -> list[Hour]:
        try:
            return self._api.hourly(selector, after=after, until=until)
        except ApiError as error:
            raise self._broken(error) from error

    def _surely_empty(self, stretches: Sequence[Stretch]) -> None:
        """Look once more at what seemed to hold nothing, in a read in which something must be seen."""
        if not stretches:
            return
        found = self.seen({f"part{place}": one for place, one in enumerate(stretches)})
        if any(one.lines for name, one in found.items() if name != "control"):
            raise SourceError(f"source {self._source}: two counts of the same days differ")

    def _broken(self, error: ApiError) -> SourceError:
        return SourceError(f"source {self._source}: its lines cannot be counted: {error}")


def api_of(told: LokiTold, wait: Callable[[float], None] = time.sleep) -> LokiApi:
    """Build the way to one Loki; asks nothing yet. Raises `SettingsError`."""

    def headers() -> Mapping[str, str]:
        tenant = {"X-Scope-OrgID": told.tenant} if told.tenant else {}
        if told.token_file is not None:
            return tenant | {"Authorization": f"Bearer {_secret(told.token_file)}"}
        if told.password_file is not None:
            both = f"{told.user}:{_secret(told.password_file)}".encode()
            return tenant | {"Authorization": f"Basic {base64.b64encode(both).decode()}"}
        return tenant

    ca_file = str(told.ca_file) if told.ca_file else ""
    reads = HttpApi(told.url, headers=headers, ca_file=ca_file)
    deletes = HttpApi(told.delete_url, headers=headers, ca_file=ca_file) if told.delete_url else reads
    return LokiApi(reads, deletes, wait=wait)


def _secret(path: Path) -> str:
    """Read a secret; it is in no message. Raises `ApiError`."""
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST_SECRET).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ApiError("no_secret") from None
    if not text or not text.isprintable():
        raise ApiError("no_secret")
    return text
