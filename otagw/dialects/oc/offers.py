"""How an offer is told to a device; docs/wire/oc.md says which SDK reads what."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from otagw import runtime
from otagw.dialects.messages import Visit
from otagw.files.links import short_name
from otagw.ota.packages import packages
from otagw.ota.packages.records import Package
from otagw.ota.products import modules
from otagw.ota.updates.updates import Offer

_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}


def is_told(package: Package) -> bool:
    """Tell whether there is an event for a package: of one file, and of the whole firmware or software."""
    return not package.files and packages.part(package) in (modules.DEFAULT, modules.SOFTWARE)


def spell(offer: Offer, visit: Visit) -> tuple[str, dict[str, Any]]:
    """Return the type and the parameters of the event that tells of an offer.

    What the gateway holds by itself is told by the first version of the event: devices fetch it with a token, and keep
    its digest. An object of a bucket, or a file elsewhere, is told by the second.
    """
    task, _, package = offer
    links, (artifact,) = runtime.current().links, packages.artifacts(package)
    kind = "software" if packages.part(package) == modules.SOFTWARE else "firmware"
    is_held = bool(package.object_key) and "location" not in package.front_data
    sha256 = package.sign if package.sign_method == "SHA256" else artifact.facts and artifact.facts.sha256
    found: dict[str, Any] = {
        "version": task.version,
        "url": _url(package, visit),
        "file_size": package.size or (artifact.facts and artifact.facts.size),
        "file_name": _file_name(package),
        "expires": runtime.current().settings.link_life_seconds,
        "sign": sha256,
        "custom_info": package.custom_info,
        "task_id": str(task.job_id),
    }
    if is_held and package.object_key:
        url, found["access_token"] = links.bearer(visit.endpoint, package.object_key)
        found |= {"url": _with_port(url), "file_name": short_name(package.object_key)}
    event = f"{kind}_upgrade" if is_held else f"{kind}_upgrade_v2"
    return event, {name: value for name, value in found.items() if value is not None}


def _url(package: Package, visit: Visit) -> str:
    """Return where the bytes are; the C SDK looks for the name of the file before a question mark."""
    if package.object_key:
        return _with_port(runtime.current().links.download(visit.endpoint, package.object_key))
    url = _with_port(package.url or "")
    return url if "?" in url else f"{url}?"


def _with_port(url: str) -> str:
    """Return an address with its port: the C SDK finds the host by the colon behind it, and gives up without one."""
    parts = urlsplit(url)
    if parts.port or parts.scheme not in _PORTS:
        return url
    return parts._replace(netloc=f"{parts.netloc.rstrip(':')}:{_PORTS[parts.scheme]}").geturl()


def _file_name(package: Package) -> str:
    path = package.object_key or (package.url or "").partition("?")[0]
    return path.rpartition("/")[2]
