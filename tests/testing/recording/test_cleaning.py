"""What a recording keeps of a value: by the name of its member, by its form, and by what is known to be secret."""

import json

import pytest

from otagw.testing.recording import cleaning

HIDDEN = "REDACTED"


@pytest.mark.parametrize(
    "name",
    [
        *("DeviceSecret", "ProductSecret", "device_secret", "secret", "AccessKeyId", "OSSAccessKeyId", "Signature"),
        *("Policy", "policy", "SecurityToken", "X-Subject-Token", "token", "access_token", "password", "Passwd"),
        *("DeviceList.1.DeviceSecret", "DeviceSecret.3", "psk", "privateKey", "credential", "MqttSignature", "Nonce"),
    ],
)
def test_a_member_of_a_secret_name_is_hidden_wherever_it_stands(name):
    for value in ({name: "s3cret-value"}, {"list": [{"in": {name: "s3cret-value"}}]}, {name: ["s3cret-value"]}):
        assert "s3cret-value" not in json.dumps(cleaning.clean(value))
        assert HIDDEN in json.dumps(cleaning.clean(value))


@pytest.mark.parametrize(
    "name",
    [
        *("ProductKey", "FirmwareId", "ClientToken", "client_token", "NextToken", "FirmwareSign", "SignMethod"),
        *("task_policy", "auth_type", "marker", "KeyPrefix", "DeviceName.1", "AuthType"),
    ],
)
def test_a_member_of_another_name_is_kept(name):
    assert cleaning.clean({name: "value"}) == {name: "value"}


def test_a_marker_keeps_the_type():
    value = {"secret": {"text": "abc", "number": 7, "yes": True, "nothing": None, "list": ["x", 1.5]}}
    hidden = {"text": HIDDEN, "number": 0, "yes": True, "nothing": None, "list": [HIDDEN, 0]}
    assert cleaning.clean(value) == {"secret": hidden}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://h/a?Expires=1&Signature=x%3D", "https://h/a"),
        ("https://h/a#x", "https://h/a"),
        ("https://user:password@h:80/a?b", "https://h:80/a"),
        ('see "https://h/a?t=1", or http://i?u=2 now', 'see "https://h/a", or http://i now'),
        ("oss://bucket/key?token=1", "oss://bucket/key"),
        ("mail@example.com?", "mail@example.com?"),
    ],
)
def test_links_are_kept_without_their_queries_and_users(text, kept):
    assert cleaning.clean({"url": text}) == {"url": kept}


def test_a_text_that_is_json_is_cleaned_within():
    text = json.dumps([{"DeviceName": "d", "DeviceSecret": "abc"}])
    assert json.loads(cleaning.clean({"List": text})["List"]) == [{"DeviceName": "d", "DeviceSecret": HIDDEN}]
    assert cleaning.clean({"List": "[1, 2"}) == {"List": "[1, 2"}


def test_a_known_secret_is_hidden_in_any_text():
    value = {"Message": "signed: GET&AccessKeyId%3DLTAI123456%26", "Name": "ab", "Other": "abc"}
    found = cleaning.clean(value, ["LTAI123456", "ab", ""])
    assert found == {"Message": f"signed: GET&AccessKeyId%3D{HIDDEN}%26", "Name": HIDDEN, "Other": "abc"}


def test_a_value_that_is_hidden_once_is_hidden_under_other_names_too():
    found = cleaning.clean({"DeviceSecret": "0123456789abcdef", "Text": "the secret is 0123456789abcdef"})
    assert found["Text"] == f"the secret is {HIDDEN}"
