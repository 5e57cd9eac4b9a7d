"""Accounts, products, devices and webhooks of a double, made as an operator makes them."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from otagw import access, app, clock, errors, runtime
from otagw.db import database
from otagw.ota import accounts, versions
from otagw.ota.accounts import Account as Owner
from otagw.ota.devices import csv_import, devices
from otagw.ota.devices.devices import DeviceDraft
from otagw.ota.products import modules, products
from otagw.ota.products.products import ProductDraft
from otagw.ota.webhooks import webhooks
from otagw.testing.api import Account, Api, Key
from otagw.testing.double import Double


class Accounts:
    """The accounts that a test makes beside ``main``."""

    def __init__(self, gateway: Double, api: Callable[[Key], Api]) -> None:
        self._gateway, self._api = gateway, api

    def add(
        self,
        name: str,
        grants: Sequence[str] = ("*",),
        *,
        key_id: str | None = None,
        secret: str | None = None,
    ) -> Account:
        """Make a key for an account, which is made where it is new; return both.

        Raises ValueError for a name, a grant or a key that cannot be one, or that is taken.
        """
        if isinstance(grants, str):
            raise ValueError(f"grants: expected a list of grants, got {grants!r}")
        with runtime.entered(self._gateway) as gateway, _said():
            access.check_grants(grants, app.needs())
            key, shown = gateway.keys.create(key_id=key_id, secret=secret, account=name, grants=tuple(grants))
        made = Key(key.id, shown)
        return Account(name, made, self._api(made))


class Registry:
    """Makes objects for the helpers of the double; raises ValueError with the reason for a refusal."""

    def __init__(self, gateway: Double) -> None:
        self._gateway = gateway

    def product(self, key: str, name: str | None, account: str) -> None:
        """Make a product of a key, unless the account has it."""
        _check("product", products.KEY.fullmatch(key), "1 to 256 of A-Z a-z 0-9 _ -, no reserved word", key)
        with runtime.entered(self._gateway), _said(), database.write():
            owner = self._owner(account)
            if products.owner_of(key) != owner.id:
                products.create(owner, ProductDraft(name=name or key, key=key))

    def register(self, product: str, names: Sequence[str], version: str, account: str) -> Mapping[str, str]:
        """Register devices, of a product that is made where it is new; return their secrets by name."""
        for name in names:
            _check("device", devices.NAME.fullmatch(name), "1 to 256 of A-Z a-z 0-9 . : @ _ -", name)
        _check("version", versions.TEXT.fullmatch(version), versions.EXPECTED, version)
        self.product(product, None, account)
        rows = [csv_import.Row(0, product, DeviceDraft(name, versions={modules.DEFAULT: version})) for name in names]
        found: dict[str, str] = {}
        with runtime.entered(self._gateway), _said():
            owner = self._owner(account)
            skipped = [row for batch in csv_import.register(owner, rows) for row in batch.skipped]
            if skipped:
                raise ValueError(f"device {skipped[0].name}: {skipped[0].why}")
            for start in range(0, len(names), csv_import.AT_ONCE):
                some = devices.several(owner, product, names[start : start + csv_import.AT_ONCE])
                found |= {one.name: one.secret for one in some}
        return found

    def webhook(self, url: str, events: Sequence[str], secret: str | None, account: str) -> str:
        """Have events of an account sent to a URL; return the id of the webhook."""
        with runtime.entered(self._gateway), _said():
            return str(webhooks.create(self._owner(account), url, events, secret)[0].id)

    def secret(self) -> str:
        """Return a new secret of a webhook."""
        with runtime.entered(self._gateway):
            return clock.random_text(webhooks.SECRET_LENGTH)

    def _owner(self, name: str) -> Owner:
        return accounts.get(name, self._gateway.keys.rules)


def _check(name: str, passes: object, expected: str, got: str) -> None:
    if not passes:
        raise ValueError(f"{name}: expected {expected}, got {got!r}")


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Raise a refusal of the core as a ValueError that says it in words."""
    try:
        yield
    except errors.InvalidParameter as fault:
        raise ValueError(f"{fault.name}: expected {fault.expected}") from None
    except errors.AlreadyExists as fault:
        raise ValueError(f"{fault.kind} {fault.key}: there is one already") from None
    except errors.NotFound as fault:
        raise ValueError(f"there is no {fault.kind} {fault.key}") from None
