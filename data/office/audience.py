"""Whom an alert reaches: the first DPO, then all DPOs, then the admins too; never nobody while there is somebody."""

from dataclasses import replace

from data.desk.alert import Alert
from data.desk.alert_steps import EVERYBODY
from data.desk.delivery import ADMIN_CHANNEL, DPO_CHANNEL, Want
from data.office.parts import RoleHolders


def reached(alert: Alert, holders: RoleHolders, channels: frozenset[str]) -> tuple[str, ...]:
    """List the recipients of an alert at its level, each once; empty only where there is nobody at all.

    Where there is no DPO, everybody else is told at once.
    """
    level = alert.level if holders.dpos else EVERYBODY
    found = [channel for channel in (DPO_CHANNEL,) if channel in channels]
    found += holders.dpos if level else holders.dpos[:1]
    if level >= EVERYBODY:
        found += [*holders.admins, *(channel for channel in (ADMIN_CHANNEL,) if channel in channels)]
    return tuple(dict.fromkeys(found))


def wants_of_alert(alert: Alert, holders: RoleHolders, channels: frozenset[str]) -> tuple[Want, ...]:
    """Give what each recipient should have got by now: a message for each call, and the present card."""
    return tuple(
        Want(subject=f"alert/{alert.id}", recipient=name, post=alert.calls, shown=alert.face, urgent=True)
        for name in reached(alert, holders, channels)
    )


def wider(before: Alert, after: Alert, holders: RoleHolders, channels: frozenset[str]) -> Alert:
    """Let an escalation reach somebody new: a level that reaches the same people again is passed over."""
    told = set(reached(before, holders, channels))
    while before.level < after.level < EVERYBODY and set(reached(after, holders, channels)) <= told:
        after = replace(after, level=after.level + 1)
    return after
