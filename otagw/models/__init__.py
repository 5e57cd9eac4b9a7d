"""The tables. They hold the widest limits of all vendors; each dialect narrows on input."""

from otagw.models.accounts import AccessKey as AccessKey
from otagw.models.accounts import Account as Account
from otagw.models.accounts import Answer as Answer
from otagw.models.accounts import Bucket as Bucket
from otagw.models.accounts import Counter as Counter
from otagw.models.accounts import Fact as Fact
from otagw.models.accounts import Project as Project
from otagw.models.accounts import Space as Space
from otagw.models.audit import AuditEvent as AuditEvent
from otagw.models.fleet import Device as Device
from otagw.models.fleet import DeviceBatch as DeviceBatch
from otagw.models.fleet import DeviceEvent as DeviceEvent
from otagw.models.fleet import DeviceGroup as DeviceGroup
from otagw.models.fleet import DeviceGroupMember as DeviceGroupMember
from otagw.models.fleet import DeviceOrigin as DeviceOrigin
from otagw.models.fleet import DeviceVersion as DeviceVersion
from otagw.models.fleet import Module as Module
from otagw.models.fleet import Product as Product
from otagw.models.packages import Package as Package
from otagw.models.packages import StoredFile as StoredFile
from otagw.models.releases import MinimumVersion as MinimumVersion
from otagw.models.releases import PackageSignature as PackageSignature
from otagw.models.releases import SigningKey as SigningKey
from otagw.models.rollouts import Job as Job
from otagw.models.rollouts import Task as Task
from otagw.models.webhooks import Webhook as Webhook
from otagw.models.webhooks import WebhookDelivery as WebhookDelivery

TABLES = (
    *(Account, AccessKey, Project, Space, Counter, Answer, Fact, Bucket),
    *(Product, Module, DeviceBatch, Device, DeviceVersion, DeviceGroup, DeviceGroupMember, DeviceEvent),
    *(DeviceOrigin, Package, StoredFile),
    *(Job, Task),
    *(Webhook, WebhookDelivery),
    *(SigningKey, PackageSignature, MinimumVersion),
    AuditEvent,
)
