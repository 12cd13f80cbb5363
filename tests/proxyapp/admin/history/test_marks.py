"""Marks of places of the past: read by who made them, and by nobody else."""

from __future__ import annotations

import pytest

from proxyapp.admin.history.marks import key_at, mark_of


@pytest.mark.parametrize("key", [(13, 101), (1, 2**31 - 1)])
def test_a_mark_is_read_again(key):
    assert key_at(mark_of(key)) == key


def test_a_mark_does_not_show_its_place():
    assert "4711" not in mark_of((13, 4711))
    assert mark_of((13, 4711)) != mark_of((13, 4711))


def test_there_is_no_mark_of_nothing():
    assert mark_of(None) == ""


@pytest.mark.parametrize("mark", ["", "13.101", "x", "жжж"])
def test_what_this_site_has_not_made_is_no_mark(mark):
    assert key_at(mark) is None


def test_a_mark_that_was_changed_on_its_way_is_none():
    assert key_at(mark_of((13, 101))[:-4] + "AAA=") is None


def test_a_mark_of_another_site_is_none(settings):
    mark = mark_of((13, 101))
    settings.SECRET_KEY = "another one"
    assert key_at(mark) is None
