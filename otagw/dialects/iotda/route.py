"""The dialect of IoTDA: how the gateway reads, believes, checks and answers its calls; and the table of them."""

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from werkzeug.wrappers import Request

from otagw import access, errors
from otagw.access import Caller
from otagw.call import Answer
from otagw.dialects import http
from otagw.dialects.hints import pace
from otagw.dialects.iotda import mistakes, render, signature, tokens, wire
from otagw.dialects.iotda.schema import IotdaSchema
from otagw.dialects.iotda.wire import RestCall
from otagw.operation import Handler, Operation, Table, Work
from otagw.ota import projects
from otagw.ota.accounts import Account

_PROJECT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_PREFIX: Final = "/v5/iot/{project_id}"
# The one call that carries its credentials in its body.
CREATE_TOKEN: Final = "CreateToken"  # noqa: S105 - the name of an operation


@dataclass(frozen=True)
class Route(Operation[IotdaSchema]):
    """An operation with the method and path that it is called by, its status of success, and its body's limit."""

    method: str = ""
    path: str = ""
    status: int = 200
    longest: int = wire.MAX_BODY
    is_form: bool = False


routes: Final[Table[IotdaSchema]] = Table()


def operation(
    schema: type[IotdaSchema],
    line: str,
    *,
    status: int = 200,
    codes: tuple[str, ...] = (),
    longest: int = wire.MAX_BODY,
    work: Work = Work.SHORT,
    everywhere: bool = False,
    is_form: bool = False,
) -> Callable[[Handler], Handler]:
    """Make the decorated handler the operation that the schema is named after.

    ``line`` is its method and path, the latter below the project unless it begins with ``/v3``. It needs the grant of
    its own name. ``everywhere`` is for what the account has below a project that nobody has, too; ``is_form`` for what
    takes a form in the place of JSON.
    """
    method, path = line.split()
    path = path if path.startswith("/v3/") else _PREFIX + path

    def add(handler: Handler) -> Handler:
        name = schema.__name__
        route = Route(
            *(name, schema(), f"ota:{name}", handler),
            codes=codes, work=work, method=method, path=path, status=status, longest=longest,
            is_form=is_form,
        )  # fmt: skip
        routes.add(_below_project(route, everywhere) if f"{{{wire.PROJECT}}}" in path else route)
        return handler

    return add


def _below_project(route: Route, everywhere: bool) -> Route:
    """Return a route whose handler acts for the account as it is seen below the project of the path.

    A project that nobody has is empty to a question, and becomes the account's by what changes something.
    """

    @functools.wraps(route.handle)
    def handle(caller: Caller, project_id: str, seen: Account, **given: Any) -> Mapping[str, Any] | None:
        if seen != caller.account and route.changes:
            projects.require(caller.account, project_id)
        elif not everywhere:
            caller = caller._replace(account=seen)
        return route.handle(caller, **given)

    return dataclasses.replace(route, handle=handle)


class Iotda:
    """The application side of IoTDA below ``/v5``, and as much of IAM below ``/v3`` as its SDKs ask for."""

    table = routes

    def open(self, request: Request, request_id: str) -> RestCall:
        """Return a call of which nothing is read yet."""
        return RestCall(request, request_id)

    def parse(self, call: RestCall) -> None:
        """Find the operation by method and path, then read what it is given: how much depends on the operation."""
        wire.parse(call)
        found: dict[str, tuple[Route, dict[str, str]]] = {}
        for route in routes:
            assert isinstance(route, Route)  # noqa: S101 - `operation` adds no others
            names = wire.match(route.path, call.path)
            if names is not None:
                found[route.method] = route, names
        if not found:
            raise errors.RouteNotFound
        if call.request.method not in found:
            raise errors.MethodNotAllowed(tuple(found))
        route, call.names = found[call.request.method]
        call.operation, call.is_form = route.name, route.is_form
        wire.take(call, route.longest)

    def authenticate(self, call: RestCall) -> Caller:
        """Return who signed the request, or whom its token stands for."""
        call.caller = self._caller(call)._replace(endpoint=http.endpoint(call.request))
        call.key_id = call.caller.key_id
        return call.caller

    def _caller(self, call: RestCall) -> Caller:
        token, signed = call.header("x-auth-token"), call.header("authorization")
        if token and signed:
            raise errors.ConflictingCredentials("Authorization and X-Auth-Token")
        project, header = call.names.get(wire.PROJECT), call.header("x-project-id")
        if header and project is not None and header != project:
            raise errors.ConflictingCredentials("X-Project-Id is not the project of the path")
        if call.operation == CREATE_TOKEN:
            if token or signed:
                raise errors.ConflictingCredentials("a token is asked for by the key pair in the body and nothing else")
            call.key_id, secret = tokens.key_pair(call.given)
            return tokens.login(call.key_id, secret)
        if token:
            return tokens.caller(token)
        return access.admit(signature.claim(call, functools.partial(self._hint, call)))

    def _hint(self, call: RestCall, secret: str) -> str:
        return pace.limited(call.request, call.key_id, lambda: mistakes.explain(call, secret))

    def validate(self, operation: Operation[IotdaSchema], call: RestCall) -> dict[str, Any]:
        """Return the operation's arguments, with whom the project of the path shows."""
        project = call.names.get(wire.PROJECT)
        if project is not None and call.caller is not None:
            if not _PROJECT.fullmatch(project):
                raise errors.InvalidParameter(wire.PROJECT, "1 to 64 letters, digits, _ -")
            seen = projects.seen(call.caller.account, project)
            return {**operation.schema.read(call.given), wire.PROJECT: project, "seen": seen}
        return operation.schema.read(call.given)

    def render(self, call: RestCall, data: Mapping[str, Any]) -> Answer:
        """Spell a result."""
        route = routes.find(call.operation)
        return render.result(call, route.status if isinstance(route, Route) else 200, data)

    def refuse(self, call: RestCall, fault: errors.Fault) -> Answer:
        """Spell a refusal."""
        return render.refusal(call, fault)
