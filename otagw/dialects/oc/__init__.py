"""Devices with Huawei Cloud's SDKs, over MQTT: the topics that begin with ``$oc``."""
