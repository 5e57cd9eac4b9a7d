"""Questions of one account by the ids of another, and the judge of their answers.

A question is asked twice: where the other account is not there, so that its ids do not exist, and where it is. The
answers have to be the same, nothing of the other account may change, and nothing new may speak of it.
"""

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from otagw.dialects.aliyun import fields as aliyun_fields
from otagw.dialects.aliyun import spelling
from otagw.dialects.aliyun.action import actions
from otagw.dialects.iotda import schema as iotda_schema
from otagw.dialects.iotda.route import CREATE_TOKEN, routes
from tests.contract import kinds, states
from tests.iotda import signer

OWN, FOREIGN = "own", "foreign"
# What a gateway makes up: request ids, new ids and names, secrets.
_MADE_UP = re.compile(r"[A-Za-z0-9_+/-]{8,}")
_COUNTED = re.compile(r'("ApplyId": "?)[0-9]+')
_REQUEST_IDS = {"RequestId", "RequestID", "requestId", "request_id", "X-Request-Id"}


@dataclass(frozen=True)
class Answer:
    """An answer as it is compared: its status, its code where it is a refusal, and all of its text."""

    status: int
    code: str
    text: str

    @property
    def is_refusal(self):
        return bool(self.code)


@dataclass(frozen=True)
class Question:
    """One call of an operation: ``about`` is the field whose object is asked about, ``whose`` it is."""

    front: str
    operation: str
    about: str
    whose: str
    ask: Callable[[], Answer] = field(repr=False)
    accepted: str = ""
    told: str = ""

    @property
    def name(self):
        return f"{self.front} {self.operation} {self.about}: {self.whose}"


class Judge:
    """Ask questions in the two worlds, and say what is wrong with the answers."""

    def __init__(self, worlds):
        self.worlds = worlds
        # In which state the database is, but for what the last question has changed in some tables.
        self._at = None, ()
        self._heard = {}

    def enter(self):
        """Bring the world with both accounts about, for whatever a test does in it."""
        self.worlds.both()
        self._at = None, ()
        return self.worlds

    def alone(self, question):
        """Return the answer where the owner is not there, and what it added; each question is asked so once."""
        if question.name not in self._heard:
            self._heard[question.name] = self._ask(question, self.worlds.alone, self.worlds.before)
        answer, rows = self._heard[question.name]
        return answer, rows

    def proves_nothing(self, question, own):
        """Return why a question proves nothing, by the answers where the owner is not there; else an empty text.

        ``own`` is the same question by an object of one's own.
        """
        answer, control = self.alone(question)[0], self.alone(own)[0]
        if not answer.is_refusal and not (question.accepted or question.told):
            return f"what does not exist is no refusal: {answer}"
        if answer.is_refusal and control.code == answer.code:
            return f"an object of one's own is answered in the same way: {control}"
        if question.accepted in (kinds.FILTERED, kinds.PASSED) and answer.text == control.text:
            return f"an object of one's own makes no difference: {control}"
        return ""

    def _ask(self, question, restore, expected):
        states.hurry()
        at, changed = self._at
        if at is not restore or changed:
            restore(changed if at is restore else None)
        self._at = None, ()
        before = states.writes()
        answer = question.ask()
        rows = expected if before and before == states.writes() else states.rows()
        self._at = restore, {table for table, _ in ((rows - expected) + (expected - rows))}
        return answer, rows

    def problems(self, question):
        """Return in how many ways the owner shows, each in a sentence."""
        return self.verdict(question)[0]

    def verdict(self, question):
        """Return `problems`, and the answer that they are found in."""
        was, rows_alone = self.alone(question)
        now, rows = self._ask(question, self.worlds.both, self.worlds.after)
        found = []
        if question.told and not now.is_refusal:
            found.append(f"it is not refused: {now}")
        if not question.told and not same(was, now, self.worlds):
            found.append(f"where the owner is not there it answers {was}, and where it is {now}")
        gone = self.worlds.owned - rows
        if gone:
            found.append(f"rows of the owner have changed: {list(gone)[:3]}")
        new, new_alone = rows - self.worlds.after, rows_alone - self.worlds.before
        told = self.worlds.marked(str(list(new))) - self.worlds.marked(str(list(new_alone)))
        if told:
            found.append(f"new rows tell of the owner: {told} in {list(new)[:5]}")
        return found, now


def same(was, now, worlds):
    """Tell whether two answers differ in nothing but what is made up anew each time."""
    if (was.status, was.code) != (now.status, now.code):
        return False
    if was.text == now.text:
        return True
    one, other = (_COUNTED.sub(r"\1", answer.text) for answer in (was, now))
    if _MADE_UP.sub("", one) != _MADE_UP.sub("", other) or worlds.marked(other) - worlds.marked(one):
        return False
    pairs = zip(_MADE_UP.findall(one), _MADE_UP.findall(other), strict=True)
    differing = [text for pair in pairs if pair[0] != pair[1] for text in pair]
    known = {value for value in worlds.asker.has.values() if isinstance(value, str)}
    return all(text not in known and (len(text) >= 20 or re.search("[0-9]", text)) for text in differing)


def of_json(status, code, body):
    """Return an answer in JSON without its request id."""
    kept = {name: value for name, value in body.items() if name not in _REQUEST_IDS} if body else body
    return Answer(status, code or "", json.dumps(kept, ensure_ascii=False, sort_keys=True))


def leaves(schema, above=""):
    """Return the fields of a schema that hold values, by their paths, each with whether it is required."""
    for name, each in schema.fields.items():
        inner = getattr(each, "schema", None)
        if inner is not None and name != "auth":
            needed = each.required
            yield from ((path, leaf, must and needed) for path, leaf, must in leaves(inner, f"{above}{name}/"))
        else:
            yield f"{above}{name}", each, each.required


class Front:
    """What is asked of the operations of one table."""

    def __init__(self, worlds):
        self.worlds = worlds

    def entry(self, table, operation):
        return {**table.get(operation.name, {}), **table.get(f"{operation.name}.{type(self).__name__}", {})}

    def kind(self, operation, path):
        """Return which kind of object a field names, or None; fail where nobody has said it."""
        own, last = self.entry(kinds.OWN, operation), path.rpartition("/")[2]
        if path in own:
            return own[path]
        if last in kinds.NAMES:
            return kinds.NAMES[last]
        assert last in kinds.PLAIN, f"{operation.name}: say in kinds.py which kind of object {path} names"
        return None

    def value(self, operation, path, whose):
        kind = self.kind(operation, path)
        if kind is None:
            plain = self.entry(kinds.PLAIN_OF, operation)
            return plain.get(path, kinds.PLAIN.get(path.rpartition("/")[2], "x"))
        if kind.startswith("+"):
            kind = kind.removeprefix("+")
            return f"fresh{kind}" if whose == OWN else self.worlds.owner.has[kind]
        return (self.worlds.asker if whose == OWN else self.worlds.owner).has[kind]

    def base(self, operation):
        """Return what is asked beside the field at hand, as paths; ``...`` stands for the field's own object."""
        needed = {path: ... for path, _, must in self.leaves(operation) if must}
        return needed | self.entry(kinds.WITH, operation)

    def leaves(self, operation):
        return list(leaves(operation.schema))

    def questions(self, operation):
        """Yield what is asked of an operation: its own objects, and for each field that names one the owner's.

        The owner's is asked about alone, beside each other object of the owner's, and beside all of them.
        """
        seen = set()
        for about, whose, asked, foreign in self._asked(operation):
            key = frozenset((path, str(value)) for path, value in asked.items()), frozenset(foreign)
            if key not in seen:
                seen.add(key)
                yield self.question(operation, about, whose, asked, foreign)

    def _asked(self, operation):
        base = self.base(operation)
        yield "nothing", OWN, base, ()
        for name, value in kinds.FILTERS.get(operation.name, {}).items():
            yield name, OWN, {**base, name: value}, ()
        for path, _, _ in self.leaves(operation):
            if self.kind(operation, path) is None:
                continue
            asked = {**base, path: ..., **kinds.ASIDE.get((operation.name, path), {})}
            asked = {name: value for name, value in asked.items() if value is not None}
            naming = [name for name, value in asked.items() if value is ... and self.kind(operation, name)]
            yield path, OWN, asked, ()
            yield path, FOREIGN, asked, (path,)
            for other in naming:
                if other != path:
                    yield path, f"foreign with {other}", asked, (path, other)
            yield path, "foreign with all else", asked, tuple(naming)

    def question(self, operation, about, whose, asked, foreign):
        values = {
            path: self.value(operation, path, FOREIGN if path in foreign else OWN) if value is ... else value
            for path, value in asked.items()
        }
        accepted = self.entry(kinds.ACCEPTED, operation).get(about, "")
        kind = None if about == "nothing" else self.kind(operation, about)
        if not accepted and kind and kind.startswith("+"):
            accepted = "a name of one's own"
        told = self.entry(kinds.TOLD, operation).get(about, "") if whose != OWN else ""
        ask = functools.partial(self.call, operation, values)
        return Question(type(self).__name__, operation.name, about, whose, ask, accepted, told)


class Actions(Front):
    """The Actions."""

    table = actions

    def call(self, operation, values):
        known = {path: leaf for path, leaf, _ in self.leaves(operation)}
        params = {}
        for path, value in values.items():
            outer, _, inner = path.rpartition("/")
            name = f"{spelling.alibaba(outer)}.1.{spelling.alibaba(inner)}" if outer else spelling.alibaba(inner)
            params[name + (".1" if isinstance(known[path], aliyun_fields.List) else "")] = value
        response = self.worlds.asker.actions(operation.name, **params)
        body = response.json
        return of_json(response.status_code, body.get("Code"), body)


class Iotda(Front):
    """The routes of IoTDA; the project of the path is one field more, and each is asked by a token too."""

    table = routes

    def leaves(self, operation):
        found = list(leaves(operation.schema))
        return [*found, ("project_id", None, True)] if "{project_id}" in operation.path else found

    def questions(self, operation):
        yield from super().questions(operation)
        if "{project_id}" in operation.path:
            for whose, foreign in ((OWN, ()), (FOREIGN, ("project_id",))):
                made = self.question(operation, "project_id", whose, self.base(operation), foreign)
                ask = functools.partial(made.ask, token=self.worlds.asker.has["token"])
                yield replace(made, about="project_id by token", ask=ask)

    def call(self, operation, values, token=""):
        given: dict[str, Any] = {}
        known = {path: leaf for path, leaf, _ in self.leaves(operation)}
        for path, value in values.items():
            *outer, last = path.split("/")
            inside = given
            for step in outer:
                inside = inside.setdefault(step, {})
            inside[last] = [value] if isinstance(known[path], iotda_schema.Texts) else value
        in_path = {name: given.pop(name) for name in list(given) if f"{{{name}}}" in operation.path}
        path = operation.path.format(**in_path)
        has_body = operation.method in ("POST", "PUT")
        body, params = (given, None) if has_body else (None, given)
        body, kind = signer.form(body) if operation.is_form else (body, "application/json")
        there = self.worlds.asker.iotda
        if operation.name == CREATE_TOKEN:
            access, secret = ({"key": half} for half in self.worlds.asker.key)
            given["auth"]["identity"]["hw_ak_sk"] = {"access": access, "secret": secret}
            headers = {"Content-Type": "application/json"}
            response = there.send("POST", path, headers, body=signer.dump(given))
        elif token:
            headers = {"Content-Type": kind, "X-Auth-Token": token}
            response = there.send(operation.method, path, headers, params, signer.dump(body))
        else:
            response = there(operation.method, path, body, params, project=in_path.get("project_id"), Content_Type=kind)
        found = response.json if response.data else {}
        return of_json(response.status_code, found.get("error_code"), found)


FRONTS = (Actions, Iotda)
