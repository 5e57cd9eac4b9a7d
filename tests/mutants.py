"""Take each account condition out of the code, and see that the isolation contract notices.

Run it by ``python -m tests.mutants``; it ends with 1 where a condition could be left out and nothing would notice.

Everything is one process: the code of a function is exchanged where it stands, and only those questions are asked again
that ran the function. What SQLite does not run is tried on PostgreSQL, where a server is.
"""

import contextlib
import importlib
import sys
import tempfile
import time
import types
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests import engines
from tests.conftest import REQUIRED
from tests.contract import conditions, device_fronts, inner_fronts, isolation, world

FRONTS = (*isolation.FRONTS, *device_fronts.FRONTS, *inner_fronts.FRONTS)
# Conditions without which nothing changes, by module, function and text, and why.
EQUIVALENT = {
    ("otagw/ota/listing.py", "uncount", "account_id = ?"): "a counter at nothing counts as one that is not there",
    ("otagw/ota/audit.py", "_AGAIN", "audit_event.account_id = ?"): (
        "the same condition names the key, which is of one account; it is run where a key lacks a grant, and the "
        "contract's keys lack none"
    ),
}


class Code:
    """The questions of the contract, and which functions of otagw each of them runs."""

    def __init__(self, worlds):
        self.judge = isolation.Judge(worlds)
        self.questions = [q for front in FRONTS for each in front.table for q in front(worlds).questions(each)]
        self.runs = {}

    def trace(self, only=None):
        """Ask every question, or those of some names, in the code as it is."""
        for question in self.questions:
            if only is None or question.name in only:
                self.judge.alone(question)
        for question in self.questions:
            if only is None or question.name in only:
                ran = set()
                sys.setprofile(_noting(ran))
                try:
                    problems = self.judge.problems(question)
                finally:
                    sys.setprofile(None)
                if problems:  # it would notice every mutant
                    print(f"left out, since it fails in the code as it is: {question.name}")
                else:
                    self.runs[question.name] = question, ran

    def running(self, functions):
        """Return the questions that run any of some functions, those first that run little else."""
        found = [(len(ran), question) for question, ran in self.runs.values() if ran & functions]
        return [question for _, question in sorted(found, key=lambda pair: (pair[1].whose == isolation.OWN, pair[0]))]


def _noting(ran):
    root = str(conditions.ROOT / "otagw")

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(root):
            ran.add((frame.f_code.co_filename, frame.f_code.co_qualname.partition(".<locals>")[0]))

    return note


class Mutant:
    """The live module without one of its conditions."""

    def __init__(self, site, source, number):
        self.site = site
        self.file = str(conditions.ROOT / site.path)
        self.module = importlib.import_module(site.path.removesuffix(".py").replace("/", "."))
        self.tree = conditions.without(site.path, source, number)

    def functions(self):
        """Return the functions, by file and name, that it is a part of: of a constant, those that read it."""
        if self.site.is_function:
            return {(self.file, self.site.within)}
        found = set()
        for name, module in list(sys.modules.items()):
            if name.startswith("otagw") and getattr(module, "__file__", None):
                for code in _codes(compile(Path(module.__file__).read_bytes(), module.__file__, "exec")):
                    if self.site.within in code.co_names and code.co_name != "<module>":
                        found.add((module.__file__, code.co_qualname.partition(".<locals>")[0]))
        return found

    @contextlib.contextmanager
    def living(self):
        """Let the process run without the condition."""
        if self.site.is_function:
            live = self.module
            for name in self.site.within.split("."):
                live = getattr(live, name)
            while hasattr(live, "__wrapped__"):
                live = live.__wrapped__
            kept = live.__code__
            live.__code__ = self._code()
            try:
                yield
            finally:
                live.__code__ = kept
        else:
            kept = getattr(self.module, self.site.within)
            setattr(self.module, self.site.within, self._constant())
            try:
                yield
            finally:
                setattr(self.module, self.site.within, kept)

    def _code(self):
        made = [code for code in _codes(compile(self.tree, self.file, "exec")) if code.co_qualname == self.site.within]
        assert len(made) == 1, self.site
        return made[0]

    def _constant(self):
        space = dict(vars(self.module))
        is_it = lambda each: self.site.within in ast_names(each)  # noqa: E731
        body = [each for each in self.tree.body if is_it(each)]
        self.tree.body = body
        exec(compile(self.tree, self.file, "exec"), space)
        assert space[self.site.within] != getattr(self.module, self.site.within), self.site
        return space[self.site.within]


def ast_names(statement):
    """Return the names that a statement gives values to."""
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    return [target.id for target in targets if hasattr(target, "id")]


def _codes(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def noticed(code, mutant):
    """Return the first question that notices a mutant, None where none does; raise where it only crashes."""
    with mutant.living():
        for question in code.running(mutant.functions()):
            problems, answer = code.judge.verdict(question)
            if problems:
                if answer.status >= 500 or "does not answer" in answer.text:
                    raise RuntimeError(f"{mutant.site}: {question.name} crashes: {answer}")
                return question
    return None


def hunt(code, mutants):
    """Try mutants; return those that nothing notices, and those that nothing runs."""
    survived, idle = [], []
    for mutant in mutants:
        if not code.running(mutant.functions()):
            idle.append(mutant)
        elif noticed(code, mutant) is None:
            survived.append(mutant)
    return survived, idle


def main():
    """Print what was found, and return how the process ends."""
    began = time.monotonic()
    found = [
        Mutant(site, source, number)
        for source, sites in conditions.every().values()
        for number, site in enumerate(sites)
    ]
    without = [name for name in conditions.unconditioned(conditions.of_core()) if name not in conditions.TRUSTED]
    for name in without:
        print(f"no account condition: otagw.ota.{name} takes an account")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        code = Code(stack.enter_context(world.open_worlds(folder)))
        code.trace()
        print(f"{len(code.questions)} questions, {time.monotonic() - began:.0f} s")
        survived, idle = hunt(code, found)
    if idle:
        survived, idle = _again(code, survived, idle)
    _report(found, survived, idle, began)
    left = [mutant for mutant in (*survived, *idle) if _key(mutant) not in EQUIVALENT]
    return 1 if left or without else 0


def _again(code, survived, idle):
    """Try on PostgreSQL what SQLite does not run."""
    files = {mutant.file for mutant in idle}
    names = {name for name, (_, ran) in code.runs.items() if files & {file for file, _ in ran}}
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(engines.postgres())
        except (pytest.skip.Exception, pytest.fail.Exception) as problem:
            print(f"{len(idle)} conditions are run by PostgreSQL alone: {problem}")
            return survived, idle if REQUIRED == "all" else []
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        there = Code(stack.enter_context(world.open_worlds(folder, url)))
        there.trace(names)
        more, idle = hunt(there, idle)
    return survived + more, idle


def _key(mutant):
    return mutant.site.path, mutant.site.within, mutant.site.text


def _tell(what, mutant):
    reason = EQUIVALENT.get(_key(mutant))
    print(f"equivalent: {mutant.site}: {reason}" if reason else f"{what}: {mutant.site}")


def _report(found, survived, idle, began):
    by_module = defaultdict(Counter)
    for mutant in found:
        state = "survived" if mutant in survived else "not run" if mutant in idle else "noticed"
        by_module[mutant.site.path][state] += 1
    for path, counts in by_module.items():
        print(f"{path:32}", ", ".join(f"{count} {state}" for state, count in sorted(counts.items())))
    for mutant in survived:
        _tell("SURVIVED", mutant)
    for mutant in idle:
        _tell("NOT RUN", mutant)
    count = len(found) - len(survived) - len(idle)
    print(f"{len(found)} account conditions: {count} noticed, {len(survived)} survived, {len(idle)} not run", end="")
    print(f"; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    raise SystemExit(main())
