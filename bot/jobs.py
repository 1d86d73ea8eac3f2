"""Long work in the background, one job of a kind at a time, with progress that can be asked for without waiting.

The threads are daemons: a process that ends does not wait for a purge of an hour. Leaving in the middle is a crash to
the purge, which the engine is built to survive; the next start goes on with it.
"""

import queue
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, unique
from threading import Lock

from data.clock import Clock
from data.office.parts import Board, Doing
from data.purge.parts import Progress

SHOWN_EVERY_SECONDS = 3.0
"""How often a card that shows progress changes: Teams allows few updates of one conversation."""


@unique
class JobKind(StrEnum):
    """What is to be done."""

    BEGIN = "begin"
    """Begin what a standing rule is due to do: it asks the source, which may keep silent for hours."""
    PREVIEW = "preview"
    RUN = "run"
    LOOK = "look"
    TEACH = "teach"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work."""

    kind: JobKind
    about: str = ""
    """Id of the request, ticket or standing rule."""


class LeavingError(BaseException):
    """The process ends: whoever works stops as a crash would stop it."""


class JobQueue:
    """What is to be done, what is being done, and how far it is; safe from any thread."""

    def __init__(self, clock: Clock, wake: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self.wake = wake
        """Tells the schedule that something has changed."""
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._known: set[Job] = set()
        self._under_way: set[Job] = set()
        self._look_again = False
        self._doing: dict[str, Doing] = {}
        self._shown: dict[str, tuple[float, Doing]] = {}
        self._board: Board | None = None
        self._lock = Lock()
        self._leaving = False

    def preview(self, request_id: str) -> None:
        """Make a preview whose request has begun."""
        self.add(Job(kind=JobKind.PREVIEW, about=request_id))

    def look(self) -> None:
        """Look at the sources soon; once more where a look is under way, which may have passed what has changed."""
        job = Job(kind=JobKind.LOOK)
        with self._lock:
            self._look_again = job in self._under_way
        self.add(job)

    def finish(self, ticket_id: str) -> None:
        """Check and release, or take back, what somebody has asked for."""
        self.add(Job(kind=JobKind.TEACH, about=ticket_id))

    def changed(self) -> None:
        """Tell that something was changed of which somebody may have to be told."""
        self.wake()

    def doing(self, request_id: str) -> Doing | None:
        """Tell how far a preview or purge is; None where nothing is under way in this process."""
        return self._doing.get(request_id)

    def board(self) -> Board | None:
        """Give the last look at the sources; None before the first has ended."""
        return self._board

    def shown(self) -> dict[str, Doing]:
        """Give the progress that cards should show by now."""
        with self._lock:
            return {name: doing for name, (_, doing) in self._shown.items()}

    def add(self, job: Job) -> None:
        """Queue a job, unless it is queued or under way."""
        with self._lock:
            if job in self._known or self._leaving:
                return
            self._known.add(job)
        self._queue.put(job)

    def busy(self, about: str) -> bool:
        """Tell whether a job about this is queued or under way."""
        with self._lock:
            return any(job.about == about for job in self._known)

    @property
    def waiting(self) -> bool:
        """Tell whether a job is waiting to be done."""
        return not self._queue.empty()

    def next(self) -> Job | None:
        """Wait for a job; None when the process ends, whatever still waits then: the next start takes it up."""
        job = self._queue.get()
        if job is None or self._leaving:
            return None
        with self._lock:
            self._under_way.add(job)
        return job

    def done(self, job: Job) -> None:
        """Note that a job has ended, however it did."""
        with self._lock:
            self._known.discard(job)
            self._under_way.discard(job)
            again = self._look_again and job.kind is JobKind.LOOK
            self._look_again = self._look_again and not again
            self._doing.pop(job.about, None)
            self._shown.pop(job.about, None)
        if again:
            self.add(job)
        self.wake()

    def put_up(self, board: Board) -> None:
        """Show a new look at the sources."""
        self._board = board

    def reporter(self, about: str) -> Progress:
        """Give what a job reports its progress to; it raises `LeavingError` once the process is about to end."""

        def report(phase: str, done: int, total: int) -> None:
            if self._leaving:
                raise LeavingError
            doing, now = Doing(phase=phase, done=done, total=total), self._clock.monotonic()
            self._doing[about] = doing
            shown = self._shown.get(about)
            if shown is None or shown[1].phase != phase or now - shown[0] >= SHOWN_EVERY_SECONDS:
                with self._lock:
                    self._shown[about] = (now, doing)
                self.wake()

        return report

    def leave(self, *, workers: int) -> None:
        """Let everybody stop who works or waits."""
        self._leaving = True
        for _ in range(workers):
            self._queue.put(None)
