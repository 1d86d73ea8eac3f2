"""What an operator may say of a container, what is refused by name, and how the bot proves who it is."""

import datetime as dt
import json
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from azure.storage.blob import BlobServiceClient
from pydantic import ValidationError

from bot.source_settings import SourceSettings
from data.clock import SystemClock
from data.errors import SettingsError
from data.retention.evidence import Span
from data.retention.instants import DAY, HOUR, read_iso
from data.sources.azure_blob import BlobSource
from data.sources.blob_lifecycle import lifecycle_of
from data.sources.blob_names import LATE, Place, period_of, place_named
from data.sources.blob_options import BlobOptions, account_of, may_meet
from data.sources.blob_service import API_VERSION
from data.sources.connector import Around, Named, connector_of
from tests.azurite.server import ACCOUNT, KEY, running_azurite
from tests.world import FakeClock, PrivateCa

URL = "https://logs.blob.core.windows.net"
RESOURCE = (
    "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-logs"
    "/providers/Microsoft.Storage/storageAccounts/logs"
)


def options(**said: object) -> BlobOptions:
    """Make options of an account by its address."""
    return BlobOptions(**{"account_url": URL, "container": "insights-logs-app", **said})


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"container": "$logs"}, "Azure's own"),
        ({"container": "$blobchangefeed"}, "Azure's own"),
        ({"container": "$web"}, "Azure's own"),
        ({"container": "$root"}, "Azure's own"),
        ({"container": "Logs"}, "no container"),
        ({"container": "lo"}, "no container"),
        ({"container": "a--b"}, "no container"),
        ({"container": "a/b"}, "no container"),
        ({"container": "x" * 64}, "no container"),
        ({"account_url": "http://logs.blob.core.windows.net"}, "https"),
        ({"account_url": f"{URL}?sv=1&sig=planted"}, "without a name, a password or a query"),
        ({"account_url": ""}, "exactly one"),
        ({"connection_string_file": "secret"}, "exactly one"),
        ({"prefix": "/app"}, "slash"),
        ({"include": ()}, "no pattern"),
        ({"include": ("a/b",)}, "no slash"),
        ({"zone": "Europe/Nowhere"}, "no time zone"),
        ({"format": "cobol"}, "no format"),
        ({"quiet_minutes": 0}, "quiet_minutes"),
        ({"largest_mib": 0}, "largest_mib"),
        ({"soft_delete_days": 366}, "soft_delete_days"),
        ({"resource_id": "/subscriptions/x"}, "storageAccounts"),
        ({"management_url": "http://management.azure.com"}, "https"),
        ({"account_key": "planted"}, "account_key"),
        ({"rewrite": True}, "rewrite"),
    ],
)
def test_what_is_unsafe_or_senseless_is_refused_by_name(said: dict[str, object], named: str) -> None:
    """Each wrong option is refused when the settings are read, with the option's name or what is wrong."""
    options()
    with pytest.raises(ValidationError, match=named) as caught:
        options(**said)
    assert "planted" not in str(caught.value.errors(include_input=False))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no connection string"),
        ("nonsense", "no connection string"),
        (f"AccountName=x;AccountKey={KEY[:-2]}!!", "no connection string"),
        (f"DefaultEndpointsProtocol=http;AccountName=x;AccountKey={KEY};EndpointSuffix=core.windows.net", "https"),
        (f"AccountName=x;AccountKey={KEY};BlobEndpoint=http://10.0.0.1/x", "https"),
        ("AccountName=x", "neither a key nor a signature"),
    ],
)
def test_a_wrong_connection_string_is_refused_and_not_repeated(tmp_path: Path, text: str, named: str) -> None:
    """A file that holds no usable connection string is refused by its name, and nothing of it is shown."""
    path = tmp_path / "connection"
    path.write_text(text, encoding="utf-8")
    told = options(account_url="", connection_string_file=path)
    with pytest.raises(SettingsError, match=named) as caught:
        account_of(told)
    assert str(path) in str(caught.value)
    assert KEY[:10] not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={KEY};EndpointSuffix=core.windows.net\n",
        f"AccountName=x;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:10000/x;",
        "BlobEndpoint=https://x.blob.core.windows.net/;SharedAccessSignature=sv=2023-11-03&ss=b&sig=planted",
    ],
)
def test_a_connection_string_by_key_or_signature_is_taken(tmp_path: Path, text: str) -> None:
    """What the portal shows can be put into the file as it is."""
    path = tmp_path / "connection"
    path.write_text(text, encoding="utf-8")
    assert account_of(options(account_url="", connection_string_file=path)).api_version == API_VERSION


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A connection string that cannot be read is an error of the settings."""
    with pytest.raises(SettingsError, match="No such file"):
        account_of(options(account_url="", connection_string_file=tmp_path / "none"))


def test_settings_of_a_source_load_and_paths_are_anchored(tmp_path: Path) -> None:
    """A block of the settings becomes these options; a relative file is taken from the settings' folder."""
    source = SourceSettings(
        id="app-blobs",
        kind="azure-blob",
        data_kind="log",
        container="insights-logs-app",
        connection_string_file="secrets/blob",
        include=["PT1H.json"],
    )
    assert source.anchored(tmp_path).options.connection_string_file == tmp_path / "secrets" / "blob"
    with pytest.raises(ValidationError, match="journals"):
        SourceSettings(id="x", kind="azure-blob", data_kind="log", container="call-journal", account_url=URL)
    assert connector_of("azure-blob").options is BlobOptions


def test_every_option_is_explained() -> None:
    """Each option has a sentence for the operator."""
    assert all((field.description or "").rstrip().endswith(".") for field in BlobOptions.model_fields.values())


def test_building_asks_nobody(tmp_path: Path) -> None:
    """A source is built without a word to Azure, and says the same of itself each time."""
    around = Around(clock=FakeClock(), state=tmp_path)
    named = Named(id="lab", title="Lab", data_kind="log")
    one, other = (connector_of("azure-blob").build(named, options(), around) for _ in range(2))
    assert isinstance(one, BlobSource)
    assert one.config_digest == other.config_digest
    for changed in ({"prefix": "a"}, {"include": ("x",)}, {"zone": ""}, {"container": "other"}, {"format": "jsonl"}):
        assert BlobSource(named, options(**changed), around).config_digest != one.config_digest


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ({}, {}, True),
        ({}, {"container": "other"}, False),
        ({"prefix": "a/"}, {"prefix": "a/b"}, True),
        ({"prefix": "a/"}, {"prefix": "b/"}, False),
        ({}, {"account_url": "https://LOGS.blob.core.windows.net/"}, True),
        ({}, {"account_url": "https://logs-secondary.blob.core.windows.net"}, True),
        ({}, {"account_url": "https://other.blob.core.windows.net"}, False),
        ({}, {"account_url": "https://logs.example.com"}, True),
        ({}, {"account_url": "", "connection_string_file": Path("x")}, True),
    ],
)
def test_two_sources_meet_where_they_may_reach_the_same_blobs(
    one: dict[str, object], other: dict[str, object], *, meets: bool
) -> None:
    """A hold on one protects from both; where nobody can tell, it does."""
    assert may_meet(options(**one), options(**other)) is meets
    assert may_meet(options(**other), options(**one)) is meets


# -- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        Place(blob="a/b.log"),
        Place(blob="?snapshot=x"),
        Place(blob="a\nb", snapshot="2026-11-23T08:00:00.0000000Z"),
        Place(blob="version", version="2026-11-23T08:00:00.0000000Z"),
    ],
)
def test_a_name_means_one_place(place: Place) -> None:
    """What a unit is called leads back to exactly its place; a copy sorts before every blob."""
    assert place_named(place.name()) == place
    assert (place.name() < b"\x01") is place.is_copy


@pytest.mark.parametrize("name", [b"\0", b"\0snapshot", b"\0snapshot\0\0x", b"\0other\0t\0x", b"\xff"])
def test_what_is_no_name_is_refused(name: bytes) -> None:
    """A name that no unit of this source has is refused, and never taken for a blob."""
    with pytest.raises(ValueError):  # noqa: PT011  both kinds of it
        place_named(name)


NOW = read_iso("2026-11-25T12:00:00Z")
EIGHT = read_iso("2026-11-23T08:00:00Z")
MIDNIGHT = read_iso("2026-11-23T00:00:00Z")


@pytest.mark.parametrize(
    ("name", "begin", "length"),
    [
        (b"resourceId=/SUBSCRIPTIONS/X/y=2026/m=11/d=23/h=08/m=00/PT1H.json", EIGHT, HOUR),
        (b"y=2026/m=11/d=23/PT1D.json", MIDNIGHT, DAY),
        (b"x/y=2026/m=11/d=23/h=08/m=00/macAddress=000D3A/PT1H.json", EIGHT, HOUR),
        (b"shop/2026/11/23/08/ab12.log", EIGHT, HOUR),
        (b"2026/11/23/x.log", MIDNIGHT, DAY),
        (b"shop/2026/13/23/08/ab12.log", None, 0),
        (b"shop/2026/02/30/08/ab12.log", None, 0),
        (b"y=2026/m=11/d=23/h=25/x.json", None, 0),
        (b"y=2027/m=11/d=23/h=08/x.json", None, 0),
        (b"v1.2026/11/23/08/x.log", None, 0),
        (b"shop/12026/11/23/08/x.log", None, 0),
        (b"y=2026/m=11/d=23", None, 0),
        (b"app.log", None, 0),
    ],
)
def test_paths_name_a_period_in_utc(name: bytes, begin: int | None, length: int) -> None:
    """The layouts of diagnostic settings and App Service are understood; dates that cannot be say nothing."""
    expected = None if begin is None else Span(lo=begin - LATE, hi=begin + length - 1)
    assert period_of(name, None, NOW) == expected


def test_several_dates_are_all_covered() -> None:
    """Where path and name disagree the interval covers both: nothing is deleted early."""
    found = period_of(b"shop/2026/11/20/08/app-2026-11-23.log", None, NOW)
    assert found is not None
    assert found.lo <= read_iso("2026-11-20T08:00:00Z")
    assert found.hi >= read_iso("2026-11-23T23:59:59Z")


# -- who the bot is ---------------------------------------------------------------------------------------------------


class _Identity(BaseHTTPRequestHandler):
    """The identity endpoint that App Service gives to its apps, and Azure Resource Manager beside it."""

    rules: Any = None
    status = 200

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Give a token, or the lifecycle rules to whoever shows one."""
        if self.path.startswith("/msi/token"):
            expires = int((SystemClock().now() + dt.timedelta(hours=1)).timestamp())
            claims = {
                "iss": "https://sts.windows.net/00000000-0000-4000-8000-00000000d0e5/",
                "aud": "https://storage.azure.com",
                "iat": expires - 7200,
                "nbf": expires - 7200,
                "exp": expires,
            }
            token = jwt.encode(claims, "k" * 32, algorithm="HS256")
            self._say(200, {"access_token": token, "expires_on": str(expires), "resource": "", "token_type": "Bearer"})
        elif not self.headers.get("Authorization", "").startswith("Bearer ey"):
            self._say(401, {})
        else:
            self._say(type(self).status, type(self).rules)

    def _say(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def _listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[type[_Identity], int]]:
    """Give the machine a managed identity."""
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_TOKEN_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    handler = type("Identity", (_Identity,), {})
    with _listening(handler) as port:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "planted")
        yield handler, port


def test_a_managed_identity_is_let_in_by_its_token(
    tmp_path: Path, private_ca: PrivateCa, identity: tuple[type[_Identity], int]
) -> None:
    """With `account_url` alone the bot gets a token and lists over TLS; without the identity it is denied."""
    del identity
    certificate = str(private_ca.server)
    with running_azurite(tmp_path, "--oauth", "basic", "--cert", certificate, "--key", certificate) as azurite:
        client = BlobServiceClient.from_connection_string(azurite.connection_string(), api_version=API_VERSION)
        client.create_container("insights-logs-app").upload_blob("x.log", b"x\n")
        told = options(account_url=f"https://127.0.0.1:{azurite.port}/{ACCOUNT}")
        around = Around(clock=FakeClock(SystemClock().now()), state=tmp_path)
        source = BlobSource(Named(id="lab", title="Lab", data_kind="log"), told, around)
        assert source.probe().reachable
        assert [unit.name for unit in source.list_units()] == [b"x.log"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi/token")
            lost = BlobSource(Named(id="lab", title="Lab", data_kind="log"), told, around)
            assert lost.probe().reason == "denied"


def _rules(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"policy": {"rules": list(rules)}}}


def _rule(name: str, days: int, *prefixes: str, enabled: bool = True) -> dict[str, Any]:
    deletes = {"delete": {"daysAfterModificationGreaterThan": days}}
    actions = {"baseBlob": {**deletes, "tierToCool": {"daysAfterModificationGreaterThan": 5}}, "snapshot": {}}
    filters = {"blobTypes": ["blockBlob"], "prefixMatch": list(prefixes)}
    return {"name": name, "enabled": enabled, "definition": {"actions": actions, "filters": filters}}


def test_lifecycle_rules_that_reach_here_are_read(identity: tuple[type[_Identity], int]) -> None:
    """Enabled rules that delete blobs of this container are named with their days; others are not."""
    manager, port = identity
    told = options(resource_id=RESOURCE, management_url=f"http://127.0.0.1:{port}")
    manager.rules = _rules(
        _rule("all", 120),
        _rule("ours", 30, "insights-logs-app/resourceId="),
        _rule("others", 10, "other/"),
        _rule("off", 5, enabled=False),
    )
    assert lifecycle_of(told) == {"lifecycle all baseBlob": "120", "lifecycle ours baseBlob": "30"}
    assert lifecycle_of(options()) == {}
    manager.status = 404
    assert lifecycle_of(told) == {}


@pytest.mark.parametrize(
    ("status", "rules"), [(403, {}), (500, {}), (200, {"properties": None}), (200, []), (200, _rules({"name": "x"}))]
)
def test_lifecycle_rules_that_cannot_be_read_are_said_to_be_so(
    identity: tuple[type[_Identity], int], status: int, rules: object
) -> None:
    """No right, no answer or a strange one is `unreadable`, never "there are none"."""
    manager, port = identity
    manager.status, manager.rules = status, rules
    told = options(resource_id=RESOURCE, management_url=f"http://127.0.0.1:{port}")
    assert lifecycle_of(told) == {"lifecycle": "unreadable"}


def test_the_example_of_the_page_loads() -> None:
    """The block that operators copy is taken as it is, and every option stands on the page."""
    page = (Path(__file__).parents[3] / "docs" / "sources" / "azure-blob.md").read_text(encoding="utf-8")
    (block,) = tomllib.loads(page.partition("```toml\n")[2].partition("```")[0])["sources"]
    assert SourceSettings(**block).options.container == block["container"]
    assert {name for name in BlobOptions.model_fields if f"`{name}`" not in page} == set()
