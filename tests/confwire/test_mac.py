"""Message authentication: the same bytes as the standard library's, whatever the sizes."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from confwire import mac


@given(st.binary(max_size=200), st.lists(st.binary(max_size=3000), max_size=3))
def test_a_key_makes_what_the_standard_library_makes(key: bytes, messages: list[bytes]) -> None:
    prepared = mac.Key(key)
    for message in messages:
        expected = hmac.digest(key, message, "sha256")
        assert prepared.digest(message) == expected
        assert mac.digest(key, message) == expected
