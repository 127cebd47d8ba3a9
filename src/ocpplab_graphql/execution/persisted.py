"""
Documents that clients send by id: from a manifest, or registered by clients themselves.

What a registered document is named by is the SHA-256 of its text, so one that is found is the right one
whoever registered it; a text from the shared store is checked against its name.
"""

from dataclasses import dataclass

from graphql import GraphQLError

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.documents import Documents, Refused
from ocpplab_graphql.execution.manifest import Manifest, sha256_of
from ocpplab_graphql.shared import SharedState, SharedStateUnavailable
from ocpplab_graphql.telemetry import logger

_KEY = "document:{}"


@dataclass(frozen=True, slots=True)
class Registry:
    """
    Where documents that clients register are kept.

    Attributes:
        near: of this process.
        far: of all processes, if there are others; it may fail, and then only `near` serves.
        ttl_s: how long they are kept.
    """

    near: SharedState
    far: SharedState | None
    ttl_s: float

    async def get(self, digest: str) -> str | None:
        """The text with this hash."""
        key = _KEY.format(digest)
        value = await self.near.get(key)
        if value is None and self.far is not None:
            value = await self._from_afar(self.far, key, digest)
        return None if value is None else value.decode()

    async def put(self, digest: str, text: str) -> None:
        """Keep a text under its hash."""
        key, value = _KEY.format(digest), text.encode()
        if await self.near.get(key) is not None:
            return
        await self.near.set(key, value, ttl_s=self.ttl_s)
        if self.far is not None:
            try:
                await self.far.set(key, value, ttl_s=self.ttl_s)
            except SharedStateUnavailable as error:
                logger.warning("a document is registered in this process alone: %s", error)

    async def _from_afar(self, far: SharedState, key: str, digest: str) -> bytes | None:
        try:
            value = await far.get(key)
        except SharedStateUnavailable as error:
            logger.warning("registered documents of other processes are out of reach: %s", error)
            return None
        if value is None or sha256_of(value.decode(errors="replace")) != digest:
            return None
        await self.near.set(key, value, ttl_s=self.ttl_s)
        return value


class PersistedDocuments:
    """
    Texts by their ids.

    Args:
        documents: says whether a text may be registered.
        manifest: the trusted documents, if there are any.
        registry: the registered ones; None when clients cannot register.
        only: nothing but the manifest's documents is executed.
    """

    def __init__(
        self,
        documents: Documents,
        *,
        manifest: Manifest | None = None,
        registry: Registry | None = None,
        only: bool = False,
    ) -> None:
        self._documents = documents
        self._manifest = manifest
        self._registry = None if only else registry
        self._only = only

    async def text(self, document_id: str) -> str:
        """
        The document with an id, or with the hash that is its id.

        Raises:
            Refused: there is none.
        """
        found = self._manifest.text(document_id) if self._manifest is not None else None
        if found is None and self._registry is not None:
            found = await self._registry.get(document_id.lower())
        if found is not None:
            return found
        if self._only:
            raise _refused(
                ErrorCode.DOCUMENT_NOT_ALLOWED,
                "This service executes only the documents of its manifest, and this id is not one of them.",
            )
        if self._manifest is None and self._registry is None:
            raise _refused(ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported")
        raise _refused(ErrorCode.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")

    async def register(self, digest: str, text: str) -> None:
        """Keep a text under its hash, if it is a document that could be executed."""
        if self._registry is None:
            return
        try:
            self._documents.prepare(text)
        except Refused:
            return  # whoever executes it says why
        await self._registry.put(digest, text)


def _refused(code: ErrorCode, message: str) -> Refused:
    return Refused(code, [GraphQLError(message)])
