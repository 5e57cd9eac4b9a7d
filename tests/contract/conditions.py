"""Account conditions in the source: where they are, the source without one of them, and functions that have none.

A condition is a comparison of an account in SQL (``account_id = ?``, a join on it), in Python (``job.account_id !=
account.id``) or in a query of peewee's (``models.Product.account == account.id``). Without it the SQL still takes as
many values, the comparison says that all is well, and the query has a condition that always holds.
"""

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SQL = re.compile(r"(?:\b\w+\.)?\baccount_id\s*=\s*(?:\?|\w+\.\w+)|\b\w+\.\w+\s*=\s*(?:\w+\.)?\baccount_id\b")
# The beginning of a condition whose other half is put in by an f-string.
HALF = re.compile(r"(?:\b\w+\.)?\baccount_id\s*=\s*$")
PYTHON = re.compile(r"(?:\w+\.)*account_id|account\.id")
KEEPS = re.compile(
    r"INSERT INTO (?!counter)[^(]*\([^)]*\baccount_id\b|\baccount_id=account\.id\b|values \+?= \(.*account\.id"
)
# What takes an account to note or to count: to call one of them asks nothing of whose an object is.
NOTES = re.compile(
    r"audit\.(?!page).*|listing\.count(ing)?|tasks\.count_moves|webhooks\.emit.*|events\..*|listing\.scope.*"
)
# Functions that take an account and compare it nowhere, and why that is right.
TRUSTED = {
    "accounts.hold": "it locks the row of the account itself",
    "insertion.at_once": "its statements are asked by `_MAKE`, and compare the account of each row",
    "insertion.values": "it puts the account into the row that it returns",
    "modules.require": "a module is its product's, which the caller has required",
    "attributes.request": "its caller has looked the device up by the account, for which it is noted",
    "numbered_tasks.force": "its caller has looked the device up by the account, for which it is noted",
    "bucket_objects.check": "buckets are the operator's, and every account's",
}


@dataclass(frozen=True)
class Site:
    """A condition: ``within`` is the outermost function that it is in, or else the name that it is part of."""

    path: str
    line: int
    within: str
    is_function: bool
    text: str

    def __str__(self):
        return f"{self.path}:{self.line} ({self.within}) {self.text}"


class _Walker(ast.NodeTransformer):
    """Collect the conditions of a module, in order; take out the one of this number."""

    def __init__(self, path, without=-1):
        self.path, self.without, self.sites, self.above = path, without, [], []

    def _take(self, node, text):
        """Note a condition; return whether it is the one to take out."""
        functions = [name for name, kind in self.above if kind != "name"]
        names = [name for name, kind in self.above if kind == "name"]
        within = ".".join(self._outermost()) if functions else (names or ["?"])[0]
        self.sites.append(Site(self.path, node.lineno, within, bool(functions), " ".join(text.split())))
        return len(self.sites) - 1 == self.without

    def _outermost(self):
        found = []
        for name, kind in self.above:
            found.append(name)
            if kind == "def":
                break
        return found

    def _inside(self, node, kind, name):
        self.above.append((name, kind))
        self.generic_visit(node)
        self.above.pop()
        return node

    def visit_FunctionDef(self, node):
        return self._inside(node, "def", node.name)

    def visit_ClassDef(self, node):
        return self._inside(node, "class", node.name)

    def visit_Expr(self, node):  # a docstring has no condition
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Assign(self, node):
        return self._inside(node, "name", ast.unparse(node.targets[0]))

    def visit_AnnAssign(self, node):
        return self._inside(node, "name", ast.unparse(node.target))

    def visit_Constant(self, node):
        return self._sql(node) if isinstance(node.value, str) else node

    def _sql(self, node):
        def replaced(match):
            return f"({match[0]} OR 1 = 1)" if self._take(node, match[0]) else match[0]

        return ast.copy_location(ast.Constant(SQL.sub(replaced, node.value)), node)

    def visit_JoinedStr(self, node):
        parts = [self.visit(part) for part in node.values]
        done = []
        for number, part in enumerate(parts):
            half = isinstance(part, ast.Constant) and number + 1 < len(parts) and HALF.search(part.value)
            if half and self._take(node, half[0] + ast.unparse(ast.JoinedStr([parts[number + 1]]))):
                text = f"{part.value[: half.start()]}(1 = 1 OR {half[0]}"
                done.append(ast.copy_location(ast.Constant(text), part))
                parts[number + 1] = _closed(parts[number + 1])
            else:
                done.append(part)
        node.values = [each for part in done for each in (part if isinstance(part, list) else [part])]
        return node

    def visit_Compare(self, node):
        operator = node.ops[0]
        sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
        if isinstance(operator, (ast.Eq, ast.NotEq)) and any(map(PYTHON.fullmatch, sides)):
            if self._take(node, ast.unparse(node)):
                return ast.copy_location(ast.Constant(isinstance(operator, ast.Eq)), node)
            return node
        return self.generic_visit(node)


def _closed(part):
    """Return a part of an f-string with the bracket after it that closes the condition."""
    return [part, ast.copy_location(ast.Constant(")"), part)]


def find(path, source):
    """Return the conditions of a module's source, in order."""
    walker = _Walker(path)
    walker.visit(ast.parse(source))
    return walker.sites


def without(path, source, number):
    """Return the tree of a module without the condition of this number."""
    tree = _Walker(path, number).visit(ast.parse(source))
    return ast.fix_missing_locations(tree)


def every():
    """Return the conditions of the package by module, with its source; migrations run before there are accounts."""
    found = {}
    for file in sorted((ROOT / "otagw").rglob("*.py")):
        path = str(file.relative_to(ROOT))
        source = file.read_text(encoding="utf-8")
        sites = [] if "/migrations/" in path else find(path, source)
        if sites:
            found[path] = source, sites
    return found


class _Function:
    """A function that takes an account: what it says itself, and which functions it passes the account on to."""

    def __init__(self, module, node, names):
        self.module, self.name, self.is_private = module, f"{module}.{node.name}", node.name.startswith("_")
        self.text = text = ast.unparse(node)
        used = [known for name, known in names.items() if re.search(rf"\b{re.escape(name)}\b", text)]
        self.has_own = bool(find("", text)) or any(find("", value) for value in used)
        self.has_own = self.has_own or any(KEEPS.search(" ".join(each.split())) for each in (text, *used))
        self.calls = set()
        for call in (each for each in ast.walk(node) if isinstance(each, ast.Call)):
            given = [ast.unparse(each) for each in (*call.args, *(keyword.value for keyword in call.keywords))]
            if {"account", "account.id"} & set(given):
                called = ast.unparse(call.func)
                self.calls.add(called if "." in called else f"{module}.{called}")


def unconditioned(sources):
    """Return the functions that take an Account and ask nothing of it, nor does any function they pass it on to.

    ``sources`` are the texts of modules of one package by their names.
    """
    functions, wanted = {}, []
    for module, source in sources.items():
        tree = ast.parse(source)
        names = {
            ast.unparse(each.target if isinstance(each, ast.AnnAssign) else each.targets[0]): ast.unparse(each)
            for each in tree.body
            if isinstance(each, (ast.Assign, ast.AnnAssign))
        }
        for node in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
            takes = {argument.arg: argument for argument in (*node.args.args, *node.args.kwonlyargs)}
            if {"account", "account_id"} & takes.keys():
                function = _Function(module, node, names)
                functions[function.name] = function
                if "account" in takes and "Account" in ast.unparse(takes["account"].annotation or ast.Constant("")):
                    wanted.append(function.name)
    asks = {name for name, function in functions.items() if function.has_own and not NOTES.fullmatch(name)}
    callers = defaultdict(set)
    for name, function in functions.items():
        for called in function.calls:
            callers[called].add(name)
    waiting = list(asks)
    while waiting:
        for caller in callers[waiting.pop()] - asks:
            asks.add(caller)
            waiting.append(caller)
    return sorted(set(wanted) - asks - _helpers(functions, asks))


def _helpers(functions, asks):
    """Return the private functions that are called by none but functions that ask, or by other helpers."""
    found = {name for name, function in functions.items() if function.is_private} - asks
    while True:
        others = [each for name, each in functions.items() if name not in asks | found]
        left = {name for name in found if not any(_calls(each, name) for each in others)}
        if left == found:
            return found
        found = left


def _calls(function, name):
    module, _, own = name.partition(".")
    return function.module == module and bool(re.search(rf"\b{own}\b", function.text))


def of_core():
    """Return the sources of the modules of ``otagw/ota``."""
    files = sorted((ROOT / "otagw/ota").rglob("*.py"))
    return {file.stem: file.read_text(encoding="utf-8") for file in files if file.stem != "__init__"}
