"""
Every setting, with its default, in one frozen object.

Read once at start from `OCPPLAB_*` variables and the command line, then passed as an argument.
The table in README.md is generated from the descriptions here.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

PREFIX = "OCPPLAB_"

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s?#@*]+")


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
    shutdown_linger_s: float = Field(
        default=0.5,
        ge=0,
        description="Then, seconds in which an idle connection may send one more request; new ones are refused.",
    )
    shutdown_timeout_s: float = Field(
        default=15.0,
        gt=0,
        description="In all, seconds in which running operations may end; more are cut off.",
    )

    connections_max: int = Field(
        default=4096,
        ge=1,
        description="Connections of one process; further ones are told 503, save for /health and /ready.",
    )
    max_head_bytes: int = Field(
        default=64 * 1024, ge=4096, description="Longest head of a request, its line and headers, in bytes."
    )
    receive_timeout_s: float = Field(
        default=10.0,
        gt=0,
        description="How long the head of a request, and then its body, may take to come, in seconds.",
    )
    send_timeout_s: float = Field(
        default=30.0,
        gt=0,
        description="How long a reader may take for 64 KiB of what waits for it, or for all of it, in seconds.",
    )
    keep_alive_s: float = Field(
        default=5.0, gt=0, description="How long a connection may be idle between two requests, in seconds."
    )
    unsent_bytes_max: int = Field(
        default=256 * 1024 * 1024,
        ge=1024,
        description="Bytes of answers that wait for slow readers in one process; beyond, the slowest are cut off.",
    )
    request_bytes_max: int = Field(
        default=128 * 1024 * 1024,
        ge=1024,
        description="Bytes of request bodies that one process holds at once; beyond, requests are told 503.",
    )
    operations_max: int = Field(
        default=256,
        ge=1,
        description="Operations that one process executes at once; as many wait, the rest is told 503.",
    )
    operations_wait_s: float = Field(
        default=0.5, ge=0, description="How long an operation may wait for its turn, in seconds."
    )

    gateway_url: HttpUrl | None = Field(
        default=None,
        description="Base URL of the gateway; a path prefix is kept. Without it the sandbox runs inside.",
    )
    gateway_transport: Literal["http1", "aiohttp", "httpx"] = Field(
        default="http1",
        description="HTTP client for a remote gateway: http1 is our own and the fastest, aiohttp its alternative, "
        "httpx honours proxy variables.",
    )
    gateway_keepalive_s: float = Field(
        default=15.0,
        ge=0,
        description="How long http1 keeps a connection to the gateway without a request, in seconds; less if the "
        "gateway says so.",
    )
    gateway_compression: bool = Field(
        default=False,
        description="Whether http1 asks for compressed replies: fewer bytes on the way, for more CPU on both sides.",
    )
    gateway_max_concurrency: int = Field(
        default=64,
        ge=1,
        description="Gateway calls in flight at once; further ones wait.",
    )
    gateway_waiting_max: int = Field(
        default=5_000,
        ge=0,
        description="Gateway calls that wait for a place among those in flight; further ones are OVERLOADED. "
        "One large operation alone may bring as many as OCPPLAB_MAX_GATEWAY_CALLS.",
    )
    gateway_waiting_s: float = Field(
        default=5.0,
        gt=0,
        description="Longest that a gateway call waits for such a place, in seconds; then it is OVERLOADED.",
    )
    gateway_shares_reads: bool = Field(
        default=False,
        description="Whether equal reads of one caller that are under way at once share one call. What another "
        "process writes meanwhile may then be seen one read later.",
    )
    gateway_retries: int = Field(
        default=2, ge=0, le=10, description="How often a read that failed is sent again; a write never is."
    )
    gateway_retry_base_s: float = Field(
        default=0.05, ge=0, description="Longest first wait before that, in seconds; it doubles each time."
    )
    gateway_retry_max_s: float = Field(
        default=1.0, ge=0, description="Longest such wait, in seconds, beside what Retry-After asks for."
    )
    gateway_retry_budget: float = Field(
        default=0.2, ge=0, le=1, description="Most retries, as a share of all gateway calls; 0 is none."
    )
    gateway_breaker_ratio: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of the last gateway calls, failed or slow, at which no more are made for a while.",
    )
    gateway_breaker_calls: int = Field(
        default=20, ge=1, description="Fewest gateway calls from which that is concluded."
    )
    gateway_breaker_window: int = Field(
        default=100, ge=1, description="Most gateway calls that are looked back at for it."
    )
    gateway_breaker_window_s: float = Field(
        default=10.0, gt=0, description="How long they are looked back at, in seconds."
    )
    gateway_breaker_slow_s: float = Field(
        default=3.0,
        gt=0,
        description="Seconds from which on a gateway call counts as slow; half of OCPPLAB_OPERATION_TIMEOUT_S at most.",
    )
    gateway_breaker_open_s: float = Field(
        default=2.0, gt=0, description="How long no gateway call is made then, in seconds, before probes are."
    )
    gateway_breaker_probes: int = Field(
        default=3,
        ge=1,
        description="Most probes at once; as many must go well before all calls are made again.",
    )
    gateway_max_body_bytes: int = Field(
        default=16 * 1024 * 1024, ge=1024, description="Largest gateway reply that is read, in bytes."
    )
    gateway_max_head_bytes: int = Field(
        default=64 * 1024,
        ge=1024,
        description="Most bytes of status and headers in a gateway reply, by http1.",
    )
    operation_timeout_s: float = Field(
        default=10.0,
        gt=0,
        description="Deadline of one operation, in seconds; every gateway call inherits what is left of it.",
    )
    operation_timeout_max_s: float = Field(
        default=30.0,
        gt=0,
        description="Latest deadline that a client may ask for with X-Request-Timeout, in seconds.",
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
    execution: Literal["compiled", "reference"] = Field(
        default="compiled",
        description="Whether queries are executed by code generated for them, or all by graphql-core.",
    )
    compile_after: int = Field(
        default=2,
        ge=1,
        description="Executions of a document, for one reading of its @skip and @include, "
        "before it is compiled.",
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
    max_document_nesting: int = Field(
        default=64, ge=10, le=100, description="Deepest nesting of braces and brackets in one document."
    )
    max_variable_values: int = Field(
        default=50_000,
        ge=100,
        description="Values in the variables of one operation, those inside others included.",
    )
    max_definitions: int = Field(default=500, ge=10, description="Operations and fragments in one document.")
    max_depth: int = Field(default=25, ge=5, le=100, description="Levels of fields in one operation.")
    max_fields: int = Field(default=5_000, ge=10, description="Fields in one operation, fragments expanded.")
    max_aliases: int = Field(default=500, ge=0, description="Aliases in one operation, fragments expanded.")
    max_root_fields: int = Field(default=250, ge=1, description="Fields at the root of one operation.")
    max_field_comparisons: int = Field(
        default=5_000, ge=100, description="Pairs of equal fields that validation may have to compare."
    )
    max_introspected_fields: int = Field(
        default=30_000,
        ge=10_000,
        description="Fields of introspection that one operation could bring, about.",
    )
    max_gateway_calls: int = Field(
        default=5_000, ge=1, description="Gateway calls that one operation could make at most."
    )
    max_nodes: int = Field(
        default=250_000, ge=1, description="Rows and objects that one operation could bring at most."
    )
    follow_interval_s: float = Field(
        default=1.0,
        gt=0,
        description="Seconds between two looks at what a subscription follows, at first and after each change.",
    )
    follow_interval_max_s: float = Field(
        default=5.0,
        gt=0,
        description="Longest wait between two looks while nothing changes, in seconds; reached step by step.",
    )
    followers_max: int = Field(
        default=1000,
        ge=1,
        description="Most subscriptions of one process at once, three quarters of them by one caller; further ones "
        "are refused.",
    )
    stream_heartbeat_s: float = Field(
        default=12.0, gt=0, description="Longest silence of a stream or WebSocket, in seconds."
    )
    websocket_init_timeout_s: float = Field(
        default=3.0, gt=0, description="How long a WebSocket client may take for connection_init, in seconds."
    )
    websocket_operations_max: int = Field(
        default=100,
        ge=1,
        description="Most operations that run over one WebSocket at once; twice as many subscriptions may begin "
        "in a second.",
    )
    websockets_max: int = Field(
        default=1000, ge=1, description="Most WebSockets of one process at once; further ones are told 503."
    )
    websocket_messages_max: int = Field(
        default=500,
        ge=1,
        description="Most messages, pings included, of one WebSocket in a second; more close it.",
    )
    idempotency_ttl_s: float = Field(
        default=86_400.0, gt=0, description="How long an idempotency key is remembered, in seconds."
    )
    idempotency_entries_max: int = Field(
        default=100_000,
        ge=1,
        description="Idempotency keys that one process remembers when there is no Redis.",
    )
    gateway_honours_idempotency_keys: bool | None = Field(
        default=None,
        description="Whether the gateway makes one effect of one Idempotency-Key, so that a write of unknown fate may "
        "be sent again; by default only the sandbox does.",
    )
    metrics: bool = Field(
        default=False,
        description="Whether /metrics tells anybody who asks what this process counts, in the text format of "
        "Prometheus.",
    )
    introspection: bool = Field(default=True, description="Whether clients may read the schema.")
    console: bool = Field(default=True, description="Whether a browser gets GraphiQL at /graphql.")

    automatic_persisted_queries: bool = Field(
        default=True, description="Whether clients may register documents and then send their hashes alone."
    )
    persisted_entries_max: int = Field(
        default=1000, ge=1, description="Most registered documents that one process keeps."
    )
    persisted_bytes_max: int = Field(
        default=8 * 1024 * 1024, ge=1024, description="Most bytes of registered documents in one process."
    )
    persisted_ttl_s: float = Field(
        default=86_400.0, gt=0, description="How long a registered document is kept, in seconds."
    )
    trusted_documents: Literal["off", "allow", "only"] = Field(
        default="off",
        description="The manifest of trusted documents: not read; its ids are served too; nothing else is executed.",
    )
    trusted_documents_file: Path | None = Field(
        default=None, description="The manifest: Relay's, Apollo's, or any JSON object of id to document."
    )
    redis_url: str | None = Field(
        default=None,
        description="Redis for what several processes share: redis://, rediss:// or unix://; without, each is alone.",
    )
    answer_max_age_s: int = Field(
        default=0,
        ge=0,
        le=86_400,
        description="Seconds that a caller may use its answer to a query by GET without asking again.",
    )
    compression: bool = Field(
        default=True, description="Whether answers, schema and console are compressed with gzip."
    )
    compression_min_bytes: int = Field(
        default=1024, ge=0, description="Length from which an answer is compressed, in bytes."
    )
    cors_origins: str | None = Field(
        default=None,
        description="Origins whose pages may use the service, such as `https://app.example`, "
        "with commas between; `*` is any.",
    )

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

    @field_validator("redis_url")
    @classmethod
    def _of_redis(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return url

    @field_validator("cors_origins")
    @classmethod
    def _of_origins(cls, origins: str | None) -> str | None:
        for origin in _listed(origins):
            if origin != "*" and _ORIGIN.fullmatch(origin) is None:
                raise ValueError("must be origins such as https://app.example:8443, without a path, or *")
        return origins

    @model_validator(mode="after")
    def _has_window(self) -> Self:
        if self.gateway_breaker_window < self.gateway_breaker_calls:
            raise PydanticCustomError(
                "window",
                "OCPPLAB_GATEWAY_BREAKER_WINDOW must be at least OCPPLAB_GATEWAY_BREAKER_CALLS",
            )
        return self

    @model_validator(mode="after")
    def _has_manifest(self) -> Self:
        if self.trusted_documents != "off" and self.trusted_documents_file is None:
            raise PydanticCustomError(
                "manifest",
                "OCPPLAB_TRUSTED_DOCUMENTS needs the path of a manifest in OCPPLAB_TRUSTED_DOCUMENTS_FILE",
            )
        return self

    @property
    def cors_origins_listed(self) -> tuple[str, ...]:
        """The origins of `cors_origins`, in lower case."""
        return _listed(self.cors_origins)

    @property
    def latest_deadline_s(self) -> float:
        """The longest that any operation may take, whatever its client asks for, in seconds."""
        return max(self.operation_timeout_s, self.operation_timeout_max_s)

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


def _listed(origins: str | None) -> tuple[str, ...]:
    return tuple(origin.strip().lower() for origin in (origins or "").split(",") if origin.strip())


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        return f"{first['msg']}."
    name = str(first["loc"][0]).upper()
    if name == "REDIS_URL":  # may hold a password
        return f"Setting {PREFIX}{name}: {first['msg']}."
    return f"Setting {PREFIX}{name}: {first['msg']}, got {first['input']!r}."
