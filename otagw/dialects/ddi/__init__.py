"""The device side of Eclipse hawkBit (DDI), as SWUpdate and rauc-hawkbit speak it: docs/wire/ddi.md."""
