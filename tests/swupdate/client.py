"""The client itself, and a bad line between it and the gateway."""

import contextlib
import select
import socket
import subprocess
import threading

from tests.conftest import need
from tests.patience import HANG_SECONDS
from tests.swupdate.image import BOARD

SUCCEEDED, FAILED = "2", "3"
CONFIG = "globals : {{ verbose = true; }};\nidentify : ( {} );\n"


class Client:
    """SWUpdate on one device; what it installs is one file in a folder of its own."""

    def __init__(self, folder, signer, product, device, token, port, gateway_token=False, revision="1.0"):
        self.folder = folder / f"{product}-{device}"
        self.folder.mkdir()
        self.target = self.folder / "installed.bin"
        self.process = None
        word = "-g" if gateway_token else "-k"
        server = f"http://127.0.0.1:{port}"
        self.agent = f"-t {product} -u {server} -i {device} {word} {token} -r 20 -w 1"
        self.options = ["-l", "5", "-k", str(signer.path), "-H", f"{BOARD}:{revision}"]

    def identify(self, **attributes):
        """Let the client have attributes to send."""
        pairs = ", ".join(f'{{ name = "{name}"; value = "{value}"; }}' for name, value in attributes.items())
        path = self.folder / "swupdate.cfg"
        path.write_text(CONFIG.format(pairs))
        self.options += ["-f", str(path)] if "-f" not in self.options else []
        return self

    def start(self, outcome=None):
        """Start; ``outcome`` is what the boot loader would say of the update that was tried before."""
        agent = self.agent if outcome is None else f"{self.agent} -c {outcome}"
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [need("swupdate"), *self.options, "-u", agent],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"TMPDIR": str(self.folder), "PATH": "/usr/bin:/bin"},
            )
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(HANG_SECONDS)

    def restart(self, outcome=SUCCEEDED):
        self.stop()
        return self.start(outcome)

    def installed(self):
        return self.target.read_bytes() if self.target.exists() else None

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


class Line:
    """A connection to the gateway that can be slow, and be cut in the middle of a download."""

    def __init__(self, port):
        self.upstream = port
        self.cut_after = None  # bytes of one answer
        self.slow = threading.Event()
        self.is_slow_now = False
        self.cuts, self.asked = 0, []
        self._done = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                thread = threading.Thread(target=self._carry, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _carry(self, client):
        with client, socket.create_connection(("127.0.0.1", self.upstream)) as server, contextlib.suppress(OSError):
            passed = 0
            while not self._done.is_set():
                ready, _, _ = select.select([client, server], [], [], 0.1)
                for source in ready:
                    data = source.recv(16 * 1024)
                    if not data:
                        return
                    if source is client:
                        self.asked.append(data)
                        passed = 0
                    else:
                        passed += len(data)
                        if self.cut_after and passed > self.cut_after:
                            self.cut_after, self.cuts = None, self.cuts + 1
                            return
                        if self.slow.is_set() and passed > 32 * 1024:
                            self.is_slow_now = True
                            self._done.wait(1)
                    (server if source is client else client).sendall(data)

    def close(self):
        self._done.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join()
