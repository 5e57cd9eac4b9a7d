"""Who calls, and what they may: access keys, grants, and the order in which a signed request is checked."""

import functools
import hmac
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from otagw import clock, errors, hosts, runtime
from otagw.db import database
from otagw.db.models import AccessKey
from otagw.db.models import Account as AccountRow
from otagw.ota import accounts, audit
from otagw.ota.accounts import Account, Rules
from otagw.security.nonces import Nonces
from otagw.security.vault import Vault

KEY_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
GRANT: Final = re.compile(r"\*|ota:[A-Za-z]*\*?")
EVERYTHING: Final = "*"
KIND: Final = "access key"
# The length from which no one who sees a signed request finds its secret by trying.
GOOD_SECRET: Final = 16


class Caller(NamedTuple):
    """The account that asks, by which key, and what that key may do."""

    account: Account
    key_id: str
    grants: tuple[str, ...]
    # The URL at which this caller reached the gateway; the links of the answer are built on it.
    endpoint: str = ""


class Claim(NamedTuple):
    """What a request says of itself before it is believed.

    ``at`` is its time in milliseconds, ``nonce`` None where the protocol has none; ``sign`` takes a secret and returns
    the signature it gives and the text that was signed; ``hint`` takes a secret and names a known mistake.
    """

    key_id: str
    at: int
    nonce: str | None
    signature: str
    sign: Callable[[str], tuple[str, str]]
    hint: Callable[[str], str]


@dataclass(frozen=True)
class Key:
    """An access key as it is listed: all but its secret."""

    id: str
    account: str
    grants: tuple[str, ...]
    enabled: bool
    created: int


class Keys:
    """The access keys of the database, with the secrets of one vault."""

    def __init__(self, vault: Vault, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        # Opening a sealed secret costs more than the row that holds it; the row is read each time, so that a key is
        # disabled at once.
        self._open = functools.lru_cache(1024)(vault.open)
        self._seal = vault.seal
        self._rows = hosts.Question(_rows)

    def find(self, key_id: str) -> tuple[Caller, str]:
        """Return the caller of an enabled key, and its secret."""
        if not KEY_ID.fullmatch(key_id):  # PostgreSQL takes no NUL, and no half of a character
            raise errors.UnknownKey
        row = hosts.ask(self._rows, key_id)
        if row is None:
            raise errors.UnknownKey
        if not row[2]:
            raise errors.DisabledKey
        caller = Caller(Account(row[3], row[4], self.rules), key_id, tuple(row[1].split()))
        return caller, self._open(key_id, row[0])

    def check(self) -> None:
        """Raise `VaultError` unless the vault opens the keys of this database."""
        key = AccessKey.select().first()
        if key:
            self._open(key.id, key.secret)

    def create(
        self,
        *,
        key_id: str | None = None,
        secret: str | None = None,
        account: str = "main",
        grants: Sequence[str] = (EVERYTHING,),
    ) -> tuple[Key, str]:
        """Keep a key pair, generated where it is not given; return it with its secret, for the only time.

        Raises `errors.InvalidParameter` for a part that could not be used in a request, `errors.AlreadyExists`.
        """
        key_id = key_id or "OTAK" + clock.random_text(20)
        secret = secret or clock.random_text(30)
        _check(key_id, secret, account, grants)
        now = clock.now()
        with database.write():
            if AccessKey.get_or_none(AccessKey.id == key_id):
                raise errors.AlreadyExists(kind=KIND, key=key_id)
            owner = accounts.ensure(account).id
            AccessKey.insert(
                id=key_id,
                account=owner,
                secret=self._seal(key_id, secret),
                grants=grants,
                created=now,
            ).execute()
            audit.note(owner, KIND, key_id)
        return Key(key_id, account, tuple(grants), True, now), secret

    def list(self) -> list[Key]:
        """Return every key, oldest first."""
        query = AccessKey.select(AccessKey, AccountRow).join(AccountRow).order_by(AccessKey.created, AccessKey.id)
        return [Key(row.id, row.account.name, row.grants, row.enabled, row.created) for row in query]

    def enable(self, key_id: str, enabled: bool) -> None:
        """Let a key be used, or not; a request that starts after this sees it."""
        with database.write():
            audit.note(self._owner(key_id), KIND, key_id)
            AccessKey.update(enabled=enabled).where(AccessKey.id == key_id).execute()

    def delete(self, key_id: str) -> None:
        """Forget a key for good."""
        with database.write():
            audit.note(self._owner(key_id), KIND, key_id)
            AccessKey.delete().where(AccessKey.id == key_id).execute()

    @staticmethod
    def _owner(key_id: str) -> int:
        key = AccessKey.get_or_none(AccessKey.id == key_id)
        if key is None:
            raise errors.NotFound(kind=KIND, key=key_id)
        return key.account.id


def admit(claim: Claim) -> Caller:
    """Believe a claim by the keys and the nonces of the gateway at hand, or raise what `judge` raises."""
    gateway = runtime.current()
    return judge(claim, gateway.keys, gateway.nonces, gateway.settings.clock_skew_ms)


def judge(claim: Claim, keys: Keys, nonces: Nonces, skew_ms: int) -> Caller:
    """Believe a claim, or raise the fault that says why not.

    The order is the point: the time, the key, the signature in constant time, and last the nonce, so that neither old
    nor forged requests can use one up. The nonce stays used even if the operation then fails.
    """
    if clock.apart(claim.at) > skew_ms:
        raise errors.ExpiredTimestamp(claim.at - clock.now())
    caller, secret = keys.find(claim.key_id)
    signature, signed = claim.sign(secret)
    if not hmac.compare_digest(signature.encode(), claim.signature.encode()):
        raise errors.WrongSignature(signed, claim.hint(secret))
    if claim.nonce is not None:
        nonces.claim(claim.key_id, claim.nonce, claim.at)
    return caller


def authorize(caller: Caller, needs: str) -> None:
    """Raise `errors.NotGranted` unless one of the caller's grants covers ``needs``, such as ``ota:ListOTAFirmware``."""
    if not any(_covers(grant, needs) for grant in caller.grants):
        raise errors.NotGranted(needs)


def check_grants(grants: Iterable[str], needs: Collection[str]) -> None:
    """Raise `errors.InvalidParameter` for a grant that covers none of ``needs``, which are those of all operations.

    Keys made before this was checked keep such grants, which do no harm.
    """
    for grant in grants:
        if GRANT.fullmatch(grant) and not any(_covers(grant, one) for one in needs):
            raise errors.InvalidParameter("grant", f"a grant that covers an operation; {grant[:80]} covers none")


def _covers(grant: str, needs: str) -> bool:
    return grant in (needs, EVERYTHING) or (grant.endswith("*") and needs.startswith(grant[:-1]))


def _rows(key_ids: Sequence[str]) -> list[Sequence[Any] | None]:
    """Return what is kept of access keys, or None, in the order they are asked for; in SQL: every request asks."""
    some = sorted(set(key_ids))
    found = database.execute(
        "SELECT k.id, k.secret, k.grants, k.enabled, a.id, a.name FROM access_key k "
        f"JOIN account a ON a.id = k.account_id WHERE k.id IN ({', '.join('?' * len(some))})",
        *some,
    )
    kept = {row[0]: row[1:] for row in found.fetchall()}
    return [kept.get(key_id) for key_id in key_ids]


def _check(key_id: str, secret: str, account: str, grants: Sequence[str]) -> None:
    rules = (
        ("id", KEY_ID.fullmatch(key_id), "1 to 128 of A-Z a-z 0-9 . _ -"),
        ("secret", re.fullmatch(r"[!-~]{1,256}", secret), "1 to 256 printable ASCII characters without a blank"),
        ("account", re.fullmatch(r"[A-Za-z0-9._-]{1,64}", account), "1 to 64 of A-Z a-z 0-9 . _ -"),
        (
            "grant",
            grants and all(map(GRANT.fullmatch, grants)),
            '"*", or like "ota:*", "ota:List*", "ota:CreateOTAFirmware"',
        ),
    )
    for name, passes, expected in rules:
        if not passes:
            raise errors.InvalidParameter(name, expected)
