"""What processes share, in Redis. Imported only when a Redis URL is set."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from ocpplab_graphql.shared import SharedStateUnavailable


class OnRedis:
    """
    The values of all processes that use one Redis.

    Args:
        url: redis, rediss or unix; may hold a password, and so never appears in a message.
        prefix: put before each key, so that services can share a Redis.
        connections: most at once; whoever needs a further one waits for it within `timeout_s`.
        timeout_s: longest wait for a connection, and for a reply.

    Raises:
        ValueError: the URL is none of Redis.
    """

    def __init__(
        self, url: str, *, prefix: str = "ocpplab-graphql:", connections: int = 32, timeout_s: float = 1.0
    ) -> None:
        # redis-py's default pool raises when all its connections are taken, instead of waiting.
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
        )
        self._redis = Redis(connection_pool=self._pool)
        self._prefix = prefix

    async def get(self, key: str) -> bytes | None:
        """The value, or None when there is none or its time is over."""
        with _told():
            value = await self._redis.get(self._prefix + key)
            return value if isinstance(value, bytes) else None

    async def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds, in place of an older one."""
        with _told():
            await self._redis.set(self._prefix + key, value, px=_milliseconds(ttl_s))

    async def set_if_absent(self, key: str, value: bytes, *, ttl_s: float) -> bool:
        """Keep a value unless there is one; Redis decides, in one command."""
        with _told():
            return bool(await self._redis.set(self._prefix + key, value, px=_milliseconds(ttl_s), nx=True))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._pool.aclose()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise SharedStateUnavailable(f"Redis: {type(error).__name__}") from error


def _milliseconds(ttl_s: float) -> int:
    return max(1, round(ttl_s * 1000))
