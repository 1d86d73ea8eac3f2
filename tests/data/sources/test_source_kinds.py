"""Kinds of sources: known ones, those of installed packages, and what is refused."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.retention_settings import all_kin, all_sources
from bot.source_settings import SourceSettings
from data.clock import SystemClock
from data.errors import SettingsError
from data.retention.evidence import Marks
from data.retention.instants import DAY, instant_of
from data.sources.connector import ENTRY_POINTS, Around, connector_of, known_kinds
from data.sources.interface import Measured
from tests.data.sources.reader import line_at
from tests.domain import ROOT

PAGE = (ROOT / "docs" / "sources" / "your-own.md").read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    """Give a block of the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[number]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the package of the page beside the bot, as pip would lay it out."""
    site = tmp_path / "site"
    info = site / "branch_office-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "branch_office.py").write_text(block("python"), encoding="utf-8")
    points = tomllib.loads(block("toml"))["project"]["entry-points"]
    assert set(points) == {ENTRY_POINTS}
    names = "".join(f"{name} = {place}\n" for name, place in points[ENTRY_POINTS].items())
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: branch-office\nVersion: 1.0\n", encoding="utf-8")
    names += "liar = branch_office:build\n"
    (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{names}", encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    yield
    sys.modules.pop("branch_office", None)


@pytest.mark.usefixtures("installed")
def test_a_package_adds_a_kind_without_touching_the_tree(tmp_path: Path) -> None:
    """The page's package is found by its entry point, its block of settings loads, and its source finds old records."""
    (said,) = tomllib.loads(block("toml", 1))["sources"]
    spool = tmp_path / "spool"
    (spool / "traces").mkdir(parents=True)
    now = instant_of(SystemClock().now())
    (spool / "traces" / "a.trc").write_bytes(line_at(now - 100 * DAY))
    named = [SourceSettings(**(said | {"spool": spool})), SourceSettings(**(said | {"id": "twin", "spool": spool}))]
    around = Around(clock=SystemClock(), state=tmp_path)
    sources = all_sources(named, {}, around)
    marks = Marks(cutoff=now - 83 * DAY, limit=now - 90 * DAY, now=now)
    (found,) = [one for one in sources["branch-munich"].measure(marks) if isinstance(one, Measured)]
    assert found.reading.expired.records == 1
    assert all_kin(named, [])["branch-munich"] == {"branch-munich", "twin"}
    assert "branch-office" in known_kinds()


@pytest.mark.usefixtures("installed")
def test_a_package_that_keeps_no_contract_is_refused() -> None:
    """What an entry point names has to be a connector of that kind; the real one beside it is taken."""
    with pytest.raises(SettingsError, match="does not keep the contract"):
        connector_of("liar")
    assert connector_of("branch-office").kind == "branch-office"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "no-such-kind"}, "is not known; there are: "),
        ({"spol": "/x"}, "spol"),
        ({"id": "call-journal"}, "can never be a source"),
        ({"spool": "/srv/chats"}, "can never be a source"),
        ({"data_kind": "journal"}, "data_kind"),
    ],
)
def test_what_no_source_can_be_is_refused(changes: dict[str, str], said: str) -> None:
    """Unknown kinds and keys, and whatever is no log of clause 2.7, are refused for every kind of source."""
    (good,) = tomllib.loads(block("toml", 1))["sources"]
    assert SourceSettings(**good).kind == "branch-office"
    with pytest.raises(ValidationError, match=re.escape(said)):
        SourceSettings(**(good | changes))
