"""The operations of IoTDA, by what they are about; importing this package puts all of them into the table."""

from otagw.dialects.iotda.routes import app as app
from otagw.dialects.iotda.routes import batch_file as batch_file
from otagw.dialects.iotda.routes import batch_steering as batch_steering
from otagw.dialects.iotda.routes import batch_task as batch_task
from otagw.dialects.iotda.routes import device as device
from otagw.dialects.iotda.routes import identity as identity
from otagw.dialects.iotda.routes import module as module
from otagw.dialects.iotda.routes import package as package
from otagw.dialects.iotda.routes import product as product
