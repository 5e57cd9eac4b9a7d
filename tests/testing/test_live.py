"""The real gateway as a fixture: under gunicorn, with devices, packages, rollouts, webhooks and seeds."""

import pytest
import requests

from otagw.testing.live import Failed, LiveGateway

pytestmark = pytest.mark.live


def test_a_release_on_the_real_gateway(otagw_live):
    locks = otagw_live.devices.add("a1lock", 2, version="1.0.0")
    (hawkbit,) = otagw_live.devices.add("a1lock", 1, protocol="ddi", name="swu")
    hook = otagw_live.webhooks.capture("job.*")
    job = otagw_live.rollouts.add(otagw_live.packages.add("door-lock", "2.0.0", data=b"x" * 1000, product="a1lock"))
    locks[0].take()
    hawkbit.take()
    locks[1].fail("flash")
    assert job.counts() == {"FAILED": 1, "SUCCEEDED": 2}
    assert hook.wait("job.completed").signed
    assert requests.get(otagw_live.sign("ListOTAFirmware", CurrentPage=1, PageSize=10)).json()["Total"] == 1


def test_it_is_seeded_and_has_accounts(otagw_live):
    made = otagw_live.seed(
        {
            "accounts": [{"name": "factory", "grants": ["ota:List*"]}],
            "products": [{"key": "a1other", "name": "Other"}],
            "packages": [{"name": "seeded", "version": "1.0", "data": "x"}],
        }
    )
    answer = made.accounts["factory"].call("CreateOTAFirmware", FirmwareName="x", DestVersion="1")
    assert answer["Code"] == "NoPermission"
    assert otagw_live.call("QueryProduct", ProductKey="a1other")["Data"]["ProductName"] == "Other"


def test_it_has_no_clock_and_no_faults(otagw_live):
    for name in ("clock", "faults", "calls", "snapshot"):
        assert not hasattr(otagw_live, name)


@pytest.mark.parametrize(
    ("settings", "problem"), [({"spelling": "english"}, "expected one of"), ({"spellin": "x"}, "did you mean spelling")]
)
def test_one_that_cannot_start_says_why(tmp_path, settings, problem):
    with pytest.raises(Failed, match=problem):
        LiveGateway(tmp_path, settings).__enter__()
