"""What is done for one device, in a thread: let it in, take what it says, tell it what there is.

A message that is refused is acknowledged: its device would send it for ever. Trouble of ours breaks the connection
instead, so that the device says it again.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from otagw import errors, runtime
from otagw.call import AddressedCall, Call
from otagw.db import database
from otagw.dialects.messages import Credentials, Message, MessageFront, Visit
from otagw.mqtt import packets
from otagw.mqtt.connection import Believed, Broken, Connection, Cut, Refused
from otagw.mqtt.packets import Connect, Publish
from otagw.ops import metrics
from otagw.ota.devices import devices, presence
from otagw.ota.devices.connections import Opened
from otagw.ota.devices.devices import Device

T = TypeVar("T")
log: Final = logging.getLogger("otagw.mqtt")
UNAVAILABLE: Final = packets.UNAVAILABLE
# Whose front is not known, and the operation of being let in.
NOBODY: Final = "none"
CONNECT: Final = "connect"
_ADDRESS: Final = 64
_SHOWN: Final = 128
# Faults of ours: what was said is to be said again.
_OURS: Final = (errors.Unavailable, errors.Internal)


def guarded(task: Callable[..., T], *given: Any) -> T:
    """Return what a task returns; where the database, or our code, fails, raise `Broken` with a line in the log."""
    try:
        return task(*given)
    except Broken:
        raise
    except errors.Fault as fault:
        if not isinstance(fault, _OURS):
            raise
        raise Broken(f"the gateway cannot: {type(fault).__name__}") from None
    except database.TROUBLE:
        log.exception("the database failed")
        database.recover()
        raise Broken("the database does not answer") from None
    except Exception:
        log.exception("a message crashed")
        database.recover()
        raise Broken("the gateway failed") from None


def admit(fronts: Sequence[MessageFront], packet: Connect, address: str | None, endpoint: str) -> Believed:
    """Return who a client is, and note that the device was heard of; raise `Refused` for one that is not believed."""
    given = Credentials(packet.client_id, packet.user_name, packet.password)
    front = next((front for front in fronts if front.is_for(given)), None)
    name = front.name if front else NOBODY
    call, fit = partial(_connect, name, front, given), (front,) if front else fronts
    try:
        device = guarded(_around, call, partial(_let_in, front, given, address), partial(_mistake, fit, given))
    except Cut:
        raise
    except (errors.Fault, Broken) as problem:
        raise _refused(name, fit, given, address, problem) from None
    assert front  # noqa: S101 - there is no device without
    metrics.count("otagw_mqtt_connects_total", name, metrics.OK)
    log.info("a device has connected", extra={"front": name, "device": _name(device), "client": address or ""})
    return Believed(
        front, Visit(device.id, front.called(given), address, endpoint), device.id, _name(device), device.sealed
    )


def _let_in(front: MessageFront | None, given: Credentials, address: str | None) -> Device:
    """Return the device that a client is; raise the fault that says why it is not let in."""
    if front is None:
        raise errors.Unreadable("no front has such a client id and user name")
    device = front.admit(given)
    if not device.enabled:
        raise errors.DisabledKey
    presence.heard(device, (address or "")[:_ADDRESS] or None)
    return device


def _connect(name: str, front: MessageFront | None, given: Credentials) -> Call:
    """Return a CONNECT as a test has it; its key is the name that the client gives itself, true or not."""
    claimed = given.user_name
    with contextlib.suppress(errors.Fault):
        claimed = front.called(given) if front else claimed
    said = {"client_id": given.client_id, "user_name": given.user_name}
    return AddressedCall(name, "", f"{name}.{CONNECT}", claimed, said)


def _around(call: Callable[[], Call], task: Callable[[], T], explain: Callable[[], str] = lambda: "") -> T:
    """Do a task, with what a test has around it; `seams` says more."""
    seam = runtime.current().messages
    return seam.around(call(), task, explain) if seam else task()


def _refused(
    name: str, fit: Sequence[MessageFront], given: Credentials, address: str | None, problem: Exception
) -> Refused:
    """Return what a client is refused with; ``fit`` are the fronts that may explain why."""
    code = {
        errors.Unreadable: packets.BAD_CLIENT_ID,
        errors.DisabledKey: packets.NOT_AUTHORIZED,
        errors.Quoted: packets.UNAVAILABLE,
        Broken: packets.UNAVAILABLE,
    }.get(type(problem), packets.BAD_CREDENTIALS)
    said = type(problem).__name__
    metrics.count("otagw_mqtt_connects_total", name, said)
    facts = {"front": name, "client_id": given.client_id[:_SHOWN], "client": address or "", "code": said}
    return Refused(code, said, partial(_note_refusal, facts, fit if isinstance(problem, errors.Fault) else (), given))


def _note_refusal(facts: Mapping[str, str], fronts: Sequence[MessageFront], given: Credentials) -> None:
    hint = _hint(fronts, given, facts["client"])
    log.info("a client was refused", extra={**facts, **({"hint": hint} if hint else {})})


def _hint(fronts: Sequence[MessageFront], given: Credentials, address: str) -> str:
    """Return which mistake explains a refusal, within the rate of hints; an empty text if none does."""
    if not fronts or not runtime.current().limits.hint(given.user_name[:_SHOWN], address):
        return ""
    try:
        return guarded(_mistake, fronts, given)
    except Broken:
        return ""


def _mistake(fronts: Sequence[MessageFront], given: Credentials) -> str:
    return next(filter(None, (front.mistake(given) for front in fronts)), "")


def opened(believed: Believed, connection: Connection) -> Opened:
    """Return a connection as the database has it."""
    address = (connection.address or "")[:_ADDRESS] or None
    return Opened(believed.device_id, connection.number, believed.front.name, address)


def facts(believed: Believed, connection: Connection) -> Mapping[str, str]:
    """Return what a line of the log says of a connection."""
    return {"front": believed.front.name, "device": believed.name, "client": connection.address or ""}


def wait(believed: Believed) -> float:
    """Return for how many seconds a device has to wait before its next message is taken; 0 where it need not."""
    try:
        runtime.current().limits.check_device(believed.device_id)
    except errors.Throttled as fault:
        return fault.wait / 1000
    return 0.0


def hear(believed: Believed, packet: Publish) -> Sequence[Message]:
    """Take a message of a device, durably; return what it is to be sent. Raises `Broken`."""
    front = believed.front
    found = front.find(packet.topic)
    if found is None:  # clients publish much that is not for an OTA gateway
        metrics.count("otagw_mqtt_messages_total", metrics.UNKNOWN, metrics.OK)
        return ()
    operation, names = found
    began, code = time.perf_counter(), metrics.OK
    try:
        device = _there(believed)
        call = partial(AddressedCall, front.name, "", operation.name, believed.name, body=packet.payload)
        return guarded(_around, call, partial(front.hear, operation, names, believed.visit, device, packet.payload))
    except errors.Fault as fault:
        code = type(fault).__name__
        log.info("a message was refused", extra=_said(believed, operation.name) | {"code": code, "why": str(fault)})
        return ()
    except Broken:
        code = errors.Internal.__name__
        raise
    finally:
        seconds = time.perf_counter() - began
        metrics.count("otagw_mqtt_messages_total", operation.name, code)
        metrics.observe("otagw_mqtt_message_seconds", operation.name, seconds=seconds)
        if code == metrics.OK:
            log.info("message", extra=_said(believed, operation.name) | {"ms": round(seconds * 1000, 2)})


def tell(believed: Believed, module: str) -> Sequence[Message]:
    """Return what tells a device of what there is for a module; it is noted as told. Raises `Broken`."""
    try:
        found = guarded(believed.front.news, believed.visit, _there(believed), module)
    except errors.Fault as fault:
        raise Broken(f"a push was refused: {type(fault).__name__}") from None
    metrics.count("otagw_mqtt_pushes_total", believed.front.name, by=len(found))
    return found


def _there(believed: Believed) -> Device:
    """Return the device as it is now; one that was deleted, disabled or given another secret is to connect anew."""
    device = guarded(devices.by_id, believed.device_id)
    if device is None or not device.enabled or device.sealed != believed.sealed:
        raise Broken("the device is not what it was when it connected")
    return device


def _name(device: Device) -> str:
    return f"{device.product_key}/{device.name}"


def _said(believed: Believed, operation: str) -> dict[str, Any]:
    return {"front": believed.front.name, "operation": operation, "device": believed.name}
