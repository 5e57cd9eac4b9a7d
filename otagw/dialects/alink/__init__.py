"""Devices with Alibaba Cloud's SDKs, and Tuya's devices that speak the same topics, over MQTT."""
