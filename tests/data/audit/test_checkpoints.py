"""Checkpoints say what the log was, keys are made once and guarded, one entry is proved without the others (CR-22)."""

import base64
import hashlib
import io
import json
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from data.audit.checkpoint import (
    DOMAIN,
    Checkpoint,
    checkpoint_line,
    checkpoint_of,
    find_checkpoint,
    is_genuine,
    read_checkpoint_file,
    sign_checkpoint,
    signed_bytes,
)
from data.audit.export import MANIFEST, export
from data.audit.keys import Ed25519FileSigner, key_id_of, public_pem, read_public, signature_holds
from data.audit.log import AuditLog
from data.audit.report import Verdict
from data.audit.verify import check_proof, prove, verify
from data.errors import StateError
from data.retention.merkle import merkle_root
from tests.data.audit.making import Installation

# -- when and what ----------------------------------------------------------------------------------------------------


def test_a_checkpoint_says_what_the_log_is(installation: Installation) -> None:
    """Size, head and Merkle root are those of the lines on the disk, and the signature is over all fields."""
    log = installation.open()
    log.append_many([])
    for number in range(5):
        log.append("purge.result", data={"unit": number})
    made = log.checkpoint()
    hashes = [hashlib.sha256(line[:-1]).digest() for line in installation.lines()]
    assert (made.size, made.first, made.epoch, made.origin) == (6, 1, 2026, log.entries().__next__().data["origin"])
    assert (made.head, made.root) == (hashes[-1].hex(), merkle_root(hashes).hex())
    assert made.key == installation.signer.key_id == hashlib.sha256(installation.signer.public).hexdigest()[:16]
    fields = json.loads(checkpoint_line(made))
    signature = base64.b64decode(fields.pop("signature"))
    message = DOMAIN + json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    Ed25519PublicKey.from_public_bytes(installation.signer.public).verify(signature, message)
    assert message == signed_bytes(made)
    assert checkpoint_of(installation.checkpoints.read_bytes().splitlines()[-1]) == made
    log.close()


def test_a_checkpoint_comes_at_the_first_entry_and_every_hundred(installation: Installation) -> None:
    """A log signs itself at its beginning and whenever 100 entries are unsealed; `unsealed` counts them."""
    log = installation.open()
    unsealed = []
    for _ in range(205):
        log.append("tick.tock")
        unsealed.append(log.unsealed)
    assert [json.loads(line)["size"] for line in installation.checkpoints.read_bytes().splitlines()] == [1, 101, 201]
    assert (max(unsealed), log.unsealed) == (99, 5)
    log.append_many([])
    assert log.checkpoint().size == 206
    log.close()


def test_nothing_new_is_not_signed_again(installation: Installation) -> None:
    """A checkpoint asked for twice is the same one, after a restart too; an entry makes a new one."""
    log = installation.open()
    log.append("purge.intent")
    first = log.checkpoint()
    assert log.checkpoint() == first
    log.close()
    log = installation.open()
    assert log.checkpoint() == first
    log.append("purge.result")
    assert log.checkpoint().size == first.size + 1
    log.close()
    assert len(installation.checkpoints.read_bytes().splitlines()) == 3


def test_without_a_key_entries_are_recorded_but_nothing_is_signed(installation: Installation) -> None:
    """A log without a signer takes entries; it says that it has no key, and no verdict calls it whole."""
    log = installation.open(signed=False)
    for _ in range(101):
        log.append("tick.tock")
    with pytest.raises(StateError, match="no key"):
        log.checkpoint()
    assert log.unsealed == log.size == 102
    log.close()
    assert installation.verify().verdict is Verdict.NOT_CHECKABLE
    log = installation.open()
    log.close()
    assert installation.verify().verdict is Verdict.INTACT, "a key that comes later vouches for what is there"


class FailingSigner:
    """A key that is out of reach for a while."""

    def __init__(self, key: Ed25519FileSigner) -> None:
        self._key = key
        self.key_id, self.public = key.key_id, key.public
        self.reachable = False

    def sign(self, message: bytes) -> bytes:
        """Sign, if the key can be reached."""
        if not self.reachable:
            raise StateError("the key cannot be reached")
        return self._key.sign(message)


def test_cr12_a_key_out_of_reach_stops_no_record(installation: Installation) -> None:
    """CR-12: entries are recorded while nothing can be signed; the next checkpoint covers all of them."""
    signer = FailingSigner(installation.signer)
    log = AuditLog(installation.folder, clock=installation.clock, signer=signer)
    for _ in range(120):
        log.append("tick.tock")
    with pytest.raises(StateError, match="cannot be reached"):
        log.checkpoint()
    assert log.unsealed == 121
    assert installation.checkpoints.read_bytes() == b""
    signer.reachable = True
    log.append("tick.tock")
    assert log.unsealed == 0
    signer.reachable = False
    for _ in range(100):
        log.append("tick.tock")
    assert log.unsealed == 100
    log.close()
    log = installation.open()
    assert log.unsealed == 0, "what is due is made up for at the next start"
    log.close()
    assert installation.verify().verdict is Verdict.INTACT


def test_cr12_a_torn_checkpoint_is_cut_off(installation: Installation) -> None:
    """CR-12: half a checkpoint that a crash left is cut off at the next start, and the next one is whole."""
    installation.fill(3)
    whole = installation.checkpoints.read_bytes()
    for torn in (whole.splitlines()[-1], b"{", whole[:-40]):
        installation.checkpoints.write_bytes(torn if torn == whole[:-40] else whole + torn)
        log = installation.open()
        log.append("tick.tock")
        log.checkpoint()
        log.close()
        assert installation.verify().verdict is Verdict.INTACT
        assert all(checkpoint_of(line) for line in installation.checkpoints.read_bytes().splitlines())
        whole = installation.checkpoints.read_bytes()


def test_a_new_key_goes_on_with_the_log_of_the_old_one(installation: Installation) -> None:
    """After a change of keys the log is opened and signed; with the new key alone the old ones stay unchecked."""
    installation.fill(3)
    (installation.state / "keys").rename(installation.state / "old-keys")
    installation.fill(3)
    assert installation.verify().verdict is Verdict.NOT_CHECKABLE
    sizes = [checkpoint_of(line).size for line in installation.checkpoints.read_bytes().splitlines()]
    assert sizes == [1, 4, 7]


def test_checkpoints_of_another_log_are_refused(installation: Installation, tmp_path: Path) -> None:
    """A log beside which the checkpoints of another one lie is not opened; without them it is."""
    other = Installation(state=tmp_path / "other")
    other.fill(1)
    log = installation.open(signed=False)
    log.append("tick.tock")
    installation.clock.advance(366 * 86_400)
    log.append("tick.tock")
    log.close()
    installation.checkpoints.write_bytes(other.checkpoints.read_bytes())
    with pytest.raises(StateError, match="different logs"):
        installation.open(signed=False)
    installation.checkpoints.unlink()
    installation.open(signed=False).close()


def test_a_new_epoch_is_signed_at_its_first_entry(installation: Installation) -> None:
    """The turn of the year closes one epoch with a checkpoint and opens the next with one."""
    log = installation.open()
    log.append("tick.tock")
    installation.clock.advance(366 * 86_400)
    log.append("tick.tock")
    log.close()
    found = [json.loads(line) for line in installation.checkpoints.read_bytes().splitlines()]
    assert [(one["epoch"], one["first"], one["size"]) for one in found] == [(2026, 1, 1), (2026, 1, 2), (2027, 3, 3)]


# -- reading one ------------------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "origin": "0123456789abcdef",
    "epoch": 2026,
    "first": 1,
    "size": 7,
    "head": "a" * 64,
    "root": "b" * 64,
    "at": "2026-11-24T12:00:00Z",
    "key": "0123456789abcdef",
    "signature": "AAAA",
}


@pytest.mark.parametrize(
    "change",
    [
        {"size": 0},
        {"size": "7"},
        {"size": True},
        {"size": 7.0},
        {"size": 1 << 63},
        {"first": 8},
        {"epoch": None},
        {"head": "A" * 64},
        {"head": "a" * 63},
        {"head": "0" * 64},
        {"root": 1},
        {"key": ""},
        {"origin": "x"},
        {"at": "yesterday"},
        {"at": "2026-11-24T12:00:00"},
        {"signature": None},
        {"more": 1},
    ],
    ids=str,
)
def test_what_no_checkpoint_can_be_is_refused(change: dict[str, Any]) -> None:
    """A field of another type or form, missing or more is refused; the same value without the change is read."""
    assert checkpoint_of(json.dumps(GOOD).encode()).size == 7
    with pytest.raises(ValueError, match=r".+"):
        checkpoint_of(json.dumps({**GOOD, **change}).encode())
    name = next(iter(change))
    if name in GOOD:
        with pytest.raises(ValueError, match="no checkpoint"):
            checkpoint_of(json.dumps({key: value for key, value in GOOD.items() if key != name}).encode())


def test_a_checkpoint_is_found_in_what_the_dpo_kept(installation: Installation, tmp_path: Path) -> None:
    """The last checkpoint of a mail, a chat or the file itself is found; a text without one is refused."""
    installation.fill(3)
    lines = installation.checkpoints.read_text().splitlines()
    wanted = checkpoint_of(lines[-1].encode())
    for text in (lines[-1], "\n".join(lines), f"Hello\r\n> {lines[0]}\r\n  {lines[-1]}  \r\n-- \r\nbye"):
        assert find_checkpoint(text) == wanted
    kept = tmp_path / "kept.txt"
    kept.write_text(f"as of today:\n{lines[-1]}\n")
    assert read_checkpoint_file(kept) == wanted
    for text in ("", "nothing", "} {", "{}"):
        with pytest.raises(ValueError, match="no checkpoint"):
            find_checkpoint(text)


@given(st.data())
def test_a_signature_holds_for_nothing_else(data: st.DataObject) -> None:
    """Whatever field of a checkpoint is changed, the signature is false; unchanged it is true."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signer = PlainSigner(key)
    fields = {name: GOOD[name] for name in ("origin", "epoch", "first", "size", "head", "root")}
    made = sign_checkpoint(signer, **fields, at=7_000_000)
    assert is_genuine(made, signer.public)
    signer.key_id = "f" * 16
    assert not is_genuine(sign_checkpoint(signer, **fields, at=7_000_000), signer.public), "a key under a false name"
    name = data.draw(st.sampled_from(["epoch", "first", "size", "at", "origin", "head", "root", "key", "signature"]))
    old = getattr(made, name)
    new = data.draw(st.integers(1, 10**9) if isinstance(old, int) else st.text("0123456789abcdef+/", max_size=90))
    values = {field: getattr(made, field) for field in Checkpoint.__slots__}
    changed = Checkpoint(**{**values, name: new})
    assert is_genuine(changed, signer.public) is (new == old)


class PlainSigner:
    """A key in memory."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = key_id_of(self.public)

    def sign(self, message: bytes) -> bytes:
        """Sign."""
        return self._key.sign(message)


# -- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_is_made_once(tmp_path: Path) -> None:
    """The first use makes a key that only the owner may read; every later one finds the same."""
    folder = tmp_path / "state" / "keys"
    signer = Ed25519FileSigner(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["audit.key", "audit.pub"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert b"PRIVATE KEY" in (folder / "audit.key").read_bytes()
    again = Ed25519FileSigner(folder)
    assert (again.public, again.key_id) == (signer.public, signer.key_id)
    assert read_public(folder) == read_public(folder / "audit.pub") == signer.public
    assert public_pem(signer.public) == (folder / "audit.pub").read_bytes()
    assert signature_holds(signer.public, again.sign(b"x"), b"x")
    assert not signature_holds(signer.public, again.sign(b"x"), b"y")
    assert not signature_holds(b"short", again.sign(b"x"), b"x")


def test_a_key_is_made_once_by_several_at_the_same_time(tmp_path: Path) -> None:
    """However many begin at the same moment, they all sign with the one key that is kept."""
    for number in range(5):
        folder, start = tmp_path / str(number), threading.Barrier(6)
        made: list[bytes] = []

        def begin(folder: Path = folder, start: threading.Barrier = start, made: list[bytes] = made) -> None:
            start.wait()
            made.append(Ed25519FileSigner(folder).public)

        threads = [threading.Thread(target=begin) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [read_public(folder)] * 6
        assert sorted(path.name for path in folder.iterdir()) == ["audit.key", "audit.pub"]


def test_a_missing_public_half_is_written_again(tmp_path: Path) -> None:
    """A crash between the two files leaves the private key; the public one is made from it."""
    signer = Ed25519FileSigner(tmp_path)
    (tmp_path / "audit.pub").unlink()
    assert Ed25519FileSigner(tmp_path).public == read_public(tmp_path) == signer.public


def test_a_lost_private_key_is_not_replaced_silently(tmp_path: Path) -> None:
    """A private key that is gone while its public half is there is an error, never a new key."""
    Ed25519FileSigner(tmp_path)
    (tmp_path / "audit.key").unlink()
    with pytest.raises(StateError, match="the private key is gone"):
        Ed25519FileSigner(tmp_path)
    assert not (tmp_path / "audit.key").exists()


def test_a_key_others_may_read_is_refused(tmp_path: Path) -> None:
    """A private key with rights for group or others is not used until they are taken away."""
    Ed25519FileSigner(tmp_path)
    for mode in (0o640, 0o604, 0o620):
        (tmp_path / "audit.key").chmod(mode)
        with pytest.raises(StateError, match="others may read it"):
            Ed25519FileSigner(tmp_path)
    (tmp_path / "audit.key").chmod(0o600)
    Ed25519FileSigner(tmp_path)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    """An empty, damaged, foreign or linked key file is refused, and stays as it was."""
    Ed25519FileSigner(tmp_path)
    other = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "audit.key"
    good = path.read_bytes()
    for content in (b"", b"garbage", good[:60], other):
        path.write_bytes(content)
        with pytest.raises(StateError, match=r"audit\.key"):
            Ed25519FileSigner(tmp_path)
        assert path.read_bytes() == content
    path.unlink()
    (tmp_path / "real.key").write_bytes(good)
    path.symlink_to(tmp_path / "real.key")
    with pytest.raises(StateError, match="cannot be used"):
        Ed25519FileSigner(tmp_path)


def test_halves_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    """A public key file of another key is refused, and so is one that is none."""
    Ed25519FileSigner(tmp_path / "a")
    Ed25519FileSigner(tmp_path / "b")
    (tmp_path / "a" / "audit.pub").write_bytes((tmp_path / "b" / "audit.pub").read_bytes())
    with pytest.raises(StateError, match="not the public half"):
        Ed25519FileSigner(tmp_path / "a")
    other = X25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for content, reason in ((b"x", "no public key"), (other, "not an Ed25519 key")):
        (tmp_path / "b" / "audit.pub").write_bytes(content)
        with pytest.raises(StateError, match=reason):
            read_public(tmp_path / "b")
    with pytest.raises(StateError, match="no public key"):
        read_public(tmp_path / "none.pub")


# -- proofs -----------------------------------------------------------------------------------------------------------


def test_cr22_one_entry_is_proved_without_the_others(installation: Installation) -> None:
    """CR-22: every entry of a log can be proved offline with the public key alone, and the proof shows no other."""
    installation.fill(12)
    installation.clock.advance(366 * 86_400)
    installation.fill(5)
    public = installation.signer.public
    for entry in installation.entries():
        proof = json.loads(json.dumps(prove(installation.folder, entry.seq)))
        assert check_proof(proof, public)
        assert json.dumps(proof).count("purge.result") == (1 if entry.kind == "purge.result" else 0)
        assert not check_proof(proof, bytes(32))
    for seq in (0, -1, 99):
        with pytest.raises(StateError, match="no checkpoint vouches"):
            prove(installation.folder, seq)


def test_cr22_a_forged_proof_fails(installation: Installation) -> None:
    """CR-22: another line, number, path or checkpoint makes a proof worthless; nonsense is no proof and no error."""
    installation.fill(12)
    public = installation.signer.public
    proof = prove(installation.folder, 7)
    assert check_proof(proof, public)
    other = prove(installation.folder, 8)
    path = proof["path"]
    checkpoint = json.loads(proof["checkpoint"])
    forged: list[object] = [
        {**proof, "line": proof["line"].replace("deleted", "skipped")},
        {**proof, "line": other["line"]},
        {**proof, "line": other["line"], "seq": 8},
        {**proof, "seq": 8},
        {**proof, "path": other["path"]},
        {**proof, "path": path[:-1]},
        {**proof, "path": [*path, path[0]]},
        {**proof, "path": path[::-1]},
        {**proof, "checkpoint": json.dumps({**checkpoint, "root": "0" * 64})},
        {**proof, "checkpoint": json.dumps({**checkpoint, "size": 14})},
        {**proof, "path": ["zz"]},
        {**proof, "path": None},
        {**proof, "path": [1]},
        {**proof, "line": None},
        {**proof, "line": "{}"},
        {**proof, "seq": True},
        {**proof, "checkpoint": {}},
        {**proof, "more": 1},
        {},
        [],
        None,
    ]
    assert [value for value in forged if check_proof(value, public)] == []


def test_a_log_that_was_tampered_with_gives_no_proof(installation: Installation) -> None:
    """From a log that contradicts its checkpoint nothing is proved; from the whole one it is."""
    installation.fill(12)
    whole = installation.epoch.read_bytes()
    for content in (whole.replace(b'"unit":3', b'"unit":4'), whole[: len(whole) // 2], b""):
        installation.epoch.write_bytes(content)
        with pytest.raises(StateError, match="does not agree"):
            prove(installation.folder, 3)
    installation.epoch.write_bytes(whole)
    assert check_proof(prove(installation.folder, 3), installation.signer.public)
    installation.epoch.unlink()
    with pytest.raises(StateError, match="cannot be read"):
        prove(installation.folder, 3)


# -- export -----------------------------------------------------------------------------------------------------------


def test_an_export_can_be_verified_elsewhere(installation: Installation, tmp_path: Path) -> None:
    """The zip holds epochs, checkpoints, key, texts and a manifest of hashes, and unpacked it verifies."""
    installation.fill(12)
    installation.clock.advance(366 * 86_400)
    installation.fill(3)
    out = io.BytesIO()
    texts = {"LIESMICH.txt": "Prüfen mit …", "README.txt": "Verify with …"}
    digest = export(installation.folder, out, public_key=installation.signer.public, texts=texts)
    packed = zipfile.ZipFile(out)
    assert packed.testzip() is None
    names = set(packed.namelist())
    assert names == {*texts, "audit.pub", "audit-2026.jsonl", "audit-2027.jsonl", "checkpoints.jsonl", MANIFEST}
    manifest = packed.read(MANIFEST)
    assert hashlib.sha256(manifest).hexdigest() == digest
    listed = json.loads(manifest)["files"]
    assert set(listed) == names - {MANIFEST}
    for name, said in listed.items():
        content = packed.read(name)
        assert said == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert packed.read("LIESMICH.txt").decode() == texts["LIESMICH.txt"]
    packed.extractall(tmp_path / "elsewhere")
    public = read_public(tmp_path / "elsewhere" / "audit.pub")
    report = verify(tmp_path / "elsewhere", public_key=public)
    assert (report.verdict, report.size, report.head) == (Verdict.INTACT, 17, installation.verify().head)


def test_the_same_log_gives_the_same_export(installation: Installation) -> None:
    """Two exports of one log are the same bytes, whatever the files' times; one more entry makes another."""
    installation.fill(5)

    def packed() -> bytes:
        out = io.BytesIO()
        export(installation.folder, out, public_key=installation.signer.public, texts={"README.txt": "x"})
        return out.getvalue()

    first = packed()
    os.utime(installation.epoch, (1, 1))
    assert packed() == first
    installation.fill(1)
    assert packed() != first


def test_an_export_holds_no_half_line(installation: Installation) -> None:
    """What a crash or a running writer has not finished is left out of the export."""
    installation.fill(5)
    whole, sealed = installation.epoch.read_bytes(), installation.checkpoints.read_bytes()
    installation.epoch.write_bytes(whole + b'{"actor":')
    installation.checkpoints.write_bytes(sealed + b"{")
    out = io.BytesIO()
    export(installation.folder, out, public_key=None, texts={})
    packed = zipfile.ZipFile(out)
    assert set(packed.namelist()) == {"audit-2026.jsonl", "checkpoints.jsonl", MANIFEST}
    assert (packed.read("audit-2026.jsonl"), packed.read("checkpoints.jsonl")) == (whole, sealed)


def test_without_a_log_there_is_no_export(installation: Installation) -> None:
    """A folder without a log, or with a link in its place, cannot be exported; with one it can."""
    with pytest.raises(StateError, match="there is no audit log"):
        export(installation.folder, io.BytesIO(), public_key=None, texts={})
    installation.fill(2)
    assert export(installation.folder, io.BytesIO(), public_key=None, texts={})
    (installation.folder / "audit-2027.jsonl").write_bytes(b"x" * (3 << 20))
    out = io.BytesIO()
    export(installation.folder, out, public_key=None, texts={})
    assert zipfile.ZipFile(out).read("audit-2027.jsonl") == b"", "no whole line in it"
    (installation.folder / "audit-2027.jsonl").unlink()
    path = installation.epoch
    path.symlink_to(path.rename(installation.state / "elsewhere.jsonl"))
    with pytest.raises(StateError, match="cannot be read"):
        export(installation.folder, io.BytesIO(), public_key=None, texts={})
