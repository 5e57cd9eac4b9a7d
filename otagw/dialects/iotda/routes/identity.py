"""What SDKs ask the vendor's IAM for: a token, and the project of those who do not know theirs."""

from datetime import UTC, datetime
from typing import Any

from otagw import clock, errors
from otagw.access import Caller
from otagw.dialects.iotda import render, tokens, wire
from otagw.dialects.iotda.route import operation
from otagw.dialects.iotda.schema import IotdaSchema, Object, Text
from otagw.ota import audit, projects
from otagw.ota.accounts import Account


class Auth(IotdaSchema):
    """What a token is asked for with; `tokens.key_pair` has read it before."""

    class Meta:
        unknown = "include"


class CreateToken(IotdaSchema):
    """The body of a request for a token."""

    auth = Object(Auth(), required=True)


@operation(CreateToken, "POST /v3/auth/tokens", status=201, longest=wire.MAX_CREDENTIALS)
def create_token(caller: Caller, auth: dict[str, Any]) -> dict[str, Any]:
    """Issue a token for the key pair in the body; it comes in the header X-Subject-Token.

    The method is `hw_ak_sk`, or `password` with the access key as user name, its secret as password, and any domain.
    The token is good for 24 hours, wherever a signature is, as `X-Auth-Token`. The body has at most 16 KiB. The answer
    names the project of the scope: the one of an `id`, which may not be another account's, or the oldest by any
    `name`. A scope that is a domain has none. The token is good for all projects of the account.
    """
    key_id, secret = tokens.key_pair({"auth": auth})
    scope = _scope(caller.account, auth.get("scope"))
    now = clock.now()
    audit.note_alone(caller.account.id, tokens.KIND, key_id)
    return {
        render.SUBJECT_TOKEN: tokens.issue(key_id, secret),
        "token": {
            "methods": [tokens.method({"auth": auth})],
            "issued_at": _iso(now),
            "expires_at": _iso(now + tokens.LIFE_MS),
            "user": {"name": caller.account.name, "id": caller.account.name, "domain": _domain(caller.account)},
            **scope,
        },
    }


def _scope(account: Account, given: Any) -> dict[str, Any]:
    """Return what a token's answer says of its scope; raise `errors.NotFound` for a project of another account."""
    if given in (None, {}):
        return {"project": {"id": projects.every(account)[0]}}
    kinds = {kind: given.get(kind) for kind in ("project", "domain")} if isinstance(given, dict) else {}
    asked = {kind: value for kind, value in kinds.items() if value is not None}
    if len(asked) != 1 or not all(isinstance(value, dict) for value in asked.values()):
        raise errors.InvalidParameter("auth.scope", '{"project": {"id" or "name"}} or {"domain": {…}}')
    if "domain" in asked:
        return {"domain": _domain(account)}
    chosen, name = asked["project"].get("id"), asked["project"].get("name")
    for each in (chosen, name):
        if not isinstance(each, str | None):
            raise errors.InvalidParameter("auth.scope.project", "texts for id and name")
    if chosen:
        projects.seen(account, chosen)
    found = chosen or projects.every(account)[0]
    return {"project": {"id": found, "name": name or found, "domain": _domain(account)}}


def _domain(account: Account) -> dict[str, str]:
    return {"id": account.name, "name": account.name}


class ListProjects(IotdaSchema):
    """The query of a look for projects."""

    name = Text(64)


@operation(ListProjects, "GET /v3/projects")
def list_projects(caller: Caller, name: str | None) -> dict[str, Any]:
    """List the account's projects, oldest first; an account is made with one.

    With a `name`, which SDKs take from their region, it is the oldest alone, and called by that name.
    """
    found = projects.every(caller.account)
    if name:
        found = found[:1]
    return {
        "projects": [
            {"id": project, "name": name or project, "domain_id": caller.account.name, "enabled": True}
            for project in found
        ],
        "links": {},
    }


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
