"""Secrets of products and devices: made from the master key and an id, or sealed where a fleet brings its own.

A secret that is made costs no room and no encryption, whatever the number of devices; docs/decisions/0010-devices.md.
"""

import secrets
import string
from typing import Final

from otagw.security.vault import Vault

ALPHABET: Final = string.ascii_letters + string.digits
_vault: Vault | None = None


def use(vault: Vault) -> None:
    """Give the process its vault, as `database.connect` gives it its database."""
    global _vault  # noqa: PLW0603 - goes with the process
    _vault = vault


def secret(owner: str, sealed: str | None = None) -> str:
    """Return the secret of an owner, such as ``device/17``: the one that was sealed for it, or the one made for it."""
    return _current().open(owner, sealed) if sealed else _current().derive(f"{owner} secret").hex()[:32]


def seal(owner: str, text: str) -> str:
    """Encrypt a secret that an owner brings along."""
    return _current().seal(owner, text)


def random_text(length: int) -> str:
    """Return letters and digits that nobody can guess."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _current() -> Vault:
    if _vault is None:
        raise RuntimeError("credentials.use comes first")
    return _vault
