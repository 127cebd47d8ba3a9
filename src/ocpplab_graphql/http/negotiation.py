"""Pure: which media type an Accept header asks for. Source: RFC 9110, section 12.5.1."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

MediaType = Literal["application/graphql-response+json", "application/json"]
GRAPHQL_RESPONSE: MediaType = "application/graphql-response+json"
JSON: MediaType = "application/json"

StreamType = Literal["text/event-stream", "multipart/mixed"]
EVENT_STREAM: StreamType = "text/event-stream"
MULTIPART: StreamType = "multipart/mixed"


# Clients of one kind say the same in each request; what is longer is read each time.
_KEPT, _KEPT_LENGTH_MAX = 256, 200


class Wanted(NamedTuple):
    """What a caller accepts: one answer, a stream of them, or either."""

    answer: MediaType | None
    stream: StreamType | None

    @property
    def refusal(self) -> MediaType:
        """The media type of what is answered before anything is executed."""
        return self.answer or JSON


def asked_for(accept: str | None) -> Wanted:
    """What `negotiated` and `streaming` say of a header, remembered."""
    if accept is not None and len(accept) > _KEPT_LENGTH_MAX:
        return Wanted(negotiated(accept), streaming(accept))
    return _asked_for(accept)


@lru_cache(maxsize=_KEPT)
def _asked_for(accept: str | None) -> Wanted:
    return Wanted(negotiated(accept), streaming(accept))


def negotiated(accept: str | None) -> MediaType | None:
    """The media type to answer with; None if none is acceptable. No header accepts application/json."""
    if accept is None or not accept.strip():
        return JSON
    ranges = dict(_ranges(accept))
    liked = {media: _quality(media, ranges) for media in (GRAPHQL_RESPONSE, JSON)}
    best = max(liked.values())
    if not best > 0:
        return None
    # Whoever only says "anything" gets the media type of before 2025.
    named = GRAPHQL_RESPONSE in ranges or liked[JSON] < best
    return GRAPHQL_RESPONSE if named and liked[GRAPHQL_RESPONSE] == best else JSON


def _quality(media: str, ranges: Mapping[str, float]) -> float:
    """How much a media type is liked: what names it most closely counts."""
    named = (ranges[name] for name in (media, "application/*", "*/*") if name in ranges)
    return next(named, 0.0)


def streaming(accept: str | None) -> StreamType | None:
    """
    The media type to stream with, if one is asked for by name: a wildcard asks for no stream.

    multipart/mixed counts with `subscriptionSpec=1.0`; without it, it is of another protocol.
    """
    best: tuple[float, StreamType | None] = (0.0, None)
    for part in (accept or "").split(","):
        media, quality = _range(part)
        stream = _STREAMS.get(media)
        if stream is not None and quality > best[0] and (stream != MULTIPART or _SPECIFIED in part.lower()):
            best = (quality, stream)
    return best[1]


_STREAMS: dict[str, StreamType] = {EVENT_STREAM: EVENT_STREAM, MULTIPART: MULTIPART}
_SPECIFIED = "subscriptionspec=1.0"


def accepts_html(accept: str | None) -> bool:
    """Whether the caller is a browser that wants a page: text/html, liked no less than our own types."""
    ranges = dict(_ranges(accept or ""))
    html = ranges.get("text/html", 0.0)
    return html > 0 and html >= max(ranges.get(GRAPHQL_RESPONSE, 0.0), ranges.get(JSON, 0.0))


def _ranges(accept: str) -> list[tuple[str, float]]:
    return [_range(part) for part in accept.split(",") if part.strip()]


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    given = dict(parameter.partition("=")[::2] for parameter in parameters)
    if given.get("charset", "utf-8").strip('"') not in {"utf-8", "utf8"}:
        return media, 0.0
    try:
        quality = float(given.get("q", "1"))
    except ValueError:
        return media, 0.0
    return media, quality if 0 <= quality <= 1 else 0.0
