"""The Actions, by what they are about; importing this package puts all of them into the table."""

from otagw.dialects.aliyun.actions import firmware as firmware
from otagw.dialects.aliyun.actions import module as module
from otagw.dialects.aliyun.actions import upload as upload
