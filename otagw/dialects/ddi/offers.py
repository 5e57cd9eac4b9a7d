"""How an offer is told to a device: chunks of artifacts, each with its digests and where it is."""

import re
import zlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from otagw.dialects.addressed import Download
from otagw.ota.packages import packages, signatures, stored_files
from otagw.ota.packages.records import Artifact
from otagw.ota.products import modules
from otagw.ota.updates.updates import Offer

# What SWUpdate and RAUC want a name to end with; SWUpdate refuses what does not.
SUFFIXES: Final[Mapping[str | None, str]] = {stored_files.CPIO: ".swu", stored_files.SQUASHFS: ".raucb"}
WHOLE: Final = "os"
MD5SUM: Final = ".MD5SUM"
# Clients have room for so many characters of a link.
LONGEST_LINK: Final = 199
# A file name that is longer may be cut, and be that of another artifact as well.
CERTAIN: Final = 200
_SUFFIX: Final = re.compile(r"(\.tar)?\.[A-Za-z0-9]{1,16}\Z")
_UNFIT: Final = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|]')
_NAME_BYTES: Final = 255


def version_of(offer: Offer) -> int:
    """Return a number that changes whenever what `deployment` says does, but for its links."""
    task, _, package = offer
    return zlib.crc32(f"{task.id}/{task.attempts}/{package.modified}".encode())


def deployment(offer: Offer, base: str) -> dict[str, Any]:
    """Return an offer as this protocol has it; ``base`` is the address of the device."""
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
        "artifacts": [_artifact(offer, *named, base) for named in _named(offer)],
        **({"metadata": metadata} if metadata else {}),
    }
    return {"id": str(task.action), "deployment": {"download": "forced", "update": "forced", "chunks": [chunk]}}


def _name(offer: Offer) -> str:
    return offer.package.name or f"{offer.package.kind}-{offer.package.id}"


def artifact(offer: Offer, name: str) -> Download | str | None:
    """Return what an address of an artifact ends with: the file, its MD5 with its name, or None."""
    wanted = name.removesuffix(MD5SUM)
    for found, filename, address in _named(offer):
        file = stored_files.find(found.object_key) if found.object_key and wanted in (filename, address) else None
        if file:
            return Download(file, filename) if wanted == name else f"{file.facts.md5}  {filename}"
    return None


def _named(offer: Offer) -> list[tuple[Artifact, str, str]]:
    """Return the artifacts, each with its file name, and with a short one of its own for addresses.

    Of several file names that are cut to the same, the short ones tell the files apart.
    """
    found = [(artifact, _filename(offer, artifact)) for artifact in packages.artifacts(offer.package)]
    return [(artifact, name, _short(number, name)) for number, (artifact, name) in enumerate(found, 1)]


def _artifact(offer: Offer, artifact: Artifact, filename: str, short: str, base: str) -> dict[str, Any]:
    facts = artifact.facts
    if facts is None:
        raise RuntimeError("what is offered on this protocol has digests")
    return {
        "filename": filename,
        "size": facts.size,
        "hashes": {"sha1": facts.sha1, "md5": facts.md5, "sha256": facts.sha256},
        "_links": _links(offer, artifact, filename, short, base),
    }


def _links(offer: Offer, artifact: Artifact, filename: str, short: str, base: str) -> dict[str, Any]:
    """Return where the bytes are: with us, or with the host that the package names.

    Each client reads one of two names, over http and https alike.
    """
    if not artifact.object_key:
        return {name: {"href": artifact.url or ""} for name in ("download", "download-http")}
    folder = f"{base}/softwaremodules/{offer.task.action}/artifacts/"
    href = folder + quote(filename, safe="")
    if len(filename.encode()) > CERTAIN or len(href) + len(MD5SUM) > LONGEST_LINK:
        href = folder + quote(short, safe="")
    kinds = {"download": href, "download-http": href, "md5sum": href + MD5SUM, "md5sum-http": href + MD5SUM}
    return {name: {"href": link} for name, link in kinds.items()}


def _short(number: int, filename: str) -> str:
    """Return a name for the address of an artifact whose own is too long for it."""
    found = _SUFFIX.search(filename)
    return f"{number}{found[0] if found else ''}"


def _filename(offer: Offer, artifact: Artifact) -> str:
    """Return a name whose suffix is that of what the bytes are, or else of what the file was uploaded as."""
    found = _SUFFIX.search(artifact.object_key or urlsplit(artifact.url or "").path)
    suffix = SUFFIXES.get(artifact.facts.format if artifact.facts else None) or (found[0] if found else ".bin")
    part = f"-{artifact.name}" if artifact.name else ""
    stem = _UNFIT.sub("_", f"{_name(offer)}-{offer.task.version}{part}".removesuffix(suffix))
    return stem.encode()[: _NAME_BYTES - len(suffix)].decode(errors="ignore") + suffix
