"""The bytes of files that an account may store: counted as they arrive, until they are gone, on both engines."""

from pathlib import Path

import pytest

from otagw import errors, runtime
from otagw.db import database
from otagw.ota import accounts
from otagw.ota.packages import arrivals, insertion, packages, stored_files
from otagw.ota.packages.records import PackageDraft
from otagw.ota.rollouts import device_lists
from otagw.ota.rollouts.records import Rules
from tests.races import behind, race

LIMIT = 100


@pytest.fixture
def environment(environment):
    """A gateway whose accounts may store so many bytes."""
    return {**environment, "OTAGW_BYTES_PER_ACCOUNT": str(LIMIT)}


def arrive(account, size):
    """Store a file of so many bytes; return its key."""
    return arrivals.store(account, "f/", "bin", size, [b"x" * size])


def written(account, size):
    """Write a file of so many bytes that is not yet kept."""
    arrival = arrivals.Arrival(stored_files.announce(account, "f/", "bin"))
    arrival.write(b"x" * size)
    return arrival


def package(account, *keys):
    files = tuple({"name": key, "url": "u", "size": None, "file_md5": None, "sign_value": None} for key in keys)
    parts = tuple({**file, "object_key": key} for file, key in zip(files, keys, strict=True))
    return str(insertion.create(account, PackageDraft(name=None, version="1", files=parts))[0])


def lie(store):
    """Return the sizes of all files in the storage, finished or not."""
    return sorted(path.stat().st_size for path in Path(store.storage).rglob("*") if path.is_file())


def rows():
    return database.execute("SELECT COALESCE(SUM(size), 0) FROM stored_file WHERE path IS NOT NULL").fetchone()[0]


def test_an_account_stores_as_many_bytes_as_it_may(store, account):
    for size in (60, 40):
        arrive(account, size)
    with pytest.raises(errors.LimitReached) as refused:
        arrive(account, 1)
    assert vars(refused.value) == {"kind": "byte", "limit": LIMIT}
    assert stored_files.stored(account) == rows() == LIMIT
    assert lie(store) == [40, 60]


def test_a_file_that_is_longer_than_it_was_said_to_be_is_read_as_far_as_there_is_room(store, account):
    chunks = iter([b"x" * 60, b"y" * 60, b"z" * 60])
    with pytest.raises(errors.LimitReached):
        arrivals.store(account, "f/", "bin", 60, chunks)
    assert list(chunks) == [b"z" * 60]
    assert (stored_files.stored(account), lie(store)) == (0, [])


def test_the_list_of_a_job_needs_room_where_it_is_a_file(store, account):
    names = [f"device-{number}" for number in range(device_lists.HELD + 1)]
    assert device_lists.name(account, Rules(), names[:-1]).names == tuple(names[:-1])
    with pytest.raises(errors.LimitReached):
        device_lists.name(account, Rules(), names)
    assert (stored_files.stored(account), lie(store)) == (0, [])


def test_an_empty_file_is_not_kept_and_counts_for_nothing(store, account):
    with pytest.raises(errors.EmptyFile):
        arrive(account, 0)
    assert stored_files.stored(account) == 0


def test_each_account_has_its_own_bytes(store, account):
    other = accounts.ensure("other")
    for owner in (account, other):
        arrive(owner, LIMIT)
    assert stored_files.stored(account) == stored_files.stored(other) == LIMIT


def test_a_file_counts_once_however_many_packages_use_it_and_until_none_does(store, account):
    one, two = arrive(account, 30), arrive(account, 60)
    made = [package(account, one, two), package(account, one)]
    assert stored_files.stored(account) == 90
    packages.delete(account, made[0])
    assert stored_files.stored(account) == rows() == 30
    packages.delete(account, made[1])
    assert database.execute("SELECT scope, total FROM counter").fetchall() == []
    arrive(account, LIMIT)


def test_bytes_count_until_they_are_gone(store, account, monkeypatch):
    identity = package(account, arrive(account, LIMIT))
    storage, at = runtime.current().storage, Path(store.storage)
    at.rename(at.with_name("away"))
    at.touch()  # a file where the folder was: nothing can be deleted
    with pytest.raises(errors.Unavailable):
        packages.delete(account, identity)
    assert stored_files.stored(account) == LIMIT
    at.unlink()
    at.with_name("away").rename(at)
    storage.check()
    database.execute("UPDATE stored_file SET idle_since = 0")  # as it is an hour later
    assert stored_files.purge() == 1
    assert (stored_files.stored(account), lie(store)) == (0, [])


def test_a_file_that_is_being_deleted_does_not_come_back(store, account):
    key = stored_files.announce(account, "f/", "bin")
    first, second = arrivals.Arrival(key), arrivals.Arrival(key)
    first.write(b"x" * 60)
    second.write(b"y" * 10)
    first.keep()
    database.execute("UPDATE stored_file SET path = NULL")  # as the first half of a purge leaves it
    with pytest.raises(errors.AlreadyExists):
        second.keep()
    assert (stored_files.stored(account), lie(store)) == (60, [60])


def test_of_files_that_arrive_together_those_are_kept_that_have_room(store, account):
    waiting = [written(account, 30) for _ in range(8)]
    found = race(*[arrival.keep for arrival in waiting])
    assert found.count(errors.LimitReached) == 5
    assert stored_files.stored(account) == rows() == 90
    assert lie(store) == [30, 30, 30]


def test_a_file_that_arrives_during_the_write_of_another_sees_its_bytes(store, account):
    one, two = written(account, 60), written(account, 60)
    found = behind(one.keep, two.keep)
    assert (found[0].size, found[1]) == (60, errors.LimitReached)
    assert lie(store) == [60]


def test_a_file_that_arrives_while_another_goes_counts_right(store, account):
    gone, coming = arrive(account, 60), written(account, 20)
    database.execute("UPDATE stored_file SET idle_since = 0 WHERE key = ?", gone)
    found = race(coming.keep, stored_files.purge)
    assert (found[0].size, found[1]) == (20, 1)
    assert stored_files.stored(account) == rows() == 20
