"""All families of formats, the strict ones before those that would take nearly anything."""

from data.formats.interface import Family


def all_families() -> tuple[Family, ...]:
    """Give every family, in the order in which equals win; modules are imported at the first call."""
    return ()
