"""Imports go one way, and no gateway shares state with another: both are read off the source."""

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "otagw"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)


def imports(path):
    """Return every module that a file imports, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def name(path):
    return ".".join(("otagw", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def is_below(module, prefix):
    return f"{module}.".startswith(f"{prefix}.")


# The modules of otagw that each prefix may import beside its own, or none; `LEAVES` are for all.
LEAVES = (
    "otagw.call",
    "otagw.errors",
    "otagw.runtime",
    "otagw.clock",
    "otagw.settings",
    "otagw.__version__",
    "otagw.hosts",
    "otagw.private_files",
)
MAY = {
    "otagw.errors": (),
    "otagw.runtime": ("otagw.parts",),  # for the types of what it holds
    "otagw.clock": ("otagw.runtime",),
    "otagw.settings": (
        "otagw.net.allowed_hosts",
        "otagw.net.allowed_origins",
    ),
    "otagw.hosts": (),
    "otagw.private_files": (),
    "otagw.seams": ("otagw.call", "otagw.errors", "otagw.access"),
    "otagw.net": LEAVES,
    "otagw.files": LEAVES,
    "otagw.db": LEAVES,
    "otagw.security": (*LEAVES, "otagw.db"),
    "otagw.ota": (*(*LEAVES, "otagw.db", "otagw.security", "otagw.files", "otagw.net", "otagw.ops.metrics"),),
    "otagw.operation": ("otagw.access", "otagw.hosts"),
    "otagw.access": (*LEAVES, "otagw.db", "otagw.security", "otagw.ota"),
    "otagw.gateway": (
        *(*LEAVES, "otagw.db", "otagw.access", "otagw.operation", "otagw.ops.log", "otagw.ota.audit"),
        "otagw.security",
    ),
    "otagw.ops": (*LEAVES, "otagw", "otagw.db", "otagw.files", "otagw.ota", "otagw.access", "otagw.gateway"),
    "otagw.dialects": (
        *(*LEAVES, "otagw.access", "otagw.gateway", "otagw.operation", "otagw.ota", "otagw.files"),
        *("otagw.security", "otagw.ops.metrics", "otagw.net"),
    ),
    "otagw.mqtt": (*(*LEAVES, "otagw.db", "otagw.ota", "otagw.ops.metrics", "otagw.dialects.messages"),),
    # Where the transport and the fronts meet.
    "otagw.mqtt.service": (
        *(*LEAVES, "otagw.mqtt", "otagw.dialects", "otagw.ops.log", "otagw.server.supervisor", "otagw.server.share"),
    ),
    # A client of its own, which also judges the server: nothing of it may come from the server's side.
    "otagw.simulator": ("otagw.clock", "otagw.errors", "otagw.__version__"),
    "otagw.testing.server": (),
    # Both sides of the wire: it reads requests and refuses them as the fronts do, and signs as their clients do.
    "otagw.testing.recording": (
        *(*LEAVES, "otagw.dialects.http", "otagw.dialects.aliyun", "otagw.dialects.iotda", "otagw.files.links"),
        "otagw.net",
    ),
    "otagw.simulator.demo": ("otagw.simulator", "otagw.server.supervisor"),
}
# Libraries that a room alone may use, and who else may for a reason.
ALONE = {
    "gunicorn": ("otagw.server",),
    "gevent": ("otagw.server", "otagw.db.hub"),
    "greenlet": ("otagw.server", "otagw.db.hub", "otagw.db.connections"),
    "flask": ("otagw.app", "otagw.cors"),
    "playhouse": ("otagw.db",),
    "peewee": ("otagw.db", "otagw.security", "otagw.ota", "otagw.access", "otagw.ops"),
    "fsspec": ("otagw.files", "otagw.ota.packages.bucket_objects"),
    "redis": ("otagw.security",),
    "urllib3": ("otagw.net", "otagw.simulator", "otagw.ota.packages.fetch", "otagw.testing.fleet"),
    "werkzeug": (
        "otagw.app",
        "otagw.gateway",
        "otagw.dialects",
        "otagw.server",
        "otagw.seams",
        "otagw.testing",
        "otagw.cli.explain",
        "otagw.cli.explained_fronts",
    ),
    "marshmallow": ("otagw.dialects", "otagw.cli.reference"),
    "click": ("otagw.cli", "otagw.simulator.demo", "otagw.simulator.story"),
}


def broken(rule):
    """Return the modules that break a rule, each with how it does."""
    return {name(path): found for path in FILES if (found := rule(path))}


def test_a_module_imports_only_what_is_below_it():
    def above(path):
        module = name(path)
        rules = [(prefix, may) for prefix, may in MAY.items() if is_below(module, prefix)]
        if not rules:
            return []
        prefix, may = max(rules)
        allowed = (prefix, *may)
        ours = sorted(i for i in imports(path) if is_below(i, "otagw") and i != "otagw")
        parents = {parent.rpartition(".")[0] for parent in allowed}
        return [i for i in ours if not any(is_below(i, one) for one in allowed) and i not in parents]

    assert broken(above) == {}


# Circles that are there still, each to be ended by its own change.
CIRCLES: set[frozenset[str]] = set()
# `runtime` names the type of what it holds, whose modules read it: the one circle that is meant.
MEANT = ("otagw.runtime", "otagw.parts")


def test_modules_import_each_other_in_no_circle():
    """Imports for types alone count: what two modules need of each other belongs into a third."""
    graph = {name(path): imports(path) for path in FILES if path.stem != "__init__"}
    graph[MEANT[0]] = {other for other in graph[MEANT[0]] if not is_below(other, MEANT[1])}
    above = {module: {other for other in graph if module in graph[other]} for module in graph}

    def reached(start, edges):
        found, waiting = set(), [start]
        while waiting:
            more = edges[waiting.pop()] & graph.keys() - found
            found |= more
            waiting += more
        return found

    circles = {frozenset(reached(module, graph) & reached(module, above)) for module in graph}
    assert circles - {frozenset()} == CIRCLES


# The commands that serve the double, or use it.
USES_THE_DOUBLE = ("otagw.testing", "otagw.cli.test_server", "otagw.cli.recording", "otagw.cli.serving")


def test_no_part_of_the_product_knows_the_test_double():
    def knows(path):
        found = [one for one in imports(path) if is_below(one, "otagw.testing")]
        return [] if name(path).startswith(USES_THE_DOUBLE) else found

    assert broken(knows) == {}


def test_a_library_is_used_where_its_room_is():
    def elsewhere(path):
        tops = {i.partition(".")[0] for i in imports(path)}
        return [one for one in tops & ALONE.keys() if not any(is_below(name(path), room) for room in ALONE[one])]

    assert broken(elsewhere) == {}


# The modules that all fronts share.
SHARED = tuple(
    f"otagw.dialects.{room}"
    for room in (
        "http",
        "json_body",
        "schema",
        "seen",
        "addressed",
        "messages",
        "reports",
        "candidates",
        "hints",
        "signed",
    )
)


def test_a_dialect_knows_no_other():
    def others(path):
        parts = name(path).split(".")
        if parts[:2] == ["otagw", "dialects"] and len(parts) > 2:
            own = (f"otagw.dialects.{parts[2]}", *SHARED)
            ours = (i for i in imports(path) if is_below(i, "otagw.dialects") and i != "otagw.dialects")
            return [i for i in ours if not any(is_below(i, one) for one in own)]
        return []

    assert broken(others) == {}


def test_dialects_leave_models_and_transactions_to_the_core():
    def knows(path):
        return [i for i in imports(path) if is_below(name(path), "otagw.dialects") and is_below(i, "otagw.db")]

    assert broken(knows) == {}


# Those that load the settings for a process, or hand its environment on to another.
DOORS = ("settings", "cli", "security.vault", "wsgi", "server", "ops.metrics", "ops.templates", "testing")


def test_settings_are_passed_and_not_read():
    def reads(path):
        if name(path).startswith(tuple(f"otagw.{door}" for door in DOORS)):
            return []
        text = path.read_text(encoding="utf-8").replace("request.environ[", "")
        return [mark for mark in ("environ[", "getenv", "settings.load(") if mark in text]

    assert broken(reads) == {}


# Caches that all gateways of a process share: their values follow from the arguments alone.
PURE = {
    "otagw.access": 1,  # of one vault, in the object that has it
    "otagw.db.database": 1,  # a statement, as psycopg takes it
    "otagw.dialects.aliyun.render": 1,
    "otagw.dialects.aliyun.signature": 1,
    "otagw.dialects.aliyun.spelling": 3,
    "otagw.ops.log": 1,  # a second, as text
    "otagw.ota.packages.packages": 1,  # names of counters
    "otagw.ota.rollouts.device_lists": 1,  # a file of one storage: files never change
    "otagw.security.nonce_stores": 2,  # statements
}
# Chance that nobody may hold: secrets at rest, names of temporary files; and clients, who draw for themselves.
UNHELD = (
    *("otagw.security.vault", "otagw.ops.backup", "otagw.ops.restore", "otagw.dialects.aliyun.client"),
    *(f"otagw.testing.recording.{name}" for name in ("actions", "iotda", "replay", "compare")),
)


def state(path):
    """Return how a module keeps state that two gateways of a process would share."""
    tree, found = ast.parse(path.read_text(encoding="utf-8")), []
    caches = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found += [f"global {each}" for each in node.names]
        if isinstance(node, ast.Attribute) and node.attr in ("lru_cache", "cache"):
            caches += 1
    if caches != PURE.get(name(path), 0):
        found.append(f"{caches} caches")
    for node in tree.body:
        value = getattr(node, "value", None)
        if isinstance(value, ast.Dict | ast.List) and not (
            getattr(value, "keys", None) or getattr(value, "elts", None)
        ):
            found.append(ast.unparse(node))  # it begins empty, so that it is to be filled
        if isinstance(value, ast.Call) and ast.unparse(value.func) in (
            *("dict", "list", "set", "Counter", "defaultdict", "deque", "threading.Lock", "threading.Event"),
            *("threading.local", "queue.Queue", "queue.SimpleQueue", "itertools.count"),
        ):
            found.append(ast.unparse(node))
    return found


def test_no_module_keeps_what_a_second_gateway_would_share():
    assert broken(lambda path: "simulator" not in path.parts and state(path)) == {}


def test_chance_comes_from_one_source():
    def draws(path):
        if name(path).startswith(("otagw.simulator", "otagw.testing")) or name(path) in (
            *UNHELD,
            "otagw.clock",
            "otagw.parts",
        ):
            return []
        used = re.findall(r"\b(?:secrets\.\w+|random\.\w+\(|os\.urandom|uuid4|time\.time\w*)", path.read_text("utf-8"))
        return [one for one in used if not one.startswith("secrets.compare")]

    assert broken(draws) == {}


def test_the_core_uses_no_vendors_word():
    core = ("otagw.ota", "otagw.db.models", "otagw.access", "otagw.gateway", "otagw.errors")

    def words(path):
        text = path.read_text(encoding="utf-8").lower().replace("docs/wire/aliyun.md", "")
        vendors = ("aliyun", "alibaba", "tuya", "huawei", "udi", "oss")
        return [word for word in vendors if name(path).startswith(core) and f" {word}" in text]

    assert broken(words) == {}


SQLITE_ALONE = re.compile(
    r"\b(INSERT OR|REPLACE INTO|PRAGMA|sqlite_\w+|rowid|AUTOINCREMENT|GLOB|IFNULL|WITHOUT ROWID|json_each"
    r"|json_extract|group_concat|last_insert_rowid)\b(?=[ (\"])"
)


def test_sql_is_of_no_one_engine():
    """The nonces of one machine are a SQLite file of their own."""
    own = ("otagw.db.database", "otagw.db.rows", "otagw.security.nonce_stores", "otagw.db.other_sessions")
    own += ("otagw.testing.double", "otagw.db.hub", "otagw.db.engines")
    assert broken(lambda p: name(p) not in own and SQLITE_ALONE.findall(p.read_text(encoding="utf-8"))) == {}


def test_nothing_is_left_for_later():
    def left(path):
        text = path.read_text(encoding="utf-8")
        return [mark for mark in ("TODO", "FIXME", "XXX", "NotImplementedError") if mark in text] or not text.strip()

    assert broken(left) == {}


# What lets other requests of the thread go on, or may: one of them would wait for the lock for ever.
WAITS = re.compile(r"\b(hosts|database|storage|urllib3|requests)\.|\.(execute\w*|apart|pause|wait|join|read|write)\(")
# The nonces' windows are opened, and readiness is looked up, by one question at a time.
ASKED_BY_ONE = {"otagw.security.nonces": ["self._guard"], "otagw.ops.readiness": ["self._guard"]}


def test_nothing_waits_with_a_lock_of_the_thread_in_hand():
    def holds(path):
        if name(path).startswith(("otagw.testing", "otagw.simulator")):  # the server runs none of them
            return []
        tree = ast.parse(path.read_text(encoding="utf-8"))
        locks = {
            ast.unparse(target)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and "threading.Lock()" in ast.unparse(node.value)
            for target in node.targets
            for target in getattr(target, "elts", [target])
        }
        return [
            ast.unparse(item.context_expr)
            for node in ast.walk(tree)
            if isinstance(node, ast.With)
            for item in node.items
            if ast.unparse(item.context_expr) in locks
            and (WAITS.search("\n".join(map(ast.unparse, node.body))) or name(path) in ASKED_BY_ONE)
        ]

    assert broken(holds) == ASKED_BY_ONE
