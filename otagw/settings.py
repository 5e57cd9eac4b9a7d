"""Every setting: what it is called, its default, what it accepts; read from one file, then the environment."""

import dataclasses
import difflib
import json
import os
import re
import tomllib
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_origin
from urllib.parse import urlsplit

from otagw.net import allowed_hosts, allowed_origins

# Variables of other readers: the vault, tests, clients of `otagw test-server`. They are no settings.
NOT_SETTINGS = (
    "OTAGW_CONFIG",
    "OTAGW_MASTER_KEY",
    "OTAGW_NEW_MASTER_KEY",
    "OTAGW_CONTROL",
    "OTAGW_TEST_",
    "OTAGW_READY_FD",
)
DEFAULT_FILE = "config/otagw.toml"
# Settings of earlier versions, each with what replaces it.
REMOVED = {"queue_url": "this setting is gone: the worker looks into the database by itself; remove it"}
# What TOML and JSON give for a setting of these types.
_READ_AS: dict[Any, Any] = {tuple: list, Mapping: dict}
_WORDS = {str: "a text", int: "an integer", bool: "true or false"}


class SettingsError(ValueError):
    """Say which settings are wrong and what was expected, one line each."""


# A server that listens on every address is reached from this machine at one of them.
ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - compared, not bound


@dataclass(frozen=True)
class Check:
    """One rule for a value: what it expects, in words, and the test itself."""

    expected: str
    passes: Callable[[Any], bool]


def _one_of(*choices: str) -> Check:
    return Check("one of " + ", ".join(f'"{c}"' for c in choices), lambda value: value in choices)


def _between(low: int, high: int) -> Check:
    return Check(f"an integer from {low} to {high}", lambda value: low <= value <= high)


def _is_address(value: str) -> bool:
    host, colon, port = value.rpartition(":")
    return value.startswith("unix:/") or bool(colon and host and port.isdecimal() and int(port) < 65536)


def _is_public_url(value: str) -> bool:
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:  # no port, or no address in brackets
        return False
    return not value or bool(url.scheme in ("http", "https") and url.hostname and port != 0 and not url.query)


def _are_hosts(values: list[Any]) -> bool:
    try:
        allowed_hosts.read(values)
    except ValueError:
        return False
    return True


ANYTHING = Check("a text", lambda value: True)
PORT = Check(
    '"HOST:PORT", or nothing', lambda value: not value or (_is_address(value) and not value.startswith("unix:"))
)
ADDRESS = Check('"HOST:PORT" or "unix:/PATH"', _is_address)
PUBLIC_URL = Check("an http or https URL without a query, or nothing", _is_public_url)
INTERNAL_PATH = Check(
    'a path like "/files/", or nothing', lambda value: not value or bool(re.fullmatch(r"(/[A-Za-z0-9_-]+)+/", value))
)
DATABASE_URL = Check(
    "sqlite:///PATH, postgresql://USER:PASSWORD@HOST:PORT/NAME, cockroachdb://… likewise, or nothing",
    lambda value: not value or urlsplit(value).scheme in ("sqlite", "postgresql", "postgres", "cockroachdb"),
)
REDIS_URL = Check(
    "redis://HOST:PORT/NUMBER or rediss://…, or nothing",
    lambda value: not value or urlsplit(value).scheme in ("redis", "rediss"),
)
HOSTS = Check('a list like ["cdn.example.com", "cdn.example.com:8080", "10.0.0.5", "10.1.0.0/16"]', _are_hosts)

SIGNED_HOSTS = Check(
    'a list like ["ota.example.com", "ota.example.com:8443"]',
    lambda values: all(isinstance(v, str) and re.fullmatch(r"[!-~]{1,255}", v) and "/" not in v for v in values),
)
ORIGINS = Check(
    'a list like ["https://ci.example.com", "http://localhost:3000"], or ["*"]',
    lambda values: all(
        v == allowed_origins.ANY or (isinstance(v, str) and allowed_origins.ORIGIN.fullmatch(v)) for v in values
    ),
)
NAMES = Check('a list of texts like ["fw.version"]', lambda values: all(isinstance(v, str) and v for v in values))
BUCKETS = Check(
    'a table like {"firmware": "/srv/firmware", "other": "s3://bucket/prefix"}',
    lambda value: all(
        isinstance(url, str) and url and re.fullmatch(r"[a-z0-9.-]{3,63}", n) for n, url in value.items()
    ),
)
DAYS = _between(0, 36500)


def setting(default: Any, doc: str, check: Check = ANYTHING) -> Any:
    """Declare one setting; the default of a table is given as ``dict``."""
    metadata = {"doc": doc, "check": check}
    return (
        field(default_factory=dict, metadata=metadata) if default is dict else field(default=default, metadata=metadata)
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Hold every setting; made by `load`, passed to whatever needs one."""

    bind: str = setting("127.0.0.1:8686", "Address to serve on: HOST:PORT, or unix:/PATH behind a proxy.", ADDRESS)
    public_url: str = setting(
        "", "How clients reach the gateway, e.g. https://ota.example.com:8686. Empty: by the address above.", PUBLIC_URL
    )
    data_dir: str = setting("var", "Folder for everything the gateway keeps on this machine.")
    database_url: str = setting(
        "",
        "sqlite:///PATH, postgresql://USER:PASSWORD@HOST/NAME or cockroachdb://… Empty: otagw.db in data_dir.",
        DATABASE_URL,
    )
    redis_url: str = setting(
        "",
        "redis://HOST:PORT/NUMBER for nonces and request rates of several nodes. Empty: the PostgreSQL database, or "
        "files in data_dir.",
        REDIS_URL,
    )
    sqlite_synchronous: str = setting(
        "FULL",
        "FULL: an acknowledged change survives a power cut. NORMAL: faster, survives a crash of the process only.",
        _one_of("FULL", "NORMAL"),
    )
    storage_url: str = setting(
        "", "Where package files lie: a folder, or a URL that fsspec opens. Empty: the folder files in data_dir."
    )
    link_life_seconds: int = setting(86400, "How long a download link can be used.", _between(60, 31 * 86400))
    fetch_hosts: tuple[str, ...] = setting(
        (),
        "Hosts whose files are fetched and verified: HOST, HOST:PORT, and each address or network that is not public.",
        HOSTS,
    )
    x_accel: str = setting(
        "", "Internal location of nginx that serves the storage folder: /files/ in config/nginx.conf.", INTERNAL_PATH
    )
    redirect_downloads: bool = setting(
        True, "Send downloads to object storage that can sign addresses. false: all bytes pass through the gateway."
    )
    workers: int = setting(2, "Processes that answer requests.", _between(1, 64))
    threads: int = setting(
        4,
        "Threads in each of them for each kind of waiting: files, object store, other hosts, many rows, Redis.",
        _between(1, 64),
    )
    connections_per_address: int = setting(
        0,
        "Connections of one address in each process, where no proxy is in front. 0: no such limit.",
        _between(0, 10**6),
    )
    mqtt_bind: str = setting("", "Address of devices that speak MQTT, without TLS: HOST:1883. Empty: none.", PORT)
    mqtt_tls_bind: str = setting(
        "", "Address of devices that speak MQTT over TLS: HOST:8883. Needs tls_cert and tls_key. Empty: none.", PORT
    )
    mqtt_connections: int = setting(
        10_000, "Devices that one process of `otagw mqtt` is connected to at once.", _between(1, 10**6)
    )
    mqtt_connections_per_address: int = setting(
        0, "How many of them one address may have. 0: no such limit.", _between(0, 10**6)
    )
    device_url: str = setting(
        "",
        "How devices that speak MQTT reach files, if not by public_url: some take no port in an address.",
        PUBLIC_URL,
    )
    tls_cert: str = setting("", "Certificate chain (PEM) to serve https without a proxy; needs tls_key.")
    tls_key: str = setting("", "Private key (PEM) of tls_cert.")
    signed_hosts: tuple[str, ...] = setting(
        (),
        "Further hosts that a signature may name in place of the Host that came: HOST or HOST:PORT, as signed.",
        SIGNED_HOSTS,
    )
    cors_origins: tuple[str, ...] = setting(
        (),
        'Origins whose pages may call the Actions, upload and download: ["https://ci.example.com"], or ["*"].',
        ORIGINS,
    )
    trusted_proxies: int = setting(
        0, "How many proxies in front are ours; as many entries of X-Forwarded-For are believed.", _between(0, 10)
    )
    spelling: str = setting(
        "auto",
        "How Actions are answered: auto (by request), documented, alibaba or example. See docs/wire/aliyun.md.",
        _one_of("auto", "documented", "alibaba", "example"),
    )
    ddi_version_attributes: tuple[str, ...] = setting(
        ("fw.version", "version"),
        "Attributes of SWUpdate and RAUC devices that may hold their version; the first that is there counts.",
        NAMES,
    )
    cancel_answer_seconds: int = setting(
        86400,
        "How long a canceled update waits for its device's answer before the device is given the next one.",
        _between(60, 365 * 86400),
    )
    clock_skew_seconds: int = setting(
        900, "How far a request's timestamp may be from this clock, either way.", _between(1, 86400)
    )
    unknown_products: str = setting(
        "register",
        "A write that names an unknown product or module: register it, or refuse.",
        _one_of("register", "refuse"),
    )
    package_quota: int = setting(0, "Packages an account may keep. 0: as many as it likes.", _between(0, 2**31))
    bytes_per_account: int = setting(
        0,
        "Bytes of files that an account may store, in packages or not yet. 0: as many as it likes.",
        _between(0, 10**18),
    )
    max_package_bytes: int = setting(
        1 << 30,
        "The most bytes of a package's file: uploaded, fetched from fetch_hosts, or an object of obs_buckets.",
        _between(1, 2**53 - 1),
    )
    uploads_per_key: int = setting(
        8, "Uploads of one access key that each process takes at once. 0: as many as come.", _between(0, 10**4)
    )
    unmapped_buckets: str = setting(
        "accept",
        "A package of an object in a bucket that is not in obs_buckets: accept it without its bytes, or refuse.",
        _one_of("accept", "refuse"),
    )
    throttle: str = setting(
        "generous",
        "How often a key may ask: off, generous (what one machine can do), or vendor (as the vendors' clouds let it).",
        _one_of("off", "generous", "vendor"),
    )
    keep_events_days: int = setting(90, "How long what happened to devices is kept. 0: for ever.", DAYS)
    keep_deliveries_days: int = setting(30, "How long deliveries of webhooks are kept once done. 0: for ever.", DAYS)
    keep_audit_days: int = setting(400, "How long it is kept who changed what. 0: for ever.", DAYS)
    keep_batches_days: int = setting(
        90, "How long the ApplyId of a registration of many devices can be asked about. 0: for ever.", DAYS
    )
    keep_jobs_days: int = setting(0, "How long ended jobs are kept, with their tasks. 0: for ever.", DAYS)
    metrics_bind: str = setting(
        "", "Address of Prometheus metrics, at /metrics: 127.0.0.1:9686. Empty: nothing is counted.", PORT
    )
    log_format: str = setting(
        "auto", "json, text, or auto: text on a terminal and JSON elsewhere.", _one_of("auto", "json", "text")
    )
    log_level: str = setting(
        "INFO", "Least severe message to log.", _one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    )

    obs_buckets: Mapping[str, str] = setting(
        dict,
        "Buckets whose objects are packages: each name with a folder or a URL that fsspec opens. Or as [obs.buckets].",
        BUCKETS,
    )

    def __post_init__(self) -> None:
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingsError("tls_cert and tls_key: expected both or neither")
        if self.mqtt_tls_bind and not self.tls_cert:
            raise SettingsError("mqtt_tls_bind: expected tls_cert and tls_key too")
        if self.x_accel and "://" in self.storage_url and not self.storage_url.startswith("file://"):
            raise SettingsError("x_accel: expected a storage_url that is a folder; nginx can serve nothing else")

    @property
    def data_path(self) -> Path:
        """Return the folder for local data."""
        return Path(self.data_dir)

    @property
    def storage(self) -> str:
        """Return the URL, or the absolute folder, that holds package files."""
        return self.storage_url or str(self.data_path.absolute() / "files")

    @property
    def database(self) -> str:
        """Return the URL of the database in use."""
        return self.database_url or f"sqlite:///{self.data_path / 'otagw.db'}"

    @property
    def keep_days(self) -> dict[str, int]:
        """Return for how many days each kind of `otagw.ops.prune` is kept; 0 is for ever."""
        return {
            "events": self.keep_events_days,
            "deliveries": self.keep_deliveries_days,
            "audit": self.keep_audit_days,
            "batches": self.keep_batches_days,
            "jobs": self.keep_jobs_days,
        }

    @property
    def metrics_path(self) -> Path | None:
        """Return the folder in which every process counts, if metrics are wanted."""
        return self.data_path / "metrics" if self.metrics_bind else None

    @property
    def clock_skew_ms(self) -> int:
        """Return how far the time of a signed request may be from ours, in milliseconds."""
        return self.clock_skew_seconds * 1000

    @property
    def endpoint(self) -> str:
        """Return the URL that clients are told to use, without a slash at its end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        scheme = "https" if self.tls_cert else "http"
        if self.bind.startswith("unix:"):  # a proxy in front of it has an address, which only public_url can say
            return f"{scheme}://localhost"
        host, _, port = self.bind.rpartition(":")
        return f"{scheme}://{ANY_ADDRESS.get(host, host)}:{port}"


def load(environ: Mapping[str, str] = types.MappingProxyType(os.environ), path: str | None = None) -> Settings:
    """Read the settings file, then the environment over it.

    The file is ``path``, else ``OTAGW_CONFIG``, else ``config/otagw.toml`` where that exists.
    Raises `SettingsError` that names every unknown or ill-typed setting.
    """
    values: dict[str, tuple[str, Any]] = {}
    file = path or environ.get("OTAGW_CONFIG")
    if file or Path(DEFAULT_FILE).is_file():
        source = file or DEFAULT_FILE
        values.update({name: (f"{source}: {name}", value) for name, value in _read(source).items()})
    fields = {f.name: f for f in dataclasses.fields(Settings)}
    for name, text in environ.items():
        if name.startswith("OTAGW_") and not name.startswith(NOT_SETTINGS):
            key = name.removeprefix("OTAGW_").lower()
            values[key] = (name, _from_text(text, fields[key].type) if key in fields else text)
    return _accepted(values)


def of(values: Mapping[str, Any]) -> Settings:
    """Return settings with these values, and with defaults elsewhere; no file and no environment is read.

    Raises `SettingsError` that names every unknown or ill-typed setting.
    """
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return _accepted({name: (name, value) for name, value in plain.items()})


def _accepted(values: Mapping[str, tuple[str, Any]]) -> Settings:
    """Return settings of values by name, each with where it comes from."""
    fields = {f.name: f for f in dataclasses.fields(Settings)}
    problems: list[str] = []
    accepted: dict[str, Any] = {}
    for name, (where, value) in values.items():
        problem = _problem(fields, name, value)
        if problem:
            problems.append(f"{where}: {problem}")
        accepted[name] = tuple(value) if isinstance(value, list) else value
    if problems:
        raise SettingsError("\n".join(problems))
    return Settings(**accepted)


def _read(path: str) -> dict[str, Any]:
    try:
        return _flat(tomllib.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: expected a readable TOML file ({error})") from None


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Take ``[obs.buckets]`` as ``obs_buckets``."""
    known = {f.name for f in dataclasses.fields(Settings)}
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and name not in known:
            found |= {f"{name}_{part}": inner for part, inner in value.items()}
        else:
            found[name] = value
    return found


def _from_text(text: str, kind: Any) -> Any:
    """Read a value of the environment; what does not fit is left as it is for `_problem` to report."""
    if kind is str:
        return text
    try:
        return json.loads(text.strip().lower() if kind is bool else text)
    except ValueError:
        return text


def _problem(fields: Mapping[str, dataclasses.Field[Any]], name: str, value: Any) -> str:
    if name in REMOVED:
        return REMOVED[name]
    if name not in fields:
        near = difflib.get_close_matches(name, fields, n=1)
        return "no such setting" + (f"; did you mean {near[0]}?" if near else "")
    kind, check = fields[name].type, fields[name].metadata["check"]
    expected = check.expected if check is not ANYTHING else _WORDS[kind]  # type: ignore[index]  # a Field's type is a type here
    fits = type(value) is _READ_AS.get(get_origin(kind), kind) and check.passes(value)
    return "" if fits else f"expected {expected}, got {value!r}"


def document(chosen: Settings | None = None) -> str:
    """Return the commented settings file: with every default, the text of ``config/otagw.toml``, or as chosen."""
    head = (
        f"# Every setting of otagw at its {'present value' if chosen else 'default'}. "
        "Each can be overridden by the environment: bind by OTAGW_BIND.\n"
        "# Made by `make docs` from otagw/settings.py; an unknown or ill-typed setting is refused at start.\n"
    )
    values = chosen or Settings()
    return head + "".join(
        f"\n# {f.metadata['doc']}\n{f.name} = {_toml(getattr(values, f.name))}\n" for f in dataclasses.fields(Settings)
    )


def _toml(value: Any) -> str:
    """Write a value of a setting as TOML, which is JSON but for tables."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml(name)} = {_toml(inner)}" for name, inner in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
