"""What a gateway costs that does nothing yet: how soon it is ready, and the memory of an idle worker."""

import http.client
import statistics
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

HEAD = ["| what | median | range |", "| --- | --- | --- |"]


def measure(command: list[str], environ: Mapping[str, str], port: int, folder: Path, runs: int) -> list[str]:
    """Return table rows for gunicorn with one worker, started so many times on a migrated database."""
    ready, memory = [], []
    for _ in range(runs):
        started = time.perf_counter()
        with subprocess.Popen(command, env=environ, cwd=folder, stderr=subprocess.DEVNULL) as process:
            try:
                _wait(port)
                ready.append(time.perf_counter() - started)
                time.sleep(0.5)
                memory += [resident(child) for child in children(process.pid)]
            finally:
                process.terminate()
                process.wait(30)
    rows = [
        f"| start to /readyz | {statistics.median(ready):.2f} s | {min(ready):.2f}–{max(ready):.2f} |",
        f"| idle worker, resident | {statistics.median(memory):.0f} MiB | {min(memory):.0f}–{max(memory):.0f} |",
    ]
    print("\n".join(rows), flush=True)
    return rows


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.01)
        finally:
            connection.close()
    raise TimeoutError("the gateway did not become ready")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def resident(pid: int, name: str = "VmRSS") -> float:
    """Return the memory of a process in MiB; ``VmHWM`` is the most that it ever had."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(name)
