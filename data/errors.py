"""The error tree.

::

    ProcallError                      the root: everything this product raises on purpose
    +-- SettingsError                 settings that cannot be used (exit code 2)
    +-- CatalogueError                a topic, notice or corpus file that cannot be used (exit code 2)
    +-- StateError                    the state folder cannot be trusted or used
    |   `-- ConflictError             somebody else changed the stored thing first
    +-- SourceError                   a place of logs cannot be used or read (exit code 2)
    +-- UnknownError                  nothing is known under this name (exit code 2)
    +-- RefusedError                  a rule of the product forbids it (exit code 3)
    |   `-- ClockError                the clock cannot be trusted: nothing is deleted
    +-- CallerError                   somebody outside sent something that is refused
    |   +-- MalformedError            the body is not what the protocol says (HTTP 400)
    |   +-- TooLargeError             the body is larger than allowed (HTTP 413)
    |   +-- UnsupportedMediaError     the body is not plain JSON (HTTP 415)
    |   +-- SlowBodyError             the body did not arrive in time (HTTP 408)
    |   +-- UnauthenticatedError      the token proves nothing (HTTP 401)
    |   +-- ForbiddenError            a proven caller who may not speak here (HTTP 403)
    |   `-- KeysUnavailableError      no signing key can be had, nobody can be proven (HTTP 503)
    `-- DeliveryError                 a reply that could not be delivered
        +-- ThrottledError            the connector asked us to wait longer than a turn may last
        +-- GoneError                 the conversation is blocked, left or deleted
        +-- RejectedError             the connector found the activity wrong or too large
        `-- AmbiguousError            nobody knows whether it arrived: never repeated blindly

A class's docstring is its default message. The HTTP status of a caller's error stands on the class.
"""


class ProcallError(Exception):
    """Something went wrong in the privacy bot."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class SettingsError(ProcallError):
    """The settings cannot be used."""


class CatalogueError(ProcallError):
    """The catalogue cannot be used."""


class StateError(ProcallError):
    """The state folder cannot be used."""


class ConflictError(StateError):
    """Somebody else changed it first."""


class SourceError(ProcallError):
    """The source cannot be used."""


class UnknownError(ProcallError):
    """Nothing is known under this name."""


class RefusedError(ProcallError):
    """A rule forbids it."""

    def __init__(self, reason: str, message: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        """A stable word for audit, metrics and texts."""


class ClockError(RefusedError):
    """The clock cannot be trusted."""


class CallerError(ProcallError):
    """The request is refused."""

    status = 400

    def __init__(self, reason: str, message: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        """A stable word for logs and metrics; never holds anything the caller sent."""


class MalformedError(CallerError):
    """The body is not an activity."""


class TooLargeError(CallerError):
    """The body is too large."""

    status = 413


class UnsupportedMediaError(CallerError):
    """The body must be plain JSON."""

    status = 415


class SlowBodyError(CallerError):
    """The body did not arrive in time."""

    status = 408


class UnauthenticatedError(CallerError):
    """The caller is not proven."""

    status = 401


class ForbiddenError(CallerError):
    """The caller may not speak here."""

    status = 403


class KeysUnavailableError(CallerError):
    """No signing key can be had."""

    status = 503


class DeliveryError(ProcallError):
    """The reply could not be delivered."""


class ThrottledError(DeliveryError):
    """The connector asked for a longer pause than a turn may last."""

    def __init__(self, seconds: float = 1.0) -> None:
        super().__init__()
        self.seconds = seconds
        """How long the connector asked to wait."""


class GoneError(DeliveryError):
    """The conversation cannot be written to any more."""


class RejectedError(DeliveryError):
    """The connector did not take the activity."""

    def __init__(self, status: int = 0) -> None:
        super().__init__()
        self.status = status
        """The HTTP status it gave; 0 where nothing was sent."""


class AmbiguousError(DeliveryError):
    """It is not known whether the activity arrived."""
