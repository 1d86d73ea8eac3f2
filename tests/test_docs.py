"""The pages under test, in both directions: what they name exists, and what exists is named."""

import ast
import fnmatch
import inspect
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from typer.main import get_command
from typer.testing import CliRunner

import app as application  # noqa: TID251  the pages describe what app.py builds
import cards
from bot.console import BAD_INPUT, BAD_INPUT_REASONS, REFUSED, build_cli
from bot.logs import ALLOWED
from bot.metrics import Metrics
from bot.settings import Settings
from cards.verbs import Verb
from data import errors
from data.access import Role, roles_granting
from data.audit.report import FlawCode, verdict_of
from data.catalogue.loader import load_catalogue
from data.desk.delivery import DeliveryState
from data.desk.retry import Outcome
from data.desk.standing_steps import Problem
from data.errors import CallerError
from data.formats.families.registry import all_families
from data.purge.clock_guard import ENGINE_OFFSET, judge_tick
from data.questions.commands import STATE_CHANGING, Command
from data.retention.evidence import Evidence
from data.retention.finding import FindingKind
from data.retention.request import State
from data.retention.residue import Code
from data.retention.verdict import Verdict
from data.sources.opening import refused
from data.watch import Standing
from dialogs.purge import NEEDS
from dialogs.router import Router
from dialogs.turn import Turn, TurnKind
from tests.domain import actor, make_router

ROOT = Path(__file__).parent.parent
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
README, CONTRIBUTING, CHANGELOG = (ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))
OPERATIONS, TOPICS, GLOSSARY = (ROOT / "docs" / name for name in ("operations.md", "topics.md", "glossary.md"))
DECISIONS = ROOT / "docs" / "decisions"
PRODUCT = (
    ROOT / "app.py",
    *(path for floor in ("bot", "cards", "data", "dialogs") for path in ROOT.glob(f"{floor}/**/*.py")),
)
NONE = "–"
MODULES = tuple(import_module(f"cards.{found.name}") for found in iter_modules(cards.__path__))

Rows = list[list[str]]


# -- reading a page ---------------------------------------------------------------------------------------------------


def name_of(page: Path) -> str:
    """Give the name of a page inside the repository."""
    return str(page.relative_to(ROOT))


def text_of(path: Path) -> str:
    """Read a file."""
    return path.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """Give a page without its fenced blocks, whose comments look like headings."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def part(page: Path, title: str) -> str:
    """Give what stands under a heading, up to the next one of the same rank."""
    text = prose_of(page)
    found = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert found, f"{page.name} has no heading {title!r}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows_of(text: str, header: str) -> Rows:
    """Give the cells of the tables whose first column has this header."""
    rows: Rows = []
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[0] == header:
            inside = True
        elif inside and not set(line) <= set("|- "):
            rows.append(cells)
    assert rows, f"there is no table with the column {header!r}"
    return rows


def words_in(cell: str) -> list[str]:
    """List what a cell names as code."""
    return re.findall(r"`([^`]+)`", cell)


def code_in(page: Path) -> Iterator[str]:
    """List everything that stands on a page as code: words inside a line, lines of blocks."""
    fenced = False
    for line in text_of(page).splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()
        else:
            yield from words_in(line)


def blocks_in(page: Path) -> Mapping[str, str]:
    """Give the TOML examples of a page by the file name in their first line."""
    found = re.findall(r"^```toml\n# (\S+)\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)
    return dict(found)


def slug(heading: str) -> str:
    """Give the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def unique(names: list[str]) -> set[str]:
    """Give names as a set; none of them may come twice."""
    assert sorted(names) == sorted(set(names))
    return set(names)


# -- settings ---------------------------------------------------------------------------------------------------------


def settings_fields() -> Mapping[str, FieldInfo]:
    """Walk through every field that can be set, by its path."""
    found: dict[str, FieldInfo] = {}
    for section, info in Settings.model_fields.items():
        shape = next((arg for arg in (info.annotation, *get_args(info.annotation)) if _is_model(arg)), None)
        in_list = shape is not None and shape is not info.annotation
        if shape is None or in_list:
            found[section] = info
        prefix = f"{section}[]" if in_list else section
        fields = shape.model_fields if shape else {}
        found.update({f"{prefix}.{name}": field for name, field in fields.items() if not field.exclude})
    return found


def _is_model(found: object) -> bool:
    return inspect.isclass(found) and issubclass(found, BaseModel)


def shown_default(field: FieldInfo) -> str:
    """Give the default as the table shows it."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    value = default.get_secret_value() if isinstance(default, SecretStr) else default
    if isinstance(value, tuple) and value:
        return ", ".join(f"`{item}`" for item in value)
    if isinstance(value, tuple | dict):
        return "`{}`" if isinstance(value, dict) else "`[]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else "empty"


def test_every_setting_has_a_row_with_its_default() -> None:
    """The README lists exactly the fields of the settings, each with the default it has."""
    rows = {words_in(name)[0]: default for name, default, _ in rows_of(part(README, "Settings"), "setting")}
    assert rows == {name: shown_default(field) for name, field in settings_fields().items()}
    assert len(rows) == len(rows_of(part(README, "Settings"), "setting"))


def test_every_setting_is_explained() -> None:
    """No row of the settings table is without a meaning."""
    assert all(len(meaning) > len("† x.") for _, _, meaning in rows_of(part(README, "Settings"), "setting"))


def test_example_settings_can_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings file of the README is accepted, and the same file with a misspelt key is not."""
    monkeypatch.delenv("PROCALL_SETTINGS", raising=False)
    example = tomllib.loads(blocks_in(README)["settings.toml"])
    assert Settings(**example).roles.admins
    example["teams"]["appid"] = example["teams"].pop("app_id")
    with pytest.raises(ValueError, match="appid"):
        Settings(**example)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_settings_named_on_a_page_exist(page: Path) -> None:
    """Every `section.field` and every environment variable that a page names is a setting."""
    sections = "|".join(Settings.model_fields)
    named = {
        found[1]
        for code in code_in(page)
        if (found := re.fullmatch(rf"((?:{sections})\.[a-z_]+)(?: = .*)?", code))
        and not code.endswith((".toml", ".json"))
    }
    for section, field in re.findall(r"PROCALL_([A-Z]+)__([A-Z0-9_]+)", text_of(page)):
        named.add("notices" if section == "NOTICES" else f"{section}.{field}".lower())
    assert named - audit_kinds() <= set(settings_fields())


def test_a_setting_that_nothing_uses_is_marked() -> None:
    """The README marks exactly the settings that no line of code reads."""
    trees = [ast.parse(text_of(path)) for path in PRODUCT if path.name != "settings.py"]
    read = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    unread = {name for name in settings_fields() if name.rpartition(".")[2] not in read}
    rows = rows_of(part(README, "Settings"), "setting")
    assert {words_in(name)[0] for name, _, meaning in rows if meaning.startswith("†")} == unread


# -- what can be typed ------------------------------------------------------------------------------------------------


def commands() -> Mapping[str, set[str]]:
    """List the commands of the command line with their options; one below another by both names."""
    return dict(_below(get_command(build_cli(application.Application())), ""))


def _below(group: Any, prefix: str) -> Iterator[tuple[str, set[str]]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below(command, f"{prefix}{name} ")
        else:
            options = {option for param in command.params for option in param.opts if option.startswith("--")}
            yield f"{prefix}{name}", options - {"--help"}


def test_every_command_has_a_row_with_its_options() -> None:
    """The README lists exactly the commands of the command line, each with its options."""
    rows = rows_of(part(README, "Command line"), "command")
    assert {words_in(name)[0]: set(words_in(options)) for name, options, _ in rows} == commands()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_named_on_a_page_exist(page: Path) -> None:
    """Whatever a page tells people to type after `app.py` is a command with such options."""
    known = commands()
    for code in code_in(page):
        for line in re.findall(r"app\.py ([a-z].*)", code):
            typed = re.sub(r'"[^"]*"', "", line)
            words = re.findall(r"[a-z-]+", typed)
            name = next((name for name in (" ".join(words[:2]), words[0]) if name in known), "")
            assert name, code
            assert set(re.findall(r"--[a-z-]+", typed)) <= known[name], code


def make_targets() -> tuple[set[str], set[str]]:
    """List all targets of the Makefile, and those of them that are meant to be typed."""
    text = text_of(ROOT / "Makefile")
    rules = re.findall(r"^([^\s#:=][^#:=\n]*):(?!=)", text, re.MULTILINE)
    targets = {name for rule in rules for name in rule.split()} - {".PHONY"}
    typed = set(re.findall(r"^([A-Za-z.-]+):[^#\n]*##", text, re.MULTILINE))
    assert "test" in typed
    return targets, typed


def test_every_make_target_is_explained() -> None:
    """CONTRIBUTING explains every target that is meant to be typed, and no other."""
    targets, typed = make_targets()
    rows = unique([words_in(row[0])[0].removeprefix("make ") for row in rows_of(text_of(CONTRIBUTING), "target")])
    assert rows == typed
    assert typed <= targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_named_on_a_page_exist(page: Path) -> None:
    """Whatever a page tells people to make can be made."""
    named = {name for code in code_in(page) for name in re.findall(r"\bmake ([a-z.][\w.-]*)", code)}
    assert named <= (make_targets()[0] if named else set())


@pytest.fixture(scope="module")
def router(trained: Path) -> Router:
    """Give the product's router."""
    return make_router(application.read_knowledge(Settings(), cache=trained))


def test_sentences_to_try_get_what_the_readme_says(router: Router) -> None:
    """Each sentence that the README invites to try comes back as it promises."""
    rows = rows_of(part(README, "Try it"), "sentence")
    said = {sentence: f"`{router.say(message(sentence, Role.EMPLOYEE, sentence)).outcome}`" for sentence, _ in rows}
    assert said == dict(rows)
    assert len(said) == 5


def test_follow_up_to_try_is_understood(router: Router) -> None:
    """The follow-up question of the README is about the phone, after the question before it about the computer."""
    first, second = re.findall(r"“([^”]+)”", part(README, "Try it"))[:2]
    replies = [router.say(message(text, Role.EMPLOYEE, "follow-up")) for text in (first, second)]
    assert [(reply.topics, reply.notices) for reply in replies] == [
        (("app_desktop",), ("N3",)),
        (("app_mobile",), ("N4",)),
    ]


def message(text: str, role: Role, conversation: str) -> Turn:
    """Make a message of somebody with a role."""
    return Turn(kind=TurnKind.MESSAGE, actor=actor(role), conversation=conversation, text=text)


# -- what the bot says and hears --------------------------------------------------------------------------------------


def test_every_topic_has_its_row() -> None:
    """The table of topics is the catalogue: ids, clauses, titles, outcomes."""
    rows = rows_of(part(TOPICS, "Topics"), "id")
    expected = [
        [
            f"`{topic.id}`",
            ", ".join(topic.general.clauses) or NONE,
            *topic.title.values(),
            f"`{topic.general.outcome}`",
        ]
        for topic in load_catalogue().topics.values()
    ]
    assert sorted(rows) == sorted(expected)


def test_every_bot_command_has_its_row() -> None:
    """The table of commands says of each whether it changes something, and which roles may give it."""
    rows = rows_of(part(TOPICS, "Commands"), "id")
    told = [(words_in(name)[0], changes, tuple(words_in(roles))) for name, changes, roles, *_ in rows]
    assert told == [
        (command, "yes" if command in STATE_CHANGING else "no", roles_granting(NEEDS[command])) for command in Command
    ]


@pytest.mark.parametrize("column", [3, 4], ids=["de", "en"])
def test_example_of_each_command_is_recognised(column: int, router: Router) -> None:
    """Each example sentence in the table of commands is understood as its command."""
    rows = rows_of(part(TOPICS, "Commands"), "id")
    said = {row[column]: router.say(message(row[column], Role.ADMIN, row[column])).topics for row in rows}
    assert said == {row[column]: (words_in(row[0])[0],) for row in rows}


def test_every_verb_has_its_row() -> None:
    """The table of buttons names every verb and no other."""
    assert unique([words_in(row[0])[0] for row in rows_of(part(TOPICS, "Buttons"), "verb")]) == set(Verb)


def test_every_card_has_its_row() -> None:
    """The table of cards names every card function with its file, and no other."""
    rows = rows_of(part(TOPICS, "Cards"), "function")
    found = {
        (name, str(Path(inspect.getfile(module)).relative_to(ROOT)))
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if name.endswith("_card") and name[0] != "_" and function.__module__ == module.__name__
    }
    assert {(words_in(name)[0], words_in(file)[0]) for name, file, _ in rows} == found
    assert ("answer_card", "cards/ask.py") in found


def test_roles_of_the_readme_are_the_roles() -> None:
    """The README explains every role and no other."""
    assert unique([words_in(row[0])[0] for row in rows_of(part(README, "Who sees what"), "role")]) == set(Role)


def test_overlay_of_the_operations_page_can_be_used(tmp_path: Path) -> None:
    """The example overlay is accepted: an answer, a topic and a notice of one's own; without its notice it is not."""
    folder = tmp_path / "own-answers"
    for name, content in blocks_in(OPERATIONS).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    shipped, own = load_catalogue(), load_catalogue(overlay=folder)
    assert own.topics["location"].changed_by_overlay
    assert not shipped.topics["location"].changed_by_overlay
    assert set(own.topics) - set(shipped.topics) == {"company_agreement"}
    assert set(own.notices) - set(shipped.notices) == {"AGREEMENT"}
    (folder / "notices.toml").unlink()
    with pytest.raises(errors.CatalogueError, match="AGREEMENT"):
        load_catalogue(overlay=folder)


# -- what operators see -----------------------------------------------------------------------------------------------


def test_every_metric_has_its_row_with_its_labels() -> None:
    """The table of metrics names each as Prometheus reads it, with its labels, and no other."""
    rows = rows_of(part(OPERATIONS, "Metrics"), "metric")
    found = {
        f"{family.name}_total" if family.type == "counter" else family.name: set(metric._labelnames)
        for metric in vars(Metrics()).values()
        if hasattr(metric, "_labelnames")
        for family in metric.collect()
    }
    assert {words_in(name)[0]: set(words_in(labels)) for name, labels, _ in rows} == found
    named = {name for page in PAGES for name in re.findall(r"\bprocall_[a-z_]+", text_of(page))}
    assert named == set(found)


def test_every_log_field_has_its_row() -> None:
    """The table of log fields is the list of what may be logged."""
    rows = rows_of(part(OPERATIONS, "Logs"), "field")
    assert unique([name for row in rows for name in words_in(row[0])]) == ALLOWED


def test_every_action_of_the_log_has_its_row() -> None:
    """The table of actions names every `action` that a line of code writes, and no other."""
    rows = rows_of(part(OPERATIONS, "Logs"), "action")
    written = {action for path in PRODUCT for action in re.findall(r'action="(\w+)"', text_of(path))}
    assert unique([name for row in rows for name in words_in(row[0])]) == written


def refusals() -> set[tuple[str, str]]:
    """List status and reason of every refusal the code can raise; a reason with a part filled in ends in <field>."""
    found = set()
    for path in PRODUCT:
        for node in ast.walk(ast.parse(text_of(path))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            kind = getattr(errors, node.func.id, None)
            if inspect.isclass(kind) and issubclass(kind, CallerError):
                found |= {(str(kind.status), reason) for reason in _reasons(node.args[0])}
    return found


def _reasons(argument: ast.expr) -> Iterator[str]:
    if isinstance(argument, ast.JoinedStr):
        yield f"{ast.literal_eval(argument.values[0])}<field>"
    elif isinstance(argument, ast.IfExp):
        yield from (*_reasons(argument.body), *_reasons(argument.orelse))
    else:
        yield ast.literal_eval(argument)


def test_every_reason_of_a_refusal_has_its_row() -> None:
    """The table of refusals names every reason the code can give with its status, and no other."""
    rows = rows_of(part(OPERATIONS, "Why a request is refused"), "status")
    assert {(status, reason) for status, reasons, _ in rows for reason in words_in(reasons)} == refusals()


def test_problems_of_readiness_are_explained() -> None:
    """The table of problems names the words that `/readyz` can say."""
    rows = rows_of(part(OPERATIONS, "Health"), "problem")
    code = "".join(text_of(ROOT / "bot" / name) for name in ("assembly.py", "server.py", "outbox.py"))
    assert all(f'"{name}"' in code for name in unique([words_in(row[0])[0] for row in rows]))


# -- the retention engine ---------------------------------------------------------------------------------------------


def first_column(title: str, header: str) -> set[str]:
    """Give everything that a table of the operations page names in its first column; nothing comes twice."""
    rows = rows_of(part(OPERATIONS, title), header)
    assert all(len(row) > 1 and row[1] for row in rows)
    return unique([word for row in rows for word in words_in(row[0])])


@pytest.mark.parametrize(
    ("title", "header", "words"),
    [
        ("What is left, and why", "code", Code),
        ("A purge", "request state", State),
        ("A purge", "verdict", Verdict),
        ("What scan says", "source state", Standing),
        ("How a record is dated", "evidence", Evidence),
        ("Formats", "family", [family.id for family in all_families()]),
        ("Alerts", "alert", FindingKind),
        ("The outbox", "delivery", DeliveryState),
        ("The outbox", "outcome", Outcome),
        ("Standing rules", "problem", Problem),
    ],
    ids=[
        *("codes", "states", "verdicts", "standings", "evidence", "families"),
        *("alerts", "deliveries", "outcomes", "problems"),
    ],
)
def test_every_word_of_the_engine_has_its_row(title: str, header: str, words: Iterable[str]) -> None:
    """Each table of the operations page on engine and office names every word that the code knows, and no other."""
    assert first_column(title, header) == set(words)


def test_every_finding_of_the_audit_has_its_row() -> None:
    """The table of findings names each with the verdict that it alone gives."""
    rows = rows_of(part(OPERATIONS, "Audit"), "finding")
    told = {word: verdict.replace(" ", "_") for words, verdict, _ in rows for word in words_in(words)}
    assert told == {code: verdict_of(frozenset({code})) for code in FlawCode}


def audit_kinds() -> set[str]:
    """List the kinds of audit entries that the code writes, but for those named after a state."""
    prefixes = r"audit\.(?:opened|torn)|alert|attempt|clock|document|hold|person|purge|request|standing|teaching|ticket"
    found = rf'"((?:{prefixes})(?:\.[a-z_]+|(?<=opened)|(?<=torn)))"'
    folders = ("audit", "office", "purge")
    code = "".join(text_of(path) for name in folders for path in (ROOT / "data" / name).glob("*.py"))
    steps = re.findall(r'_step\(.+, "([a-z]+)", now=now', text_of(ROOT / "data" / "desk" / "alert_steps.py"))
    told = set(re.findall(found, code)) | {f"alert.{what}" for what in steps}
    return told - {f"request.{state}" for state in State}


def test_every_kind_of_an_audit_entry_has_its_row() -> None:
    """The table of kinds names every kind of entry that the code writes, and no other."""
    assert first_column("Audit", "kind") - {"request."} == audit_kinds()


def raised(name: str) -> set[str]:
    """List the first words of all errors of a class that the code raises."""
    return {
        str(node.args[0].value)
        for path in PRODUCT
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        if node.args and isinstance(node.args[0], ast.Constant)
    }


def test_every_refusal_of_the_engine_has_its_row_with_its_exit_code() -> None:
    """The table of refusals names every reason that a rule of the engine gives, with the exit code it leads to."""
    rows = rows_of(part(OPERATIONS, "Refusals"), "reason")
    told = {reason: code for reasons, code, _ in rows for reason in words_in(reasons)}
    codes = {reason: str(BAD_INPUT if reason in BAD_INPUT_REASONS else REFUSED) for reason in raised("RefusedError")}
    assert told == codes


def test_the_lines_below_a_scan_are_explained() -> None:
    """Each line that the operations page explains is one that a scan can print."""
    code = text_of(ROOT / "bot" / "retention_tables.py")
    rows = rows_of(part(OPERATIONS, "What scan says"), "line")
    assert [row[0] for row in rows if row[0].partition(",")[0] not in code] == []


def words_of(function: Callable[..., object]) -> set[str]:
    """List the words that a function can give back."""
    tree = ast.parse(inspect.getsource(function))
    given = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value]
    texts = [node.value for value in given for node in ast.walk(value) if isinstance(node, ast.Constant)]
    return {text for text in texts if isinstance(text, str) and text}


def test_every_block_of_the_clock_has_its_row() -> None:
    """The table of clocks names every reason for which nothing is deleted, and no other."""
    assert first_column("Clocks", "blocked") == words_of(judge_tick) | raised("ClockError") | {ENGINE_OFFSET}


def test_everything_that_is_skipped_has_its_row() -> None:
    """The table of what is never touched names every reason for which something is no unit, and no other."""
    walked = re.findall(r'reason ?= ?"([a-z_]+)"', text_of(ROOT / "data" / "sources" / "walk.py"))
    assert first_column("What is never touched", "skipped") == words_of(refused) | set(walked)


@pytest.fixture(scope="module")
def purged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Mapping[str, Mapping[str, Any]]]]:
    """Purge a source of the samples; give the state folder and the JSON of each command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("purged"))
        patch.delenv("PROCALL_SETTINGS", raising=False)
        services, runner = application.Application(), CliRunner()
        said: dict[str, Mapping[str, Any]] = {}

        def say(*words: str) -> Mapping[str, Any]:
            result = runner.invoke(build_cli(services), [*words, "--dev", "--json"])
            assert result.exit_code == 0, result.output
            found: Mapping[str, Any] = json.loads(result.output)
            said[" ".join(words[:2]).removesuffix(" ") if words[0] != "scan" else "scan"] = found
            return found

        say("scan")
        shown = say("purge", "preview", "stack-traces")
        say("purge", "run", "--request", shown["request"], "--code", shown["code"], "--reason", "test")
        say("purge", "show", shown["request"])
        say("hold", "add", "exceptions", "--reason", "test")
        said["hold list"] = say("hold", "list")["holds"][0]
        say("audit", "verify")
        yield Path("var/dev").absolute(), said


def test_every_file_of_the_state_folder_has_its_row(purged: tuple[Path, object]) -> None:
    """The table of files names every file that a purge leaves in the state folder."""
    folder = purged[0]
    rows = rows_of(part(OPERATIONS, "The state folder"), "file")
    patterns = [word.replace("YYYY", "*") for row in rows for word in words_in(row[0])] + ["samples/*"]
    files = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    assert [name for name in files if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)] == []
    assert {name.partition("/")[0] for name in files} >= {"audit", "certificates", "keys", "manifests", "sources"}


def test_the_json_of_the_engine_has_the_keys_that_are_told(purged: tuple[Path, Mapping[str, Any]]) -> None:
    """The table of JSON tells the keys of each command's answer, in their order."""
    said = purged[1]
    told = {row[0].split(",")[0].strip("`").removesuffix(" --json"): words_in(row[1]) for row in json_rows()}
    told["purge show"] = told["purge preview"] + told["purge show"]
    assert list(said["scan"]["sources"][0]) == told.pop("each source")
    assert {name: list(said[name]) for name in told} == told


def json_rows() -> Rows:
    """Give the table of JSON."""
    return rows_of(part(OPERATIONS, "JSON"), "command")


def test_the_readme_shows_what_a_purge_prints() -> None:
    """Each line that the README shows of a preview or a result begins as the command line begins it."""
    shown = re.findall(r"^    ([a-z ]+): {2,}\S", part(README, "Purge old logs"), re.MULTILINE)
    code = text_of(ROOT / "bot" / "retention_tables.py")
    assert [label for label in shown if f'"{label}"' not in code and f'"{label}:"' not in code] == []
    assert {"would go", "code", "verdict", "certificate"} <= set(shown)


# -- words, decisions, changes ----------------------------------------------------------------------------------------

FIXED_WORDS = (
    "Notice Clause Topic DataCategory SubjectCategory Source Unit Record Evidence Cutoff Finding PurgeRequest Preview"
    " Hold Certificate AuditEntry Checkpoint Actor Role Turn Reply Card Verb Outbox Alert Ticket StandingRule"
    " Manifest Residue Verdict Level Lease Mark Family Reading Span Report Tombstone"
).split()


def test_glossary_has_every_fixed_word_in_german_too() -> None:
    """The glossary holds the words that the design fixes, each once, in order, with German and a meaning."""
    rows = rows_of(text_of(GLOSSARY), "word")
    words = [row[0] for row in rows]
    assert set(FIXED_WORDS) <= unique(words)
    assert words == sorted(words, key=str.lower)
    assert all(len(row) == 5 and all(row) for row in rows)


def test_glossary_tells_where_an_idea_is() -> None:
    """A word of the glossary names the file where its idea is, or says that it comes later and has no class yet."""
    rows = rows_of(text_of(GLOSSARY), "word")
    assert all(row[4] == "later" or words_in(row[4]) for row in rows)
    classes = {name for path in PRODUCT for name in re.findall(r"^class (\w+)", text_of(path), re.MULTILINE)}
    assert {row[0] for row in rows if row[4] == "later"} & classes == set()


def test_glossary_names_the_file_of_a_class() -> None:
    """A word of the glossary that is the name of a class is explained where that class is."""
    for word, _, _, _, where in rows_of(text_of(GLOSSARY), "word"):
        homes = [path for path in PRODUCT if re.search(rf"^class {word}\b", text_of(path), re.MULTILINE)]
        assert not homes or any(name_of(path) in words_in(where) for path in homes), word


def test_every_decision_is_listed_under_its_title() -> None:
    """The index of decisions links every page under its own title, numbered without a gap."""
    pages = sorted(DECISIONS.glob("[0-9]*.md"))
    titles = {page.name: text_of(page).splitlines()[0].removeprefix(f"# {page.name[:4]} ") for page in pages}
    listed = [
        (row[0], *re.findall(r"\[(.+)\]\((.+)\)", row[1]))
        for row in rows_of(text_of(DECISIONS / "README.md"), "number")
    ]
    assert [(page.name[:4], (titles[page.name], page.name)) for page in pages] == listed
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]


@pytest.mark.parametrize("page", sorted(DECISIONS.glob("[0-9]*.md")), ids=name_of)
def test_decision_has_its_four_parts(page: Path) -> None:
    """A decision says context, options, decision and consequences, in this order."""
    headings = re.findall(r"^## (.+)$", text_of(page), re.MULTILINE)
    assert headings == ["Context", "Options", "Decision", "Consequences"]


def test_every_defect_of_the_sdk_has_its_row() -> None:
    """The decision on the SDK says of each of D1 to D23 and F1 to F17 how it is cured and where that is tested."""
    rows = rows_of(text_of(DECISIONS / "0002-hardened-sdk.md"), "id")
    ids = [f"D{number}" for number in range(1, 24)] + [f"F{number}" for number in range(1, 18)]
    assert [row[0] for row in rows] == ids
    untested = {row[0] for row in rows if row[3] == NONE}
    assert untested == {row[0] for row in rows if row[2].startswith("Not applicable yet")}
    assert all("SDK" in row[3] or words_in(row[3]) for row in rows if row[0] not in untested)


def test_changelog_begins_with_what_is_not_released() -> None:
    """The changelog has its unreleased part on top, and its headings are those of Keep a Changelog."""
    headings = re.findall(r"^## (.+)$", text_of(CHANGELOG), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    kinds = set(re.findall(r"^### (.+)$", text_of(CHANGELOG), re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


# -- links and files --------------------------------------------------------------------------------------------------


def headings_of(page: Path) -> set[str]:
    """List the anchors of a page."""
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file or a heading of this repository leads to one that is there."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        if link.startswith("https://"):
            continue
        if not target.exists() or (anchor and anchor not in headings_of(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_named_on_a_page_exist(page: Path) -> None:
    """Every file and folder of the product that a page names as code is there."""
    named = {
        code
        for code in code_in(page)
        if re.fullmatch(r"(?:bot|cards|data|dialogs|manifest|tests|docs|bench)/[\w./-]*", code)
    }
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_page_can_be_found_from_the_readme() -> None:
    """Every page is linked from the README or from a page that is."""
    seen, new = set(), {README}
    while new:
        seen |= new
        links = {
            (page.parent / link.partition("#")[0]).resolve()
            for page in new
            for link in re.findall(r"\]\(([^)\s:]+)\)", text_of(page))
        }
        new = {path for path in links if path.suffix == ".md" and path.exists()} - seen
    assert set(PAGES) - seen == set()


def own_files() -> Iterator[Path]:
    """Walk through everything that belongs to the repository, by its ignore file."""
    ignored = [line.rstrip("/") for line in text_of(ROOT / ".gitignore").splitlines() if line and line[0] != "#"]
    folders = [ROOT]
    while folders:
        for path in folders.pop().iterdir():
            if path.name == ".git" or any(fnmatch.fnmatch(path.name, pattern) for pattern in ignored):
                continue
            if path.is_dir():
                folders.append(path)
            else:
                yield path


def test_nothing_refers_to_what_is_not_in_the_repository() -> None:
    """No file names the folder of working papers beside the repository, or a folder of somebody's machine."""
    beside = re.compile(rb"(?:\.\./|\bwork/)shared/|\bshared/(?:design|reference|terms|questions|hooks)\b")
    machine = re.compile(b"/work" + b"/main|/tmp" + b"/v/")
    files = {path: path.read_bytes() for path in own_files()}
    assert README in files
    found = {
        str(path.relative_to(ROOT))
        for path, content in files.items()
        if beside.search(content) or machine.search(content)
    }
    assert found - {"tests/test_docs.py"} == set()
