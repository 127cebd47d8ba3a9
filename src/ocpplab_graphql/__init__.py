"""
A GraphQL facade for the OCPPLAB Gateway.

    from ocpplab_graphql import Settings, create_app

    app = create_app(Settings.load(gateway_url="https://gateway.example"))
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocpplab_graphql.app import create_app
    from ocpplab_graphql.settings import Settings

__version__ = "0.1.0"
__all__ = ["Settings", "__version__", "create_app"]


def __getattr__(name: str) -> Any:
    # Lazily, so that the sandbox alone, or the version, does not load the whole facade.
    if name == "create_app":
        from ocpplab_graphql.app import create_app  # noqa: PLC0415

        return create_app
    if name == "Settings":
        from ocpplab_graphql.settings import Settings  # noqa: PLC0415

        return Settings
    raise AttributeError(name)
