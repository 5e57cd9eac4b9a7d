"""Signatures: the golden vectors, and any parameters at all, against an independent signer."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otagw.dialects.aliyun import signature
from tests import signer

VECTORS = signer.vectors("alibaba")
V1 = [vector for vector in VECTORS if "params" in vector]
V3 = [vector for vector in VECTORS if "canonical" in vector]


@pytest.mark.parametrize("vector", V1, ids=lambda vector: vector["name"])
def test_v1_vector(vector):
    text = signature.string_to_sign(vector["method"], vector["params"])
    assert signature.sign_v1(vector["secret"], text) == vector["signature"], (text, vector["string_to_sign"])


@pytest.mark.parametrize("vector", V3, ids=lambda vector: vector["name"])
def test_v3_vector(vector):
    secret = "YourAccessKeySecret" if vector["name"].startswith("F-") else "testsecret"
    given, text = signature.sign_v3(secret, vector["canonical"].encode())
    assert given == vector["signature"], (text, vector["sts"])


def test_v1_signature_parameter_is_not_signed():
    params = {"Action": "A", "Signature": "x"}
    assert signature.string_to_sign("GET", params) == signature.string_to_sign("GET", {"Action": "A"})


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.dictionaries(texts, texts, max_size=12), st.sampled_from(["GET", "POST"]), texts)
def test_v1_agrees_with_an_independent_signer(params, method, secret):
    params.pop("Signature", None)
    text = signature.string_to_sign(method, params)
    assert text == signer.v1_string(method, params)
    assert signature.sign_v1(secret, text) == signer.v1_signature(secret, method, params)


@given(st.dictionaries(texts, texts, max_size=12), st.sampled_from(["GET", "POST"]), st.binary(max_size=40))
def test_v3_agrees_with_an_independent_signer(params, method, body):
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": "h:1", "x-acs-date": "2026-01-02T03:04:05Z", "accept": " application/json "}
    names = ";".join(sorted(headers))
    ordered = sorted(headers.items())
    given, _ = signature.sign_v3("s", signature.canonical_request(method, params, ordered, names, digest))
    assert signer.v3_authorization("id", "s", method, params, headers, digest).endswith(f"Signature={given}")
