"""Container and compose file: what goes in, what may be written, and the tree of the image run without rights."""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import copy_model
from tests.domain import ROOT, need

DEPLOY = ROOT / "deploy"
DOCKERFILE = DEPLOY / "Dockerfile"
INSIDE = """
set -eu
mount --make-rprivate /
mount --bind "$IMAGE" /srv
mount --bind "$STATE" /mnt
for there in / /srv /dev; do mount -o remount,bind,ro "$there"; done
mount -t tmpfs -o size=512m,noexec,nosuid,nodev tmpfs /tmp
"$PYTHON" -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH14x", b"lo", 1))'
cd /srv
exec setpriv --no-new-privs --bounding-set -all --inh-caps -all sh -c '
"$PYTHON" app.py serve 2>/mnt/log &
bot=$!
for try in $(seq 60); do
    if "$PYTHON" -c "$HEALTH" 2>/dev/null; then echo healthy; break; fi
    sleep 0.5
done
touch /srv/written 2>/dev/null && echo "wrote beside the code"
touch /etc/written 2>/dev/null && echo "wrote into the system"
touch /mnt/written && echo "wrote into the state"
grep -q "^CapEff:.0000000000000000$" /proc/$bot/status && echo "no capability"
kill -TERM $bot
wait $bot && echo "ended well"
"$PYTHON" -c "$HEALTH" 2>/dev/null || echo "not healthy any more"
'
"""

ALONE = """
import runpy, sys
for name in ("pip", "setuptools", "pkg_resources"):
    sys.modules[name] = None
sys.path.insert(0, {image!r})
sys.argv = ["app.py", "ask", "--json", {question!r}]
runpy.run_path({image!r} + "/app.py", run_name="__main__")
"""


def instructions() -> list[tuple[str, str]]:
    """Read the Dockerfile: each instruction with what follows it, continued lines joined."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in joined.splitlines() if line.strip()]


def said(name: str) -> list[str]:
    """Give what follows each instruction of a kind."""
    return [rest for kind, rest in instructions() if kind == name]


def health_check() -> str:
    """Give the Python of the health check."""
    (check,) = said("HEALTHCHECK")
    command: list[str] = json.loads(check.partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    return command[2]


def sent(name: str) -> bool:
    """Tell whether a file goes to the builder: the last pattern of the ignore file that covers it counts."""
    ignored = False
    for line in (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        pattern = line.removeprefix("!")
        shapes = [pattern, pattern.removeprefix("**/")] if pattern.startswith("**/") else [pattern]
        parts = Path(name).parts
        heads = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        covers = any(_same_depth(head, shape) for head in heads for shape in shapes) or (
            pattern.startswith("**/") and any(fnmatch.fnmatch(part, pattern[3:]) for part in parts)
        )
        if covers:
            ignored = not line.startswith("!")
    return not ignored


def _same_depth(name: str, pattern: str) -> bool:
    return name.count("/") == pattern.count("/") and fnmatch.fnmatch(name, pattern)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay the tree of the image out as the COPY lines of the first stage do; not the packages."""
    folder = tmp_path_factory.mktemp("image")
    for words in (rest.split() for rest in said("COPY") if not rest.startswith(("--from", "requirements"))):
        for source in words[:-1]:
            target = folder / words[-1] / (source if words[-1].endswith("/") else "")
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, target)
    return folder


# -- the image --------------------------------------------------------------------------------------------------------


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    """The linter of Dockerfiles has nothing to say; of one that runs as root and upgrades, it has."""
    hadolint = str(Path(sys.executable).with_name("hadolint"))
    done = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python\nRUN apt-get install curl && cd /x\nUSER root\n", encoding="utf-8")
    assert subprocess.run([hadolint, str(bad)], capture_output=True, check=False).returncode != 0


def test_packages_come_by_hash_and_the_last_user_is_nobody_special() -> None:
    """Every install is bound to a lock with hashes; the process is account 10001, by number, of two stages the last."""
    installs = re.findall(r"pip install [^&]*", " ".join(said("RUN")))
    assert installs
    assert all("--require-hashes" in install and "-r " in install for install in installs)
    assert [kind for kind, _ in instructions()].count("FROM") == 2
    assert said("USER") == ["10001:10001"]
    assert said("VOLUME") == ["/var/lib/procall-bot"]
    assert json.loads(said("ENTRYPOINT")[0]) == ["python", "app.py"]


def test_no_layer_takes_a_secret() -> None:
    """Secrets are mounted while packages are installed, and stand in no argument and no variable of the image."""
    named = re.compile(r"(?i)secret|passw|token|_key|credential|dsn")
    assert [rest for kind in ("ENV", "ARG", "COPY", "ADD") for rest in said(kind) if named.search(rest)] == []
    assert "--mount=type=secret" in " ".join(said("RUN"))
    assert not said("ADD")


@pytest.mark.parametrize(
    "name",
    [
        *("settings.toml", "deploy/settings.toml", "deploy/secrets/bot.pem", "bot/bot.pem", "data/settings.toml"),
        *("var/retention.json", ".git/config", "tests/world.py", ".venv/bin/python", "bot.pem", "data/x/audit.key"),
        *("bot/__pycache__/app.pyc", "docs/operations.md", "deploy/postgres/other.py", "requirements-dev.lock"),
    ],
)
def test_what_does_not_go_to_the_builder(name: str) -> None:
    """Settings, keys, state, history and tests stay here."""
    assert not sent(name)


def test_everything_that_is_copied_goes_to_the_builder() -> None:
    """Whatever a COPY line names is let through, and so is every module and text of the product."""
    copied = [source for rest in said("COPY") if not rest.startswith("--from") for source in rest.split()[:-1]]
    assert [name for name in copied if "*" not in name and not sent(name)] == []
    assert sent("requirements.lock")
    folders = ("bot", "cards", "data", "dialogs", "manifest")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    names = [path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts]
    assert len(names) > 200
    assert [name for name in names if not sent(name)] == []


def test_the_tree_of_the_image_is_all_that_is_needed(image: Path, tmp_path: Path) -> None:
    """From the copied tree alone, and without pip and setuptools, the bot answers a question."""
    code = ALONE.format(image=str(image), question="Which categories of data does ProCall NEX process?")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert json.loads(done.stdout)["outcome"] == "answer", done.stderr


@pytest.mark.optional("namespaces of Linux")
def test_it_serves_on_a_read_only_root_without_capabilities(image: Path, tmp_path: Path, trained: Path) -> None:
    """In namespaces of its own the tree serves, is healthy by the image's own check, writes its state only, and ends.

    What a container engine does with `read_only`, `cap_drop: ALL`, `no-new-privileges` and the two places that can be
    written; the account is that of the test, for the interpreter may lie where no other one can go.
    """
    tools = all(shutil.which(tool) for tool in ("unshare", "setpriv", "mount"))
    need(tools and os.geteuid() == 0, "namespaces need root, unshare, setpriv and mount")
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    copy_model(trained, state)
    secret = {"PROCALL_TEAMS__APP_SECRET": "planted"}
    settings = {"PROCALL_TEAMS__APP_ID": "1b2c3d4e-2222-4333-8444-5555abcdef55", "PROCALL_STATE__FOLDER": "/mnt"}
    settings |= {"PROCALL_TEAMS__TENANT_ID": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"} | environment_of_image()
    places = {"IMAGE": str(image), "STATE": str(state), "PYTHON": sys.executable, "HEALTH": health_check()}
    done = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", INSIDE],
        env={"PATH": os.environ["PATH"], "PYTHONUTF8": "1"} | settings | secret | places,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    log = (state / "log").read_text(encoding="utf-8") if (state / "log").exists() else ""
    assert done.stdout.splitlines() == [
        *("healthy", "wrote into the state", "no capability", "ended well", "not healthy any more"),
    ], (done.stdout, done.stderr, log[-2000:])
    assert "listening" in log
    assert {"keys", "retention.json", "audit"} <= {path.name for path in state.iterdir()}


def environment_of_image() -> dict[str, str]:
    """Give the settings that the image brings, but for the state folder."""
    pairs = (pair.split("=", 1) for pair in said("ENV")[0].split())
    return {name: value for name, value in pairs if name.startswith("PROCALL_SERVER")}


# -- compose ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Read the compose file; YAML's own merging has been done."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_every_service_is_hardened(compose: dict[str, Any]) -> None:
    """Each service is read-only, without capabilities and new rights, not root, with /tmp in memory."""
    assert set(compose["services"]) == {"postgres", "migrate", "bot"}
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert "privileged" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name
        assert any(one.startswith("/tmp:") for one in service["tmpfs"]), name  # noqa: S108  the place in the container


def test_ports_are_on_loopback_only(compose: dict[str, Any]) -> None:
    """Nothing is reached from another machine but through a proxy; PostgreSQL has no port and no way out."""
    ports = {name: service.get("ports", []) for name, service in compose["services"].items()}
    assert [port for found in ports.values() for port in found if not port.startswith("127.0.0.1:")] == []
    assert len(ports["bot"]) == 2
    assert compose["services"]["postgres"]["networks"] == ["inside"]
    assert compose["networks"]["inside"]["internal"] is True


def test_secrets_are_files(compose: dict[str, Any]) -> None:
    """No value of the environment is a password: DSNs name a password file, and each secret is used and is a file."""
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), name
            assert not re.search(r"(?i)passw|secret", name) or name.endswith("_FILE"), name
    used = {secret for service in compose["services"].values() for secret in service.get("secrets", [])}
    assert used == set(compose["secrets"])
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    owners = {name for name, service in compose["services"].items() if "owner_pgpass" in service.get("secrets", [])}
    assert owners == {"migrate"}, "the bot never has the owner's password"


def test_the_bot_waits_for_schema_and_server(compose: dict[str, Any]) -> None:
    """The server has to answer first, then comes the schema, then the bot, whose check is the image's."""
    services = compose["services"]
    assert services["bot"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["postgres"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert services["bot"]["healthcheck"]["test"] == ["CMD", "python", "-c", health_check()]
    assert "replicas" not in json.dumps(services), "one process holds the database"


def test_images_have_versions(compose: dict[str, Any]) -> None:
    """No image is the newest of the day, and the bot's has the version of this product."""
    images = {name: service["image"] for name, service in compose["services"].items()}
    assert all(re.search(r":[\d.]+", image) for image in images.values())
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version
    assert images["bot"] == f"procall-privacy-bot:{version[1]}"


def test_secrets_are_made_once_and_for_one_account(tmp_path: Path) -> None:
    """The script writes passwords that nobody else can read, writes none of them over, and says what is missing."""
    folder = tmp_path / "secrets"
    first = subprocess.run(
        ["sh", str(DEPLOY / "make_secrets.sh"), str(folder)], capture_output=True, text=True, check=True
    )
    assert "bot.pem" in first.stderr
    made = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert set(made) == {"owner_password", "owner_pgpass", "bot_password", "bot_pgpass"}
    assert made["owner_password"] != made["bot_password"]
    assert len(made["bot_password"]) == 64
    assert made["bot_pgpass"] == f"postgres:5432:*:bot:{made['bot_password']}\n"
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    if os.geteuid() == 0:
        assert {path.stat().st_uid for path in folder.iterdir()} == {999, 10001}
    (folder / "bot.pem").write_text("pem", encoding="utf-8")
    again = subprocess.run(
        ["sh", str(DEPLOY / "make_secrets.sh"), str(folder)], capture_output=True, text=True, check=True
    )
    assert "bot.pem" not in again.stderr
    assert {name: (folder / name).read_text(encoding="utf-8") for name in made} == made
    ignored = (DEPLOY / ".gitignore").read_text(encoding="utf-8").split()
    assert ignored == ["secrets/", "settings.toml"], "no secret can be committed by mistake"
