"""Operations on products."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError

from otagw.access import Caller
from otagw.dialects.iotda import fields
from otagw.dialects.iotda.render import known, utc
from otagw.dialects.iotda.route import operation
from otagw.dialects.iotda.routes import app
from otagw.dialects.iotda.schema import Choice, Id, IotdaSchema, Json, Text
from otagw.ota import spaces
from otagw.ota.products import products
from otagw.ota.products.products import Product, ProductDraft

# Under which trait is kept what only this front shows of a product.
_MODEL: Final = "model"
_PROTOCOLS: Final = ("MQTT", "CoAP", "HTTP", "HTTPS", "Modbus", "ONVIF", "OPC-UA", "OPC-DA", "Other", "TCP", "UDP")


class CreateProduct(IotdaSchema):
    """The body of a new product."""

    product_id = fields.word()
    name = fields.title(64, required=True)
    device_type = fields.title(32, required=True)
    protocol_type = Choice(*_PROTOCOLS, required=True)
    data_format = Choice("json", "binary", required=True)
    service_capabilities = Json(list, 500 * 1024, 500, required=True)
    manufacturer_name = Text(32)
    industry = Text(64)
    description = Text(128)
    app_id = fields.word()

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse ids that are addresses of the gateway itself."""
        if values["product_id"] is not None and not products.KEY.fullmatch(values["product_id"]):
            raise ValidationError({"product_id": ["no word that the gateway has for itself"]})


@operation(CreateProduct, "POST /products", status=201, codes=("IOTDA.903002",))
def create_product(
    caller: Caller, product_id: str | None, name: str, description: str | None, app_id: str | None, **model: Any
) -> dict[str, Any]:
    """Add a product, to the default resource space where none is named; its id is made up where none is chosen.

    An id is unique in the whole gateway, a name in the account. The model of its services is kept and shown, no more.
    """
    space = app_id or spaces.default(caller.account).id
    draft = ProductDraft(
        name=name, key=product_id, description=description, front_data={products.SPACE: space, _MODEL: model}
    )
    return _whole(products.create(caller.account, draft), app.names(caller.account))


class ListProducts(fields.Paged):
    """The query of a page of products."""

    app_id = fields.word()
    product_name = Text(64)


@operation(ListProducts, "GET /products")
def list_products(
    caller: Caller, app_id: str | None, product_name: str | None, limit: int, marker: str, offset: int
) -> dict[str, Any]:
    """List products, newest first, without their services; those of other APIs are in each resource space."""
    found, count = products.below(
        caller.account, fields.ceiling(marker), offset, limit, name=product_name, space=app_id
    )
    apps = app.names(caller.account)
    return {
        "products": [_summary(product, apps) for product in found],
        "page": fields.page([product.id for product in found], count, marker),
    }


class ShowProduct(IotdaSchema):
    """What names a product."""

    product_id = Id(required=True)


@operation(ShowProduct, "GET /products/{product_id}", codes=("IOTDA.903001",))
def show_product(caller: Caller, product_id: str) -> dict[str, Any]:
    """Show a product."""
    return _whole(products.get(caller.account, product_id), app.names(caller.account))


class DeleteProduct(ShowProduct):
    """What names the product to delete."""


@operation(DeleteProduct, "DELETE /products/{product_id}", status=204, codes=("IOTDA.903001", "IOTDA.903003"))
def delete_product(caller: Caller, product_id: str) -> None:
    """Delete a product that has neither devices nor packages."""
    products.delete(caller.account, product_id)


def _summary(product: Product, apps: Mapping[str, str]) -> dict[str, Any]:
    """Return what lists show of a product; one of another API has no model."""
    space = product.front_data.get(products.SPACE)
    model = {k: v for k, v in product.front_data.get(_MODEL, {}).items() if k != "service_capabilities"}
    return known(
        app_id=space,
        app_name=apps.get(space or ""),
        product_id=product.key,
        name=product.name,
        description=product.description,
        create_time=utc(product.created),
        **model,
    )


def _whole(product: Product, apps: Mapping[str, str]) -> dict[str, Any]:
    services = product.front_data.get(_MODEL, {}).get("service_capabilities", [])
    return {**_summary(product, apps), "service_capabilities": services}
