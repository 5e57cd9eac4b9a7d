"""Packages by the vendor's API: what is taken, what is echoed, what is refused, and where their bytes come from."""

import hashlib
import json
import os
import re
from pathlib import Path

import pytest

from tests.conftest import OTHER, Client
from tests.iotda.conftest import MODULES, PACKAGES, Iotda, package

DATA = b"firmware" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


def made(iotda, **changes):
    return iotda.ok("POST", PACKAGES, package(**changes), status=201)


def test_a_package_is_echoed_as_it_was_sent(iotda, held_clock):
    found = made(iotda)
    identity = found.pop("package_id")
    assert re.fullmatch(r"[0-9]{1,19}", identity)
    assert found == {**package(), "create_time": "20261118T110640Z"}
    shown = iotda.ok("GET", f"{PACKAGES}/{identity}")
    assert shown == {**found, "package_id": identity}


def test_every_optional_field_is_echoed(iotda):
    location = {"sign": "abcdef01" * 8, "sign_method": "SHA-256"}
    more = {"support_source_versions": [], "description": "", "custom_info": "i" * 4096}
    body = package(location, package_type="modulePackage", module_name="mcu", **more)
    found = iotda.ok("POST", PACKAGES, body, status=201)
    assert {name: found[name] for name in body} == body
    assert set(found) == {*body, "package_id", "create_time"}


def test_null_is_as_good_as_nothing(iotda):
    found = iotda.ok("POST", PACKAGES, {**package(), "description": None, "module_name": None}, status=201)
    assert set(found) == {*package(), "package_id", "create_time"}


WRONG = [
    ("app_id", {"app_id": "a" * 37}),
    ("app_id", {"app_id": "a b"}),
    ("app_id", {"app_id": 5}),
    ("app_id", {"app_id": "app\n"}),
    ("package_type", {"package_type": "firmware"}),
    ("package_type", {"package_type": ["firmwarePackage"]}),
    ("product_id", {"product_id": "a.b"}),
    ("module_name", {"module_name": "m"}),
    ("module_name", {"module_name": "m", "package_type": "softwarePackage"}),
    ("module_name", {"module_name": "m" * 65, "package_type": "modulePackage"}),
    ("module_name", {"module_name": "Default", "package_type": "modulePackage"}),
    ("version", {"version": "v" * 257}),
    ("version", {"version": "1 0"}),
    ("support_source_versions", {"support_source_versions": [str(n) for n in range(21)]}),
    ("support_source_versions", {"support_source_versions": ["1", "1"]}),
    ("support_source_versions", {"support_source_versions": "1"}),
    ("support_source_versions[1]", {"support_source_versions": ["1", "v" * 257]}),
    ("support_source_versions[0]", {"support_source_versions": [1]}),
    ("description", {"description": "d" * 1025}),
    ("description", {"description": "a\0"}),
    ("description", {"description": "\ud800"}),
    ("custom_info", {"custom_info": "i" * 4097}),
    ("file_location", {"file_location": "x"}),
    ("file_location.obs_location", {"file_location": {"obs_location": []}}),
]
WRONG_PLACES = [
    ("region_name", "a_b"),
    ("region_name", "a" * 257),
    ("bucket_name", "ab"),
    ("bucket_name", "a" * 64),
    ("bucket_name", "Bucket"),
    ("object_key", "a/b.txt"),
    ("object_key", ".bin" * 257),
    ("object_key", "a.bin\n"),
    ("object_key", ".bin"),
    ("object_key", "a\0.bin"),
    ("sign_method", "MD5"),
    ("sign", "g" * 64),
    ("sign", "a" * 63),
]


@pytest.mark.parametrize(("name", "changes"), WRONG)
def test_an_ill_formed_field_is_named(iotda, name, changes):
    status, code, text = iotda.refused("POST", PACKAGES, package(**changes))
    assert (status, code) == (400, "IOTDA.000006")
    assert text.startswith(f"Invalid input data. {name} is not valid: expected ")


@pytest.mark.parametrize(("name", "value"), WRONG_PLACES)
def test_an_ill_formed_place_is_named(iotda, name, value):
    status, code, text = iotda.refused("POST", PACKAGES, package({name: value}))
    assert (status, code) == (400, "IOTDA.000006")
    assert text.startswith(f"Invalid input data. file_location.obs_location.{name} is not valid: expected ")


@pytest.mark.parametrize("name", ["region_name", "bucket_name", "object_key"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_part_of_a_place_is_named(iotda, name, value):
    status, _, text = iotda.refused("POST", PACKAGES, package({name: value}))
    assert (status, text) == (400, f"Invalid input data. file_location.obs_location.{name} is missing.")


def test_a_package_for_a_module_names_it(iotda):
    _, _, text = iotda.refused("POST", PACKAGES, package(package_type="modulePackage"))
    assert text == "Invalid input data. module_name is missing."


@pytest.mark.parametrize("ending", ["bin", "dav", "tar.gz", "tar.xz", "gzip", "pack", "exe", "bat", "img"])
def test_objects_have_one_of_the_known_endings(iotda, ending):
    made(iotda, location={"object_key": f"a.{ending}"})


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":-1e309}', b"\xff", b"[" * 100_000]
)
def test_a_body_that_is_no_object_is_refused(iotda, body):
    status, code, _ = iotda.refused("POST", PACKAGES, body)
    assert (status, code) == (400, "IOTDA.000008" if body else "IOTDA.000006")


def test_a_body_of_another_kind_is_refused(iotda):
    assert iotda.refused("POST", PACKAGES, package(), Content_Type="text/plain")[:2] == (400, "IOTDA.000008")


def test_a_body_is_limited(iotda):
    assert iotda.refused("POST", PACKAGES, b" " * (12 * 2**20 + 1))[:2] == (413, "APIGW.0201")


def test_pages_follow_a_marker(iotda, held_clock):
    ids = []
    for number in range(5):
        held_clock.seconds += 1
        ids.insert(0, made(iotda, version=str(number))["package_id"])
    marker, seen = None, []
    for length in (2, 2, 1, 0):
        params = {"package_type": "firmwarePackage", "limit": 2, **({"marker": marker} if marker else {})}
        page = iotda.ok("GET", PACKAGES, params=params)
        assert page["page"]["count"] == 5
        assert len(page["packages"]) == length
        assert all("file_location" not in each for each in page["packages"])
        seen += [each["package_id"] for each in page["packages"]]
        if length:
            assert page["page"]["marker"] == f"{int(seen[-1]):024x}"
        else:
            assert page["page"]["marker"] == marker
        marker = page["page"]["marker"]
    assert seen == ids
    page = iotda.ok("GET", PACKAGES, params={"package_type": "firmwarePackage", "offset": 3})
    assert [each["package_id"] for each in page["packages"]] == ids[3:]


def test_filters_compare_exactly(iotda):
    made(iotda, app_id="one", version="1")
    made(iotda, app_id="two", version="2")
    made(iotda, app_id="two", package_type="softwarePackage", product_id="other")

    def count(**params):
        page = iotda.ok("GET", PACKAGES, params={"package_type": "firmwarePackage", **params})
        assert page["page"]["count"] == len(page["packages"])
        return page["page"]["count"]

    assert count() == 2
    assert count(app_id="two") == count(version="1") == 1
    assert count(app_id="two", version="1") == count(product_id="other") == 0
    assert count(package_type="softwarePackage", product_id="other", app_id="two") == 1


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("limit", "0", "IOTDA.000017"),
        ("limit", "51", "IOTDA.000017"),
        ("limit", "+1", "IOTDA.000017"),
        ("limit", "\u0661", "IOTDA.000017"),
        ("offset", "501", "IOTDA.000018"),
        ("offset", "-1", "IOTDA.000018"),
        ("marker", "f" * 23, "IOTDA.000006"),
        ("marker", "F" * 24, "IOTDA.000006"),
        ("package_type", "x", "IOTDA.000006"),
    ],
)
def test_a_wrong_question_is_refused(iotda, name, value, code):
    params = {"package_type": "firmwarePackage", name: value}
    assert iotda.refused("GET", PACKAGES, params=params)[:2] == (400, code)


def test_a_type_is_asked_for(iotda):
    text = "Invalid input data. package_type is missing."
    assert iotda.refused("GET", PACKAGES) == (400, "IOTDA.000006", text)


def test_a_deleted_package_is_gone(iotda):
    path = f"{PACKAGES}/{made(iotda)['package_id']}"
    assert iotda.ok("DELETE", path, status=204) is None
    for method in ("GET", "DELETE"):
        assert iotda.refused(method, path)[:2] == (404, "IOTDA.901001")


@pytest.mark.parametrize(
    "identity", ["1", "0", "x", "28f61af50fc9452aa0ed5ea25c3cc3d3", "9" * 40, "%00", "a%2Fb", "%FF"]
)
def test_what_is_no_id_is_not_found(iotda, identity):
    headers = {"Content-Type": "application/json"}
    response = iotda.send("GET", f"{PACKAGES}/{identity}", headers)
    assert response.status_code == 401
    if "%" not in identity:
        assert iotda.refused("GET", f"{PACKAGES}/{identity}")[:2] == (404, "IOTDA.901001")


def mapped(make_app, bucket, **changes):
    return Iotda(make_app(obs_buckets=json.dumps({"firmware": str(bucket)}), **changes))


def test_an_object_is_copied_checked_and_delivered(make_app, bucket):
    iotda = mapped(make_app, bucket)
    found = made(iotda)
    assert found["file_location"] == package()["file_location"]  # the digest that was computed does not appear
    (bucket / "a/upgrade.bin").write_bytes(b"other")
    client = Client(iotda.app)
    info = client.ok("QueryOTAFirmware", FirmwareId=found["package_id"])["FirmwareInfo"]
    assert (info["FirmwareSize"], info["FirmwareSign"], info["Verified"]) == (len(DATA), DIGEST, True)
    download = client.http.get(info["FirmwareUrl"].partition("localhost")[2])
    assert download.data == DATA
    iotda.ok("DELETE", f"{PACKAGES}/{found['package_id']}", status=204)
    assert (bucket / "a/upgrade.bin").exists()


@pytest.mark.parametrize("sign", [DIGEST, DIGEST.upper()])
def test_a_right_digest_is_taken_in_either_case_and_shown_in_lower_case(make_app, bucket, sign):
    found = made(mapped(make_app, bucket), location={"sign": sign, "sign_method": "SHA256"})
    assert found["file_location"]["obs_location"]["sign"] == DIGEST


def test_a_digest_that_cannot_be_checked_is_shown_in_lower_case_everywhere(iotda, client):
    found = made(iotda, location={"sign": DIGEST.upper(), "sign_method": "SHA256"})
    assert found["file_location"]["obs_location"]["sign"] == DIGEST
    assert client.ok("QueryOTAFirmware", FirmwareId=found["package_id"])["FirmwareInfo"]["FirmwareSign"] == DIGEST


def test_a_wrong_digest_is_refused_and_nothing_is_made(make_app, bucket):
    iotda = mapped(make_app, bucket)
    status, code, text = iotda.refused("POST", PACKAGES, package({"sign": "0" * 64}))
    assert (status, code) == (400, "IOTDA.904003")
    assert DIGEST in text
    assert iotda.ok("GET", PACKAGES, params={"package_type": "firmwarePackage"})["page"]["count"] == 0


@pytest.mark.parametrize(
    "key", ["a/none.bin", "../secret.bin", "a/../../secret.bin", "/etc/x.bin", "a//upgrade.bin", "./a.bin"]
)
def test_what_is_not_in_the_bucket_is_refused(make_app, bucket, key):
    (bucket.parent / "secret.bin").write_bytes(b"secret")
    iotda = mapped(make_app, bucket)
    assert iotda.refused("POST", PACKAGES, package({"object_key": key}))[:2] == (400, "IOTDA.904001")


def test_a_link_does_not_lead_out_of_a_bucket(make_app, bucket):
    (bucket.parent / "bucket2").mkdir()
    for secret in (bucket.parent / "secret.bin", bucket.parent / "bucket2/secret.bin"):
        secret.write_bytes(b"secret")
    (bucket / "file.bin").symlink_to(bucket.parent / "secret.bin")
    (bucket / "relative.bin").symlink_to("../secret.bin")
    (bucket / "folder").symlink_to(bucket.parent / "bucket2")
    (bucket / "chain.bin").symlink_to("file.bin")
    (bucket / "loop.bin").symlink_to("loop.bin")
    (bucket / "dangling.bin").symlink_to("none.bin")
    iotda = mapped(make_app, bucket)
    for key in ("file.bin", "relative.bin", "folder/secret.bin", "chain.bin", "loop.bin", "dangling.bin"):
        refusal = iotda.refused("POST", PACKAGES, package({"object_key": key}))[:2]
        assert (key, *refusal) == (key, 400, "IOTDA.904001")
    assert not [path for path in (bucket.parent / "data/files").rglob("*") if path.is_file()]


def test_a_link_within_a_bucket_is_an_object_and_so_is_one_of_a_linked_bucket(make_app, bucket):
    (bucket / "latest.bin").symlink_to("a/upgrade.bin")
    (bucket.parent / "linked").symlink_to(bucket)
    iotda = mapped(make_app, bucket.parent / "linked")
    assert made(iotda, location={"object_key": "latest.bin", "sign": DIGEST})["file_location"]


def test_a_pipe_is_no_object(make_app, bucket):
    os.mkfifo(bucket / "pipe.bin")
    iotda = mapped(make_app, bucket)
    assert iotda.refused("POST", PACKAGES, package({"object_key": "pipe.bin"}))[:2] == (400, "IOTDA.904001")


def test_a_folder_is_no_object(make_app, bucket):
    (bucket / "x.bin").mkdir()
    iotda = mapped(make_app, bucket)
    assert iotda.refused("POST", PACKAGES, package({"object_key": "x.bin"}))[:2] == (400, "IOTDA.904001")


def lying(environment):
    """Return the names of all files in the storage, finished or not."""
    return [path.name for path in (Path(environment["OTAGW_DATA_DIR"]) / "files").rglob("*") if path.is_file()]


def test_an_object_has_the_bytes_of_the_setting_at_most(make_app, bucket, environment):
    iotda = mapped(make_app, bucket, max_package_bytes=len(DATA))
    made(iotda)
    with open(bucket / "a/upgrade.bin", "ab") as file:
        file.write(b"x")
    assert iotda.refused("POST", PACKAGES, package())[:2] == (400, "IOTDA.904002")
    assert len(lying(environment)) == 1


def test_an_empty_object_is_refused_and_leaves_nothing(make_app, bucket):
    (bucket / "empty.bin").write_bytes(b"")
    iotda = mapped(make_app, bucket)
    assert iotda.refused("POST", PACKAGES, package({"object_key": "empty.bin"}))[:2] == (400, "IOTDA.904005")
    assert not [path for path in (bucket.parent / "data/files").rglob("*") if path.is_file()]


def test_an_object_of_an_object_store_is_read_too(make_app, object_store, tmp_path):
    object_store.put_object(Bucket="ota", Key="firmware/a/upgrade.bin", Body=DATA)
    iotda = mapped(make_app, "s3://ota/firmware")
    made(iotda, location={"sign": DIGEST})
    assert iotda.refused("POST", PACKAGES, package({"object_key": "none.bin"}))[:2] == (400, "IOTDA.904001")


def test_a_bucket_that_is_not_mapped_may_be_refused(make_app, bucket):
    iotda = mapped(make_app, bucket, unmapped_buckets="refuse")
    made(iotda)
    status, code, text = iotda.refused("POST", PACKAGES, package({"bucket_name": "other"}))
    assert (status, code) == (403, "IOTDA.904004")
    assert "obs_buckets" in text


def test_a_package_without_bytes_is_unverified_and_goes_into_no_job(iotda):
    identity = made(iotda)["package_id"]
    client = Client(iotda.app)
    assert client.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]["Verified"] is False
    status, code, text = client.refused(
        "CreateOTAStaticUpgradeJob", FirmwareId=identity, ProductKey="lock", TargetSelection="ALL"
    )
    assert (status, code) == (400, "iot.ota.FirmwareUrlMissing")
    assert "bucket firmware is not mapped" in text


def test_each_front_shows_what_the_other_made(iotda):
    client = Client(iotda.app)
    identity = made(iotda)["package_id"]
    assert (
        client.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]["FirmwareName"]
        == f"firmware-V2.0-{identity}"
    )
    theirs = client.make("theirs", "3.0", ProductKey="lock")
    module = client.make("module", "4.0", ProductKey="lock", ModuleName="mcu")
    for params in ({}, {"app_id": "app1"}):
        page = iotda.ok("GET", PACKAGES, params={"package_type": "firmwarePackage", **params})
        assert [each["package_id"] for each in page["packages"]] == [theirs, identity]
        page = iotda.ok("GET", PACKAGES, params={"package_type": "modulePackage", **params})
        assert [(each["package_id"], each["module_name"]) for each in page["packages"]] == [(module, "mcu")]
    assert "file_location" not in iotda.ok("GET", f"{PACKAGES}/{theirs}")
    assert [each["module_name"] for each in iotda.ok("GET", MODULES, params={"app_id": "x"})["modules"]] == ["mcu"]


def test_a_used_package_stays(make_app, bucket):
    iotda = mapped(make_app, bucket)
    identity = made(iotda)["package_id"]
    client = Client(iotda.app)
    client.ok("RegisterDevice", ProductKey="lock", DeviceName="lock-1")
    client.ok("CreateOTAStaticUpgradeJob", FirmwareId=identity, ProductKey="lock", TargetSelection="ALL")
    assert iotda.refused("DELETE", f"{PACKAGES}/{identity}")[:2] == (403, "IOTDA.901002")


def test_another_accounts_product_is_not_found(iotda):
    made(iotda)
    path = PACKAGES.replace("0a1b", "9999")
    status, code, _ = iotda.by(OTHER).refused("POST", path, package(), project=None)
    assert (status, code) == (404, "IOTDA.903001")


def test_a_quota_holds(make_app):
    iotda = Iotda(make_app(package_quota=1))
    made(iotda)
    assert iotda.refused("POST", PACKAGES, package())[:2] == (403, "IOTDA.901003")


def test_an_object_needs_room(make_app, bucket, environment):
    iotda = mapped(make_app, bucket, bytes_per_account=2 * len(DATA) - 1)
    identity = made(iotda)["package_id"]
    status, code, text = iotda.refused("POST", PACKAGES, package())
    assert (status, code) == (403, "IOTDA.901004")
    assert f"{2 * len(DATA) - 1} bytes" in text
    assert len(lying(environment)) == 1
    iotda.ok("DELETE", f"{PACKAGES}/{identity}", status=204)
    made(iotda)
