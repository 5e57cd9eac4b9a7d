"""How an offer is told to a device: chunks of artifacts, each with its digests and where it is."""

import re
import zlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from otagw import runtime
from otagw.ota.packages import packages, signatures, stored_files
from otagw.ota.packages.records import Artifact
from otagw.ota.products import modules
from otagw.ota.updates.updates import Offer

# What SWUpdate and RAUC want a name to end with; SWUpdate refuses what does not.
SUFFIXES: Final[Mapping[str | None, str]] = {stored_files.CPIO: ".swu", stored_files.SQUASHFS: ".raucb"}
WHOLE: Final = "os"
_SUFFIX: Final = re.compile(r"(\.tar)?\.[A-Za-z0-9]{1,16}\Z")
_UNFIT: Final = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|]')
_NAME_BYTES: Final = 255


def version_of(offer: Offer) -> int:
    """Return a number that changes whenever what `deployment` says does, but for its links."""
    task, _, package = offer
    return zlib.crc32(f"{task.id}/{task.attempts}/{package.modified}".encode())


def deployment(offer: Offer, endpoint: str) -> dict[str, Any]:
    """Return an offer as this protocol has it."""
    task, job, package = offer
    metadata = [{"key": key, "value": value} for key, value in job.rules.tags]
    for signature in signatures.of(package.id):
        metadata += [{"key": f"otagw.release.{name}", "value": value} for name, value in signature._asdict().items()]
    if package.custom_info:
        metadata.append({"key": "custom_info", "value": package.custom_info})
    chunk = {
        "part": WHOLE if package.module == modules.DEFAULT else package.module,
        "version": task.version,
        "name": _name(offer),
        "artifacts": [_artifact(offer, artifact, endpoint) for artifact in packages.artifacts(package)],
        **({"metadata": metadata} if metadata else {}),
    }
    return {"id": str(task.action), "deployment": {"download": "forced", "update": "forced", "chunks": [chunk]}}


def _name(offer: Offer) -> str:
    return offer.package.name or f"{offer.package.kind}-{offer.package.id}"


def _artifact(offer: Offer, artifact: Artifact, endpoint: str) -> dict[str, Any]:
    facts = artifact.facts
    if facts is None:
        raise RuntimeError("what is offered on this protocol has digests")
    url = artifact.url or ""
    if artifact.object_key:
        url = runtime.current().links.download(endpoint, artifact.object_key, (offer.job.rules.timeout or 0) * 60)
    kind = "download" if urlsplit(url).scheme.lower() == "https" else "download-http"
    return {
        "filename": _filename(offer, artifact),
        "size": facts.size,
        "hashes": {"sha1": facts.sha1, "md5": facts.md5, "sha256": facts.sha256},
        "_links": {kind: {"href": url}},
    }


def _filename(offer: Offer, artifact: Artifact) -> str:
    """Return a name whose suffix is that of what the bytes are, or else of what the file was uploaded as."""
    found = _SUFFIX.search(artifact.object_key or urlsplit(artifact.url or "").path)
    suffix = SUFFIXES.get(artifact.facts.format if artifact.facts else None) or (found[0] if found else ".bin")
    part = f"-{artifact.name}" if artifact.name else ""
    stem = _UNFIT.sub("_", f"{_name(offer)}-{offer.task.version}{part}".removesuffix(suffix))
    return stem.encode()[: _NAME_BYTES - len(suffix)].decode(errors="ignore") + suffix
