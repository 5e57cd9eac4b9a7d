"""Files of other hosts: which are asked, where that leads, and what a host may do to us."""

import gzip
import hashlib
import socket

import certifi
import pytest

from otagw import errors
from otagw.net import allowed_hosts
from otagw.ota.packages import fetch
from otagw.ota.packages.fetch import Fetcher
from tests.conftest import free_port
from tests.deploy import pki
from tests.web import Web, answer

BODY = bytes(range(256)) * 1024
NAME = "cdn.example.com"
NOT_ALLOWED = "its host resolves to an address that is not allowed"


def get(url, *listed, longest=1 << 30):
    return Fetcher(allowed_hosts.read(listed), longest).facts(url)


def refused(url, *listed, longest=1 << 30):
    """Fetch what must fail; return why."""
    with pytest.raises(errors.FetchFailed) as caught:
        get(url, *listed, longest=longest)
    return caught.value.problem


@pytest.fixture
def here(web):
    """The other host's address as it is listed, with a file behind it."""
    web.pages["/x.bin"] = answer(BODY)
    return f"127.0.0.1:{web.port}"


def assert_whole(facts):
    assert facts.size == len(BODY)
    digests = [hashlib.new(name, BODY).hexdigest() for name in ("md5", "sha1", "sha256")]
    assert [facts.md5, facts.sha1, facts.sha256] == digests


def test_a_file_is_read_once_and_asked_for_as_it_stands(web, here):
    assert_whole(get(web.url("/x.bin?a=b%20c"), here))
    (path, headers), *more = web.seen
    assert (path, more) == ("/x.bin?a=b%20c", [])
    assert (headers["Host"], headers["Accept-Encoding"]) == (here, "identity")


def test_a_file_in_chunks_and_one_that_ends_with_the_connection(web, here):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:7], BODY[7:])) + b"0\r\n\r\n"
    web.pages["/chunks"] = answer(Content_Length=None, Transfer_Encoding="chunked") + chunks
    web.pages["/end"] = answer(Content_Length=None) + BODY
    assert_whole(get(web.url("/chunks"), here))
    assert_whole(get(web.url("/end"), here))


def test_an_empty_file_is_refused(web, here):
    web.pages["/x.bin"] = answer()
    assert refused(web.url(), here) == "it is empty"


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.example/x",
        "http://cdn.example.com.evil.example/",
        "http://user:cdn.example.com@evil.example/",
        "http://evil.example/cdn.example.com",
        "http://evil.example\\@cdn.example.com.example/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.1/",
        "http://127.0.0.1./",
        "http://[::2]/",
        "http://" + "a" * 64 + ".example/",
        "http://\u2603\ufffd/",
        "ftp://cdn.example.com/",
    ],
)
def test_a_host_that_is_not_listed_is_left_alone(names, url):
    assert get(url, NAME, "127.0.0.1", "[::1]") is None
    assert get(url) is None
    assert names.asked == []


def test_another_port_than_the_listed_one_is_left_alone(web, here):
    assert get(web.url(), f"127.0.0.1:{free_port()}") is None
    assert web.seen == []


@pytest.mark.parametrize("host", ["cdn.example.com", "CDN.Example.COM", "cdn.example.com."])
def test_a_listed_name_in_other_letters(web, names, here, host):
    names["cdn.example.com"] = names["cdn.example.com."] = ["127.0.0.1"]
    assert_whole(get(web.url(host=host), NAME, here))
    assert web.seen[0][1]["Host"] == f"{NAME}:{web.port}"


def test_a_name_beyond_ascii_is_listed_as_it_is_on_the_wire(web, names, here):
    names["xn--bcher-kva.example"] = ["127.0.0.1"]
    assert_whole(get(web.url(host="Bücher.example"), "xn--bcher-kva.example", here))
    assert get(web.url(host="bucher.example"), "xn--bcher-kva.example", here) is None


@pytest.mark.parametrize(
    "addresses",
    [
        *(["127.0.0.1"], ["10.0.0.1"], ["192.168.0.1"], ["169.254.169.254"], ["0.0.0.0"], ["100.64.0.1"]),
        *(["::"], ["::1"], ["::ffff:127.0.0.1"], ["::ffff:169.254.169.254"], ["fe80::1"], ["fd00::1"]),
        *(["64:ff9b::7f00:1"], ["2002:7f00:1::"], ["224.0.0.1"], ["255.255.255.255"]),
        *(["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["2606:4700::1111", "10.0.0.1"]),
    ],
)
def test_a_listed_name_at_an_address_that_is_not_public_is_refused(web, names, addresses):
    names[NAME] = addresses
    assert refused(web.url(host=NAME), NAME, "127.0.0.2", f"127.0.0.1:{free_port()}") == NOT_ALLOWED
    assert web.seen == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1.example"])
def test_a_name_of_loopback_is_refused(names, host):
    names[host] = ["127.0.0.1"]
    assert refused(f"http://{host}/", host) == NOT_ALLOWED


def test_a_name_is_resolved_once_and_the_checked_address_is_used(web, here, monkeypatch):
    found = iter(["127.0.0.1", "127.0.0.9"])

    def rebind(host, port, *_, **__):
        return [(2, 1, 6, "", (next(found) if host == NAME else host, port))]

    monkeypatch.setattr("socket.getaddrinfo", rebind)
    assert_whole(get(web.url(host=NAME), NAME, here))
    assert next(found) == "127.0.0.9"


def test_the_next_address_is_tried_where_one_does_not_answer(web, names, here):
    names[NAME] = ["127.0.0.2", "127.0.0.1"]
    assert_whole(get(web.url(host=NAME), NAME, "127.0.0.0/8"))


def test_a_host_that_is_not_there(names):
    assert refused(f"http://{NAME}/", NAME) == "its host cannot be resolved"
    assert refused(f"http://127.0.0.1:{free_port()}/", "127.0.0.1") == "its host cannot be reached"


@pytest.mark.parametrize("user", ["user:secret@", "user@", ":@"])
def test_a_url_with_a_user_is_refused_and_not_repeated(web, here, user):
    with pytest.raises(errors.FetchFailed) as caught:
        get(f"http://{user}{here}/x.bin?Signature=secret#secret", here)
    assert caught.value.problem == "a URL with a user name or password is not fetched"
    assert caught.value.url == web.url()
    assert "secret" not in str(caught.value)
    assert web.seen == []


def test_proxies_and_passwords_of_the_environment_are_not_used(web, here, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login user password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert_whole(get(web.url(), here))
    assert web.seen[0][1]["Authorization"] is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_carries_nothing_along(web, here, status):
    web.pages["/old"] = answer(status=f"{status} Moved", Location="../x.bin?y#z", Set_Cookie="a=b; Path=/")
    assert_whole(get(web.url("/old?secret"), here))
    assert web.paths() == ["/old?secret", "/x.bin?y"]
    assert {header: web.seen[1][1][header] for header in ("Cookie", "Referer", "Authorization")} == {
        "Cookie": None, "Referer": None, "Authorization": None,
    }  # fmt: skip


def test_a_redirect_to_another_listed_host(web, names, here):
    names[NAME] = ["127.0.0.1"]
    web.pages["/old"] = answer(status="302 Found", Location=web.url(host=NAME))
    assert_whole(get(web.url("/old"), here, NAME))
    assert web.seen[1][1]["Host"] == f"{NAME}:{web.port}"


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("http://elsewhere.example/", "it redirects to a host that is not listed"),
        ("//elsewhere.example/", "it redirects to a host that is not listed"),
        ("http://169.254.169.254/latest/meta-data", "it redirects to a host that is not listed"),
        ("http://2130706433/", "it redirects to a host that is not listed"),
        ("http://127.0.0.1:1/", "it redirects to a host that is not listed"),
        (f"http://{NAME}/", NOT_ALLOWED),
        ("file:///etc/passwd", "it redirects to what is no http or https URL"),
        ("ftp://127.0.0.1/", "it redirects to what is no http or https URL"),
        ("http://[::1/", "it redirects to what is no http or https URL"),
        ("http://127.0.0.1:x/", "it redirects to what is no http or https URL"),
        ("http://user:secret@%s/x.bin", "a URL with a user name or password is not fetched"),
        ("/old", "it redirects more than 5 times"),
    ],
)
def test_a_redirect_that_is_not_followed(web, names, here, location, problem):
    names[NAME] = ["10.0.0.1"]
    web.pages["/old"] = answer(status="302 Found", Location=location.replace("%s", here))
    assert refused(web.url("/old?secret"), here, NAME) == problem
    assert web.paths() == ["/old?secret", *["/old"] * (5 if location == "/old" else 0)]


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "206 Partial Content", "204 No Content", "304 Same"])
def test_an_answer_other_than_200_is_refused(web, here, status):
    web.pages["/x.bin"] = answer(status=status)
    assert refused(web.url(), here) == f"it answers with status {status[:3]}"


@pytest.mark.parametrize("headers", [{}, {"Location": ""}], ids=["no location", "an empty one"])
def test_a_redirect_to_nowhere_is_an_answer_like_others(web, here, headers):
    web.pages["/x.bin"] = answer(status="302 Found", **headers)
    assert refused(web.url(), here) == "it answers with status 302"


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP", "identity, gzip", "x"])
def test_an_encoding_nobody_asked_for_is_refused(web, here, encoding):
    web.pages["/x.bin"] = answer(gzip.compress(BODY), Content_Encoding=encoding)
    assert refused(web.url(), here) == "it comes compressed or otherwise encoded"


def test_a_file_that_is_said_to_be_too_long_is_not_read(web, here):
    web.pages["/x.bin"] = web.stall(answer(Content_Length=(1 << 30) + 1))
    assert refused(web.url(), here) == "it has more than 1073741824 bytes"


@pytest.mark.parametrize("headers", [{"Transfer_Encoding": "chunked"}, {}, {"Content_Length": "x"}])
def test_a_file_that_turns_out_too_long_is_refused(web, here, headers):
    body = b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\ny\r\n0\r\n\r\n"
    web.pages["/x.bin"] = answer(**{"Content_Length": None, **headers}) + body
    assert refused(web.url(), here, longest=1000) == "it has more than 1000 bytes"


def test_a_file_of_exactly_the_limit_is_taken(web, here):
    assert_whole(get(web.url(), here, longest=len(BODY)))


@pytest.mark.parametrize(
    "page",
    [
        answer(BODY, Content_Length=len(BODY) + 1),
        answer(Content_Length=None, Transfer_Encoding="chunked") + b"5\r\nabcde\r\n",
        answer(Content_Length=None, Transfer_Encoding="chunked") + b"5\r\nabc",
        answer(Content_Length=None, Transfer_Encoding="chunked") + b"x\r\n",
        answer(Content_Length="5, 6") + b"abcdef",
        b"",
        b"HTTP/1.1 ",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000,
    ],
)
def test_an_answer_that_is_none_is_refused(web, here, page):
    web.pages["/x.bin"] = page
    assert refused(web.url(), here) == "its connection broke off"


SLOW = {
    "before the answer": (),
    "in the head": (b"HTTP/1.1 200 OK\r\n",),
    "in an endless head": (b"HTTP/1.1 100 Continue\r\n\r\n",) * 100,
    "in the body": (answer(BODY[:10], Content_Length=20),),
    "in a body without a length": (answer(BODY[:10], Content_Length=None),),
    "in drops": (answer(Content_Length=20), *[b"x"] * 19),
    "in drops without a length": (answer(Content_Length=None), *[b"x"] * 100),
    "in drops of a chunk's length": (answer(Content_Length=None, Transfer_Encoding="chunked"), *[b"0"] * 100),
}


@pytest.mark.parametrize("pieces", SLOW.values(), ids=SLOW)
def test_a_slow_file_is_given_up(web, here, pieces, monkeypatch):
    monkeypatch.setattr(fetch, "SECONDS", 0.4)
    web.pages["/x.bin"] = web.stall(*pieces, gap=0.05 if len(pieces) > 1 else 10) if pieces else web.stall(b"", gap=10)
    assert refused(web.url(), here) == "it did not arrive within 0.4 seconds"


def test_a_silent_host_is_given_up_earlier(web, here, monkeypatch):
    monkeypatch.setattr(fetch, "SILENT_SECONDS", 0.2)
    monkeypatch.setattr(fetch, "SECONDS", fetch.CONNECT_SECONDS)
    for page in (web.stall(b""), web.stall(answer(Content_Length=20))):
        web.pages["/x.bin"] = page
        assert refused(web.url(), here) == "its host fell silent"


def test_a_host_may_be_silent_for_longer_than_it_may_take_to_connect(web, here, monkeypatch):
    monkeypatch.setattr(fetch, "CONNECT_SECONDS", 0.3)

    def page(stream):
        web.done.wait(0.6)
        stream.write(answer(BODY))

    web.pages["/x.bin"] = page
    assert_whole(get(web.url(), here))


def test_all_files_of_a_request_share_its_time(web, here, monkeypatch):
    monkeypatch.setattr(fetch, "SECONDS", 0)
    fetcher = Fetcher(allowed_hosts.read([here]), 1 << 30)
    with pytest.raises(errors.FetchFailed, match="within 0 seconds"):
        fetcher.facts(web.url())
    assert web.seen == []


def test_nothing_of_a_fetch_stays_open(web, here):
    web.pages["/old"] = answer(b"y" * 100_000, status="302 Found", Location="/x.bin")
    assert_whole(get(web.url("/old"), here))
    refused(web.url("/none"), here)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    pki.make(folder, NAME)
    return folder


@pytest.fixture
def secure(folder, names):
    web = Web(folder)
    web.pages["/x.bin"] = answer(BODY)
    names[NAME] = names["other.example.com"] = ["127.0.0.1"]
    yield web
    web.close()


@pytest.fixture
def trusted(folder, monkeypatch):
    monkeypatch.setattr(certifi, "where", lambda: str(folder / "ca.pem"))


class TestTls:
    """Names are certified, not addresses; only a known authority counts."""

    @pytest.mark.usefixtures("trusted")
    @pytest.mark.parametrize("host", [NAME, "CDN.example.com.", "127.0.0.1"])
    def test_the_name_is_sent_and_certified(self, secure, names, host):
        names[f"{NAME}."] = ["127.0.0.1"]
        assert_whole(get(secure.url(host=host, scheme="https"), NAME, "127.0.0.1"))
        assert secure.seen[0] == (None if host == "127.0.0.1" else NAME)
        assert len(secure.seen) == 2

    @pytest.mark.usefixtures("trusted")
    def test_a_certificate_of_another_name_is_refused(self, secure):
        problem = refused(secure.url(host="other.example.com", scheme="https"), "other.example.com", "127.0.0.1")
        assert problem.startswith("its certificate is refused: Hostname mismatch")
        assert not problem.endswith(".")
        assert secure.seen == ["other.example.com"]

    def test_a_certificate_of_an_unknown_authority_is_refused(self, secure, folder, monkeypatch):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
        problem = refused(secure.url(host=NAME, scheme="https"), NAME, "127.0.0.1")
        assert problem.startswith("its certificate is refused: ")

    @pytest.mark.usefixtures("trusted")
    def test_a_redirect_to_http_is_refused(self, secure):
        secure.pages["/old"] = answer(status="302 Found", Location=f"http://{NAME}/")
        problem = refused(secure.url("/old", NAME, "https"), NAME, "127.0.0.1")
        assert problem == "it redirects from https to http"

    @pytest.mark.usefixtures("trusted")
    def test_a_slow_file_is_given_up(self, secure, monkeypatch):
        monkeypatch.setattr(fetch, "SECONDS", 0.5)
        secure.pages["/x.bin"] = secure.stall(answer(Content_Length=None), *[b"x"] * 100, gap=0.05)
        assert refused(secure.url(host=NAME, scheme="https"), NAME, "127.0.0.1").startswith("it did not arrive")

    def test_a_host_that_speaks_no_tls(self, web, here):
        web.pages["/x.bin"] = answer()
        assert refused(web.url(scheme="https"), here) == "its connection broke off"

    def test_a_host_that_does_not_shake_hands_is_given_up_in_time(self, monkeypatch):
        monkeypatch.setattr(fetch, "SECONDS", 0.4)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            here = "{}:{}".format(*silent.getsockname())
            assert refused(f"https://{here}/", here) == "it did not arrive within 0.4 seconds"
