"""The Teams app package: the manifest filled with the operator's values, its languages and icons, as one zip.

`manifest/manifest.json` is the template: a text such as `${app_id}` stands for a value of the operator. The same values
always give the same bytes, so that a package can be compared with the one that was uploaded.
"""

import io
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.settings import ManifestSettings
from data.errors import SettingsError

FOLDER = Path(__file__).parent.parent / "manifest"
DEFAULT_URL = "https://support.estos.de/de/procall-nex"
"""Where the links of the app lead unless the operator has pages of their own."""
DEFAULT_DEVELOPER = "ProCall NEX privacy bot"
"""Names nobody: whoever runs the bot offers it, and only they can say who that is."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", re.ASCII)


def write_package(path: Path, *, app_id: str, manifest: ManifestSettings, version: str) -> None:
    """Write the package; under its name there is always a whole one, the old or the new."""
    content = build_package(app_id=app_id, manifest=manifest, version=version)
    try:
        _replace(path, content)
    except OSError as error:
        message = f"{path}: the package cannot be written: {error.strerror}"
        raise SettingsError(message) from None


def build_package(*, app_id: str, manifest: ManifestSettings, version: str) -> bytes:
    """Build the package; raises `SettingsError` without an app id, and for a version Teams would refuse."""
    if not app_id:
        message = "teams.app_id is empty: the Teams app package must name the bot's registration"
        raise SettingsError(message)
    if not _VERSION.fullmatch(version):
        message = f"version {version}: Teams takes packages of a version like 1.2.3 only"
        raise SettingsError(message)
    template = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    filled = _fill(template, _values(app_id, manifest, version))
    files = {name: (FOLDER / name).read_bytes() for name in _named_files(template)}
    files["manifest.json"] = (json.dumps(filled, ensure_ascii=False, indent=2) + "\n").encode()
    return _zip(files)


def _values(app_id: str, manifest: ManifestSettings, version: str) -> Mapping[str, str]:
    return {
        "${app_id}": app_id,
        "${version}": version,
        "${developer_name}": manifest.developer_name or DEFAULT_DEVELOPER,
        "${website_url}": manifest.website_url or DEFAULT_URL,
        "${privacy_url}": manifest.privacy_url or DEFAULT_URL,
        "${terms_url}": manifest.terms_url or DEFAULT_URL,
    }


def _fill(node: Any, values: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _fill(child, values) for key, child in node.items()}
    if isinstance(node, list):
        return [_fill(child, values) for child in node]
    return values.get(node, node) if isinstance(node, str) else node


def _named_files(template: Mapping[str, Any]) -> list[str]:
    """List what the manifest refers to, so that nothing it names is missing and nothing else comes along."""
    languages = [language["file"] for language in template["localizationInfo"]["additionalLanguages"]]
    return [*languages, *template["icons"].values()]


def _zip(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.create_system = 3  # the same on every machine, and 3 makes the file mode count
            entry.external_attr = 0o644 << 16
            # Stored as it is: what deflate makes of it changes with the zlib at hand.
            archive.writestr(entry, files[name], compress_type=zipfile.ZIP_STORED)
    return out.getvalue()


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    aside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.chmod(0o644)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
