"""The devices that a job names: in its rules, or a file of our own store where they are too many for these.

They are read before any transaction, once for each job, and kept as pages: texts of names, one a line.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from otagw import runtime
from otagw.files.storage import Storage
from otagw.ota.accounts import Account
from otagw.ota.packages import arrivals, stored_files
from otagw.ota.rollouts.records import Job, Rules

# How many names the rules of a job hold by themselves: they are read whenever one of its devices asks.
HELD: Final = 200
_PREFIX: Final = "ota/lists/"
# How many names a page has; the cursor of a job counts names, so this never changes.
PAGE: Final = 1000
# The lists of how many jobs that select by turns a process keeps; a file has 5 MB at most.
_KEPT: Final = 8


def name(account: Account, rules: Rules, names: Sequence[str]) -> Rules:
    """Return the rules of a job for these devices; a long list is written before any transaction.

    Raises `errors.LimitReached` where the account has no room for it.
    """
    if len(names) <= HELD:
        return replace(rules, names=tuple(names))
    data = "\n".join(names).encode()
    return replace(rules, list_key=arrivals.store(account, _PREFIX, "txt", len(data), [data]))


def pages(job: Job) -> tuple[str, ...]:
    """Return the names of a job's devices, outside of transactions: `names_on` has those of a page."""
    if job.rules.list_key:
        return listed(Account(job.account_id, ""), job.rules.list_key)
    return _pages(job.rules.names)


def names_on(page: str) -> list[str]:
    """Return the names that a page has."""
    return page.split("\n")


def listed(account: Account, key: str) -> tuple[str, ...]:
    """Return the pages of an uploaded list, whose names are separated by commas or ends of line; each name once."""
    return _read(runtime.current().storage, stored_files.get(account, key).path)


@functools.lru_cache(_KEPT)  # a job is asked for its list at every step, and no file ever changes
def _read(storage: Storage, path: str) -> tuple[str, ...]:
    with storage.open(path) as file:
        text = file.read().decode("utf-8-sig", "replace")
    names = (name.strip() for line in text.splitlines() for name in line.split(","))
    return _pages(dict.fromkeys(name for name in names if name))


def _pages(names: Iterable[str]) -> tuple[str, ...]:
    remaining = iter(names)
    return tuple("\n".join(some) for some in iter(lambda: list(islice(remaining, PAGE)), []))
