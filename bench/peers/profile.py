"""
Where the CPU of one operation goes in our server, stage by stage; W2 by default.

    python -m bench.peers.profile                       both transports, the path that is the default
    python -m bench.peers.profile --execution reference --seconds 20

The server is the one that is shipped, in a process of its own under load. A timer on the CPU clock of its main thread
interrupts it some hundred times a second, and what is being executed then is noted, so that it runs nearly as fast
as without; tracing each call would make Python look dearer than C. Each note counts for the stage to which its
innermost known frame belongs. What a native function spends counts for the Python frame that called it.
"""

import argparse
import ctypes
import json
import linecache
import os
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from bench.peers import world
from bench.peers.measure import Load, Running, Stub, normalised
from bench.peers.processes import Server, compiled, cores
from bench.peers.systems import System
from bench.peers.workloads import Workload, by_id, by_id_singly, screen, small
from ocpplab_graphql.settings import Settings

_SANDBOX = "sandbox (the gateway itself)"
_STAGES = [
    "HTTP in",
    "parse, prepare",
    "plan",
    "loaders",
    "gateway calls",
    "decode",
    "project",
    "encode",
    "HTTP out",
    "event loop",
    "anything else",
]

# Part of a file's path, part of a function's name or of the line, and the stage: the first that fits. A frame that
# fits none is asked for its caller's.
_PLACES: Sequence[tuple[str, str, str]] = [
    ("/ocpplab_graphql/http/response.py", "encode(body)", "encode"),
    ("/ocpplab_graphql/http/response.py", "", "HTTP out"),
    ("/ocpplab_graphql/http/compression.py", "", "HTTP out"),
    ("/ocpplab_graphql/telemetry.py", "", "HTTP out"),
    ("/ocpplab_graphql/http/", "", "HTTP in"),
    ("/ocpplab_graphql/gateway/transport/", "", "gateway calls"),
    ("/ocpplab_graphql/", "encode(", "encode"),
    ("/ocpplab_graphql/", "decode", "decode"),
    ("/ocpplab_graphql/execution/documents.py", "", "parse, prepare"),
    ("/ocpplab_graphql/execution/operations.py", "", "parse, prepare"),
    ("/ocpplab_graphql/execution/persisted.py", "", "parse, prepare"),
    ("/graphql/language/", "", "parse, prepare"),
    ("/graphql/validation/", "", "parse, prepare"),
    ("/ocpplab_graphql/execution/compiled/compiler.py", "", "parse, prepare"),
    ("/ocpplab_graphql/execution/plan", "", "plan"),
    ("/ocpplab_graphql/execution/costing.py", "", "plan"),
    ("/ocpplab_graphql/execution/selection.py", "", "plan"),
    ("/ocpplab_graphql/execution/shape.py", "", "plan"),
    ("/ocpplab_graphql/gateway/", "", "gateway calls"),
    ("/ocpplab_graphql/loaders/", "", "loaders"),
    ("/ocpplab_graphql/app/", "", "HTTP in"),
    ("/ocpplab_graphql/", "", "project"),
    ("/aiodataloader", "", "loaders"),
    ("/graphql/", "", "project"),
    ("/strawberry/", "", "project"),
    ("/aiohttp/", "", "gateway calls"),
    ("/yarl/", "", "gateway calls"),
    ("/multidict/", "", "gateway calls"),
    ("/httpx/", "", "gateway calls"),
    ("/httpcore/", "", "gateway calls"),
    ("/uvicorn/", "send", "HTTP out"),
    ("/uvicorn/protocols/", "", "HTTP in"),
    ("/starlette/", "", "HTTP in"),
    ("/fastapi/", "", "HTTP in"),
    ("/uvicorn/", "", "event loop"),
    ("/asyncio/runners.py", "", "event loop"),
]
# One such frame anywhere, at such a line, and all within it is the sandbox's.
_WITHIN_SANDBOX = [
    ("/ocpplab_graphql/sandbox/", ""),
    ("/sqlalchemy/", ""),
    ("/aiosqlite/", ""),
    ("/ocpplab_graphql/gateway/transport/asgi.py", "self._app("),
]
_SERVING = "/ocpplab_graphql/sandbox/serving.py"


# ----------------------------------------------------------------------------------- within the server


class Sampler:
    """Notes what the main thread executes, by stage and by function, each time that its CPU timer fires."""

    def __init__(self) -> None:
        self.stages: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()

    def note(self, _number: int, frame: FrameType | None) -> None:
        """The handler of the timer's signal."""
        stage, function = placed(frame)
        self.stages[stage] += 1
        self.functions[f"{stage}: {function}"] += 1


def placed(frame: FrameType | None) -> tuple[str, str]:
    """The stage that a stack belongs to, and the function that is being executed."""
    function = "the loop itself" if frame is None else _named(frame)
    stage = None
    while frame is not None:
        name = frame.f_code.co_filename
        if name != _SERVING and not name.endswith(_SERVING):
            if any(part in name and line in _line(frame) for part, line in _WITHIN_SANDBOX):
                return _SANDBOX, function
            stage = stage or _stage_of(frame, name)
        frame = frame.f_back
    return stage or "anything else", function


def _stage_of(frame: FrameType, name: str) -> str | None:
    for part, within, stage in _PLACES:
        if part in name and (not within or within in frame.f_code.co_qualname or within in _line(frame)):
            return stage
    return None


def _line(frame: FrameType) -> str:
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno)


def _named(frame: FrameType) -> str:
    return f"{'/'.join(Path(frame.f_code.co_filename).parts[-2:])} {frame.f_code.co_qualname}"


class _Event(ctypes.Structure):
    """`struct sigevent` of Linux, as far as it is used: a signal to one thread."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("number", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("thread", ctypes.c_int),
        ("_rest", ctypes.c_byte * 44),
    )


def _start_timer(every_ns: int) -> None:
    """A signal SIGPROF to this thread for so much CPU time of its own; other threads' does not count."""
    thread_cpu_clock, to_thread = 3, 4  # CLOCK_THREAD_CPUTIME_ID, SIGEV_THREAD_ID
    libc = ctypes.CDLL(None, use_errno=True)
    timer = ctypes.c_void_p()
    event = _Event(number=signal.SIGPROF, notify=to_thread, thread=threading.get_native_id())
    times = (ctypes.c_long * 4)(0, every_ns, 0, every_ns)
    if libc.timer_create(thread_cpu_clock, ctypes.byref(event), ctypes.byref(timer)):
        raise OSError(ctypes.get_errno(), "timer_create")
    if libc.timer_settime(timer, 0, ctypes.byref(times), None):
        raise OSError(ctypes.get_errno(), "timer_settime")


def _serve_sampled(notes: Path) -> None:
    """
    The service as `ocpplab-graphql serve` runs it with these settings.

    SIGUSR1 begins the notes; at the end they are written to the file.
    """
    from ocpplab_graphql.app import create_app  # noqa: PLC0415
    from ocpplab_graphql.sandbox import serving  # noqa: PLC0415
    from ocpplab_graphql.telemetry import configure_logging  # noqa: PLC0415

    settings = Settings.load()
    configure_logging(settings.log_level, settings.access_log)
    sampler = Sampler()
    signal.signal(signal.SIGPROF, sampler.note)
    signal.signal(signal.SIGUSR1, lambda *_: _start_timer(1_000_000))
    app = create_app(settings)
    bound = serving.listening_socket("127.0.0.1", 0)
    serving.serve(app, bound, lambda base: print(f"listening on {base}"))
    notes.write_text(json.dumps({"stages": sampler.stages, "functions": sampler.functions}))


# ------------------------------------------------------------------------------------ from the outside


@dataclass(frozen=True)
class Profile:
    """
    One run.

    Attributes:
        cpu_ms: of one operation, all threads.
        elsewhere_ms: of it, that of threads other than the main one.
        plain_cpu_ms: of one operation before notes were taken.
    """

    title: str
    operations: int
    cpu_ms: float
    elsewhere_ms: float
    plain_cpu_ms: float
    stages: dict[str, int]
    functions: dict[str, int]


def table(profile: Profile, most: int = 15) -> str:
    """A profile in plain text."""
    notes = sum(profile.stages.values()) or 1
    here_ms = profile.cpu_ms - profile.elsewhere_ms
    spent = {
        stage: here_ms * count / notes
        for stage in [*_STAGES, _SANDBOX]
        if (count := profile.stages.get(stage))
    } | {"other threads": profile.elsewhere_ms}
    often = Counter(profile.functions).most_common(most)
    cost = f"{profile.cpu_ms:.3f} ms of CPU an operation ({profile.plain_cpu_ms:.3f} without notes)"
    lines = [
        f"{profile.title}: {cost}, {profile.operations:,} operations, {notes:,} notes",
        "",
        f"{'stage':<32}{'ms':>10}{'share':>9}",
        *(f"{stage:<32}{ms:>10.3f}{ms / profile.cpu_ms:>9.1%}" for stage, ms in spent.items() if ms),
        "",
        "the functions found most often (native code counts for its caller)",
        *(f"{here_ms * count / notes:>10.3f}  {name}" for name, count in often),
    ]
    return "\n".join(lines)


def profiled(workload: Workload, *, sandbox: bool, execution: str | None, seconds: float) -> Profile:
    """
    Load a sampled server, and read its notes.

    Raises:
        CannotStart: the server, or the compiler, is not to be had.
    """
    with tempfile.TemporaryDirectory() as named, ExitStack() as stack:
        folder = Path(named)
        world.write(folder / "rows")
        programs = [str(compiled(name, folder)) for name in ("stub", "load")]
        server_core, load_core = cores()
        stub = Stub(stack.enter_context(Server([programs[0], str(folder / "rows")], core=load_core)))
        load = Load(Path(programs[1]), folder, core=load_core, stub=stub)
        environ = {"OCPPLAB_EXECUTION": execution} if execution else {}
        environ |= (
            {"OCPPLAB_DATABASE": str(folder / "sandbox.db")} if sandbox else {"OCPPLAB_GATEWAY_URL": stub.url}
        )
        notes = folder / "notes"
        command = (sys.executable, "-m", "bench.peers.profile", "--serve", str(notes))
        with Server(command, core=server_core, environ=environ) as server:
            running = Running(System("sampled", "the sampled server", command), server)
            answer = running.answer(workload)
            normalised(answer)
            plain = load.round(running, workload, min(seconds, 3), checked=answer)
            os.kill(server.pid, signal.SIGUSR1)
            before = _elsewhere_s(server.pid)
            found = load.round(running, workload, seconds, checked=answer)
            elsewhere_ms = (_elsewhere_s(server.pid) - before) * 1000 / max(found.operations, 1)
        said: dict[str, Any] = json.loads(notes.read_text())
    transport = "sandbox inside" if sandbox else "remote gateway"
    title = f"{workload.name}, {transport}, {execution or 'default execution'}"
    cpu = (found.operations, found.cpu_ms, min(elsewhere_ms, found.cpu_ms), plain.cpu_ms)
    return Profile(title, *cpu, said["stages"], said["functions"])


def _elsewhere_s(pid: int) -> float:
    """CPU of a process's threads but the main one, in seconds."""
    ticks = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        if int(task.name) != pid:
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    workloads = {"W1": small(), "W2": screen(), "W3": by_id(), "singles": by_id_singly()}
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers.profile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workload", choices=workloads, default="W2")
    parser.add_argument("--transport", choices=["remote", "sandbox", "both"], default="both")
    parser.add_argument("--execution", choices=["reference", "compiled"], help="by default, as shipped")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--serve", type=Path, metavar="NOTES", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        _serve_sampled(chosen.serve)
        return
    for sandbox in {"remote": [False], "sandbox": [True], "both": [False, True]}[chosen.transport]:
        # The demo world has three CPOs, with other locations.
        if sandbox and chosen.workload != "W2":
            print("the sandbox's demo world is profiled with W2 only")
            continue
        workload = screen(3, 50) if sandbox else workloads[chosen.workload]
        profile = profiled(workload, sandbox=sandbox, execution=chosen.execution, seconds=chosen.seconds)
        print(table(profile), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
