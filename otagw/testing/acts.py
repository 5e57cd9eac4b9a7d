"""The acts of the control API: a table of methods, paths and functions."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from otagw.testing import fields, seeds
from otagw.testing.api import Key, Refused
from otagw.testing.fields import NUMBER, OBJECT, TEXT, TEXTS, WHOLE, Refusal
from otagw.testing.fleet import Device
from otagw.testing.gateway import Gateway
from otagw.testing.releases import Job, Package
from otagw.testing.times import shown
from otagw.testing.webhooks import Hook

MOST_SNAPSHOTS: Final = 16
# Each has a port and threads of its own.
MOST_HOOKS: Final = 64


class Desk:
    """A gateway, with the objects that earlier requests made and later ones name."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.hooks: dict[str, Hook] = {}
        self.packages: dict[str, Package] = {}
        self.snapshots: list[contextlib.ExitStack] = []

    def forget(self) -> None:
        """Forget all objects; end the snapshots, the newest first."""
        self.hooks.clear()
        self.packages.clear()
        while self.snapshots:
            self.snapshots.pop().close()


class Act(NamedTuple):
    """One thing to ask for: how it is addressed, and the function that does it."""

    method: str
    path: str
    do: Callable[..., Any]


def reset(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Bring the gateway back to how it was at first."""
    fields.read(given, {})
    desk.forget()
    desk.gateway.reset()
    return _time(desk.gateway)


def verify(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Refuse with 409 if a fault was never met, or the gateway had an error of its own."""
    fields.read(given, {})
    desk.gateway.verify()
    return {}


def look(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Return the time."""
    fields.read(given, {})
    return _time(desk.gateway)


def turn(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Move the clock; one of the moves at a time."""
    asked = fields.read(given, fields.CLOCK)
    clock = desk.gateway.clock
    if "strict" in asked:
        clock.strict = asked.pop("strict")
    if len(asked) > 1:
        raise Refusal(400, f"expected one of {', '.join(asked)}")
    for move, value in asked.items():
        if move == "freeze":
            clock.freeze(None if value is True else value)
        elif move == "unfreeze":
            clock.unfreeze()
        elif move == "advance":
            clock.advance(**fields.read(value, fields.LENGTH))
        elif move == "next":
            clock.next()
        else:
            desk.gateway.run_until_idle(**({} if value is True else fields.read(value, {"days": NUMBER})))
    return _time(desk.gateway)


def faults(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Return the faults, with how often each was met."""
    fields.read(given, {})
    return {"faults": [{"fault": str(fault), "met": fault.met, "seen": fault.seen} for fault in desk.gateway.faults]}


def add_fault(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Add a fault."""
    asked = fields.read(given, fields.FAULT, "operation")
    return {"fault": str(desk.gateway.faults.add(asked.pop("operation"), **asked))}


def clear_faults(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Take all faults away."""
    fields.read(given, {})
    desk.gateway.faults.clear()
    return {}


def calls(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Return the calls of an operation, or all; further fields are parameters that they had."""
    params = dict(given)
    found = desk.gateway.calls.of(params.pop("operation", "*"), **params)
    return {"calls": [_call(one) for one in found]}


def clear_calls(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Forget the calls."""
    fields.read(given, {})
    desk.gateway.calls.clear()
    return {}


def expect(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Refuse with 409 and the nearest misses unless there were such calls, ``times`` of them if given."""
    known = {"operation": TEXT, "params": OBJECT, "times": WHOLE, "refused": TEXT}
    asked = fields.read(given, known, "operation")
    params = asked.get("params", {})
    if asked.get("times") == 0:
        desk.gateway.calls.never(asked["operation"], **params)
        return {"calls": []}
    expectation = desk.gateway.calls.expect(asked["operation"], **params)
    if "times" in asked:
        expectation.times(asked["times"])
    if "refused" in asked:
        expectation.refused(asked["refused"])
    return {"calls": [_call(one) for one in expectation.calls]}


def seed(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Make the objects of a seed; return their ids and secrets."""
    made = seeds.sow(desk.gateway, seeds.read(fields.seed(given)))
    return {
        "accounts": {name: {"id": one.key.id, "secret": one.key.secret} for name, one in made.accounts.items()},
        "devices": [_device(one) for one in made.devices.values()],
        "packages": {name: one.id for name, one in made.packages.items()},
        "rollouts": [one.id for one in made.jobs],
        "webhooks": made.webhooks,
    }


def snapshot(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Keep the present state; return the id that brings it back."""
    fields.read(given, {})
    if len(desk.snapshots) >= MOST_SNAPSHOTS:
        raise Refusal(409, f"expected at most {MOST_SNAPSHOTS} snapshots at a time")
    with contextlib.ExitStack() as stack:
        stack.enter_context(desk.gateway.snapshot())
        desk.snapshots.append(stack.pop_all())
    return {"id": str(len(desk.snapshots))}


def restore(desk: Desk, given: Mapping[str, Any], number: str) -> Any:
    """Restore a snapshot; it ends, and later snapshots end too."""
    fields.read(given, {})
    if not number.isdecimal() or not 1 <= int(number) <= len(desk.snapshots):
        raise Refusal(404, f"there is no snapshot {number}")
    while len(desk.snapshots) >= int(number):
        desk.snapshots.pop().close()
    return _time(desk.gateway)


def devices(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Return the devices that were made here."""
    fields.read(given, {})
    return {"devices": [_device(one) for one in desk.gateway.devices]}


def add_devices(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Register devices."""
    asked = fields.read(given, fields.DEVICES, "product")
    return {"devices": [_device(one) for one in desk.gateway.devices.add(**asked)]}


def deed(desk: Desk, given: Mapping[str, Any], product: str, name: str, act: str) -> Any:
    """Let one device do one thing."""
    if act not in fields.DEEDS:
        raise Refusal(404, f"expected one of {', '.join(fields.DEEDS)}, got {act}")
    device = _found(desk, f"{product}/{name}")
    known, required = fields.DEEDS[act]
    offer = getattr(device, act)(**fields.read(given, known, *required))
    return {**_device(device), "offer": {"version": offer.version, "module": offer.module} if offer else None}


def play(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Let devices live whenever time passes: all that were made, or some by product and name."""
    asked = fields.read(given, {"devices": TEXTS, **fields.BEHAVIOUR})
    names = asked.pop("devices", None)
    some = list(desk.gateway.devices) if names is None else [_found(desk, name) for name in names]
    desk.gateway.devices.play(some, **asked)
    return {"devices": [one.id for one in some]}


def stop(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Let no device live by itself any more."""
    fields.read(given, {})
    desk.gateway.devices.stop()
    return {}


def add_package(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Upload a file and make a package of it."""
    asked = fields.with_bytes(fields.read(given, fields.PACKAGE, "name", "version"))
    if "data" in asked:
        asked["data"] = asked["data"].encode() if isinstance(asked["data"], str) else asked["data"]
    made = desk.gateway.packages.add(**fields.params(asked), **asked)
    desk.packages[made.id] = made
    return {"id": made.id}


def add_rollout(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Roll a package out, by its id."""
    asked = fields.read(given, fields.ROLLOUT, "package")
    package = asked.pop("package")
    return _job(desk.gateway.rollouts.add(desk.packages.get(package, package), **fields.params(asked), **asked))


def rollout(desk: Desk, given: Mapping[str, Any], number: str) -> Any:
    """Return the state of a rollout, and of its devices."""
    fields.read(given, {})
    try:
        return _job(desk.gateway.rollouts.get(number))
    except Refused:
        raise Refusal(404, f"there is no rollout {number}") from None


def add_account(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Make a key for an account."""
    asked = fields.read(given, {"name": TEXT, "grants": TEXTS, "key_id": TEXT, "secret": TEXT}, "name")
    made = desk.gateway.accounts.add(**asked)
    return {"name": made.name, "id": made.key.id, "secret": made.key.secret}


def call(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Call an Action quietly; return its answer."""
    asked = fields.read(given, {"action": TEXT, "params": OBJECT, "key_id": TEXT, "secret": TEXT}, "action")
    own = desk.gateway.key
    key = Key(asked.get("key_id", own.id), asked.get("secret", own.secret))
    return desk.gateway.api(key).call(asked["action"], **asked.get("params", {}))


def add_webhook(desk: Desk, given: Mapping[str, Any]) -> Any:
    """Make a receiver of events, which answers as told."""
    asked = fields.read(given, {"events": TEXTS, "answers": fields.STATUSES, "account": TEXT})
    if len(desk.hooks) >= MOST_HOOKS:
        raise Refusal(409, f"expected at most {MOST_HOOKS} receivers; a reset ends them")
    hook = desk.gateway.webhooks.capture(*asked.pop("events", ()), **asked)
    number = str(len(desk.hooks) + 1)
    desk.hooks[number] = hook
    return {"id": number, "url": hook.url}


def webhook(desk: Desk, given: Mapping[str, Any], number: str) -> Any:
    """Return the deliveries of a receiver."""
    fields.read(given, {})
    if number not in desk.hooks:
        raise Refusal(404, f"there is no webhook {number}")
    return {"deliveries": [vars(one) for one in desk.hooks[number].deliveries]}


TABLE: Final = (
    Act("POST", "/reset", reset),
    Act("POST", "/verify", verify),
    Act("GET", "/clock", look),
    Act("POST", "/clock", turn),
    Act("GET", "/faults", faults),
    Act("POST", "/faults", add_fault),
    Act("DELETE", "/faults", clear_faults),
    Act("GET", "/calls", calls),
    Act("DELETE", "/calls", clear_calls),
    Act("POST", "/calls/expect", expect),
    Act("POST", "/seed", seed),
    Act("POST", "/snapshot", snapshot),
    Act("POST", "/snapshot/<number>/restore", restore),
    Act("GET", "/devices", devices),
    Act("POST", "/devices", add_devices),
    Act("POST", "/devices/<product>/<name>/<act>", deed),
    Act("POST", "/devices/play", play),
    Act("POST", "/devices/stop", stop),
    Act("POST", "/packages", add_package),
    Act("POST", "/rollouts", add_rollout),
    Act("GET", "/rollouts/<number>", rollout),
    Act("POST", "/accounts", add_account),
    Act("POST", "/call", call),
    Act("POST", "/webhooks", add_webhook),
    Act("GET", "/webhooks/<number>", webhook),
)


def _time(gateway: Gateway) -> dict[str, Any]:
    clock = gateway.clock
    return {"now": shown(clock.ms), "ms": clock.ms, "frozen": clock.is_frozen, "strict": clock.strict}


def _call(one: Any) -> dict[str, Any]:
    names = ("at", "front", "operation", "key", "params", "status", "code", "text", "hint", "fault")
    return {**{name: getattr(one, name) for name in names}, "answer": one.answer}


def _device(one: Device) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("product", "name", "secret", "protocol", "version")}


def _found(desk: Desk, name: str) -> Device:
    try:
        return desk.gateway.devices[name]
    except KeyError as error:
        raise Refusal(404, str(error.args[0])) from None


def _job(job: Job) -> dict[str, Any]:
    return {"id": job.id, "state": job.state, "tasks": job.tasks(), "counts": job.counts()}
