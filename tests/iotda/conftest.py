"""A caller of IoTDA in process, and a bucket."""

import pytest

from otagw import clock
from otagw.dialects.iotda.route import routes
from tests.conftest import KEY, Live
from tests.deploy import servers
from tests.iotda import signer

DATA = b"firmware" * 1000
BASE = f"/v5/iot/{signer.PROJECT}"
PACKAGES = f"{BASE}/ota-upgrades/packages"
MODULES = f"{BASE}/ota-upgrades/modules"
APPS, PRODUCTS, DEVICES, TASKS = (f"{BASE}/{name}" for name in ("apps", "products", "devices", "batchtasks"))


class Iotda:
    """Call operations of a gateway in process, signed by the tests' own signer."""

    def __init__(self, app, key=KEY, scheme=signer.SCHEMES[0]):
        self.app, self.key, self.scheme, self.http = app, key, scheme, app.test_client()

    def by(self, key):
        return Iotda(self.app, key, self.scheme)

    def send(self, method, path, headers, params=None, body=b""):
        """Send a request as it is."""
        headers = dict(headers)
        environ = {"HTTP_HOST": headers.pop("Host", signer.HOST)}
        url = f"{path}?{signer.query(params)}" if params else path
        response = self.http.open(url, method=method, headers=headers, data=body, environ_overrides=environ)
        assert response.headers["X-Request-Id"]
        if response.status_code >= 400 and method != "HEAD":
            assert response.content_type.startswith("application/json")
            assert set(response.json) == {"error_code", "error_msg"}
        return response

    def __call__(self, method, path, body=None, params=None, **options):
        data = signer.dump(body)
        options = {"scheme": self.scheme, "seconds": clock.now() // 1000, **options}
        headers = signer.headers(self.key, method, path, params, data, **options)
        return self.send(method, path, headers, params, data)

    def ok(self, method, path, body=None, params=None, status=200, **options):
        response = self(method, path, body, params, **options)
        assert response.status_code == status, response.text
        return response.json if response.data else None

    def refused(self, method, path, body=None, params=None, **options):
        """Make a call that must be refused; return status, code and text."""
        response = self(method, path, body, params, **options)
        assert response.status_code >= 400, response.text
        code = response.json["error_code"]
        own = {code for route in routes for code in route.codes}
        assert code not in own or any(code in r.codes for r in routes if r.method == method)
        return response.status_code, code, response.json["error_msg"]


def package(location=None, **changes):
    """Return the body of a new package."""
    body = {
        "app_id": "app1",
        "package_type": "firmwarePackage",
        "product_id": "lock",
        "version": "V2.0",
        "file_location": {
            "obs_location": {
                "region_name": "cn-north-4",
                "bucket_name": "firmware",
                "object_key": "a/upgrade.bin",
                **(location or {}),
            }
        },
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


@pytest.fixture
def iotda(app):
    return Iotda(app)


@pytest.fixture
def bucket(tmp_path):
    """A folder that is a bucket, with one object."""
    folder = tmp_path / "bucket"
    (folder / "a").mkdir(parents=True)
    (folder / "a/upgrade.bin").write_bytes(b"firmware" * 1000)
    return folder


@pytest.fixture(scope="module", params=["direct", "nginx"])
def gateway(request, tmp_path_factory):
    """A gateway with one mapped bucket, for a module's tests; SDKs reach it as ``front``, devices directly."""
    folder = tmp_path_factory.mktemp("sdk")
    (folder / "bucket").mkdir()
    (folder / "bucket/upgrade.bin").write_bytes(DATA)
    behind = request.param == "nginx"
    gateway = Live(folder, obs_buckets=f'{{"mapped": "{folder}/bucket"}}', trusted_proxies=int(behind))
    gateway.prepare().start()
    gateway.front, gateway.ca = gateway.url, None
    site = servers.Site(folder, gateway.port, gateway) if behind else None
    if site:
        site.nginx.start()
        gateway.front, gateway.ca = site.url, site.ca
    yield gateway
    if site:
        site.nginx.stop()
    gateway.stop()
