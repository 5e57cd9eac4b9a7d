"""Seeds from a file or a mapping; refusals name the table and the field."""

import pytest

SEED = """
[[accounts]]
name = "factory"
grants = ["ota:List*"]

[[products]]
key = "a1lock"
name = "Door lock"

[[devices]]
product = "a1lock"
count = 3
version = "1.0.0"

[[devices]]
product = "a1lock"
names = ["swu-1"]
protocol = "ddi"

[[packages]]
name = "door-lock"
version = "2.0.0"
product = "a1lock"
file = "firmware.bin"

[[jobs]]
package = "door-lock"
devices = ["device-00001", "swu-1"]
schedule = 2026-11-22T01:00:00Z
timeout_minutes = 30

[[webhooks]]
url = "http://127.0.0.1:9/hook"
events = ["job.*"]
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "firmware.bin").write_bytes(b"firmware" * 10)
    (tmp_path / "fleet.toml").write_text(SEED)
    return tmp_path / "fleet.toml"


def test_a_file_makes_all_that_it_says(otagw, file):
    otagw.clock.freeze("2026-11-22T00:00Z")
    made = otagw.seed(file)
    assert sorted(made.devices) == ["a1lock/device-00001", "a1lock/device-00002", "a1lock/device-00003", "a1lock/swu-1"]
    assert made.accounts["factory"].call("CreateOTAModule", ProductKey="p", ModuleName="m")["Code"] == "NoPermission"
    (job,) = made.jobs
    assert (job.state, sorted(job.tasks())) == ("PLANNED", ["device-00001", "swu-1"])
    otagw.clock.advance(hours=1)
    made.devices["a1lock/swu-1"].take()
    assert job.counts() == {"QUEUED": 1, "SUCCEEDED": 1}
    assert made.packages["door-lock"].data == b"firmware" * 10
    assert otagw.call("QueryProduct", ProductKey="a1lock")["Data"]["ProductName"] == "Door lock"


def test_a_mapping_does_as_well(otagw):
    made = otagw.seed({"packages": [{"name": "p", "version": "1", "data": "x"}], "devices": [{"product": "a1lock"}]})
    assert (list(made.packages), list(made.devices)) == (["p"], ["a1lock/device-00001"])


@pytest.mark.parametrize(
    ("what", "problem"),
    [({"device": []}, "seed: there is no device; did you mean devices"),
     ({"devices": {}}, "devices: expected a list of tables"),
     ({"devices": "x"}, "expected a list of tables"), ({"devices": [1]}, "expected a list of tables"),
     ({"devices": [{}]}, "devices 1: expected product"),
     ({"devices": [{"product": 1}]}, "product: expected a text, got 1"),
     ({"devices": [{"product": "p", "counts": 1}]}, "no counts; did you mean count"),
     ({"devices": [{"product": "p", "count": "two"}]}, "count: expected a number"),
     ({"devices": [{"product": "p", "count": True}]}, "count: expected a number"),
     ({"devices": [{"product": "p", "names": "lock"}]}, "names: expected a list of texts"),
     ({"devices": [{"product": "p", "names": [1]}]}, "names: expected a list of texts"),
     ({"packages": [{"name": "p", "version": "1", "file": __file__, "data": "x"}]}, "file or data, not both"),
     ({"jobs": [{"package": "p"}]}, "expected the name of a package of the seed, got 'p'"),
     ({"packages": [{"name": "p", "version": "1", "file": "nowhere"}]}, "file: expected a readable file"),
     ({"packages": [{"name": "p", "version": "1", "verified": "yes"}]}, "verified: expected true or false"),
     ({"accounts": [{"name": "no good"}]}, "account: expected"), ({"webhooks": [{"url": "here"}]}, "url: expected")],
)  # fmt: skip
def test_what_is_wrong_is_said_by_name(otagw, what, problem):
    with pytest.raises(ValueError, match=problem):
        otagw.seed(what)


def test_a_file_that_cannot_be_read_is_refused(otagw, tmp_path):
    for content in (b"[[devices", b"\xff", None):
        path = tmp_path / "seed.toml"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ValueError, match=r"seed\.toml: expected a readable TOML file"):
            otagw.seed(str(path))


def test_what_is_refused_by_the_gateway_says_its_code(otagw):
    with pytest.raises(Exception, match=r"CreateOTAFirmware was refused with iot\.ota\.FirmwareNameExists"):
        otagw.seed({"packages": [{"name": "p", "version": "1"}, {"name": "p", "version": "2"}]})
