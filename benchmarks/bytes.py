"""Files: an upload beside `cat` and three digests, downloads handed over to nginx beside nginx alone."""

import contextlib
import hashlib
import shutil
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from benchmarks import process

HEAD = ["| what | share | range | MB per second |", "| --- | --- | --- | --- |"]
BLOCK = 1024 * 1024
NGINX = """
pid {folder}/pid; error_log {folder}/error.log crit; {user}daemon off;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port} sndbuf=128k;
        location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_set_header Host $http_host; }}
        location /files/ {{ internal; alias {files}/; }}
        location /plain/ {{ alias {files}/; }}
    }}
}}
"""


def write(path: Path, megabytes: int) -> None:
    """Write a file of so many MB."""
    block = hashlib.shake_256(b"firmware").digest(1_000_000)
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(block)


def uploads(announce: Callable[[], dict[str, str]], worker: int, source: Path, runs: int) -> list[str]:
    """Return table rows for uploads to one worker, in alternating runs with the same work done by hand."""
    idle, size = process.resident(worker), source.stat().st_size / 1e6
    shares, rates = [], []
    for _ in range(runs):
        by_hand = _timed(lambda: _cat(source))
        form = announce()
        ours = _timed(lambda form=form: _upload(form, source))  # type: ignore[misc]
        shares.append(by_hand / ours)
        rates.append(size / ours)
    more = process.resident(worker, "VmHWM") - idle
    memory = f"| memory of the worker over idle, at most | {more:.0f} MiB | | |"
    return [*_rows(f"upload of {size:,.0f} MB, beside `cat`, `sync` and 3 digests", shares, rates), memory]


def downloads(link: str, plain: str, runs: int, each: int) -> list[str]:
    """Return table rows for a link through nginx, in alternating runs with the same file from nginx alone."""
    shares, rates = [], []
    for _ in range(runs):
        alone = _timed(lambda: _fetch(plain, each))
        ours = _timed(lambda: _fetch(link, each))
        shares.append(alone / ours)
        rates.append(each * int(requests.head(plain, timeout=30).headers["Content-Length"]) / 1e6 / ours)
    return _rows("download by X-Accel-Redirect, beside nginx alone", shares, rates)


@contextlib.contextmanager
def nginx(folder: Path, files: Path, upstream: int) -> Iterator[str]:
    """Run nginx before a gateway, handing over the files of a folder; yield its URL."""
    program = shutil.which("nginx")
    if program is None:
        raise FileNotFoundError("nginx")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = "user root; " if Path("/root").owner() == Path("/proc/self").owner() else ""
    text = NGINX.format(folder=folder, port=port, upstream=upstream, files=files, user=user)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    with subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")]) as server:
        try:
            time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _rows(what: str, shares: list[float], rates: list[float]) -> list[str]:
    row = f"| {what} | {statistics.median(shares):.2f} | {min(shares):.2f}–{max(shares):.2f} "
    rows = [f"{row}| {statistics.median(rates):,.0f} |"]
    print("\n".join(rows), flush=True)
    return rows


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _cat(source: Path) -> None:
    """Write the file and take its three digests, each in a pass of its own, as a script would; make it durable."""
    target = source.with_suffix(".copy")
    script = 'cat "$1" > "$2" && sync "$2" && md5sum "$2" && sha1sum "$2" && sha256sum "$2"'
    subprocess.run(["sh", "-c", script, "sh", source, target], check=True, stdout=subprocess.DEVNULL)
    target.unlink()


def _upload(form: dict[str, str], source: Path) -> None:
    names = {"key": "Key", "policy": "Policy", "OSSAccessKeyId": "OSSAccessKeyID", "Signature": "Signature"}
    fields = [text for name, spelled in names.items() for text in ("-F", f"{name}={form[spelled]}")]
    command = ["curl", "-sf", *fields, "-F", f"file=@{source}", form["Host"]]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _fetch(url: str, each: int) -> None:
    """Download several times, two at a time, with curl."""

    def half() -> None:
        for _ in range(each // 2):
            subprocess.run(["curl", "-sf", "-o", "/dev/null", url], check=True)

    threads = [threading.Thread(target=half) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
