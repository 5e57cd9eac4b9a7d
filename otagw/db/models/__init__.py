"""The tables. They hold the widest limits of all vendors; each front narrows on input."""

from otagw.db.models.accounts import AccessKey as AccessKey
from otagw.db.models.accounts import Account as Account
from otagw.db.models.accounts import Answer as Answer
from otagw.db.models.accounts import Bucket as Bucket
from otagw.db.models.accounts import Counter as Counter
from otagw.db.models.accounts import Fact as Fact
from otagw.db.models.accounts import Project as Project
from otagw.db.models.accounts import Space as Space
from otagw.db.models.audit import AuditEvent as AuditEvent
from otagw.db.models.connections import MqttNode as MqttNode
from otagw.db.models.connections import MqttSession as MqttSession
from otagw.db.models.connections import MqttTakeover as MqttTakeover
from otagw.db.models.fleet import Device as Device
from otagw.db.models.fleet import DeviceBatch as DeviceBatch
from otagw.db.models.fleet import DeviceEvent as DeviceEvent
from otagw.db.models.fleet import DeviceFile as DeviceFile
from otagw.db.models.fleet import DeviceGroup as DeviceGroup
from otagw.db.models.fleet import DeviceGroupMember as DeviceGroupMember
from otagw.db.models.fleet import DeviceOrigin as DeviceOrigin
from otagw.db.models.fleet import DeviceVersion as DeviceVersion
from otagw.db.models.fleet import Module as Module
from otagw.db.models.fleet import Product as Product
from otagw.db.models.packages import Package as Package
from otagw.db.models.packages import StoredFile as StoredFile
from otagw.db.models.releases import MinimumVersion as MinimumVersion
from otagw.db.models.releases import PackageSignature as PackageSignature
from otagw.db.models.releases import SigningKey as SigningKey
from otagw.db.models.rollouts import DeletedJob as DeletedJob
from otagw.db.models.rollouts import Job as Job
from otagw.db.models.rollouts import Task as Task
from otagw.db.models.webhooks import Webhook as Webhook
from otagw.db.models.webhooks import WebhookDelivery as WebhookDelivery

TABLES = (
    *(Account, AccessKey, Project, Space, Counter, Answer, Fact, Bucket),
    *(Product, Module, DeviceBatch, Device, DeviceVersion, DeviceGroup, DeviceGroupMember, DeviceEvent),
    *(DeviceFile, DeviceOrigin, Package, StoredFile),
    *(Job, DeletedJob, Task),
    *(Webhook, WebhookDelivery),
    *(SigningKey, PackageSignature, MinimumVersion),
    *(MqttNode, MqttSession, MqttTakeover),
    AuditEvent,
)
