"""Execution: documents and what is kept of them, the executor, and the context of each operation."""

from ocpplab_graphql.app.starting import StartError
from ocpplab_graphql.execution.compiled import Engine
from ocpplab_graphql.execution.documents import DocumentLimits, Documents
from ocpplab_graphql.execution.executor import ContextFactory, CostLimits, Executor
from ocpplab_graphql.execution.manifest import Manifest, ManifestError, read_manifest
from ocpplab_graphql.execution.persisted import PersistedDocuments, Registry
from ocpplab_graphql.gateway.client import Credentials, Gateway
from ocpplab_graphql.gateway.decode import Narrowing
from ocpplab_graphql.http.envelope import MakeContext
from ocpplab_graphql.loaders import Loaders
from ocpplab_graphql.loaders.following import Following
from ocpplab_graphql.schema import SECRET_FIELDS, schema
from ocpplab_graphql.schema.context import Context
from ocpplab_graphql.schema.limits import Limits
from ocpplab_graphql.schema.once import Once
from ocpplab_graphql.schema.rules import GraphRules
from ocpplab_graphql.settings import Settings
from ocpplab_graphql.shared import InProcess, SharedState

# An entry takes about 250 bytes, so the number of entries is the bound that is met first.
_IDEMPOTENCY_BYTES_MAX = 256 * 1024 * 1024


def manifest_of(settings: Settings) -> Manifest | None:
    """
    The documents that are trusted, if there are any.

    Raises:
        StartError: their file cannot be read.
    """
    if settings.trusted_documents == "off" or settings.trusted_documents_file is None:
        return None
    try:
        return read_manifest(settings.trusted_documents_file)
    except ManifestError as error:
        raise StartError(f"the manifest of trusted documents: {error}") from error


def documents_of(settings: Settings, manifest: Manifest | None) -> Documents:
    """The documents that may be executed, parsed and validated once."""
    core = schema._schema  # Strawberry's own execute parses and validates anew each time
    return Documents(
        core,
        size=settings.document_cache_size,
        limits=DocumentLimits(
            tokens=settings.max_document_tokens,
            nesting=settings.max_document_nesting,
            depth=settings.max_depth,
            fields=settings.max_fields,
            aliases=settings.max_aliases,
            root_fields=settings.max_root_fields,
            comparisons=settings.max_field_comparisons,
            definitions=settings.max_definitions,
            introspected=settings.max_introspected_fields,
        ),
        introspection=settings.introspection,
        secret_fields=SECRET_FIELDS,
        allows=manifest.trusts if manifest is not None and settings.trusted_documents == "only" else None,
    )


def persisted_documents(
    settings: Settings, documents: Documents, manifest: Manifest | None, shared: SharedState | None
) -> PersistedDocuments:
    """The documents that are sent by their ids."""
    near = InProcess(entries_max=settings.persisted_entries_max, bytes_max=settings.persisted_bytes_max)
    registry = Registry(near, shared, settings.persisted_ttl_s)
    return PersistedDocuments(
        documents,
        manifest=manifest,
        registry=registry if settings.automatic_persisted_queries else None,
        only=settings.trusted_documents == "only",
    )


def executor_of(settings: Settings, documents: Documents) -> Executor:
    """What executes them."""
    limits = CostLimits(
        calls=settings.max_gateway_calls, nodes=settings.max_nodes, page_size=settings.page_size_default
    )
    core = schema._schema
    engine = (
        Engine(core, GraphRules(), after=settings.compile_after) if settings.execution == "compiled" else None
    )
    return Executor(core, documents, errors_max=settings.errors_max, limits=limits, engine=engine)


def following_of(settings: Settings, gateway: Gateway) -> Following:
    """The polls of all who follow something."""
    return Following(
        gateway,
        interval_s=settings.follow_interval_s,
        interval_max_s=settings.follow_interval_max_s,
        timeout_s=settings.operation_timeout_s,
        followers_max=settings.followers_max,
    )


def once_of(settings: Settings, shared: SharedState | None, *, embedded: bool) -> Once:
    """What makes a write happen once for each idempotency key."""
    honours = settings.gateway_honours_idempotency_keys
    return Once(
        shared or InProcess(entries_max=settings.idempotency_entries_max, bytes_max=_IDEMPOTENCY_BYTES_MAX),
        keeps_s=settings.idempotency_ttl_s,
        in_flight_s=settings.latest_deadline_s,
        gateway_honours_keys=embedded if honours is None else honours,
    )


def context_maker(settings: Settings, gateway: Gateway, following: Following, once: Once) -> MakeContext:
    """What makes the context of each operation."""
    limits = Limits(
        page_size_default=settings.page_size_default,
        page_size_max=settings.page_size_max,
        nodes_max=settings.nodes_max,
        bulk_items_max=settings.bulk_items_max,
    )

    def for_request(
        credentials: Credentials, request_id: str, traced: bool, asked_s: float | None
    ) -> ContextFactory:
        follow = following.for_caller(credentials)
        timeout_s = settings.operation_timeout_s
        if asked_s is not None:
            timeout_s = min(asked_s, settings.latest_deadline_s)

        def make(narrowing: Narrowing) -> Context:
            client = gateway.client(credentials, timeout_s=timeout_s)
            loaders = Loaders(client, narrowing, traced=traced)
            return Context(client, loaders, limits, request_id, follow, once)

        return make

    return for_request
