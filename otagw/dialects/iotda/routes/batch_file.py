"""Operations on the files that name the devices of batch tasks."""

from typing import Any, Final

from otagw import errors
from otagw.access import Caller
from otagw.dialects import http
from otagw.dialects.iotda import form
from otagw.dialects.iotda.form import Upload
from otagw.dialects.iotda.render import utc
from otagw.dialects.iotda.route import operation
from otagw.dialects.iotda.schema import File, Id, IotdaSchema
from otagw.ota.devices import device_files, spreadsheets
from otagw.ota.devices.device_files import DeviceFile

_LONGEST: Final = 4 * 1024 * 1024


class UploadBatchTaskFile(IotdaSchema):
    """The form of a new file."""

    file = File(60, required=True)


@operation(
    UploadBatchTaskFile,
    "POST /batchtask-files",
    status=201,
    codes=("IOTDA.014602", "IOTDA.014603", "IOTDA.909002"),
    longest=_LONGEST + form.MAX_BESIDE,
    is_form=True,
)
def upload_batch_task_file(caller: Caller, file: Upload) -> dict[str, Any]:
    """Keep a list of devices, for an hour, that batch tasks may name as their `document_source`.

    It comes as the file of a form (`multipart/form-data`): an .xlsx file, of which the first sheet is read, or CSV in
    UTF-8, of at most 4 MiB. The first line is the header; the column `device_id` has the devices, 30,000 at most. An
    account has ten files at a time.
    """
    if len(file.data) > _LONGEST:
        raise errors.LimitReached(kind=spreadsheets.KIND, limit=spreadsheets.MOST)
    try:
        device_ids = http.weighed(len(file.data), lambda: spreadsheets.device_ids(file.data))
    except spreadsheets.TooMany:
        raise errors.LimitReached(kind=spreadsheets.KIND, limit=spreadsheets.MOST) from None
    except spreadsheets.Unreadable as problem:
        expected = f"an .xlsx file, or CSV in UTF-8, with a column {spreadsheets.COLUMN}; {problem}"
        raise errors.InvalidParameter("file", expected) from None
    return _shown(device_files.create(caller.account, file.name, device_ids))


class ListBatchTaskFiles(IotdaSchema):
    """Nothing: an account has few files."""


@operation(ListBatchTaskFiles, "GET /batchtask-files")
def list_batch_task_files(caller: Caller) -> dict[str, Any]:
    """List the files of the last hour, newest first."""
    return {"files": [_shown(file) for file in device_files.every(caller.account)]}


class DeleteBatchTaskFile(IotdaSchema):
    """What names the file to delete."""

    file_id = Id(required=True)


@operation(DeleteBatchTaskFile, "DELETE /batchtask-files/{file_id}", status=204, codes=("IOTDA.909001",))
def delete_batch_task_file(caller: Caller, file_id: str) -> None:
    """Delete a file. Batch tasks that were made from it go on."""
    device_files.delete(caller.account, file_id)


def _shown(file: DeviceFile) -> dict[str, Any]:
    return {"file_id": file.id, "file_name": file.name, "upload_time": utc(file.created)}
