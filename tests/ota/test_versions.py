"""The order of versions: semver's own examples, and what any order has to hold."""

import functools
import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otagw.ota import versions
from otagw.ota.versions import is_below

PARTS = ("0", "1", "2", "10", "01", "a", "rc", "rc1", ".", ".", "-", "-", "+", "v", "_", "é")
anything = st.one_of(st.lists(st.sampled_from(PARTS), max_size=9).map("".join), st.text(max_size=12))
number = st.integers(0, 300)
word = st.one_of(number.map(str), st.from_regex(r"[0-9]*[A-Za-z-][0-9A-Za-z-]*", fullmatch=True))
semver = st.tuples(
    st.tuples(number, number, number),
    st.lists(word, max_size=3),
    st.lists(st.from_regex(r"[0-9A-Za-z-]+", fullmatch=True), max_size=2),
)


def spelled(parts):
    core, early, build = parts
    text = ".".join(map(str, core))
    return text + ("-" + ".".join(early) if early else "") + ("+" + ".".join(build) if build else "")


def precedes(one, other):
    """Compare two semantic versions as section 11 of semver 2.0.0 words it, pair by pair."""
    (core, early, _), (their_core, their_early, _) = one, other
    if core != their_core:
        return core < their_core
    if not early or not their_early:
        return bool(early) and not their_early
    for a, b in itertools.zip_longest(early, their_early):
        if a == b:
            continue
        if a is None or b is None:
            return a is None
        if a.isdigit() and b.isdigit():
            if int(a) != int(b):
                return int(a) < int(b)
        elif a.isdigit() or b.isdigit():
            return a.isdigit()
        else:
            return a < b
    return False


@pytest.mark.parametrize(
    "rising",
    [
        "1.0.0 2.0.0 2.1.0 2.1.1",  # semver, section 11.2
        "1.0.0-alpha 1.0.0",  # 11.3
        "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0",  # 11.4
        "1.9 1.10 1.10.1 1.10a",
        "0.9 v1.0-rc1 V1.0 1.0.1",
        "V100R001C9 V100R001C10 V100R002",
        "1.0.2 1.0.2a 1.0.2b 1.0.3",
        "2024.9.30 2024.10.1",
        "1 a b",
        "1.0-9 1.0-10 1.0-a 1.0",
    ],
)
def test_examples_rise(rising):
    for low, high in itertools.combinations(rising.split(), 2):
        assert is_below(low, high), (low, high)
        assert not is_below(high, low), (low, high)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "1.0.0"), ("v1.2", "1.2"), ("1.0+a", "1.0+b"), ("1.0-rc.1+a-b", "1.0-rc.1"), ("01.002", "1.2")],
)
def test_some_texts_are_one_version(one, other):
    assert not is_below(one, other)
    assert not is_below(other, one)


@given(semver, semver)
@example(((1, 0, 0), ["rc10"], []), ((1, 0, 0), ["rc2"], []))
def test_semantic_versions_are_in_semvers_order(one, other):
    assert is_below(spelled(one), spelled(other)) is precedes(one, other)


@given(anything, anything, anything)
def test_it_is_one_order_for_all_texts(a, b, c):
    assert not is_below(a, a)
    assert is_below(a, b) + is_below(b, a) + (versions.key(a) == versions.key(b)) == 1
    low, middle, high = sorted((a, b, c), key=functools.cmp_to_key(lambda x, y: is_below(y, x) - is_below(x, y)))
    assert not is_below(middle, low)
    assert not is_below(high, middle)
    assert not is_below(high, low)


@given(anything, anything)
def test_build_metadata_is_nothing(version, build):
    assert versions.key(f"{version}+{build}") == versions.key(version)


def test_versions_as_long_as_can_be_are_compared():
    assert is_below("9" * 255, "9" * 256)
