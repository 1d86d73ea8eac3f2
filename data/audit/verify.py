"""Tells whether an audit log is what was recorded, from the files and a public key alone (purge.md 6.10).

Also proves one entry to somebody who must not see the others.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final

from data.audit.checkpoint import CHECKPOINT_EVERY, Checkpoint, checkpoint_line, checkpoint_of, is_genuine
from data.audit.entry import SHAPE, entry_of
from data.audit.keys import key_id_of
from data.audit.reading import epoch_files, epoch_path, lines_of, open_plain, read_checkpoints
from data.audit.report import UNCHECKED, WARNINGS, AuditReport, FlawCode, verdict_of
from data.audit.walk import Findings, Walk
from data.errors import StateError
from data.retention.merkle import inclusion_proof, leaf_hash, proves_inclusion

_FIELDS: Final = {"checkpoint", "line", "path", "seq"}


def verify(folder: Path, *, public_key: bytes | None, since: Checkpoint | None = None) -> AuditReport:
    """Read the whole log, change nothing, and say how it was found.

    `public_key` is the raw key, best from where the host's administrator cannot reach; `since` a checkpoint that was
    kept off the host. Works while the log is in use.
    """
    findings = Findings()
    walk = Walk(findings)
    epochs: dict[int, Path] = {}
    trusted: list[Checkpoint] = []
    try:
        trusted = _genuine(read_checkpoints(folder), public_key, findings)
        if since is not None:
            trusted += _genuine([since], public_key, findings)
        epochs = epoch_files(folder)
        marks = _by_epoch(trusted)
        for epoch, path in epochs.items():
            walk.epoch(path, marks[epoch], newest=epoch == max(epochs))
        walk.end()
        _compare_sizes(walk, trusted, since, findings)
    except OSError as error:
        findings.add(FlawCode.UNREADABLE, None, str(error.strerror))
    if public_key is None:
        findings.add(FlawCode.NO_KEY)
    sealed = max((checkpoint.size for checkpoint in walk.agreed), default=0)
    if FlawCode.UNREADABLE not in findings.codes:
        if not walk.met:
            findings.add(FlawCode.NO_CHECKPOINT)
        elif walk.size - sealed >= CHECKPOINT_EVERY:
            findings.add(FlawCode.UNSEALED, sealed + 1, f"{walk.size - sealed} entries have no checkpoint over them")
    return AuditReport(
        verdict=verdict_of(frozenset(findings.codes)),
        findings=tuple(findings.kept),
        more=findings.more,
        first=walk.first,
        size=walk.size,
        head=walk.head.decode(),
        epochs=tuple(epochs),
        checkpoints=len(walk.agreed),
        sealed=sealed,
    )


def prove(folder: Path, seq: int) -> dict[str, Any]:
    """Prove that one entry is in the log: its line, a checkpoint and the hashes between, fit for JSON.

    Raises `StateError` where no checkpoint vouches for the entry or the log is not whole.
    """
    try:
        sealed = _last_over(folder, seq)
        lines, leaves = _leaves(epoch_path(folder, sealed.epoch), sealed, seq)
    except OSError as error:
        message = f"{folder}: cannot be read: {error.strerror}"
        raise StateError(message) from error
    proof = {
        "checkpoint": checkpoint_line(sealed).decode(),
        "line": lines.decode("utf-8", "replace"),
        "path": [step.hex() for step in inclusion_proof(leaves, seq - sealed.first)] if lines else [],
        "seq": seq,
    }
    if not _is_included(proof, sealed):
        message = f"{folder}: the log does not agree with the checkpoint over entry {seq}; ask `audit verify`"
        raise StateError(message)
    return proof


def check_proof(proof: object, public_key: bytes) -> bool:
    """Tell whether a proof made by `prove` holds, with nothing but the raw public key."""
    try:
        if not isinstance(proof, dict) or set(proof) != _FIELDS:
            return False
        sealed = checkpoint_of(proof["checkpoint"].encode("utf-8"))
        return is_genuine(sealed, public_key) and _is_included(proof, sealed)
    except (ValueError, TypeError, AttributeError):
        return False


def _is_included(proof: Mapping[str, Any], sealed: Checkpoint) -> bool:
    line, seq = proof["line"].encode("utf-8"), proof["seq"]
    if SHAPE.fullmatch(line) is None or type(seq) is not int or entry_of(line).seq != seq:
        return False
    return proves_inclusion(
        leaf=_leaf(line),
        index=seq - sealed.first,
        size=sealed.size - sealed.first + 1,
        proof=tuple(bytes.fromhex(step) for step in proof["path"]),
        root=bytes.fromhex(sealed.root),
    )


def _leaves(path: Path, sealed: Checkpoint, seq: int) -> tuple[bytes, list[bytes]]:
    """Read the line of an entry and the hashed leaves under a checkpoint."""
    leaves: list[bytes] = []
    wanted = b""
    with open_plain(path) as file:
        for line in islice(lines_of(file), sealed.size - sealed.first + 1):
            if len(leaves) == seq - sealed.first:
                wanted = line[:-1]
            leaves.append(_leaf(line[:-1]))
    return wanted, leaves


def _leaf(line: bytes) -> bytes:
    return leaf_hash(sha256(line).digest())


def _last_over(folder: Path, seq: int) -> Checkpoint:
    """Find the latest checkpoint over an entry."""
    over = [found for found in read_checkpoints(folder) if found is not None and found.first <= seq <= found.size]
    if not over:
        message = f"{folder}: no checkpoint vouches for entry {seq}"
        raise StateError(message)
    return over[-1]


def _genuine(
    checkpoints: Iterable[Checkpoint | None], public_key: bytes | None, findings: Findings
) -> list[Checkpoint]:
    """Give the checkpoints that may be compared: signed by the key, or all where none was given."""
    genuine = []
    for checkpoint in checkpoints:
        if checkpoint is None:
            findings.add(FlawCode.BAD_SIGNATURE, None, "a line is no checkpoint")
        elif public_key is not None and checkpoint.key != key_id_of(public_key):
            findings.add(FlawCode.UNKNOWN_KEY, checkpoint.size, f"signed by key {checkpoint.key}")
        elif public_key is not None and not is_genuine(checkpoint, public_key):
            findings.add(FlawCode.BAD_SIGNATURE, checkpoint.size, "the signature of its checkpoint is false")
        else:
            genuine.append(checkpoint)
    return genuine


def _by_epoch(checkpoints: Iterable[Checkpoint]) -> dict[int, dict[int, list[Checkpoint]]]:
    found: dict[int, dict[int, list[Checkpoint]]] = defaultdict(dict)
    for checkpoint in checkpoints:
        found[checkpoint.epoch].setdefault(checkpoint.size, []).append(checkpoint)
    return found


def _compare_sizes(walk: Walk, trusted: list[Checkpoint], since: Checkpoint | None, findings: Findings) -> None:
    """Judge the checkpoints whose entry was not met on the way."""
    met = {id(checkpoint) for checkpoint in walk.met}
    for checkpoint in trusted:
        if id(checkpoint) in met:
            continue
        if checkpoint.size > walk.size:
            code = FlawCode.ROLLED_BACK if checkpoint is since else FlawCode.CUT_TAIL
            findings.add(code, walk.size + 1, f"a checkpoint was signed over {checkpoint.size} entries")
        elif checkpoint.size >= walk.first:
            if not findings.codes - WARNINGS - UNCHECKED:
                findings.add(FlawCode.REWRITTEN, checkpoint.size, "a checkpoint was signed over another epoch")
        elif checkpoint.size == walk.first - 1 and checkpoint.head != walk.start:
            findings.add(FlawCode.REWRITTEN, checkpoint.size, "the first entry does not go on from its checkpoint")
        elif checkpoint is since and checkpoint.size < walk.first - 1:
            findings.add(FlawCode.TOO_OLD, checkpoint.size)
