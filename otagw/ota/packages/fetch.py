"""Files of other hosts, read once to know their size and digests; nothing of them is kept.

Only hosts that the operator lists are asked. Their names are resolved once, every address is checked, and exactly these
addresses are connected to, while Host header, TLS server name and certificate go by the name. Why it is so:
docs/decisions/0009-fetching.md.
"""

import contextlib
import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final
from urllib.parse import urljoin

from urllib3 import HTTPResponse

from otagw import errors, hosts
from otagw.net import outgoing
from otagw.net.allowed_hosts import Hosts
from otagw.net.outgoing import Deadline, Endpoint, Target, Timeouts
from otagw.ota.packages.records import Facts
from otagw.ota.packages.stored_files import Measure

SECONDS: Final = 50
CONNECT_SECONDS: Final = 5
SILENT_SECONDS: Final = 10
REDIRECTS: Final = 5
CHUNK: Final = 64 * 1024
_HEADERS: Final = {"User-Agent": "otagw", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}


class _Problem(Exception):
    """Why a file cannot be verified, in words that complete a sentence about it."""


class Fetcher:
    """Fetch the files that one request of a client names: in `SECONDS` together, of ``longest`` bytes each at most."""

    def __init__(self, hosts: Hosts, longest: int) -> None:
        self._hosts, self._longest = hosts, longest
        self._until = time.monotonic() + SECONDS

    def facts(self, url: str) -> Facts | None:
        """Return what the file at a URL is, or None if its host is not listed.

        Raises `errors.FetchFailed`.
        """
        if not self._hosts:
            return None
        target = outgoing.target("GET", url, _HEADERS)
        if target is None or not self._hosts.lists(target.host, target.port):
            return None
        try:
            found = hosts.apart(partial(self._follow, target), hosts.FETCH)
            if found.size:
                return found
            problem = "it is empty"
        except _Problem as said:
            problem = str(said)
        # Raised out here, it does not hold on to the errors before it, and with them to the connection.
        raise errors.FetchFailed(target.shown, problem)

    def _follow(self, target: Target) -> Facts:
        for _ in range(REDIRECTS + 1):
            if target.has_user:
                raise _Problem("a URL with a user name or password is not fetched")
            with self._answer(target) as response:
                location = response.get_redirect_location()
                if not location:
                    return _facts(response, self._longest)
            target = self._next(target, location)
        raise _Problem(f"it redirects more than {REDIRECTS} times")

    def _next(self, before: Target, location: str) -> Target:
        """Return where a redirect leads, if that may be followed."""
        try:
            target = outgoing.target("GET", urljoin(before.url, location), _HEADERS)
        except ValueError:
            target = None
        if target is None:
            raise _Problem("it redirects to what is no http or https URL")
        if not self._hosts.lists(target.host, target.port):
            raise _Problem("it redirects to a host that is not listed")
        if (before.scheme, target.scheme) == ("https", "http"):
            raise _Problem("it redirects from https to http")
        return target

    @contextlib.contextmanager
    def _answer(self, target: Target) -> Iterator[HTTPResponse]:
        """Send a request; whatever breaks until the answer is done with becomes a `_Problem`."""
        late = _Problem(f"it did not arrive within {SECONDS} seconds")
        endpoints, timeouts = self._endpoints(target), Timeouts(CONNECT_SECONDS, SILENT_SECONDS)
        with Deadline(self._until) as deadline:
            try:
                with outgoing.sent(target, endpoints, deadline, timeouts) as response:
                    yield response
            except outgoing.BROKEN as error:
                raise (late if deadline.over else _Problem(outgoing.why(error))) from None
            if deadline.over:  # then an end that looked right was ours
                raise late

    def _endpoints(self, target: Target) -> list[Endpoint]:
        """Resolve a host; one address that is not allowed spoils the others."""
        try:
            found = outgoing.resolve(target.host, target.port)
        except (OSError, UnicodeError):
            raise _Problem("its host cannot be resolved") from None
        if not all(self._hosts.allows(ip_address(address[0]), target.port) for _, address in found):
            raise _Problem("its host resolves to an address that is not allowed")
        return found


def _facts(response: HTTPResponse, longest: int) -> Facts:
    """Read the file as its bytes stand on the other host."""
    if response.status != HTTPStatus.OK:
        raise _Problem(f"it answers with status {response.status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _Problem("it comes compressed or otherwise encoded")
    long = _Problem(f"it has more than {longest} bytes")
    if (response.length_remaining or 0) > longest:
        raise long
    measure = Measure()
    for data in response.stream(CHUNK, decode_content=False):
        measure.update(data)
        if measure.size > longest:
            raise long
    return measure.facts()
