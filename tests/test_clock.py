"""Ids: they sort by time, and within one millisecond by the order in which a process drew them."""

import random

import pytest

from otagw import clock
from tests import door
from tests.conftest import NOW


@pytest.fixture(params=range(5))
def held(request):
    door.replace(chance=random.Random(request.param), clock=clock.Clock())
    clock.hold(lambda: NOW * 1000)


@pytest.mark.usefixtures("held")
def test_ids_of_one_millisecond_come_in_their_order():
    drawn = [clock.new_id() for _ in range(1000)]
    assert drawn == sorted(set(drawn))
    assert drawn[0] >> clock.RANDOM_BITS == NOW * 1000 - clock.EPOCH_MS


@pytest.mark.usefixtures("held")
def test_a_later_id_is_larger_and_an_earlier_one_smaller():
    before, at, after = (clock.new_id(NOW * 1000 + shift) for shift in (-1, 0, 1))
    again = clock.new_id(NOW * 1000 - 5)
    assert again < before < at < after
    assert again >> clock.RANDOM_BITS == NOW * 1000 - 5 - clock.EPOCH_MS


@pytest.mark.usefixtures("held")
def test_a_row_of_ids_follows_the_rows_before():
    first = door.here().clock.row_of_ids(10, NOW * 1000)
    assert door.here().clock.row_of_ids(5, NOW * 1000) >= first + 10
