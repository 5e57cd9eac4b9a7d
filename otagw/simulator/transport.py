"""How requests go out: over connections that each thread keeps, every answer timed and judged."""

import hashlib
import json
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import urllib3

from otagw.simulator.protocol import File, Trouble
from otagw.simulator.report import Report

TIMEOUT: Final = urllib3.Timeout(connect=10, read=60)
# Servers close connections that say nothing for some seconds, perhaps just as the next request is on its way.
KEPT_SECONDS: Final = 1.0
CHUNK: Final = 64 * 1024
# Object storage may stand behind a download.
_DOWNLOADS: Final = urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=3)


class Answer(NamedTuple):
    """What came back; ``data`` is the JSON object, empty where there was no body."""

    status: int
    data: Mapping[str, Any]


class Transport:
    """Send requests and write down in the report how they went; used by many threads at once."""

    def __init__(self, report: Report, cacert: str | None = None) -> None:
        self.report = report
        self.cacert = cacert
        self._kept = threading.local()

    def call(
        self,
        what: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        expect: Collection[int] = (200,),
    ) -> Answer:
        """Send one request; raise `Trouble` for a status that is not expected, or a body that is no JSON object."""
        with self.timed(what):
            answer = self._pool().request(
                method, url, headers=dict(headers), body=body, retries=False, redirect=False, timeout=TIMEOUT
            )
        if answer.status not in expect:
            self._refuse(what, answer)
        try:
            data = json.loads(answer.data) if answer.data else {}
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise self.trouble(f"{what}: the body is no JSON object")
        return Answer(answer.status, data)

    @contextmanager
    def open(self, url: str, headers: Mapping[str, str]) -> Iterator[urllib3.BaseHTTPResponse]:
        """Open a download; what goes wrong until the block is left is `Trouble`, and what is unread is dropped."""
        with self.timed("download"):
            answer = self._pool().request(
                "GET", url, headers=dict(headers), retries=_DOWNLOADS, preload_content=False, timeout=TIMEOUT
            )
        try:
            if answer.status not in (200, 206):
                self._refuse("download", answer)
            with self._judged("download"):
                yield answer
        finally:
            if answer.length_remaining != 0:
                answer.close()
            answer.release_conn()

    def trouble(self, text: str, wait: float = 0) -> Trouble:
        """Count an error; return it, to be raised."""
        self.report.error(text)
        return Trouble(text, wait)

    def _refuse(self, what: str, answer: urllib3.BaseHTTPResponse) -> None:
        try:
            code = json.loads(answer.data)["code"]
        except (ValueError, KeyError, TypeError, urllib3.exceptions.HTTPError):
            code = ""
        wait = answer.headers.get("Retry-After", "")
        raise self.trouble(f"{what}: {answer.status} {code}".rstrip(), float(wait) if wait.isdecimal() else 0)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Time a step that ends with an answer; a socket that fails is `Trouble`."""
        started = time.perf_counter()
        with self._judged(what):
            yield
        self.report.took(what, time.perf_counter() - started)

    @contextmanager
    def _judged(self, what: str) -> Iterator[None]:
        try:
            yield
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.trouble(f"{what}: {type(error).__name__}") from None

    def _pool(self) -> urllib3.PoolManager:
        kept, now = self._kept, time.monotonic()
        if not hasattr(kept, "pool"):
            kept.pool = urllib3.PoolManager(ca_certs=self.cacert) if self.cacert else urllib3.PoolManager()
        elif now - kept.used > KEPT_SECONDS:
            kept.pool.clear()
        kept.used = now
        pool: urllib3.PoolManager = kept.pool
        return pool


class Download:
    """A file on its way to a device: loaded to its end, or broken off and resumed; its bytes are not kept."""

    def __init__(self, transport: Transport, file: File, headers: Mapping[str, str]) -> None:
        self.position = 0
        self._transport, self._file, self._headers = transport, file, headers
        self._etag = ""
        self._digests = self._begin()

    def load(self, stop: int | None = None) -> int:
        """Load on to the end, or break off at a byte; return how many bytes that were. Raises `Trouble`."""
        before, headers = self.position, dict(self._headers)
        if self.position:
            headers |= {"Range": f"bytes={self.position}-", "If-Range": self._etag}
        with self._transport.open(self._file.url, headers) as answer:
            self._check_range(answer)
            for chunk in answer.stream(CHUNK):
                kept = chunk if stop is None else chunk[: stop - self.position]
                self.position += len(kept)
                for digest in self._digests.values():
                    digest.update(kept)
                if self.position == stop:
                    break
        self._transport.report.loaded(self.position - before)
        return self.position - before

    def problem(self) -> str:
        """Say what is wrong with the bytes, or nothing."""
        if self._file.size not in (None, self.position):
            return f"{self.position} bytes came, {self._file.size} were announced"
        wrong = [
            name for name, digest in self._digests.items() if digest.hexdigest() != self._file.hashes[name].lower()
        ]
        return f"the {wrong[0]} of the bytes is not what was announced" if wrong else ""

    def _begin(self) -> dict[str, Any]:
        return {name: hashlib.new(name, usedforsecurity=False) for name in self._file.hashes}

    def _check_range(self, answer: urllib3.BaseHTTPResponse) -> None:
        report = self._transport.report
        if not self.position:
            self._etag = answer.headers.get("ETag", "")
            report.count("downloads")
        elif answer.status == 206:
            if not answer.headers.get("Content-Range", "").startswith(f"bytes {self.position}-"):
                raise self._transport.trouble("download: 206 with other bytes than asked for")
            report.count("resumed")
        else:  # it is another file by now
            self.position, self._digests = 0, self._begin()
            report.count("begun again")
