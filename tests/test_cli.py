"""The command line as an operator uses it: real processes, plain answers, and exit codes that mean something."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.domain import ROOT

DONE, FAILED, BAD_INPUT = 0, 1, 2
FIELDS = {"id", "lang", "outcome", "topics", "clauses", "notices", "confidence", "answer", "options"}
APP_ID = "11111111-2222-4333-8444-555555555555"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Give what runs `python app.py` in an empty folder with settings of the test's own."""

    def run(
        *arguments: str, settings: str = "", stdin: str = "", env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        if settings:
            (tmp_path / "settings.toml").write_text(settings, encoding="utf-8")
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PROCALL_")}
        return subprocess.run(
            [sys.executable, str(ROOT / "app.py"), *arguments],
            cwd=tmp_path,
            env=clean | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "COLUMNS": "200"} | dict(env or {}),
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=180,
            check=False,
        )

    return run


def lines(*questions: Any) -> str:
    """Write JSON lines; a text goes as it is."""
    return "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in questions)


# -- ask --------------------------------------------------------------------------------------------------------------


def test_a_question_is_answered_in_plain_words(cli: Cli, tmp_path: Path) -> None:
    """`ask` prints what the card says and nothing else, and leaves nothing behind."""
    done = cli("ask", "wie lange werden stack traces gespeichert")
    assert (done.returncode, done.stderr) == (DONE, "")
    assert "90 Tagen" in done.stdout
    assert "Ziffer 2.7" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_question_is_answered_as_json(cli: Cli) -> None:
    """`ask --json` prints one object with exactly the fields of the contract."""
    done = cli("ask", "--json", "--role", "admin", "how long are logs kept?")
    found = json.loads(done.stdout)
    assert done.returncode == DONE
    assert set(found) == FIELDS
    assert (found["lang"], found["outcome"], found["topics"], found["clauses"]) == (
        "en",
        "answer",
        ["diagnostics"],
        ["2.7"],
    )
    assert 0 < found["confidence"] <= 1


def test_a_batch_is_answered_line_by_line(cli: Cli) -> None:
    """`ask --batch -` answers the last turn of each line, with its role and its language, in order."""
    stdin = lines(
        {"id": "employee", "turns": ["wie lange werden logs gespeichert"]},
        {"id": "admin", "role": "admin", "turns": ["wie lange werden logs gespeichert"]},
        {"id": "dpo", "role": "dpo", "turns": ["welche logs sind überfällig?"]},
        {"id": "english", "lang": "en", "turns": ["wer bekommt meine push daten"]},
        {"id": "follow-up", "turns": ["datenschutzerklärung für windows", "und auf dem handy?"]},
        {"id": "apart", "turns": ["und auf dem handy?"]},
        "",
        {"turns": ["hallo"]},
        {"id": "empty", "turns": [""]},
    )
    done = cli("ask", "--json", "--batch", "-", stdin=stdin)
    assert (done.returncode, done.stderr) == (DONE, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(set(answer) == FIELDS for answer in found)
    assert [answer["id"] for answer in found] == [
        "employee",
        "admin",
        "dpo",
        "english",
        "follow-up",
        "apart",
        "",
        "empty",
    ]
    by_id = {answer["id"]: answer for answer in found}
    assert by_id["employee"]["outcome"] == "clarify"
    assert by_id["employee"]["options"] == ["journal", "diagnostics"]
    assert by_id["admin"]["topics"] == ["diagnostics"]
    assert (by_id["dpo"]["outcome"], by_id["dpo"]["topics"]) == ("command", ["retention_status"])
    assert (by_id["english"]["lang"], by_id["english"]["topics"]) == ("en", ["push"])
    assert (by_id["follow-up"]["topics"], by_id["follow-up"]["notices"]) == (["app_mobile"], ["N4"])
    assert by_id[""]["outcome"] == by_id["empty"]["outcome"] == "help"


BAD_LINES = {
    "no JSON": "{",
    "no object": "[1]",
    "no turns": '{"id": "x"}',
    "empty turns": '{"turns": []}',
    "turns as text": '{"turns": "hallo"}',
    "number as turn": '{"turns": [1]}',
    "unknown role": '{"turns": ["hallo"], "role": "king"}',
    "role as list": '{"turns": ["hallo"], "role": ["admin"]}',
    "unknown language": '{"turns": ["hallo"], "lang": "fr"}',
    "language as number": '{"turns": ["hallo"], "lang": 7}',
}


def test_bad_lines_are_named_and_the_good_ones_answered(cli: Cli) -> None:
    """Each bad line gives its number and a reason, the others are answered, and the exit code is 2."""
    good = {"id": "good", "turns": ["wer bekommt meine push daten"]}
    done = cli("ask", "--json", "--batch", "-", stdin=lines(*BAD_LINES.values(), good))
    assert (done.returncode, done.stderr) == (BAD_INPUT, "")
    *errors, last = (json.loads(line) for line in done.stdout.splitlines())
    assert [error["line"] for error in errors] == list(range(1, len(BAD_LINES) + 1))
    assert all(error["error"] for error in errors)
    assert (last["id"], last["topics"]) == ("good", ["push"])


def test_a_batch_can_be_a_file(cli: Cli, tmp_path: Path) -> None:
    """`--batch FILE` reads a file; one that is not there is named."""
    (tmp_path / "questions.jsonl").write_text(lines({"id": "1", "turns": ["hallo"]}), encoding="utf-8")
    assert json.loads(cli("ask", "--batch", "questions.jsonl").stdout)["outcome"] == "help"
    missing = cli("ask", "--batch", "missing.jsonl")
    assert missing.returncode == BAD_INPUT
    assert "missing.jsonl" in missing.stderr


@pytest.mark.parametrize(
    "arguments", [["ask"], ["ask", "hallo", "--batch", "-"], ["ask", "--role", "king", "x"], ["fly"]]
)
def test_a_wrong_command_line_is_bad_input(cli: Cli, arguments: list[str]) -> None:
    """What cannot be understood as a command is exit code 2 with a sentence, and never a traceback."""
    done = cli(*arguments)
    assert done.returncode == BAD_INPUT
    assert done.stderr
    assert "Traceback" not in done.stderr


# -- mistakes of an operator ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param("[server]\nprot = 1\n", ("settings.toml", "server.prot", "unknown key"), id="unknown key"),
        pytest.param("[servr]\nport = 1\n", ("settings.toml", "servr", "unknown key"), id="unknown section"),
        pytest.param("[server\n", ("settings.toml", "not a readable TOML file"), id="bad TOML"),
        pytest.param('[teams]\napp_secret = "x"\n', ("settings.toml", "teams.app_secret"), id="secret"),
        pytest.param('[notices]\nN3 = "http://x.example"\n', ("settings.toml", "notices.N3", "https"), id="http"),
        pytest.param("[retention]\nmax_age_days = 91\n", ("settings.toml", "retention.max_age_days"), id="91 days"),
    ],
)
def test_bad_settings_are_named(cli: Cli, settings: str, words: tuple[str, ...]) -> None:
    """Settings that cannot be used end with exit code 2 and a sentence that names file, key and reason."""
    done = cli("ask", "hallo", settings=settings)
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_catalogue_is_named(cli: Cli, tmp_path: Path) -> None:
    """An overlay that cannot be used ends with exit code 2 and a sentence that names file, key and reason."""
    (tmp_path / "own" / "topics").mkdir(parents=True)
    (tmp_path / "own" / "topics" / "push.toml").write_text('id = "push"\nclauses = ["2.10"]\n', encoding="utf-8")
    done = cli("ask", "hallo", settings='[catalogue]\noverlay = "own"\n')
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    for word in ("push.toml", "clauses.0", "no clause 2.10"):
        assert word in done.stderr
    missing = cli("ask", "hallo", settings='[catalogue]\noverlay = "missing"\n')
    assert missing.returncode == BAD_INPUT
    assert "catalogue.overlay" in missing.stderr


def test_serving_without_a_registration_is_refused(cli: Cli) -> None:
    """Without an app id nothing is started: the exit code is 2 and the sentence says why."""
    done = cli("serve", env={"PROCALL_SERVER__PORT": "0", "PROCALL_SERVER__OPS_PORT": "0"})
    assert done.returncode == BAD_INPUT
    assert "teams.app_id" in done.stderr


# -- pack and doctor --------------------------------------------------------------------------------------------------


def test_the_app_package_is_written(cli: Cli, tmp_path: Path) -> None:
    """`pack` writes a zip with the operator's app id; without one it is refused and nothing is written."""
    refused = cli("pack", "out.zip")
    assert refused.returncode == BAD_INPUT
    assert "teams.app_id" in refused.stderr
    assert not (tmp_path / "out.zip").exists()
    done = cli("pack", "out.zip", env={"PROCALL_TEAMS__APP_ID": APP_ID})
    assert (done.returncode, done.stderr) == (DONE, "")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert json.loads(archive.read("manifest.json"))["id"] == APP_ID


def test_the_doctor_finds_an_empty_deployment_ill(cli: Cli) -> None:
    """`doctor --json` without settings reports what is missing, and its exit code is 1."""
    unreachable = {"PROCALL_TEAMS__OPENID_METADATA_URL": "http://127.0.0.1:9/none"}
    done = cli("doctor", "--json", env=unreachable)
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (FAILED, False)
    by_name = {check["name"]: check for check in report["checks"]}
    registration = by_name["registration, tenant and credential are set"]
    assert not registration["ok"]
    assert "teams.app_id" in registration["detail"]
    assert by_name["logs drop texts and tokens"]["ok"]
    assert not any(name.startswith("a message") for name in by_name), "nothing is started that may not be"


def test_the_doctor_speaks_to_people_too(cli: Cli) -> None:
    """Without `--json` the report is a table, with the same exit code."""
    done = cli("doctor", env={"PROCALL_TEAMS__OPENID_METADATA_URL": "http://127.0.0.1:9/none"})
    assert done.returncode == FAILED
    assert "NO" in done.stdout
    assert "Traceback" not in done.stderr
