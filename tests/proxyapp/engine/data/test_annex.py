from __future__ import annotations

import json

import pytest

from proxyapp.engine.data.annex import has_option, options_in, values_in

BODY = json.dumps({
    "DBID": 1, "name": "x", "options": {"Log": {"Verbose": "All", "expire": 5}},
    "userProperties": {"log": {"verbose": "none"}, "empty": {}},
}).encode()  # fmt: skip


def test_options_are_told_with_their_field_and_folded():
    assert sorted(options_in(BODY)) == [
        ("options", "log", "expire"),
        ("options", "log", "verbose"),
        ("userProperties", "log", "verbose"),
    ]
    assert options_in(b'{"DBID":1}') == []


@pytest.mark.parametrize(
    ("option", "values"),
    [
        (("options", "log", "verbose"), ["All"]),
        (("options", "log", "expire"), ["5"]),
        (("userProperties", "log", "verbose"), ["none"]),
        (("userProperties", "log", "expire"), []),
        (("userProperties", "none", "verbose"), []),
    ],
)
def test_values_are_told_as_texts(option, values):
    assert list(values_in(BODY, option)) == values
    assert has_option(BODY, option) is bool(values)
