"""What it costs to look which connected devices are to be told: by the plans that SQLite makes."""

import pytest

from otagw.db import database
from otagw.ota.updates import pushes


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT DISTINCT w.job_id {pushes._WAITING}",
        f"SELECT w.device_id, w.module {pushes._WAITING} {pushes._OF_JOB} ORDER BY w.id LIMIT 5",
        f"SELECT w.id {pushes._WAITING} {pushes._OF_JOB} LIMIT 1",
    ],
)
def test_a_look_goes_by_the_connections_of_the_node_and_by_open_tasks(store, query):
    if not database.is_sqlite():
        pytest.skip("PostgreSQL plans by statistics")
    rows = database.execute(
        f"EXPLAIN QUERY PLAN {query}", "node", 0, "node", *([1] if "job_id + 0" in query else [])
    ).fetchall()
    steps = [row[3] for row in rows if row[3].startswith(("SEARCH", "SCAN")) and row[3] != "SCAN w"]
    assert [step.partition(" (")[0].replace("COVERING ", "") for step in steps] == [
        "SEARCH s USING INDEX mqtt_session_node_device_id",
        "SEARCH t USING INDEX task_open",
        "SEARCH s USING INDEX mqtt_session_node_device_id",
        "SEARCH t USING INDEX task_following",
        "SEARCH o USING INDEX task_open",
    ]
