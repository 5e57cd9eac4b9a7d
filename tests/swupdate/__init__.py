"""Debian's SWUpdate, unmodified, as a device of the gateway."""
