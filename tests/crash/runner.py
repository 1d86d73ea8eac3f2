"""Runs a scenario again and again, each time in a fork of one process that has imported everything already.

Started by `tests.crash.driver` with the shim preloaded; reads one JSON order a line, answers with one JSON line.
"""

import ctypes
import gc
import importlib.util
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

_PAUSE = 60.0
"""Seconds without a word from a child after which it is taken for hanging."""


def main() -> None:
    """Serve orders until there are no more."""
    scenario = _load(Path(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a scenario prints is no answer
    _shim()  # must be there
    gc.collect()
    gc.freeze()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_serve(scenario, json.loads(line))), file=answers, flush=True)


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _shim() -> Any:
    library: Any = ctypes.CDLL(None)
    library.shim_line.restype = ctypes.c_char_p
    library.shim_logged.restype = ctypes.c_long
    return library


def _serve(scenario: ModuleType, order: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(scenario, order, writing)
    os.close(writing)
    told = _listen(reading, child, order)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    acks = [text[1:] for text in told if text[:1] == "+"]
    ends = [json.loads(text[1:]) for text in told if text[:1] == "="]
    end = ends[0] if ends else {"trace": [], "error": ""}
    return {"acks": acks, "killed": os.WIFSIGNALED(status), "done": bool(ends), **end}


def _listen(reading: int, child: int, order: dict[str, Any]) -> list[str]:
    """Read what a child says until it is gone; kill it some time after as many words as were ordered."""
    content = b""
    after, delay = order.get("after", -1), order.get("delay", 0.0)
    while True:
        if after >= 0 and content.count(b"\n") >= after:
            time.sleep(delay)
            os.kill(child, signal.SIGKILL)
            after = -1
        if not select.select([reading], [], [], _PAUSE)[0]:
            os.kill(child, signal.SIGKILL)
        part = os.read(reading, 1 << 16)
        if not part:
            return [line for line in content.decode().split("\n")[:-1] if line]
        content += part


def _live(scenario: ModuleType, order: dict[str, Any], writing: int) -> None:
    """Be the child: run the scenario with the shim armed, and end without cleaning up anything."""
    shim = _shim()

    def ack(word: object) -> None:
        os.write(writing, f"+{word}\n".encode())
        shim.shim_note(str(word).encode())

    error = ""
    shim.shim_arm(os.fsencode(order["folder"]), ctypes.c_long(order["call"]), order["mode"])
    try:
        _run(scenario.run, order, ack)
    except BaseException:  # noqa: BLE001  whatever it is, the test is told
        error = traceback.format_exc()
    shim.shim_disarm()
    trace = []
    if order.get("traced"):
        trace = [shim.shim_line(number).decode(errors="replace").split("\t") for number in range(shim.shim_logged())]
    with os.fdopen(writing, "w") as out:
        out.write("=" + json.dumps({"trace": trace, "error": error}) + "\n")
    os._exit(0)


def _run(run: Callable[[Path, Callable[[object], None], str], None], order: dict[str, Any], ack: Any) -> None:
    run(Path(order["folder"]), ack, order["task"])


if __name__ == "__main__":
    main()
