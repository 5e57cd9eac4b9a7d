"""The door of a test: the gateway for which its code runs, as a request or a command has one."""

import contextlib
import copy

import gevent

from otagw import hosts, parts, runtime, settings
from otagw.clock import Clock
from otagw.db.hub import Hub

# The one that all gateways of a test process follow, unless they are given another.
CLOCK = Clock()


class Door:
    """The gateways entered in a test, the last one on top."""

    def __init__(self):
        self._stack = contextlib.ExitStack()
        self.gateway = None

    def enter(self, gateway):
        """Let what follows in this test run for a gateway, or for one of such settings; return it."""
        if isinstance(gateway, settings.Settings):
            gateway = self.closing(parts.Runtime(gateway))
        self.gateway = self._stack.enter_context(runtime.entered(gateway))
        return self.gateway

    def closing(self, gateway):
        """Close a gateway at the end of the test; return it."""
        return self._stack.enter_context(contextlib.closing(gateway))

    def close(self):
        self._stack.close()


_open = []


@contextlib.contextmanager
def of_a_test(environ):
    """Open the door of a test: at first to a gateway of these settings, which opens nothing by itself."""
    with contextlib.closing(Door()) as door:
        CLOCK.hold(None)
        door.enter(parts.Runtime(settings.load(environ), clock=CLOCK))
        _open.append(door)
        try:
            yield door
        finally:
            _open.remove(door)


def here():
    """Return the gateway of the test at hand, for threads that the test did not start."""
    return _open[-1].gateway


def replace(**parts):
    """Let what follows in this test run for the gateway at hand with other parts; return it."""
    changed = copy.copy(here())
    vars(changed).update(parts)
    return enter(_open[-1].closing(changed))


def enter(gateway):
    """Let what follows in this test run for a gateway, or for one of such settings; return it."""
    return _open[-1].enter(gateway)


def together(tasks):
    """Run tasks as requests of the server's hub that come at once; each enters the gateway of the test."""

    def enter(task):
        with runtime.entered(here()):
            return task()

    with contextlib.closing(Hub()) as hub, hosts.settled(hub):
        greenlets = [gevent.spawn(enter, task) for task in tasks]
        gevent.joinall(greenlets, raise_error=True)
        return [greenlet.value for greenlet in greenlets]
