"""A program of its own: Python's RotatingFileHandler writes numbered lines, old and young ones in turn, and rolls.

Run by the tests as `python rolling_writer.py PATH LINES BYTES_A_FILE AGE_OF_OLD_LINES_IN_SECONDS`.
"""

import logging
import sys
import time
from logging.handlers import RotatingFileHandler


def main(path: str, lines: str, most: str, age: str) -> None:
    """Write everything; odd lines are young."""
    handler = RotatingFileHandler(path, maxBytes=int(most), backupCount=900, encoding="utf-8")
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    for number in range(int(lines)):
        young = number % 2
        text = f"line {number:06d} {'young' if young else 'old'}"
        record = logging.makeLogRecord({"msg": text, "levelname": "INFO", "levelno": logging.INFO})
        if not young:
            record.created -= int(age)
        handler.emit(record)
        if number % 20 == 0:
            time.sleep(0.005)  # so that the purge comes round more than once
    handler.close()


main(*sys.argv[1:])
