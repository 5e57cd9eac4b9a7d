"""Access key secrets at rest: HMAC needs them back, so they are encrypted, not hashed."""

import base64
import binascii
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from otagw import private_files

FILE: Final = "master.key"
_SIZE = 32
_NONCE = 12


class VaultError(Exception):
    """Say what is wrong with the master key, never what it is."""


class Vault:
    """Seal and open secrets with one master key; each is bound to the id it belongs to."""

    def __init__(self, master: bytes) -> None:
        self._master = master
        self._cipher = AESGCM(master)

    def derive(self, purpose: str) -> bytes:
        """Return a secret for one purpose of the gateway's own, the same as long as the master key is."""
        return hmac.digest(self._master, purpose.encode(), "sha256")

    def seal(self, owner: str, secret: str) -> str:
        """Encrypt a secret for the key id ``owner``."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, secret.encode(), owner.encode())
        return base64.b64encode(sealed).decode()

    def open(self, owner: str, sealed: str) -> str:
        """Decrypt what `seal` made for ``owner``; raise `VaultError` under another master key."""
        raw = base64.b64decode(sealed)
        try:
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], owner.encode()).decode()
        except InvalidTag:
            raise VaultError("the master key does not open this database's access keys") from None


def unlock(folder: Path, environ: Mapping[str, str] = os.environ) -> Vault:
    """Return the vault of ``OTAGW_MASTER_KEY`` (32 bytes, Base64), or of the file master.key, made on first use."""
    if "OTAGW_MASTER_KEY" not in environ and not (folder / FILE).exists():
        _make(folder / FILE)
    found = find(folder, environ)
    if found is None:
        raise VaultError(f"{folder / FILE}: somebody has just deleted it")
    return found


def find(folder: Path, environ: Mapping[str, str] = os.environ) -> Vault | None:
    """Return the vault of the master key that is there, or None; see `unlock`."""
    text = environ.get("OTAGW_MASTER_KEY")
    path = folder / FILE
    if text is None:
        if not path.exists():
            return None
        text = path.read_text(encoding="ascii", errors="replace")
        if path.stat().st_mode & 0o077:
            raise VaultError(f"{path}: expected to be readable by its owner alone (chmod 600)")
    try:
        master = base64.urlsafe_b64decode(text.strip())
    except (ValueError, binascii.Error):
        master = b""
    if len(master) != _SIZE:
        raise VaultError(f"the master key: expected {_SIZE} bytes in Base64 (in OTAGW_MASTER_KEY or {path})")
    return Vault(master)


def _make(path: Path) -> None:
    """Write a new master key; of several processes that try, one wins and all use its key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(draft, "xb", opener=private_files.opener) as file:
        file.write(base64.urlsafe_b64encode(secrets.token_bytes(_SIZE)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
