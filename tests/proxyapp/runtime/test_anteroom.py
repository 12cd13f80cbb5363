"""Who is seen to next: resumes before logins, and some logins at any time."""

from __future__ import annotations

import pytest

from proxyapp.runtime.anteroom import PATIENCE, RESUMES_A_LOGIN, Anteroom, Standing, standing_of


class Guest:
    def __init__(self, name: str, standing: Standing) -> None:
        self.name = name
        self.standing = standing


def room(resumes: int = 0, begun: int = 0, new: int = 0) -> Anteroom[Guest]:
    """Return a room in which logins have waited before the resumes came."""
    made: Anteroom[Guest] = Anteroom()
    for standing, count in ((Standing.NEW, new), (Standing.BEGUN, begun)):
        for number in range(count):
            made.add(Guest(f"{standing.value} {number}", standing), 0.0)
    for number in range(resumes):
        made.add(Guest(f"resume {number}", Standing.RESUME), 1.0)
    return made


def names(waiting: Anteroom[Guest], now: float = 1.0) -> list[str]:
    return [waiting.next(now)[0].name for _ in range(len(waiting))]


def test_resumes_pass_before_logins_that_came_earlier() -> None:
    assert names(room(resumes=3, new=2)) == ["resume 0", "resume 1", "resume 2", "new 0", "new 1"]


def test_a_storm_of_resumes_lets_some_logins_through() -> None:
    found = names(room(resumes=3 * RESUMES_A_LOGIN, begun=1, new=2))
    assert [found.index(name) for name in ("begun 0", "new 0", "new 1")] == [
        RESUMES_A_LOGIN, 2 * RESUMES_A_LOGIN + 1, 3 * RESUMES_A_LOGIN + 2,
    ]  # fmt: skip


def test_logins_that_have_begun_are_ended_before_others_begin() -> None:
    assert names(room(begun=2, new=1)) == ["begun 0", "begun 1", "new 0"]


def test_a_login_that_waited_for_long_is_turned_away_unless_it_has_begun() -> None:
    waiting = room(begun=1, new=1, resumes=1)
    late = PATIENCE + 1.1
    assert [(guest.name, is_late) for guest, is_late in (waiting.next(late) for _ in range(3))] == [
        ("resume 0", False), ("begun 0", False), ("new 0", True),
    ]  # fmt: skip
    with pytest.raises(IndexError):
        waiting.next(late)


@pytest.mark.parametrize(
    ("message", "standing"),
    [
        (b'{"message":"open","application":"default","token":"abc"}', Standing.RESUME),
        (b'{"message":"open", "token" : "abc", "application":"default"}', Standing.RESUME),
        (b'{"message":"open","application":"default","token":""}', Standing.NEW),
        (b'{"message":"open","application":"default","data":"n,,n=x"}', Standing.NEW),
        (b"", Standing.NEW),
    ],
)
def test_a_token_makes_a_resume(message: bytes, standing: Standing) -> None:
    assert standing_of(message) is standing
