"""Requests answered together, and the sections of their work that they pass through together.

What costs much to open and to close, a durable transaction above all, is opened once for all requests of a round that
want it. Each is written as if it were alone: it runs in a greenlet of its own, and where it enters such a section it
waits until every other request of the round waits too, or is done. docs/decisions/0023-rounds.md says what that gains.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from greenlet import getcurrent, greenlet

T = TypeVar("T")
Around = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Section:
    """A part of the work of requests: what is around it for one, what for several, and then around each of them."""

    alone: Around
    together: Around
    each: Around = contextlib.nullcontext


class _Member(greenlet, Generic[T]):
    """One request of a round."""

    result: T
    # The section it waits for, and what went wrong with that for all who were in it.
    wanted: Section | None = None
    trouble: Exception | None = None
    inside = False

    def __init__(self, task: Callable[[], T]) -> None:
        super().__init__(self._work)
        self._task = task

    def _work(self) -> None:
        self.result = self._task()

    def give_way(self) -> None:
        """Let the others go on; raise what has befallen everybody meanwhile."""
        self.trouble = None
        cast("greenlet", self.parent).switch()
        if self.trouble:
            raise copy.copy(self.trouble)


def run(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run tasks, which must not raise, so that they pass through sections together; return their results in order."""
    if len(tasks) == 1:
        return [tasks[0]()]
    members = [_Member(task) for task in tasks]
    going = members
    while going:
        for member in going:
            member.switch()
        waiting = [member for member in members if not member.dead]
        going = [member for member in waiting if member.wanted is waiting[0].wanted]
        if going:
            _pass(cast("Section", going[0].wanted), going)
    return [member.result for member in members]


def _pass(section: Section, members: Sequence[_Member[T]]) -> None:
    """Let members through a section they wait for, one after another."""
    try:
        with section.together() if len(members) > 1 else section.alone():
            for member in members:
                member.inside = True
                member.switch()
                member.inside = False
    except Exception as error:
        for member in members:
            member.inside, member.trouble = False, error


@contextlib.contextmanager
def enter(section: Section) -> Iterator[None]:
    """Run a part of a request's work in a section: with the others of its round, if it has a round.

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
