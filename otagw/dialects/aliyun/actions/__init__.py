"""The Actions, by what they are about; importing this package puts all of them into the table."""

from otagw.dialects.aliyun.actions import audit as audit
from otagw.dialects.aliyun.actions import batch as batch
from otagw.dialects.aliyun.actions import device as device
from otagw.dialects.aliyun.actions import firmware as firmware
from otagw.dialects.aliyun.actions import group as group
from otagw.dialects.aliyun.actions import job as job
from otagw.dialects.aliyun.actions import module as module
from otagw.dialects.aliyun.actions import product as product
from otagw.dialects.aliyun.actions import rollout as rollout
from otagw.dialects.aliyun.actions import task as task
from otagw.dialects.aliyun.actions import upload as upload
