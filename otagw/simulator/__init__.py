"""A fleet that is not there: devices that behave as real ones do, over HTTP, and judge what they are answered.

It is a client of its own, written from docs/device-api.md and docs/wire/ddi.md, and shares no code with the fronts.
"""
