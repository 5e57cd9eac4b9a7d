"""Who is let in: what the vendors' SDKs were seen to send, by name, and what is one step beside it."""

import pytest

from otagw.mqtt.service import FRONTS
from tests.mqtt.client import Client, Credentials, alibaba, huawei, tuya
from tests.mqtt.fleets import bring

IN, BAD_CLIENT_ID, BAD_CREDENTIALS, NOT_AUTHORIZED = 0, 2, 4, 5
PK, SECRET = "a1pk000001", "devsecret123"
ALIBABA_C = Credentials(
    "a1pk000001.dev-c|timestamp=2524608000000,_ss=1,_v=sdk-c-4.1.0,securemode=3,signmethod=hmacsha256,ext=3,_conn=tcp_0|",
    "dev-c&a1pk000001",
    "3B4DE35E2A3A2F49A09E0887A5387E54B9FC9303E3F5AA42F61AC4D1EA530536",
)
ALIBABA_PYTHON = Credentials(
    "a1pk000001&dev-py|securemode=3,signmethod=hmacsha1,ext=1,_ss=1,lan=Python,_v=1.2.13,timestamp=1795826674|",
    "dev-py&a1pk000001",
    "99fc68dd660c793051e2057278d63a79115d6f3d",
)
ALIBABA_NODE = Credentials(
    "a1pk000001&dev-n|securemode=3,signmethod=hmacsha1,timestamp=1795826832081,lan=NodeJS,_v=1.2.8|",
    "dev-n&a1pk000001",
    "6ef9a7f80dece5b6f6c0fa9d34bbd3928d3085d8",
)
HUAWEI_PYTHON = Credentials(
    "5ba24f5ebbe8f56f5a14f605_dev001_0_1_2026112800",
    "5ba24f5ebbe8f56f5a14f605_dev001",
    "16fe92d8469d32fd6cf542eeeeef231d87ed90b047f3ba33b18a7c5694c70d26",
)
HUAWEI_C = Credentials(
    "5ba24f5ebbe8f56f5a14f605_dev001_0_0_2026010203",
    "5ba24f5ebbe8f56f5a14f605_dev001",
    "75a33afde77271cb5b49b8dad7dbcdaba1ebd306ed026d2d5ca4184db846d345",
)
TUYALINK = Credentials(
    "tuyalink_6c95875d0f5ba69607abcd",
    "6c95875d0f5ba69607abcd|signMethod=hmacSha256,timestamp=1795826877,secureMode=1,accessType=1",
    "d3414eeb01c6873aae272e20602f8c27e4e934cbb3fc16f66ea0ac12fccac56e",
)
CAPTURED = {
    "Alibaba, C": (ALIBABA_C, PK, "dev-c", SECRET),
    "Alibaba, Python": (ALIBABA_PYTHON, PK, "dev-py", SECRET),
    "Alibaba, Node": (ALIBABA_NODE, PK, "dev-n", SECRET),
    "Huawei, Python": (HUAWEI_PYTHON, "5ba24f5ebbe8f56f5a14f605", "dev001", SECRET),
    "Huawei, C": (HUAWEI_C, "5ba24f5ebbe8f56f5a14f605", "dev001", SECRET),
    "TuyaLink": (TUYALINK, "tuyapid", "6c95875d0f5ba69607abcd", "0123456789abcdef"),
}
captured = pytest.mark.parametrize(("given", "product", "name", "secret"), CAPTURED.values(), ids=CAPTURED)


def code(node, given, **how):
    with Client(node.port) as client:
        return client.connect(given, **how)


@captured
def test_what_an_sdk_was_seen_to_send_is_let_in(node, given, product, name, secret):
    bring(product, name, secret)
    assert code(node, given) == IN


@pytest.mark.parametrize("client_id", [*(each[0].client_id for each in CAPTURED.values()), "tuyalink_x_0_0_2026112800"])
@pytest.mark.parametrize(
    "user_name", [*(each[0].user_name for each in CAPTURED.values()), "a|b&c", "a&b|c", "", "&", "|"]
)
def test_no_client_is_of_two_vendors(client_id, user_name):
    given = Credentials(client_id, user_name, "")
    mine = [front.name for front in FRONTS if front.is_for(given)]
    own = [each[0][:2] for each in CAPTURED.values()]
    assert len(mine) == 1 if (client_id, user_name) in own else len(mine) <= 1


@captured
def test_another_secret_and_no_device_are_refused_alike(node, given, product, name, secret):
    assert code(node, given) == BAD_CREDENTIALS
    bring(product, name, secret[:-1] + "x" if product != "tuyapid" else "x" + secret)
    assert code(node, given) == BAD_CREDENTIALS


@captured
def test_a_password_with_one_digit_more_or_less_is_refused(node, given, product, name, secret):
    bring(product, name, secret)
    for wrong in ("", given.password[:-1], given.password + "0", given.password[::-1], "é" * 64):
        assert code(node, given._replace(password=wrong)) == BAD_CREDENTIALS


@captured
def test_a_disabled_device_is_told_so_with_its_own_password_alone(node, client, given, product, name, secret):
    bring(product, name, secret)
    client.ok("DisableThing", ProductKey=product, DeviceName=name)
    assert code(node, given) == NOT_AUTHORIZED
    assert code(node, given._replace(password="0" * 64)) == BAD_CREDENTIALS


@pytest.mark.parametrize(
    "given",
    [
        Credentials("anything", "", ""),
        Credentials("", "user", "password"),
        Credentials("tuyalink_x", "x", ""),
        Credentials("dev_0_2_2026112800", "dev", ""),  # of no kind that there is
        Credentials("dev_0_0_20261128", "dev", ""),
        Credentials("dev_0_0_٢٠٢٦١١٢٨٠٠", "dev", ""),
        Credentials("dev_1_0_2026112800", "dev", ""),
        Credentials("_0_0_2026112800", "", ""),
        Credentials("0_0_2026112800", "0", ""),
        Credentials("2026112800", "", ""),
    ],
)
def test_what_no_vendors_client_sends_is_refused(node, given):
    assert code(node, given) == BAD_CLIENT_ID


@pytest.mark.parametrize(
    "given",
    [
        Credentials("x|signmethod=hmacsha1|", "dev1&", ""),
        Credentials("x|signmethod=hmacsha1|", "&p", ""),
        Credentials("x|signmethod=hmacsha1|", "a b&p", ""),
        Credentials("x|signmethod=sha1|", "dev1&p", ""),
        Credentials("x|signmethod=hmacsha512|", "dev1&p", ""),
        Credentials("p_dev1_0_0_2026112800", "p_dev2", ""),
        Credentials("tuyalink_x", "x|signMethod=hmacSha256", ""),
        Credentials("tuyalink_x", "x|signMethod=hmacMd5,timestamp=1,secureMode=1,accessType=1", ""),
    ],
)
def test_what_is_nearly_as_a_vendors_client_sends_it_is_refused(node, given):
    assert code(node, given) == BAD_CREDENTIALS


@pytest.mark.parametrize("method", ["md5", "sha1", "sha256"])
@pytest.mark.parametrize("timestamp", ["1700000000000", None])
def test_alibabas_methods_with_and_without_a_time(node, method, timestamp):
    bring("p", "dev1", "secret")
    assert code(node, alibaba("p", "dev1", "secret", method=method, timestamp=timestamp)) == IN
    assert code(node, alibaba("p", "dev1", "secret", method=method, timestamp=timestamp, client="of its own")) == IN


def test_alibabas_default_method_is_md5(node):
    bring("p", "dev1", "secret")
    given = alibaba("p", "dev1", "secret", method="md5", timestamp=None)
    assert code(node, given._replace(client_id="p&dev1")) == IN


def test_an_id_that_was_chosen_is_one(node):
    bring("p", "dev1", "one", "board_0_7")
    assert code(node, huawei("board_0_7", "one")) == IN
    assert code(node, tuya("board_0_7", "one")) == IN
    assert code(node, huawei("p_dev1", "one")) == IN


def test_of_several_devices_of_a_name_the_one_whose_secret_it_is_comes_in(node):
    for number in range(40):
        bring(f"p{number}", "same", f"secret {number}")
    for number in (0, 20, 39):
        with Client(node.port) as connection:
            assert connection.connect(tuya("same", f"secret {number}")) == IN
            connection.tell("tylink/same/ota/firmware/report", {"data": {"otaChannel": [{"version": f"1.{number}"}]}})
    assert code(node, tuya("same", "secret 40")) == BAD_CREDENTIALS


def test_a_name_may_have_the_separator_in_it(node):
    bring("a_b", "c_d", "one")
    bring("a", "b_c_d", "two")
    assert code(node, huawei("a_b_c_d", "one")) == IN
    assert code(node, huawei("a_b_c_d", "two")) == IN
    assert code(node, huawei("a_b_c_d", "three")) == BAD_CREDENTIALS


def test_tuyas_key_is_the_first_half_of_a_long_secret(node):
    bring("p", "dev1", "0123456789abcdef0123456789abcdef")
    assert code(node, tuya("dev1", "0123456789abcdef")) == IN
    assert code(node, tuya("dev1", "0123456789abcdeX")) == BAD_CREDENTIALS
