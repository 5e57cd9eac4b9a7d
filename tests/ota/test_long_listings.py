"""A long listing: what its last page costs, counted in steps of SQLite's machine, not in seconds."""

import pytest

from otagw import clock, settings
from otagw.db import database, models, schema
from otagw.ota import accounts, listing
from otagw.ota.packages import insertion, packages
from otagw.ota.packages.records import PackageDraft
from tests import door
from tests.conftest import NOW

ROWS = 100_000
FILTERS = [{}, {"product_key": "p3"}, {"version": "1.7"}, {"product_key": "p3", "version": "1.3"}]


@pytest.fixture
def many(tmp_path):
    """An account with a hundred thousand packages, of ten products and ten versions."""
    chosen = settings.load({"OTAGW_CONFIG": "/dev/null", "OTAGW_DATA_DIR": str(tmp_path)})
    door.enter(chosen)
    schema.migrate(chosen)
    account = accounts.ensure("main")
    for number in range(10):
        insertion.create(account, PackageDraft(name=f"first{number}", version=f"1.{number}", product_key=f"p{number}"))
    marks = ", ".join("?" * len(models.Package.columns()))
    start = (NOW * 1000 - clock.EPOCH_MS) << clock.RANDOM_BITS
    with database.write():
        database.db.connection().executemany(
            f"INSERT INTO package ({', '.join(models.Package.columns())}) VALUES ({marks})",
            (
                (start + n, *insertion.values(account, _draft(n), "default", False, NOW * 1000))
                for n in range(ROWS)
            ),
        )  # fmt: skip
        for product in range(10):
            draft = _draft(product)
            listing.count(
                account.id, packages.scopes(draft.product_key, draft.version, draft.module, draft.kind), ROWS // 10
            )
    yield account
    database.disconnect()


def _draft(number):
    return PackageDraft(name=f"n{number}", version=f"1.{number % 10}", product_key=f"p{number % 10}")


def steps(account, number, size, filters):
    """Return how many steps a page takes, and the page."""
    taken = 0

    def count():
        nonlocal taken
        taken += 1

    connection = database.db.connection()
    connection.set_progress_handler(count, 1)
    given = {"product_key": None, "version": None, **filters}
    page = packages.page(account, number, size, **given)
    connection.set_progress_handler(None, 0)
    return taken, page


def test_the_last_page_costs_what_the_first_does(many):
    for filters in FILTERS:
        first, page = steps(many, 1, 20, filters)
        last, end = steps(many, max(page.count, 1), 20, filters)
        assert page.total in (0, ROWS // 10 + 1, ROWS + 10)
        assert 0 < last <= first * 1.5, (filters, first, last)
        if page.total:
            assert page.items[0].id > end.items[-1].id
