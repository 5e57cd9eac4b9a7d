"""How an offer is told to a device; docs/wire/alink.md says which SDK reads what."""

from collections.abc import Mapping
from typing import Any, Final

from otagw import runtime
from otagw.ota.packages import packages
from otagw.ota.packages.records import Facts
from otagw.ota.updates.updates import Offer

# The spellings that all SDKs take: others are dropped, or end the SDK's download.
METHODS: Final = {"MD5": "Md5", "SHA256": "SHA256"}
UDI: Final = "_package_udi"


def spell(offer: Offer, endpoint: str) -> dict[str, Any]:
    """Return an offer as the data of a message; ``endpoint`` is the base of its links.

    What a package does not say is taken from its bytes, where the gateway has seen them: SDKs drop an offer without
    size and digest.
    """
    task, job, package = offer
    seen = [found.facts for found in packages.artifacts(package)]
    method = METHODS.get((package.sign_method or "").upper())
    if method is None and all(seen):
        method = METHODS["SHA256"]
    found: dict[str, Any] = {"version": task.version, "module": packages.part(package), "signMethod": method}
    if package.files:
        found["files"] = [_file(*each, method, endpoint) for each in zip(package.files, seen, strict=True)]
    else:
        found["size"] = package.size or (seen[0].size if seen[0] else None)
        found["url"] = _url(endpoint, package.url, package.object_key)
        found["sign"] = sign = package.sign or _digest(seen[0], method)
        found["md5"] = sign if method == METHODS["MD5"] else None
    found["isDiff"] = 1 if package.differential else None
    found["extData"] = dict(job.rules.tags) | ({UDI: package.custom_info} if package.custom_info else {}) or None
    return _without_none(found)


def _file(part: Mapping[str, Any], seen: Facts | None, method: str | None, endpoint: str) -> dict[str, Any]:
    return _without_none(
        {
            "fileName": part["name"],
            "fileSize": part["size"] or (seen.size if seen else None),
            "fileUrl": _url(endpoint, part["url"], part.get("object_key")),
            "fileMd5": part["file_md5"] or (seen.md5 if seen else None),
            "fileSign": part["sign_value"] or _digest(seen, method),
        }
    )


def _digest(seen: Facts | None, method: str | None) -> str | None:
    if seen is None or method is None:
        return None
    return seen.md5 if method == METHODS["MD5"] else seen.sha256


def _without_none(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}


def _url(endpoint: str, url: str | None, key: str | None) -> str | None:
    """Return where the bytes can be had: from us by a link that expires, or from where they are said to be."""
    return runtime.current().links.download(endpoint, key) if key else url
