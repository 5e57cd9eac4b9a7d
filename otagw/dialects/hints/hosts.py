"""The mistakes in the host that is signed."""

from collections.abc import Callable, Iterable
from typing import Final

from otagw.dialects.hints.mistake import Mistake

# Take the host that came and the one that a proxy says came to it; return hosts that may have been signed for it.
Hosts = Callable[[str, str], Iterable[str]]
_PORTS: Final = (":80", ":443", ":8686")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]", "0.0.0.0")  # noqa: S104 - compared with, not listened on


def _parts(host: str) -> tuple[str, str]:
    """Return a host's name, and its port with the colon before it, or nothing."""
    name, colon, port = host.rpartition(":")
    return (name, f":{port}") if colon and port.isdecimal() else (host, "")


def _bare(host: str) -> str:
    return host.partition("://")[2] or host


def _scheme_or_proxy(host: str, forwarded: str) -> list[str]:
    bare = _bare(host)
    return [bare, f"http://{bare}", f"https://{bare}", f"{bare}/", *([forwarded] if forwarded else [])]


def _other_ports(host: str, _: str) -> list[str]:
    name, port = _parts(_bare(host))
    return [name + other for other in _PORTS if other != port]


def _without_port(host: str, _: str) -> list[str]:
    name, port = _parts(_bare(host))
    return [name] if port else []


def _capitals(host: str, _: str) -> list[str]:
    return [host.lower(), host.upper(), host.title(), host.capitalize()]


def _loopback(host: str, _: str) -> list[str]:
    ports = {"", _parts(_bare(host))[1], *_PORTS}
    return [name + port for name in _LOOPBACK for port in sorted(ports)]


def mistakes(vendors: Iterable[str]) -> tuple[Mistake[Hosts], ...]:
    """Return the mistakes in the host; ``vendors`` are the hosts of the vendor's own service."""
    theirs = [host + port for host in vendors for port in ("", ":443")]
    return (
        Mistake(
            "host",
            "Another host was signed than the one that arrived: sign Host with its port and without http://, "
            "and let proxies pass it on as it is.",
            _scheme_or_proxy,
        ),
        Mistake(
            "host-with-port",
            "Host was signed with a port that it was not sent with, such as :443 or :80: sign Host as it is sent.",
            _other_ports,
        ),
        Mistake(
            "host-without-port",
            "Host was signed without the port that it was sent with: sign Host as it is sent.",
            _without_port,
        ),
        Mistake(
            "host-capitals",
            "Host was signed in other capitals than it was sent in: sign Host as it is sent.",
            _capitals,
        ),
        Mistake(
            "host-loopback",
            "localhost or a loopback address was signed for Host, and another host arrived: sign Host as it is sent.",
            _loopback,
        ),
        Mistake(
            "host-of-the-vendor",
            "The vendor's own host was signed: give the client the gateway's address as its endpoint.",
            lambda host, forwarded: theirs,
        ),
    )
