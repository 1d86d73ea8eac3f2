"""Settings become the values of the engine: owners, kin, relative folders."""

from pathlib import Path

import pytest

from bot.people import check_people
from bot.retention_settings import care_of, files_config, kin_of, rules_of
from bot.settings import Settings, load_settings
from bot.source_settings import SourceSettings
from data.access import Role
from data.errors import SettingsError
from data.retention.instants import DAY, MINUTE


def source(root: Path | str, **fields: object) -> SourceSettings:
    """Make the settings of a source."""
    usual: dict[str, object] = {"id": "app-logs", "kind": "files", "data_kind": "log", "root": str(root)}
    return SourceSettings.model_validate(usual | fields)


def kin(*sources: SourceSettings) -> set[frozenset[str]]:
    """Tell which sources can reach the same files."""
    return set(kin_of([files_config(one, forbidden=()) for one in sources]).values())


ALONE = {frozenset({"app-logs"}), frozenset({"other"})}
TOGETHER = {frozenset({"app-logs", "other"})}


def test_sources_over_the_same_files_are_kin(tmp_path: Path) -> None:
    """The same folder, or one inside the other, with patterns that can meet: kin; apart, or by suffix: not."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    one = source(tmp_path / "a")
    assert kin(one, source(tmp_path / "a", id="other")) == TOGETHER
    assert kin(one, source(tmp_path / "a" / "b", id="other")) == TOGETHER
    assert kin(one, source(tmp_path / "c", id="other")) == ALONE
    assert kin(one, source(tmp_path / "ab", id="other")) == ALONE


@pytest.mark.parametrize(
    ("left", "right", "meet"),
    [
        ("*.log", "*.txt", False),
        ("*.log*", "*.txt", True),
        ("app*.log", "trace*.log", False),
        ("app*", "*.log", True),
        ("x.log", "x.log", True),
        ("x.log", "y.log", False),
        ("a?.log", "ab*", True),
    ],
)
def test_patterns_that_cannot_meet_make_no_kin(tmp_path: Path, left: str, right: str, meet: bool) -> None:
    """Two patterns are apart if what stands before or after their wildcards rules each other out."""
    found = kin(source(tmp_path, include=[left]), source(tmp_path, id="other", include=[right]))
    assert found == (TOGETHER if meet else ALONE)


def test_owners_are_accounts_of_this_machine() -> None:
    """An owner is a number or the name of an account; a name nobody has is bad input naming it."""
    assert files_config(source("/srv", owners=["root", "33"]), forbidden=()).owners == (0, 33)
    with pytest.raises(SettingsError, match=r"app-logs: owners: .*nobody-of-this-name"):
        files_config(source("/srv", owners=["nobody-of-this-name"]), forbidden=())


def test_a_source_without_a_root_is_refused() -> None:
    """Without a root there is no source."""
    with pytest.raises(SettingsError, match="app-logs: root"):
        files_config(source(""), forbidden=())


def test_minutes_and_days_become_microseconds() -> None:
    """Every figure of the settings reaches the engine."""
    settings = Settings.model_validate(
        {
            "retention": {"max_age_days": 60, "margin_days": 5},
            "purge": {
                "approvals": 2,
                "confirm_minutes": 3,
                "cooling_minutes": 4,
                "max_share": 0.25,
                "approval_roles": ["dpo", "admin"],
            },
        }
    )
    rule = rules_of(settings, [source("/srv")])["app-logs"]
    assert (rule.max_age, rule.margin) == (60 * DAY, 5 * DAY)
    care = care_of(settings)
    assert (care.approvals, care.confirm_for, care.cooling_for, care.max_share) == (2, 3 * MINUTE, 4 * MINUTE, 0.25)
    assert care.approval_roles == (Role.DPO, Role.ADMIN)
    assert care_of(Settings()).approval_roles == ()


def test_roles_under_which_nothing_could_be_approved_are_refused() -> None:
    """One admin who is the only DPO too cannot be his own second person, however his id is written (FE-08)."""
    one, other = "00000000-0000-4000-8000-0000000000aa", "00000000-0000-4000-8000-0000000000ab"

    def check(roles: dict[str, list[str]], **purge: object) -> None:
        settings = Settings.model_validate({"roles": roles, "purge": purge})
        check_people(settings, care_of(settings))

    with pytest.raises(SettingsError, match=r"purge\.approvals: .* name only one person in all"):
        check({"admins": [one], "dpos": [one.upper()]})
    check({"admins": [one], "dpos": [other]})
    with pytest.raises(SettingsError, match=r"roles\.admins names only one person"):
        check({"admins": [one], "dpos": [other]}, approval_roles=["admin"])
    check({"admins": [one], "dpos": [other]}, approval_roles=["dpo"])


@pytest.mark.parametrize("named", [True, False])
def test_relative_folders_are_anchored_at_a_named_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """With PROCALL_SETTINGS relative folders lie beside that file, whatever the working folder; else in that one."""
    (tmp_path / "conf").mkdir()
    path = tmp_path / "conf" / "settings.toml"
    path.write_text('[[sources]]\nid = "a"\nkind = "files"\ndata_kind = "log"\nroot = "logs"\n', encoding="utf-8")
    monkeypatch.delenv("PROCALL_SETTINGS", raising=False)
    if named:
        monkeypatch.setenv("PROCALL_SETTINGS", str(path))
        monkeypatch.chdir(tmp_path)
    else:
        monkeypatch.chdir(tmp_path / "conf")
    settings = load_settings()
    base = tmp_path / "conf" if named else Path()
    assert Path(settings.state.folder) == base / "var"
    assert Path(settings.sources[0].root) == base / "logs"
