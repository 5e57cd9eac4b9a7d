"""The devices that a job names: in its rules, or a file of our own store where they are too many for these.

They are read before any transaction, once for each job, and kept as pages: texts of names, one a line.
"""

import csv
import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from otagw import runtime
from otagw.db import database
from otagw.files.storage import Storage
from otagw.ota.accounts import Account
from otagw.ota.devices import csv_import
from otagw.ota.packages import arrivals, stored_files
from otagw.ota.rollouts.records import Job, Rules

# How many names the rules of a job hold by themselves: they are read whenever one of its devices asks.
HELD: Final = 200
_PREFIX: Final = "ota/lists/"
_HEADER: Final = "DeviceName"
_TO_COMMAS: Final = str.maketrans(";\t", ",,")
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
    data = "\n".join([_HEADER, *names]).encode()  # the header: a device may be named like one
    return replace(rules, list_key=arrivals.store(account, _PREFIX, "txt", len(data), [data]))


def pages(job: Job) -> tuple[str, ...]:
    """Return the names of a job's devices, outside of transactions: `names_on` has those of a page."""
    if job.rules.list_key:
        return listed(Account(job.account_id, ""), job.rules.list_key, job.product_key)
    return _pages(job.rules.names)


def names_on(page: str) -> list[str]:
    """Return the names that a page has."""
    return page.split("\n")


def absent(product_key: str, pages: Iterable[str]) -> list[str]:
    """Return those names that no device of a product has."""
    missing: list[str] = []
    for page in pages:
        some = names_on(page)
        query = f"SELECT name FROM device WHERE product_key = ? AND name IN ({','.join('?' * len(some))})"
        found = {name for (name,) in database.execute(query, product_key, *some).fetchall()}
        missing += [name for name in some if name not in found]
    return missing


def listed(account: Account, key: str, product_key: str) -> tuple[str, ...]:
    """Return the pages of an uploaded list; each name once.

    It is read as `csv_import` reads a fleet's file, but for a list without a header, in which every value is a name.
    Rows of another product are left out.
    """
    return _read(runtime.current().storage, stored_files.get(account, key).path, product_key)


@functools.lru_cache(_KEPT)  # a job is asked for its list at every step, and no file ever changes
def _read(storage: Storage, path: str, product_key: str) -> tuple[str, ...]:
    with storage.open(path) as file:
        text = file.read().decode("utf-8-sig", "replace")
    return _pages(dict.fromkeys(name for name in _names(text, product_key) if name))


def _names(text: str, product_key: str) -> Iterator[str]:
    """Yield the names of a list; lines are read one by one, so that a quote that never ends costs one of them."""
    lines = text.splitlines()
    head = next((line for line in lines if line.strip()), "")
    delimiter = csv_import.delimiter(head)
    columns = csv_import.columns(_values(head, delimiter))
    if columns.count("name") != 1:
        # Without a header lines may be separated differently; no name has one of the separators.
        yield from (name for line in lines for name in _values(line.translate(_TO_COMMAS), ","))
        return
    for line in lines[lines.index(head) + 1 :]:
        row = dict(zip(columns, _values(line, delimiter), strict=False))
        if row.get("product") in (None, "", product_key):
            yield row.get("name", "")


def _values(line: str, delimiter: str) -> list[str]:
    try:
        return [value.strip() for value in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]
    except csv.Error:  # a value of more than 128 KiB
        return []


def _pages(names: Iterable[str]) -> tuple[str, ...]:
    remaining = iter(names)
    return tuple("\n".join(some) for some in iter(lambda: list(islice(remaining, PAGE)), []))
