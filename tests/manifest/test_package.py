"""The Teams app package: what is in it, that Teams takes it, and that both languages say the same things."""

import io
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing

from bot.package import DEFAULT_DEVELOPER, DEFAULT_URL, FOLDER, build_package, write_package
from bot.settings import ManifestSettings
from bot.translate import SEARCH_COMMAND
from data.errors import SettingsError

APP_ID = "11111111-2222-4333-8444-555555555555"
OPERATOR = ManifestSettings(
    developer_name="Muster GmbH",
    website_url="https://muster.example/bot",
    privacy_url="https://muster.example/privacy",
    terms_url="https://muster.example/terms",
)
SCHEMA_VERSION = "1.28"
SCHEMAS = Path("@microsoft/app-manifest/build/json-schemas/teams") / f"v{SCHEMA_VERSION}"

_STRING_LIMITS = {
    r"name\.short": 30,
    r"name\.full": 100,
    r"description\.short": 80,
    r"description\.full": 4000,
    # Teams allows a title 128 characters and cuts it in the menu at about 32.
    r"bots\[0\]\.commandLists\[\d\]\.commands\[\d+\]\.title": 32,
    r"bots\[0\]\.commandLists\[\d\]\.commands\[\d+\]\.(description|prompt)": 128,
    r"composeExtensions\[0\]\.commands\[\d\]\.(parameters\[\d\]\.)?title": 32,
    r"composeExtensions\[0\]\.commands\[\d\]\.(parameters\[\d\]\.)?description": 128,
}
_LOCALISED = ("title", "description", "prompt")


@pytest.fixture(name="package")
def _package() -> Mapping[str, bytes]:
    return unpack(build_package(app_id=APP_ID, manifest=OPERATOR, version="1.2.3"))


@pytest.fixture(name="manifest")
def _manifest(package: Mapping[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(package["manifest.json"])
    return found


@pytest.fixture(name="english")
def _english(package: Mapping[str, bytes]) -> dict[str, str]:
    found: dict[str, str] = json.loads(package["en.json"])
    del found["$schema"]
    return found


@pytest.fixture(name="node_modules")
def _node_modules() -> Path:
    folder = Path(__file__).parent.parent / "e2e" / "node_modules"
    if not (folder / SCHEMAS).is_dir():
        reason = f"the official schemas are not there: run `npm install` in {folder.parent}"
        if os.environ.get("PROCALL_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


def unpack(content: bytes) -> dict[str, bytes]:
    """Read a whole zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def localisable(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Find every text of the manifest that people read, by the key a language file gives it."""
    found = {
        f"{section}.{size}": manifest[section][size]
        for section in ("name", "description")
        for size in ("short", "full")
    }
    for root in ("bots", "composeExtensions"):
        found.update(_titled(manifest[root], root))
    return found


def _titled(node: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for index, child in enumerate(node):
            yield from _titled(child, f"{key}[{index}]")
    if isinstance(node, dict):
        for name, child in node.items():
            if name in _LOCALISED and isinstance(child, str):
                yield f"{key}.{name}", child
            yield from _titled(child, f"{key}.{name}")


def texts(node: Any) -> Iterator[str]:
    """Walk through every text of a JSON value."""
    if isinstance(node, str):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from texts(child)


def schema_errors(node_modules: Path, name: str, value: object) -> list[str]:
    """Check a value against a shipped schema; a reference to anywhere else cannot be resolved and raises."""
    schema = json.loads((node_modules / SCHEMAS / name).read_text(encoding="utf-8-sig"))
    validator = jsonschema.Draft4Validator(schema, registry=referencing.Registry())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def read_png(content: bytes) -> tuple[int, int, int, list[bytes]]:
    """Read width, height, samples per pixel and the pixels of an 8-bit PNG without interlacing."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    chunks = list(_chunks(content))
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, interlace) == (8, 0)
    samples = {2: 3, 6: 4}[colour]
    raw = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    rows = _unfiltered(raw, width * samples, samples)
    pixels = [row[at : at + samples] for row in rows for at in range(0, len(row), samples)]
    assert len(pixels) == width * height
    return width, height, samples, pixels


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        at += length + 12


def _unfiltered(raw: bytes, stride: int, samples: int) -> Iterable[bytes]:
    above = bytes(stride)
    for start in range(0, len(raw), stride + 1):
        row = bytearray(raw[start + 1 : start + 1 + stride])
        for index in range(stride):
            left, corner = (row[index - samples], above[index - samples]) if index >= samples else (0, 0)
            row[index] = (row[index] + _predicted(raw[start], left, above[index], corner)) & 255
        above = bytes(row)
        yield above


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    paeth = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
    return (0, left, up, (left + up) // 2, paeth)[kind]


def test_the_package_holds_exactly_what_teams_reads(package: Mapping[str, bytes]) -> None:
    """Manifest, English texts and the two icons lie at the top level; the drawings they came from stay at home."""
    assert sorted(package) == ["color.png", "en.json", "manifest.json", "outline.png"]


def test_the_same_values_give_the_same_bytes() -> None:
    """A package can be compared with the one that was uploaded: no clock, no order by chance, no compressor."""
    first = build_package(app_id=APP_ID, manifest=OPERATOR, version="1.2.3")

    assert build_package(app_id=APP_ID, manifest=OPERATOR, version="1.2.3") == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        entries = archive.infolist()
        assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}


def test_another_version_gives_other_bytes() -> None:
    """The comparison above can tell packages apart."""
    first = build_package(app_id=APP_ID, manifest=OPERATOR, version="1.2.3")

    assert build_package(app_id=APP_ID, manifest=OPERATOR, version="1.2.4") != first


def test_the_operators_values_are_filled_in(manifest: Mapping[str, Any]) -> None:
    """The one app id names app, bot and search; version, name and links are the operator's."""
    assert manifest["version"] == "1.2.3"
    assert [manifest["id"], manifest["bots"][0]["botId"], manifest["composeExtensions"][0]["botId"]] == [APP_ID] * 3
    assert manifest["developer"] == {
        "name": "Muster GmbH",
        "websiteUrl": "https://muster.example/bot",
        "privacyUrl": "https://muster.example/privacy",
        "termsOfUseUrl": "https://muster.example/terms",
    }


def test_no_placeholder_is_left(package: Mapping[str, bytes]) -> None:
    """Neither the manifest nor the English texts go out with a value still to be filled in."""
    for name in ("manifest.json", "en.json"):
        assert [text for text in texts(json.loads(package[name])) if "${" in text] == []


def test_every_operator_value_is_a_placeholder_of_the_template() -> None:
    """The template itself names no operator, registration or version."""
    template = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))

    assert {text for text in texts(template) if text.startswith("${")} == {
        "${app_id}",
        "${version}",
        "${developer_name}",
        "${website_url}",
        "${privacy_url}",
        "${terms_url}",
    }


def test_empty_settings_take_the_defaults() -> None:
    """An operator who says nothing still gets a package that Teams takes, under nobody's false name."""
    package = unpack(build_package(app_id=APP_ID, manifest=ManifestSettings(), version="1.2.3"))

    assert json.loads(package["manifest.json"])["developer"] == {
        "name": DEFAULT_DEVELOPER,
        "websiteUrl": DEFAULT_URL,
        "privacyUrl": DEFAULT_URL,
        "termsOfUseUrl": DEFAULT_URL,
    }


@pytest.mark.parametrize("field", ["website_url", "privacy_url", "terms_url"])
@pytest.mark.parametrize("value", ["http://muster.example", "http://127.0.0.1/x", "muster.example", "javascript:x"])
def test_links_must_be_https(field: str, value: str) -> None:
    """A link that people follow out of Teams is never plain http, not even on loopback."""
    with pytest.raises(ValueError, match="must begin with https://"):
        ManifestSettings(**{field: value})


def test_the_developer_name_fits() -> None:
    """A name of 33 characters is refused when the settings are read, not when Teams refuses the package."""
    assert ManifestSettings(developer_name="x" * 32).developer_name == "x" * 32
    with pytest.raises(ValueError, match="at most 32 characters"):
        ManifestSettings(developer_name="x" * 33)


def test_no_package_without_an_app_id() -> None:
    """The refusal names the setting that is missing."""
    with pytest.raises(SettingsError, match=r"teams\.app_id is empty"):
        build_package(app_id="", manifest=OPERATOR, version="1.2.3")


@pytest.mark.parametrize("version", ["", "1", "1.2", "1.2.3-rc.1", "1.2.3.4", "01.2.3", "1.2.x", "1.2.3\n"])
def test_a_version_teams_refuses_is_refused_here(version: str) -> None:
    """Teams answers the upload of anything but three plain numbers with 400, though the schema lets it pass."""
    with pytest.raises(SettingsError, match="a version like"):
        build_package(app_id=APP_ID, manifest=OPERATOR, version=version)


def test_the_file_is_the_package_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    """An older package is replaced, and the file written aside is gone."""
    out = tmp_path / "app.zip"
    out.write_bytes(b"older")

    write_package(out, app_id=APP_ID, manifest=OPERATOR, version="1.2.3")

    assert out.read_bytes() == build_package(app_id=APP_ID, manifest=OPERATOR, version="1.2.3")
    assert [path.name for path in tmp_path.iterdir()] == ["app.zip"]


def test_a_refusal_leaves_the_older_file_alone(tmp_path: Path) -> None:
    """Without an app id nothing is written at all."""
    out = tmp_path / "app.zip"
    out.write_bytes(b"older")

    with pytest.raises(SettingsError):
        write_package(out, app_id="", manifest=OPERATOR, version="1.2.3")

    assert out.read_bytes() == b"older"


@pytest.mark.parametrize("name", ["missing/app.zip", "folder"])
def test_a_place_that_cannot_be_written_is_said_so(tmp_path: Path, name: str) -> None:
    """A missing folder, or a folder in the file's place, is a sentence with the path and leaves nothing behind."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(SettingsError, match="cannot be written") as caught:
        write_package(tmp_path / name, app_id=APP_ID, manifest=OPERATOR, version="1.2.3")

    assert str(tmp_path / name) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_the_bot_asks_for_no_more_than_it_needs(manifest: Mapping[str, Any]) -> None:
    """No permission, no domain, no files, no sign-on, no reading along in channels."""
    (bot,) = manifest["bots"]

    assert sorted(bot["scopes"]) == ["groupChat", "personal", "team"]
    assert (bot["supportsFiles"], bot["isNotificationOnly"]) == (False, False)
    assert (manifest["permissions"], manifest["validDomains"]) == ([], [])
    assert not {"webApplicationInfo", "authorization", "devicePermissions", "configurableTabs"} & set(manifest)


def test_the_search_command_is_the_one_the_bot_hears(manifest: Mapping[str, Any]) -> None:
    """The search of the compose box and the command box carries the id and the parameter that the bot reads."""
    (extension,) = manifest["composeExtensions"]
    (command,) = extension["commands"]

    assert (command["id"], command["type"], command["initialRun"]) == (SEARCH_COMMAND, "query", True)
    assert command["context"] == ["compose", "commandBox"]
    assert [parameter["name"] for parameter in command["parameters"]] == ["query"]


def test_command_lists_are_within_the_limits(manifest: Mapping[str, Any]) -> None:
    """At most three lists of at most twelve commands, no scope in two of them, no title twice in one."""
    lists = manifest["bots"][0]["commandLists"]
    scopes = [scope for entry in lists for scope in entry["scopes"]]

    assert len(lists) <= 3
    assert sorted(scopes) == ["groupChat", "personal", "team"]
    for entry in lists:
        titles = [command["title"] for command in entry["commands"]]
        assert 0 < len(titles) <= 12
        assert len(set(titles)) == len(titles)


def test_orders_are_offered_in_private_and_never_as_a_prompt_starter(
    manifest: Mapping[str, Any], english: Mapping[str, str]
) -> None:
    """No list of a team or a group offers a deletion, and no tile does; only a question is a prompt starter."""
    found = []
    for number, entry in enumerate(manifest["bots"][0]["commandLists"]):
        for index, command in enumerate(entry["commands"]):
            if english[f"bots[0].commandLists[{number}].commands[{index}].title"].startswith("Delete"):
                found.append((entry["scopes"], command["type"]))
            assert (command["type"] == "prompt") == ("prompt" in command)

    assert found == [(["personal"], "basic")]


def test_english_has_every_text_and_no_other(manifest: Mapping[str, Any], english: Mapping[str, str]) -> None:
    """What people read in German they can read in English, by the same key."""
    assert sorted(english) == sorted(localisable(manifest))


def test_every_text_was_translated(manifest: Mapping[str, Any], english: Mapping[str, str]) -> None:
    """No German text stands in the English file, and none is blank."""
    german = localisable(manifest)

    assert [key for key, text in english.items() if text == german[key]] == []
    assert [key for key, text in [*english.items(), *german.items()] if not text.strip()] == []


def test_a_command_says_the_same_in_every_list(manifest: Mapping[str, Any], english: Mapping[str, str]) -> None:
    """Teams wants a list a scope; the texts that stand in two of them are the same, in both languages."""
    pairs: dict[str, set[str]] = {}
    for key, text in localisable(manifest).items():
        pairs.setdefault(text, set()).add(english[key])

    assert {text: found for text, found in pairs.items() if len(found) > 1} == {}


def test_texts_are_within_the_limits(manifest: Mapping[str, Any], english: Mapping[str, str]) -> None:
    """Both languages keep to the lengths of Teams; the schema cannot see it, its limits stand beside a `$ref`."""
    for key, text in [*localisable(manifest).items(), *english.items()]:
        limits = [limit for pattern, limit in _STRING_LIMITS.items() if re.fullmatch(pattern, key)]
        assert len(limits) == 1, key
        assert len(text) <= limits[0], (key, len(text))


def test_languages_and_schema_version_agree(manifest: Mapping[str, Any], package: Mapping[str, bytes]) -> None:
    """German is the default, English the other language, both files of one schema version, as Teams demands."""
    prefix = f"https://developer.microsoft.com/json-schemas/teams/v{SCHEMA_VERSION}/"

    assert manifest["manifestVersion"] == SCHEMA_VERSION
    assert manifest["$schema"] == f"{prefix}MicrosoftTeams.schema.json"
    assert json.loads(package["en.json"])["$schema"] == f"{prefix}MicrosoftTeams.Localization.schema.json"
    assert manifest["localizationInfo"] == {
        "defaultLanguageTag": "de",
        "additionalLanguages": [{"languageTag": "en", "file": "en.json"}],
    }


def test_the_colour_icon_fills_its_square(package: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
    """192 x 192 without a transparent pixel, and a picture: a motif in the middle, only ground outside of it."""
    width, height, samples, pixels = read_png(package[manifest["icons"]["color"]])

    assert (width, height) == (192, 192)
    assert samples == 3 or all(pixel[3] == 255 for pixel in pixels)
    white = [(at % 192, at // 192) for at, pixel in enumerate(pixels) if min(pixel[:3]) > 200]
    assert white
    assert all(36 <= x < 156 and 36 <= y < 156 for x, y in white)


def test_the_outline_icon_is_white_on_nothing(package: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
    """32 x 32, white wherever anything is seen, with clear ground, full lines and soft edges between."""
    width, height, samples, pixels = read_png(package[manifest["icons"]["outline"]])

    assert (width, height, samples) == (32, 32, 4)
    assert {pixel[:3] for pixel in pixels} == {b"\xff\xff\xff"}
    alphas = [pixel[3] for pixel in pixels]
    assert {alphas[0], alphas[31], alphas[-32], alphas[-1]} == {0}
    assert alphas.count(0) > 200
    assert alphas.count(255) > 100
    assert any(0 < alpha < 255 for alpha in alphas)


def test_the_manifest_keeps_to_the_official_schema(node_modules: Path, manifest: Mapping[str, Any]) -> None:
    """Microsoft's own schema finds nothing, with all that an operator can set and with nothing set."""
    bare = unpack(build_package(app_id=APP_ID, manifest=ManifestSettings(), version="0.1.0"))

    assert schema_errors(node_modules, "MicrosoftTeams.schema.json", manifest) == []
    assert schema_errors(node_modules, "MicrosoftTeams.schema.json", json.loads(bare["manifest.json"])) == []


def test_the_english_texts_keep_to_the_official_schema(node_modules: Path, package: Mapping[str, bytes]) -> None:
    """Microsoft's own localisation schema finds nothing."""
    assert schema_errors(node_modules, "MicrosoftTeams.Localization.schema.json", json.loads(package["en.json"])) == []


def test_the_official_schemas_do_find_faults(node_modules: Path, manifest: dict[str, Any]) -> None:
    """The unfilled template, a title too long and a key that points nowhere are all seen."""
    template = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    manifest["bots"][0]["commandLists"][0]["commands"][0]["title"] = "x" * 129
    astray = {"bots[0].commandLists[3].commands[0].title": "x"}

    assert any("$.id" in error for error in schema_errors(node_modules, "MicrosoftTeams.schema.json", template))
    assert len(schema_errors(node_modules, "MicrosoftTeams.schema.json", manifest)) == 1
    assert any(
        "commandLists[3]" in error
        for error in schema_errors(node_modules, "MicrosoftTeams.Localization.schema.json", astray)
    )
