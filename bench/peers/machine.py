"""What a run ran on, and which versions took part."""

import json
import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from bench.peers.systems import NODE

_PYTHON = [
    "ocpplab-graphql",
    "strawberry-graphql",
    "graphql-core",
    "msgspec",
    "aiohttp",
    "httpx",
    "uvicorn",
    "uvloop",
]
_NODE = ["mercurius", "graphql-yoga", "graphql-jit", "@apollo/server", "graphql", "fastify", "undici"]


def machine() -> dict[str, str]:
    """Processor, cores, memory, system, and how busy it was with other things."""
    load = os.getloadavg()
    return {
        "processor": f"{_line('/proc/cpuinfo', 'model name')}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{int(_line('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "system": f"{_line('/etc/os-release', 'PRETTY_NAME', '=').strip(chr(34))}, Linux {platform.release()}",
        "load average before": f"{load[0]:.1f} (1 minute), {load[1]:.1f} (5 minutes)",
    }


def versions() -> dict[str, str]:
    """Of Python, Node.js and what runs on them."""
    python = ", ".join(f"{name} {version(name)}" for name in _PYTHON)
    found = {f"Python {platform.python_version()}": python}
    if node := shutil.which("node"):
        said = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=True, timeout=20
        ).stdout
        found[f"Node.js {said.strip().removeprefix('v')}"] = _node_packages()
    return found


def _node_packages() -> str:
    packages = json.loads((NODE / "package-lock.json").read_text())["packages"]
    return ", ".join(f"{name} {packages[f'node_modules/{name}']['version']}" for name in _NODE)


def _line(path: str, name: str, between: str = ":") -> str:
    """What a file of `name: value` lines says of a name."""
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(between)
        if key.strip() == name:
            return value.strip()
    return "unknown"
