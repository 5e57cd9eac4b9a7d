"""Each attack hangs, and meanwhile others are served, in little memory; when it is over, all is as it was."""

import contextlib
import resource
import select
import signal
import urllib.parse
from pathlib import Path

import pytest

from tests.deploy import attackers, pki, servers
from tests.deploy.attackers import MIB, Front, create, get
from tests.patience import HANG_SECONDS, eventually

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("attacks")]
# It waits for its clients for ever: what they hold up stays held up.
PATIENT = "tests/deploy/patient.conf.py"
# What a process may hold for all clients together, and what it may grow by besides.
HELD, GROWTH = 64 * MIB, 32 * MIB
# nginx has 1,024 places for connections, of which one that is passed on takes two.
NGINX_CROWD = 450
NGINX_WAITS = [(f"client_{part}_timeout 30s;", f"client_{part}_timeout 1h;") for part in ("header", "body")]
DESCRIPTORS = 8192


@contextlib.contextmanager
def limited(descriptors):
    """Have so many descriptors, here and in processes that are started meanwhile."""
    before, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, allowed))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, allowed))


class Target:
    """A gateway that is attacked: what it serves, and how much its processes take."""

    def __init__(self, folder, workers, secure=False, options=(), descriptors=DESCRIPTORS):
        self.workers, self.made = workers, 0
        self.gateway = servers.Gunicorn(folder, workers=workers).prepare().start(PATIENT)
        store = servers.Store(self.gateway, self.gateway.url)
        (folder / "firmware").write_bytes(b"f" * 4 * MIB)
        link = urllib.parse.urlsplit(store.upload(folder / "firmware"))
        self.link, self.form = f"{link.path}?{link.query}", store.announce()
        self.path = str(folder / "socket")
        authority = None
        if secure:
            authority = str(pki.make(folder))
            self.gateway.environ |= {
                "OTAGW_TLS_CERT": str(folder / "tls.crt"),
                "OTAGW_TLS_KEY": str(folder / "tls.key"),
            }
        self.gateway.stop()
        with limited(descriptors):
            self.gateway.start(PATIENT, "-b", self.gateway.host, "-b", f"unix:{self.path}", *options)
        self.front = Front(("127.0.0.1", self.gateway.port), authority)
        self.processes = eventually(
            lambda: len(found := servers.children(self.gateway.process.pid)) == workers and found
        )
        for _ in range(2):
            self.serve()
        self.memory, self.sockets = self._memory(), self._sockets()

    def warm_up(self):
        """Have as much memory as a process that has served many: threads, kept greenlets, what is imported late."""
        for name in ("one byte", "many downloads"):
            with contextlib.ExitStack() as stack:
                attackers.ATTACKS[name].begin(self, self.front, stack)
                self.serve()
            eventually(self.is_as_before)
        self.memory = self._memory()
        return self

    def serve(self):
        """Have each process answer a health check, a signed create, and the first byte of a download."""
        for _ in range(2 * self.workers):
            self.made += 1
            assert self.front.ask(get("/healthz")).status == 200
            assert self.front.ask(create(f"made-{self.made}")).json["Success"]
            with self.front.connect() as connection:
                connection.sendall(get(self.link))
                assert connection.recv(12) == b"HTTP/1.1 200"

    def growth(self):
        """Return by how much the process that has grown most has done so."""
        return max(now - then for now, then in zip(self._memory(), self.memory, strict=True))

    def is_as_before(self):
        """Tell whether the processes are the same, with as many connections and about as much memory as at first."""
        assert servers.children(self.gateway.process.pid) == self.processes
        return self._sockets() <= self.sockets and self.growth() <= GROWTH

    def holds(self):
        """Return how many connections the processes have that are not there at rest."""
        return self._sockets() - self.sockets

    def _memory(self):
        """Return what each process has for itself: what it shares or has mapped of files says little."""
        texts = [
            Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii") for process in sorted(self.processes)
        ]
        return [int(text.split("\nAnonymous:")[1].split()[0]) * 1024 for text in texts]

    def _sockets(self):
        found = 0
        for process in self.processes:
            for handle in Path(f"/proc/{process}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                    found += str(handle.readlink()).startswith("socket:")
        return found


@pytest.fixture(scope="module", autouse=True)
def _descriptors():
    """Let the attackers have more descriptors than those they attack."""
    with limited(DESCRIPTORS):
        yield


def target(factory, *options):
    made = Target(factory.mktemp("attacked"), *options)
    try:
        yield made.warm_up()
        assert "Traceback" not in made.gateway.log()
        assert "crashed" not in made.gateway.log()
    finally:
        made.gateway.stop()


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    yield from target(tmp_path_factory, 1)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    yield from target(tmp_path_factory, 2)


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    yield from target(tmp_path_factory, 1, True)


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """A gateway behind nginx, attacked from one address and asked from another."""
    for made in target(tmp_path_factory, 1):
        folder = tmp_path_factory.mktemp("nginx")
        site = servers.Site(folder, made.gateway.port, made.gateway, NGINX_WAITS)
        site.nginx.start()
        address = ("127.0.0.1", site.nginx.port)
        made.attacked, made.front = Front(address, site.ca), Front(address, site.ca, "127.0.0.2")
        yield made
        site.nginx.stop()


def withstand(target, attack, front=None):
    """Check that a gateway serves others while an attack hangs, and forgets it when it is over."""
    with contextlib.ExitStack() as stack:
        attack.begin(target, front or target.front, stack)
        target.serve()
        assert target.holds() > 0 or not attack.hangs
        assert target.growth() <= HELD + GROWTH
    eventually(target.is_as_before)


@pytest.mark.parametrize("name", attackers.ATTACKS)
def test_others_are_served(one, name):
    withstand(one, attackers.ATTACKS[name])


# Further processes and TLS have the same code for all that comes after: one attack for each way to hang.
@pytest.mark.parametrize(
    "name",
    [
        "one byte, twice as many",
        "200 bodies",
        "large heads",
        "large bodies",
        "refusals of 320 kB",
        "many downloads",
        "pipelined",
    ],
)
def test_others_are_served_by_two_processes(two, name):
    withstand(two, attackers.ATTACKS[name])


@pytest.mark.parametrize(
    "name", ["one byte", "200 bodies", "large heads", "large bodies", "refusals of 320 kB", "many downloads"]
)
def test_others_are_served_over_tls(secure, name):
    withstand(secure, attackers.ATTACKS[name])


def test_others_are_served_beside_a_thousand_half_handshakes(secure):
    withstand(secure, attackers.Handshakes(attackers.CROWD))


@pytest.mark.parametrize("name", ["one byte", "200 bodies", "large bodies", "many downloads"])
def test_others_are_served_beside_attackers_over_a_unix_socket(one, name):
    withstand(one, attackers.ATTACKS[name], Front(one.path))


@pytest.mark.parametrize("name", ["one byte", "200 bodies", "large bodies", "refusals of 320 kB", "many downloads"])
def test_others_are_served_behind_nginx(behind, name):
    behind_nginx(behind, attackers.ATTACKS[name])


def test_others_are_served_behind_nginx_beside_half_handshakes(behind):
    behind_nginx(behind, attackers.Handshakes(attackers.CROWD))


def behind_nginx(target, attack):
    """Check that others, who have another address, are served through nginx while an attack hangs there."""
    with contextlib.ExitStack() as stack:
        attack.begin(target, target.attacked, stack, most=NGINX_CROWD)
        target.serve()
        assert target.growth() <= HELD + GROWTH
    eventually(target.is_as_before)


def test_others_are_served_before_large_forms_are_judged(one):
    with contextlib.ExitStack() as stack:
        forms = [stack.enter_context(one.front.connect()) for _ in range(3)]
        for form in forms:
            form.sendall(attackers.refused(2_000_000))
        one.serve()
        answered, _, _ = select.select(forms, [], [], 0)
        assert len(answered) < len(forms)
        for form in forms:
            assert form.recv(12) == b"HTTP/1.1 400"
    eventually(one.is_as_before)


def test_a_process_takes_the_descriptors_that_it_may_have(tmp_path):
    """Each download takes two, of which most systems give a process 1,024 unless it asks for more."""
    target = Target(tmp_path, 1, descriptors=1024)
    try:
        withstand(target.warm_up(), attackers.ATTACKS["many downloads"])
        assert "crashed" not in target.gateway.log()
    finally:
        target.gateway.stop()


@pytest.mark.parametrize("name", ["one byte", "large bodies", "many downloads"])
def test_a_reload_and_a_stop_end_an_attack(tmp_path, name):
    target = Target(tmp_path, 2, options=("--graceful-timeout", "2"))
    try:
        with contextlib.ExitStack() as stack:
            attackers.ATTACKS[name].begin(target, target.front, stack)
            target.gateway.process.send_signal(signal.SIGHUP)
            eventually(lambda: not target.processes & servers.children(target.gateway.process.pid))
            target.serve()
            attackers.ATTACKS[name].begin(target, target.front, stack)
            target.gateway.process.terminate()
            assert target.gateway.process.wait(HANG_SECONDS) == 0
            assert not servers.session(target.gateway.process.pid)
        assert "Traceback" not in target.gateway.log()
        assert "crashed" not in target.gateway.log()
    finally:
        target.gateway.stop()
