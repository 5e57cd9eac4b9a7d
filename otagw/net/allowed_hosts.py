"""Hosts that the operator lists, and addresses that may be connected to: by name, by address, by network."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_ENTRY: Final = re.compile(r"(?:\[(?P<six>[^]]+)\]|(?P<host>[^]:[]+))(?::(?P<port>[0-9]{1,5}))?")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# A name whose last label is a number is an address in the eyes of the resolver: 2130706433, 0177.0.0.1, 0x7f.1.
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*(?!(?:[0-9]+|0x[0-9a-f]*)\Z){_LABEL}")
_NAT64: Final = IPv6Network("64:ff9b::/96")
# IANA's registries of special-purpose addresses, whatever the version of Python, and what is not unicast. Entries that
# IANA calls global (AS112, AMT) are services of the network, which offer no files.
_SET_APART: Final = [
    IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    )
]
# The one range of IPv6 that is unicast of the Internet, and what is set apart in it. The first entry has Teredo, ORCHID
# and benchmarks; 3ffe::/16 was the 6bone's.
_INTERNET: Final = IPv6Network("2000::/3")
_SET_APART_IN_IT: Final = [
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20")
]


@dataclass(frozen=True)
class Hosts:
    """What is listed: names and networks, each with its port, or with None for every port."""

    names: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[Network, int | None], ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is listed."""
        return bool(self.names or self.networks)

    def lists(self, host: str, port: int) -> bool:
        """Tell whether a host is listed, by its name or as an address; a dot at the end makes no other name."""
        try:
            return self._has(ip_address(host), port)
        except ValueError:
            name = host.lower().removesuffix(".")
            return (name, None) in self.names or (name, port) in self.names

    def allows(self, address: Address, port: int) -> bool:
        """Tell whether an address may be connected to: it is of the public Internet, or listed itself."""
        return _is_public(_real(address)) or self._has(address, port)

    def _has(self, address: Address, port: int) -> bool:
        forms = (address, _real(address))
        return any(form in network for network, listed in self.networks if listed in (None, port) for form in forms)


def read(entries: Iterable[str]) -> Hosts:
    """Return what a list of texts says: HOST, HOST:PORT, an address with or without a port, or a network.

    Names are in ASCII, as they are on the wire. Raises ValueError for a text that is none of these.
    """
    names, networks = set(), []
    for entry in entries:
        found, port = _read(entry)
        if isinstance(found, str):
            names.add((found, port))
        else:
            networks.append((found, port))
    return Hosts(frozenset(names), tuple(networks))


def _read(entry: str) -> tuple[str | Network, int | None]:
    if not isinstance(entry, str):  # a number is an address to `ip_network`
        raise ValueError(entry)
    try:
        return ip_network(entry), None
    except ValueError:
        match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ValueError(entry)
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port < 65536:
        raise ValueError(entry)
    if match["six"]:
        return IPv6Network(match["six"]), port
    name = match["host"].lower()
    if _NAME.fullmatch(name):
        return name, port
    return IPv4Network(IPv4Address(name)), port


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SET_APART)
    return address in _INTERNET and not any(address in network for network in _SET_APART_IN_IT)


def _real(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for (mapped, 6to4, NAT64), else the address itself.

    Teredo and a network's own NAT64 (64:ff9b:1::/48) stay as they are: docs/decisions/0009-fetching.md.
    """
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
