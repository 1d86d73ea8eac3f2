"""Everything an operator can set: one TOML file, each field also by environment.

The file is `settings.toml` in the working folder or the path in `PROCALL_SETTINGS`; a field is overridden by
`PROCALL_<SECTION>__<FIELD>`. Unknown keys are errors that name the key. Secrets come from the environment or a file
named by a `*_file` field, never from the TOML file itself.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from bot.source_settings import OWN_LOGS, SourceSettings
from data.errors import SettingsError

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
"""The hosts that may be reached without TLS; nothing else may."""

PUBLIC_OPENID_METADATA = "https://login.botframework.com/v1/.well-known/openidconfiguration"
PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
PUBLIC_SERVICE_URL_HOSTS = (
    "smba.trafficmanager.net",
    "smba.onyx.prod.teams.trafficmanager.net",
    "smba.infra.gcc.teams.microsoft.com",
)
"""Hosts Teams answers from in the public cloud (Teams SDK, service-URL validation)."""

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HOST = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:\d{1,5})?")
_NOTICE = re.compile(r"N[1-9]")


def _guid(value: str) -> str:
    if not _GUID.fullmatch(value):
        message = "must be an object id of the form 00000000-0000-0000-0000-000000000000"
        raise ValueError(message)
    return value.lower()


def _guid_or_empty(value: str) -> str:
    return _guid(value) if value else value


def web_url(value: str) -> str:
    """Accept `https:` addresses, and `http:` ones of a loopback host; raise `ValueError` for anything else."""
    parts = urlsplit(value)
    if not parts.hostname or parts.username is not None or parts.password is not None:
        message = "must be an address such as https://example.com/page"
        raise ValueError(message)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
        message = "must begin with https:// (http:// is accepted for 127.0.0.1, localhost and ::1 only)"
        raise ValueError(message)
    return value


def _url_or_empty(value: str) -> str:
    return web_url(value) if value else value


def _https_or_empty(value: str) -> str:
    if value and urlsplit(value).scheme != "https":
        message = "must begin with https://"
        raise ValueError(message)
    return _url_or_empty(value)


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        message = "must be a host name such as smba.trafficmanager.net, without scheme and path"
        raise ValueError(message)
    return value.lower()


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"{value!r} is no time zone; write one such as Europe/Berlin or UTC"
        raise ValueError(message) from None
    return value


Guid = Annotated[str, AfterValidator(_guid)]
OptionalGuid = Annotated[str, AfterValidator(_guid_or_empty)]
WebUrl = Annotated[str, AfterValidator(web_url)]
OptionalUrl = Annotated[str, AfterValidator(_url_or_empty)]
OptionalHttpsUrl = Annotated[str, Field(max_length=2048), AfterValidator(_https_or_empty)]
Host = Annotated[str, AfterValidator(_host)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ServerSettings(_Section):
    """Where the process listens."""

    host: str = "127.0.0.1"
    """Address of the public port; put a TLS-terminating proxy in front of it."""
    port: int = Field(default=3978, ge=0, le=65535)
    """Public port: `POST /api/messages` and nothing else. 0 lets the system choose."""
    ops_port: int = Field(default=3979, ge=0, le=65535)
    """Port of `/livez`, `/readyz` and `/metrics`, always on loopback unless `ops_host` says otherwise."""
    ops_host: str = "127.0.0.1"
    """Address of the ops port; it holds no secrets, but it is nobody else's business."""
    public_url: OptionalUrl = ""
    """Where browsers reach the public port, for links to certificates; without it cards carry them as text."""


class TeamsSettings(_Section):
    """The bot's registration and the cloud it lives in."""

    app_id: OptionalGuid = ""
    """Application (client) id of the registration; needed for `serve`."""
    app_type: Literal["SingleTenant", "UserAssignedMSI"] = "SingleTenant"
    """How the bot proves itself: an own app registration, or a user-assigned managed identity without any secret."""
    tenant_id: OptionalGuid = ""
    """The one tenant whose people may speak; everybody else is refused at the gate."""
    app_secret: SecretStr = SecretStr("")
    """Client secret; by environment only. Prefer a certificate or a managed identity."""
    app_secret_file: str = ""
    """A file that holds the client secret; read again when the token is renewed."""
    certificate_file: str = ""
    """A PEM file with private key and certificate; used instead of a secret."""
    openid_metadata_url: WebUrl = PUBLIC_OPENID_METADATA
    """Where the connector's signing keys are announced; other clouds have another address."""
    authority_url: WebUrl = PUBLIC_AUTHORITY
    """Where the bot gets its own token; the tenant id is added when the address has no path."""
    service_url_hosts: tuple[Host, ...] = PUBLIC_SERVICE_URL_HOSTS
    """Hosts the bot takes messages from and answers to, `host` or `host:port`; its token goes nowhere else."""


class RoleSettings(_Section):
    """Who is more than an employee, by Entra object id."""

    admins: tuple[Guid, ...] = ()
    """People who may trigger and confirm purges."""
    dpos: tuple[Guid, ...] = ()
    """Data protection officers: they get the alerts."""


class ContactSettings(_Section):
    """Where people are sent when the terms do not answer."""

    dpo_name: str = ""
    """Name of the data protection officer as shown on cards."""
    dpo_mail: str = ""
    """Mail address of the data protection officer as shown on cards."""
    controller: str = ""
    """The company that is the controller under clause 2.2, as shown on cards."""


class CatalogueSettings(_Section):
    """What the bot knows beyond the terms."""

    overlay: str = ""
    """A folder of your own topic and notice files, laid over the shipped ones."""


class StateSettings(_Section):
    """Where the bot keeps what it keeps."""

    folder: str = "var"
    """Folder of the embedded stores; readable by the service's own account only."""
    postgres_dsn: SecretStr = SecretStr("")
    """PostgreSQL for more than one machine; by environment only."""


class RetentionSettings(_Section):
    """How long logs may live; clause 2.7 says at the latest after 90 days."""

    max_age_days: int = Field(default=90, ge=1, le=90)
    """Days after which a record is overdue; never above the terms' 90."""
    margin_days: int = Field(default=7, ge=0, le=89)
    """Days before the limit at which a purge takes records along."""
    warn_days: tuple[Annotated[int, Field(ge=0, le=90)], ...] = (14, 7, 2)
    """Days before the limit at which the data protection officer is alerted."""

    @model_validator(mode="after")
    def _margin_leaves_something(self) -> "RetentionSettings":
        if self.margin_days >= self.max_age_days:
            message = "margin_days must be smaller than max_age_days"
            raise ValueError(message)
        return self


class PurgeSettings(_Section):
    """How careful a purge is."""

    approvals: int = Field(default=1, ge=1, le=5)
    """Distinct people besides the requester who must approve; never none."""
    confirm_minutes: int = Field(default=30, ge=1)
    """Minutes the requester has to confirm the preview."""
    approve_hours: int = Field(default=24, ge=1, le=336)
    """Hours the approvers have."""
    cooling_minutes: int = Field(default=15, ge=0)
    """Minutes between the last approval and the first deletion."""
    max_share: float = Field(default=0.5, gt=0, le=1)
    """Largest share of a source's records one purge may take."""
    approval_roles: tuple[Literal["admin", "dpo"], ...] = ()
    """Roles that must be among the approvers, each by a person of its own: `["admin", "dpo"]` is one of each."""


class AlertSettings(_Section):
    """Whom alerts reach, and when they get louder."""

    dpo_channel: str = Field(default="", max_length=200)
    """Conversation id (19:...@thread.tacv2) of the channel where data protection officers are alerted."""
    admin_channel: str = Field(default="", max_length=200)
    """Conversation id of the channel where purges wait for approval."""
    escalate_hours: int = Field(default=24, ge=1, le=168)
    """Hours of silence after which an alert goes to the next people; halved near the limit."""
    digest_weekday: int = Field(default=0, ge=0, le=6)
    """Day of the weekly digest: 0 is Monday."""
    zone: Annotated[str, AfterValidator(_zone)] = "Europe/Berlin"
    """Time zone in which cards show times."""


class TelemetrySettings(_Section):
    """Where traces go, if anywhere; without an address nothing of OpenTelemetry is even imported."""

    otlp_url: OptionalUrl = ""
    """Address of a collector that takes OTLP over HTTP, ending in `/v1/traces`; needs the extra `otel`."""
    sample_share: float = Field(default=1.0, gt=0, le=1)
    """Share of turns and jobs that are traced."""


class ManifestSettings(_Section):
    """What people read about the operator in the Teams app package; an empty field takes a neutral default."""

    developer_name: str = Field(default="", max_length=32)
    """Who offers the app, as Teams shows it; Teams allows 32 characters."""
    website_url: OptionalHttpsUrl = ""
    """The operator's page about the bot; empty is the support page of ProCall NEX."""
    privacy_url: OptionalHttpsUrl = ""
    """The operator's privacy notice for the bot itself; empty is the support page of ProCall NEX."""
    terms_url: OptionalHttpsUrl = ""
    """The operator's terms of use for the bot; empty is the support page of ProCall NEX."""


class Settings(BaseSettings):
    """All sections; every one has defaults, so commands other than `serve` need no file at all."""

    model_config = SettingsConfigDict(
        env_prefix="PROCALL_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
    )

    server: ServerSettings = ServerSettings()
    teams: TeamsSettings = TeamsSettings()
    roles: RoleSettings = RoleSettings()
    contacts: ContactSettings = ContactSettings()
    notices: dict[str, OptionalUrl] = Field(default_factory=dict)
    catalogue: CatalogueSettings = CatalogueSettings()
    state: StateSettings = StateSettings()
    retention: RetentionSettings = RetentionSettings()
    purge: PurgeSettings = PurgeSettings()
    alerts: AlertSettings = AlertSettings()
    manifest: ManifestSettings = ManifestSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    sources: tuple[SourceSettings, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _notice_ids_in_capitals(cls, values: dict[str, Any]) -> dict[str, Any]:
        notices = values.get("notices")
        if isinstance(notices, dict):
            # Names from the environment arrive in lower case and sort last, so that they win over the file.
            values["notices"] = {key.upper(): notices[key] for key in sorted(map(str, notices))}
        return values

    @model_validator(mode="after")
    def _known_notices_and_unique_sources(self) -> "Settings":
        unknown = sorted(key for key in self.notices if not _NOTICE.fullmatch(key))
        if unknown:
            message = f"notices: unknown notice {unknown[0]}; known are N1 to N9"
            raise ValueError(message)
        ids = [source.id for source in self.sources]
        if len(set(ids)) != len(ids):
            message = "sources: two sources have the same id"
            raise ValueError(message)
        if OWN_LOGS in ids:
            message = f"sources: {OWN_LOGS}: the bot's own logs have this id; choose another one"
            raise ValueError(message)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, and use nothing else."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


_SECRETS = (("teams", "app_secret"), ("state", "postgres_dsn"))


def load_settings() -> Settings:
    """Read the file and the environment once; raises `SettingsError` that names file, key and reason."""
    named = os.environ.get("PROCALL_SETTINGS", "")
    path = Path(named or "settings.toml")
    values = _read_file(path, required=bool(named))
    variables = [name for name in os.environ if name.upper().startswith("PROCALL_") and "__" in name]
    _refuse_unknown(sorted(name[8:].partition("__")[0].lower() for name in variables), "environment")
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError(_explain(error, path)) from None
    except SourceError as error:
        message = f"environment: {error}; lists and tables are given as JSON"
        raise SettingsError(message) from None
    return _anchored(settings, path.parent) if named else settings


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Take relative folders from where the named file lies, so that no `cd` leads to another state or other logs."""
    state = settings.state.model_copy(update={"folder": str(folder / settings.state.folder)})
    sources = tuple(source.anchored(folder) for source in settings.sources)
    return settings.model_copy(update={"state": state, "sources": sources})


def _read_file(path: Path, *, required: bool) -> dict[str, Any]:
    if not path.exists():
        if required:
            message = f"{path}: the file named by PROCALL_SETTINGS does not exist"
            raise SettingsError(message)
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        message = f"{path}: not a readable TOML file: {error}"
        raise SettingsError(message) from None
    _refuse_unknown(values, str(path))  # pydantic-settings takes [Teams] for [teams], past the check for secrets
    for section, key in _SECRETS:
        if key in _table(values, section):
            message = (
                f"{path}: {section}.{key}: secrets do not belong into this file; "
                f"set PROCALL_{section.upper()}__{key.upper()} or use a *_file setting"
            )
            raise SettingsError(message)
    return values


def _refuse_unknown(sections: Iterable[str], where: str) -> None:
    for section in sections:
        if section not in Settings.model_fields:
            raise SettingsError(f"{where}: {section}: unknown key")


def _table(values: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    table = values.get(section, {})
    return table if isinstance(table, Mapping) else {}


def _explain(error: ValidationError, path: Path) -> str:
    lines = []
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        key = ".".join(str(part) for part in item["loc"]) or "settings"
        reason = "unknown key" if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
        lines.append(f"{path} or environment: {key}: {reason}")
    return "\n".join(lines)
