"""Downloads that nginx sends: what is handed over to it, and what is not."""

import pytest

from otagw.files.storage import Storage
from otagw.settings import SettingsError, load
from tests.conftest import Client
from tests.oss.conftest import link_of

CONTENT = bytes(range(256)) * 4000
SIZE = len(CONTENT)


@pytest.fixture
def accelerated(make_app):
    return Client(make_app(x_accel="/files/"))


def test_nginx_is_told_the_file_and_nothing_is_sent(accelerated, stored):
    response = accelerated.http.get(link_of(accelerated, CONTENT))
    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["X-Accel-Redirect"] == "/files/" + stored()[0]
    assert response.headers["Cache-Control"] == "private"
    assert "Accept-Ranges" not in response.headers


@pytest.mark.parametrize(
    ("method", "headers", "handed"),
    [
        ("GET", {"Range": "bytes=0-9"}, True),
        ("GET", {"Range": "bytes=0-9, -5"}, True),
        ("GET", {"Range": "bytes=0-9,10-19"}, False),
        ("GET", {"Range": "bytes=" + ",".join(f"{3 * number}-{3 * number}" for number in range(256))}, True),
        ("GET", {"Range": f"bytes={SIZE}-"}, False),
        ("GET", {"Range": "bytes=9-5"}, False),
        ("GET", {"Range": "bytes=0-9999999999999999999"}, False),
        ("GET", {"Range": "bytes=0-9", "If-Range": '"stale"'}, False),
        ("GET", {"If-None-Match": "*"}, False),
        ("GET", {"If-None-Match": '"other"'}, True),
        ("GET", {"If-Match": "*"}, False),
        ("HEAD", {}, False),
    ],
)
def test_only_what_nginx_answers_as_we_do_is_handed_over(accelerated, method, headers, handed):
    response = accelerated.http.open(link_of(accelerated, CONTENT), method=method, headers=headers)
    assert ("X-Accel-Redirect" in response.headers) is handed


def test_without_a_link_nginx_is_told_nothing(accelerated):
    response = accelerated.http.get(link_of(accelerated, CONTENT) + "A")
    assert response.status_code == 403
    assert "X-Accel-Redirect" not in response.headers


@pytest.mark.parametrize(
    ("url", "fits"), [("", True), ("/srv/files", True), ("file:///srv", True), ("s3://b/p", False)]
)
def test_nginx_serves_a_folder_and_nothing_else(url, fits):
    environ = {"OTAGW_CONFIG": "/dev/null", "OTAGW_X_ACCEL": "/files/", "OTAGW_STORAGE_URL": url}
    if fits:
        assert load(environ).x_accel == "/files/"
        return
    with pytest.raises(SettingsError, match=r"x_accel: .*storage_url.*folder"):
        load(environ)


@pytest.mark.parametrize("path", ["files", "/files", "/", "/a/../b/", '/a"/'])
def test_an_internal_location_is_a_plain_path(path):
    with pytest.raises(SettingsError, match="OTAGW_X_ACCEL: expected a path like"):
        load({"OTAGW_CONFIG": "/dev/null", "OTAGW_X_ACCEL": path})


def test_a_folder_signs_nothing(tmp_path):
    assert Storage(str(tmp_path)).sign("a/one", 60, "attachment") is None
