"""Secrets of products and devices: made from the master key and an id, or sealed where a fleet brings its own.

A derived secret costs no storage and no encryption for any number of devices; docs/decisions/0010-devices.md.
"""

from otagw import runtime


def secret(owner: str, sealed: str | None = None) -> str:
    """Return the secret of an owner, such as ``device/17``: the one that was sealed for it, or the one made for it."""
    vault = runtime.current().vault
    return vault.open(owner, sealed) if sealed else vault.derive(f"{owner} secret").hex()[:32]


def seal(owner: str, text: str) -> str:
    """Encrypt a secret that an owner brings along."""
    return runtime.current().vault.seal(owner, text)
