"""
From the bytes of a reply to records. Pure; nothing here sends.

The ordinary reply is decoded in one pass, types checked. When that fails, what can be read is kept:
a wrong type becomes an `Invalid` in place of that one value, an unreadable row an `Invalid` in
place of the row, and only a bad envelope fails its page. Whoever reads a value calls `checked`.
"""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Raw, Struct

from ocpplab_graphql.gateway.errors import Complaint, GatewayInvalidResponse
from ocpplab_graphql.gateway.quick import are_ids, options, quick_of, record_type
from ocpplab_graphql.gateway.records import Listing, LogPage, Page, Record

R = TypeVar("R", bound=Record)

# Types are made per selection, and selections are the clients' to choose: so they are bounded.
_TYPES_KEPT = 1024

# Entries of one list that are looked at one by one when the list as a whole cannot be read.
_ENTRIES_MAX = 4096
# A page that is longer has its rows counted before they are made; the count costs 1 ms for each MB.
_COUNTED_FIRST_BYTES = 256 * 1024

# JSON, but a part of it does not fit: it has another type, or is not UTF-8.
_UNFIT = (msgspec.ValidationError, UnicodeDecodeError)
# Not JSON, not UTF-8, or nested deeper than the decoder goes.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Invalid(Struct, frozen=True):
    """Stands where a value could not be read; `problem` says what was expected and what came."""

    problem: str


def checked(value: Any, what: str) -> Any:
    """
    The value itself.

    Raises:
        GatewayInvalidResponse: it is an `Invalid`; `what` names it in the message.
    """
    if type(value) is Invalid:
        raise GatewayInvalidResponse(f"The gateway sent an unreadable {what}: {value.problem}.")
    return value


def _ignore() -> None:
    """Nobody asked to be told."""


def decode(body: bytes, into: type[R], spoilt: Callable[[], None] = _ignore, *, key: str | None = None) -> R:
    """
    One object of the gateway.

    Args:
        spoilt: is told when it can only be read in part; so in all functions here.
        key: of the object that was asked for, if that is known.

    Raises:
        GatewayInvalidResponse: not JSON, not an object, without its key, or another one than was asked for.
    """
    record = _decoded(body, into, spoilt)
    if key is not None and record.KEY is not None and getattr(record, record.KEY) != key:
        raise GatewayInvalidResponse("The gateway sent another object than the one that was asked for.")
    return record


def _decoded(body: bytes, into: type[R], spoilt: Callable[[], None]) -> R:
    try:
        return msgspec.json.decode(body, type=into)
    except _UNFIT:
        pass
    except _UNREADABLE as error:
        raise _not_json(error) from None
    spoilt()
    try:
        record: R = checked(_salvaged(body, into), "object")
    except _UNREADABLE as error:
        raise _not_json(error) from None
    return record


def decode_page(
    body: bytes, row: type[R], *, page: int, limit: int, spoilt: Callable[[], None] = _ignore
) -> "Page[R | Invalid]":
    """
    One page of a list, as it was asked for.

    Raises:
        GatewayInvalidResponse: a bad envelope, or another page than the one that was asked for.
    """
    decoded: Page[R | Invalid] = _envelope(body, Page, row, limit, spoilt)
    if (decoded.page, decoded.limit) != (page, limit):
        raise GatewayInvalidResponse(
            f"Page {page} with limit {limit} was asked for, "
            f"the gateway sent page {decoded.page} with limit {decoded.limit}."
        )
    return decoded


def decode_log_page(
    body: bytes, row: type[R], *, offset: int, limit: int, spoilt: Callable[[], None] = _ignore
) -> "LogPage[R | Invalid]":
    """
    One page of a charger's log, as it was asked for.

    Raises:
        GatewayInvalidResponse: a bad envelope, or another page than the one that was asked for.
    """
    decoded: LogPage[R | Invalid] = _envelope(body, LogPage, row, limit, spoilt)
    if (decoded.offset, decoded.limit) != (offset, limit):
        raise GatewayInvalidResponse(
            f"Offset {offset} with limit {limit} was asked for, "
            f"the gateway sent offset {decoded.offset} with limit {decoded.limit}."
        )
    return decoded


def decode_listing(body: bytes, row: type[R], spoilt: Callable[[], None] = _ignore) -> "Listing[R | Invalid]":
    """
    A list that is not paginated, of up to some thousand rows.

    Raises:
        GatewayInvalidResponse: a bad envelope, or more rows than a list without pages can mean.
    """
    decoded: Listing[R | Invalid] = _envelope(body, Listing, row, _ENTRIES_MAX, spoilt)
    return decoded


def detail(body: bytes) -> tuple[str, tuple[Complaint, ...]]:
    """
    What an error body says: its sentence, and what it complains of, tolerantly.

    The sentence is "" when the body is not JSON or says nothing. Source: gateway contract, section 1.
    """
    try:
        said = msgspec.json.decode(body)
    except _UNREADABLE:
        return "", ()
    said = said.get("detail") if isinstance(said, dict) else None
    if isinstance(said, str):
        return said[:2000], (Complaint(loc=(), message=said[:2000]),)
    if isinstance(said, list):
        complaints = tuple(_complaint(item) for item in said if isinstance(item, dict))
        return "; ".join(c.message for c in complaints)[:2000], complaints
    return "", ()


class Narrowing:
    """
    The types to decode records into, when only some of their fields are wanted.

    Fields that are left out are not looked at, so they cost nothing and cannot fail.

    Args:
        selected: per record, the keys that are wanted. A record that is not named stays whole where it
            stands inside another, and is its key alone where it stands by itself.
    """

    def __init__(self, selected: Mapping[type[Record], frozenset[str]]) -> None:
        self._selected = selected
        self._made: dict[type[Record], type[Record]] = {}

    def of(self, record: type[R]) -> type[R]:
        """The type for a record: same attributes, fewer of them."""
        made = self._made.get(record)
        if made is None:
            made = self._made[record] = self._narrowed(record)
        return made  # type: ignore[return-value]  # see above

    def _narrowed(self, record: type[Record]) -> type[Record]:
        keys = self._selected.get(record, frozenset())
        kept = tuple(
            (f.name, self._inside(f.type), f.default)
            for f in msgspec.structs.fields(record)
            if f.name in keys or f.name == record.KEY
        )
        return _defined(record, kept)

    def _inside(self, of_type: Any) -> Any:
        """A field's type, with the records in it narrowed too."""
        if isinstance(of_type, type) and issubclass(of_type, Record):
            return self.of(of_type) if of_type in self._selected else of_type
        if get_origin(of_type) is list:
            return list[self._inside(get_args(of_type)[0])]  # type: ignore[misc]  # a type made at run time
        if get_origin(of_type) in (Union, UnionType):
            return Union[tuple(self._inside(option) for option in get_args(of_type))]  # noqa: UP007  # made at run time
        return of_type


@lru_cache(maxsize=_TYPES_KEPT)
def _defined(record: type[Record], kept: tuple[tuple[str, Any, Any], ...]) -> type[Record]:
    return record_type(f"{record.__name__}_{len(kept)}", kept, record.KEY)


def _complaint(item: dict[str, Any]) -> Complaint:
    loc = item.get("loc")
    parts = tuple(p for p in loc if _is_step(p)) if isinstance(loc, list) else ()
    return Complaint(
        loc=parts,
        message=(_text(item.get("msg")) or "is not accepted")[:500],
        type=_text(item.get("type"))[:100],
    )


def _is_step(part: object) -> bool:
    """Whether it can lead to an input: a name, or an index that some list could have."""
    return isinstance(part, str) or (type(part) is int and 0 <= part < 2**31)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _envelope(body: bytes, envelope: Any, row: type[R], limit: int, spoilt: Callable[[], None]) -> Any:
    """The envelope with its rows, of which there may be `limit`."""
    if len(body) > _COUNTED_FIRST_BYTES:
        _entries(_outer(body, envelope).data, limit)
    quick = quick_of(row)
    try:
        decoded = _decoder(envelope, quick.type)(body)
    except _UNFIT:
        decoded = None
    except _UNREADABLE as error:
        raise _not_json(error) from None
    if decoded is None or not are_ids(quick.ids(decoded.data)):
        outer = _outer(body, envelope)
        spoilt()
        rows = [_row(raw, row) for raw in _entries(outer.data, limit)]
        return msgspec.structs.replace(outer, data=rows)
    if len(decoded.data) > limit:
        raise _too_many(limit)
    return decoded


def _outer(body: bytes, envelope: Any) -> Any:
    """The envelope, its rows still bytes."""
    try:
        return _decoder(envelope, _entries_type())(body)
    except msgspec.ValidationError as error:
        raise GatewayInvalidResponse(f"The gateway sent a list that cannot be read: {error}.") from None
    except _UNREADABLE as error:
        raise _not_json(error) from None


@lru_cache(maxsize=_TYPES_KEPT)
def _decoder(envelope: Any, row: Any) -> Callable[[bytes], Any]:
    """What decodes an envelope of such rows. Kept: of a generic type msgspec makes it anew each time."""
    if row is _entries_type():
        fields = [(f.name, row if f.name == "data" else f.type) for f in msgspec.structs.fields(envelope)]
        typed = msgspec.defstruct(f"{envelope.__name__}OfEntries", fields, bases=(Record,), frozen=True)
    else:
        typed = envelope[row]
    return msgspec.json.Decoder(typed).decode


@cache
def _entries_type() -> Any:
    """
    The entries of a list as bytes, up to one more than are allowed; further ones are passed over.

    A `list[Raw]` would make an object of every two bytes of a hostile reply.
    """
    entries = [(f"at_{n}", Raw, Raw(b"")) for n in range(_ENTRIES_MAX + 1)]
    return msgspec.defstruct("Entries", entries, array_like=True)


def _entries(found: Any, limit: int) -> list[Raw]:
    """The entries that are there."""
    entries = [entry for entry in msgspec.structs.astuple(found) if bytes(entry)]
    if len(entries) > limit:
        raise _too_many(limit)
    return entries


def _too_many(limit: int) -> GatewayInvalidResponse:
    return GatewayInvalidResponse(f"At most {limit} rows were asked for, the gateway sent more.")


def _not_json(error: Exception) -> GatewayInvalidResponse:
    return GatewayInvalidResponse(f"The gateway sent something that is not JSON: {_problem(error)}.")


def _problem(error: Exception) -> str:
    """Why something could not be read, without a byte of it."""
    match error:
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case RecursionError():
            return "it is nested too deeply"
    return str(error)


def _row(raw: Raw, row: type[R]) -> "R | Invalid":
    try:
        salvaged: R | Invalid = _salvaged(raw, row)
    except _UNREADABLE as error:
        return Invalid(_problem(error))
    return salvaged


def _salvaged(raw: Raw | bytes, into: Any) -> Any:
    """
    What these bytes say as far as it fits `into`, with an `Invalid` for each part that does not.

    Parts that `into` does not name are never built.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: they are not JSON.
    """
    try:
        return msgspec.json.decode(raw, type=into)
    except _UNFIT as error:
        problem = _problem(error)
    first = bytes(raw).lstrip()[:1]
    record = _record_in(into)
    if record is not None and first == b"{":
        return _salvaged_record(raw, record)
    item = _item_in(into)
    if item is not None and first == b"[":
        return _salvaged_list(raw, item)
    return Invalid(problem)


def _salvaged_list(raw: Raw | bytes, item: Any) -> Any:
    try:
        entries = _entries(msgspec.json.decode(raw, type=_entries_type()), _ENTRIES_MAX)
    except GatewayInvalidResponse:
        return Invalid(f"some of its more than {_ENTRIES_MAX} entries cannot be read")
    return [_salvaged(entry, item) for entry in entries]


def _salvaged_record(raw: Raw | bytes, record: type[Record]) -> Any:
    parts = msgspec.json.decode(raw, type=_parts_type(record))
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(record):
        part = getattr(parts, field.name)
        if bytes(part):
            found[field.name] = _salvaged(part, field.type)
        elif field.default is NODEFAULT:
            found[field.name] = Invalid(f"`{field.encode_name}` is missing")
    if record.KEY is not None and type(found[record.KEY]) is Invalid:
        return Invalid(f"`{record.KEY}`: {found[record.KEY].problem}")
    return record(**found)


@lru_cache(maxsize=_TYPES_KEPT)
def _parts_type(record: type[Record]) -> Any:
    """The fields of a record as bytes; empty for one that is absent."""
    parts = [(f.name, Raw, Raw(b"")) for f in msgspec.structs.fields(record)]
    return msgspec.defstruct(f"{record.__name__}Parts", parts)


def _record_in(into: Any) -> type[Record] | None:
    return next((t for t in options(into) if isinstance(t, type) and issubclass(t, Record)), None)


def _item_in(into: Any) -> Any:
    return next((get_args(t)[0] for t in options(into) if get_origin(t) is list), None)
