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
        real = _real(address)
        unusual = real.is_multicast or real.is_reserved or (isinstance(real, IPv6Address) and real.is_site_local)
        return (real.is_global and not unusual) or self._has(address, port)

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


def _real(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for (mapped, 6to4, NAT64), else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
