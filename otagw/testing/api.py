"""Calls of Actions as a script makes them, signed by a key: what the helpers of the double are built on."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from otagw.dialects.aliyun import client
from otagw.dialects.signed import Signed
from otagw.testing.wsgi import Response

# With it an answer is in Alibaba's spelling, unless a setting says otherwise.
VERSION: Final = "2018-01-20"


class Refused(Exception):
    """Say with which code and text a helper of the double was refused."""

    def __init__(self, action: str, envelope: Mapping[str, Any]) -> None:
        found = {name.lower(): value for name, value in envelope.items()}
        self.code = str(found.get("code", ""))
        self.text = str(found.get("errormessage") or found.get("message") or "")
        super().__init__(f"{action} was refused with {self.code}: {self.text}")


@dataclass(frozen=True)
class Key:
    """An access key."""

    id: str
    secret: str = field(repr=False)


class Send(Protocol):
    """How a request reaches a gateway."""

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Response:
        """Return its answer."""


class Api:
    """The Actions of a gateway for one key; ``url`` is asked for, as it may change."""

    def __init__(
        self,
        url: Callable[[], str],
        key: Key,
        send: Send,
        at: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext,
    ) -> None:
        """``at`` is entered to sign: for a gateway of the process, so that it is signed by its clock."""
        self._url, self.key, self._send, self._at = url, key, send, at

    def sign(self, action: str, /, **params: Any) -> str:
        """Return a URL that calls an Action once, signed for the next 15 minutes."""
        return self._signed("GET", action, params).url

    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Call an Action and return the envelope of its answer, be it a refusal.

        Lists become ``Name.1``, ``Name.2`` and so on, mappings inside of them ``Name.1.Key``, booleans ``true`` and
        ``false``; None is left out.
        """
        signed = self._signed("POST", action, params)
        answer = self._send(signed.method, signed.url, signed.headers)
        try:
            found: dict[str, Any] = json.loads(answer.body)
        except ValueError:
            found = {
                "Success": False,
                "Code": f"HTTP {answer.status}",
                "ErrorMessage": answer.body[:200].decode("latin-1"),
            }
        return found

    def _signed(self, method: str, action: str, params: Mapping[str, Any]) -> Signed:
        with self._at():
            every = flatten({"Action": action, **params})
            return client.v1(self._url(), self.key.id, self.key.secret, every, method)

    def ok(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Call an Action that must succeed; raise `Refused`."""
        envelope = self.call(action, **params)
        if not envelope.get("Success", envelope.get("success")):
            raise Refused(action, envelope)
        return envelope

    def upload(self, data: bytes, suffix: str) -> str:
        """Upload a file; return the URL by which a package names it."""
        form = pick(self.ok("GenerateOTAUploadURL", Version=VERSION, FileSuffix=suffix), "Data")
        access = next(form[name] for name in ("OSSAccessKeyId", "OSSAccessKeyID", "AccessKeyId") if name in form)
        fields = {
            "key": form["Key"],
            "policy": form["Policy"],
            "OSSAccessKeyId": access,
            "Signature": form["Signature"],
        }
        kind, body = _form(fields, data)
        answer = self._send("POST", form["Host"], {"Content-Type": kind}, body)
        if answer.status >= 300:
            raise Refused("PostObject", {"Code": f"HTTP {answer.status}", "Message": answer.body.decode("latin-1")})
        return str(form["FirmwareUrl"])


@dataclass(frozen=True)
class Account:
    """An account with its first key; ``call`` and ``sign`` are as the gateway's own, by that key."""

    name: str
    key: Key
    api: Api

    def call(self, action: str, /, **params: Any) -> dict[str, Any]:
        """Call an Action by the account's key; see `Gateway.call`."""
        return self.api.call(action, **params)

    def sign(self, action: str, /, **params: Any) -> str:
        """Return a signed URL for an Action by the account's key."""
        return self.api.sign(action, **params)


def pick(found: Mapping[str, Any], name: str) -> Any:
    """Return a member of an answer, in each of the spellings that it may have; raise KeyError."""
    for key, value in found.items():
        if key.lower() == name.lower():
            return value
    raise KeyError(f"{name}: the answer has {', '.join(found)}")


def differences(given: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the parameters that differ, by name: the expected value, and the given one (None where there is none).

    Lists and mappings are expected as they are given to `Api.call`, or as JSON has them.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for name, value in params.items():
        if name in given and (given[name] == value or _text(given[name]) == _text(value)):
            continue
        flat = {} if name in given else flatten({name: value})
        if not flat or any(given.get(each) != text for each, text in flat.items()):
            found[name] = (value, given.get(name))
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def flatten(params: Mapping[str, Any]) -> dict[str, str]:
    """Spell parameters as the wire has them."""
    found: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, bool):
            found[name] = str(value).lower()
        elif isinstance(value, Mapping):
            found |= flatten({f"{name}.{inner}": each for inner, each in value.items()})
        elif isinstance(value, (list, tuple)):
            found |= flatten({f"{name}.{number}": each for number, each in enumerate(value, 1)})
        elif value is not None:
            found[name] = str(value)
    return found


def _form(fields: Mapping[str, str], data: bytes) -> tuple[str, bytes]:
    """Return the Content-Type and the body of a form with a file."""
    boundary = "otagw-" + hashlib.sha256(data).hexdigest()[:32]
    head = f"--{boundary}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    parts.append(f'{head}"file"; filename="file"\r\nContent-Type: application/octet-stream\r\n\r\n')
    body = "".join(parts).encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", body
