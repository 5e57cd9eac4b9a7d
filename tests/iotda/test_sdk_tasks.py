"""The vendor's unmodified Python SDK through products, devices and batch tasks, in both schemes; and two vendors at once."""

import hashlib
import io
import re
import time

import pytest
import requests

from otagw import clock
from tests.conftest import Live
from tests.device import signer as device_signer
from tests.iotda.test_sdk import DATA, DIGEST, connect, create, pytestmark as pytestmark  # noqa: PLC0414 - the same marks

SECRET = "devsecret123"
schemes = pytest.mark.parametrize("scheme", ["SDK", "V11"])
