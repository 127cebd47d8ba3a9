"""
Every setting, with its default, in one frozen object.

Read once at start from `OCPPLAB_*` variables and the command line, then passed as an argument.
The table in README.md is generated from the descriptions here.
"""

import os
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, field_validator

PREFIX = "OCPPLAB_"


class SettingsError(Exception):
    """A setting that does not exist, or a value that does not fit; the message is for the operator."""


class Settings(BaseModel):
    """How the service runs. Field names are the variables' names without `OCPPLAB_`, in lower case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe log line that is written to stderr."
    )
    access_log: Literal["json", "text", "off"] = Field(
        default="json", description="Form of the line that each operation writes to stdout."
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that serve; a further one hosts the sandbox, if inside.",
    )
    shutdown_notice_s: float = Field(
        default=0.0,
        ge=0,
        description="After SIGTERM, seconds in which /ready says 503 and new connections are still served.",
    )
    shutdown_timeout_s: float = Field(
        default=15.0, gt=0, description="Then, seconds in which running operations may end; more are cut off."
    )

    gateway_url: HttpUrl | None = Field(
        default=None,
        description="Base URL of the gateway; a path prefix is kept. Without it the sandbox runs inside.",
    )
    gateway_transport: Literal["aiohttp", "httpx"] = Field(
        default="aiohttp",
        description="HTTP client for a remote gateway: aiohttp is fast, httpx honours proxy variables.",
    )
    gateway_max_concurrency: int = Field(
        default=64,
        ge=1,
        description="Gateway calls in flight at once; further ones wait within their deadline.",
    )
    gateway_max_body_bytes: int = Field(
        default=16 * 1024 * 1024, ge=1024, description="Largest gateway reply that is read, in bytes."
    )
    operation_timeout_s: float = Field(
        default=10.0,
        gt=0,
        description="Deadline of one operation, in seconds; every gateway call inherits what is left of it.",
    )

    page_size_default: int = Field(
        default=50, ge=1, le=500, description="Rows of a connection when neither first nor last is given."
    )
    page_size_max: int = Field(default=500, ge=1, le=10_000, description="Largest first or last.")
    bulk_items_max: int = Field(
        default=1000, ge=1, le=10_000, description="Most locations in one bulkCreateLocations."
    )
    nodes_max: int = Field(default=500, ge=1, le=10_000, description="Most ids in one nodes(ids:).")
    errors_max: int = Field(
        default=100, ge=1, description="Errors listed in one answer; the rest are counted."
    )
    document_cache_size: int = Field(
        default=1000, ge=1, description="Parsed and validated documents that are kept."
    )
    max_request_bytes: int = Field(
        default=1024 * 1024, ge=1024, description="Largest GraphQL request body, in bytes."
    )
    max_document_tokens: int = Field(
        default=10_000, ge=100, description="Most lexical tokens in one document."
    )
    max_document_depth: int = Field(
        default=64, ge=10, le=100, description="Deepest nesting of braces and brackets in one document."
    )
    introspection: bool = Field(default=True, description="Whether clients may read the schema.")
    console: bool = Field(default=True, description="Whether a browser gets GraphiQL at /graphql.")

    database: str = Field(
        default=".data/sandbox.db", description="Database of the embedded sandbox: a path or a URL."
    )
    seed: Literal["demo", "empty"] = Field(
        default="demo", description="World written once into an empty sandbox database."
    )
    sandbox_step_delay_ms: int = Field(
        default=0, ge=0, description="Pause of the sandbox before each item of a bulk job, in milliseconds."
    )

    @field_validator("gateway_url")
    @classmethod
    def _plain(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url is not None and (url.username or url.password or url.query or url.fragment):
            raise ValueError("must be scheme, host, port and path alone; credentials come from the callers")
        return url

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **overrides: object) -> Self:
        """
        The settings of `environ` (by default the process's own), with `overrides` over them.

        Args:
            overrides: values from the command line; None means not given.

        Raises:
            SettingsError: an unknown `OCPPLAB_*` name, or a value that does not fit; one line.
        """
        given: dict[str, object] = {
            **_from(os.environ if environ is None else environ, set(cls.model_fields))
        }
        given |= {name: value for name, value in overrides.items() if value is not None}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise SettingsError(_one_line(error)) from None


def _from(environ: Mapping[str, str], known: set[str]) -> dict[str, str]:
    """
    Setting to text, of the variables that are ours.

    Raises:
        SettingsError: one of them is no setting.
    """
    ours = {
        name.upper().removeprefix(PREFIX).lower(): name for name in environ if name.upper().startswith(PREFIX)
    }
    unknown = sorted(ours.keys() - known)
    if unknown:
        raise SettingsError(
            f"Unknown setting {ours[unknown[0]]}. Known are: "
            + ", ".join(sorted(f"{PREFIX}{name.upper()}" for name in known))
        )
    return {setting: environ[name] for setting, name in ours.items()}


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]).upper()
    return f"Setting {PREFIX}{name}: {first['msg']}, got {first['input']!r}."
