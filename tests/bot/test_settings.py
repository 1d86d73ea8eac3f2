"""What an operator may set, by file and by environment, and what is refused with the key's path (design 4.1)."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from bot.settings import ServerSettings, Settings, load_settings
from bot.source_settings import SourceSettings
from data.errors import SettingsError

GUID = "00000000-0000-4000-8000-0000000000aa"
OTHER = "00000000-0000-4000-8000-0000000000bb"
SOURCE = {"id": "app-logs", "kind": "files", "data_kind": "log", "root": "/var/log/procall"}

FIELDS: Mapping[str, Any] = {
    "server.host": "::1",
    "server.port": 4001,
    "server.ops_port": 4002,
    "server.ops_host": "localhost",
    "teams.app_id": GUID,
    "teams.app_type": "UserAssignedMSI",
    "teams.tenant_id": OTHER,
    "teams.app_secret_file": "/run/secret",
    "teams.certificate_file": "/run/cert.pem",
    "teams.openid_metadata_url": "https://login.botframework.azure.us/v1/.well-known/openidconfiguration",
    "teams.authority_url": "http://127.0.0.1:8443",
    "teams.service_url_hosts": ["smba.example.com", "localhost:9000"],
    "roles.admins": [GUID, OTHER],
    "roles.dpos": [OTHER],
    "contacts.dpo_name": "Erika Muster",
    "contacts.dpo_mail": "dsb@example.com",
    "contacts.controller": "Beispiel GmbH",
    "notices.N3": "https://example.com/n3",
    "catalogue.overlay": "/etc/procall/topics",
    "state.folder": "/var/lib/procall",
    "retention.max_age_days": 60,
    "retention.margin_days": 5,
    "retention.warn_days": [10, 3],
    "purge.approvals": 2,
    "purge.confirm_minutes": 20,
    "purge.approve_hours": 12,
    "purge.cooling_minutes": 0,
    "purge.max_share": 0.25,
    "purge.approval_roles": ["admin", "dpo"],
    "alerts.dpo_channel": "19:dpo@thread.tacv2",
    "alerts.admin_channel": "19:admins@thread.tacv2",
    "alerts.escalate_hours": 12,
    "alerts.digest_weekday": 4,
    "alerts.zone": "Europe/Vienna",
    "server.public_url": "https://bot.example.com",
    "manifest.developer_name": "Beispiel GmbH",
    "manifest.website_url": "https://example.com/bot",
    "manifest.privacy_url": "https://example.com/privacy",
    "manifest.terms_url": "https://example.com/terms",
    "telemetry.otlp_url": "https://collector.example.com/v1/traces",
    "telemetry.sample_share": 0.25,
}
SECRETS = ("teams.app_secret", "state.postgres_dsn")

SOURCE_FIELDS: Mapping[str, Any] = {
    "id": "web-1",
    "kind": "files",
    "title": "Web server",
    "data_kind": "stack_trace",
    "root": "/srv/log",
    "include": ["*.json", "*.log.gz"],
    "zone": "Europe/Berlin",
    "rewrite": False,
    "quiet_minutes": 30,
    "format": "jsonl",
    "owners": ["www-data", "33"],
}

Write = Callable[[str], Path]
SetVariable = Callable[[str, str], None]


@pytest.fixture
def bare_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean_environment: None) -> Path:
    """Give an empty working folder without any setting."""
    del clean_environment
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables of whoever runs the tests."""
    for name in [name for name in os.environ if name.upper().startswith("PROCALL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def write_settings(bare_folder: Path) -> Write:
    """Give what writes the settings file of the working folder."""

    def write(text: str) -> Path:
        path = bare_folder / "settings.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def set_variable(bare_folder: Path, monkeypatch: pytest.MonkeyPatch) -> SetVariable:
    """Give what sets an environment variable until the test ends."""
    del bare_folder
    return monkeypatch.setenv


def variable(key: str) -> str:
    """Name the environment variable of a dotted key."""
    return "PROCALL_" + key.upper().replace(".", "__")


def toml(value: Any) -> str:
    """Write one value as TOML; JSON's spelling is the same for strings, numbers, booleans and lists of them."""
    return json.dumps(value)


def as_text(value: Any) -> str:
    """Write one value as an environment variable."""
    return value if isinstance(value, str) else json.dumps(value)


def found(settings: Settings, key: str) -> Any:
    """Read a dotted key back."""
    section, _, name = key.partition(".")
    table = getattr(settings, section)
    value = table[name] if isinstance(table, dict) else getattr(table, name)
    return list(value) if isinstance(value, tuple) else value


def refused() -> str:
    """Load settings that must be refused and give the message."""
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


def source_toml(**changes: Any) -> str:
    """Write one source table with changes."""
    return "[[sources]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in {**SOURCE, **changes}.items())


@pytest.mark.usefixtures("bare_folder")
def test_no_file_and_no_variable_gives_defaults() -> None:
    """Without any settings at all every field has its default."""
    assert load_settings() == Settings()


def test_tables_of_this_test_name_every_field() -> None:
    """A new field cannot be added without being tried by file and by environment here."""
    known = set()
    for section, field in Settings.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            known |= {f"{section}.{name}" for name in model.model_fields}
    tried = {*FIELDS, *SECRETS} - {"notices.N3"}
    assert tried == known
    assert set(SOURCE_FIELDS) == set(SourceSettings.model_fields) - {"options"}  # which other connectors have instead


@pytest.mark.parametrize("key", FIELDS)
def test_field_is_read_from_the_file(key: str, write_settings: Write) -> None:
    """Every field can be set in the TOML file, and differs from its default when it is."""
    section, _, name = key.partition(".")
    before = Settings()
    write_settings(f"[{section}]\n{name} = {toml(FIELDS[key])}\n")
    assert found(load_settings(), key) == FIELDS[key]
    assert section == "notices" or found(before, key) != FIELDS[key]


@pytest.mark.parametrize("key", FIELDS)
def test_field_is_read_from_the_environment(key: str, set_variable: SetVariable) -> None:
    """Every field can be set by PROCALL_<SECTION>__<FIELD>."""
    set_variable(variable(key), as_text(FIELDS[key]))
    assert found(load_settings(), key) == FIELDS[key]


@pytest.mark.parametrize("key", SECRETS)
def test_secret_is_read_from_the_environment(key: str, set_variable: SetVariable) -> None:
    """A secret comes from the environment and does not show when the settings are printed."""
    set_variable(variable(key), "planted-secret")
    settings = load_settings()
    secret = found(settings, key)
    assert isinstance(secret, SecretStr)
    assert secret.get_secret_value() == "planted-secret"
    assert "planted-secret" not in repr(settings)


@pytest.mark.parametrize("name", SOURCE_FIELDS)
@pytest.mark.parametrize("by", ["file", "environment"])
def test_field_of_a_source_is_read(name: str, by: str, write_settings: Write, set_variable: SetVariable) -> None:
    """Every field of a source can be set in the file and in the environment's JSON."""
    if by == "file":
        write_settings(source_toml(**{name: SOURCE_FIELDS[name]}))
    else:
        set_variable("PROCALL_SOURCES", json.dumps([{**SOURCE, name: SOURCE_FIELDS[name]}]))
    value = getattr(load_settings().sources[0], name)
    assert (list(value) if isinstance(value, tuple) else value) == SOURCE_FIELDS[name]


def test_environment_wins_field_by_field(write_settings: Write, set_variable: SetVariable) -> None:
    """A variable overrides its one field; the other fields of the section stay as the file says."""
    write_settings('[server]\nport = 5000\nops_port = 5001\n[notices]\nN3 = "https://a.example/"\n')
    set_variable("PROCALL_SERVER__PORT", "6000")
    set_variable("PROCALL_NOTICES__N3", "https://b.example/")
    set_variable("PROCALL_NOTICES__N4", "https://c.example/")
    settings = load_settings()
    assert settings.server == ServerSettings(port=6000, ops_port=5001)
    assert settings.notices == {"N3": "https://b.example/", "N4": "https://c.example/"}


def test_named_file_is_read_instead(write_settings: Write, bare_folder: Path, set_variable: SetVariable) -> None:
    """PROCALL_SETTINGS names the file, and the one in the working folder is left alone."""
    write_settings("[server]\nport = 1\n")
    (bare_folder / "named.toml").write_text("[server]\nport = 2\n", encoding="utf-8")
    assert load_settings().server.port == 1
    set_variable("PROCALL_SETTINGS", str(bare_folder / "named.toml"))
    assert load_settings().server.port == 2


@pytest.mark.parametrize("content", [None, b"[server\n", b"\xff\xfe[server]", "folder"], ids=str)
def test_named_file_that_cannot_be_read_is_refused(
    content: bytes | str | None, bare_folder: Path, set_variable: SetVariable
) -> None:
    """A file named by PROCALL_SETTINGS that is missing or no TOML is an error that names the file."""
    path = bare_folder / "named.toml"
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    set_variable("PROCALL_SETTINGS", str(path))
    assert str(path) in refused()


UNKNOWN_KEYS = {
    "section": ("[servr]\nport = 1\n", "servr"),
    "field": ("[server]\nprot = 1\n", "server.prot"),
    "capital_field": ('[teams]\nApp_Id = ""\n', "teams.App_Id"),
    "sdk_spelling": ('[teams]\nMicrosoftAppId = "x"\n', "teams.MicrosoftAppId"),
    "source_field": (source_toml(rot="/x"), "sources.0.rot"),
    "top_level": ('color = "red"\n', "color"),
}


@pytest.mark.parametrize(("text", "path"), UNKNOWN_KEYS.values(), ids=UNKNOWN_KEYS)
def test_unknown_key_is_refused_with_its_path(text: str, path: str, write_settings: Write) -> None:
    """A key nobody knows is an error that tells where it stands."""
    write_settings(text)
    assert f"{path}: unknown key" in refused()


@pytest.mark.parametrize(
    ("name", "path"),
    [("PROCALL_SERVER__PROT", "server.prot"), ("PROCALL_TEAMS__MICROSOFT_APP_ID", "teams.microsoft_app_id")],
)
def test_unknown_variable_is_refused_with_its_path(name: str, path: str, set_variable: SetVariable) -> None:
    """A misspelt variable of a known section is an error that tells where it stands."""
    set_variable(name, "1")
    assert f"{path}: unknown key" in refused()


def test_unknown_section_in_the_environment_is_refused(set_variable: SetVariable) -> None:
    """A variable of a misspelt section is an error: a limit that is silently not set is worse than none."""
    set_variable("PROCALL_RETENTON__MAX_AGE_DAYS", "30")
    message = refused()
    assert "PROCALL_RETENTON__MAX_AGE_DAYS" in message or "retenton: unknown key" in message


SECRETS_IN_FILE = {
    "app_secret": '[teams]\napp_secret = "planted-secret"\n',
    "empty_app_secret": '[teams]\napp_secret = ""\n',
    "inline_table": 'teams = { app_secret = "planted-secret" }\n',
    "capital_section": '[Teams]\napp_secret = "planted-secret"\n',
    "capital_field": '[teams]\nAPP_SECRET = "planted-secret"\n',
    "postgres_dsn": '[state]\npostgres_dsn = "postgresql://u:planted-secret@db/x"\n',
    "capital_dsn_section": '[STATE]\npostgres_dsn = "postgresql://u:planted-secret@db/x"\n',
}


@pytest.mark.parametrize("text", SECRETS_IN_FILE.values(), ids=SECRETS_IN_FILE)
def test_secret_in_the_file_is_refused_and_not_repeated(text: str, write_settings: Write) -> None:
    """A secret in the TOML file is an error that does not show the secret; a path to one is accepted."""
    write_settings(text)
    assert "planted-secret" not in refused()
    write_settings('[teams]\napp_secret_file = "/run/secret"\n')
    assert load_settings().teams.app_secret_file == "/run/secret"


ADDRESSES = {
    "http_foreign": ("http://example.com/x", False),
    "http_suffix": ("http://127.0.0.1.example.com/", False),
    "http_user": ("http://localhost@example.com/", False),
    "https_user": ("https://user:word@example.com/", False),
    "http_short_loopback": ("http://127.1/", False),
    "http_other_loopback": ("http://127.0.0.2/", False),
    "no_scheme": ("example.com", False),
    "script": ("javascript:alert(1)", False),
    "file": ("file:///etc/passwd", False),
    "ftp": ("ftp://127.0.0.1/", False),
    "no_host": ("https:///x", False),
    "broken": ("https://[", False),
    "https": ("https://example.com/x", True),
    "http_loopback": ("http://127.0.0.1:8080/x", True),
    "http_localhost": ("http://localhost/x", True),
    "http_ipv6": ("http://[::1]:80/", True),
}


@pytest.mark.parametrize("key", ["teams.openid_metadata_url", "teams.authority_url", "notices.N3"])
@pytest.mark.parametrize(("address", "accepted"), ADDRESSES.values(), ids=ADDRESSES)
def test_plain_http_is_for_loopback_only(key: str, address: str, accepted: bool, set_variable: SetVariable) -> None:
    """An address is taken with https, or with http on a listed loopback host; nothing else."""
    set_variable(variable(key), address)
    if accepted:
        assert found(load_settings(), key) == address
    else:
        assert key in refused()


@pytest.mark.parametrize("key", ["manifest.website_url", "manifest.privacy_url", "manifest.terms_url"])
def test_addresses_in_the_app_package_are_https(key: str, set_variable: SetVariable) -> None:
    """What stands in the Teams package is https, even for loopback."""
    set_variable(variable(key), "http://127.0.0.1/")
    assert key in refused()
    set_variable(variable(key), "https://127.0.0.1/")
    assert found(load_settings(), key) == "https://127.0.0.1/"


BAD_GUIDS = ("x", " ", f"{{{GUID}}}", f" {GUID}", f"{GUID}\n", GUID[:-1], GUID.replace("-", ""), GUID[:-1] + "g", "0")


@pytest.mark.parametrize("key", ["teams.app_id", "teams.tenant_id", "roles.admins", "roles.dpos"])
@pytest.mark.parametrize("guid", BAD_GUIDS, ids=repr)
def test_id_that_is_no_guid_is_refused(key: str, guid: str, set_variable: SetVariable) -> None:
    """Ids of applications, tenants and people are GUIDs, to the letter; capitals are evened out."""
    is_list = key.startswith("roles.")
    set_variable(variable(key), json.dumps([guid]) if is_list else guid)
    assert key in refused()
    set_variable(variable(key), json.dumps([GUID.upper()]) if is_list else GUID.upper())
    assert found(load_settings(), key) == ([GUID] if is_list else GUID)


@pytest.mark.parametrize("guid", ["", "erika@example.com"], ids=["empty", "mail"])
@pytest.mark.parametrize("key", ["roles.admins", "roles.dpos"])
def test_role_is_never_given_to_a_name_or_nobody(key: str, guid: str, set_variable: SetVariable) -> None:
    """A list of people takes neither mail addresses nor empty entries."""
    set_variable(variable(key), json.dumps([guid]))
    assert f"{key}.0" in refused()


BAD_HOSTS = (
    "https://smba.example.com",
    "smba.example.com/path",
    "*.example.com",
    "user@example.com",
    "",
    "a b",
    "-a.b",
)


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_service_host_is_a_plain_host(host: str, set_variable: SetVariable) -> None:
    """A service host has no scheme, path, user or wildcard."""
    set_variable("PROCALL_TEAMS__SERVICE_URL_HOSTS", json.dumps([host]))
    assert "teams.service_url_hosts" in refused()
    set_variable("PROCALL_TEAMS__SERVICE_URL_HOSTS", '["SMBA.example.com", "[::1]:80"]')
    assert load_settings().teams.service_url_hosts == ("smba.example.com", "[::1]:80")


FORBIDDEN_KINDS = ("journal", "chat", "recording", "call_record", "call_log", "voicemail", "Log", "log ", "", "logs")


@pytest.mark.parametrize("kind", FORBIDDEN_KINDS, ids=repr)
def test_journal_chat_or_recording_is_no_source(kind: str, write_settings: Write) -> None:
    """Only the four kinds of clause 2.7 can be a source; what people said and whom they called never is."""
    write_settings(source_toml(data_kind=kind))
    assert "sources.0.data_kind" in refused()


@pytest.mark.parametrize("kind", ["log", "trace", "exception", "stack_trace"])
def test_four_kinds_of_the_clause_are_sources(kind: str, write_settings: Write) -> None:
    """Logs, traces, exceptions and stack traces can be a source."""
    write_settings(source_toml(data_kind=kind))
    assert load_settings().sources[0].data_kind == kind


def test_source_without_a_data_kind_is_refused(write_settings: Write) -> None:
    """What a source holds must be said; there is no default."""
    write_settings('[[sources]]\nid = "a"\nkind = "files"\n')
    assert "sources.0.data_kind" in refused()


BAD_SOURCE_IDS = ("", "App", "a b", "a\n", "../x", "a;b", "a_b", "x" * 41, "ä", "a$(id)")


@pytest.mark.parametrize("name", BAD_SOURCE_IDS, ids=repr)
def test_source_id_is_a_short_plain_word(name: str, write_settings: Write) -> None:
    """A source's id is 1 to 40 lower-case letters, digits and hyphens, wholly (AZ-31)."""
    write_settings(source_toml(id=name))
    assert "sources.0.id" in refused()
    write_settings(source_toml(id="x" * 40))
    assert load_settings().sources[0].id == "x" * 40


def test_two_sources_with_one_id_are_refused(write_settings: Write) -> None:
    """An id names one source; two different ids are accepted."""
    write_settings(source_toml() + source_toml(root="/elsewhere"))
    assert "two sources have the same id" in refused()
    write_settings(source_toml() + source_toml(id="other"))
    assert [source.id for source in load_settings().sources] == ["app-logs", "other"]


@pytest.mark.parametrize("name", ["N0", "N10", "X1", "privacy", "N"])
def test_unknown_notice_is_refused(name: str, write_settings: Write) -> None:
    """Only N1 to N9 are notices."""
    write_settings(f'[notices]\n{name} = "https://example.com/"\n')
    assert f"unknown notice {name.upper()}" in refused()
    write_settings('[notices]\nN9 = "https://example.com/"\n')
    assert load_settings().notices == {"N9": "https://example.com/"}


LIMITS = {
    "above_the_terms": ("retention.max_age_days", 91, 90),
    "no_age": ("retention.max_age_days", 0, 8),
    "margin_eats_all": ("retention.margin_days", 90, 89),
    "no_approval": ("purge.approvals", 0, 1),
    "negative_approval": ("purge.approvals", -1, 5),
    "share_of_nothing": ("purge.max_share", 0, 0.01),
    "more_than_all": ("purge.max_share", 1.01, 1),
    "never_expires": ("purge.approve_hours", 337, 336),
    "port": ("server.port", 65536, 65535),
}


@pytest.mark.parametrize(("key", "bad", "good"), LIMITS.values(), ids=LIMITS)
def test_limit_holds(key: str, bad: float, good: float, set_variable: SetVariable) -> None:
    """A figure outside its limits is refused, the last one inside is accepted."""
    set_variable(variable(key), str(bad))
    assert key.partition(".")[0] in refused()
    set_variable(variable(key), str(good))
    assert found(load_settings(), key) == good


def test_margin_must_be_smaller_than_the_age(write_settings: Write) -> None:
    """A margin as long as the whole age would purge everything."""
    write_settings("[retention]\nmax_age_days = 30\nmargin_days = 30\n")
    assert "margin_days must be smaller" in refused()
    write_settings("[retention]\nmax_age_days = 30\nmargin_days = 29\n")
    assert load_settings().retention.margin_days == 29


def test_multi_tenant_registration_is_refused(set_variable: SetVariable) -> None:
    """The SDK's open default cannot be chosen (F1)."""
    set_variable("PROCALL_TEAMS__APP_TYPE", "MultiTenant")
    assert "teams.app_type" in refused()
    set_variable("PROCALL_TEAMS__APP_TYPE", "SingleTenant")
    assert load_settings().teams.app_type == "SingleTenant"


def test_list_in_the_environment_is_json(set_variable: SetVariable) -> None:
    """A list that is no JSON is an error that says so."""
    set_variable("PROCALL_ROLES__ADMINS", GUID)
    assert "as JSON" in refused()
    set_variable("PROCALL_ROLES__ADMINS", json.dumps([GUID]))
    assert load_settings().roles.admins == (GUID,)


def test_every_problem_is_told_at_once(write_settings: Write) -> None:
    """An operator with three mistakes gets three lines."""
    write_settings('[server]\nport = "x"\nprot = 1\n[teams]\napp_id = "y"\n')
    lines = refused().splitlines()
    assert len(lines) == 3
    assert all(any(key in line for line in lines) for key in ("server.port", "server.prot", "teams.app_id"))
