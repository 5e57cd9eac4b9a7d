"""Devices over MQTT: the transport, which knows no vendor. docs/decisions/0032-mqtt.md says why it is our own."""
