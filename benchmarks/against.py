"""Compare this tree with a commit: both serve the same load in turn, and the table shows ratios of rates and p99s.

Each tree runs in its own processes, by its own config/gunicorn.conf.py, on its own database. This process sends the
load. A commit whose requirements.lock differs runs in an environment made from that lock, which build/ keeps.
"""

import argparse
import contextlib
import hashlib
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import calls, engines, fleet, load
from benchmarks.calls import Requests
from benchmarks.gateway import HERE, ROOT, Tree, server

CROWD = 32
Pair = tuple[list[load.Run], list[load.Run]]


def checkout(commit: str, folder: Path, lock: str) -> Tree:
    """Unpack a commit into a folder; return it with a Python that has the packages of its requirements.lock.

    This process's Python has them if both trees lock the same packages. Otherwise they are installed from the commit's
    file ``lock``: the Python of this process may lack a package that the commit imports.
    """
    packed = folder / "commit.tar"
    subprocess.run(["git", "archive", "--output", packed, commit], cwd=ROOT, check=True)
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    ours, theirs = ((path / "requirements.lock").read_bytes() for path in (ROOT, folder))
    tree = Tree(folder) if ours == theirs else Tree(folder, environment(folder / lock))
    command = [tree.python, "-c", "import otagw; print(otagw.__file__)"]
    imported = subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(folder)}, check=True, stdout=subprocess.PIPE)
    if not Path(imported.stdout.decode().strip()).is_relative_to(folder):
        raise RuntimeError(f"Python imports {imported.stdout.decode().strip()} instead of the otagw of {commit}")
    return tree


def environment(lock: Path) -> str:
    """Return the Python of an environment with the packages of a lock file; make it on the first call."""
    folder = ROOT / "build" / f"bench-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    python, complete = folder / "bin/python", folder / "complete"
    if not complete.exists():
        print(f"installing the packages of the commit into {folder.relative_to(ROOT)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", "--require-hashes", "--requirement", lock], check=True)
        complete.touch()
    return str(python)


def kinds(clients: int) -> dict[str, tuple[Requests, int]]:
    """Return, by the name of the work, the function that makes its requests and the number of clients."""
    made: dict[str, Requests] = {name: calls.ACTIONS[name] for name in ("create, V1", "query", "list of 20")}
    several = {name: (make, clients) for name, make in {**made, **fleet.polls()}.items()}
    return {**several, f"create, V1, {CROWD} clients": (calls.create_v1, CROWD)}


def measure(trees: tuple[Tree, Tree], processes: int, options: argparse.Namespace) -> dict[str, Pair]:
    """Return the runs of both trees by the name of the work; the trees take turns at going first."""
    with contextlib.ExitStack() as stack:
        ports: list[int] = [stack.enter_context(_filled(tree, processes, options)) for tree in trees]
        works = [kinds(options.clients) for _ in trees]
        found: dict[str, Pair] = {name: ([], []) for name in works[0]}
        for run in range(options.runs + 1):
            for name, pair in found.items():
                for side in (0, 1) if run % 2 else (1, 0):
                    make, clients = works[side][name]
                    done = load.run(ports[side], make(ports[side], options.requests), clients)
                    if done.failures:
                        raise SystemExit(f"{name}: {done.failures} of {options.requests} failed in {trees[side].path}")
                    if run:  # the first run fills caches and creates packages to list
                        pair[side].append(done)
        return found


@contextlib.contextmanager
def _filled(tree: Tree, processes: int, options: argparse.Namespace) -> Iterator[int]:
    """Serve a tree with a package to query and enough devices for each to poll once; yield the port."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url = {"OTAGW_DATABASE_URL": stack.enter_context(engines.empty(options.postgres))} if options.postgres else {}
        with engines.environment(url):
            port = stack.enter_context(server("otagw.wsgi:app", processes, folder, tree=tree))
            fleet.settle(folder, len(fleet.PROTOCOLS) * options.requests * (options.runs + 1), tree)
        calls.remember_one(port)
        yield port


def row(processes: int, name: str, pair: Pair) -> str:
    """Return a table row: median and range of the ratios of rates, median rates, median p99s and their ratio."""
    ratios = [this.rate / that.rate for this, that in zip(*pair, strict=True)]
    rates = [statistics.median(run.rate for run in runs) for runs in pair]
    this, that = (statistics.median(run.percentile(99) for run in runs) for runs in pair)
    return (
        f"| {processes} | {name} | {statistics.median(ratios):.3f} | {min(ratios):.2f}–{max(ratios):.2f} "
        f"| {rates[0]:,.0f} | {rates[1]:,.0f} | {this:.1f} | {that:.1f} | {this / that:.2f} |"
    )


def main() -> None:
    """Print a table that compares this tree with a commit."""
    parser = argparse.ArgumentParser(prog="benchmarks.against", description=__doc__)
    parser.add_argument("commit", help="A commit, branch or tag of this repository.")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4], help="Numbers of server processes.")
    parser.add_argument("--runs", type=int, default=21, help="Alternations; 7 at least, but for a smoke test.")
    parser.add_argument("--requests", type=int, default=700, help="Requests of a run.")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--postgres", default="", help="URL of any database of a server, to use instead of SQLite.")
    options = parser.parse_args()
    named = ["git", "rev-parse", "--quiet", "--verify", "--short", f"{options.commit}^{{commit}}"]
    found = subprocess.run(named, cwd=ROOT, check=False, capture_output=True, text=True)
    if found.returncode:
        parser.error(f"git knows no commit {options.commit}: expected one of this repository")
    commit = found.stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        lock = (
            "requirements-dev.lock" if options.postgres else "requirements.lock"
        )  # the development lock has the driver
        trees = HERE, checkout(commit, Path(folder), lock)
        print(
            f"| processes | work | rate, this / {commit} | range | this per second | {commit} | "
            f"this p99 ms | {commit} | p99, this / {commit} |\n|" + " --- |" * 9
        )
        for processes in options.processes:
            for name, pair in measure(trees, processes, options).items():
                print(row(processes, name, pair), flush=True)


if __name__ == "__main__":
    main()
