"""Packages as they are asked for and as they are kept, what is known of their files, and their signatures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from otagw.ota.products import modules


@dataclass(frozen=True)
class Facts:
    """The facts of a file, known once all of its bytes are read; digests are lower-case hex.

    ``format`` is one of `stored_files.FORMATS`, or None.
    """

    size: int
    md5: str
    sha1: str
    sha256: str
    format: str | None = None


@dataclass(frozen=True, kw_only=True)
class PackageDraft:
    """A package as it is asked for. Times are milliseconds, sizes bytes; digests hex, which is kept in lower case.

    ``files`` are the parts of a package of several files, each with name, url and what is known of size and digests;
    then ``url``, ``size`` and ``sign`` are None. ``object_key``, here and in each of ``files``, is the key of a file of
    our own store. ``front_data`` are further values that the front that made the package has to show again. ``facts``
    are for `verification.check` alone: its findings on each file.
    """

    name: str | None
    version: str
    kind: str = "firmware"
    product_key: str | None = None
    module: str = modules.DEFAULT
    source_versions: tuple[str, ...] = ()
    differential: bool = False
    description: str | None = None
    custom_info: str | None = None
    needs_verification: bool = True
    url: str | None = None
    size: int | None = None
    sign_method: str | None = None
    sign: str | None = None
    object_key: str | None = None
    files: tuple[Mapping[str, Any], ...] = ()
    facts: tuple[Facts | None, ...] = ()
    front_data: Mapping[str, Any] = field(default_factory=dict)


class Package(NamedTuple):
    """A package as it is kept."""

    id: int
    account_id: int
    name: str | None
    kind: str
    product_key: str | None
    module: str
    version: str
    source_versions: list[str]
    differential: bool
    description: str | None
    custom_info: str | None
    status: int
    url: str | None
    size: int | None
    sign_method: str | None
    sign: str | None
    files: list[dict[str, Any]]
    verified: bool
    created: int
    modified: int
    object_key: str | None
    facts: list[Facts | None]
    front_data: Mapping[str, Any]
    product_name: str | None


class Artifact(NamedTuple):
    """One file of a package: what it is called where there are several, where it is, and what is known of its bytes."""

    name: str | None
    url: str | None
    object_key: str | None
    facts: Facts | None


class Signature(NamedTuple):
    """A signature of a package: the name of the key, the text that was signed, and the signature in Base64."""

    key: str
    statement: str
    signature: str
