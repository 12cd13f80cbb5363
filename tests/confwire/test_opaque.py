from __future__ import annotations

from confwire.opaque import gives_secrets, is_given, is_opaque, values_of


def test_a_given_secret_is_told_from_an_opaque_text_and_from_a_plain_one():
    assert is_given({"secret": "x"})
    assert not any(map(is_given, ["x", 7, {}, {"secret": 7}, {"secret": "x", "more": 1}]))
    assert is_opaque("secret:1:0:0")
    assert not any(map(is_opaque, ["secret", 7, {"secret": "secret:1:"}]))


def test_all_fields_with_options_are_looked_through():
    delta = {
        "options": {"a": {"b": 1}, "gone": None},
        "userProperties": {"c": {"d": {"secret": "x"}}},
        "name": "n",
        "flexibleProperties": None,
    }
    assert list(values_of(delta)) == [
        ("options", "a", "b", 1),
        ("userProperties", "c", "d", {"secret": "x"}),
    ]
    assert gives_secrets(delta)
    del delta["userProperties"]
    assert not gives_secrets(delta)
