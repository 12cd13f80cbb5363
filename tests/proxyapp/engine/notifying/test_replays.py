from __future__ import annotations

from proxyapp.engine.notifying.replays import Replays


def test_what_was_made_once_is_given_to_all():
    replays, made = Replays(), []

    def make() -> list[bytes]:
        made.append(1)
        return [b"message"]

    assert [replays.of("key", make) for _ in range(3)] == [[b"message"]] * 3
    replays.of("another key", make)
    assert len(made) == 2


def test_few_are_kept_and_those_that_were_asked_for_last():
    replays = Replays()
    for number in range(40):
        replays.of(number, lambda: [b""])
        replays.of(0, lambda: [b""])
    assert len(replays) == 32
    assert replays.of(0, lambda: [b"made anew"]) == [b""]
    assert replays.of(1, lambda: [b"made anew"]) == [b"made anew"]


def test_a_large_one_is_not_kept():
    replays = Replays()
    assert replays.of("key", lambda: [bytes(200_000)]) == [bytes(200_000)]
    assert len(replays) == 0
