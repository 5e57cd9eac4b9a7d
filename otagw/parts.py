"""The parts of one gateway, made from its settings; `runtime` is where the code finds them."""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from otagw import runtime
from otagw.access import Keys
from otagw.clock import Clock
from otagw.db import database
from otagw.db.database import Database
from otagw.files.links import Links
from otagw.files.storage import Storage
from otagw.net import allowed_hosts
from otagw.ops.metrics import Metrics
from otagw.ops.readiness import Readiness
from otagw.ota.accounts import Rules
from otagw.ota.devices.presence import Presence
from otagw.seams import Faults, Journal, Messages
from otagw.security import data_keys, nonce_stores, rate_limit_stores, redis_client
from otagw.security.nonces import Nonces
from otagw.security.rate_limits import Limits
from otagw.security.redis_client import Server
from otagw.security.vault import Vault
from otagw.settings import Settings


def _clock() -> Clock:
    """Return the clock of the gateway at hand, for one that is opened inside of it, or a new one."""
    outer = runtime.found()
    return outer.clock if outer else Clock()


def _chance() -> random.Random:
    outer = runtime.found()
    return outer.chance if outer else random.SystemRandom()


@dataclass(frozen=True, eq=False)
class Runtime:
    """One gateway; a part is made when it is first needed, and is the same from then on.

    ``operations`` are the names by which requests are counted.
    """

    settings: Settings
    operations: tuple[str, ...] = ()
    clock: Clock = field(default_factory=_clock)
    chance: random.Random = field(default_factory=_chance)
    presence: Presence = field(default_factory=Presence)
    # Seams for tests; in production all are None.
    faults: Faults | None = None
    journal: Journal | None = None
    messages: Messages | None = None

    @cached_property
    def database(self) -> Database:
        """Return the database; no connection is open before its first use."""
        return database.of(self.settings)

    @cached_property
    def storage(self) -> Storage:
        """Return where the bytes of packages lie."""
        return Storage(self.settings.storage)

    @cached_property
    def vault(self) -> Vault:
        """Return the vault of the database, whose keys are made on first use; raise `vault.VaultError`."""
        with runtime.entered(self):
            return data_keys.open_vault(self.settings.data_path)

    @cached_property
    def links(self) -> Links:
        """Return what signs links to files, and forms to upload them."""
        derive = self.vault.derive
        return Links(derive("links"), derive("forms"), derive("bearer tokens"), self.settings.link_life_seconds)

    @cached_property
    def keys(self) -> Keys:
        """Return the access keys."""
        rules = Rules(
            self.settings.unknown_products == "register",
            self.settings.package_quota,
            allowed_hosts.read(self.settings.fetch_hosts),
            self.settings.obs_buckets,
            self.settings.unmapped_buckets == "accept",
            self.settings.max_package_bytes,
        )
        return Keys(self.vault, rules)

    @cached_property
    def redis(self) -> Server | None:
        """Return the Redis that nonces and rate limits share, if the settings name one."""
        # The word stays: with another prefix, the nonces that an earlier version wrote would not be found.
        return redis_client.connect(self.settings.redis_url, self.vault.derive("queue"))

    @cached_property
    def nonces(self) -> Nonces:
        """Return the store of nonces."""
        return nonce_stores.choose(self.settings, self.redis)

    @cached_property
    def limits(self) -> Limits:
        """Return the rate limits of access keys."""
        return Limits(self.settings.throttle, rate_limit_stores.choose(self.redis))

    @cached_property
    def metrics(self) -> Metrics:
        """Return what this process counts."""
        return Metrics(self.settings.metrics_path, self.operations)

    @cached_property
    def readiness(self) -> Readiness:
        """Return what knows whether this gateway can do its work."""
        return Readiness()

    def prepare(self) -> None:
        """Make all parts now, so that a setting that one of them cannot use ends the start and not a request."""
        for name, part in vars(Runtime).items():
            if isinstance(part, cached_property):
                getattr(self, name)

    def close(self) -> None:
        """Write what waits, and close what this thread has open."""
        with runtime.entered(self):
            self.presence.stop()
            if "nonces" in vars(self):
                self.nonces.close()
            if "database" in vars(self):
                database.disconnect()


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Runtime]:
    """Enter a gateway of these settings, and close it at the end."""
    with runtime.entered(Runtime(settings)) as gateway, contextlib.closing(gateway):
        yield gateway
