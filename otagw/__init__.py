"""A self-hosted gateway that speaks the OTA APIs of Tuya, Alibaba Cloud IoT and Huawei Cloud IoTDA."""

__version__ = "0.1.0"
