"""How ``otagw explain --mqtt`` reads and judges what a device says to be let in."""

import re
from typing import Final

import click

from otagw import errors
from otagw.cli import common, verdict
from otagw.dialects.hints import passwords
from otagw.dialects.messages import Credentials, MessageFront
from otagw.mqtt import packets
from otagw.mqtt.service import FRONTS

_AROUND: Final = re.compile(r"0x|\\x|[\s:,]", re.IGNORECASE)
_NONE: Final = "none that is known: compare the text above with yours, and check the secret"


def read(pasted: str, client_id: str | None, user_name: str | None, password: str | None) -> Credentials:
    """Return what a client says of itself: in a CONNECT in hex, in single values, or both, which then count."""
    found = _unpack(pasted) if pasted else Credentials("", "", "")
    single = {"client_id": client_id, "user_name": user_name, "password": password}
    found = found._replace(**{name: value for name, value in single.items() if value is not None})
    if not pasted and None in (client_id, user_name, password):
        raise click.UsageError("expected --client-id, --user-name and --password, or a CONNECT packet in hex")
    return found


def _unpack(pasted: str) -> Credentials:
    try:
        data = bytes.fromhex(_AROUND.sub("", pasted))
    except ValueError:
        raise click.UsageError("expected a CONNECT packet in hex, as 10 5a 00 04 4d 51 54 54 …") from None
    decoder = packets.Decoder(packets.LONGEST_CONNECT)
    decoder.feed(data)
    try:
        packet = decoder.take()
    except packets.Malformed as problem:
        raise click.ClickException(f"the gateway does not take the packet: {problem}") from None
    if not isinstance(packet, packets.Connect):
        raise click.ClickException("the packet is not whole" if packet is None else "the packet is no CONNECT")
    return Credentials(packet.client_id, packet.user_name, packet.password)


def explain(given: Credentials, secret: str) -> bool:
    """Print what the gateway reads in credentials and thinks of them; return whether the device would be let in.

    Without a secret, that of the device registered here is taken.
    """
    verdict.say("client id", common.one_line(given.client_id))
    verdict.say("user name", common.one_line(given.user_name))
    front = next((front for front in FRONTS if front.is_for(given)), None)
    if front is None:
        return _stranger(given)
    verdict.say("vendor", f"{front.vendor} ({front.name})")
    try:
        reading = front.reading(given)
    except errors.Fault:
        return _refused(front.misread(given) or f"expected {front.form}")
    verdict.say("device", reading.device.removeprefix("device "))
    verdict.say("signed", reading.shown)
    if secret:
        is_right, mistake = reading.is_of(secret), reading.explain(secret)
    else:
        is_right, mistake = _kept(front, given)
    if not is_right:
        return _refused(mistake or _NONE)
    verdict.say("password", "right")
    return True


def _kept(front: MessageFront, given: Credentials) -> tuple[bool, str]:
    """Judge by what is registered here."""
    with common.store(common.load_settings()):
        reading = front.reading(given)
        is_right = any(device.enabled and reading.is_of(device.secret) for device in reading.find())
        return is_right, "" if is_right else passwords.mistake(reading)


def _refused(mistake: str) -> bool:
    verdict.say("password", "wrong: the gateway answers CONNACK 4")
    verdict.say("mistake", mistake)
    return False


def _stranger(given: Credentials) -> bool:
    verdict.say("vendor", "none: the gateway answers CONNACK 2")
    found = next(filter(None, (front.misread(given) for front in FRONTS)), "")
    verdict.say("mistake", found or "these are no vendor's names; expected one of")
    for front in () if found else FRONTS:
        verdict.show(f"{front.vendor}: {front.form}")
    return False
