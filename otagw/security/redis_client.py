"""Redis as the gateway uses it: given up soon when it does not answer, and nothing sent twice."""

import hashlib
import re
from typing import Any, Final

TIMEOUT_SECONDS: Final = 3


class Server:
    """A Redis and the one pool of connections to it, which nonces and rate limits share.

    ``secret`` makes the ``prefix`` of our keys on a Redis that others use too. ``client`` raises ``trouble``. What was
    written before ``since`` (milliseconds) may be forgotten; it is 0 until the first connection.

    The package is an extra, redis: raises ImportError where it is not installed.
    """

    def __init__(self, url: str, secret: bytes) -> None:
        import redis  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        pool = redis.ConnectionPool.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            # A repeated command would run twice: a nonce would find its own key, and refuse an honest request.
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=self._met,
        )
        self.client: Any = redis.Redis(connection_pool=pool)
        self.trouble = redis.RedisError
        self.prefix = f"otagw_{hashlib.sha256(secret).hexdigest()[:12]}:"
        self.since = 0

    def _met(self, connection: Any) -> None:
        """Learn from each new connection since when this Redis remembers: it cannot have been restarted without one."""
        connection.on_connect()
        connection.send_command("TIME")
        now = int(connection.read_response()[0])
        connection.send_command("INFO", "server")
        found = re.search(rb"uptime_in_seconds:(\d+)", bytes(connection.read_response()))
        up = int(found[1]) if found else 0
        self.since = max(self.since, (now - up + 1) * 1000)  # whole seconds, rounded to the safe side

    def close(self) -> None:
        """Close the connections of the process."""
        self.client.close()
        self.client.connection_pool.disconnect()


def connect(url: str, secret: bytes) -> Server | None:
    """Return the Redis of the setting ``redis_url``, or None where that is empty; no connection is open yet."""
    return Server(url, secret) if url else None
