"""Fronts whose addresses name the operation and its sender: files, and the protocols of devices."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

from werkzeug.wrappers import Request

from otagw import clock, errors, gateway, runtime
from otagw.call import AddressedCall, Answer
from otagw.dialects import http
from otagw.dialects.hints import times
from otagw.ota.devices.devices import Device
from otagw.ota.packages.stored_files import File

_ADDRESS: Final = 64
# A server in trouble is not helped by all devices coming back at once.
RETRY_SECONDS: Final = 30


class AddressedFront(ABC):
    """A front that Flask's routes lead to; ``name`` is its folder."""

    name: ClassVar[str]

    def answer(self, request: Request, operation: str, sender: str, act: Callable[[AddressedCall], Answer]) -> Answer:
        """Answer a request by ``act``, or with the refusal of what it raises; it is logged and counted."""
        call = AddressedCall(self.name, clock.uuid(), operation, sender)
        return gateway.answer(call, request, lambda: act(call), lambda fault: self.refusal(request, call, fault))

    def refuse(self, request: Request, fault: errors.Fault) -> Answer:
        """Answer a request that is none of the operations."""

        def act(_: AddressedCall) -> Answer:
            raise fault

        return self.answer(request, "", "", act)

    @abstractmethod
    def owns(self, path: str) -> bool:
        """Tell whether an address is below those of this front, served or not."""

    @abstractmethod
    def refusal(self, request: Request, call: AddressedCall, fault: errors.Fault) -> Answer:
        """Spell a refusal."""


class DeviceCall(NamedTuple):
    """A request that is believed: from which device, from where, by which of our addresses, and what it says."""

    device: Device
    address: str | None
    endpoint: str
    body: bytes


@dataclass(frozen=True)
class Download:
    """The bytes of a file, under a name of their own, as what comes of an operation."""

    file: File
    name: str


# Answers a request with a download: whole, in parts, or by having it sent.
Giver = Callable[[Request, AddressedCall, Download], Answer]


@dataclass(frozen=True)
class DeviceOperation:
    """One thing that a device can do: how it is addressed, and what comes of it (None: nothing to say).

    ``act`` takes the call and the arguments that its front reads, by ``schema`` where the front has one. What it
    returns is rendered by its front, but for a `Download`.
    """

    name: str
    methods: tuple[str, ...]
    path: str
    act: Callable[..., Any]
    schema: Any = None


class DeviceFront(AddressedFront):
    """A protocol of devices: ``path`` is that of a device, with those of the operations below it."""

    path: ClassVar[str]
    operations: ClassVar[tuple[DeviceOperation, ...]]
    codes: ClassVar[Mapping[type[errors.Fault], tuple[str, int, str]]]
    longest: ClassVar[int]  # body, in bytes

    def serve(
        self, operation: DeviceOperation, request: Request, give: Giver, product: str, device: str, **names: str
    ) -> Answer:
        """Answer one request: its body, who sent it, what it says, what comes of it; in this order."""

        def act(call: AddressedCall) -> Answer:
            if request.method not in operation.methods:  # Werkzeug lets HEAD in wherever GET is
                raise errors.MethodNotAllowed(operation.methods)
            body = http.body(request, self.longest)
            found = self.authenticate(request, product, device, body)
            runtime.current().limits.check_device(found.id)
            address = (request.remote_addr or "")[:_ADDRESS] or None
            call.body = body
            call.parameters = arguments = self.arguments(operation, request, body, names)
            gateway.meet(call, request)
            data = operation.act(DeviceCall(found, address, http.endpoint(request), body), **arguments)
            return give(request, call, data) if isinstance(data, Download) else self.render(request, call, data)

        return self.answer(request, operation.name, f"{product}/{device}", act)

    def arguments(
        self, operation: DeviceOperation, request: Request, body: bytes, names: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return the arguments of an operation; ``names`` are those of its path."""
        return dict(names)

    def spell(self, fault: errors.Fault) -> tuple[str, int, str]:
        """Return the code, status and text of a fault; one that no device can cause is ours."""
        if isinstance(fault, errors.Quoted):
            return fault.code, fault.status, fault.text
        known = fault if type(fault) in self.codes else errors.Internal()
        code, status, text = self.codes[type(known)]
        facts: dict[str, Any] = dict(vars(known))
        return code, status, times.with_advice(text.format(**facts), known)

    @abstractmethod
    def authenticate(self, request: Request, product: str, device: str, body: bytes) -> Device:
        """Return the device that a request is from, or raise the fault that says why it is not believed."""

    @abstractmethod
    def render(self, request: Request, call: AddressedCall, data: Any) -> Answer:
        """Spell a result."""


def headers(status: int, fault: errors.Fault) -> dict[str, str]:
    """Return the headers that HTTP demands of a refusal, independent of the protocol above it."""
    found = {"Cache-Control": "no-store"}
    if isinstance(fault, errors.MethodNotAllowed):
        found["Allow"] = ", ".join(sorted({*fault.allowed} - {"HEAD"}))
    if isinstance(fault, errors.TooEarly):
        found["Retry-After"] = str(fault.seconds)
    if isinstance(fault, errors.Throttled):
        found["Retry-After"] = str(-(-fault.wait // 1000))
    if status == 503:
        found["Retry-After"] = str(RETRY_SECONDS + clock.chance().randint(0, RETRY_SECONDS))
    return found
