"""Operations on modules, the parts of a product that are updated on their own."""

from typing import Any

from marshmallow import ValidationError

from otagw.access import Caller
from otagw.dialects.iotda import fields
from otagw.dialects.iotda.render import known, utc
from otagw.dialects.iotda.route import operation
from otagw.dialects.iotda.schema import Id, IotdaSchema, Text
from otagw.ota.products import modules
from otagw.ota.products.modules import Module

_NOT_DEFAULT = "another name than default, which is the whole device"


def check_name(name: str | None) -> None:
    """Refuse the name that stands for the whole device."""
    if name is not None and name.lower() == modules.DEFAULT:
        raise ValidationError({"module_name": [_NOT_DEFAULT]})


class CreateOtaModule(IotdaSchema):
    """The body of a new module."""

    app_id = fields.word(required=True)
    product_id = fields.word(required=True)
    module_name = fields.version(64, required=True)
    alias_name = Text(64)
    description = Text(1024)

    def check(self, values: Any) -> None:
        """Refuse the name of the whole device."""
        check_name(values["module_name"])


@operation(
    CreateOtaModule,
    "POST /ota-upgrades/modules",
    status=201,
    codes=("IOTDA.903001", "IOTDA.902002", "IOTDA.902004"),
)
def create_ota_module(
    caller: Caller, app_id: str, product_id: str, module_name: str, alias_name: str | None, description: str | None
) -> dict[str, Any]:
    """Add a module to a product, which may have ten.

    Its name is compared without regard to case, and cannot be changed.
    """
    made = modules.create(
        caller.account,
        product_id,
        module_name,
        title=alias_name,
        description=description,
        front_data={"app_id": app_id},
    )
    return _shown(made)


class ListOtaModules(fields.Paged):
    """The query of a page of modules."""

    app_id = fields.word(required=True)
    product_id = fields.word()


@operation(ListOtaModules, "GET /ota-upgrades/modules", codes=("IOTDA.903001",))
def list_ota_modules(
    caller: Caller, app_id: str, product_id: str | None, limit: int, marker: str, offset: int
) -> dict[str, Any]:
    """List the modules of a resource space, newest first, with those that belong to none."""
    ceiling = fields.ceiling(marker)
    found, count = modules.below(
        caller.account, ceiling, offset, limit, product_key=product_id, front_data={"app_id": app_id}
    )
    return {
        "modules": [_shown(module) for module in found],
        "page": fields.page([module.id for module in found], count, marker),
    }


class ShowOtaModule(IotdaSchema):
    """What names a module."""

    module_id = Id(required=True)


@operation(ShowOtaModule, "GET /ota-upgrades/modules/{module_id}", codes=("IOTDA.902001",))
def show_ota_module(caller: Caller, module_id: str) -> dict[str, Any]:
    """Show a module."""
    return _shown(modules.get(caller.account, module_id))


class UpdateOtaModule(ShowOtaModule):
    """The body of a change."""

    alias_name = Text(64)
    description = Text(1024)


@operation(UpdateOtaModule, "PUT /ota-upgrades/modules/{module_id}", codes=("IOTDA.902001",))
def update_ota_module(
    caller: Caller, module_id: str, alias_name: str | None, description: str | None
) -> dict[str, Any]:
    """Change the alias or the description of a module; what is not given, or empty, stays as it is."""
    found = modules.get(caller.account, module_id)
    modules.update(caller.account, found.product_key, found.name, title=alias_name, description=description)
    return _shown(modules.get(caller.account, module_id))


class DeleteOtaModule(ShowOtaModule):
    """What names the module to delete."""


@operation(
    DeleteOtaModule,
    "DELETE /ota-upgrades/modules/{module_id}",
    status=204,
    codes=("IOTDA.902001", "IOTDA.902003"),
)
def delete_ota_module(caller: Caller, module_id: str) -> None:
    """Delete a module that no package is for."""
    found = modules.get(caller.account, module_id)
    modules.delete(caller.account, found.product_key, found.name)


def _shown(module: Module) -> dict[str, Any]:
    return known(
        module_id=str(module.id),
        app_id=module.front_data.get("app_id"),
        product_id=module.product_key,
        module_name=module.name,
        alias_name=module.title,
        description=module.description,
        create_time=utc(module.created),
    )
