"""The scheduler, with a clock that leaps from one due time to the next."""

import itertools
import threading

import pytest

from otagw.simulator.fleet import Fleet


def never():
    return False


def test_lives_go_on_when_they_are_due(leaping):
    seen = []

    def life(name, *pauses):
        for seconds in pauses:
            yield seconds
            seen.append((name, leaping.now()))

    lives = [life("a", 10, 10), life("b", 5), life("c", 12, 3600)]
    Fleet(lives, 1, now=leaping.now, pause=leaping.pause).run(never)
    assert seen == [("b", 5), ("a", 10), ("c", 12), ("a", 20), ("c", 3612)]


def test_those_due_at_once_go_in_the_order_in_which_they_came(leaping):
    seen = []

    def life(name):
        yield 1
        seen.append(name)

    Fleet(map(life, range(100)), 1, now=leaping.now, pause=leaping.pause).run(never)
    assert seen == list(range(100))


def test_two_thousand_that_wait_need_no_more_than_the_threads_there_are(leaping):
    names, steps = set(), []

    def life():
        for _ in range(3):
            names.add(threading.current_thread().name)
            steps.append(1)
            yield 600

    Fleet((life() for _ in range(2000)), 3, now=leaping.now, pause=leaping.pause).run(never)
    assert len(steps) == 6000
    assert 1 <= len(names) <= 3


def test_as_many_steps_are_done_at_once_as_there_are_threads(leaping):
    # Each waits for the others: with a thread fewer this would break, and say so.
    together = threading.Barrier(4, timeout=30)

    def life():
        together.wait()
        yield 1
        together.wait()

    Fleet((life() for _ in range(4)), 4, now=leaping.now, pause=leaping.pause).run(never)
    assert leaping.now() == 1


def test_it_ends_when_it_is_over(leaping):
    def life():
        while True:
            yield 60

    Fleet([life()], 1, now=leaping.now, pause=leaping.pause).run(lambda: leaping.now() >= 600)
    assert leaping.now() == 600


def test_a_stop_from_within_a_step_lets_no_other_begin(leaping):
    steps = itertools.count()

    def life():
        while True:
            if next(steps) == 10:
                fleet.stop()
            yield 1

    fleet = Fleet([life()], 1, now=leaping.now, pause=leaping.pause)
    fleet.run(never)
    assert next(steps) == 11


def test_a_stop_reaches_a_fleet_that_waits_by_the_real_clock():
    def life():
        yield 3600

    fleet = Fleet([life()], 1)
    asked = itertools.count()

    def is_over():
        if next(asked) == 2:
            threading.Thread(target=fleet.stop).start()
        return False

    fleet.run(is_over)
    assert next(asked) >= 3


def test_what_goes_wrong_in_a_step_is_raised_where_the_fleet_is_run(leaping):
    def life():
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Fleet([life()], 1, now=leaping.now, pause=leaping.pause).run(never)
