"""`/readyz` tells whether the gateway can work, and costs nothing however often it is asked."""

import concurrent.futures
import logging
import shutil

import pytest

from tests.conftest import Client


@pytest.fixture
def files(tmp_path):
    return tmp_path / "files"


@pytest.fixture
def client(make_app, files, held_clock):
    return Client(make_app(storage_url=files))


@pytest.fixture
def looks(client, held_clock, caplog):
    """Return how often it was looked, by the statements that it takes."""
    caplog.set_level(logging.DEBUG, "peewee")

    def asked():
        return sum("SELECT 1'" in record.getMessage() for record in caplog.records)

    assert client.http.get("/readyz").status_code == 200
    once = asked()
    assert once
    held_clock.seconds += 1
    return lambda: asked() / once  # the records of a test are its own, without those of its fixtures


def spoil(files):
    """Put a file where the folder of the storage should be."""
    shutil.rmtree(files, ignore_errors=True)
    files.write_text("no folder")


def test_within_a_second_it_looks_once(client, held_clock, looks):
    answers = [client.http.get("/readyz").status_code for _ in range(100)]
    held_clock.seconds += 0.999
    answers.append(client.http.get("/readyz").status_code)
    assert (set(answers), looks()) == ({200}, 1)
    held_clock.seconds += 0.001
    assert (client.http.get("/readyz").status_code, looks()) == (200, 2)


def test_a_failure_and_its_end_are_seen_after_a_second(client, held_clock, files, looks):
    assert client.http.get("/readyz").status_code == 200
    spoil(files)
    assert client.http.get("/readyz").status_code == 200
    held_clock.seconds += 1
    refused = [client.http.get("/readyz") for _ in range(10)]
    assert {(answer.status_code, answer.json["Code"]) for answer in refused} == {(503, "ServiceUnavailable")}
    assert len({answer.json["RequestID"] for answer in refused}) == 10
    files.unlink()
    assert client.http.get("/readyz").status_code == 503
    held_clock.seconds += 1
    assert client.http.get("/readyz").status_code == 200
    assert looks() == 3


def test_a_clock_that_is_set_back_keeps_no_answer_alive(client, held_clock, files):
    assert client.http.get("/readyz").status_code == 200
    spoil(files)
    held_clock.seconds -= 3600
    assert client.http.get("/readyz").status_code == 503


def test_threads_that_ask_at_once_look_once(client, looks):
    def ask(_):
        status = client.app.test_client().get("/readyz").status_code
        client.app.extensions["otagw"]["runtime"].close()  # what this thread has open
        return status

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(64))) == {200}
    assert looks() == 1


def test_the_process_says_that_it_lives_although_it_cannot_work(client, files):
    spoil(files)
    assert client.http.get("/readyz").status_code == 503
    assert client.http.get("/healthz").status_code == 200
