"""
Several processes that serve one port: they are started, kept alive, and stopped together.

Forked from a parent that has loaded the application and serves nothing itself. All accept from one listening
socket, which the parent keeps open until it stops: when a worker dies, connections that nobody has accepted yet
are served by the others. Knows nothing of what a worker does.
"""

import gc
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from ocpplab_graphql.telemetry import logger

_PAUSE_S = 1.0  # before a worker that never became ready is started again
_GRACE_S = 5.0  # beyond its own deadline, before a worker that will not end is killed


@dataclass(frozen=True, slots=True)
class Role:
    """
    What a process is for.

    Attributes:
        name: for the log.
        run: serves until SIGTERM; given a function to call when it is ready, and a file descriptor that ends
            when the parent does.
        count: how many of them there are.
    """

    name: str
    run: Callable[[Callable[[], None], int], None]
    count: int = 1


class CannotStart(Exception):
    """A process ended before it was ready; it has said why. `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class _Process:
    role: Role
    pid: int
    pipe: int
    ready: bool = False


@dataclass(slots=True)
class Workers:
    """
    The processes of one service.

    Args:
        roles: started in this order, each when those before are ready; stopped in reverse.
        stop_within_s: how long one may take to end after SIGTERM.
        leaving: called before they are stopped, to let go of what they alone are to hold.
    """

    roles: Sequence[Role]
    stop_within_s: float
    leaving: Callable[[], None] = lambda: None
    _processes: dict[int, _Process] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _lifeline: tuple[int, int] = field(default_factory=os.pipe)
    _signals: list[int] = field(default_factory=list)
    _due: list[tuple[float, Role]] = field(default_factory=list)

    def serve(self, announce: Callable[[], None]) -> None:
        """
        Run until SIGINT or SIGTERM; processes that die are replaced.

        Raises:
            CannotStart: one of the first processes ended before it was ready.
        """
        self._catch_signals()
        try:
            if self._start():
                announce()
                self._keep_alive()
        finally:
            self._stop()

    def _catch_signals(self) -> None:
        # A signal wakes the selector: none is lost between a look and a wait.
        reading, writing = socket.socketpair()
        for end in (reading, writing):
            end.setblocking(False)
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        self._selector.register(reading, selectors.EVENT_READ, (reading, writing))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda caught, _frame: self._signals.append(caught))

    def _start(self) -> bool:
        """Whether all are ready; False when a signal came first."""
        gc.collect()
        gc.freeze()  # what was loaded is never collected: its pages stay shared
        for role in self.roles:
            # The first alone: what keeps it from starting is said once.
            for how_many in (1, role.count - 1):
                for _ in range(how_many):
                    self._fork(role)
                while not self._signals and not all(process.ready for process in self._processes.values()):
                    for dead in self._look(None):
                        raise CannotStart(_reaped(dead.pid))
        return not self._signals

    def _keep_alive(self) -> None:
        while not self._signals:
            wait_s = min((at for at, _ in self._due), default=None)
            for dead in self._look(None if wait_s is None else max(0.0, wait_s - time.monotonic())):
                code = _reaped(dead.pid)
                logger.warning("%s %s ended with code %s and is replaced", dead.role.name, dead.pid, code)
                self._due.append((time.monotonic() + (0 if dead.ready else _PAUSE_S), dead.role))
            now = time.monotonic()
            late = [role for at, role in self._due if at <= now]
            self._due = [(at, role) for at, role in self._due if at > now]
            for role in late:
                self._fork(role)

    def _look(self, timeout_s: float | None) -> list[_Process]:
        """Wait for something to happen; the processes that ended."""
        dead = []
        for key, _ in self._selector.select(timeout_s):
            if not isinstance(key.data, _Process):
                key.data[0].recv(4096)
            elif os.read(key.data.pipe, 1):
                key.data.ready = True
            else:
                self._selector.unregister(key.data.pipe)
                os.close(key.data.pipe)
                del self._processes[key.data.pid]
                dead.append(key.data)
        return dead

    def _fork(self, role: Role) -> None:
        reading, writing = os.pipe()
        # Signals wait until each side has its own handlers.
        blocked = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become(role, reading, writing, blocked)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
        os.close(writing)
        process = self._processes[pid] = _Process(role, pid, reading)
        self._selector.register(reading, selectors.EVENT_READ, process)

    def _become(self, role: Role, reading: int, writing: int, blocked: set[signal.Signals]) -> NoReturn:
        code = 1
        try:
            os.setpgid(0, 0)  # Ctrl-C is for the parent, which stops us in order
            signal.set_wakeup_fd(-1)
            for number in blocked:
                signal.signal(number, signal.SIG_DFL)
            for descriptor in (reading, self._lifeline[1], *(p.pipe for p in self._processes.values())):
                os.close(descriptor)
            self._selector.close()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
            role.run(lambda: _say_ready(writing), self._lifeline[0])
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # the rest of the program is the parent's

    def _stop(self) -> None:
        """End all, the roles in reverse; a second SIGINT is passed on; who does not end is killed."""
        self.leaving()
        for role in reversed(self.roles):
            passed_on = sum(number == signal.SIGINT for number in self._signals[:1])
            self._tell(role, signal.SIGTERM)
            deadline = time.monotonic() + self.stop_within_s + _GRACE_S
            while any(process.role is role for process in self._processes.values()):
                for dead in self._look(max(0.0, deadline - time.monotonic())):
                    _reaped(dead.pid)
                interrupts = self._signals.count(signal.SIGINT)
                if interrupts > passed_on:
                    passed_on = interrupts
                    self._tell(role, signal.SIGINT)
                if time.monotonic() >= deadline:
                    self._tell(role, signal.SIGKILL)

    def _tell(self, role: Role, number: signal.Signals) -> None:
        for process in self._processes.values():
            if process.role is role:
                os.kill(process.pid, number)


def _say_ready(pipe: int) -> None:
    os.write(pipe, b"1")


def _reaped(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
