"""Files of batch tasks: what may be uploaded, for how long, and a task from one."""

import io
import json
import zipfile

import pytest

from otagw import clock, worker
from otagw.db import models
from tests.conftest import NOW, OTHER
from tests.iotda import signer
from tests.iotda.conftest import BASE, DEVICES, PACKAGES, TASKS, Iotda, package

FILES = f"{BASE}/batchtask-files"
HOUR_MS = 3600 * 1000
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
OF_PACKAGES = "http://schemas.openxmlformats.org/package/2006/relationships"


@pytest.fixture
def app(make_app, bucket):
    return make_app(obs_buckets=json.dumps({"firmware": str(bucket)}))


@pytest.fixture(autouse=True)
def _clock():
    clock.hold(lambda: NOW * 1000)
    yield
    clock.hold(None)


class Files:
    """Upload files, and make tasks from them."""

    def __init__(self, iotda):
        self.iotda = iotda

    def upload(self, data, name="devices.csv", status=201):
        body, kind = signer.form({"file": (name, data)})
        return self.iotda.ok("POST", FILES, body, status=status, Content_Type=kind)

    def refused(self, data, name="devices.csv"):
        body, kind = signer.form({"file": (name, data)})
        return self.iotda.refused("POST", FILES, body, Content_Type=kind)

    def problem(self, data):
        status, code, text = self.refused(data)
        assert (status, code) == (400, "IOTDA.000006")
        assert text.startswith(
            "Invalid input data. file is not valid: expected an .xlsx file, or CSV in UTF-8, with a "
        )
        return text.partition("with a column device_id; ")[2]

    def names(self):
        return [file["file_name"] for file in self.iotda.ok("GET", FILES)["files"]]

    def device(self, node):
        return self.iotda.ok("POST", DEVICES, {"node_id": node, "product_id": "lock"}, status=201)["device_id"]

    def body(self, **changes):
        made = self.iotda.ok("POST", PACKAGES, package(version="2.0"), status=201)["package_id"]
        body = {"task_name": "night", "task_type": "firmwareUpgrade", "document": {"package_ids": [made]}, **changes}
        return {name: value for name, value in body.items() if value is not None}

    def task_from(self, data, **changes):
        body = self.body(document_source=self.upload(data)["file_id"], **changes)
        return self.iotda.ok("POST", TASKS, body, status=201)


@pytest.fixture
def files(iotda):
    return Files(iotda)


def book(sheet, strings=None, **others):
    """Return an .xlsx file with the XML of a sheet, and of the texts that its cells share."""
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>'
        '<sheet name="One" sheetId="1" r:id="rId7"/><sheet name="Two" sheetId="2" r:id="rId8"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{OF_PACKAGES}"><Relationship Id="rId8" Target="x.xml"/>'
        '<Relationship Id="rId7" Target="worksheets/first.xml"/></Relationships>',
        "xl/worksheets/first.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{sheet}</sheetData></worksheet>',
        **({"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>'} if strings is not None else {}),
        **others,
    }
    return packed({name: text for name, text in parts.items() if text is not None})


def packed(parts, method=zipfile.ZIP_DEFLATED):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as target:
        for name, text in parts.items():
            target.writestr(name, text)
    return held.getvalue()


def inline(*rows):
    cells = ("".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in row) for row in rows)
    return "".join(f"<row>{each}</row>" for each in cells)


def test_a_file_is_uploaded_listed_and_deleted(files):
    made = files.upload(b"device_id\na\n", "one.csv")
    assert set(made) == {"file_id", "file_name", "upload_time"}
    assert (made["file_name"], made["upload_time"]) == ("one.csv", signer.stamp(NOW))
    assert files.iotda.ok("GET", FILES) == {"files": [made]}
    path = f"{FILES}/{made['file_id']}"
    assert files.iotda.ok("DELETE", path, status=204) is None
    assert files.iotda.ok("GET", FILES) == {"files": []}
    assert files.iotda.refused("DELETE", path)[:2] == (404, "IOTDA.909001")


def test_a_task_is_for_the_devices_of_a_file(files):
    wanted = [files.device(name) for name in ("d1", "d2")]
    files.device("d3")
    made = files.task_from(
        "\ufeffname;Device ID\r\nx;{}\r\n;\r\ny; {} \r\nz;{}\r\n".format(*wanted, wanted[0]).encode()
    )
    assert made["targets"] == wanted
    assert made["task_progress"]["total"] == 2


SHARED = "<si><t>device_id</t></si><si><r><t>lock_</t></r><r><t>d1</t></r><rPh sb='0' eb='1'><t>x</t></rPh></si><si/>"


@pytest.mark.parametrize(
    "data",
    [
        book(inline(["node", "device_id"], ["x", "lock_d1"])),
        book(inline([], ["device_id"], [""], ["lock_d1"])),
        book('<row r="1"><c r="C1" t="s"><v>0</v></c></row><row r="3"><c r="C3" t="s"><v>1</v></c></row>', SHARED),
        book('<row><c r="AB1" t="str"><f>A1</f><v>device_id</v></c></row><row><c r="A2"><v>7</v></c>'
             '<c r="AB2" t="str"><v>lock_d1</v></c></row>'),
        book(inline(["device_id"], ["lock_d1"]), docProps="x"),
    ],
)  # fmt: skip
def test_a_sheet_is_read_as_spreadsheets_write_it(files, data):
    files.device("d1")
    assert files.task_from(data)["targets"] == ["lock_d1"]


def test_targets_and_groups_go_before_a_file(files):
    wanted = files.device("d1")
    body = files.body(document_source="none", targets=[wanted])
    assert files.iotda.ok("POST", TASKS, body, status=201)["targets"] == [wanted]
    body = files.body(document_source=files.upload(b"device_id\nlock_d1\n")["file_id"])
    body["targets_filter"] = {"group_ids": ["1"]}
    assert files.iotda.refused("POST", TASKS, body)[:2] == (404, "IOTDA.907001")


def test_a_device_of_a_file_that_is_not_there_is_named_and_no_task_is_made(files):
    files.device("d1")
    body = files.body(document_source=files.upload(b"device_id\nlock_d1\nlock_d2\n")["file_id"])
    assert files.iotda.refused("POST", TASKS, body) == (404, "IOTDA.906001", "The device lock_d2 does not exist.")
    assert files.iotda.ok("GET", TASKS, params={"task_type": "firmwareUpgrade"})["batchtasks"] == []


@pytest.mark.parametrize("source", ["none", "0c3c77dd-42a2-4309-9e10-da2e8bf64ac3", "'", "\0"])
def test_a_file_that_is_not_there_makes_no_task(files, source):
    assert files.iotda.refused("POST", TASKS, files.body(document_source=source))[:2] == (404, "IOTDA.909001")


@pytest.mark.parametrize(
    "kind", ["createDevices", "updateDevices", "deleteDevices", "freezeDevices", "unfreezeDevices"]
)
def test_tasks_that_are_no_upgrades_are_refused_by_their_type(files, kind):
    body = files.body(document_source=files.upload(b"device_id\na\n")["file_id"], task_type=kind)
    status, code, text = files.iotda.refused("POST", TASKS, body)
    assert (status, code) == (400, "IOTDA.000006")
    assert text.startswith("Invalid input data. task_type is not valid: expected softwareUpgrade or firmwareUpgrade or")


def test_an_empty_source_is_none(files):
    text = "Invalid input data. targets is missing."
    assert files.iotda.refused("POST", TASKS, files.body(document_source="")) == (400, "IOTDA.000006", text)


def test_a_file_is_another_accounts_for_nobody(files, app):
    made = files.upload(b"device_id\na\n")
    other = Iotda(app, OTHER)
    path = "/v5/iot/others/batchtask-files"
    assert other.ok("GET", path, project="others") == {"files": []}
    assert other.refused("DELETE", f"{path}/{made['file_id']}", project="others")[:2] == (404, "IOTDA.909001")
    assert files.names() == ["devices.csv"]


def test_a_name_is_taken_once_and_ten_files_are_all(files, app):
    for number in range(10):
        files.upload(b"device_id\na\n", f"{number}.csv")
    assert files.refused(b"device_id\na\n", "3.csv")[:2] == (400, "IOTDA.014602")
    status, code, text = files.refused(b"device_id\na\n", "11.csv")
    assert (status, code) == (403, "IOTDA.909002")
    assert text.startswith("The account has 10 batch task files, as many as it may")
    body, kind = signer.form({"file": ("3.csv", b"device_id\na\n")})
    path = "/v5/iot/others/batchtask-files"
    Iotda(app, OTHER).ok("POST", path, body, status=201, project="others", Content_Type=kind)


def test_a_file_is_gone_after_an_hour_row_and_all(files):
    made = files.upload(b"device_id\nlock_d1\n")
    clock.hold(lambda: NOW * 1000 + HOUR_MS - 1)
    assert files.names() == ["devices.csv"]
    assert worker.STEPS["ota.devices.expire_files"]() == 0
    assert worker.NEXT_DUE["ota.devices.expire_files"]() == NOW * 1000 + HOUR_MS
    clock.hold(lambda: NOW * 1000 + HOUR_MS)
    assert files.names() == []
    assert files.iotda.refused("DELETE", f"{FILES}/{made['file_id']}")[:2] == (404, "IOTDA.909001")
    body = files.body(document_source=made["file_id"])
    assert files.iotda.refused("POST", TASKS, body)[:2] == (404, "IOTDA.909001")
    assert models.DeviceFile.select().count() == 1
    assert worker.STEPS["ota.devices.expire_files"]() == 1
    assert models.DeviceFile.select().count() == 0
    assert worker.NEXT_DUE["ota.devices.expire_files"]() is None


def test_what_is_an_hour_old_takes_neither_place_nor_name(files):
    for number in range(10):
        files.upload(b"device_id\na\n", f"{number}.csv")
    clock.hold(lambda: NOW * 1000 + HOUR_MS)
    files.upload(b"device_id\na\n", "0.csv")
    assert files.names() == ["0.csv"]
    assert worker.STEPS["ota.devices.expire_files"]() == 10
    assert files.names() == ["0.csv"]


def test_30000_devices_are_all(files):
    lines = "".join(f"d{number}\n" for number in range(30_000))
    files.upload(f"device_id\n{lines}d1\n".encode(), "full.csv")
    status, code, text = files.refused(f"device_id\n{lines}more\n".encode())
    assert (status, code) == (400, "IOTDA.014603")
    assert text.endswith("exceeds the upper limit: expected at most 30000 devices and 4 MiB.")
    assert files.refused(b"device_id\n" + b" " * (4 << 20))[:2] == (400, "IOTDA.014603")
    assert files.refused(b"device_id\n" + b" " * (5 << 20))[:2] == (413, "APIGW.0201")
    sheet = book(inline(["device_id"], *([f"d{number}"] for number in range(30_001))))
    assert files.refused(sheet)[:2] == (400, "IOTDA.014603")


LAUGHS = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTER = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
ROW = inline(["device_id"], ["a"])


def with_head(head, part="xl/worksheets/first.xml"):
    whole = f'{head}<worksheet xmlns="{MAIN}"><sheetData>{inline(["device_id"], ["&a;"])}</sheetData></worksheet>'
    return book(ROW, **{part: whole})


def encrypted(data):
    """Set the flag of encryption in each entry."""
    changed = bytearray(data)
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        changed[at + 8] |= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "it is an .xls file of Excel 97, or encrypted"),
        (b"\xff\xfed\0e\0", "it is neither an .xlsx file nor CSV in UTF-8"),
        (b"node_id,name\na,b\n", "its first line has node_id, name, not one column device_id"),
        (b"device_id,DeviceId\na,b\n", "its first line has device_id, DeviceId, not one column device_id"),
        (b"\n\n", "its first line has nothing, not one column device_id"),
        (b"device_id\n\n \n", "its column device_id is empty"),
        (b'device_id\n"a', "it is no CSV: unexpected end of data"),
        (b'device_id\n"a\0b"\n', "row 2 has no id of a device"),
        (b'device_id\n"a\nb"\n', "row 2 has no id of a device"),
        (b"device_id\nb\n" + b"a" * 601, "row 3 has no id of a device: at most 600 characters"),
        (b"device_id" + b"," * 600_001, "it has over 600,000 cells"),
        (b"device_id" + b"\n" * 600_001, "it has over 600,000 cells"),
        (b"device_id\n" + b"a" * 200_000, "it is no CSV: field larger than field limit"),
        (packed({"a.txt": "x"}), "it is a zip file, and not an .xlsx file with a sheet"),
        (book(ROW, **{"xl/worksheets/first.xml": None}), "it is a zip file, and not an .xlsx file with a sheet"),
        (book(ROW, **{"xl/workbook.xml": f'<workbook xmlns="{MAIN}"/>'}), "it is a zip file, and not an .xlsx file"),
        (book(ROW)[:-30], "it is a broken .xlsx file"),
        (book(ROW)[:200] + b"x" * 20 + book(ROW)[220:], "it is "),
        (b"PK\x03\x04" + b"x" * 100, "it is a broken .xlsx file"),
        (book("<row>"), "it is a broken .xlsx file"),
        (book('<row><c t="s"><v>x</v></c></row>', SHARED), "it is a broken .xlsx file"),
        (book('<row><c t="s"><v>9</v></c></row>', SHARED), "its first line has nothing"),
        (book(inline(["x"], ["device_id"])), "its first line has x, not one column device_id"),
        (with_head(LAUGHS), "its XML declares a document type"),
        (with_head(OUTER), "its XML declares a document type"),
        (with_head(OUTER, "xl/workbook.xml"), "its XML declares a document type"),
        (with_head(LAUGHS, "xl/sharedStrings.xml"), "its XML declares a document type"),
        (book(ROW + " " * (16 << 20)), "a part of it has over 16777216 bytes"),
        (book("<row/>" * 600_001), "a part of it has over "),
        (packed({f"{number}": "" for number in range(201)}), "it has over 200 parts"),
        (encrypted(book(ROW)), "it is encrypted, or packed in a way"),
        (packed({"xl/workbook.xml": ROW}, zipfile.ZIP_LZMA), "it is encrypted, or packed in a way"),
    ],
)
def test_what_is_no_list_of_devices_is_refused_with_the_cause(files, data, problem):
    assert files.problem(data).startswith(problem)
    assert files.names() == []


@pytest.mark.parametrize(("name", "kept"), [("../../etc/a.csv", "a.csv"), ("x" * 60, "x" * 60)])
def test_a_name_is_kept_without_its_folders(files, name, kept):
    assert files.upload(b"device_id\na\n", name)["file_name"] == kept


@pytest.mark.parametrize("name", ["", "a/", "x" * 61, "a\tb"])
def test_a_name_that_is_none_is_refused(files, name):
    status, code, text = files.refused(b"device_id\na\n", name)
    assert (status, code) == (400, "IOTDA.000006")
    assert "file is not valid: expected a file with a name of 1 to 60 characters" in text


def test_a_form_without_its_file_is_told_so(files):
    assert files.refused(b"")[2] == "Invalid input data. file is missing."
    body, kind = signer.form({"another": "x"})
    assert files.iotda.refused("POST", FILES, body, Content_Type=kind)[2] == "Invalid input data. file is missing."
    text = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ndevice_id\r\n--x--\r\n'
    said = files.iotda.refused("POST", FILES, text, Content_Type="multipart/form-data; boundary=x")
    assert "expected a file with a name" in said[2]


PART = b'--x\r\nContent-Disposition: form-data; name="a"'


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("application/json", b'{"file": "x"}', "IOTDA.000008"),
        ("multipart/form-data", b"x", "IOTDA.000008"),
        ("multipart/form-data; boundary=" + "x" * 71, b"x", "IOTDA.000008"),
        ("multipart/form-data; boundary=x", b"--x", "IOTDA.000008"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n", "IOTDA.000008"),
        ("multipart/form-data; boundary=x", PART + b"\r\n\r\n\xff\r\n--x--", "IOTDA.000008"),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(files, kind, body, code):
    assert files.iotda.refused("POST", FILES, body, Content_Type=kind)[:2] == (400, code)


def test_a_file_that_comes_twice_and_too_many_parts_are_refused(files):
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ndevice_id\na\r\n'
    kind = "multipart/form-data; boundary=x"
    said = files.iotda.refused("POST", FILES, part * 2 + b"--x--\r\n", Content_Type=kind)
    assert said[:2] == (400, "IOTDA.000006")
    assert "file is not valid: expected to be given once" in said[2]
    many = b"".join(part.replace(b'"file"', b'"%d"' % number) for number in range(17))
    assert files.iotda.refused("POST", FILES, many + b"--x--\r\n", Content_Type=kind)[:2] == (413, "APIGW.0201")


def test_a_json_operation_takes_no_form(files):
    body, kind = signer.form({"app_name": "x"})
    assert files.iotda.refused("POST", f"{BASE}/apps", body, Content_Type=kind)[:2] == (400, "IOTDA.000008")
