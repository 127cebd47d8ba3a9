"""
A complete, durable OCPPLAB Gateway to develop and test against.

It speaks the gateway's REST contract, keeps everything in its own database, and imports nothing else of
this product: a field misspelt on one side cannot be misspelt on the other.
"""

from ocpplab_graphql.sandbox.app import create_sandbox
from ocpplab_graphql.sandbox.config import SandboxConfig, SandboxStartError

__all__ = ["SandboxConfig", "SandboxStartError", "create_sandbox"]
