"""The tables. They hold the widest limits of all vendors; each dialect narrows on input."""

from otagw.models.accounts import AccessKey as AccessKey
from otagw.models.accounts import Account as Account
from otagw.models.accounts import Answer as Answer
from otagw.models.accounts import Counter as Counter
from otagw.models.audit import AuditEvent as AuditEvent
from otagw.models.fleet import Device as Device
from otagw.models.fleet import DeviceBatch as DeviceBatch
from otagw.models.fleet import DeviceEvent as DeviceEvent
from otagw.models.fleet import DeviceGroup as DeviceGroup
from otagw.models.fleet import DeviceGroupMember as DeviceGroupMember
from otagw.models.fleet import DeviceVersion as DeviceVersion
from otagw.models.fleet import Module as Module
from otagw.models.fleet import Product as Product
from otagw.models.packages import Package as Package
from otagw.models.packages import StoredFile as StoredFile
from otagw.models.rollouts import Job as Job
from otagw.models.rollouts import Task as Task
from otagw.models.webhooks import Webhook as Webhook
from otagw.models.webhooks import WebhookDelivery as WebhookDelivery

TABLES = (
    *(Account, AccessKey, Counter, Answer),
    *(Product, Module, DeviceBatch, Device, DeviceVersion, DeviceGroup, DeviceGroupMember, DeviceEvent),
    *(Package, StoredFile),
    *(Job, Task),
    *(Webhook, WebhookDelivery),
    AuditEvent,
)
