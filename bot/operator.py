"""Who sits at the host's command line: an account of the machine, never somebody of the tenant."""

import os
from pathlib import Path

from data.access import Actor, Role
from data.purge.people import HOST_TENANT

_UNSET = 2**32 - 1


def host_operator() -> Actor:
    """Give the operator as an actor: the account that logged in, before any `sudo`, as far as the system tells."""
    return Actor(tenant_id=HOST_TENANT, object_id=f"uid-{_login()}", roles=frozenset({Role.EMPLOYEE, Role.ADMIN}))


def _login() -> int:
    try:
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        login = _UNSET
    if login != _UNSET:
        return login
    before_sudo = os.environ.get("SUDO_UID", "")
    return int(before_sudo) if before_sudo.isdecimal() else os.getuid()
