"""Actions on products, the kinds of devices."""

from collections.abc import Mapping
from typing import Any, Final

from otagw.access import Caller
from otagw.dialects.aliyun import fields
from otagw.dialects.aliyun.action import BOTH, operation
from otagw.dialects.aliyun.schema import AliyunSchema
from otagw.ota.products import products
from otagw.ota.products.products import Product, ProductDraft

# How the vendor writes a product's network in a request, and in an answer.
NETWORKS: Final[Mapping[str, int]] = {"WIFI": 3, "CELLULAR": 6, "ETHERNET": 7, "OTHER": 8}
EDITIONS: Final[Mapping[str, str]] = {"iothub": products.BASIC, "iothub_senior": products.STANDARD}
_ABSENT: Final = "iot.prod.NotExistedProduct"
_TAKEN: Final = "iot.prod.AlreadyExistedProductName"


def _name() -> fields.Wide:
    return fields.Wide(4, 30, required=True)


class CreateProduct(AliyunSchema):
    """The parameters of a new product."""

    product_name = _name()
    node_type = fields.Integer(0, 1, required=True)
    description = fields.Text(100)
    aliyun_commodity_code = fields.Choice(*EDITIONS, default="iothub")
    auth_type = fields.Text(32, r"[a-z0-9_-]+", expected="1 to 32 of a-z 0-9 _ -", default="secret")
    category_key = fields.Text(64)
    data_format = fields.Integer(0, 1)
    net_type = fields.Choice(*NETWORKS, default="WIFI")
    protocol_type = fields.Choice("modbus", "opc-ua", "customize", "ble", "zigbee")
    id2 = fields.Boolean(default=False)
    publish_auto = fields.Boolean(default=True)
    validate_type = fields.Integer(0, 2, default=1)
    client_token = fields.client_token()


@operation(CreateProduct, needs="ota:CreateProduct", codes=(_TAKEN,))
def create_product(
    caller: Caller,
    product_name: str,
    node_type: int,
    description: str | None,
    aliyun_commodity_code: str,
    client_token: str | None,
    **front_data: Any,
) -> dict[str, Any]:
    """Add a product under a new ProductKey.

    Its name is unique in the account. What the gateway has no use for (ProtocolType, DataFormat and the like) is kept
    and shown again.
    """
    draft = ProductDraft(
        name=product_name,
        description=description,
        is_gateway=node_type == 1,
        edition=EDITIONS[aliyun_commodity_code],
        front_data={name: value for name, value in front_data.items() if value is not None},
    )
    product = products.create(caller.account, draft, client_token)
    names = ("auth_type", "data_format", "id2", "protocol_type")
    return {
        "product_key": product.key,
        "data": {
            **{name: product.front_data.get(name) for name in names},
            "aliyun_commodity_code": aliyun_commodity_code,
            "description": product.description,
            "node_type": int(product.is_gateway),
            "product_key": product.key,
            "product_name": product.name,
            "product_secret": product.secret,
        },
    }


class ProductKey(AliyunSchema):
    """The one parameter of what is asked about one product."""

    product_key = fields.ProductKey(required=True)


class QueryProduct(ProductKey):
    """The parameters of a look at one product."""


@operation(QueryProduct, needs="ota:QueryProduct", origin=BOTH, codes=(_ABSENT,))
def query_product(caller: Caller, product_key: str) -> dict[str, Any]:
    """Show a product with its secret and how many devices it has."""
    product = products.get(caller.account, product_key)
    names = ("category_key", "protocol_type", "validate_type")
    return {
        "data": {
            **_summary(product),
            **{name: product.front_data.get(name) for name in names},
            "aliyun_commodity_code": next(name for name, edition in EDITIONS.items() if edition == product.edition),
            "id2": product.front_data.get("id2", False),
            "net_type": NETWORKS.get(product.front_data.get("net_type", "")),
            "owner": True,
            "product_secret": product.secret,
            "product_status": "RELEASE_STATUS"
            if product.front_data.get("publish_auto", True)
            else "DEVELOPMENT_STATUS",
        }
    }


class QueryProductList(AliyunSchema):
    """The parameters of a page of products."""

    current_page = fields.Integer(1, 2**31 - 1, required=True)
    page_size = fields.Integer(1, 200, required=True)
    aliyun_commodity_code = fields.Choice(*EDITIONS)


@operation(QueryProductList, needs="ota:QueryProductList")
def query_product_list(
    caller: Caller, current_page: int, page_size: int, aliyun_commodity_code: str | None
) -> dict[str, Any]:
    """List the account's products, newest first."""
    edition = EDITIONS[aliyun_commodity_code] if aliyun_commodity_code else None
    page = products.page(caller.account, current_page, page_size, edition=edition)
    return {
        "data": {
            "current_page": page.number,
            "page_size": page.size,
            "page_count": page.count,
            "total": page.total,
            "list": {"product_info": [_summary(product) for product in page.items]},
        }
    }


class UpdateProduct(ProductKey):
    """The parameters of a change to a product."""

    product_name = _name()
    description = fields.Text(100)


@operation(UpdateProduct, needs="ota:UpdateProduct", codes=(_ABSENT, _TAKEN))
def update_product(caller: Caller, product_key: str, product_name: str, description: str | None) -> None:
    """Change the name of a product, and the description where one is given."""
    products.modify(caller.account, product_key, name=product_name, description=description)


class DeleteProduct(ProductKey):
    """The parameters of a deletion."""


@operation(DeleteProduct, needs="ota:DeleteProduct", codes=(_ABSENT, "iot.prod.ProductInUse"))
def delete_product(caller: Caller, product_key: str) -> None:
    """Delete a product with its modules, once it has neither devices nor firmwares."""
    products.delete(caller.account, product_key)


def _summary(product: Product) -> dict[str, Any]:
    """Return what lists show of a product."""
    return {
        "auth_type": product.front_data.get("auth_type", "secret"),
        "data_format": product.front_data.get("data_format"),
        "description": product.description,
        "device_count": product.devices,
        "gmt_create": product.created,
        "node_type": int(product.is_gateway),
        "product_key": product.key,
        "product_name": product.name,
    }
