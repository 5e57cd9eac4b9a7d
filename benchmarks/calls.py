"""The requests that are sent: signed Actions, and what they are compared with."""

import itertools
import os
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import requests

from benchmarks import load
from benchmarks.gateway import KEY
from otagw.dialects.aliyun import client

WORK = {
    "FirmwareUrl": "https://ota.example.com/ota/firmware/0f7b2c1e.bin",
    "FirmwareSign": "0" * 32,
    "SignMethod": "MD5",
    "FirmwareSize": "1048576",
    "ProductKey": "a1uctKe0001",
    "DestVersion": "1.2.3",
    "FirmwareDesc": "a nightly build",
}
number = itertools.count()
# Port of a gateway → id of the package that `query` asks for.
packages: dict[int, str] = {}
Requests = Callable[[int, int], list[bytes]]


def nothing(port: int, count: int) -> list[bytes]:
    """Return requests for the bare route; as long as a signed one, since reading it costs too."""
    return [load.get(port, target(v1(port, "CreateOTAFirmware", **WORK).url))] * count


def create_v1(port: int, count: int) -> list[bytes]:
    """Return creates, each signed by its parameters."""
    return [load.get(port, target(v1(port, "CreateOTAFirmware", **WORK, **named()).url)) for _ in range(count)]


def create_v3(port: int, count: int) -> list[bytes]:
    """Return creates, each signed by its headers."""
    signed = (client.v3(url(port), *KEY, {"Action": "CreateOTAFirmware", **WORK, **named()}) for _ in range(count))
    return [load.post(port, target(one.url), dict(one.headers)) for one in signed]


def query(port: int, count: int) -> list[bytes]:
    """Return questions about one package that is there."""
    asked = {"FirmwareId": packages[port]}
    return [load.get(port, target(v1(port, "QueryOTAFirmware", **asked).url)) for _ in range(count)]


def listing(port: int, count: int) -> list[bytes]:
    """Return requests for the first page of 20."""
    page = {"CurrentPage": "1", "PageSize": "20"}
    return [load.get(port, target(v1(port, "ListOTAFirmware", **page).url)) for _ in range(count)]


ACTIONS: Final[dict[str, Requests]] = {
    "create, V1": create_v1,
    "create, V3": create_v3,
    "query": query,
    "list of 20": listing,
}


def v1(port: int, action: str, **params: str) -> client.Signed:
    """Return an Action signed by its parameters."""
    return client.v1(url(port), *KEY, {"Action": action, **params})


def named() -> dict[str, str]:
    """Return the name of a package that nothing else has."""
    return {"FirmwareName": f"bench-{os.getpid()}-{next(number)}"}


def url(port: int) -> str:
    """Return the address of a gateway."""
    return f"http://127.0.0.1:{port}"


def target(url: str) -> str:
    """Return what a request line has of a URL."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def remember_one(port: int) -> None:
    """Make a package for `query`."""
    signed = v1(port, "CreateOTAFirmware", FirmwareName="one", DestVersion="1")
    packages[port] = requests.get(signed.url, timeout=10).json()["Data"]["FirmwareID"]
