"""All families of formats, the strict ones before those that would take nearly anything."""

from collections.abc import Mapping

from data.formats.detect import pins_of
from data.formats.interface import Family


def known_pins() -> Mapping[str, str]:
    """Give every word by which settings may pin a family, and the id of the family that it stands for."""
    return {pin: family.id for family in all_families() for pin in pins_of(family)}


def all_families() -> tuple[Family, ...]:
    """Give every family, in the order in which equals win; modules are imported at the first call."""
    from data.formats.families import compact, journald, json_lines, logfmt, otlp, plain, syslog, table, w3c, web

    return (
        json_lines.JsonFamily(),
        otlp.OtlpFamily(),
        journald.JournaldFamily(),
        w3c.W3cFamily(),
        syslog.Syslog5424Family(),
        web.access(),
        web.apache_error(),
        web.nginx_error(),
        syslog.SyslogFamily(),
        compact.GlogFamily(),
        compact.tai64n(),
        compact.hdfs(),
        compact.spark(),
        plain.PlainFamily(),
        logfmt.LogfmtFamily(),
        table.TableFamily(),
        compact.epoch(),
    )
