"""The text families in the engine: each file is known by its lines, and read fast it is what it is read slowly."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.formats.detect import choose
from data.formats.encoding import detect
from data.formats.families.registry import all_families
from data.formats.lines import Pace
from data.retention.instants import DAY, HOUR, SECOND, datetime_of
from tests.data.formats.engine_fakes import MARKS, NOW, Case, read, rewrite
from tests.data.formats.reading import BERLIN, facts

ENGLISH = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
FORMS = {
    "serilog": "{0:%Y-%m-%d %H:%M:%S}.{ms} {zone} [INF] {text}",
    "nlog": "{0:%Y-%m-%d %H:%M:%S}.{ms}0|INFO|procall.Sip|{text}",
    "log4net": "{0:%Y-%m-%d %H:%M:%S},{ms} [1] INFO  procall.Sip - {text}",
    "dropwizard": "INFO  [{0:%Y-%m-%d %H:%M:%S},{ms}] procall.Sip: {text}",
    "german": "{0:%d.%m.%Y %H:%M:%S},{ms} {text}",
    "jul": "{month} {0:%d, %Y %I:%M:%S %p} org.example.Sip leg {text}",
    "nginx": "{0:%Y/%m/%d %H:%M:%S} [error] 12#12: *1 {text}",
    "access": '192.0.2.7 - - [{0:%d}/{month}/{0:%Y:%H:%M:%S} {offset}] "GET /{text} HTTP/1.1" 200 5',
    "apache": "[{weekday} {month} {0:%d %H:%M:%S}.{ms}000 {0:%Y}] [core:error] [pid 7] {text}",
    "syslog": "{month} {0.day:2} {0:%H:%M:%S} ucs1 app[7]: {text}",
    "rsyslog": "{0:%Y-%m-%dT%H:%M:%S}.{ms}000{zone} ucs1 app[7]: {text}",
    "5424": "<34>1 {0:%Y-%m-%dT%H:%M:%S}.{ms}{zone} ucs1 app 7 - - {text}",
    "glog": "I{0:%m%d %H:%M:%S}.{ms}000   123 pipe.cc:77] {text}",
    "epoch": "{unix}.{ms}    456 192.0.2.7 {text}",
    "hdfs": "{0:%y%m%d %H%M%S} 143 INFO dfs.DataNode: {text}",
    "spark": "{0:%y/%m/%d %H:%M:%S} INFO executor.Executor: {text}",
}
ZONED = {"serilog", "access", "rsyslog", "5424"}
"""Forms that say how far they are ahead of UTC."""
IDS = {"nginx": "nginx_error", "apache": "apache_error", "rsyslog": "syslog", "5424": "syslog5424"}
TEXTS = ["x", "2026-08-01 08:00:00", "[x] 2020-01-01 00:00:00,000", "ä" * 9, ""]
OTHERS = ["   at x", "", "more", "2020-01-01 00:00:00 quoted", "2026-09-01 00:00:00,000 later", "\tat y", "ERROR:a:b"]


def written(form: str, instant: int, text: str, turn: int = 0) -> str:
    """Write a line as a program in Berlin does, or where the form says so and it is its turn, in India."""
    moment = datetime_of(instant).astimezone(ZoneInfo("Asia/Kolkata") if form in ZONED and turn % 2 else BERLIN)
    offset = f"{moment:%z}"
    return FORMS[form].format(
        moment,
        ms=f"{moment.microsecond // 1000:03}",
        zone=f"{offset[:3]}:{offset[3:]}",
        offset=offset,
        month=ENGLISH[moment.month - 1],
        weekday="Mon Tue Wed Thu Fri Sat Sun".split()[moment.weekday()],
        unix=instant // SECOND,
        text=text,
    )


@pytest.mark.parametrize("form", list(FORMS))
def test_each_file_is_known_by_its_lines(form: str) -> None:
    """Among all families the right one is chosen, with traces between the heads and without."""
    own = IDS.get(form, form if form in {"access", "syslog", "glog", "epoch", "hdfs", "spark"} else "text")
    heads = [written(form, NOW - DAY + step * SECOND, "opened") for step in range(20)]
    for below in ([], ["   at Foo.Bar()"]):
        content = "".join(f"{line}\n" for head in heads for line in (head, *below)).encode()
        assert choose(all_families(), facts(), detect(content), content).id == own


@settings(max_examples=10)
@pytest.mark.parametrize("form", list(FORMS))
@given(
    ages=st.lists(st.integers(-40, 40 * 24), min_size=1, max_size=40),
    pieces=st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from(["head", *OTHERS])), min_size=1, max_size=30),
    repeat=st.integers(1, 30),
)
def test_read_fast_is_read_slowly(form: str, ages: list[int], pieces: list[tuple[str, str]], repeat: int) -> None:
    """Whatever the lines are, reading by the million finds, keeps and drops what asking about each line does."""
    instants = sorted(MARKS.cutoff + age * HOUR for age in ages)
    lines = []
    for turn, instant in enumerate(instants * repeat if len(instants) > 3 else instants):
        text, other = pieces[turn % len(pieces)]
        lines += [written(form, instant + turn * SECOND // 3, text, turn // 40), *([other] if other != "head" else [])]
    case = Case(content="\n".join(lines).encode())
    fast, slow = Pace(least=0), Pace(fast=False)
    assert rewrite(case, families=all_families(), pace=fast) == rewrite(case, families=all_families(), pace=slow)
    assert read(case, families=all_families(), pace=fast) == read(case, families=all_families(), pace=slow)


@pytest.mark.parametrize("form", list(FORMS))
def test_what_is_young_stays(form: str) -> None:
    """In a file that crosses the cutoff the records before it go, those at and after it stay (P1, P2)."""
    instants = [MARKS.cutoff + step * HOUR for step in range(-48, 49)]
    lines = [f"{written(form, instant, 'x')}\n".encode() for instant in instants]
    done = rewrite(Case(content=b"".join(lines)), families=all_families())[2]
    young = [line for line, instant in zip(lines, instants, strict=True) if instant >= MARKS.cutoff]
    assert done == b"".join(young)
