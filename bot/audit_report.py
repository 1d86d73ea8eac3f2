"""Verifying and handing out the audit on the command line: files in, sentences and a zip out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cards.texts import Texts
from data.audit.checkpoint import read_checkpoint_file
from data.audit.export import export
from data.audit.keys import PUBLIC, read_public
from data.audit.report import AuditReport, Verdict
from data.audit.verify import verify
from data.errors import SettingsError, StateError
from data.labels import Lang
from data.stores.durable import flush_folder

BROKEN = 1
"""The exit code of an audit that was altered."""
_EXIT = {Verdict.INTACT: 0, Verdict.BROKEN: BROKEN, Verdict.NOT_CHECKABLE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAudit:
    """A report as the command line shows it."""

    report: AuditReport

    @property
    def exit_code(self) -> int:
        """0 intact, 1 broken, 2 not checkable."""
        return _EXIT[self.report.verdict]

    def as_json(self) -> dict[str, Any]:
        """Give the report as a JSON object."""
        report = self.report
        return {
            "verdict": report.verdict.value,
            "entries": report.size,
            "head": report.head,
            "checkpoints": report.checkpoints,
            "sealed": report.sealed,
            "findings": [{"code": flaw.code.value, "seq": flaw.seq, "detail": flaw.detail} for flaw in report.findings],
        }

    def sentences(self) -> list[str]:
        """Give the report in sentences."""
        report = self.report
        first = f"{report.verdict.value.replace('_', ' ')}: {report.size} entries, sealed up to {report.sealed}"
        found = [
            f"{flaw.code.value.replace('_', ' ')}"
            + (f" at entry {flaw.seq}" if flaw.seq is not None else "")
            + (f": {flaw.detail}" if flaw.detail else "")
            for flaw in report.findings
        ]
        return [first, *found, *([f"and {report.more} more"] if report.more else [])]


def check_audit(audit: Path, keys: Path, *, checkpoint: Path | None, key: Path | None) -> CheckedAudit:
    """Verify the files of an audit with the public key among the keys, unless another is named.

    Raises `SettingsError` for a checkpoint or key that cannot be read.
    """
    since = None
    if checkpoint is not None:
        try:
            since = read_checkpoint_file(checkpoint)
        except (StateError, ValueError, OSError) as error:
            message = f"--checkpoint: {checkpoint}: {error}"
            raise SettingsError(message) from None
    public = _public(keys)
    if key is not None:
        try:
            public = read_public(key)
        except (StateError, OSError) as error:
            message = f"--key: {key}: {error}"
            raise SettingsError(message) from None
    return CheckedAudit(report=verify(audit, public_key=public, since=since))


def write_export(audit: Path, keys: Path, out: Path, *, texts: Mapping[Lang, Texts]) -> None:
    """Write the audit as one archive, never over a file that is there; raises `SettingsError`, `StateError`."""
    explained = {f"README.{lang.value}.txt": say("audit.readme") for lang, say in texts.items()}
    try:
        with out.open("xb") as file:
            export(audit, file, public_key=_public(keys), texts=explained)
    except OSError as error:
        message = f"{out}: not written: {error.strerror}"
        raise SettingsError(message) from None
    except StateError:
        out.unlink(missing_ok=True)
        raise
    flush_folder(out.absolute().parent)


def _public(keys: Path) -> bytes | None:
    try:
        return read_public(keys / PUBLIC)
    except (StateError, OSError):
        return None
