"""The OTA API of Tuya and Alibaba Cloud IoT: one endpoint, operations by ``Action``."""
