"""`make run`: the bot in dev mode and, where Node.js is, a pretended Teams to chat in; Ctrl-C stops everything."""

import argparse
import json
import signal
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from tests.e2e.local_teams import (
    PEOPLE,
    ROOT,
    Bot,
    Playground,
    StartError,
    check_port_free,
    missing_for_playground,
    object_id_of,
    read_config,
    running_bot,
    running_playground,
)

EXAMPLES = (
    "Welche Daten gehen bei Push-Benachrichtigungen an Apple und Google?",
    "Which categories of data does ProCall NEX process?",
    "Wer sieht mein Anrufjournal?",
    "Wie lange werden Logs aufbewahrt?",
    "Delete logs older than 90 days",
)
_STOPPED = 0
_FAILED = 1


def main() -> int:
    """Start everything, say what to do, wait for Ctrl-C, stop everything."""
    options = _read_options()
    logs = options.folder / "var" / "run"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with ExitStack() as stack:
            bot, playgrounds = _start(stack, options, logs)
            _say(_what_to_open(playgrounds) if playgrounds else _without_playground(bot))
            _say(_what_to_try(bot, logs))
            signal.pause()
    except StartError as error:
        _say([str(error)])
        return _FAILED
    except KeyboardInterrupt:
        _say(["", "Stopped."])
    return _STOPPED


def _start(stack: ExitStack, options: argparse.Namespace, logs: Path) -> tuple[Bot, list[Playground]]:
    check_port_free(options.port, setting="make run PORT")
    check_port_free(options.ops_port, setting="make run OPS_PORT")
    first = options.playground_port
    people = [] if missing_for_playground() else [(person, first and first + n) for n, person in enumerate(PEOPLE)]
    for _, port in people:
        check_port_free(port, setting="make run PLAYGROUND_PORT")
    _say(["Starting the bot ..."])
    bot = stack.enter_context(running_bot(logs, port=options.port, ops_port=options.ops_port, folder=options.folder))
    return bot, [stack.enter_context(running_playground(bot, person, logs, port=port)) for person, port in people]


def _what_to_open(playgrounds: Iterable[Playground]) -> Iterable[str]:
    yield "The bot answers. All people are invented, and no message leaves this machine. Open:"
    yield ""
    for playground in playgrounds:
        yield f"  {playground.url}   {playground.name}, {playground.person.role}"
    yield ""
    yield "To switch the person, switch the browser tab."


def _without_playground(bot: Bot) -> Iterable[str]:
    yield f"The bot answers. There is no window to chat in: {missing_for_playground()}. Ask it like this:"
    yield ""
    yield f'  .venv/bin/python app.py ask "{EXAMPLES[0]}"'
    yield f"  curl -s {bot.messages} -H 'Content-Type: application/json' -d '{json.dumps(_example_activity())}'"
    yield ""
    yield f"To switch the person, put another object id into the second: {', '.join(_other_people())}."


def _other_people() -> Iterable[str]:
    return (f"{object_id_of(person)} ({person.role})" for person in PEOPLE[1:])


def _example_activity() -> dict[str, object]:
    """Build a message that is answered in the HTTP response itself."""
    return {
        "type": "message",
        "text": EXAMPLES[0],
        "channelId": "msteams",
        "serviceUrl": "http://127.0.0.1",
        "deliveryMode": "expectReplies",
        "conversation": {"id": "curl", "conversationType": "personal"},
        "from": {"id": PEOPLE[0].id, "aadObjectId": object_id_of(PEOPLE[0])},
        "recipient": {"id": read_config()["bot"]["id"]},
        "channelData": {"tenant": {"id": read_config()["tenantId"]}},
    }


def _what_to_try(bot: Bot, logs: Path) -> Iterable[str]:
    yield ""
    yield "Try:"
    yield from (f"  {example}" for example in EXAMPLES)
    yield ""
    yield f"Health: {bot.ops}/readyz   Figures: {bot.ops}/metrics   Logs: {logs}/"
    yield "Stop with Ctrl-C."


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=3978, help="where the bot answers; 0 chooses a free one")
    parser.add_argument("--ops-port", type=int, default=3979, help="where it tells how it is")
    parser.add_argument("--playground-port", type=int, default=56150, help="the first of four")
    parser.add_argument("--folder", type=Path, default=ROOT, help="where settings.toml and var/ are")
    return parser.parse_args()


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
