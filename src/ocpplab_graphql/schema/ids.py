"""
Global ids: readable, unique, the same by every path. `CPO:101`, `Location:101:loc-42`.

Pure. Unusual characters of a part are percent-encoded, so that a part never holds a colon.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, unquote

from ocpplab_graphql.errors import BadUserInput
from ocpplab_graphql.gateway.routes import check_cpo_id, check_id

_PLAIN = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)


def _owner(value: str) -> str:
    if value not in {"CPO", "Charger"}:
        raise BadUserInput(f"Provisioning belongs to a CPO or a Charger, got {value!r}.")
    return value


def _id_of(what: str) -> Callable[[str], str]:
    return lambda value: check_id(value, what)


# Per type: what its key consists of, each part with its check.
_PARTS: Mapping[str, tuple[Callable[[str], str], ...]] = {
    "CPO": (check_cpo_id,),
    "Location": (check_cpo_id, _id_of("location id")),
    "Charger": (_id_of("charger id"),),
    "BulkLocationJob": (check_cpo_id, _id_of("job id")),
    "Provisioning": (_owner, _id_of("id")),
}
_EXAMPLES = "CPO:101, Location:101:loc-42, Charger:dep-1"


def is_plain(text: str) -> bool:
    """Whether a part of a key stands in a global id as it is. Plain texts joined by `~` are plain."""
    return _PLAIN.fullmatch(text) is not None


def spelt_part(part: str) -> str:
    """A part of a key as it stands in a global id: letters, digits, `._~-`, and the rest percent-encoded."""
    return part if is_plain(part) else quote(part, safe="~")


def global_id(type_name: str, *key: str) -> str:
    """The global id of a node."""
    return ":".join((type_name, *map(spelt_part, key)))


def parse_global_id(text: str) -> tuple[str, tuple[str, ...]]:
    """
    Type name and key of a global id.

    Raises:
        BadUserInput: not a global id, or one of no type we know.
    """
    type_name, *parts = text.split(":")
    checks = _PARTS.get(type_name)
    if checks is None or len(parts) != len(checks):
        raise BadUserInput(f"Expected a global id such as {_EXAMPLES}, got {_shown(text)}.")
    key = tuple(check(unquote(part, errors="replace")) for check, part in zip(checks, parts, strict=True))
    if global_id(type_name, *key) != text:
        raise BadUserInput(f"Expected {global_id(type_name, *key)!r}, its one spelling, got {_shown(text)}.")
    return type_name, key


def key_of_argument(text: str, type_name: str, argument: str) -> tuple[str, ...]:
    """
    What an `…Id` argument means: the key of a global id, or the gateway's own id alone.

    Raises:
        BadUserInput: a global id of another type, or an id that can be none.
    """
    prefix, colon, _ = text.partition(":")
    if colon and prefix in _PARTS:
        named, key = parse_global_id(text)
        if named != type_name:
            raise BadUserInput(f"{argument} takes a {type_name} id, got the id of a {named}: {_shown(text)}.")
        return key
    return (_PARTS[type_name][-1](text),)


def cpo_key(cpo_id: str) -> str:
    """
    The CPO that a `cpoId` argument names.

    Raises:
        BadUserInput: it can be none.
    """
    return key_of_argument(cpo_id, "CPO", "cpoId")[0]


def key_below_cpo(cpo_id: str | None, own_id: str, type_name: str, argument: str) -> tuple[str, str]:
    """
    The key of a node that belongs to a CPO, from its own id and, unless that is global, `cpoId`.

    Raises:
        BadUserInput: `cpoId` is missing, or disagrees with the global id.
    """
    key = key_of_argument(own_id, type_name, argument)
    named = cpo_key(cpo_id) if cpo_id is not None else None
    if len(key) == 1:
        if named is None:
            raise BadUserInput(
                f"{argument} {_shown(own_id)} is the gateway's own id: give cpoId too, or a global id "
                f"such as {type_name}:101:{own_id}."
            )
        return named, key[0]
    if named is not None and named != key[0]:
        raise BadUserInput(f"cpoId {named} and {argument} {_shown(own_id)} name different CPOs.")
    return key[0], key[1]


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
