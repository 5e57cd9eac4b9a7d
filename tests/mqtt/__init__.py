"""Devices over MQTT: the transport, its fronts, and the vendors' SDKs as judges."""
