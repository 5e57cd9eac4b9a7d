"""Uploads by form and downloads by signed link, as Alibaba's object storage (OSS) takes and gives them."""
