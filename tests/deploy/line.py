"""A line between the gateway and a service, which a test can cut and mend."""

import contextlib
import socket
import threading

from tests.conftest import free_port


class Line:
    """Pass on what is sent to a port of its own; while it is cut, nobody answers there."""

    def __init__(self, port, host="127.0.0.1"):
        self.target, self.port = (host, port), free_port()
        self._ends, self._listener, self._guard = set(), None, threading.Lock()
        self.mend()

    def mend(self):
        """Pass on again."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self):
        """Close the port, and every connection through it."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._guard:
            ends, self._ends = self._ends, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                try:
                    far = socket.create_connection(self.target)
                except OSError:
                    near.close()
                    continue
                with self._guard:
                    self._ends |= {near, far}
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        # Each of the two threads of a connection closes the end that it reads.
        with self._guard:
            self._ends.discard(source)
        source.close()
