"""
A complete, durable OCPPLAB Gateway to develop and test against.

It speaks the gateway's REST contract, keeps everything in its own database, and imports nothing else of
this product: a field misspelt on one side cannot be misspelt on the other.
"""

from typing import TYPE_CHECKING, Any

from ocpplab_graphql.sandbox.config import SandboxConfig, SandboxStartError

if TYPE_CHECKING:
    from ocpplab_graphql.sandbox.app import create_sandbox

__all__ = ["SandboxConfig", "SandboxStartError", "create_sandbox"]


def __getattr__(name: str) -> Any:
    # Lazily: the command line knows the sandbox's options without its database and web framework.
    if name == "create_sandbox":
        from ocpplab_graphql.sandbox.app import create_sandbox  # noqa: PLC0415

        return create_sandbox
    raise AttributeError(name)
