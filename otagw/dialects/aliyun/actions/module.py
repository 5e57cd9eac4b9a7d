"""Actions on modules, the parts of a product that are updated on their own."""

from typing import Any

from otagw.access import Caller
from otagw.dialects.aliyun import fields
from otagw.dialects.aliyun.action import BOTH, operation
from otagw.dialects.aliyun.render import minute
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.ota.products import modules


class ModuleName(AliyunSchema):
    """The parameters that name a module."""

    product_key = fields.ProductKey(required=True)
    module_name = fields.version(required=True)


class CreateOTAModule(ModuleName):
    """The parameters of a new module."""

    alias_name = fields.alias()
    desc = fields.Text(100)
    client_token = fields.client_token()


@operation(
    CreateOTAModule,
    needs="ota:CreateOTAModule",
    origin=BOTH,
    codes=(
        "iot.prod.NotExistedProduct",
        "iot.ota.ModuleNameExists",
        "iot.ota.ModuleCountExceeded",
    ),
)
def create_ota_module(
    caller: Caller,
    product_key: str,
    module_name: str,
    alias_name: str | None,
    desc: str | None,
    client_token: str | None,
) -> None:
    """Add a module to a product, which may have ten beside `default`.

    Its name cannot be changed, and is compared without regard to case.
    """
    modules.create(caller.account, product_key, module_name, title=alias_name, description=desc, token=client_token)


class UpdateOTAModule(ModuleName):
    """The parameters of a change to a module."""

    alias_name = fields.alias()
    desc = fields.Text(100)


@operation(
    UpdateOTAModule,
    needs="ota:UpdateOTAModule",
    origin=BOTH,
    codes=(
        "iot.prod.NotExistedProduct",
        "iot.ota.ModuleNotFound",
        "iot.ota.ModuleProtected",
    ),
)
def update_ota_module(
    caller: Caller, product_key: str, module_name: str, alias_name: str | None, desc: str | None
) -> None:
    """Change the alias or the description of a module; what is not given stays as it is."""
    modules.update(caller.account, product_key, module_name, title=alias_name, description=desc)


class DeleteOTAModule(ModuleName):
    """The parameters of a deletion."""


@operation(
    DeleteOTAModule,
    needs="ota:DeleteOTAModule",
    origin=BOTH,
    codes=(
        "iot.prod.NotExistedProduct",
        "iot.ota.ModuleNotFound",
        "iot.ota.ModuleProtected",
        "iot.ota.ModuleInUse",
    ),
)
def delete_ota_module(caller: Caller, product_key: str, module_name: str) -> None:
    """Delete a module that no firmware is for; `default` cannot be deleted."""
    modules.delete(caller.account, product_key, module_name)


class ListOTAModuleByProduct(AliyunSchema):
    """The parameters of a look at a product's modules."""

    product_key = fields.ProductKey(required=True)


@operation(
    ListOTAModuleByProduct, needs="ota:ListOTAModuleByProduct", origin=BOTH, codes=("iot.prod.NotExistedProduct",)
)
def list_ota_module_by_product(caller: Caller, product_key: str) -> dict[str, Any]:
    """List the modules of a product, `default` first."""
    return {
        "data": [
            {
                "product_key": product_key,
                "module_name": module.name,
                "alias_name": module.title,
                "desc": module.description,
                "gmt_create": minute(module.created),
                "gmt_modified": minute(module.modified),
            }
            for module in modules.every(caller.account, product_key)
        ]
    }
