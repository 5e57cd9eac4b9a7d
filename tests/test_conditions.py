"""The program that finds account conditions, on small sources and on ours: what it misses, no mutant is made of."""

import pytest

from tests.contract import conditions

SOURCE = '''
"""WHERE account_id = ? in a docstring is none."""
_QUERY: Final = "SELECT 1 FROM job WHERE account_id = ? AND id = ?"

def get(account, key):
    """Not account_id = ? either."""
    row = execute(f"{_QUERY} WHERE job.account_id = ? AND {key}", account.id)
    if row is None or row.account_id != account.id:
        raise NotFound
    assert account.id == row.account_id
    if count(account.id, key) == LIMIT or account_id is None:
        pass
    def work():
        return execute(f"JOIN account a ON a.id = k.account_id WHERE p.account_id = {GIVEN} AND k.key = {key}")
    execute("INSERT INTO job (account_id, key) VALUES (?, ?) ON CONFLICT (account_id, key) DO NOTHING")
'''


def test_conditions_are_found_in_sql_and_in_python_and_nowhere_else():
    found = [(site.within, site.is_function, site.text) for site in conditions.find("job.py", SOURCE)]
    assert found == [
        ("_QUERY", False, "account_id = ?"),
        ("get", True, "job.account_id = ?"),
        ("get", True, "row.account_id != account.id"),
        ("get", True, "account.id == row.account_id"),
        ("get", True, "a.id = k.account_id"),
        ("get", True, "p.account_id = f'{GIVEN}'"),
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "WHERE (account_id = ? OR 1 = 1) AND id = ?"),
        (1, "WHERE (job.account_id = ? OR 1 = 1) AND {key}"),
        (2, "row is None or False"),
        (3, "assert True"),
        (4, "ON (a.id = k.account_id OR 1 = 1) WHERE p.account_id = {GIVEN} AND"),
        (5, "a.id = k.account_id WHERE (1 = 1 OR p.account_id = {GIVEN}) AND k.key = {key}"),
    ],
)
def test_a_mutant_is_without_one_condition_and_takes_the_same_values(number, text):
    import ast

    made = ast.unparse(conditions.without("job.py", SOURCE, number))
    plain = ast.unparse(ast.parse(SOURCE))
    assert text in made
    assert text not in plain
    assert made.count("?") == plain.count("?")


QUERIES = """
def get(account, key):
    row = models.Product
    own = models.Webhook.select().where(models.Webhook.account_id == account.id)
    joined = own.join(owner, on=owner.id == row.account_id)
    return _ROWS.find(row.key == key, row.account == account.id, (row.id > 1) & (row.account_id == other))
"""


def test_conditions_are_found_in_queries_of_peewees():
    assert [site.text for site in conditions.find("webhooks.py", QUERIES)] == [
        "models.Webhook.account_id == account.id",
        "owner.id == row.account_id",
        "row.account == account.id",
        "row.account_id == other",
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, ".where(True)"), (1, "on=True)"), (2, "find(row.key == key, True, "), (3, "(row.id > 1) & True")],
)
def test_a_query_without_a_condition_is_one_that_always_holds(number, text):
    import ast

    assert text in ast.unparse(conditions.without("webhooks.py", QUERIES, number))


def test_each_of_our_conditions_can_be_taken_out():
    for path, (source, sites) in conditions.every().items():
        assert sites
        for number in range(len(sites)):
            compile(conditions.without(path, source, number), path, "exec")


def test_every_function_of_the_core_that_takes_an_account_asks_something_of_it():
    assert set(conditions.unconditioned(conditions.of_core())) == set(conditions.TRUSTED)


JOBS = """
def get(account: Account, key: str) -> Job:
    return execute("SELECT 1 FROM job WHERE account_id = ?", account.id)

def change(account: Account, key: str) -> None:
    get(account, key)
    _note(account)

def _note(account: Account) -> None:
    audit.note(account.id, KIND)
"""


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ("def enable(account: Account, key: str): execute('UPDATE job WHERE id = ?', jobs.get(account, key))", []),
        ("def enable(account: Account, key: str): execute('UPDATE job WHERE id = ?', key)", ["others.enable"]),
        ("def enable(account: Account, key: str): audit.note(account.id, KIND, key)", ["others.enable"]),
        ("def enable(account: Account, key: str): listing.count(account.id, [key], 1)", ["others.enable"]),
        ("def enable(account: Account | None, key: str): jobs.get(other, key)", ["others.enable"]),
        ("def enable(account: Account, key: str): jobs._note(account)", ["others.enable"]),
        ("def _enable(account: Account, key: str): pass\ndef act(account: Account): _enable(account, 1)",
         ["others._enable", "others.act"]),
        ("def _enable(account: Account): pass\ndef act(account: Account): jobs.get(account, 1); _enable(account)", []),
    ],
)  # fmt: skip
def test_a_function_that_asks_nothing_of_its_account_is_found(function, names):
    assert conditions.unconditioned({"jobs": JOBS, "others": function}) == names
