"""Tables: the header names the time, quotes may hold anything, and no odd row misleads."""

import csv
import io
import tempfile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats.families.json_keys import TIME_KEYS
from data.formats.families.table import TableFamily, TableReader
from data.formats.interface import FileFacts, Kind, Line, Reader
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import BELIEVABLE, DAY, HOUR, SECOND, datetime_of, read_iso

NOW = read_iso("2026-11-24T12:00:00Z")
CUTOFF = NOW - 90 * DAY
AT = read_iso("2026-11-23T08:00:00Z")
LATER = read_iso("2026-11-24T09:30:00Z")
STAMP = "2026-11-23T08:00:00Z"
LATER_STAMP = "2026-11-24T09:30:00Z"
UNDATED = Line(kind=Kind.HEAD)
DIRECTIVE = Line(kind=Kind.DIRECTIVE)
UNPARSED = Line(kind=Kind.UNPARSED)

instants = st.integers(BELIEVABLE + DAY, read_iso("2099-12-31T00:00:00Z"))


def opened(*sample: bytes, pin: str = "") -> Reader | None:
    """Open a file that begins with these lines."""
    facts = FileFacts(name=b"export.csv", size=1, mtime=0, zone=ZoneInfo("Europe/Berlin"), pin=pin)
    return TableFamily().reader(facts, sample)


def records(text: str) -> list[tuple[Line, int]]:
    """Read a file as the engine does: records and directives with their final times, and their number of lines."""
    lines = text.encode().split(b"\n")
    reader = opened(*lines)
    assert isinstance(reader, TableReader)
    found: list[tuple[Line, int]] = []
    for shown in lines:
        line = reader.line(shown)
        if line.kind is Kind.CONTINUATION and found:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((line, 1))
        late = reader.late()
        if late is not None:
            found[-1] = (late, found[-1][1])
    return found


def lines_of(text: str) -> list[Line]:
    """Read a file: records and directives with their final times."""
    return [line for line, _ in records(text)]


def dated(lo: int, hi: int | None = None) -> Line:
    """Make what a head with a time is."""
    return Line(kind=Kind.HEAD, lo=lo, hi=lo if hi is None else hi)


# -- headers ----------------------------------------------------------------------------------------------------------

GERMAN = ("Zeitstempel", "Zeit", "Datum", "Datum/Uhrzeit", "Datum und Uhrzeit", "Date and Time", "TimeGenerated [UTC]")


@pytest.mark.parametrize("name", [*TIME_KEYS, *GERMAN])
def test_every_name_is_known(name: str) -> None:
    """Each key of the JSON formats and the German names date a row, in any capitals; a foreign name does not."""
    for header in (name, name.upper(), name.lower(), f'"{name}"', f" {name} "):
        assert lines_of(f"Level,{header},Text\nINFO,{STAMP},x") == [DIRECTIVE, dated(AT)]
    assert opened(f"Level,{name}x,Text".encode(), f"INFO,{STAMP},x".encode()) is None


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_separator_is_known(separator: str) -> None:
    """The header tells what stands between the cells, even where others occur in the names."""
    rows = [["Name, Vorname", "timestamp", "a"], ["x", STAMP, "b"]]
    text = "\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows)
    assert lines_of(text) == [DIRECTIVE, dated(AT)]
    assert lines_of("\n".join(separator.join(row) for row in (["l", "ts", "m"], ["x", "1795420800", "b"])))[1] == dated(
        AT
    )


def test_german_excel() -> None:
    """`sep=;`, German names and stamps, decimal commas, empty cells at the end: as Excel writes them in Germany."""
    found = lines_of('sep=;\nDatum;Uhrzeit;Wert;;\n23.11.2026;09:00:00;1,5;;\n"23.11.2026";"09:00:00,25";;;\n')
    assert found == [DIRECTIVE, DIRECTIVE, dated(AT), dated(AT + 250_000)]
    assert lines_of("Wert;Datum/Uhrzeit\n1,5;23.11.2026 09:00:00\n2;23.11.2026 09:00")[1] == dated(AT)
    assert lines_of("Zeit;Datum;x\n09:00:00;23.11.2026;1")[1] == dated(AT)
    assert lines_of("Wert;Zeit\n1;1795420800,25")[1] == dated(AT + 250_000)


def test_the_first_name_in_precedence_decides() -> None:
    """The order is that of the keys; a cell that is no time leaves the decision to the next column."""
    header = "date,time,timestamp,x\n"
    assert lines_of(f"{header}2026-11-20,01:02:03,{STAMP},1")[1] == dated(AT)
    assert lines_of(f"{header}2026-11-23,09:00:00,,1")[1] == dated(AT)
    assert lines_of(f"{header}2026-11-23,never,-,1")[1] == dated(AT - 9 * HOUR, AT + 15 * HOUR - 1)
    assert lines_of(f"time,Zeit,x\n{STAMP},{LATER_STAMP},1")[:2] != [DIRECTIVE, dated(LATER)]


def test_a_second_header_reads_the_columns_anew() -> None:
    """Files that were joined have a header in the middle: it is kept, and holds for the rows below."""
    found = lines_of(
        f"ts,level,text\n{STAMP},INFO,x\nts,level,text\n{STAMP},INFO,x\nlevel,text,ts\nINFO,x,{LATER_STAMP}"
    )
    assert found == [DIRECTIVE, dated(AT), DIRECTIVE, dated(AT), DIRECTIVE, dated(LATER)]
    assert lines_of(f"ts,level,text\n{STAMP},INFO,x\nINFO,x,{LATER_STAMP}")[2] == UNDATED
    assert lines_of(f"ts,level,text\n-,INFO,time\n{STAMP},INFO,x") == [DIRECTIVE, UNDATED, dated(AT)]


def test_a_title_may_stand_above_the_header() -> None:
    """Exports like to begin with a title: it is not understood, the header near it is found, one far below is not."""
    rows = f"level;ts;text\nINFO;{STAMP};x"
    assert lines_of(f"Bericht\n\nStand: heute\n{rows}") == [UNPARSED, UNPARSED, DIRECTIVE, dated(AT)]
    assert opened(*("Zeile\n" * 5 + rows).encode().split(b"\n")) is None


# -- rows -------------------------------------------------------------------------------------------------------------


def test_a_quoted_cell_may_go_over_lines() -> None:
    """A row ends where its quotes are closed: commas, quotes, stamps and headers inside are text."""
    text = f'm,ts,x\n"a,""b""\n{LATER_STAMP},\n\nm,ts,x\n",{STAMP},1\nx,{LATER_STAMP},"\n"'
    assert records(text) == [(DIRECTIVE, 1), (dated(AT), 5), (dated(LATER), 2)]


def test_a_quote_that_closes_at_the_wrong_place_takes_the_time_away() -> None:
    """A stray quote runs into the next row: both are one record without a time, the row after that is read."""
    text = f'ts,m,x\n{STAMP},"broken,1\n{LATER_STAMP},"fine",1\n{LATER_STAMP},fine,1'
    assert records(text) == [(DIRECTIVE, 1), (UNDATED, 2), (dated(LATER), 1)]
    assert lines_of(f'ts,m,x\n{STAMP},"broken"x,1\n{STAMP},5" wide,1') == [DIRECTIVE, UNPARSED, dated(AT)]


def test_a_quote_that_never_closes_does_not_swallow_the_file() -> None:
    """After 2,000 lines or 1 MiB it was no quote; the row has no time, and rows are read again."""
    for count, filler in ((2100, "x"), (1100, "x" * 1000)):
        text = f'ts,m\n{STAMP},"broken\n' + f"{LATER_STAMP},{filler}\n" * count + f"{LATER_STAMP},x"
        found = records(text)
        assert found[1][0] == UNDATED
        assert found[1][1] < count
        assert found[2][0] == UNPARSED
        assert {line for line, _ in found[3:]} == {dated(LATER)}


def test_rows_with_too_few_or_too_many_cells() -> None:
    """A stamp counts only where it surely stands in its column: not cut off, not behind a separator too many."""
    header = "a,ts,b\n"
    assert lines_of(f"{header}x,{STAMP},y,z")[1] == UNPARSED
    assert lines_of(f"{header}x,{STAMP}")[1] == UNPARSED
    assert lines_of(f"ts,a,b\n{STAMP},x,y,z,,")[1] == dated(AT)
    assert lines_of(f"ts,a,b\n{STAMP},x")[1] == dated(AT)
    assert lines_of("ts;a;b\n23.11.20")[1] == UNPARSED
    assert lines_of(f"{header}x,{STAMP},y")[1] == dated(AT)


def test_other_lines() -> None:
    """Rows without a time are records without one, text is not understood, blank lines belong to the row above."""
    found = records(f"ts,level,text\n{STAMP},INFO,x\n\n   at App.Main()\n,,\nsoon,INFO,x")
    assert found == [(DIRECTIVE, 1), (dated(AT), 2), (UNPARSED, 1), (UNDATED, 1), (UNDATED, 1)]


# -- without a header -------------------------------------------------------------------------------------------------


def test_stamps_in_one_column_of_every_row_need_no_header() -> None:
    """Where every row has a stamp in the same column, that is the time; with two such columns it lies between them."""
    rows = f"INFO;{STAMP};x\nINFO;{LATER_STAMP};x\nWARN;{STAMP};y"
    assert lines_of(rows) == [dated(AT), dated(LATER), dated(AT)]
    assert lines_of("\n".join(f"{row};{LATER_STAMP}" for row in rows.split("\n")))[0] == dated(AT, LATER)
    assert lines_of(f"Stufe;Angelegt;Text\n{rows}") == [DIRECTIVE, dated(AT), dated(LATER), dated(AT)]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23 08:00:00,123 INFO a, b\n2026-11-23 08:00:01,456 INFO a, b\n2026-11-23 08:00:02,789 INFO a, b",
        f"INFO;{STAMP};x\nINFO;{STAMP};x;y\nINFO;{STAMP};x",
        f"INFO;{STAMP};x\nINFO;soon;x\nINFO;{STAMP};x",
        f"INFO;{STAMP}\nINFO;{STAMP}\nINFO;{STAMP}",
        f"INFO;{STAMP};x",
        "1795420800;a;b\n1795420800;a;b\n1795420800;a;b",
        f"{STAMP}|INFO|x\n{STAMP}|INFO|x\n{STAMP}|INFO|x",
        '{"a":1,"ts":"2026-11-23T08:00:00Z"}\n' * 4,
        "time=2026-11-23T08:00:00Z level=info\n" * 4,
        "text\n" * 4,
        "timestamp\n2026-11-23T08:00:00Z",
        "",
    ],
)
def test_what_is_of_another_family(text: str) -> None:
    """Text logs with a comma before their milliseconds, NLog's bars, JSON and mere text are no tables."""
    assert opened(*text.encode().split(b"\n")) is None


def test_there_is_no_fast_way() -> None:
    """A quote may be open above any row: the reader promises nothing about rows it has not seen."""
    assert not hasattr(opened(b"ts,a", b"1,2"), "locate")


# -- properties -------------------------------------------------------------------------------------------------------

cells = st.text(st.sampled_from('ab1,;|\t"\n \r=äx'), max_size=8)


@given(
    st.lists(st.tuples(instants, cells, cells), min_size=1, max_size=6),
    st.sampled_from(",;\t|"),
    st.integers(0, 2),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_every_row_has_its_instant(found: list[tuple[int, str, str]], separator: str, place: int, quoting: int) -> None:
    """Whatever the cells hold, each row that Python's own writer writes is one record with its own time."""
    target = io.StringIO()
    writer = csv.writer(target, delimiter=separator, quoting=quoting, lineterminator="\r\n")  # type: ignore[arg-type]
    for stamp, *rest in [("timestamp", "one", "two"), *((datetime_of(at).isoformat(), a, b) for at, a, b in found)]:
        rest.insert(place, stamp)
        writer.writerow(rest)
    lines = [line.removesuffix("\r") for line in target.getvalue().removesuffix("\n").split("\n")]
    assert lines_of("\n".join(lines)) == [DIRECTIVE, *(dated(at) for at, _, _ in found)]


@given(instants)
def test_the_interval_always_holds_the_instant(instant: int) -> None:
    """However an instant is written, the interval that is read holds it."""
    moment = datetime_of(instant)
    local = moment.astimezone(ZoneInfo("Europe/Berlin"))
    micro = instant % SECOND
    for value in (
        moment.isoformat(timespec="microseconds"),
        f"{local:%d.%m.%Y %H:%M:%S},{micro:06}",
        f"{local:%d.%m.%Y %H:%M}",
        f"{local:%d.%m.%Y};{local:%H:%M:%S},{micro:06}",
        f"{local:%Y-%m-%d};{local:%H:%M}",
        f"{local:%d.%m.%Y};",
        f"{instant // SECOND},{micro:06}9",
        f"{instant}",
    ):
        line = lines_of(f"Datum;Uhrzeit;x\n{value if ';' in value else value + ';'};1")[1]
        assert line.lo is not None, value
        assert line.hi is not None, value
        assert line.lo <= instant <= line.hi, value


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b'a,"', b'"', b"ts,a", b"2026-11-23,x", b"sep=,", b"a,b"])))
def test_random_lines_never_raise(lines: list[bytes]) -> None:
    """Whatever a file holds, each line gets a kind."""
    for first in (b"ts,m", b"Datum;Uhrzeit", b"a\ttime"):
        reader = opened(first)
        assert isinstance(reader, TableReader)
        for line in lines:
            assert reader.line(line.replace(b"\n", b"")).kind in Kind
            late = reader.late()
            assert late is None or late.kind is Kind.HEAD
    opened(*lines)


def test_long_lines_take_linear_time() -> None:
    """Lines made to hurt the splitter are read like others."""
    reader = opened(b"a\tts")
    assert isinstance(reader, TableReader)
    for line in (b"\t" * 300_000, b'"' * 300_000, b' "' * 200_000, b'""\t' * 100_000, b" " * 300_000 + b"x"):
        assert reader.line(line).kind in Kind


def kept(content: bytes) -> bytes:
    """Let the engine rewrite a file, and give what it keeps."""
    known = FileFacts(name=b"x.log", size=len(content), mtime=NOW, zone=ZoneInfo("Europe/Berlin"))
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as target:
        file.write(content)
        file.flush()
        marks = Marks(cutoff=CUTOFF, limit=CUTOFF, now=NOW)
        LogReader([TableFamily()]).rewrite(file.fileno(), target.fileno(), known, marks)
        target.seek(0)
        return target.read()


def test_a_rewrite_keeps_header_and_young_rows() -> None:
    """Old rows go with all their lines, headers and young rows stay as they are; a stray quote protects both rows."""
    old, new = (datetime_of(at).isoformat() for at in (CUTOFF - SECOND, CUTOFF))
    header, first, second = "m;ts;x\n", f'"a\n{new};""b";{old};1\n', f'"a\n{old};";{new};1\n'
    assert kept((header + first + second + header + first).encode()) == (header + second + header).encode()
    assert kept((header + first + second + first).encode()) == (header + second).encode()
    stray = f'ts;m;x\n{old};"a;1\n{new};"b";1\n{new};c;1\n'.encode()
    assert kept(stray) == stray
