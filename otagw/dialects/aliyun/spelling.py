"""The three spellings of an answer's names. Names are written once, in snake_case, and spelled by a function here."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

# Words that the vendors do not write as a capital and small letters.
_ALIBABA: Final = {
    "oss_access_key_id": "OSSAccessKeyId",
    "simple_ota_module_info": "SimpleOTAModuleInfo",
    "simple_ota_job_info": "SimpleOTAJobInfo",
    "simple_ota_task_info": "SimpleOTATaskInfo",
    "ota_tag_dto": "OtaTagDTO",
    # One answer has it small, within another of the same name.
    "invalid_detail_list_in": "invalidDetailList",
}
_DOCUMENTED: Final = {
    "firmware_id": "FirmwareID",
    "job_id": "JobID",
    "task_id": "TaskID",
    "request_id": "RequestID",
    "iot_id": "IoTID",
    "oss_access_key_id": "OSSAccessKeyID",
}
_EXAMPLE: Final = {"oss_access_key_id": "ossAccessKeyId"}


@functools.cache
def alibaba(name: str) -> str:
    """Spell as Alibaba's API does: ``firmware_id`` is FirmwareId. These are the true names of parameters."""
    return _ALIBABA.get(name) or "".join(word[:1].upper() + word[1:] for word in name.split("_"))


@functools.cache
def documented(name: str) -> str:
    """Spell as Tuya's English reference does: ``firmware_id`` is FirmwareID."""
    return _DOCUMENTED.get(name) or alibaba(name)


@functools.cache
def example(name: str) -> str:
    """Spell as Tuya's live JSON does: ``firmware_id`` is firmwareId."""
    word = _EXAMPLE.get(name) or alibaba(name)
    return word[:1].lower() + word[1:]


_PLAIN: Final = frozenset({str, int, bool, float})


class Names(dict[str, str]):
    """Names as they are spelled, each worked out once: a page has hundreds of them, and a call costs twice a look."""

    def __init__(self, by: Callable[[str], str]) -> None:
        super().__init__()
        self._by = by

    def __missing__(self, name: str) -> str:
        self[name] = spelled = self._by(name)
        return spelled


SPELLINGS: Final[Mapping[str, Names]] = {
    "alibaba": Names(alibaba),
    "documented": Names(documented),
    "example": Names(example),
}


def spell(data: Any, by: Names) -> Any:
    """Return plain data (dicts, lists, tuples, scalars) with its names spelled; what is None is left out."""
    if isinstance(data, dict):
        return {
            by[name]: value if type(value) in _PLAIN else spell(value, by)
            for name, value in data.items()
            if value is not None
        }
    if isinstance(data, (list, tuple)):
        return [spell(item, by) for item in data]
    return data
