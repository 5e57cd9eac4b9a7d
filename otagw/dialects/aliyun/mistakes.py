"""The usual mistakes in signing, each as a way to sign that clients are known to use by accident."""

from otagw.dialects.aliyun.wire import Message


def explain(message: Message, secret: str) -> str:
    """Return which known mistake makes the message's signature match, or an empty text."""
    return ""
