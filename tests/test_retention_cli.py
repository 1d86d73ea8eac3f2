"""The retention engine as an operator uses it: real processes, real files, JSON of the contract, exit codes."""

import datetime as dt
import gzip
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.domain import ROOT, need

DONE, FAILED, BAD_INPUT, REFUSED = 0, 1, 2, 3
DAY = 86_400
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
Done = "subprocess.CompletedProcess[str]"


@dataclass
class Site:
    """A machine with one source below a folder."""

    folder: Path
    settings: str = ""
    """Further TOML."""

    @property
    def logs(self) -> Path:
        """Give the folder of the logs."""
        found = self.folder / "logs"
        found.mkdir(exist_ok=True)
        return found

    def write(self, name: str, ages: Iterable[float], *, changed: float = 1.0) -> Path:
        """Write one record for each age in days; the file was last changed so many days ago."""
        now = time.time()  # noqa: TID251  a real process reads the real clock
        path = self.logs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [line(now - age * DAY, f"record {number}") for number, age in enumerate(ages)]
        content = "".join(lines).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        os.utime(path, (now - changed * DAY, now - changed * DAY))
        return path

    def command(self, *arguments: str) -> list[str]:
        """Give the command line."""
        return [sys.executable, str(ROOT / "app.py"), *arguments]

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Give the environment of a process."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PROCALL_")}
        return clean | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "COLUMNS": "200"} | dict(env or {})

    def configure(self, **fields: object) -> None:
        """Write the settings; fields are those of the source."""
        usual: dict[str, object] = {
            "id": "app-logs", "kind": "files", "title": "App", "data_kind": "log", "root": str(self.logs),
        }  # fmt: skip
        source = "\n".join(f"{key} = {json.dumps(value)}" for key, value in (usual | fields).items())
        text = f"[purge]\nmax_share = 1.0\n{self.settings}\n[[sources]]\n{source}\n"
        (self.folder / "settings.toml").write_text(text, encoding="utf-8")

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
        """Run a command to its end."""
        if not (self.folder / "settings.toml").exists():
            self.configure()
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(env),
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    def json(self, *arguments: str) -> dict[str, Any]:
        """Run a command that must succeed, and read its JSON."""
        done = self(*arguments, "--json")
        assert (done.returncode, done.stderr) == (DONE, ""), done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def purge(self, *, reason: str = "test") -> tuple[dict[str, Any], dict[str, Any]]:
        """Preview and run a purge; give both answers."""
        preview = self.json("purge", "preview", "app-logs")
        done = self.json("purge", "run", "--request", preview["request"], "--code", preview["code"], "--reason", reason)
        return preview, done


def at_another_time(shift: str, command: list[str]) -> list[str]:
    """Give the command line of a process that lives at another time.

    What killed processes have left of their shared clocks goes first: their numbers are given again one day.
    """
    for left in Path("/dev/shm").glob("*faketime_*_*"):  # noqa: S108  where the C library puts what is shared
        number = left.name.rpartition("_")[2]
        if number.isdecimal() and not Path("/proc", number).exists():
            left.unlink(missing_ok=True)
    return ["faketime", "-f", shift, *command]


def line(at: float, text: str) -> str:
    """Write one record."""
    stamp = dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"@t": stamp, "@m": text}) + "\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give an empty machine."""
    return Site(tmp_path)


# -- scan -------------------------------------------------------------------------------------------------------------


def test_a_scan_tells_what_every_source_holds(site: Site) -> None:
    """`scan --json` gives exactly the fields of the contract, with the right figures, and writes no audit."""
    site.write("old.log", [100, 95])
    site.write("due.log", [85])
    site.write("young.log", [5, 4])
    site.write("packed.log.gz", [88, 3])
    found = site.json("scan")
    assert set(found) == {"at", "sources"}
    (source,) = found["sources"]
    assert set(source) == {
        "id", "state", "units", "records", "bytes", "oldest", "newest", "expired", "overdue", "active", "future",
        "undatable", "unparsed", "held", "evidence", "worst_case_age_days",
    }  # fmt: skip
    assert (source["id"], source["state"]) == ("app-logs", "overdue")
    assert (source["units"], source["records"]) == (4, 7)
    assert source["expired"]["records"] == 4
    assert source["expired"]["units"] == 3
    assert source["overdue"] == {"units": 1, "records": 2}
    assert source["evidence"] == {"own": 7}
    assert INSTANT.fullmatch(source["oldest"])
    assert 83 < source["worst_case_age_days"] < 90
    assert not (site.folder / "var" / "audit").exists()


@pytest.mark.parametrize(
    ("ages", "state"), [([], "ok"), ([5], "ok"), ([85], "due"), ([95], "overdue"), ([95, 5], "overdue")]
)
def test_the_state_of_a_source(site: Site, ages: list[float], state: str) -> None:
    """A source is ok, due from the cutoff on, overdue from the limit on."""
    if ages:
        site.write("app.log", ages)
    assert site.json("scan")["sources"][0]["state"] == state


def test_a_scan_speaks_to_people_too(site: Site) -> None:
    """Without `--json` a table names the source, its state and the days that are left."""
    site.write("old.log", [95])
    done = site("scan")
    assert done.returncode == DONE
    for word in ("app-logs", "overdue", "-5.0", "worst"):
        assert word in done.stdout


def test_a_second_scan_reads_nothing_again(site: Site) -> None:
    """What is unchanged comes from the index with the same figures; what changed is seen."""
    site.write("a.log", [100])
    site.write("b.log", [5])
    first = site.json("scan")["sources"]
    assert site.json("scan")["sources"] == first
    site.write("b.log", [5, 101])
    assert site.json("scan")["sources"][0]["overdue"]["records"] == 2


# -- purge ------------------------------------------------------------------------------------------------------------


def test_a_purge_from_preview_to_certificate(site: Site) -> None:
    """Preview, run, certificate: old records are gone, young ones are there byte for byte, the audit verifies."""
    site.write("old.log", [100, 95])
    mixed = site.write("mixed.log", [100, 5, 99, 4])
    young = [text for text in mixed.read_text().splitlines(keepends=True) if "record 1" in text or "record 3" in text]
    packed = site.write("packed.log.gz", [90, 3])
    preview, done = site.purge()
    assert set(preview) == {"request", "code", "cutoff", "expires", "selected", "rewritten_units", "kept", "residue"}
    assert preview["selected"]["records"] == 5
    assert (preview["selected"]["units"], preview["rewritten_units"]) == (3, 2)
    assert set(done) == {"request", "verdict", "deleted", "rewritten_units", "residue", "certificate"}
    assert done["verdict"] == "PASS"
    assert done["deleted"] == {"units": 1, "records": 5, "bytes": preview["selected"]["bytes"]}
    assert (done["rewritten_units"], done["residue"]) == (2, {})
    assert sorted(path.name for path in site.logs.iterdir()) == ["mixed.log", "packed.log.gz"]
    assert mixed.read_text() == "".join(young)
    assert len(gzip.decompress(packed.read_bytes()).splitlines()) == 1
    certificate = site.folder / done["certificate"]
    document = json.loads(certificate.read_text(encoding="utf-8"))
    assert document["certificate"]["verdict"] == "PASS"
    assert certificate.with_suffix("").with_suffix(".de.pdf").exists() or list(certificate.parent.glob("*.de.pdf"))
    assert site("audit", "verify").returncode == DONE
    assert site.json("scan")["sources"][0]["state"] == "ok"


def test_a_preview_deletes_nothing(site: Site) -> None:
    """After a preview every file is as it was."""
    path = site.write("old.log", [100])
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    site.json("purge", "preview", "app-logs")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_requests_can_be_listed_shown_and_cancelled(site: Site) -> None:
    """`list`, `show` and `cancel` know the request of a preview; a cancelled one cannot be run."""
    site.write("old.log", [100])
    preview = site.json("purge", "preview", "app-logs")
    assert [one["request"] for one in site.json("purge", "list")["requests"]] == [preview["request"]]
    assert site.json("purge", "show", preview["request"])["state"] == "previewed"
    assert site.json("purge", "cancel", preview["request"])["state"] == "withdrawn"
    done = site("purge", "run", "--request", preview["request"], "--code", preview["code"], "--reason", "x")
    assert done.returncode == REFUSED
    assert (site.logs / "old.log").exists()
    for command in (("purge", "list"), ("purge", "show", preview["request"]), ("hold", "list"), ("audit", "verify")):
        assert site(*command).returncode == DONE


def test_lists_show_whole_ids_on_eighty_columns(site: Site) -> None:
    """What the next command needs can be read off a narrow terminal, beside long names and reasons."""
    site.configure(id="a-source-with-quite-a-long-name")
    site.write("old.log", [100])
    preview = site.json("purge", "preview", "a-source-with-quite-a-long-name")
    hold = site.json("hold", "add", "a-source-with-quite-a-long-name", "--reason", "labour court " * 20)
    for shown, command in ((preview["request"], "purge"), (hold["id"], "hold")):
        lines = site(command, "list", env={"COLUMNS": "80"}).stdout.splitlines()
        assert any(shown in text for text in lines), lines
        assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("dev", [(), ("--dev",)])
def test_the_command_that_a_preview_names_can_be_typed(site: Site, dev: tuple[str, ...]) -> None:
    """The last line of a preview is a command that runs once the reason is filled in, on samples and on real logs."""
    site.write("old.log", [100])
    shown = site("purge", "preview", "desktop-logs" if dev else "app-logs", *dev, env={"COLUMNS": "60"}).stdout
    typed = shlex.split(shown.strip().splitlines()[-1].partition("app.py ")[2])
    assert (typed[:2], typed[-1]) == (["purge", "run"], "...")
    assert site(*typed).returncode == BAD_INPUT
    done = site(*typed[:-1], "monthly purge")
    assert (done.returncode, "PASS" in done.stdout) == (DONE, True), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"code": "AAAA-AAAA"}, REFUSED, "not the code"),
        ({"code": ""}, REFUSED, "not the code"),
        ({"request": "0123456789abcdef"}, BAD_INPUT, "0123456789abcdef"),
        ({"request": "../../etc"}, BAD_INPUT, "request"),
        ({"reason": " "}, BAD_INPUT, "reason"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_deleted(site: Site, change: dict[str, str], code: int, word: str) -> None:
    """A wrong code, an unknown request and a missing reason each give a sentence, and nothing is deleted."""
    path = site.write("old.log", [100])
    preview = site.json("purge", "preview", "app-logs")
    given = {"request": preview["request"], "code": preview["code"], "reason": "test"} | change
    done = site("purge", "run", *(part for key, value in given.items() for part in (f"--{key}", value)))
    assert done.returncode == code, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert path.exists()


def test_a_code_for_another_scope_is_refused(site: Site) -> None:
    """The code of an older preview does not run the newer one."""
    site.write("old.log", [100])
    first = site.json("purge", "preview", "app-logs")
    second = site.json("purge", "preview", "app-logs")
    for request in (first, second):
        done = site("purge", "run", "--request", request["request"], "--code", first["code"], "--reason", "x")
        assert done.returncode == REFUSED
    assert (site.logs / "old.log").exists()


def test_an_expired_code_is_refused(site: Site) -> None:
    """Half an hour later the code is good for nothing."""
    site.settings = "confirm_minutes = 1"
    site.write("old.log", [100])
    preview = site.json("purge", "preview", "app-logs")
    stored = site.folder / "var" / "retention.json"
    assert preview["request"] in stored.read_text(encoding="utf-8")
    given = ("--request", preview["request"], "--code", preview["code"], "--reason", "x")
    need(shutil.which("faketime"), "faketime is not here: no process can be given another time")
    later = subprocess.run(
        at_another_time("+3m", site.command("purge", "run", *given)),
        cwd=site.folder,
        env=site.environment({"FAKETIME_DONT_FAKE_MONOTONIC": "1"}),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert later.returncode == REFUSED, later.stderr
    assert "expired" in later.stderr
    assert (site.logs / "old.log").exists()


def test_more_than_the_largest_share_is_refused(site: Site) -> None:
    """A purge that would take more than purge.max_share warns at the preview and is refused at the run."""
    site.write("old.log", [100, 99, 98])
    site.write("young.log", [1])
    site.configure()
    text = (site.folder / "settings.toml").read_text().replace("max_share = 1.0", "max_share = 0.5")
    (site.folder / "settings.toml").write_text(text)
    done = site("purge", "preview", "app-logs", "--json")
    assert done.returncode == DONE
    assert "max_share" in done.stderr
    preview = json.loads(done.stdout)
    refused = site("purge", "run", "--request", preview["request"], "--code", preview["code"], "--reason", "x")
    assert refused.returncode == REFUSED
    assert "max_share" in refused.stderr
    assert (site.logs / "old.log").exists()


# -- holds ------------------------------------------------------------------------------------------------------------


def test_a_hold_protects(site: Site) -> None:
    """What is held is counted, listed, and survives a purge; its release waits for a second person."""
    site.write("old.log", [100])
    placed = site.json("hold", "add", "app-logs", "--reason", "case 7")
    assert placed["active"]
    assert site.json("scan")["sources"][0]["held"] == 1
    preview, done = site.purge()
    assert (preview["selected"]["units"], preview["residue"]) == (0, {"held": 1})
    assert (done["verdict"], done["residue"]) == ("PASS", {"held": 1})
    assert (site.logs / "old.log").exists()
    assert site.json("hold", "release", placed["id"])["active"]
    assert site("hold", "release", placed["id"]).returncode == REFUSED
    assert [one["id"] for one in site.json("hold", "list")["holds"]] == [placed["id"]]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("hold", "add", "app-logs"), "reason"),
        (("hold", "add", "app-logs", "--reason", " "), "reason"),
        (("hold", "add", "nowhere", "--reason", "x"), "nowhere"),
        (("hold", "add", "app-logs", "--reason", "x", "--review", "tomorrow"), "--review"),
        (("hold", "add", "app-logs", "--reason", "x", "--review", "2099-01-01"), "review"),
        (("hold", "release", "0123456789abcdef"), "0123456789abcdef"),
    ],
)
def test_a_hold_that_cannot_be_is_bad_input(site: Site, arguments: tuple[str, ...], word: str) -> None:
    """Without a reason, for an unknown source or with an odd date there is no hold, and the sentence says why."""
    done = site(*arguments)
    assert done.returncode == BAD_INPUT, done.stdout + done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert site.json("hold", "list")["holds"] == []


# -- bad sources ------------------------------------------------------------------------------------------------------


def make_link(site: Site) -> str:
    """Make a link to the logs."""
    (site.folder / "link").symlink_to(site.logs)
    return str(site.folder / "link")


ROOTS: dict[str, Callable[[Site], str]] = {
    "missing": lambda site: str(site.folder / "nowhere"),
    "link": make_link,
    "proc": lambda _: "/proc/self",
    "own state": lambda site: str(site.folder / "var"),
    "around the state": lambda site: str(site.folder),
    "dots": lambda site: f"{site.logs}/../logs",
    "file": lambda site: str(site.write("file.log", [1])),
    "empty": lambda _: "",
}


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("command", ["preview", "scan"])
def test_a_root_that_may_not_be_one_is_named(site: Site, root: str, command: str) -> None:
    """A root that is missing, a link, the kernel's or the bot's own is bad input naming the source; nothing is read."""
    (site.folder / "var").mkdir(mode=0o700)
    site.configure(root=ROOTS[root](site))
    done = site("scan") if command == "scan" else site("purge", "preview", "app-logs")
    assert done.returncode == BAD_INPUT, done.stdout + done.stderr
    assert "app-logs" in done.stderr
    assert "Traceback" not in done.stderr
    site.configure()
    assert site("scan").returncode == DONE


@pytest.mark.parametrize("field", ["id", "title"])
@pytest.mark.parametrize(
    "word", ["journal", "chat-logs", "call-recording", "recordings", "calls", "anrufe", "call-history", "cdr"]
)
def test_a_source_that_is_no_log_is_refused(site: Site, field: str, word: str) -> None:
    """Journals, chats, recordings and call records can never be a source, whatever field names them."""
    site.configure(**{field: word})
    done = site("scan")
    assert done.returncode == BAD_INPUT
    assert "can never be a source" in done.stderr


@pytest.mark.parametrize("name", ["callback-service", "ucserver", "localchange", "ProCall Desktop"])
def test_a_source_with_an_innocent_name_is_not(site: Site, name: str) -> None:
    """Words that only look like it are no reason to refuse."""
    site.configure(title=name)
    assert site("scan").returncode == DONE


@pytest.mark.parametrize(
    ("section", "key"),
    [("[retention]\nmax_age_days = 91", "max_age_days"), ("[retention]\nwarn_days = [-1]", "warn_days")],
)
def test_a_limit_above_the_terms_is_refused(site: Site, section: str, key: str) -> None:
    """More than 90 days, or a negative warning, is refused with the key named."""
    site.settings = section
    done = site("scan")
    assert done.returncode == BAD_INPUT
    assert key in done.stderr


def test_damaged_archives_are_residue_or_go_by_age(site: Site) -> None:
    """A truncated archive is dated by its name or last change only; the others are not disturbed."""
    old = site.write("old.log.gz", [100, 99], changed=99)
    young = site.write("young.log.gz", [5], changed=5)
    for path in (old, young):
        found = path.stat()
        path.write_bytes(path.read_bytes()[:-12])
        os.utime(path, ns=(found.st_mtime_ns, found.st_mtime_ns))
    _, done = site.purge()
    assert done["verdict"] == "PASS"
    assert [path.name for path in site.logs.iterdir()] == ["young.log.gz"]


# -- processes and clocks ---------------------------------------------------------------------------------------------


def test_two_processes_cannot_purge_at_once(site: Site) -> None:
    """While one process holds the state, another is refused with a sentence, and a scan goes on working."""
    site.write("old.log", [100])
    site.json("purge", "preview", "app-logs")
    hold = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom pathlib import Path\n"
        "from data.stores.tinydb_retention import open_retention\n"
        "stores = open_retention(Path('var'))\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(ROOT)],
        cwd=site.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=site.environment(),
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        done = site("purge", "preview", "app-logs")
        assert done.returncode == FAILED
        assert "another process" in done.stderr
        assert site("scan").returncode == DONE
        assert site("purge", "list").returncode == DONE
        holder.communicate("")
    assert site("purge", "preview", "app-logs").returncode == DONE


def test_a_purge_killed_in_the_middle_is_finished_by_the_next_run(site: Site) -> None:
    """After a kill -9 the same command goes on: each unit once, the audit verifies, the certificate is written."""
    for number in range(3000):
        site.write(f"d{number % 7}/old-{number:04}.log", [100])
    site.write("young.log", [1])
    preview = site.json("purge", "preview", "app-logs")
    given = ("purge", "run", "--request", preview["request"], "--code", preview["code"], "--reason", "x", "--json")
    running = subprocess.Popen(
        site.command(*given), cwd=site.folder, env=site.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and running.poll() is None:
        left = sum(len(files) for _, _, files in os.walk(site.logs))
        if left < 2900:
            running.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    running.communicate()
    done = site(*given)
    assert done.returncode == DONE, done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"] == "PASS"
    assert found["deleted"]["records"] == 3000
    assert [path.name for path in site.logs.rglob("*.log")] == ["young.log"]
    assert site("audit", "verify").returncode == DONE


def test_a_clock_that_went_back_deletes_nothing(site: Site) -> None:
    """With a clock a day behind the audit nothing is deleted; `purge trust-clock` needs a reason."""
    site.write("old.log", [100])
    preview = site.json("purge", "preview", "app-logs")
    given = ("--request", preview["request"], "--code", preview["code"], "--reason", "x")
    need(shutil.which("faketime"), "faketime is not here: no process can be given another time")
    done = subprocess.run(
        at_another_time("-1d", site.command("purge", "run", *given)),
        cwd=site.folder,
        env=site.environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == REFUSED, done.stderr
    assert "clock" in done.stderr
    assert (site.logs / "old.log").exists()
    assert site("purge", "trust-clock", "--reason", " ").returncode == BAD_INPUT
    assert site("purge", "run", *given).returncode == DONE


# -- audit ------------------------------------------------------------------------------------------------------------


def test_an_audit_that_was_altered_is_found_broken(site: Site) -> None:
    """Intact is exit code 0, one changed byte is 1 with the entry named, no audit at all is 2."""
    assert site("audit", "verify").returncode == BAD_INPUT
    site.write("old.log", [100])
    site.purge()
    assert site.json("audit", "verify")["verdict"] == "intact"
    (path,) = (site.folder / "var" / "audit").glob("audit-*.jsonl")
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"records":1', b'"records":2', 1))
    done = site("audit", "verify", "--json")
    assert done.returncode == FAILED
    assert json.loads(done.stdout)["findings"]
    path.write_bytes(content)
    assert site("audit", "verify").returncode == DONE


def test_the_audit_can_be_handed_out(site: Site) -> None:
    """`audit export` writes an archive, and never over a file that is there."""
    site.write("old.log", [100])
    site.purge()
    assert site("audit", "export", "out.zip").returncode == DONE
    assert (site.folder / "out.zip").stat().st_size > 1000
    assert site("audit", "export", "out.zip").returncode == BAD_INPUT


def test_a_checkpoint_kept_elsewhere_shows_what_was_cut_off(site: Site) -> None:
    """Against an older checkpoint the grown audit is intact; against a newer one a cut audit is broken."""
    site.write("old.log", [100])
    site.purge()
    kept = site.folder / "checkpoint.json"
    sealed = (site.folder / "var" / "audit" / "checkpoints.jsonl").read_text().splitlines()[-1]
    kept.write_text(sealed + "\n")
    site.json("purge", "preview", "app-logs")
    assert site("audit", "verify", "--checkpoint", str(kept)).returncode == DONE
    (path,) = (site.folder / "var" / "audit").glob("audit-*.jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    (site.folder / "var" / "audit" / "checkpoints.jsonl").unlink()
    assert site("audit", "verify", "--checkpoint", str(kept)).returncode == FAILED
    assert site("audit", "verify", "--checkpoint", "nowhere").returncode == BAD_INPUT


# -- samples ----------------------------------------------------------------------------------------------------------


def test_the_samples_can_be_tried(site: Site) -> None:
    """With `--dev` the sample logs are scanned and purged, and every source is understood."""
    found = site.json("scan", "--dev")
    assert len(found["sources"]) >= 4
    for source in found["sources"]:
        assert source["records"] > 10
        assert source["unparsed"] == 0, source["id"]
    preview = site.json("purge", "preview", "desktop-logs", "--dev")
    given = ("--request", preview["request"], "--code", preview["code"], "--reason", "trial")
    assert site.json("purge", "run", *given, "--dev")["verdict"] == "PASS"
