"""Who sits at the host's command line: an account of the machine, never somebody of the tenant."""

import os
from pathlib import Path

from data.access import Actor, Role
from data.purge.people import HOST_TENANT

_UNSET = 2**32 - 1


def host_operator() -> Actor:
    """Give the operator as an actor: the account that logged in, which `sudo` does not change, else the present one.

    No variable of the environment counts: anybody could be a second person by setting it.
    """
    return Actor(tenant_id=HOST_TENANT, object_id=f"uid-{_login()}", roles=frozenset({Role.EMPLOYEE, Role.ADMIN}))


def _login() -> int:
    try:
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        login = _UNSET
    return os.getuid() if login == _UNSET else login
