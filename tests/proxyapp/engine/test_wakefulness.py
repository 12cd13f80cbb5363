from __future__ import annotations

from proxyapp.engine.wakefulness import Wakefulness


def test_who_is_awake_misses_nothing():
    awake = Wakefulness()
    assert awake.last(5.0) == 5.0
    for quarter in range(20):
        awake.tick(10 + quarter / 4)
    assert awake.last(15.0) == 15.0


def test_what_is_noticed_late_may_have_happened_since_the_stop():
    awake = Wakefulness()
    awake.tick(10.0)
    assert awake.last(40.0) == 10.0
    awake.tick(40.0)
    assert awake.last(40.5) == 10.0
    awake.tick(42.0)
    assert awake.last(43.5) == 43.5


def test_a_moment_between_two_stops_is_too_short_to_notice_anything():
    awake = Wakefulness()
    for at in (10.0, 40.0, 40.2, 43.0):
        awake.tick(at)
    assert awake.last(43.1) == 10.0
    assert awake.last(45.5) == 10.0, "stopped for the third time"
    awake.tick(45.9)
    assert awake.last(46.0) == 10.0
    for at in range(47, 50):
        awake.tick(float(at))
    assert awake.last(49.0) == 49.0


def test_its_state_can_be_read():
    awake = Wakefulness()
    awake.tick(10.0)
    assert repr(awake) == "<Wakefulness, ticked at 10.0>"
