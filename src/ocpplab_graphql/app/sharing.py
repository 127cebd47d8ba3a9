"""What this process shares with others, where it has others."""

from ocpplab_graphql.app.starting import StartError
from ocpplab_graphql.settings import Settings
from ocpplab_graphql.shared import SharedState


def shared_of(settings: Settings) -> SharedState | None:
    """
    The state that is shared; None when this process is alone.

    Raises:
        StartError: the address of Redis is none.
    """
    if settings.redis_url is None:
        return None
    from ocpplab_graphql.shared.on_redis import OnRedis  # noqa: PLC0415  # only who uses Redis loads its client

    try:
        return OnRedis(settings.redis_url)
    except ValueError as error:
        raise StartError(f"OCPPLAB_REDIS_URL cannot be used: {error}") from error
