"""The operations of IoTDA, by what they are about; importing this package puts all of them into the table."""

from otagw.dialects.iotda.routes import identity as identity
from otagw.dialects.iotda.routes import module as module
from otagw.dialects.iotda.routes import package as package
