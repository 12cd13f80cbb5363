from __future__ import annotations

from confwire.tickets import client_words, server_words


def test_what_is_signed_is_of_one_side_and_one_connection():
    assert client_words("n") == b"confwire.1 client n"
    assert server_words("n") == b"confwire.1 server n"
