"""Uploads under way: one for each file, and so many for each access key."""

import io

import pytest

from tests.conftest import OTHER, Client
from tests.oss.conftest import BOUNDARY, body_of, fields_of, post
from tests.oss.test_upload import refused

KIND = f"multipart/form-data; boundary={BOUNDARY}"
FILE = b"firmware" * 20_000


class Meanwhile(io.BytesIO):
    """A body during which, once its file has begun, something else happens."""

    def __init__(self, body, act):
        super().__init__(body)
        self.act = act

    def readinto(self, buffer):
        if self.act and self.tell() >= 8192:
            act, self.act = self.act, None
            act()
        data = self.read(min(len(buffer), 4096))
        buffer[: len(data)] = data
        return len(data)


def upload(client, form, act):
    """Upload by a form, and do something while that is under way."""
    body = body_of(form, FILE)
    stream = Meanwhile(body, act)
    response = client.http.post("/oss", input_stream=stream, content_length=len(body), content_type=KIND)
    assert stream.act is None
    return response


def form_of(client):
    return fields_of(client.ok("GenerateOTAUploadURL")["Data"])


def test_a_file_is_uploaded_by_one_at_a_time(client):
    form, found = form_of(client), []
    first = upload(client, form, lambda: found.append(post(client, body_of(form, b"second"))))
    assert [refused(each) for each in found] == [(409, "OperationAborted")]
    assert first.status_code == 204
    assert refused(post(client, body_of(form, b"third"))) == (409, "FileAlreadyExists")


def test_an_upload_that_breaks_off_makes_room_for_another(client):
    form = form_of(client)
    body = body_of(form, FILE)[:-20_000]
    assert post(client, body).status_code == 400
    assert post(client, body_of(form, b"second")).status_code == 204


def nested(client, clients, found):
    """Upload by the first client while the others upload, each during the one before; note what comes of each."""
    if clients:
        form = form_of(clients[0])
        found.append(upload_or_refusal(clients[0], form, lambda: nested(client, clients[1:], found)))


def upload_or_refusal(client, form, act):
    body = body_of(form, FILE)
    response = client.http.post("/oss", input_stream=Meanwhile(body, act), content_length=len(body), content_type=KIND)
    return (
        response.status_code if response.status_code == 204 else (*refused(response), response.headers["Retry-After"])
    )


@pytest.mark.parametrize("most", [1, 3])
def test_an_access_key_has_so_many_under_way_and_others_have_theirs(make_app, most):
    client = Client(make_app(uploads_per_key=most))
    other, found = Client(client.app, OTHER), []
    nested(client, [other, *[client] * (most + 1)], found)
    assert found == [(503, "SlowDown", "5"), *[204] * (most + 1)]  # the innermost ends first
    assert post(client, body_of(form_of(client), b"later")).status_code == 204


def test_any_number_may_be_under_way_where_there_is_no_limit(make_app):
    client, found = Client(make_app(uploads_per_key=0)), []
    nested(client, [client] * 10, found)
    assert found == [204] * 10
