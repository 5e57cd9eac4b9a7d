"""How ``otagw explain`` reads and judges a request of each front that is signed with an access key."""

import functools
from typing import Final

from werkzeug.wrappers import Request

import otagw.dialects.iotda.routes  # noqa: F401 - fills the table of IoTDA
from otagw import errors
from otagw.cli import common, verdict
from otagw.dialects.aliyun import codes, mistakes, mistakes_v3, signature, wire
from otagw.dialects.aliyun.wire import ActionCall
from otagw.dialects.iotda import codes as iotda_codes
from otagw.dialects.iotda import mistakes as iotda_mistakes
from otagw.dialects.iotda import signature as iotda_signature
from otagw.dialects.iotda import wire as iotda_wire
from otagw.dialects.iotda.route import CREATE_TOKEN, Iotda
from otagw.dialects.iotda.wire import RestCall

PATHS: Final = ("", "/", "//")
METHODS: Final = ("GET", "POST")
_HIDDEN: Final = ("Signature", "SecurityToken")


def explain(path: str, request: Request, secret: str) -> bool:
    """Print what the gateway reads in a request and thinks of it; return whether it would be believed.

    Without a secret, that of the key kept here is taken.
    """
    is_rest = iotda_wire.is_ours(path)
    try:
        return _iotda(request, secret) if is_rest else _actions(path, request, secret)
    except errors.Fault as fault:
        # What the gateway answers before it looks at the signature, or at any key.
        verdict.say("refused", ": ".join((_rest_spelled if is_rest else _spelled)(fault)))
        return False


def _actions(path: str, request: Request, secret: str) -> bool:
    if path not in PATHS:
        raise errors.RouteNotFound
    if request.method not in METHODS:
        raise errors.MethodNotAllowed(METHODS)
    call = ActionCall(request, "", "alibaba")
    wire.parse(call, lambda is_alibaba: None)
    verdict.say("scheme", "V3: headers, HMAC-SHA256" if call.v3 else "V1: parameters, HMAC-SHA1")
    verdict.say("method", request.method)
    verdict.say("action", call.operation)
    _show_pairs("parameters", list(call.params.items()))
    claim = signature.claim(call, functools.partial(mistakes.explain, call))
    secret = secret or verdict.kept(call.key_id)
    text = mistakes_v3.canonical(call) if call.v3 else claim.sign(secret)[1]
    return verdict.judge(claim, secret, text, _spelled)


def _iotda(request: Request, secret: str) -> bool:
    call = RestCall(request, "")
    Iotda().parse(call)
    if not call.header("authorization") and (call.header("x-auth-token") or call.operation == CREATE_TOKEN):
        verdict.say("signature", "there is none: the call has a token or a key pair, which the running gateway judges")
        return False
    verdict.say("scheme", call.header("authorization").partition(" ")[0])
    verdict.say("method", request.method)
    verdict.say("path", call.path)
    verdict.say("operation", call.operation)
    _show_pairs("query", call.pairs)
    verdict.say("body", common.counted(len(call.body), "byte"))
    claim = iotda_signature.claim(call, functools.partial(iotda_mistakes.explain, call))
    secret = secret or verdict.kept(call.key_id)
    return verdict.judge(claim, secret, iotda_mistakes.signed(call), _rest_spelled)


def _show_pairs(what: str, pairs: list[tuple[str, str]]) -> None:
    verdict.say(what, str(len(pairs)))
    for name, value in pairs:
        verdict.show(f"{name} = {'(hidden)' if name in _HIDDEN else repr(value)}")


def _spelled(fault: errors.Fault) -> tuple[str, str]:
    found = codes.spell(fault)
    return f"{found.status} {found.code}", found.text


def _rest_spelled(fault: errors.Fault) -> tuple[str, str]:
    found = iotda_codes.spell(fault)
    return f"{found.status} {found.code}", found.text
