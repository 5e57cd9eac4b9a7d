"""Devices with Tuya's TuyaLink SDK, over MQTT."""
