"""Another host on loopback, as well or as badly behaved as a test wants, and names that lead to it."""

import contextlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

from otagw import runtime
from tests import door


def answer(body=b"", status="200 OK", **headers):
    """Return the bytes of an answer; a length is added unless a header says otherwise."""
    lines = {"Content-Length": len(body), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class Web:
    """Serve ``pages``: for each path bytes to send, or a function of the stream to write to."""

    def __init__(self, certificate=None):
        self.pages, self.seen, self.posted, self.done = {}, [], [], threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                web.seen.append((self.path, self.headers))
                page = web.pages.get(self.path.partition("?")[0], answer(status="404 Not Found"))
                with contextlib.suppress(OSError):
                    web.write(page, self.wfile)

            def do_POST(self):
                web.posted.append((self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                self.do_GET()

            def log_message(self, *_):
                pass

        class Server(ThreadingTCPServer):
            daemon_threads = True

            def get_request(self):
                found, address = super().get_request()
                return (context.wrap_socket(found, server_side=True) if context else found), address

        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
            context.sni_callback = lambda _, name, __: self.seen.append(name)
        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def write(self, page, stream):
        """Send a page; one that is a function runs for the gateway of the test."""
        if not callable(page):
            stream.write(page)
            return
        with runtime.entered(door.here()):
            page(stream)

    def url(self, path="/x.bin", host="127.0.0.1", scheme="http"):
        return f"{scheme}://{host}:{self.port}{path}"

    def paths(self):
        return [path for path, _ in self.seen]

    def stall(self, *pieces, gap=10):
        """Return a page that sends pieces with a gap after each, until the test is over."""

        def page(stream):
            for piece in pieces:
                stream.write(piece)
                if self.done.wait(gap):
                    return

        return page

    def close(self):
        self.done.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
