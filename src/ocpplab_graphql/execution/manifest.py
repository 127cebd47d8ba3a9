"""
A manifest of trusted documents: the file that a client's build writes, read tolerantly.

    Relay, GraphQL Codegen, plain   {"<id>": "query …"}
    Apollo                          {"format": "apollo-persisted-query-manifest", "operations": [{"id", "body"}]}
    others                          {"<id>": {"body" | "text" | "document" | "query": "query …"}}, [["<id>", "query …"]]
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

_TEXT_NAMES = ("body", "text", "document", "query")


class ManifestError(Exception):
    """A manifest that cannot be read; the message is one line for the operator."""


def sha256_of(text: str) -> str:
    """The hash by which clients name a document."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Manifest:
    """
    The documents that are trusted: by the id that the manifest gives them, and by the hash of their text.

    Args:
        documents: id to text; an id may begin with `sha256:`.
    """

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._by_hash = {sha256_of(text): text for text in documents.values()}
        self._by_id = {key.removeprefix("sha256:"): text for key, text in documents.items()}

    def __len__(self) -> int:
        return len(self._by_id)

    def text(self, document_id: str) -> str | None:
        """The document with this id or this hash."""
        found = self._by_id.get(document_id)
        return found if found is not None else self._by_hash.get(document_id.lower())

    def trusts(self, text: str) -> bool:
        """Whether a text is, to the letter, one of the manifest's."""
        return sha256_of(text) in self._by_hash


def read_manifest(path: Path) -> Manifest:
    """
    The manifest in a file.

    Raises:
        ManifestError: there is none, or it holds no documents.
    """
    try:
        content = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise ManifestError(f"cannot read {path}: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"{path} is not JSON in UTF-8: {error}.") from error
    documents: dict[str, str] = {}
    for place, (key, text) in enumerate(_entries(content, path), start=1):
        if not isinstance(key, str) or not key or not isinstance(text, str) or not text.strip():
            raise ManifestError(f"{path}: entry {place} has no id or no text.")
        if documents.setdefault(key, text) != text:
            raise ManifestError(f"{path}: the id {key[:80]!r} stands for two documents.")
    if not documents:
        raise ManifestError(f"{path} holds no documents.")
    return Manifest(documents)


def _entries(content: Any, path: Path) -> Iterable[tuple[Any, Any]]:
    if isinstance(content, dict):
        operations = content.get("operations")
        if isinstance(operations, list):
            return [(_member(entry, ("id",)), _member(entry, _TEXT_NAMES)) for entry in operations]
        given = operations if isinstance(operations, dict) else content
        return [(key, _member(text, _TEXT_NAMES)) for key, text in given.items()]
    if isinstance(content, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in content):
        return [(key, _member(text, _TEXT_NAMES)) for key, text in content]
    raise ManifestError(
        f'{path} must hold {{"<id>": "<document>"}}, or the operations of Apollo\'s manifest.'
    )


def _member(entry: Any, names: tuple[str, ...]) -> Any:
    """The first of these members of an object; anything else as it is."""
    if not isinstance(entry, dict):
        return entry if names is _TEXT_NAMES else None
    return next((entry[name] for name in names if name in entry), None)
