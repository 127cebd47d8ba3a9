"""Who is compared: how each system is started, or why it cannot be."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers.processes import HERE

NODE = HERE / "node"


@dataclass(frozen=True)
class System:
    """
    One system.

    Attributes:
        key: short name, for options and figures.
        name: as in the tables.
        command: how it starts, given the gateway's address.
        missing: why it cannot be measured here; None when it can.
        speaks_graphql: the floor does not.
    """

    key: str
    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    missing: str | None = None
    speaks_graphql: bool = True
    ours: bool = False


def systems(gateway_url: str) -> list[System]:
    """All of them, in the order of the tables."""
    return [
        System("floor", "floor (no GraphQL)", _python("floor", gateway_url), speaks_graphql=False),
        *_product(gateway_url),
        _node("mercurius", "Mercurius, JIT", gateway_url),
        _node("yoga", "GraphQL Yoga, JIT", gateway_url),
        _node("apollo", "Apollo Server", gateway_url),
        System("tutorial", "Strawberry, tutorial", _python("tutorial", gateway_url)),
    ]


def _product(gateway_url: str) -> list[System]:
    command = (sys.executable, "-m", "ocpplab_graphql", "serve", "--port", "0", "--gateway-url", gateway_url)
    # The compiled path is the default, and is measured as it is shipped: with no setting at all.
    return [
        System("compiled", "ocpplab-graphql, compiled", command, ours=True),
        System(
            "reference", "ocpplab-graphql, reference", command, {"OCPPLAB_EXECUTION": "reference"}, ours=True
        ),
    ]


def _python(name: str, gateway_url: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"bench.peers.python.{name}", gateway_url)


def _node(key: str, name: str, gateway_url: str) -> System:
    node = shutil.which("node")
    missing = None
    if node is None:
        missing = "there is no Node.js here"
    elif not Path(NODE / "node_modules").is_dir():
        missing = "its packages are not installed (npm ci in bench/peers/node failed)"
    command = (node or "node", str(NODE / f"{key}.mjs"), gateway_url)
    return System(key, name, command, {"NODE_ENV": "production"}, missing)
