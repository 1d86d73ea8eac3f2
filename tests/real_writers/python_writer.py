"""A program of its own: Python's logging writes a record and a fault at each instant of a faked clock.

Run by the tests as `python python_writer.py STYLE PATH MICROSECONDS...` with libfaketime preloaded.
"""

import json
import logging
import os
import sys
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path
from typing import ClassVar

LOGGER = "procall.client"


class JsonFormatter(logging.Formatter):
    """One object a line, as the usual JSON formatters write."""

    default_msec_format: ClassVar[str] = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        found = {"level": record.levelname, "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")}
        found |= {"logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            found["exc_info"] = self.formatException(record.exc_info)
        return json.dumps(found)


def formatter(style: str) -> logging.Formatter:
    """Make one of the usual formatters."""
    if style == "json":
        return JsonFormatter()
    formats = {
        "plain": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        "dashes": "%(asctime)s - %(name)s - %(levelname)s - %(message)s",
        "brackets": "[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s",
        "epoch": "%(created)f %(levelname)s %(message)s",
        "undated": logging.BASIC_FORMAT,
    }
    return logging.Formatter(formats[style])


def fail() -> None:
    """Raise an error that has a cause."""
    try:
        int("12:00:00")
    except ValueError as error:
        message = "2026-01-01 00:00:00,000 INFO is no number\n2026-01-01 ist auch keine"
        raise RuntimeError(message) from error


def main(style: str, path: str, *instants: str) -> None:
    """Write everything."""
    handler: logging.Handler = (
        TimedRotatingFileHandler(path, when="midnight", delay=True, encoding="utf-8")
        if style.startswith("daily-")
        else logging.FileHandler(path, encoding="utf-8")
    )
    handler.setFormatter(formatter(style.removeprefix("daily-")))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    clock = Path(os.environ["FAKETIME_TIMESTAMP_FILE"])
    for number, at in enumerate(instants):
        whole, rest = divmod(int(at), 1_000_000)
        aside = clock.with_suffix(".new")
        aside.write_text(f"{whole}.{rest:06d}\n", encoding="ascii")
        aside.replace(clock)
        logging.getLogger(LOGGER).info("Anruf %d für »Müller« angenommen", number)
        try:
            fail()
        except RuntimeError:
            logging.getLogger(LOGGER).exception("Anruf %d fehlgeschlagen", number)


main(*sys.argv[1:])
