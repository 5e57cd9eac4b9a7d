"""A device as its maker would write it from docs/device-api.md alone: the standard library, none of our code."""

import hashlib
import hmac
import json
import time


def token(secret, method, path, body=b"", seconds=None):
    seconds = str(int(time.time()) if seconds is None else seconds)
    signed = b"\n".join([method.encode(), path.encode(), seconds.encode(), body])
    return seconds + "." + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def request(secret, method, path, data=None, seconds=None):
    """Return the headers and the body of a request."""
    body = b"" if data is None else json.dumps(data).encode()
    headers = {"Authorization": f"Bearer {token(secret, method, path, body, seconds)}"}
    if data is not None:
        headers["Content-Type"] = "application/json"
    return headers, body
