"""The table of options."""

from __future__ import annotations

from collections import Counter

import pytest

from proxyapp.engine.options import OPTIONS, WITHOUT_EFFECT
from proxyapp.engine.settings import parse


def test_an_option_is_described_once():
    names = Counter(option.name for option in OPTIONS)
    assert set(names.values()) == {1}
    known = {(section, option.name) for option in OPTIONS for section in option.sections}
    assert not known & set(WITHOUT_EFFECT)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_a_default_is_one_of_the_valid_values(option):
    assert parse(option, option.default) == option.default
    assert option.meaning.endswith(".")
