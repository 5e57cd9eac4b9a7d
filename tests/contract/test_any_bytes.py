"""Whatever is sent to the parser, the signature code and the form upload is refused in the envelope: never a crash."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import signer
from tests.conftest import KEY
from tests.oss.conftest import BOUNDARY, body_of, fields_of, post

any_example = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
text = st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=80)
V3_HEADERS = ("authorization", "x-acs-action", "x-acs-date", "x-acs-content-sha256", "x-acs-signature-nonce")


def assert_refused(response):
    assert 400 <= response.status_code < 500, response.text
    assert response.json["Code"]
    assert "<html" not in response.text.lower()


@any_example
@given(data=st.data())
def test_any_value_of_a_v3_header_is_refused(client, data):
    signed = signer.v3(KEY, "ListOTAFirmware", "gateway.test:8686")
    right = {name.lower(): value for name, value in signed.items()}
    name = data.draw(st.sampled_from(V3_HEADERS))
    right[name] = data.draw(
        text.filter(lambda value: value.strip() != signed.get(name, signed["Authorization"]).strip())
        | st.just(f"ACS3-HMAC-SHA256 {'Credential=,' * 50}")
        | text.map(lambda value: f"ACS3-HMAC-SHA256 Credential={KEY[0]},SignedHeaders={value},Signature={value}")
    )
    environ = {f"HTTP_{key.upper().replace('-', '_')}": value for key, value in right.items()}
    response = client.http.post("/", environ_overrides=environ)
    assert_refused(response)


@any_example
@given(
    name=st.sampled_from(("Signature", "Timestamp", "SignatureNonce", "SignatureMethod", "AccessKeyId", "Format")),
    value=st.text(max_size=200),
)
def test_any_value_of_a_credential_of_v1_is_refused(client, name, value):
    params = signer.v1(KEY, "ListOTAFirmware", CurrentPage="1", PageSize="1")
    response = client.send({**params, name: value})
    if value != params.get(name):
        assert 400 <= response.status_code < 500
        assert response.json["Code"]


@any_example
@given(body=st.binary(max_size=2000), kind=st.sampled_from((f"multipart/form-data; boundary={BOUNDARY}", "multipart/")))
def test_any_form_is_refused(client, body, kind):
    response = client.http.post("/oss", data=body, content_type=kind)
    assert 400 <= response.status_code < 500
    assert response.content_type == "application/xml"


@any_example
@given(data=st.data())
def test_a_form_with_one_stretch_replaced_is_taken_or_refused(client, announce, data):
    fields = fields_of(announce())
    whole = body_of(fields, b"content")
    start = data.draw(st.integers(0, len(whole)))
    spoiled = whole[:start] + data.draw(st.binary(max_size=40)) + whole[start + data.draw(st.integers(0, 40)) :]
    response = post(client, spoiled)
    assert response.status_code in {200, 201, 204} or 400 <= response.status_code < 500, response.text
    assert "<html" not in response.text.lower()


@pytest.fixture
def announce(client):
    return lambda: client.ok("GenerateOTAUploadURL", FileSuffix="bin")["Data"]
