"""``otagw mqtt``: where the transport and the fronts meet, from the start to a signal."""

import asyncio
import contextlib
import logging
import queue
import signal
import ssl
from asyncio.sslproto import SSLProtocol
from functools import partial
from typing import Final

from otagw import clock, runtime
from otagw.dialects.alink.front import Alink
from otagw.dialects.oc.front import Oc
from otagw.dialects.tylink.front import Tylink
from otagw.mqtt.node import Node
from otagw.ops import log as our_log
from otagw.server import share, supervisor
from otagw.settings import Settings

log: Final = logging.getLogger("otagw.mqtt")
FRONTS: Final = (Tylink(), Oc(), Alink())
# How many clients may wait to be let in by the kernel, and how often a signal is looked for.
BACKLOG: Final = 1024
# What is set aside for a connection over TLS from its first moment on, its handshake included: of asyncio 256 KiB.
TLS_BUFFER: Final = 16 * 1024
LOOK_SECONDS: Final = 0.2


def run(settings: Settings, received: "queue.SimpleQueue[int]") -> None:
    """Serve until a signal is received that ends it; raise OSError where an address cannot be taken."""
    our_log.configure(settings)
    gateway = runtime.current()
    for part in ("database", "vault", "limits", "metrics", "links"):
        getattr(gateway, part)
    asyncio.run(_serve(settings, received))


async def _serve(settings: Settings, received: "queue.SimpleQueue[int]") -> None:
    loop = asyncio.get_running_loop()
    node = Node(clock.random_hex(16), FRONTS, share.room(settings.mqtt_connections), settings.threads)
    context = _tls(settings) if settings.mqtt_tls_bind else None
    listening = ((settings.mqtt_bind, None), (settings.mqtt_tls_bind, context))
    servers = [
        await loop.create_server(partial(node.connect, how), *_address(bind), backlog=BACKLOG)
        for bind, how in listening
        if bind
    ]
    work = loop.create_task(node.run())
    supervisor.say_ready()
    log.info(
        "the MQTT server is ready",
        extra={"node": node.name, "bind": settings.mqtt_bind, "tls_bind": settings.mqtt_tls_bind},
    )
    try:
        await _until_told(received, work, context)
    finally:
        for server in servers:
            server.close()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await node.stop()
        log.info("the MQTT server ends")


async def _until_told(
    received: "queue.SimpleQueue[int]", work: "asyncio.Task[None]", context: ssl.SSLContext | None
) -> None:
    """Return at a signal that ends the server; raise what ``work`` raises, which should not end."""
    while not work.done():
        with contextlib.suppress(queue.Empty):
            if received.get_nowait() != signal.SIGHUP:
                return
            if context and supervisor.can_reload():
                context.load_cert_chain(runtime.current().settings.tls_cert, runtime.current().settings.tls_key)
        await asyncio.sleep(LOOK_SECONDS)
    work.result()


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_cert, settings.tls_key)
    SSLProtocol.max_size = TLS_BUFFER
    return context


def _address(bind: str) -> tuple[str, int]:
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)
