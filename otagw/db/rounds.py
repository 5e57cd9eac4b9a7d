"""Requests answered together, and what of their work they do together.

What costs much to open and to close, a durable transaction above all, is opened once for all requests of a round that
want it (`enter`), and what one question to a store can answer for several is asked once (`ask`). Each request is
written as if it were alone: it runs in a greenlet of its own, and there waits until every other request of the round
waits too, or is done. docs/decisions/0023-rounds.md says what that gains.
"""

import contextlib
import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from greenlet import getcurrent, greenlet

T = TypeVar("T")
V = TypeVar("V")
Around = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Section:
    """A part of the work of requests: what is around it for one, what for several, and then around each of them."""

    alone: Around
    together: Around
    each: Around = contextlib.nullcontext


@dataclass(frozen=True)
class Question(Generic[V, T]):
    """What can be answered for several at once: ``answer`` takes what each asks about, and returns as many answers."""

    answer: Callable[[Sequence[V]], Sequence[T]]


class _Member(greenlet):
    """One that answers requests of rounds, one after another: to make it takes as long as ten changes to it."""

    task: Callable[[], Any]
    result: Any = None
    # What it waits for, what it asks about, the answer to that, and what went wrong for all who waited.
    wanted: Section | Question[Any, Any] | None = None
    value: Any = None
    answer: Any = None
    trouble: Exception | None = None
    # It does what the others must not come between.
    inside = False

    def run(self) -> None:
        """Do task after task; the first may be asked for by `switch`, like all that follow."""
        while True:
            self.result = self.task()
            self.wanted = None
            cast("greenlet", self.parent).switch()

    def give_way(self) -> None:
        """Let the others go on; raise what has befallen everybody meanwhile."""
        self.trouble = None
        cast("greenlet", self.parent).switch()
        if self.trouble:
            raise copy.copy(self.trouble)


class _Spare(threading.local):
    """Those of a thread who have nothing to do."""

    def __init__(self) -> None:
        self.members: list[_Member] = []


_spare: Final = _Spare()


def run(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run tasks, which must not raise, and let them do together what they can; return their results in order."""
    if len(tasks) == 1:
        return [tasks[0]()]
    spare = _spare.members
    members = [spare.pop() if spare else _Member() for _ in tasks]
    for member, task in zip(members, tasks, strict=True):
        member.task = task
    going = members
    while going:
        for member in going:
            member.switch()
        waiting = [member for member in members if member.wanted]
        going = [member for member in waiting if member.wanted is waiting[0].wanted]
        if going:
            _help(going)
    results = [member.result for member in members]
    for member in members:
        member.task = member.result = member.value = member.answer = None  # type: ignore[assignment]  # until the next
    spare += members
    return results


def _help(members: Sequence[_Member]) -> None:
    """Give members what all of them wait for."""
    wanted = members[0].wanted
    try:
        if isinstance(wanted, Question):
            context = members[0].gr_context or copy_context()  # the gateway that the members run for
            answers = context.run(wanted.answer, [member.value for member in members])
            for member, answer in zip(members, answers, strict=True):
                member.answer = answer
        elif wanted:
            _pass(wanted, members)
    except Exception as error:
        for member in members:
            member.inside, member.trouble = False, error


def _pass(section: Section, members: Sequence[_Member]) -> None:
    """Let members through a section, one after another."""
    with section.together() if len(members) > 1 else section.alone():
        for member in members:
            member.inside = True
            member.switch()
            member.inside = False


def ask(question: Question[V, T], value: V) -> T:
    """Return the answer to a question about a value: asked together with the others of a round, if there is one.

    Raises what the question raises; it is raised for everybody then.
    """
    me = getcurrent()
    if not isinstance(me, _Member) or me.inside:
        return question.answer([value])[0]
    me.wanted, me.value = question, value
    me.give_way()
    return cast("T", me.answer)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let no other request of a round go on inside: something that the thread has once is in use, a connection say."""
    me = getcurrent()
    if not isinstance(me, _Member) or me.inside:
        yield
        return
    me.inside = True
    try:
        yield
    finally:
        me.inside = False


@contextlib.contextmanager
def enter(section: Section) -> Iterator[None]:
    """Run a part of a request's work in a section: with the others of its round, if there is one.

    Raises what went wrong with the section as a whole; then nobody's part of it counts.
    """
    me = getcurrent()
    if not isinstance(me, _Member) or me.inside:
        with section.alone():
            yield
        return
    me.wanted = section
    me.give_way()
    try:
        with section.each():
            yield
    except BaseException:
        with contextlib.suppress(Exception):
            me.give_way()
        raise
    me.give_way()
