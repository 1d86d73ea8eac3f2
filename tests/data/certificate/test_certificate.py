"""Certificates: issued only for what was proved, signed to the last byte, and without a word about a person."""

import base64
import itertools
import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.audit.keys import signature_holds
from data.certificate.files import write_documents
from data.certificate.guard import plain
from data.certificate.mapping import DIN_EN_ISO_IEC_27555, NIST_SP_800_88
from data.certificate.model import (
    CERTIFICATE_SCHEMA,
    REPORT_SCHEMA,
    Amount,
    Certificate,
    Checked,
    Doubt,
    Facts,
    Report,
    residue_of,
)
from data.certificate.signing import Trust, check, check_file, opened, sign_file
from data.errors import StateError
from data.labels import Lang
from data.retention.canonical import canonical
from data.retention.instants import DAY, iso
from data.retention.residue import DONE, RESPECTED, Code
from data.retention.verdict import Level, Verdict, Verification, judge
from tests.data.certificate.purges import (
    ENDED,
    GOOD,
    ISSUED,
    PREVIOUS,
    SIGNER,
    VERIFIED,
    FixedSigner,
    facts,
    issued,
    seen,
)

GOOD_VERDICTS = {Verdict.PASS, Verdict.PENDING}
CERTIFICATE = issued()

# -- what gets a certificate ------------------------------------------------------------------------------------------


def test_a_proved_purge_gets_a_certificate() -> None:
    """The good purge is certified, with its schema, its verdict and the digest of the document before."""
    body = CERTIFICATE.body
    assert (CERTIFICATE.kind, body["schema"], body["verdict"]) == ("certificate", CERTIFICATE_SCHEMA, "PASS")
    assert body["provisional"] is False
    assert body["previous"] == PREVIOUS
    assert body["issued"] == iso(ISSUED)
    assert body["id"].startswith("certificate-20261124-")


def test_a_date_ahead_makes_it_provisional() -> None:
    """PENDING gives a certificate that says that it is provisional."""
    document = issued(facts(next_level_at=ENDED + 7 * DAY), Verdict.PENDING)
    assert (document.kind, document.body["verdict"], document.body["provisional"]) == ("certificate", "PENDING", True)


@pytest.mark.parametrize(
    ("changed", "doubt", "verdict"),
    [
        ({"checked": None}, Doubt.NOT_VERIFIED, Verdict.UNKNOWN),
        ({"checked": seen(looked=False)}, Doubt.NOT_VERIFIED, Verdict.UNKNOWN),
        ({"checked": replace(VERIFIED, control_seen=False)}, Doubt.NO_CONTROL, Verdict.UNKNOWN),
        ({"checked": replace(VERIFIED, at=ENDED - 1)}, Doubt.LOOKED_EARLY, Verdict.UNKNOWN),
        ({"checked": replace(VERIFIED, sample=1215)}, Doubt.NOT_ALL_LOOKED_AT, Verdict.UNKNOWN),
        ({"checked": replace(VERIFIED, full=False, sample=0)}, Doubt.NOT_ALL_LOOKED_AT, Verdict.UNKNOWN),
        ({"rewritten_units": 11}, Doubt.COUNTS, Verdict.UNKNOWN),
        ({"residue": {Code.HELD: 23}}, Doubt.COUNTS, Verdict.UNKNOWN),
        ({"residue": {Code.HELD: 23, Code.ABSENT: 1}}, Doubt.COUNTS, Verdict.UNKNOWN),
        ({"selected": Amount(units=1240, records=4_809_976, bytes=2_913_444_120)}, Doubt.COUNTS, Verdict.UNKNOWN),
        ({"level": Level.HIDDEN}, Doubt.LEVEL, Verdict.UNKNOWN),
        ({"checked": seen(still_there=1)}, Doubt.STILL_THERE, Verdict.FAIL),
        ({"checked": seen(old_left=1)}, Doubt.OLD_LEFT, Verdict.FAIL),
        ({"checked": seen(controls_lost=1)}, Doubt.YOUNG_LOST, Verdict.FAIL),
        ({"checked": seen(wrongly_rewritten=1)}, Doubt.YOUNG_LOST, Verdict.FAIL),
        ({"checked": seen(unresolved=1)}, Doubt.UNRESOLVED, Verdict.FAIL),
        ({"youngest_deleted": GOOD.cutoff}, Doubt.TOO_YOUNG, Verdict.FAIL),
        ({"checked": replace(VERIFIED, verdict=Verdict.UNKNOWN)}, Doubt.VERDICT, Verdict.UNKNOWN),
    ],
)
def test_one_thing_amiss_gives_a_report(changed: dict[str, Any], doubt: Doubt, verdict: Verdict) -> None:
    """Whatever the caller claims, facts that prove nothing or something bad give a report that says why."""
    document = issued(facts(**changed), Verdict.PASS)
    assert (document.kind, document.body["schema"], document.body["verdict"]) == ("report", REPORT_SCHEMA, verdict)
    assert document.body["doubts"] == [doubt]
    assert document.id.startswith("report-")


@pytest.mark.parametrize(
    "harmless",
    [
        {"youngest_deleted": GOOD.cutoff - 1},
        {"checked": replace(VERIFIED, at=ENDED)},
        {"checked": replace(VERIFIED, full=False, sample=1)},
        {"checked": replace(VERIFIED, control_seen=False), "kept": Amount()},
        {"checked": seen(late=9)},
        {"level": Level.RELEASED},
        {"set_aside": {Code.HELD: 1_000}},
    ],
)
def test_the_edge_of_each_rule_is_certified(harmless: dict[str, Any]) -> None:
    """What lies just on the right side of each of these rules still gets a certificate."""
    assert issued(facts(**harmless)).kind == "certificate"


@pytest.mark.parametrize("changed", [{"next_level_at": None}, {"level": Level.REQUESTED}])
def test_a_provisional_one_needs_a_date_and_a_level(changed: dict[str, Any]) -> None:
    """PENDING without the date of the next level, or with nothing reached, is a report."""
    waiting = {"next_level_at": ENDED + DAY, "level": Level.HIDDEN}
    assert issued(facts(**waiting), Verdict.PENDING).kind == "certificate"
    document = issued(facts(**{**waiting, **changed}), Verdict.PENDING)
    assert (document.kind, document.body["doubts"]) == ("report", [Doubt.LEVEL])


def test_a_delay_of_the_engine_makes_it_provisional_whatever_is_claimed() -> None:
    """If the engine still has to release the storage, a claimed PASS becomes PENDING, and then needs its date."""
    delayed = {"checked": seen(physical_delay=1)}
    dated = issued(facts(**delayed, next_level_at=ENDED + DAY))
    assert (dated.kind, dated.body["verdict"], dated.body["provisional"]) == ("certificate", "PENDING", True)
    undated = issued(facts(**delayed))
    assert (undated.kind, undated.body["doubts"]) == ("report", [Doubt.LEVEL])


small = st.integers(min_value=0, max_value=2)
verifications = st.builds(
    Verification,
    looked=st.booleans(),
    still_there=small,
    old_left=small,
    late=small,
    wrongly_rewritten=small,
    controls=small,
    controls_lost=small,
    unresolved=small,
    physical_delay=small,
)
checks = st.none() | st.builds(
    Checked,
    found=verifications,
    verdict=st.sampled_from(Verdict),
    look=st.just(VERIFIED.look),
    full=st.booleans(),
    sample=st.sampled_from([0, 1215, 1216]),
    control_seen=st.booleans(),
    at=st.sampled_from([ENDED - 1, ENDED, ENDED + 1]),
)


@given(
    claimed=st.sampled_from(Verdict),
    checked=checks,
    level=st.sampled_from(Level),
    date=st.sampled_from([None, ENDED + DAY]),
    youngest=st.sampled_from([None, GOOD.cutoff - 1, GOOD.cutoff, GOOD.cutoff + 1]),
    units=st.sampled_from([1203, 1204]),
)
def test_failed_and_unknown_never_give_a_certificate(
    claimed: Verdict, checked: Checked | None, level: Level, date: int | None, youngest: int | None, units: int
) -> None:
    """Over all verdicts and states: a certificate means that everybody said PASS or PENDING and all of it is shown."""
    found = facts(
        checked=checked,
        level=level,
        next_level_at=date,
        youngest_deleted=youngest,
        deleted=replace(GOOD.deleted, units=units),
    )
    document = issued(found, claimed)
    said = {claimed} | ({checked.verdict, judge(checked.found)} if checked else {Verdict.UNKNOWN})
    if document.kind == "certificate":
        assert said <= GOOD_VERDICTS
        assert checked is not None
        assert checked.found.looked
        assert checked.control_seen
        assert checked.at >= ENDED
        assert checked.sample >= (1216 if checked.full else 1)
        assert units == 1204
        assert youngest is None or youngest < GOOD.cutoff
        assert level is not Level.REQUESTED
        assert document.body["provisional"] is (said != {Verdict.PASS})
        assert date is not None or said == {Verdict.PASS}
    else:
        assert Verdict(document.body["verdict"]) not in GOOD_VERDICTS
        assert document.body["doubts"]
    if Verdict.FAIL in said:
        assert document.body["verdict"] == "FAIL", "a failure stays one, whatever else is unknown"


@pytest.mark.parametrize(("claimed", "verified"), list(itertools.product(Verdict, repeat=2)))
def test_the_worst_word_counts(claimed: Verdict, verified: Verdict) -> None:
    """UNKNOWN never becomes PASS and FAIL never becomes UNKNOWN, whoever says it."""
    found = facts(checked=replace(VERIFIED, verdict=verified), next_level_at=ENDED + DAY)
    order = [Verdict.PASS, Verdict.PENDING, Verdict.UNKNOWN, Verdict.FAIL]
    worst = max(claimed, verified, key=order.index)
    document = issued(found, claimed)
    assert document.body["verdict"] == worst
    assert document.kind == ("certificate" if worst in GOOD_VERDICTS else "report")


def test_a_certificate_cannot_even_be_built_from_a_failure() -> None:
    """Past the issuing too: the document's own class refuses what proves nothing; the good one it takes."""
    assert Certificate(issued=ISSUED, verdict=Verdict.PASS, provisional=False, purge=GOOD)
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN):
        with pytest.raises(ValueError, match="verification that passed"):
            Certificate(issued=ISSUED, verdict=verdict, provisional=False, purge=GOOD)
    with pytest.raises(ValueError, match="verification that passed"):
        Certificate(issued=ISSUED, verdict=Verdict.PASS, provisional=False, purge=facts(checked=None))
    with pytest.raises(ValueError, match="verification that passed"):
        Certificate(issued=ISSUED, verdict=Verdict.PENDING, provisional=False, purge=GOOD)
    with pytest.raises(ValueError, match="nobody knows"):
        Report(issued=ISSUED, verdict=Verdict.PASS, doubts=(), purge=GOOD)


@given(
    done=st.dictionaries(st.sampled_from(Code), st.integers(1, 50)),
    aside=st.dictionaries(st.sampled_from(sorted(RESPECTED)), st.integers(1, 50)),
)
def test_residue_is_what_was_selected_and_stays(done: dict[Code, int], aside: dict[Code, int]) -> None:
    """What the preview set aside is not counted as selected, and what is done is no residue."""
    both = {code.value: done.get(code, 0) + aside.get(code, 0) for code in {*done, *aside}}
    assert residue_of(both, aside) == {code: count for code, count in done.items() if code not in DONE}


# -- no word about a person -------------------------------------------------------------------------------------------

PERSONAL = [
    "max.mustermann@example.com",
    "Max Mustermann",
    "max.mustermann",
    "10.20.30.40",
    "2001:db8::8a2e:370:7334",
    "aa:bb:cc:dd:ee:ff",
    "/var/log/procall/app.log",
    "C:\\Users\\max\\app.log",
    "\\\\server\\share",
    "00000000-0000-4000-8000-0000000000a1@tenant",
    "eyJhbGciOiJIUzI1NiJ9.e30.abc",
    "ghp_0123456789abcdefghij",
    "2026-11-24 18:00:00 [ERR] login failed",
    "tab\there",
    "line\nbreak",
    "\u202eevil",
    "x" * 200,
]


def texts_of(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Walk to every filled text of the model that is no word of an enumeration."""
    if is_dataclass(value):
        for field in fields(value):
            yield from texts_of(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from texts_of(item, (*path, place))
    elif type(value) is str and value:
        yield path


def planted(value: Any, path: tuple[str | int, ...], text: str) -> Any:
    """Put a text at one place of the model."""
    if not path:
        return text
    first, *rest = path
    if isinstance(value, tuple):
        items = list(value)
        items[int(first)] = planted(items[int(first)], tuple(rest), text)
        return tuple(items)
    return replace(value, **{str(first): planted(getattr(value, str(first)), tuple(rest), text)})


PLACES = list(texts_of(GOOD))


def named(path: tuple[str | int, ...]) -> str:
    """Write a place for people."""
    return ".".join(map(str, path))


def test_every_text_of_the_model_is_reached() -> None:
    """The walk below finds texts at all depths, and the unchanged facts are accepted: the positive control."""
    found = {named(path) for path in PLACES}
    assert {"request", "issuer", "rule.digest", "sources.0.id", "people.1.pseudonym", "holds.0", "audit.head"} <= found
    assert len(found) > 25
    assert plain(GOOD)


@pytest.mark.parametrize("path", PLACES, ids=named)
def test_planted_personal_data_is_refused(path: tuple[str | int, ...]) -> None:
    """Names, addresses, paths, secrets and log text are refused in every text field, and the refusal repeats none."""
    names = ("Max Mustermann", "max.mustermann", "x" * 200)
    for text in PERSONAL:
        if path == ("issuer",) and text in names[:2]:
            continue  # an organisation may be called after a person
        with pytest.raises(ValueError, match=r"not a plain|looks like|nobody has said") as refused:
            issued(planted(GOOD, path, text))
        assert text not in str(refused.value)


@pytest.mark.parametrize("path", [path for path in PLACES if path != ("issuer",)], ids=named)
@settings(max_examples=25)
@given(text=st.text(min_size=1, max_size=30))
def test_only_plain_letters_get_in(path: tuple[str | int, ...], text: str) -> None:
    """Outside the issuer's name nothing but lower-case letters, digits and four marks can stand in a document."""
    assume(not set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.:+-"))
    with pytest.raises(ValueError, match="not a plain"):
        issued(planted(GOOD, path, text))


@pytest.mark.parametrize("word", ["mustermann", "MUSTERMANN", "0000-a1"])
def test_what_is_known_of_people_is_refused_by_word(word: str) -> None:
    """A known name or id in a plain id is refused; the same id passes where nobody of that name is known."""
    found = facts(holds=(f"hold-{word.casefold()}-2",))
    assert issued(found, known=["muster", "ann"])
    with pytest.raises(ValueError, match=r"holds\[0\]: holds the name"):
        issued(found, known=["erika", word])


@pytest.mark.parametrize("issuer", ["", "estos GmbH", "Bäckerei Öztürk & Söhne KG", "Muster A/S", "Łódź Sp. z o.o."])
def test_organisations_may_be_named(issuer: str) -> None:
    """The issuer is free text within reason: the guard does not refuse what companies are called."""
    assert issued(facts(issuer=issuer)).body["purge"]["issuer"] == issuer


def test_a_text_that_nobody_gave_a_form_is_refused() -> None:
    """Whoever adds a text field must say what it may look like; with a form the same value passes."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Careless:
        note: str

    with pytest.raises(ValueError, match="nobody has said"):
        plain(Careless(note="abc"))
    assert plain(GOOD.audit) == {"first": 1012, "last": 1099, "head": "ef" * 32}


def test_numbers_stay_whole_and_readable() -> None:
    """No float can get in, and no integer that JSON readers would round."""
    assert issued(facts(selected=replace(GOOD.selected, bytes=2**53 - 1)))
    with pytest.raises(ValueError, match="too large"):
        issued(facts(selected=replace(GOOD.selected, bytes=2**53)))
    with pytest.raises(TypeError, match="not a part of the model"):
        issued(facts(selected=replace(GOOD.selected, bytes=1.5)))  # type: ignore[arg-type]


def test_a_previous_digest_is_a_digest() -> None:
    """The link to the document before is 64 hexadecimal digits or nothing."""
    assert issued(previous="").body["previous"] == ""
    with pytest.raises(ValueError, match="previous: not a plain digest"):
        issued(previous="max.mustermann")


# -- signed to the last byte ------------------------------------------------------------------------------------------


def test_an_intact_document_checks_with_the_public_key_only() -> None:
    """The bytes and the key are all that is needed; another key is told apart from an alteration."""
    assert check(CERTIFICATE.content, SIGNER.public) is Trust.INTACT
    assert check(CERTIFICATE.content, FixedSigner(8).public) is Trust.OTHER_KEY
    assert opened(CERTIFICATE.content) == CERTIFICATE


@given(place=st.integers(0, len(CERTIFICATE.content) - 1), other=st.integers(1, 255))
def test_any_changed_byte_is_noticed(place: int, other: int) -> None:
    """Change any byte to any other: the document no longer checks."""
    changed = bytearray(CERTIFICATE.content)
    changed[place] ^= other
    assert check(bytes(changed), SIGNER.public) is not Trust.INTACT


def test_a_signature_has_one_spelling() -> None:
    """Base64 leaves some bits unused; a text that differs in those only is refused though it means the same bytes."""
    value = CERTIFICATE.signature["value"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = letters[letters.index(value[-3]) ^ 1]
    other = f"{value[:-3]}{last}=="
    assert base64.b64decode(other, validate=True) == base64.b64decode(value)
    assert check(CERTIFICATE.content.replace(value.encode(), other.encode()), SIGNER.public) is Trust.MALFORMED


def test_a_flipped_bit_is_noticed_at_every_place() -> None:
    """Flip one bit in each byte, one after the other: the document never checks."""
    for place in range(len(CERTIFICATE.content)):
        changed = bytearray(CERTIFICATE.content)
        changed[place] ^= 1
        assert check(bytes(changed), SIGNER.public) is not Trust.INTACT


@given(content=st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_checking_never_raises(content: bytes) -> None:
    """Whatever somebody hands in, the answer is a word."""
    assert check(content, SIGNER.public) is Trust.MALFORMED


@pytest.mark.parametrize(
    "forged",
    [
        json.dumps(json.loads(CERTIFICATE.content)).encode(),
        CERTIFICATE.content + b"\n",
        CERTIFICATE.content[:-1],
        CERTIFICATE.content.replace(b'"first":1012', b'"first":1012.0'),
        CERTIFICATE.content.replace(b'{"certificate"', b'{"certificate":{},"certificate"'),
        CERTIFICATE.content.replace(b'"signature":{', b'"more":1,"signature":{'),
        b"[" * 100_000,
        b"[]",
        b'{"signature":{}}',
    ],
    ids=["blanks", "line end", "cut", "float", "key twice", "more", "deep", "list", "no body"],
)
def test_another_way_to_write_the_same_is_no_document(forged: bytes) -> None:
    """There is exactly one way to write a document; everything else is malformed."""
    assert forged != CERTIFICATE.content
    assert check(forged, SIGNER.public) is Trust.MALFORMED


def test_a_report_cannot_be_relabelled() -> None:
    """What kind of document it is, is part of what is signed."""
    report = issued(facts(checked=None))
    body = json.loads(report.content)
    forged = canonical({"certificate": body["report"], "signature": body["signature"]})
    assert check(report.content, SIGNER.public) is Trust.INTACT
    assert check(forged, SIGNER.public) is Trust.ALTERED


def test_the_recipe_in_the_pdf_works() -> None:
    """Anybody can check without our code: the domain line, then the canonical JSON without the signature."""
    content = json.loads(CERTIFICATE.content)
    signature = content.pop("signature")
    rest = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    value = CERTIFICATE.signature["value"]
    assert signature == {"algorithm": "Ed25519", "key": SIGNER.key_id, "value": value}
    raw = base64.b64decode(value)
    assert signature_holds(SIGNER.public, raw, b"procall-certificate-v1\n" + rest)
    assert not signature_holds(SIGNER.public, raw, rest)


@given(order=st.permutations(list(GOOD.residue.items())), later=st.integers(0, 3))
def test_the_same_facts_give_the_same_bytes(order: list[tuple[Code, int]], later: int) -> None:
    """Issuing again after a crash changes nothing, whatever the order of the counts; another instant does."""
    again = issued(facts(residue=dict(order)), now=ISSUED + later)
    assert (again.content == CERTIFICATE.content) is (later == 0)
    assert (again.id == CERTIFICATE.id) is (later == 0)


def test_documents_are_linked_by_digest() -> None:
    """A later document names the digest of the one before, so none can be taken out unnoticed."""
    second = issued(previous=CERTIFICATE.digest)
    assert second.body["previous"] == CERTIFICATE.digest
    assert second.digest != CERTIFICATE.digest
    assert second.id != CERTIFICATE.id


def test_a_file_is_covered_by_a_detached_signature() -> None:
    """The signature beside a file fits this file under this name, and nothing else."""
    detached = sign_file("a.pdf", b"%PDF", SIGNER, document=CERTIFICATE).content
    assert check_file("a.pdf", b"%PDF", detached, SIGNER.public) is Trust.INTACT
    assert check_file("a.pdf", b"%PDG", detached, SIGNER.public) is Trust.ALTERED
    assert check_file("b.pdf", b"%PDF", detached, SIGNER.public) is Trust.ALTERED
    assert check_file("a.pdf", b"%PDF", detached, FixedSigner(8).public) is Trust.OTHER_KEY
    assert check_file("a.pdf", b"%PDF", CERTIFICATE.content, SIGNER.public) is Trust.MALFORMED


def test_every_field_of_the_standards_leads_somewhere() -> None:
    """The table of fields for auditors names places that the document has."""
    for tables in (NIST_SP_800_88, DIN_EN_ISO_IEC_27555):
        for place in filter(None, tables.values()):
            value: Any = json.loads(CERTIFICATE.content)
            value = {**value["certificate"], "signature": value["signature"]}
            for part in place.partition("[")[0].split("."):
                value = value[0] if isinstance(value, list) else value
                assert part in value, place
                value = value[part]
    assert CERTIFICATE.body["mapping"]["nist_sp_800_88"]["serial_number"] == "purge.manifest_root"


# -- on the disk ------------------------------------------------------------------------------------------------------

PDFS = {Lang.DE: b"%PDF deutsch", Lang.EN: b"%PDF english"}


def test_documents_lie_beside_each_other_for_the_owner_only(tmp_path: Path) -> None:
    """JSON, PDFs and detached signature have the document's id, mode 0600, and nothing else is left behind."""
    folder = tmp_path / "documents" / "2026"
    written = write_documents(folder, CERTIFICATE, PDFS, SIGNER)
    name = CERTIFICATE.id
    found = {path.name: path for path in folder.iterdir()}
    assert set(found) == {f"{name}.json", f"{name}.de.pdf", f"{name}.en.pdf", f"{name}.sig.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in found.values()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert check(written.document.read_bytes(), SIGNER.public) is Trust.INTACT
    for lang, path in written.pdfs.items():
        detached = written.signature.read_bytes()
        assert path.read_bytes() == PDFS[lang]
        assert check_file(path.name, PDFS[lang], detached, SIGNER.public) is Trust.INTACT


def test_writing_again_after_a_crash_changes_nothing(tmp_path: Path) -> None:
    """A file left aside by a crash and a half-written set are completed."""
    (tmp_path / f".{CERTIFICATE.id}.json.new").write_bytes(b"half")
    (tmp_path / f"{CERTIFICATE.id}.de.pdf").write_bytes(PDFS[Lang.DE])
    first = write_documents(tmp_path, CERTIFICATE, PDFS, SIGNER)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert write_documents(tmp_path, CERTIFICATE, PDFS, SIGNER) == first
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(before) == 4


def test_another_document_is_never_written_over(tmp_path: Path) -> None:
    """If something else has the name already, it stays and the writing fails."""
    path = tmp_path / f"{CERTIFICATE.id}.json"
    path.write_bytes(b"something else")
    with pytest.raises(StateError, match="another document has this name"):
        write_documents(tmp_path, CERTIFICATE, PDFS, SIGNER)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"something else"]


def test_a_link_in_the_place_of_a_document_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link under the document's name is refused and its target stays as it is."""
    target = tmp_path / "target"
    target.write_bytes(CERTIFICATE.content)
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / f"{CERTIFICATE.id}.json").symlink_to(target)
    with pytest.raises(StateError, match="not written"):
        write_documents(folder, CERTIFICATE, PDFS, SIGNER)
    assert target.read_bytes() == CERTIFICATE.content


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    """Where no folder can be made the error names the document."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateError, match=CERTIFICATE.id):
        write_documents(tmp_path / "file" / "documents", CERTIFICATE, PDFS, SIGNER)


def test_facts_are_what_the_document_says() -> None:
    """Every field of the facts stands in the signed body under its own name."""
    assert set(CERTIFICATE.body["purge"]) == {field.name for field in fields(Facts)}
    assert CERTIFICATE.body["purge"]["cutoff"] == "2026-09-02T18:00:00Z"
    assert CERTIFICATE.body["purge"]["residue"] == {"active": 4, "held": 20}
    assert CERTIFICATE.body["not_claimed"] == [
        "media_sanitisation",
        "copies_not_listed",
        "call_journal",
        "logs_at_estos",
    ]
