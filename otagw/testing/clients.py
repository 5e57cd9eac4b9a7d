"""Clients of the vendors' SDKs, unmodified, that are pointed at a gateway."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from otagw.testing.api import Key

REGION: Final = "cn-shanghai"
PROJECT: Final = "0123456789abcdef0123456789abcdef"
_NEEDED: Final = "clients.{name}() needs the package {package}: pip install {package}"


class Place(NamedTuple):
    """Where a gateway is, and the file of the authority that its certificate is from, if it has one."""

    url: str
    ca: Path | None


class Clients:
    """Ready-made clients; each import is made when its client is, and ImportError names the package it lacks."""

    def __init__(self, place: Callable[[], Place], key: Key) -> None:
        self._place, self._key = place, key

    def aliyun(self, key: Key | None = None) -> Any:
        """Return an AcsClient of aliyun-python-sdk-core, whose requests of the product Iot go to the gateway.

        It asks by http unless a request says ``set_protocol_type("https")``; a CommonRequest names its host itself.
        """
        module = _import("aliyun", "aliyunsdkcore.client", "aliyun-python-sdk-core")
        place, key = self._place(), key or self._key
        client = module.AcsClient(key.id, key.secret, REGION, verify=str(place.ca) if place.ca else None)
        client.add_endpoint(REGION, "Iot", urlsplit(place.url).netloc)
        return client

    def tea(self, key: Key | None = None, **config: Any) -> Any:
        """Return a Client of alibabacloud_iot20180120; ``config`` are further fields of its Config."""
        module = _import("tea", "alibabacloud_iot20180120.client", "alibabacloud-iot20180120")
        models = _import("tea", "alibabacloud_tea_openapi.models", "alibabacloud-tea-openapi")
        place, key = self._place(), key or self._key
        url = urlsplit(place.url)
        trust = {"ca": str(place.ca)} if place.ca else {}
        given = {"endpoint": url.netloc, "protocol": url.scheme, **trust, **config}
        return module.Client(models.Config(access_key_id=key.id, access_key_secret=key.secret, **given))

    def iotda(self, key: Key | None = None, project: str = PROJECT) -> Any:
        """Return an IoTDAClient of huaweicloudsdkiotda for a project: by default one of the account ``main``.

        A project that nobody has shows nothing until the account of the key changes something below it.
        """
        credentials = _import("iotda", "huaweicloudsdkcore.auth.credentials", "huaweicloudsdkcore")
        config = _import("iotda", "huaweicloudsdkcore.http.http_config", "huaweicloudsdkcore")
        module = _import("iotda", "huaweicloudsdkiotda.v5", "huaweicloudsdkiotda")
        place, key = self._place(), key or self._key
        builder = module.IoTDAClient.new_builder()
        if place.ca:
            chosen = config.HttpConfig.get_default_config()
            chosen.ssl_ca_cert = str(place.ca)
            builder = builder.with_http_config(chosen)
        who = credentials.BasicCredentials(key.id, key.secret, project)
        return builder.with_credentials(who).with_endpoint(place.url).build()


def environment(url: str, key: Key) -> dict[str, str]:
    """Return what a program needs in its environment to find a gateway, by the names that the vendors' tools read."""
    others = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    direct = ",".join(filter(None, (others, "127.0.0.1,localhost")))
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": key.id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.secret,
        "HUAWEICLOUD_SDK_AK": key.id,
        "HUAWEICLOUD_SDK_SK": key.secret,
        "OTAGW_PUBLIC_URL": url,
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


def _import(name: str, module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(_NEEDED.format(name=name, package=package)) from error
