"""Which hosts are listed, and which addresses may be connected to."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otagw import settings
from otagw.net import allowed_hosts
from otagw.settings import SettingsError

NOTHING = allowed_hosts.read([])

LISTED = [
    (["cdn.example.com"], "cdn.example.com", 443),
    (["cdn.example.com"], "cdn.example.com", 8443),
    (["CDN.Example.com"], "cdn.EXAMPLE.com", 443),
    (["cdn.example.com"], "cdn.example.com.", 443),
    (["cdn.example.com:8080"], "cdn.example.com", 8080),
    (["localhost"], "localhost", 80),
    (["xn--bcher-kva.example"], "xn--bcher-kva.example", 80),
    (["10.0.0.5"], "10.0.0.5", 1),
    (["10.0.0.5:8080"], "10.0.0.5", 8080),
    (["10.0.0.5"], "::ffff:10.0.0.5", 80),
    (["10.1.0.0/16"], "10.1.255.255", 80),
    (["[::1]:8080"], "::1", 8080),
    (["[::1]"], "::1", 8080),
    (["::1"], "0:0::1", 80),
    (["fd00::/8"], "fd12::3", 80),
]
UNLISTED = [
    ([], "cdn.example.com", 443),
    (["cdn.example.com"], "example.com", 443),
    (["cdn.example.com"], "a.cdn.example.com", 443),
    (["cdn.example.com"], "cdn.example.com..", 443),
    (["cdn.example.com"], "cdn.example.com.evil.example", 443),
    (["cdn.example.com:8080"], "cdn.example.com", 443),
    (["10.0.0.5:8080"], "10.0.0.5", 80),
    (["10.1.0.0/16"], "10.2.0.1", 80),
    (["127.0.0.1"], "2130706433", 80),
    (["127.0.0.1"], "0177.0.0.1", 80),
    (["127.0.0.1"], "127.1", 80),
    (["127.0.0.1"], "0x7f000001", 80),
    (["127.0.0.1"], "127.0.0.1.", 80),
    (["127.0.0.1"], "localhost", 80),
    (["::1"], "127.0.0.1", 80),
]


@pytest.mark.parametrize(("entries", "host", "port"), LISTED)
def test_it_is_listed(entries, host, port):
    assert allowed_hosts.read(entries).lists(host, port)


@pytest.mark.parametrize(("entries", "host", "port"), UNLISTED)
def test_it_is_not_listed(entries, host, port):
    assert not allowed_hosts.read(entries).lists(host, port)


NOT_PUBLIC = [
    *("127.0.0.1", "127.255.0.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00::1", "ff02::1", "2001:db8::1", "2001::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0", "::127.0.0.1"),
    *("192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.0.255", "192.88.99.1", "192.31.196.1", "192.52.193.1"),
    *("192.175.48.1", "::ffff:192.88.99.1", "64:ff9b::c000:9", "2002:c058:6301::", "2620:4f:8000::1", "3fff::1"),
    *("3fff:fff:ffff::1", "3ffe::1", "5f00::1", "100::1", "100:0:0:1::1", "2001:1::1", "2001:3::1", "2001:4:112::1"),
    *("2001:20::1", "2001:30::1", "2001:0:808:808::f7f7:f7f7", "64:ff9b:1:7f00:0:100::", "::ffff:0:7f00:1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::", "2002:a00:1::1", "4000::1"),
]
PUBLIC = [
    *(
        "192.0.1.1",
        "192.88.98.255",
        "192.88.100.0",
        "2620:4f:8001::1",
        "3fff:1000::1",
        "2001:200::1",
        "2001:4860::8888",
    ),
    *("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"),
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_must_be_listed_itself(address):
    assert not NOTHING.allows(ip_address(address), 80)
    assert not allowed_hosts.read(["cdn.example.com", "10.0.0.9", "127.0.0.1:1"]).allows(ip_address(address), 80)
    bare = address.partition("%")[0]
    assert allowed_hosts.read([bare]).allows(ip_address(address), 80)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_connected_to(address):
    assert NOTHING.allows(ip_address(address), 80)


v4 = st.ip_addresses(v=4)
private = st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "0.0.0.0/8", "224.0.0.0/3"])


@given(v4)
def test_an_ipv4_address_is_judged_alike_in_every_form(address):
    number = int(address)
    forms = [(0xFFFF << 32) | number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80)]
    assert {NOTHING.allows(IPv6Address(form), 80) for form in forms} == {NOTHING.allows(address, 80)}


@given(private.map(ip_network), st.integers(0, 2**32 - 1), st.integers(1, 65535))
def test_a_private_address_is_allowed_by_its_own_network_alone(network, number, port):
    address = IPv4Address(int(network.network_address) | (number & int(network.hostmask)))
    assert not NOTHING.allows(address, port)
    assert allowed_hosts.read([str(network)]).allows(address, port)
    assert allowed_hosts.read([f"{address}:{port}"]).allows(address, port)
    assert not allowed_hosts.read([f"{address}:{port % 65535 + 1}", f"{address}.example"]).allows(address, port)


WRONG = [
    *("", "a b", "https://cdn.example.com", "cdn.example.com/x", "cdn.example.com:", "cdn.example.com:0", "*.x.com"),
    *("cdn.example.com:65536", "user@cdn.example.com", "bücher.example", "-a.com", "a..b", ".a", "a.", "a\n", "x" * 64),
    *("10.1.0.1/16", "10.1.0.0/33", "10.1.0.0/16:80", "256.0.0.1", "0177.0.0.1", "2130706433", "0x7f000001", "1.2.3"),
    *("[::1", "[::1]:0", "[127.0.0.1]", "[x]", ":80", "::g"),
]


@pytest.mark.parametrize("entry", WRONG)
def test_an_entry_that_is_none_is_refused(entry):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says, settings have words of their own
        allowed_hosts.read(["cdn.example.com", entry])


def test_the_setting_is_a_list(tmp_path):
    path = tmp_path / "o.toml"
    path.write_text('fetch_hosts = ["a.example", "10.0.0.0/8"]\n', encoding="utf-8")
    assert settings.load({}, str(path)).fetch_hosts == ("a.example", "10.0.0.0/8")
    chosen = settings.load({"OTAGW_FETCH_HOSTS": '["cdn.example.com:8080"]'}, str(path))
    assert chosen.fetch_hosts == ("cdn.example.com:8080",)


@pytest.mark.parametrize("text", ["cdn.example.com", '"cdn.example.com"', "[1]", "[null]", "{}", '["a b"]', "", "[[]]"])
def test_an_ill_typed_list_is_refused_by_name(text):
    with pytest.raises(SettingsError, match=r'^OTAGW_FETCH_HOSTS: expected a list like \["cdn\.example\.com", '):
        settings.load({"OTAGW_CONFIG": "/dev/null", "OTAGW_FETCH_HOSTS": text})
