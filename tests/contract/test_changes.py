"""What changes something leaves a trace: this runs over the table of Actions."""

import pytest

from otagw.db import database
from otagw.operation import Operation
from tests.conftest import Client
from tests.contract.test_actions import OPERATIONS, every_operation, required

QUESTIONS = {
    *("QueryOTAFirmware", "ListOTAFirmware", "ListOTAModuleByProduct", "ListOTAModuleVersionsByDevice"),
    *("QueryOTAJob", "ListOTAJobByFirmware", "ListOTAJobByDevice", "ListOTATaskByJob", "ListOTAUnfinishedTaskByDevice"),
    *("QueryProduct", "QueryProductList", "QueryDevice", "QueryDeviceDetail", "BatchQueryDeviceDetail"),
    *("QueryBatchRegisterDeviceStatus", "QueryPageByApplyId", "QueryOTADeviceTimeline", "ListAuditEvents"),
    *("QueryDeviceGroupList", "QueryDeviceGroupInfo", "QueryDeviceListByDeviceGroup"),
}


def rows():
    return database.execute("SELECT operation, code FROM audit_event").fetchall()


def test_all_but_questions_are_changes():
    assert {operation.name for operation in OPERATIONS if not operation.changes} == QUESTIONS


@pytest.mark.parametrize("name", ["Listen", "Getaway", "Showcase", "BatchListen", "Batch", "queryX", "xListX", ""])
def test_a_name_that_only_begins_like_a_question_is_a_change(name):
    assert Operation(name, None, "", lambda: None).changes


@every_operation
def test_a_change_without_its_grant_leaves_a_trace_and_a_question_none(app, operation):
    app.extensions["otagw"]["runtime"].keys.create(
        key_id="limited", secret="limitedsecret", grants=["ota:NothingOfThis"]
    )
    Client(app, ("limited", "limitedsecret"))(operation.name, **required(operation))
    assert rows() == ([(operation.name, "NoPermission")] if operation.changes else [])


@every_operation
def test_what_is_refused_for_other_reasons_leaves_none(app, client, operation):
    client(operation.name, SignatureNonce="", **required(operation))
    client.by(("testid", "wrong"))(operation.name, **required(operation))
    client.by(("nobody", "testsecret"))(operation.name, **required(operation))
    assert rows() == []
