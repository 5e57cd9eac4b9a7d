"""Devices: told what to do one by one, or played by the simulator's behaviours on the gateway's clock."""

import contextlib
import functools
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

import urllib3

from otagw.simulator import ddi, protocol
from otagw.simulator import device as device_api
from otagw.simulator.devices import Behaviour
from otagw.simulator.devices import Device as Simulated
from otagw.simulator.protocol import Offer, Speaker, Trouble
from otagw.simulator.report import Report
from otagw.simulator.transport import Download, Transport
from otagw.testing import wsgi

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

PROTOCOLS: Final[Mapping[str, Callable[[Transport, str, str, str, str], Speaker]]] = {
    "device": device_api.Device,
    "ddi": ddi.Device,
}
DEFAULT: Final = "default"
P = ParamSpec("P")
T = TypeVar("T")
POLL_SECONDS: Final = 3600
# Devices that are made at once: more than a test needs, and not so many that a typing error fills the memory.
MOST: Final = 100_000
# Seconds of a behaviour, about 30 years: what is longer is a typing error too.
LONGEST: Final = 1e9


class NothingOffered(LookupError):
    """The device was to take an update, and the gateway offers none."""


class TakenBack(Trouble):
    """Say that the gateway has taken back the update that a device was at work on; it asks anew the next time."""


class _Broken(io.BytesIO):
    """A body whose connection breaks off at its end."""

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise ConnectionResetError("the connection breaks off")
        return data


class InProcess(Transport):
    """Reaches an application without a socket."""

    def __init__(self, report: Report, app: "WSGIApplication") -> None:
        super().__init__(report)
        self._app = app

    def _pool(self) -> Any:
        return self

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        preload_content: bool = True,
        **_: Any,
    ) -> urllib3.HTTPResponse:
        """Answer as a pool of urllib3 does."""
        found = wsgi.send(self._app, method, url, headers, body or b"")
        return urllib3.HTTPResponse(
            _Broken(found.body) if found.is_cut else io.BytesIO(found.body),
            found.headers,
            found.status,
            preload_content=preload_content,
            request_method=method,
            request_url=url,
        )


def _timed(act: Callable[Concatenate["Device", P], T]) -> Callable[Concatenate["Device", P], T]:
    """Let a device act by the clock that it signs by, and give up an update that is taken back."""

    @functools.wraps(act)
    def timed(device: "Device", /, *args: P.args, **kwargs: P.kwargs) -> T:
        with device.at():
            try:
                return act(device, *args, **kwargs)
            except protocol.Canceled:
                device.offer = None
                raise TakenBack(f"{device.id}: the gateway has taken the update back") from None

    return timed


class Device:
    """One scripted device; a refused act raises `otagw.simulator.protocol.Trouble`."""

    def __init__(
        self,
        product: str,
        name: str,
        secret: str,
        version: str,
        spoken: str,
        transport: Transport,
        url: str,
        at: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext,
    ) -> None:
        """``at`` is entered for each act: a gateway of the process, whose clock the device goes by then."""
        self.at = at
        self.product, self.name, self.secret, self.protocol = product, name, secret, spoken
        self.version = version
        self._transport = transport
        self._speaker = PROTOCOLS[spoken](transport, url, product, name, secret)
        self.offer: Offer | None = None

    @property
    def id(self) -> str:
        """Return its product and name, as faults and calls name it."""
        return f"{self.product}/{self.name}"

    def __repr__(self) -> str:
        return f"<{self.protocol} {self.id} {self.version}>"

    @_timed
    def report(self, version: str, module: str = DEFAULT) -> None:
        """Report that it runs a version."""
        if module == DEFAULT:
            self.version = version
        self._speaker.report(module, version)
        if isinstance(self._speaker, ddi.Device):
            self._speaker.identify()

    @_timed
    def poll(self) -> Offer | None:
        """Ask for an update, and return what is offered."""
        try:
            self.offer = self._speaker.poll()
        except protocol.Canceled:
            self.offer = None
        return self.offer

    @_timed
    def take(self) -> Offer:
        """Take the update that is offered: load it, check its bytes, install it and report; return the offer."""
        offer = self._wanted()
        self._speaker.progress(offer, protocol.DOWNLOADING)
        for file in offer.files:
            download = Download(self._transport, file, self._speaker.credentials(file.url))
            download.load()
            problem = download.problem()
            if problem:
                self._speaker.fail(offer, protocol.VERIFY)
                raise self._transport.trouble(f"{self.id}: {problem}")
        for step in (protocol.VERIFYING, protocol.INSTALLING, protocol.INSTALLED):
            self._speaker.progress(offer, step)
        self.succeed()
        return offer

    @_timed
    def progress(self, percent: int, message: str = "") -> None:
        """Say that the update has come so far; it is asked for where it was not yet."""
        self._speaker.at(self._wanted(), percent, message)

    @_timed
    def fail(self, reason: str) -> None:
        """Say that the update failed, and why; it is asked for where it was not yet."""
        self._speaker.fail_with(self._wanted(), reason)
        self.offer = None

    @_timed
    def succeed(self) -> None:
        """Report the version of the update as running, as after a restart."""
        offer = self._wanted()
        self._speaker.succeed(offer)
        if offer.module == DEFAULT:
            self.version = offer.version
        self.offer = None

    @_timed
    def vanish(self) -> None:
        """Begin the update and be heard of no more: its time runs out where the rollout has one."""
        self._speaker.progress(self._wanted(), protocol.DOWNLOADING)

    def _wanted(self) -> Offer:
        if self.offer is None and self.poll() is None:
            raise NothingOffered(
                f"{self.id} runs {self.version} and is offered no update: has a rollout begun that it is in?"
            )
        assert self.offer  # noqa: S101 - it is polled for above
        return self.offer


class Registry(Protocol):
    """How devices come to be in a gateway."""

    def register(self, product: str, names: Sequence[str], version: str, account: str) -> Mapping[str, str]:
        """Register devices, and return their secrets by name; raise ValueError for a name that is taken."""


class Devices:
    """The devices of a gateway that a test has made."""

    def __init__(
        self,
        registry: Registry,
        url: Callable[[], str],
        transport: Callable[[Report], Transport],
        at: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext,
    ) -> None:
        self._registry, self._url, self._transport, self._at = registry, url, transport, at
        self._report = Report(0)
        self._made: list[Device] = []

    def add(
        self,
        product: str,
        count: int = 1,
        *,
        version: str = "1.0.0",
        protocol: str = "device",
        name: str = "device",
        names: Sequence[str] | None = None,
        account: str = "main",
    ) -> list[Device]:
        """Register devices that run a version, called ``name-00001`` and so on or by ``names``; return them.

        ``protocol`` is how they speak: "device" for the gateway's own API, "ddi" for hawkBit's.
        """
        if protocol not in PROTOCOLS:
            raise ValueError(f"protocol: expected one of {', '.join(PROTOCOLS)}, got {protocol!r}")
        if isinstance(names, str) or (names is not None and (not names or len(set(names)) < len(names))):
            raise ValueError(f"names: expected a list of different names, got {names!r}")
        if not 1 <= count <= MOST:
            raise ValueError(f"count: expected 1 to {MOST}, got {count}")
        begun = sum(device.product == product and device.name.startswith(f"{name}-") for device in self._made)
        names = names or [f"{name}-{number:05}" for number in range(begun + 1, begun + count + 1)]
        secrets = self._registry.register(product, names, version, account)
        transport = self._transport(self._report)
        made = [
            Device(product, each, secrets[each], version, protocol, transport, self._url(), self._at) for each in names
        ]
        self._made += made
        return made

    def __iter__(self) -> Iterator[Device]:
        return iter(list(self._made))

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, name: str) -> Device:
        """Return a device by its name, or by its product and name."""
        for device in self._made:
            if name in (device.name, device.id):
                return device
        raise KeyError(f"no device {name} was added; there are {', '.join(d.name for d in self._made[:10]) or 'none'}")

    def copy(self) -> list[tuple[Device, str, Offer | None]]:
        """Return the devices with what they run and are offered, for `restore`."""
        return [(device, device.version, device.offer) for device in self._made]

    def restore(self, saved: list[tuple[Device, str, Offer | None]]) -> None:
        """Have the devices again that there were."""
        self._made = [device for device, _, _ in saved]
        for device, version, offer in saved:
            device.version, device.offer = version, offer

    def clear(self) -> None:
        """Forget the devices."""
        self._made.clear()


class Play:
    """Devices that live by themselves whenever time passes."""

    def __init__(self, devices: Sequence[Device], behaviour: Behaviour, transport: Transport, url: str) -> None:
        self.devices = list(devices)
        self._report = transport.report
        self.lives: dict[str, Iterator[float]] = {}
        for device in devices:
            speaker = PROTOCOLS[device.protocol](transport, url, device.product, device.name, device.secret)
            self.lives[device.id] = Simulated(device.name, device.version, speaker, behaviour, transport).live()

    @property
    def summary(self) -> Mapping[str, Any]:
        """Return the simulator's figures: devices that succeeded and failed, downloads, crashes, errors."""
        return self._report.summary()


def behaviour(**how: Any) -> Behaviour:
    """Return a behaviour; raise ValueError for an unknown name or a value out of range."""
    unknown = how.keys() - Behaviour.__dataclass_fields__.keys()
    if unknown:
        known = ", ".join(Behaviour.__dataclass_fields__)
        raise ValueError(f"{min(unknown)}: expected one of {known}")
    for name, value in how.items():
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if name in ("fail", "break_off", "crash") and not (is_number and 0 <= value <= 1):
            raise ValueError(f"{name}: expected a share from 0 to 1, got {value!r}")
        if name in ("poll", "bandwidth") and value is not None and not (is_number and 0 < value <= LONGEST):
            raise ValueError(f"{name}: expected a number above 0 and up to {LONGEST:.0f}, got {value!r}")
        if name in ("ramp", "latency", "reboot") and not (is_number and 0 <= value <= LONGEST):
            raise ValueError(f"{name}: expected a number from 0 to {LONGEST:.0f}, got {value!r}")
    return Behaviour(**{"poll": POLL_SECONDS, **how})


def chosen(devices: "Iterable[Device] | Device") -> list[Device]:
    """Return devices as a list."""
    return [devices] if isinstance(devices, Device) else list(devices)
