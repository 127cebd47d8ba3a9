"""
Pure: the bytes of a request. Nothing passes that a gateway could read as more than one request.

A URL comes encoded; what is not plain ASCII without spaces is refused, as is a header that would say where the
request ends: those are written here alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

# Scheme, host, port. No user information: credentials come from the callers.
_ORIGIN = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_URL = re.compile(_ORIGIN.pattern + r"((?:[/?][!-\"$-~]*)?)")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_NOT_IN_A_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WITHOUT_CONTENT = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_WRITTEN_HERE = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """
    Where connections go.

    Attributes:
        host: a name, or an address without brackets.
        authority: what the Host header says.
    """

    scheme: str
    host: str
    port: int
    authority: str


class Headers(dict[str, str]):
    """The headers of many requests: checked and written once, and then not to be changed."""

    _lines: str | None = None

    def __repr__(self) -> str:
        """Their names: a value may be a token."""
        return f"Headers({', '.join(self)})"

    @property
    def lines(self) -> str:
        """
        As they are sent.

        Raises:
            ValueError: see `fields`.
        """
        if self._lines is None:
            self._lines = _lines(self)
        return self._lines


def split(url: str) -> tuple[Origin, str]:
    """
    The origin of a URL, and the target to ask it for.

    Raises:
        ValueError: not an encoded http or https URL, without user information and fragment.
    """
    slash = url.find("/", len("https://"))
    if slash > 0:
        origin, target = _origin_of(url[:slash]), url[slash:]
        if origin is not None and _is_target(target):
            return origin, target
    parts = _URL.fullmatch(url)
    if parts is None:
        raise ValueError(
            "Expected an http or https URL, encoded, without user information, spaces or fragment; "
            f"got {url[:200]!r}."
        )
    target = parts[4]
    return _origin(parts[1], parts[2], parts[3]), target if target[:1] == "/" else f"/{target}"


def _is_target(text: str) -> bool:
    """Whether it is one, as `_URL` says; a tenth of the price."""
    return text.isascii() and text.isprintable() and " " not in text and "#" not in text


@lru_cache(maxsize=64)
def _origin_of(text: str) -> Origin | None:
    parts = _ORIGIN.fullmatch(text)
    return None if parts is None else _origin(parts[1], parts[2], parts[3])


@lru_cache(maxsize=64)
def _origin(scheme: str, host: str, port: str | None) -> Origin:
    default = _DEFAULT_PORTS[scheme]
    number = int(port) if port else default
    if not 0 < number < 65536:
        raise ValueError(f"Expected a port from 1 to 65535, got {number}.")
    host = host.lower()
    return Origin(scheme, host.strip("[]"), number, host if number == default else f"{host}:{number}")


def fields(method: str, headers: Mapping[str, str], body: bytes | None, *, coding: str) -> dict[str, str]:
    """
    The caller's headers, and those that only a transport may write, Host excepted.

    Args:
        coding: what Accept-Encoding says.

    Raises:
        ValueError: a method, name or value that HTTP does not allow, or a header that is not the caller's to write.
    """
    _check_method(method)
    written = {"Accept-Encoding": coding}
    for name, value in headers.items():
        written[_checked(name, value)] = value
    if body or method not in _WITHOUT_CONTENT:
        written["Content-Length"] = str(len(body or b""))
    return written


@lru_cache(maxsize=64)
def _check_method(method: str) -> None:
    # What follows CONNECT is no HTTP.
    if _TOKEN.fullmatch(method) is None or method.upper() == "CONNECT":
        raise ValueError(f"Expected a method such as GET, got {method[:20]!r}.")


def _checked(name: str, value: str) -> str:
    _check_name(name)
    if not value.isprintable() and _NOT_IN_A_VALUE.search(value):
        # The value stays unsaid: it may be a token.
        raise ValueError(f"The header {name} has a control character in its value.")
    return name


@lru_cache(maxsize=256)
def _check_name(name: str) -> None:
    if _TOKEN.fullmatch(name) is None:
        raise ValueError(f"Expected a header name, got {name[:60]!r}.")
    if name.lower() in _WRITTEN_HERE:
        raise ValueError(f"The header {name} is the transport's to write.")


def head(
    method: str,
    target: str,
    origin: Origin,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    coding: str = "identity",
) -> bytes:
    """
    Request line and headers, with the empty line.

    Args:
        coding: see `fields`.

    Raises:
        ValueError: see `fields`; or a value that does not fit into latin-1.
    """
    _check_method(method)
    lines = headers.lines if isinstance(headers, Headers) else _lines(headers)
    if body or method not in _WITHOUT_CONTENT:
        lines += f"Content-Length: {len(body or b'')}\r\n"
    return encoded(
        f"{method} {target} HTTP/1.1\r\nHost: {origin.authority}\r\nAccept-Encoding: {coding}\r\n{lines}\r\n"
    )


def _lines(headers: Mapping[str, str]) -> str:
    return "".join([f"{_checked(name, value)}: {value}\r\n" for name, value in headers.items()])


def encoded(text: str) -> bytes:
    """
    The text in latin-1, as headers are.

    Raises:
        ValueError: it does not fit; the text stays unsaid.
    """
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("Expected headers in latin-1.") from None
