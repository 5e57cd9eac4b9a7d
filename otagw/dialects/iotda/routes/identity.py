"""What SDKs ask the vendor's IAM for: a token, and the project of those who do not know theirs."""

from datetime import UTC, datetime
from typing import Any

from otagw import clock
from otagw.access import Caller
from otagw.dialects.iotda import render, tokens, wire
from otagw.dialects.iotda.route import operation
from otagw.dialects.iotda.schema import IotdaSchema, Object, Text
from otagw.ota import audit, projects


class Auth(IotdaSchema):
    """What a token is asked for with; `tokens.key_pair` has read it before."""

    class Meta:
        unknown = "include"


class CreateToken(IotdaSchema):
    """The body of a request for a token."""

    auth = Object(Auth(), required=True)


@operation(CreateToken, "POST /v3/auth/tokens", status=201, longest=wire.MAX_CREDENTIALS)
def create_token(caller: Caller, auth: dict[str, Any]) -> dict[str, Any]:
    """Issue a token for the key pair in the body, by the method `hw_ak_sk`; it comes in the header X-Subject-Token.

    It is good for 24 hours, wherever a signature is, as `X-Auth-Token`. The body has at most 16 KiB. A scope in it is
    not looked at.
    """
    key_id, secret = tokens.key_pair({"auth": auth})
    now = clock.now()
    audit.note_alone(caller.account.id, tokens.KIND, key_id)
    return {
        render.SUBJECT_TOKEN: tokens.issue(key_id, secret),
        "token": {
            "methods": [tokens.METHOD],
            "issued_at": _iso(now),
            "expires_at": _iso(now + tokens.LIFE_MS),
            "user": {"name": caller.account.name, "id": caller.account.name},
            "project": {"id": projects.every(caller.account)[0]},
        },
    }


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
