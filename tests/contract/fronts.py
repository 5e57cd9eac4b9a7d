"""The fronts whose operations stand in a table, each seen through the same few methods."""

from pathlib import Path

import otagw.dialects.aliyun.actions
import otagw.dialects.iotda.routes  # noqa: F401 - these fill the tables
from otagw.dialects.aliyun import codes, fields, spelling
from otagw.dialects.aliyun.action import actions
from otagw.dialects.iotda import codes as iotda_codes
from otagw.dialects.iotda import schema
from otagw.dialects.iotda.route import CREATE_TOKEN, routes
from tests.conftest import KEY, OTHER, Client
from tests.contract import test_actions
from tests.iotda import signer
from tests.iotda.conftest import Iotda

DOCS = Path(__file__).parent.parent.parent / "docs"


class ActionsFront:
    """The Actions, signed by V1."""

    table, codes = actions, codes.CODES
    ill = {"DestVersion": "\n"}
    no_grant, disabled, crashed = (403, "NoPermission"), (400, "InvalidAccessKeyId.Inactive"), (500, "InternalError")

    def __init__(self, app):
        self.app = app

    @staticmethod
    def own(rule):
        return not rule.gateway

    @staticmethod
    def required(operation, **given):
        return test_actions.required(operation, **given)

    @staticmethod
    def mandatory(operation):
        return list(test_actions.mandatory(operation))

    @staticmethod
    def ids(operation):
        return [spelling.alibaba(n) for n, field in operation.schema.fields.items() if isinstance(field, fields.Id)]

    @staticmethod
    def says_missing(name):
        return (400, f"Missing{name}"), f"{name} is mandatory for this action."

    @staticmethod
    def section(operation):
        page = (DOCS / "actions.md").read_text(encoding="utf-8")
        names = [spelling.alibaba(name) for name in operation.schema.fields]
        return page.split(f"## {operation.name}\n")[1].split("\n## ")[0], names

    def call(self, operation, given, key=KEY):
        """Call an operation; return the response, and its code and text."""
        response = Client(self.app, key)(operation.name, **given)
        return response, response.json.get("Code"), response.json.get("ErrorMessage")


class IotdaFront:
    """IoTDA, signed by the plain scheme; CreateToken has its credentials in its body."""

    table, codes = routes, iotda_codes.CODES
    ill = {"version": "\n"}
    # What some operations need of fields of which none is required by itself.
    together = {"CreateBatchTask": {"document": {"package_ids": ["1"]}, "targets": ["abc"]}}
    no_grant, disabled, crashed = (403, "IOTDA.000021"), (401, "APIGW.0301"), (500, "IOTDA.000001")

    def __init__(self, app):
        self.app = app

    @staticmethod
    def own(rule):
        return rule.own

    @classmethod
    def example(cls, field):
        """Return a value that a field takes."""
        match field:
            case schema.Choice():
                return field.choices[0]
            case schema.Object():
                return {name: cls.example(inner) for name, inner in field.schema.fields.items() if inner.required}
            case schema.Number():
                return str(field.low)
            case schema.Json():
                return field.kind()
            case schema.Id():
                return "1"
            case schema.File():
                return "device_id\nabc\n"
            case schema.Text():
                return "abc.bin" if field.longest == 1024 else "abc"
        raise AssertionError(f"an example for {field!r} is wanted here")

    @classmethod
    def required(cls, operation, **given):
        wanted = {name: cls.example(field) for name, field in operation.schema.fields.items() if field.required}
        return {**wanted, **cls.together.get(operation.name, {}), **given}

    @staticmethod
    def mandatory(operation):
        """Return the required fields that are neither in the path nor credentials."""
        found = [name for name, field in operation.schema.fields.items() if field.required]
        return [name for name in found if f"{{{name}}}" not in operation.path and operation.name != CREATE_TOKEN]

    @staticmethod
    def ids(operation):
        return [name for name, field in operation.schema.fields.items() if isinstance(field, schema.Id)]

    @staticmethod
    def says_missing(name):
        return (400, "IOTDA.000006"), f"Invalid input data. {name} is missing."

    @staticmethod
    def section(operation):
        page = (DOCS / "iotda-api.md").read_text(encoding="utf-8")
        return page.split(f"## {operation.name}\n")[1].split("\n## ")[0], list(operation.schema.fields)

    @staticmethod
    def address(operation, given, project=signer.PROJECT):
        """Return path, query and body of a call."""
        given = {name: value for name, value in given.items() if value is not None}
        names = {name: given.pop(name) for name in list(given) if f"{{{name}}}" in operation.path}
        path = operation.path.format(project_id=project, **names)
        return (path, None, given) if operation.method in ("POST", "PUT") else (path, given, None)

    def call(self, operation, given, key=KEY):
        project = signer.PROJECT if key != OTHER else "others"
        path, params, body = self.address(operation, given, project)
        if operation.name == CREATE_TOKEN:
            response = Iotda(self.app).send("POST", path, {"Content-Type": "application/json"}, body=pair(key))
        else:
            body, kind = signer.form(body) if operation.is_form else (body, "application/json")
            there = Iotda(self.app, key)
            response = there(operation.method, path, body, params, project=project, Content_Type=kind)
        found = response.json or {}
        return response, found.get("error_code"), found.get("error_msg")


def pair(key):
    """Return the body by which a token is asked for."""
    access, secret = ({"key": half} for half in key)
    return signer.dump(
        {"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": {"access": access, "secret": secret}}}}
    )


FRONTS = (ActionsFront, IotdaFront)
