"""Redis as the gateway uses it: given up soon when it does not answer, and nothing sent twice."""

from collections.abc import Callable
from typing import Any, Final

TIMEOUT_SECONDS: Final = 3


def connect(url: str, on_connect: Callable[[Any], None] | None = None) -> Any:
    """Return a client; ``on_connect`` is called with each new connection.

    The package is an extra, redis: raises ImportError where it is not installed.
    """
    import redis  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    pool = redis.ConnectionPool.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        # What was sent twice would be done twice: a nonce would find its own key, and refuse an honest request.
        retry=Retry(NoBackoff(), 0),
        **({"redis_connect_func": on_connect} if on_connect else {}),
    )
    return redis.Redis(connection_pool=pool)


def trouble() -> Any:
    """Return the class of whatever a client raises."""
    import redis  # noqa: PLC0415

    return redis.RedisError
