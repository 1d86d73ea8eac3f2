"""How each program of the ProCall family would write one record: an instant in, text out, parted by line feeds."""

import json

from data.retention.instants import DAY, SECOND, Instant, datetime_of
from data.samples import phrases
from data.samples.dice import Dice
from data.samples.moments import local

_MILLI = 1000


def desktop(dice: Dice, at: Instant) -> str:
    """Write as Serilog's file sink does by default: local time with its offset, exceptions below."""
    stamp = _serilog_stamp(at)
    chance = dice.below(100)
    if chance < 4:  # noqa: PLR2004  four records of a hundred
        return (
            f"{stamp} [ERR] {phrases.filled(dice, 'Anruf {id} von {mail} fehlgeschlagen')}\n{phrases.net_fault(dice)}"
        )
    if chance < 6:  # noqa: PLR2004  two of a hundred: dates that begin no record
        earlier = local(at - (dice.below(40) + 1) * DAY)  # before anything in the same file
        return (
            f"{stamp} [INF] Zusammenfassung des Abgleichs\n"
            f"{earlier:%d.%m.%Y %H:%M:%S} letzter vollständiger Abgleich\n"
            f"  Server meldet »{earlier:%Y-%m-%d %H:%M:%S}.000 +01:00 [INF] OK«\n"
            "\n"
            f"  {dice.below(300)} Kontakte unverändert"
        )
    level, text = dice.pick(phrases.DESKTOP)
    return f"{stamp} [{level}] {phrases.filled(dice, text)}"


def mobile(dice: Dice, at: Instant) -> str:
    """Write as Serilog's compact JSON does: one object a line, UTC, seven digits."""
    level, text = dice.pick(phrases.MOBILE)
    record = {"@t": f"{_utc(at)}0000Z", "@m": phrases.filled(dice, text), "@i": dice.hexadecimal(8)}
    if dice.share(4):
        record |= {"@l": "Error", "@x": phrases.net_fault(dice)}
    elif level != "Information":
        record["@l"] = level
    record |= {"Device": f"android-{dice.below(20):02d}", "App": "ProCall Mobile 9.2"}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def trace(dice: Dice, at: Instant) -> tuple[str, Instant]:
    """Write as an OpenTelemetry file exporter does: one line, several spans, the latest ends at `at`.

    Gives the line and the start of its first span.
    """
    trace_id, first = dice.hexadecimal(16) + dice.hexadecimal(16), at
    spans = []
    for number in range(dice.below(4) + 1):
        end = at - number * (dice.below(5000) + 1) * _MILLI
        start = end - (dice.below(900) + 1) * _MILLI
        first = min(first, start)
        attribute = {"key": "enduser.id", "value": {"stringValue": dice.pick(phrases.PEOPLE)[1]}}
        spans.append(
            {
                "traceId": trace_id,
                "spanId": dice.hexadecimal(16),
                "name": dice.pick(phrases.SPANS),
                "kind": 2,
                "startTimeUnixNano": str(start * 1000),
                "endTimeUnixNano": str(end * 1000),
                "attributes": [attribute],
            },
        )
    service = {"key": "service.name", "value": {"stringValue": "procall-mobile"}}
    scope = {"scope": {"name": "procall.mobile", "version": "9.2"}, "spans": spans}
    line = {"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [scope]}]}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")), first


def access(dice: Dice, at: Instant) -> str:
    """Write as nginx does in the combined format: whole seconds, with the offset."""
    stamp = _in_english(at)
    mail = dice.pick(phrases.PEOPLE)[1] if dice.share(30) else "-"
    path = phrases.filled(dice, dice.pick(phrases.PATHS))
    status = dice.pick((200, 200, 200, 200, 204, 304, 401, 404, 502))
    verb = dice.pick(("GET", "GET", "POST"))
    return (
        f'{phrases.host(dice)} - {mail} [{stamp}] "{verb} {path} HTTP/1.1" {status} {dice.below(60_000)} '
        f'"https://procall.beispiel.example/" "{dice.pick(phrases.AGENTS)}"'
    )


def web_error(dice: Dice, at: Instant) -> str:
    """Write as nginx does in its error log: whole seconds, no offset."""
    serial = dice.below(90_000)
    return (
        f"{local(at):%Y/%m/%d %H:%M:%S} [error] {1000 + dice.below(90)}#{1000 + dice.below(90)}: *{serial} connect() "
        f"failed (111: Connection refused) while connecting to upstream, client: {phrases.host(dice)}, "
        'server: procall.beispiel.example, request: "GET /signalr/negotiate HTTP/1.1", '
        'upstream: "http://192.0.2.20:7224/signalr/negotiate", host: "procall.beispiel.example"'
    )


def server(dice: Dice, at: Instant) -> str:
    """Write as NLog does with its long date: local time without an offset, parted by bars."""
    stamp = f"{local(at):%Y-%m-%d %H:%M:%S}.{at % SECOND // _MILLI:03d}0"
    if dice.share(4):
        return f"{stamp}|ERROR|Estos.UCServer.Core|Unbehandelter Fehler|{phrases.net_fault(dice)}"
    level, logger, text = dice.pick(phrases.SERVER)
    return f"{stamp}|{level}|{logger}|{phrases.filled(dice, text)}"


def exception(dice: Dice, at: Instant) -> str:
    """Write as a crash handler does: one dated line, then everything that was known."""
    name, mail = dice.pick(phrases.PEOPLE)
    return (
        f"{_serilog_stamp(at)} [FTL] Unhandled exception in ProCallDesktop 9.2.1.4711\n"
        f"Angemeldet: {name} <{mail}>\n"
        f"Rechner: PC-{dice.below(900) + 100}.beispiel.example ({phrases.host(dice)})\n"
        "\n"
        f"{phrases.net_fault(dice)}\n"
        "\n"
        "Modules:\n"
        + "\n".join(f"  0x{dice.hexadecimal(12)} ProCall.Part{number}.dll 9.2.1.4711" for number in range(12))
    )


def stack_dump(dice: Dice, at: Instant) -> str:
    """Write as a watchdog with log4net does: one dated line, then the stack of every thread."""
    stamp = f"{local(at):%Y-%m-%d %H:%M:%S},{at % SECOND // _MILLI:03d}"
    head = f"{stamp} [{dice.below(40) + 1}] FATAL Estos.UCServer.Watchdog - Deadlock vermutet, alle Stapel folgen"
    threads = (f'Thread {number} "Worker {number}":\n{phrases.net_fault(dice)}\n' for number in range(1, 4))
    return head + "\n" + "\n".join(threads)


def _serilog_stamp(at: Instant) -> str:
    shown = local(at)
    offset = f"{shown:%z}"
    return f"{shown:%Y-%m-%d %H:%M:%S}.{at % SECOND // _MILLI:03d} {offset[:3]}:{offset[3:]}"


def _utc(at: Instant) -> str:
    return f"{datetime_of(at):%Y-%m-%dT%H:%M:%S}.{at % SECOND // _MILLI:03d}"


def _in_english(at: Instant) -> str:
    shown = local(at)
    month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[shown.month - 1]
    return f"{shown:%d}/{month}/{shown:%Y:%H:%M:%S %z}"
