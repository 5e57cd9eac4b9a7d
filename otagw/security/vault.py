"""Keys: the master key wraps the data keys, and these encrypt secrets and derive others.

Access key secrets at rest are encrypted, not hashed: HMAC needs them back.
"""

import base64
import binascii
import contextlib
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
NEW_FILE: Final = "master.key.new"
VARIABLE, NEW_VARIABLE = "OTAGW_MASTER_KEY", "OTAGW_NEW_MASTER_KEY"
SIZE: Final = 32
_NONCE: Final = 12


class VaultError(Exception):
    """Say what is wrong with a key, never what it is."""


def _seal(cipher: AESGCM, data: bytes, owner: str) -> str:
    nonce = secrets.token_bytes(_NONCE)
    return base64.b64encode(nonce + cipher.encrypt(nonce, data, owner.encode())).decode()


def _open(cipher: AESGCM, sealed: str, owner: str) -> bytes | None:
    """Return what `_seal` sealed for an owner, or None under another key."""
    raw = base64.b64decode(sealed)
    try:
        return cipher.decrypt(raw[:_NONCE], raw[_NONCE:], owner.encode())
    except InvalidTag:
        return None


class Vault:
    """Seal and open secrets, each bound to the id it belongs to, and derive others.

    One key encrypts and another derives; an installation from before there were two has the same for both.
    """

    def __init__(self, encrypting: bytes, deriving: bytes | None = None) -> None:
        self._cipher, self._deriving = AESGCM(encrypting), deriving or encrypting

    def derive(self, purpose: str) -> bytes:
        """Return a secret for one purpose of the gateway's own, always the same."""
        return hmac.digest(self._deriving, purpose.encode(), "sha256")

    def seal(self, owner: str, secret: str) -> str:
        """Encrypt a secret for the key id ``owner``."""
        return _seal(self._cipher, secret.encode(), owner)

    def open(self, owner: str, sealed: str) -> str:
        """Decrypt what `seal` made for ``owner``; raise `VaultError` under another key."""
        found = _open(self._cipher, sealed, owner)
        if found is None:
            raise VaultError("the master key does not open this database's access keys")
        return found.decode()


class Master:
    """The master key: it wraps the data keys, seals backups, and is used for nothing else."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def wrap(self, keys: bytes) -> str:
        """Encrypt data keys, as one word."""
        return _seal(AESGCM(self.key), keys, "data keys")

    def unwrap(self, wrapped: str) -> bytes | None:
        """Decrypt what `wrap` made, or return None under another master key."""
        return _open(AESGCM(self.key), wrapped, "data keys")

    def seal(self, manifest: bytes) -> str:
        """Return the digest of a backup's manifest that nobody without this key can make."""
        key = hmac.digest(self.key, b"backup", "sha256")
        return hmac.digest(key, manifest, "sha256").hex()


def unlock(folder: Path, environ: Mapping[str, str] = os.environ) -> Master:
    """Return the master key of ``OTAGW_MASTER_KEY`` (32 bytes, Base64), or of the file, which is made on first use."""
    if VARIABLE not in environ:
        with contextlib.suppress(FileExistsError):
            make(folder / FILE)
    found = find(folder, environ)
    if found is None:
        raise VaultError(f"{folder / FILE}: somebody has just deleted it")
    return found


def find(folder: Path, environ: Mapping[str, str] = os.environ) -> Master | None:
    """Return the master key that is there, or None; see `unlock`."""
    if VARIABLE in environ:
        return parse(environ[VARIABLE], VARIABLE)
    return read(folder / FILE) if (folder / FILE).exists() else None


def replacement(environ: Mapping[str, str] = os.environ) -> Master | None:
    """Return what is to take the place of the master key in the environment, or None where that is in a file."""
    if VARIABLE not in environ:
        return None
    if NEW_VARIABLE not in environ:
        raise VaultError(f"the master key is in {VARIABLE}: put the new one into {NEW_VARIABLE}")
    new = parse(environ[NEW_VARIABLE], NEW_VARIABLE)
    if new.key == parse(environ[VARIABLE], VARIABLE).key:
        raise VaultError(f"{NEW_VARIABLE}: expected another key than {VARIABLE}")
    return new


def random_keys(count: int) -> bytes:
    """Return keys that nobody can guess, one after another."""
    return secrets.token_bytes(count * SIZE)


def read(path: Path) -> Master:
    """Return the master key of a file."""
    if path.stat().st_mode & 0o077:
        raise VaultError(f"{path}: expected to be readable by its owner alone (chmod 600)")
    return parse(path.read_text(encoding="ascii", errors="replace"), str(path))


def parse(text: str, where: str) -> Master:
    """Read a master key; ``where`` it stood is said where it is none."""
    try:
        key = base64.urlsafe_b64decode(text.strip())
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != SIZE:
        raise VaultError(f"the master key: expected {SIZE} bytes in Base64 (in {where})")
    return Master(key)


def make(path: Path) -> None:
    """Write a new master key; of several processes that try, one wins, and the others get FileExistsError."""
    if path.exists():
        raise FileExistsError(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with open(draft, "xb", opener=private_files.opener) as file:
            file.write(base64.urlsafe_b64encode(random_keys(1)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    private_files.sync_folder(path.parent)
