"""
From the bytes of a reply to records. Pure; nothing here sends.

The ordinary reply is decoded in one pass, types checked. When that fails, what can be read is kept:
a wrong type becomes an `Invalid` in place of that one value, an unreadable row an `Invalid` in
place of the row, and only a bad envelope fails its page. Whoever reads a value calls `checked`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Raw, Struct

from ocpplab_graphql.gateway.errors import Complaint, GatewayInvalidResponse
from ocpplab_graphql.gateway.records import Listing, LogPage, Page, Record

R = TypeVar("R", bound=Record)

# Types are made per selection, and selections are the clients' to choose: so they are bounded.
_TYPES_KEPT = 1024

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


def decode(body: bytes, into: type[R], spoilt: Callable[[], None] = _ignore) -> R:
    """
    One object of the gateway.

    Args:
        spoilt: is told when it can only be read in part; so in all functions here.

    Raises:
        GatewayInvalidResponse: not JSON, not an object, or without its key.
    """
    try:
        return msgspec.json.decode(body, type=into)
    except msgspec.ValidationError:
        pass
    except _UNREADABLE as error:
        raise _not_json(error) from None
    try:
        value = msgspec.json.decode(body)
    except _UNREADABLE as error:
        raise _not_json(error) from None
    spoilt()
    record: R = checked(_salvaged(value, into), "object")
    return record


def decode_page(
    body: bytes, row: type[R], *, page: int, limit: int, spoilt: Callable[[], None] = _ignore
) -> "Page[R | Invalid]":
    """
    One page of a list, as it was asked for.

    Raises:
        GatewayInvalidResponse: a bad envelope, or another page than the one that was asked for.
    """
    decoded: Page[R | Invalid] = _envelope(body, Page, row, spoilt)
    if (decoded.page, decoded.limit) != (page, limit):
        raise GatewayInvalidResponse(
            f"Page {page} with limit {limit} was asked for, "
            f"the gateway sent page {decoded.page} with limit {decoded.limit}."
        )
    _check_length(decoded.data, limit)
    return decoded


def decode_log_page(
    body: bytes, row: type[R], *, offset: int, limit: int, spoilt: Callable[[], None] = _ignore
) -> "LogPage[R | Invalid]":
    """
    One page of a charger's log, as it was asked for.

    Raises:
        GatewayInvalidResponse: a bad envelope, or another page than the one that was asked for.
    """
    decoded: LogPage[R | Invalid] = _envelope(body, LogPage, row, spoilt)
    if (decoded.offset, decoded.limit) != (offset, limit):
        raise GatewayInvalidResponse(
            f"Offset {offset} with limit {limit} was asked for, "
            f"the gateway sent offset {decoded.offset} with limit {decoded.limit}."
        )
    _check_length(decoded.data, limit)
    return decoded


def decode_listing(body: bytes, row: type[R], spoilt: Callable[[], None] = _ignore) -> "Listing[R | Invalid]":
    """
    A list that is not paginated.

    Raises:
        GatewayInvalidResponse: a bad envelope.
    """
    decoded: Listing[R | Invalid] = _envelope(body, Listing, row, spoilt)
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
    fields = [
        (name, of_type) if default is NODEFAULT else (name, of_type, default)
        for name, of_type, default in kept
    ]
    made = msgspec.defstruct(
        f"{record.__name__}_{len(kept)}", fields, bases=(Record,), frozen=True, kw_only=True, gc=False
    )
    made.KEY = record.KEY  # type: ignore[attr-defined]  # defstruct knows no class variables
    return made  # type: ignore[return-value]  # it has this base


def _complaint(item: dict[str, Any]) -> Complaint:
    loc = item.get("loc")
    parts = tuple(p for p in loc if isinstance(p, str | int)) if isinstance(loc, list) else ()
    return Complaint(
        loc=parts, message=str(item.get("msg", "is not accepted"))[:500], type=str(item.get("type", ""))
    )


def _envelope(body: bytes, envelope: Any, row: type[R], spoilt: Callable[[], None]) -> Any:
    try:
        return msgspec.json.decode(body, type=_typed(envelope, row))
    except msgspec.ValidationError:
        pass
    except _UNREADABLE as error:
        raise _not_json(error) from None
    try:
        outer = msgspec.json.decode(body, type=_typed(envelope, Raw))
    except msgspec.ValidationError as error:
        raise GatewayInvalidResponse(f"The gateway sent a list that cannot be read: {error}.") from None
    except _UNREADABLE as error:
        raise _not_json(error) from None
    spoilt()
    rows = [_row(raw, row) for raw in outer.data]
    return msgspec.structs.replace(outer, data=rows)


@lru_cache(maxsize=_TYPES_KEPT)
def _typed(envelope: Any, row: Any) -> Any:
    return envelope[row]


def _check_length(rows: Sequence[object], limit: int) -> None:
    if len(rows) > limit:
        raise GatewayInvalidResponse(f"At most {limit} rows were asked for, the gateway sent {len(rows)}.")


def _not_json(error: Exception) -> GatewayInvalidResponse:
    return GatewayInvalidResponse(f"The gateway sent something that is not JSON: {error}.")


def _row(raw: Raw, row: type[R]) -> "R | Invalid":
    try:
        return msgspec.json.decode(raw, type=row)
    except msgspec.ValidationError:
        pass
    except _UNREADABLE as error:
        return Invalid(str(error))
    try:
        salvaged: R | Invalid = _salvaged(msgspec.json.decode(raw), row)
    except _UNREADABLE as error:
        return Invalid(str(error))
    return salvaged


def _salvaged(value: Any, into: Any) -> Any:
    """`value` as far as it fits `into`, with an `Invalid` for each part that does not."""
    record = _record_in(into)
    if record is not None and isinstance(value, dict):
        return _salvaged_record(value, record)
    item = _item_in(into)
    if item is not None and isinstance(value, list):
        return [_salvaged(v, item) for v in value]
    try:
        return msgspec.convert(value, type=into)
    except msgspec.ValidationError as error:
        return Invalid(str(error))


def _salvaged_record(value: dict[str, Any], record: type[Record]) -> Any:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(record):
        if field.encode_name in value:
            found[field.name] = _salvaged(value[field.encode_name], field.type)
        elif field.default is NODEFAULT:
            found[field.name] = Invalid(f"`{field.encode_name}` is missing")
    if record.KEY is not None and type(found[record.KEY]) is Invalid:
        return Invalid(f"`{record.KEY}`: {found[record.KEY].problem}")
    return record(**found)


def _record_in(into: Any) -> type[Record] | None:
    return next((t for t in _options(into) if isinstance(t, type) and issubclass(t, Record)), None)


def _item_in(into: Any) -> Any:
    return next((get_args(t)[0] for t in _options(into) if get_origin(t) is list), None)


def _options(into: Any) -> tuple[Any, ...]:
    return get_args(into) if get_origin(into) in (Union, UnionType) else (into,)
