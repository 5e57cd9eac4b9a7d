"""Buckets of tokens that all processes and nodes see: in a table of the database, or in Redis.

Each is one statement, or one script, so that no two who take at once get the same token. docs/operations.md.
"""

import logging
from functools import partial
from typing import Final

from otagw import errors, hosts
from otagw.db import database
from otagw.security import rate_limits
from otagw.security.rate_limits import Buckets
from otagw.security.redis_client import Server

log = logging.getLogger("otagw.throttle")
GONE: Final = "the store of request rates does not answer"
# Times are microseconds. A bucket that is full, or that a clock set back has put too far ahead, is begun anew.
_TAKE: Final = (
    "INSERT INTO bucket (name, full_at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET full_at = "
    "CASE WHEN bucket.full_at BETWEEN ? AND ? THEN bucket.full_at + ? ELSE ? END "
    "WHERE bucket.full_at NOT BETWEEN ? AND ?"
)
_SCRIPT: Final = """
local now, each, whole, late = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local full_at = tonumber(redis.call('GET', KEYS[1]) or '0')
if full_at < now or full_at > now + whole + late then full_at = now end
local wait = full_at + each - now - whole
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.0f', full_at + each), 'PX', math.ceil(whole / 1000) + 1000)
return 0
"""


def choose(redis: Server | None) -> Buckets:
    """Return the buckets in the Redis of ``redis_url``, or in the database where there is none."""
    return Redis(redis) if redis else Tables()


class Tables(Buckets):
    """Buckets in the gateway's database; there are as many as keys times operations, and they stay."""

    def wait(self, name: str, now: int, each: int, whole: int) -> int:
        """Take a token; see `rate_limits.Buckets`."""
        latest = now + whole - each  # when it may be full at the latest for a token to be there
        ahead = now + whole + rate_limits.LATE
        values = (now, ahead, each, now + each, latest + 1, ahead)
        with database.write():
            if database.execute(_TAKE, name, now + each, *values).rowcount:
                return 0
            (full_at,) = database.execute("SELECT full_at FROM bucket WHERE name = ?", name).fetchone()
        return int(full_at - latest)


class Redis(Buckets):
    """Buckets in a Redis; one that forgets them lets as many through again as may come at once."""

    def __init__(self, redis: Server) -> None:
        self._trouble, self._prefix = redis.trouble, f"{redis.prefix}bucket:"
        self._script = redis.client.register_script(_SCRIPT)

    def wait(self, name: str, now: int, each: int, whole: int) -> int:
        """Take a token; see `rate_limits.Buckets`."""
        try:
            take = partial(self._script, keys=[self._prefix + name], args=[now, each, whole, rate_limits.LATE])
            return int(hosts.apart(take, hosts.REDIS))
        except self._trouble as error:
            log.warning(GONE, extra={"problem": type(error).__name__})
            raise errors.Unavailable(GONE) from None
