"""What a device is told to install."""

from collections.abc import Mapping
from typing import Any

from otagw import runtime
from otagw.ota.packages import packages, signatures, stored_files
from otagw.ota.updates.updates import Offer


def spell(offer: Offer, endpoint: str) -> dict[str, Any]:
    """Return an offer as JSON has it: every field, null where nothing is known."""
    task, job, package = offer
    return {
        "task": str(task.id),
        "kind": package.kind,
        "module": packages.part(package),
        "version": task.version,
        "source_version": task.source_version,
        "differential": package.differential,
        "size": package.size,
        "sign_method": package.sign_method,
        "sign": package.sign,
        "sha256": _sha256(package.object_key, package.sign_method, package.sign),
        "url": _url(endpoint, package.url, package.object_key),
        "files": [_file(part, package.sign_method, endpoint) for part in package.files],
        "signatures": [signature._asdict() for signature in signatures.of(package.id)],
        "tags": dict(job.rules.tags),
        "custom_info": package.custom_info,
        "timeout_minutes": job.rules.timeout,
    }


def _file(part: Mapping[str, Any], method: str | None, endpoint: str) -> dict[str, Any]:
    key, sign = part.get("object_key"), part["sign_value"]
    return {
        "name": part["name"],
        "size": part["size"],
        "md5": part["file_md5"],
        "sign": sign,
        "sha256": _sha256(key, method, sign),
        "url": _url(endpoint, part["url"], key),
    }


def _url(endpoint: str, url: str | None, key: str | None) -> str | None:
    """Return where the bytes can be had: from us by a link that expires, or from where they are said to be."""
    return runtime.current().links.download(endpoint, key) if key else url


def _sha256(key: str | None, method: str | None, sign: str | None) -> str | None:
    if method == "SHA256":
        return sign
    file = stored_files.find(key) if key else None
    return file.facts.sha256 if file else None
