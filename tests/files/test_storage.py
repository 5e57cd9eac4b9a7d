"""Storage, on a folder and on an object store: a file is there once it is whole, and nothing is left of others."""

import pytest

from otagw import errors
from otagw.files.storage import Storage

SIZES = [0, 10, 12 * 1024 * 1024]  # the last is written to an object store in parts
PIECE = bytes(range(256)) * 256


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.live)])
def storage(request, tmp_path):
    if request.param == "s3":
        request.getfixturevalue("object_store")
        return Storage(f"s3://ota/{tmp_path.name}")
    return Storage(str(tmp_path / "files"))


def write(writer, size):
    for start in range(0, size, len(PIECE)):
        writer.write(PIECE[: size - start])


def exists(storage, path):
    try:
        storage.open(path).close()
    except FileNotFoundError:
        return False
    return True


@pytest.mark.parametrize("size", SIZES)
def test_a_file_comes_back_from_wherever_one_seeks_to(storage, size):
    writer = storage.create("a/one")
    write(writer, size)
    writer.commit()
    with storage.open("a/one") as file:
        assert len(file.read()) == size
        file.seek(max(size - 3, 0))
        assert file.read(10) == (PIECE * (size // len(PIECE) + 1))[:size][-3:]


@pytest.mark.parametrize("size", SIZES)
def test_a_discarded_file_is_not_there(storage, size):
    writer = storage.create("a/one")
    write(writer, size)
    writer.discard()
    assert not exists(storage, "a/one")


def test_nothing_is_there_before_the_commit(storage):
    writer = storage.create("a/one")
    write(writer, 12 * 1024 * 1024)
    assert not exists(storage, "a/one")
    writer.discard()


def test_delete_takes_all_that_lies_below_and_nothing_else(storage):
    for path in ("a/one", "a/two", "ab/one"):
        writer = storage.create(path)
        write(writer, 10)
        writer.commit()
    storage.delete("a")
    assert [exists(storage, path) for path in ("a/one", "a/two", "ab/one")] == [False, False, True]
    storage.delete("a")


def test_a_storage_that_can_be_written_says_so(storage):
    storage.check()


def test_a_bucket_that_is_not_there_is_unavailable(request):
    pytest.importorskip("s3fs")
    request.getfixturevalue("object_store")
    with pytest.raises(errors.Unavailable):
        Storage("s3://nowhere/files").check()


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    storage = Storage(str(tmp_path / "file" / "below"))
    with pytest.raises(errors.Unavailable):
        storage.check()
    with pytest.raises(errors.Unavailable):
        storage.create("a/one")
