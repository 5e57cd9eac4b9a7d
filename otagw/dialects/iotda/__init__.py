"""The front of Huawei Cloud IoTDA, application side, version 5: docs/wire/iotda.md."""
