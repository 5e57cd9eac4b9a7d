"""Operations on resource spaces."""

from typing import Any

from otagw.access import Caller
from otagw.dialects.iotda.render import utc
from otagw.dialects.iotda.route import operation
from otagw.dialects.iotda.schema import Flag, Id, IotdaSchema, Text
from otagw.ota import spaces
from otagw.ota.accounts import Account
from otagw.ota.spaces import Space


class AddApplication(IotdaSchema):
    """The body of a new resource space."""

    app_name = Text(64, r"(?s:.+)", expected="1 to 64 characters", required=True)


@operation(AddApplication, "POST /apps", status=201, codes=("IOTDA.908002",))
def add_application(caller: Caller, app_name: str) -> dict[str, Any]:
    """Add a resource space."""
    return _shown(spaces.create(caller.account, app_name))


class ShowApplications(IotdaSchema):
    """The query of a look for resource spaces."""

    default_app = Flag()


@operation(ShowApplications, "GET /apps", everywhere=True)
def show_applications(caller: Caller, default_app: bool | None) -> dict[str, Any]:
    """List the account's resource spaces, the default one first; with `default_app` that alone, or the others.

    They are the same below each project, one that nobody has yet included.
    """
    found = [space for space in spaces.every(caller.account) if default_app in (None, space.is_default)]
    return {"applications": [_shown(space) for space in found]}


class ShowApplication(IotdaSchema):
    """What names a resource space."""

    app_id = Id(required=True)


@operation(ShowApplication, "GET /apps/{app_id}", codes=("IOTDA.908001",), everywhere=True)
def show_application(caller: Caller, app_id: str) -> dict[str, Any]:
    """Show a resource space."""
    return _shown(spaces.get(caller.account, app_id))


def names(account: Account) -> dict[str, str]:
    """Return the names of the account's resource spaces by their ids."""
    return {space.id: space.name for space in spaces.every(account)}


def _shown(space: Space) -> dict[str, Any]:
    return {
        "app_id": space.id,
        "app_name": space.name,
        "create_time": utc(space.created),
        "default_app": space.is_default,
    }
