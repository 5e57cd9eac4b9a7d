"""What the tests of files share: forms, the bodies they are posted in, and a look at what is stored."""

from pathlib import Path

import pytest

BOUNDARY = "tests-boundary"
FIELDS = ("key", "policy", "OSSAccessKeyId", "Signature")


def fields_of(data):
    """Return the form fields that GenerateOTAUploadURL's answer stands for."""
    access = data.get("OSSAccessKeyID") or data.get("OSSAccessKeyId") or data.get("AccessKeyId")
    return {"key": data["Key"], "policy": data["Policy"], "OSSAccessKeyId": access, "Signature": data["Signature"]}


def body_of(fields, content, name="file", filename="x.bin"):
    """Return a multipart body: the fields, then the file."""
    lines = []
    for field, value in fields.items():
        lines += [f"--{BOUNDARY}", f'Content-Disposition: form-data; name="{field}"', "", value]
    lines += [f"--{BOUNDARY}", f'Content-Disposition: form-data; name="{name}"; filename="{filename}"']
    lines += ["Content-Type: application/octet-stream", "", ""]
    return "\r\n".join(lines).encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def post(client, body, **options):
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return client.http.post("/oss", data=body, content_type=kind, **options)


def link_of(client, content):
    """Upload bytes and make a firmware of them; return the link from which they can be had."""
    data = client.ok("GenerateOTAUploadURL")["Data"]
    assert post(client, body_of(fields_of(data), content)).status_code == 204
    identity = client.make(FirmwareUrl=data["FirmwareUrl"])
    return client.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]["FirmwareUrl"]


@pytest.fixture
def announce(client):
    """Announce an upload; return the whole Data of the answer."""

    def announce(suffix="bin", by=client):
        return by.ok("GenerateOTAUploadURL", FileSuffix=suffix)["Data"]

    return announce


@pytest.fixture
def upload(client, announce):
    """Upload bytes; return the FirmwareUrl they have."""

    def upload(content, suffix="bin", by=client):
        data = announce(suffix, by)
        response = post(client, body_of(fields_of(data), content))
        assert response.status_code == 204, response.text
        return data["FirmwareUrl"]

    return upload


@pytest.fixture
def stored(environment):
    """Return every file that lies in the storage, as relative paths."""
    root = Path(environment["OTAGW_DATA_DIR"]) / "files"
    return lambda: sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
