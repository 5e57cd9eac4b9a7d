"""A new job: whether it can be made, and what it is then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from otagw import clock, errors
from otagw.db import database, models
from otagw.ota import audit, idempotency, states
from otagw.ota.accounts import Account
from otagw.ota.devices import devices, groups
from otagw.ota.packages import packages, stored_files
from otagw.ota.packages.records import Package
from otagw.ota.products import minimum_versions, products
from otagw.ota.rollouts import device_lists, jobs
from otagw.ota.rollouts.records import Job, Rules

# How much of a list that names nobody is quoted: so many names, and so many characters of each.
_QUOTED: Final = 3
_QUOTED_CHARACTERS: Final = 64
NO_NAMES: Final = "the list names no device of the product"


@dataclass(frozen=True, kw_only=True)
class JobDraft:
    """A job as it is asked for; times are milliseconds, ``group`` is the id of a group as it is shown.

    ``front_data`` are further values that the front that makes it has to show again.
    """

    package: str
    product_key: str
    kind: str = jobs.UPGRADE
    selection: str = jobs.STATIC
    target: str = jobs.ALL
    schedule_at: int | None = None
    finish_at: int | None = None
    group: str | None = None
    front_data: Mapping[str, Any] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)


def unknown_names(account: Account, asked: JobDraft) -> Sequence[str]:
    """Return the first names of an uploaded list if none is a device's, or `NO_NAMES`; outside of transactions.

    `draft` says so of the list; of one that is not there it says that.
    """
    if not asked.rules.list_key:
        return ()
    try:
        pages = device_lists.listed(account, asked.rules.list_key, asked.product_key)
    except errors.NotFound:
        return ()
    with database.read():
        for page in pages:
            if len(device_lists.absent(asked.product_key, [page])) < len(device_lists.names_on(page)):
                return ()
    return device_lists.names_on(pages[0])[:_QUOTED] if pages else (NO_NAMES,)


def draft(account: Account, asked: JobDraft, unknown: Sequence[str] = ()) -> tuple[Job, Package]:
    """Return the job that would be made, unsaved; raise what `create` raises. ``unknown`` is of `unknown_names`."""
    package = packages.get(account, asked.package)
    if package.product_key not in (None, asked.product_key):
        raise errors.NotFound(kind=packages.KIND, key=asked.package)
    products.check(account, asked.product_key)
    allowed = states.VERIFIABLE if asked.kind == jobs.VERIFY else states.ROLLED_OUT
    if package.status not in allowed:
        raise errors.WrongState(kind=packages.KIND, key=asked.package, state=states.PACKAGE_STATES[package.status])
    if not (package.url or package.object_key or package.files):
        bucket = package.front_data.get("bucket")
        problem = f"its bucket {bucket} is not mapped here" if bucket else "none was named when it was made"
        raise errors.NoBytes(kind=packages.KIND, key=asked.package, problem=problem)
    minimum_versions.check(asked.product_key, package.module, package.version)
    rules = asked.rules
    if asked.group:
        rules = replace(rules, group_id=groups.get(account, asked.group).id)
    _check_names(account, asked.product_key, rules.names)
    if rules.list_key:
        stored_files.get(account, rules.list_key)
    if unknown:
        raise errors.NotFound(kind=devices.KIND, key=", ".join(map(_quoted, unknown)))
    return _new(account, package, asked, rules), package


def create(account: Account, asked: JobDraft, token: str | None = None) -> Job:
    """Keep a new job; its devices are selected after that, by `selection.begin`.

    Raises `errors.NotFound` for a package, product, group, device or list that is not there, or a list that names no
    device that is, `errors.WrongState` for a
    package in the wrong state of verification, `errors.NoBytes` for one that no device could download,
    `errors.BelowMinimum` for one that none may be given, and `errors.AlreadyExists` where the package has a dynamic job
    that runs.
    """
    unknown = unknown_names(account, asked)

    def work() -> dict[str, Any]:
        packages.hold(account, asked.package)
        job, package = draft(account, asked, unknown)
        if job.selection == jobs.DYNAMIC and _runs_dynamic(package.id):
            raise errors.AlreadyExists(kind=jobs.KIND, key=asked.package)
        jobs.insert(job)
        if job.kind == jobs.VERIFY:
            packages.set_status(package.id, states.VERIFYING)
        if job.rules.list_key:
            stored_files.claim(account, [job.rules.list_key])
        audit.note(account.id, jobs.KIND, job.id)
        return {"id": job.id}

    with database.write():  # what is returned was not deleted meanwhile
        answer = idempotency.run(
            account, f"job.{asked.kind}.{asked.selection}", token, lambda: idempotency.fields(asked), work
        )
        return jobs.get(account, str(answer["id"]))


def _quoted(name: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in name[:_QUOTED_CHARACTERS])


def _check_names(account: Account, product_key: str, names: tuple[str, ...]) -> None:
    """Raise `errors.NotFound` unless all of these devices are there."""
    found = {device.name for device in devices.several(account, product_key, names)} if names else set()
    missing = [name for name in names if name not in found]
    if missing:
        raise errors.NotFound(kind=devices.KIND, key=missing[0])


def _new(account: Account, package: Package, asked: JobDraft, rules: Rules) -> Job:
    now = clock.now()
    is_planned = asked.schedule_at is not None and asked.schedule_at > now
    return Job(
        id=clock.new_id(now),
        account_id=account.id,
        package_id=package.id,
        product_key=asked.product_key,
        module=packages.part(package).lower(),
        version=package.version,
        kind=asked.kind,
        selection=asked.selection,
        target=asked.target,
        state=states.PLANNED if is_planned else states.IN_PROGRESS,
        rules=rules,
        created=now,
        modified=now,
        schedule_at=asked.schedule_at,
        finish_at=asked.finish_at,
        started=None if is_planned else now,
        ended=None,
        due=now,
        paused=None,
        stopped=False,
        filling=asked.selection == jobs.STATIC,
        cursor=0,
        position=0,
        population=None,
        upto=devices.last_id(asked.product_key),
        cancel="",
        rate_minute=0,
        rate_used=0,
        package_kind=package.kind,
        front_data=asked.front_data,
    )


def _runs_dynamic(package_id: int) -> bool:
    row = models.Job
    running = row.package_id == package_id, row.selection == jobs.DYNAMIC, row.state.in_(states.RUNNING)
    return row.select().where(*running).exists()
