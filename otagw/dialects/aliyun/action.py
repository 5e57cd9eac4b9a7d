"""The dialect of Actions: how the gateway reads, believes, checks and answers them; and the table of them."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from werkzeug.wrappers import Request

from otagw import access, errors, runtime
from otagw.access import Caller
from otagw.call import Answer
from otagw.dialects import http
from otagw.dialects.aliyun import mistakes, render, signature, wire
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.dialects.aliyun.wire import ActionCall
from otagw.dialects.hints import pace
from otagw.operation import Handler, Operation, Table, Work

# Whose API has an Action. Tuya's reference lists 21 on updates; a few on products and devices are known beside them.
ALIBABA: Final = "Alibaba"
BOTH: Final = "Tuya and Alibaba"
OWN: Final = "otagw alone"
# Requests a second that Alibaba lets through, docs/wire/aliyun.md; those that it does not state have the usual one.
USUAL_RATE: Final = 10
RATES: Final = {
    **dict.fromkeys(("CancelOTATaskByJob", "BatchQueryDeviceDetail"), 5),
    **dict.fromkeys(("QueryOTAFirmware", "ReupgradeOTATask"), 20),
    **dict.fromkeys(("CreateOTAStaticUpgradeJob", "CreateOTADynamicUpgradeJob"), 20),
    "QueryDeviceDetail": 50,
}
actions: Final[Table[AliyunSchema]] = Table()


def operation(
    schema: type[AliyunSchema],
    *,
    needs: str,
    origin: str = ALIBABA,
    codes: tuple[str, ...] = (),
    work: Work = Work.SHORT,
) -> Callable[[Handler], Handler]:
    """Make the decorated handler the Action that the schema is named after."""

    def add(handler: Handler) -> Handler:
        name = schema.__name__
        rate = 0 if origin == OWN else RATES.get(name, USUAL_RATE)
        actions.add(Operation(name, schema(), needs, handler, origin, codes, rate, work))
        return handler

    return add


class Actions:
    """The one endpoint of Tuya's and Alibaba's OTA API."""

    table = actions

    def open(self, request: Request, request_id: str) -> ActionCall:
        """Guess from the outside of a request how it wants to be answered; `parse` knows better."""
        call = ActionCall(request, request_id, "")
        query = request.environ.get("QUERY_STRING", "")
        is_alibaba = (
            call.header("authorization").startswith(wire.V3_PREFIX)
            or bool(call.header("x-acs-version"))
            or query.startswith("Version=")
            or "&Version=" in query
        )
        self._spell(call, is_alibaba)
        return call

    def _spell(self, call: ActionCall, is_alibaba: bool) -> None:
        """Choose the spelling of an answer; Alibaba writes request ids in upper case."""
        chosen = runtime.current().settings.spelling
        if chosen == "auto":
            chosen = "alibaba" if is_alibaba else "documented"
        call.spelling = chosen
        call.request_id = call.request_id.upper() if chosen == "alibaba" else call.request_id.lower()

    def parse(self, call: ActionCall) -> None:
        """Read the parameters, the scheme and the Action."""
        wire.parse(call, functools.partial(self._spell, call))

    def authenticate(self, call: ActionCall) -> Caller:
        """Return who signed the request."""
        claim = signature.claim(call, functools.partial(self._hint, call))
        caller = access.admit(claim)
        return Caller(caller.account, caller.key_id, caller.grants, http.endpoint(call.request))

    def _hint(self, call: ActionCall, secret: str) -> str:
        return pace.limited(call.request, call.key_id, lambda: mistakes.explain(call, secret))

    def validate(self, operation: Operation[AliyunSchema], call: ActionCall) -> dict[str, Any]:
        """Return the operation's arguments."""
        return operation.schema.read(call.params)

    def render(self, call: ActionCall, data: Mapping[str, Any]) -> Answer:
        """Spell a result."""
        return render.result(call, data)

    def refuse(self, call: ActionCall, fault: errors.Fault) -> Answer:
        """Spell a refusal."""
        return render.refusal(call, fault, call.header("host"))
