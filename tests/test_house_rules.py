"""The rules of the house: what the tools say, how large things may be, and what no file may hold."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.domain import ROOT, need

PRODUCT = ("app.py", "bot", "cards", "data", "dialogs", "manifest", "pyproject.toml", "docs", "deploy", "bench")
PRODUCT += ("Makefile", "README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", ".ci")
CODE = ("app.py", "bot", "cards", "data", "dialogs")
NOT_OURS = {".git", ".venv", "var", "node_modules", "artefacts", "__pycache__", ".hypothesis"}
LONGEST_MODULE = 400
LONGEST_FUNCTION = 50
TELLS_TIME = {"data/clock.py", "bot/doctor.py"}
PACKAGE_HOSTS = ("pypi" + ".org", "registry." + "npmjs", "files." + "pythonhosted", "registry." + "yarnpkg")
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:tmp|work|root|home)(?:/|\b(?![\w-]))")

IN_CONTAINER = {"deploy/compose.yaml": "- /tmp:"}
"""Places inside a container, which no machine of anybody's has a say in."""


def files(*roots: str) -> Iterator[Path]:
    """Walk through the files of the repository, without what is built, downloaded or cached."""
    for root in roots or (".",):
        start = ROOT / root
        for path in [start] if start.is_file() else sorted(start.rglob("*")):
            inside = path.relative_to(ROOT)
            cached = any(part in NOT_OURS or re.fullmatch(r"\.\w+_cache", part) for part in inside.parts)
            if path.is_file() and not cached:
                yield path


def texts(*roots: str) -> Iterator[tuple[str, str]]:
    """Read every text file, with its name inside the repository."""
    for path in files(*roots):
        content = path.read_bytes()
        if b"\0" not in content:
            yield path.relative_to(ROOT).as_posix(), content.decode("utf-8")


def modules() -> list[Path]:
    """List the modules of the product."""
    return [path for path in files(*CODE) if path.suffix == ".py"]


def run(*command: str) -> str:
    """Run a tool in the repository; fail with what it says."""
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# -- the tools --------------------------------------------------------------------------------------------------------


def test_ruff_finds_nothing() -> None:
    """All rules of ruff hold for everything, with the ignores that pyproject.toml gives reasons for."""
    run("-m", "ruff", "check", "--no-cache", ".")


def test_ruff_would_format_nothing() -> None:
    """Every file has the one form."""
    run("-m", "ruff", "format", "--no-cache", "--check", ".")


def test_mypy_finds_nothing(tmp_path: Path) -> None:
    """The product type-checks strictly."""
    assert "no issues found" in run("-m", "mypy", "--cache-dir", str(tmp_path))


def test_every_floor_stands_where_it_should() -> None:
    """No module imports what stands above it (import-linter)."""
    lint = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    assert "0 broken" in run("-c", lint)


# -- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_and_no_function_is_long(path: Path) -> None:
    """A module has at most 400 lines, a function at most 50 without its docstring."""
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= LONGEST_MODULE
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert own_lines(node) <= LONGEST_FUNCTION, node.name


def own_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines without its docstring and without the functions inside it."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is not None:
        first = node.body[0]
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            lines -= (child.end_lineno or child.lineno) - child.lineno + 1
    return lines


# -- what no file may hold --------------------------------------------------------------------------------------------


def test_only_the_clock_asks_for_the_time() -> None:
    """Nothing but data/clock.py (and the doctor, who looks at the machine) asks the machine for the wall time."""
    asks = re.compile(r"\bdatetime\.(?:now|utcnow|today)\(|\bdate\.today\(|\btime\.time(?:_ns)?\(")
    found = {name for name, text in texts(*CODE) if name.endswith(".py") and asks.search(text)}
    assert found <= TELLS_TIME
    assert "data/clock.py" in found, "the positive control"


def test_the_product_knows_no_path_of_this_machine() -> None:
    """No product file holds a path of the machine it was written on."""
    assert MACHINE_PATH.search("see /work" + "/main/x")
    searched = ((name, text.replace(IN_CONTAINER.get(name, "\0"), "")) for name, text in texts(*PRODUCT))
    found = [(name, match.group()) for name, text in searched for match in [MACHINE_PATH.search(text)] if match]
    assert found == []


def test_no_file_names_a_package_host() -> None:
    """Where packages come from is a matter of the machine: no file names a package index."""
    found = [(name, host) for name, text in texts() for host in PACKAGE_HOSTS if host in text]
    assert found == []
    assert sum(1 for _ in texts()) > 100


def test_locks_have_hashes() -> None:
    """Every requirement of every lock is pinned and has a hash."""
    locks = sorted(ROOT.glob("requirements*.lock"))
    need(locks, "there is no requirements lock yet")
    for lock in locks:
        joined = lock.read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line for line in joined.splitlines() if line.strip() and not line.strip().startswith("#")]
        assert lines
        for line in lines:
            assert re.match(r"[\w.-]+(?:\[[\w,-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line


def test_every_toml_file_parses() -> None:
    """Topics, lexicon, grammar, texts and everything else in TOML can be read."""
    found = [path for path in files() if path.suffix == ".toml"]
    for path in found:
        assert tomllib.loads(path.read_text(encoding="utf-8")), path
    assert len(found) >= 45


def test_nothing_is_patched_or_mocked() -> None:
    """Tests use fakes of our own ports: no mock library and no function patched."""
    patches = re.compile(r"unittest\.mock|from unittest import mock|monkeypatch\.setattr|\bmocker\b")
    this = Path(__file__).relative_to(ROOT).as_posix()
    assert [name for name, text in texts("tests", "bench") if name.endswith(".py") and patches.search(text)] == [this]


def test_every_test_states_its_claim() -> None:
    """Every test function has a docstring, and test modules have names of their own."""
    modules_ = [path for path in files("tests") if path.name.startswith("test_") and path.suffix == ".py"]
    for path in modules_:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"
    assert len({path.name for path in modules_}) == len(modules_)
