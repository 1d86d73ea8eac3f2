"""Azurite, the official emulator of Azure Blob Storage: on free ports of the loopback, in memory, telling nobody."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.domain import need

MAIN = Path(__file__).parent / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
ACCOUNT, KEEPING = "labaccount", "keepingaccount"
KEY = "cHJvY2FsbC1uZXgtcHJpdmFjeS1ib3QtdGVzdC1rZXk="
_STARTS_IN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Azurite:
    """A running emulator."""

    port: int
    secure: bool = False

    def connection_string(self, account: str = ACCOUNT, *, port: int = 0) -> str:
        """Give what a client of an account needs; by another port where something stands in between."""
        protocol = "https" if self.secure else "http"
        return (
            f"DefaultEndpointsProtocol={protocol};AccountName={account};AccountKey={KEY};"
            f"BlobEndpoint={protocol}://127.0.0.1:{port or self.port}/{account};"
        )


@contextmanager
def running_azurite(folder: Path, *options: str) -> Iterator[Azurite]:
    """Start the emulator and stop it afterwards."""
    node = shutil.which("node")
    need(node and MAIN.exists(), "Azurite is not here: make tests/azurite/node_modules/.package-lock.json")
    output = folder / "azurite.log"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    memory = ("--inMemoryPersistence", "--extentMemoryLimit", "512", "--disableTelemetry", "--silent")
    address = ("--blobHost", "127.0.0.1", "--blobPort", "0")
    with output.open("wb") as log:
        process = subprocess.Popen(
            [str(node), str(MAIN), *address, *memory, *options],
            cwd=folder,
            env={**kept, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY};{KEEPING}:{KEY}"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Azurite(port=_port_of(process, output), secure="--cert" in options)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port_of(process: "subprocess.Popen[bytes]", output: Path) -> int:
    ends = time.monotonic() + _STARTS_IN
    while time.monotonic() < ends and process.poll() is None:
        found = re.search(r"successfully listens on https?://127\.0\.0\.1:(\d+)", output.read_text("utf-8", "replace"))
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(output.read_text("utf-8", "replace")[-2000:])
