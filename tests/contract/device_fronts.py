"""What is asked of the fronts of devices, and of files."""

import functools
import re

from otagw import clock
from otagw.dialects.ddi import route as ddi
from otagw.dialects.device import route as device
from otagw.dialects.oss import route as oss
from tests.contract.isolation import FOREIGN, OWN, Answer, Question, of_json
from tests.device import signer
from tests.oss.conftest import body_of, post

_FREE = "a device may report any module"
# What devices say: no field of it names an object, but for modules.
SAID = {"version": "1.1", "percent": 50, "message": "x", "result": "failed"}
DONE = {"execution": "closed", "result": {"finished": "success"}, "details": []}
CANCELED = {"ddi.cancellation": "recalled", "ddi.cancel_feedback": "recalled"}
ACTION = re.compile(r"<([a-z]+)>")


def of_http(response):
    """Return an answer over HTTP as it is compared."""
    body, kind = response.get_data(as_text=True), response.content_type or ""
    if body and kind.startswith("application/json"):
        found = response.json
        return of_json(response.status_code, found.get("code") or found.get("errorCode"), found)
    code = str(response.status_code) if response.status_code >= 400 else ""
    kept = re.sub(r"<RequestId>.*?</RequestId>", "", body)
    return Answer(response.status_code, code, f"{kept}{response.headers.get('ETag', '')}")


class Addressed:
    """A front whose operations are addressed by a device, and signed by it."""

    def __init__(self, worlds):
        self.worlds = worlds

    def names(self, operation):
        """Return what the address and the body may name: the device, its product, and what is in the path."""
        found = ["product", "device", "product and device", *ACTION.findall(operation.path)]
        named = {"product", "device", "product and device", "module", "action", "file"}
        assert set(found) <= named, f"say what {found} name"
        return found

    def questions(self, operation):
        yield self.question(operation, "nothing", OWN)
        for about in self.names(operation):
            yield self.question(operation, about, FOREIGN)

    def question(self, operation, about, whose):
        accepted = _FREE if about == "module" and operation.name in ("device.version", "device.update") else ""
        ask = functools.partial(self.call, operation, about, whose)
        return Question(type(self).__name__, operation.name, about, whose, ask, accepted)

    def has(self, kind, about, whose):
        foreign = whose == FOREIGN and kind in about.split()
        return (self.worlds.owner if foreign else self.worlds.asker).has


class Devices(Addressed):
    """The device API."""

    table = device.OPERATIONS

    def names(self, operation):
        for name in operation.schema.fields:
            assert name in (*SAID, "module"), f"{operation.name}: say which kind of object {name} names"
        return [*super().names(operation), *(name for name in operation.schema.fields if name == "module")]

    def call(self, operation, about, whose):
        product = self.has("product", about, whose)["product"]
        name = self.has("device", about, whose)["worker"]
        module = self.worlds.owner.has["module"] if (about, whose) == ("module", FOREIGN) else "default"
        path = f"/device/v1/{product}/{name}{operation.path.replace('<module>', module)}"
        given = {field: SAID.get(field, module) for field in operation.schema.fields}
        if operation.methods[0] == "GET":
            path, given = f"{path}?module={module}", None
        secret = self.worlds.asker.has["worker_secret"]
        headers, body = signer.request(secret, operation.methods[0], path, given, clock.now() // 1000)
        http = self.worlds.asker.actions.http
        return of_http(http.open(path, method=operation.methods[0], data=body, headers=headers))


class Targets(Addressed):
    """hawkBit's API, by a device's own token and by the one of its product."""

    table = ddi.OPERATIONS

    def questions(self, operation):
        yield from super().questions(operation)
        for whose in (OWN, FOREIGN):
            made = self.question(operation, "product and device by gateway token", whose)
            yield made

    def call(self, operation, about, whose):
        name = CANCELED.get(operation.name, "target")
        product = self.has("product", about, whose)["product"]
        there = self.has("device", about, whose)[name]
        action = self.has("action", about, whose)[f"{name}_action"]
        file = self.has("file", about, whose)[f"{name}_file"]
        below = operation.path.replace("<action>", action).replace("<file>", file)
        path = f"/{product}/controller/v1/{there}{below}"
        secret = self.worlds.asker.has[f"{name}_secret"]
        by_gateway = "gateway" in about
        token = f"GatewayToken {self.worlds.asker.has['gateway_token']}" if by_gateway else f"TargetToken {secret}"
        said = {"data": {"x": "y"}} if operation.name == "ddi.attributes" else {}
        body = None if operation.methods[0] == "GET" else {"id": action, "status": DONE, **said}
        http = self.worlds.asker.actions.http
        return of_http(http.open(path, method=operation.methods[0], json=body, headers={"Authorization": token}))


class Files:
    """Uploads by a form, and downloads by a link."""

    table = tuple(oss.OPERATIONS)

    def __init__(self, worlds):
        self.worlds = worlds

    def questions(self, operation):
        for whose in (OWN, FOREIGN):
            yield Question(
                "Files",
                operation,
                "key" if whose == FOREIGN else "nothing",
                whose,
                functools.partial(self.call, operation, whose),
            )

    def call(self, operation, whose):
        has = self.worlds.asker.has
        other = self.worlds.owner.has if whose == FOREIGN else has
        if operation == oss.POST:
            form = {**has["announced_form"], "key": other["announced_key"]}
            return of_http(post(self.worlds.asker.actions, body_of(form, b"bytes")))
        assert operation == oss.GET, f"say what is asked of {operation}"
        link = has["link"].replace(has["used_file_key"], other["used_file_key"])
        return of_http(self.worlds.asker.actions.http.get(link))


FRONTS = (Devices, Targets, Files)
