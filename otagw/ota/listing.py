"""Pages of a listing whose last page costs what its first does.

Totals are counters kept in the transaction of each write. The last half of a listing is read backwards, and what is
skipped is skipped over an index alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from otagw.db import database
from otagw.db.rows import Record, Rows

Item = TypeVar("Item")
# So many rows may be skipped without a look at how many there are.
NEAR: Final = 1000
_COUNTER: Final = "SELECT total FROM counter WHERE account_id = ? AND scope = ?"


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page: its items, its number from 1, its size, and the length of the whole listing."""

    items: Sequence[Item]
    number: int
    size: int
    total: int

    @property
    def count(self) -> int:
        """Return how many pages there are."""
        return -(-self.total // self.size)


def scope(table: str, **filters: str | None) -> str:
    """Return the name of the counter of a table's rows under these filters; names and values cannot run together."""
    return "/".join([table, *(f"{name}={len(value)}:{value}" for name, value in filters.items() if value)])


def scopes(table: str, **filters: str | None) -> list[str]:
    """Return every counter that a row with these values is counted in: one for each combination of filters."""
    combinations: list[dict[str, str]] = [{}]
    for name, value in filters.items():
        if value:
            combinations += [{**chosen, name: value} for chosen in combinations]
    return [scope(table, **chosen) for chosen in combinations]


def count(account_id: int, names: Iterable[str], by: int) -> None:
    """Move counters, inside the transaction of the write that makes it true."""
    database.execute(*counting(account_id, names, by))


def counting(account_id: int, names: Iterable[str], by: int) -> database.Statement:
    """Return the statement that moves an account's counters."""
    return moving({(account_id, name): by for name in names})


def moving(counters: Mapping[tuple[int, str], int]) -> database.Statement:
    """Return the statement that moves counters, each an account's of a name, by so many.

    All move them in one order: who does so in another one may wait for us while we wait for it.
    """
    rows = [(account_id, name, by) for (account_id, name), by in sorted(counters.items())]
    marks = ",".join(["(?,?,?)"] * len(rows))
    return (
        f"INSERT INTO counter (account_id, scope, total) VALUES {marks} "
        "ON CONFLICT (account_id, scope) DO UPDATE SET total = counter.total + excluded.total",
        *(value for row in rows for value in row),
    )


def uncount(account_id: int, names: Iterable[str], by: int = 1) -> None:
    """Move counters by so many less, as `count` does, and delete those that come to nothing: few names come back."""
    some = list(names)
    count(account_id, some, -by)
    marks = ",".join("?" * len(some))
    database.execute(
        f"DELETE FROM counter WHERE account_id = ? AND scope IN ({marks}) AND total = 0", account_id, *some
    )


def forget(account_id: int, names: Iterable[str]) -> None:
    """Delete counters of an account, inside the write that deletes the last of what they count."""
    some = list(names)
    marks = ",".join("?" * len(some))
    database.execute(f"DELETE FROM counter WHERE account_id = ? AND scope IN ({marks})", account_id, *some)


def total(account_id: int, name: str) -> int:
    """Return what a counter holds."""
    row = database.execute(_COUNTER, account_id, name).fetchone()
    return int(row[0]) if row else 0


def counted(
    account_id: int,
    name: str,
    select: str,
    table: str,
    where: str,
    values: Sequence[Any],
    number: int,
    size: int,
    within: str | None = None,
) -> tuple[list[Any], int]:
    """Return one page of a table's rows as `rows` does, and how many there are, which a counter knows.

    Both are of one state of the database. What is near the beginning is read forward however many there are, in the
    statement that looks at the counter; a transaction around that one would cost as much as its rows.
    """
    offset = (number - 1) * size
    if offset <= NEAR:
        forward = _page(select, table, where, within, "DESC", size, offset)
        with_total = f"SELECT ({_COUNTER}), {forward.removeprefix('SELECT ')}"
        found = database.execute(with_total, account_id, name, *values).fetchall()
        if found:
            return [row[1:] for row in found[: max(found[0][0] - offset, 0)]], found[0][0]
    with database.read():
        there = total(account_id, name)
        return list(rows(select, table, where, values, there, number, size, within)), there


def rows(
    select: str,
    table: str,
    where: str,
    values: Sequence[Any],
    of: int,
    number: int,
    size: int,
    within: str | None = None,
) -> Iterator[Any]:
    """Yield one page of a table's rows, newest first.

    ``select`` joins what a row needs and ends before its WHERE; ``where`` filters ``table`` by ``values``; ``of`` is
    how many rows there are. With ``within``, such as ``"list.device_id"``, the filter is on another table, which has
    the ids of the rows in that column.
    """
    offset = (number - 1) * size
    length = min(size, of - offset)
    if length <= 0:
        return
    backwards = offset > of // 2
    order = "ASC" if backwards else "DESC"
    skip = of - offset - length if backwards else offset
    cursor = database.execute(_page(select, table, where, within, order, length, skip), *values)
    yield from islice(cursor, length)


def page(rows: Rows[Record], query: Any, order: Sequence[Any], number: int, size: int) -> Page[Record]:
    """Return a page of what a peewee query finds, in an order; for listings that are short, or seldom asked for."""
    with database.read():
        found = rows.run(query.order_by(*order).limit(size).offset((number - 1) * size))
        return Page(found, number, size, query.count())


def _page(select: str, table: str, where: str, within: str | None, order: str, length: int, skip: int) -> str:
    source, _, column = (within or f"{table}.id").partition(".")
    ids = f"SELECT {column} FROM {source} WHERE {where} ORDER BY {column} {order} LIMIT {length} OFFSET {skip}"
    return f"{select} WHERE {table}.id IN ({ids}) ORDER BY {table}.id DESC"
