"""
The dialects in which clients send a document by its id, made into one.

    extensions.persistedQuery {version: 1, sha256Hash}    Apollo, urql, and others after them
    documentId, with or without `sha256:`                 the GraphQL over HTTP specification, appendix
    doc_id                                                Relay
"""

import re
from collections.abc import Mapping
from typing import Any

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.manifest import sha256_of
from ocpplab_graphql.execution.persisted import PersistedDocuments
from ocpplab_graphql.http.envelope import Refusal

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_ID_LENGTH_MAX = 512
_NAMING = ("extensions", "documentId", "doc_id")


async def with_document(envelope: Any, persisted: PersistedDocuments) -> Any:
    """
    The envelope with the text of its document, if it names one; otherwise as it is.

    A text that comes with its SHA-256 in `extensions.persistedQuery` is registered.

    Raises:
        Refusal: the id can be none, or is not that of the text beside it.
        Refused: there is no such document.
    """
    if not isinstance(envelope, dict) or envelope.keys().isdisjoint(_NAMING):
        return envelope
    digest = _apollo_digest(envelope.get("extensions"))
    ids = {
        found for found in (digest, _plain_id(envelope, "documentId"), _plain_id(envelope, "doc_id")) if found
    }
    if not ids:
        return envelope
    if len(ids) > 1:
        raise _bad("The request names several documents: send one id.")
    document_id = ids.pop()
    text = envelope.get("query")
    if not text:
        return envelope | {"query": await persisted.text(document_id)}
    if not isinstance(text, str):
        return envelope
    if digest is None:
        raise _bad(
            "Send the document as `query`, or its id; together they go into extensions.persistedQuery."
        )
    if sha256_of(text) != digest:
        raise _bad("The provided sha256Hash is not the SHA-256 of `query`, in hexadecimal.")
    await persisted.register(digest, text)
    return envelope


def _apollo_digest(extensions: Any) -> str | None:
    given = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("version") != 1:
        raise _bad('extensions.persistedQuery must be {"version": 1, "sha256Hash": "…"}.')
    digest = _text(given, "sha256Hash", "extensions.persistedQuery.sha256Hash")
    if digest is None:
        raise _bad("extensions.persistedQuery has no sha256Hash.")
    return _normal(digest)


def _plain_id(envelope: Mapping[str, Any], name: str) -> str | None:
    given = _text(envelope, name, name)
    return None if given is None else _normal(given.removeprefix("sha256:"))


def _text(given: Mapping[str, Any], name: str, said: str) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _ID_LENGTH_MAX:
        raise _bad(f"`{said}` must be text of 1 to {_ID_LENGTH_MAX} characters.")
    return value


def _normal(document_id: str) -> str:
    """A hash in lower case; any other id as it is."""
    return document_id.lower() if _SHA256.fullmatch(document_id) else document_id


def _bad(message: str) -> Refusal:
    return Refusal(400, ErrorCode.BAD_REQUEST, message)
