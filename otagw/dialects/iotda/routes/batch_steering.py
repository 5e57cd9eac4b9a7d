"""Operations on batch tasks that are there: stop, retry, confirm, delete."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from otagw.access import Caller
from otagw.dialects.iotda import codes
from otagw.dialects.iotda.render import known
from otagw.dialects.iotda.route import operation
from otagw.dialects.iotda.schema import Id, IotdaSchema, Text, Texts
from otagw.operation import Work
from otagw.ota.accounts import Account
from otagw.ota.devices import external_ids
from otagw.ota.rollouts import bulk_control, job_progress

_CODES = ("IOTDA.905001", "IOTDA.905002")
_Act = Callable[[Account, str, Sequence[str] | None], Mapping[str, str | None]]


class BatchTargets(IotdaSchema):
    """What names a batch task, and the body that says which of its devices are meant."""

    task_id = Id(required=True)
    targets = Texts(Text(600), 100)

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse an empty list: all devices are meant by none."""
        if values["targets"] is not None and not values["targets"]:
            raise ValidationError({"targets": ["one device at the least, or no targets for all"]})


class StopBatchTask(BatchTargets):
    """What names the batch task to stop."""


@operation(StopBatchTask, "POST /batchtasks/{task_id}/stop", codes=_CODES, work=Work.MANY)
def stop_batch_task(caller: Caller, task_id: str, targets: list[str] | None) -> dict[str, Any]:
    """Stop a batch task that has not ended, for some of its devices or for all that have not ended.

    The answer says of each device that was named whether it was stopped; of all it says nothing, and subtasks of a
    large task follow. Nothing is offered to their devices from the answer on.
    """
    return _each(caller, task_id, targets, _stop)


class RetryBatchTask(BatchTargets):
    """What names the batch task to run again."""


@operation(RetryBatchTask, "POST /batchtasks/{task_id}/retry", codes=_CODES, work=Work.MANY)
def retry_batch_task(caller: Caller, task_id: str, targets: list[str] | None) -> dict[str, Any]:
    """Let devices of a batch task try again that failed or were stopped, or wait for their next try.

    It is refused for a task that succeeded, was stopped, or has not begun, and where no device could begin. Subtasks of
    a large task follow; their devices are offered the update at once.
    """
    return _each(caller, task_id, targets, _retry)


class ConfirmBatchTask(BatchTargets):
    """What names the batch task to confirm."""


@operation(ConfirmBatchTask, "POST /batchtasks/{task_id}/confirm", codes=_CODES, work=Work.MANY)
def confirm_batch_task(caller: Caller, task_id: str, targets: list[str] | None) -> dict[str, Any]:
    """Let devices begin that wait for it, as `need_confirm` has it; a scheduled task has to begin first."""
    return _each(caller, task_id, targets, _confirm)


class DeleteBatchTask(IotdaSchema):
    """What names the batch task to delete."""

    task_id = Id(required=True)


@operation(DeleteBatchTask, "DELETE /batchtasks/{task_id}", status=204, codes=_CODES, work=Work.MANY)
def delete_batch_task(caller: Caller, task_id: str) -> None:
    """Delete a batch task that has ended, with its subtasks: it is not found from the answer on."""
    bulk_control.forget(caller.account, task_id)


_stop, _retry, _confirm = bulk_control.stop, bulk_control.retry, bulk_control.confirm


def _each(caller: Caller, task_id: str, wanted: list[str] | None, act: _Act) -> dict[str, Any]:
    """Act on devices, and say of each that was named what came of it."""
    job, _ = job_progress.get(caller.account, task_id)
    names = external_ids.names(caller.account, job.product_key, wanted or [])
    done = act(caller.account, task_id, None if wanted is None else list(names.values()))
    results = []
    for target in wanted or []:
        problem = done.get(names[target]) if target in names else bulk_control.NO_TASK
        results.append(
            known(
                target=target,
                status="failure" if problem else "success",
                error_code=codes.TARGET_REFUSED if problem else None,
                error_msg=problem,
            )
        )
    return {"targets": results}
