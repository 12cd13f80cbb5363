"""Which timelines are former ones, and what is known of them after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxyapp.runtime.timelines import UNTOLD, Timeline, TimelineFile


@pytest.mark.parametrize(
    ("one", "other", "precedes"),
    [
        (Timeline(7, 1), Timeline(7, 2), True),
        (Timeline(7, 2), Timeline(7, 2), False),
        (Timeline(7, 3), Timeline(7, 2), False),
        (Timeline(8, 1), Timeline(7, 2), False),
        (UNTOLD, Timeline(7, 2), False),
    ],
)
def test_only_an_earlier_timeline_of_the_same_cluster_is_a_former_one(one, other, precedes) -> None:
    assert one.precedes(other) is precedes
    assert len(str(Timeline(2**64 - 1, 2**32 - 1))) <= 32


def test_the_latest_timeline_is_there_after_a_restart_of_whichever_cluster(tmp_path: Path) -> None:
    path = tmp_path / "timeline"
    assert TimelineFile(path).read() == UNTOLD
    file = TimelineFile(path)
    for number in (2, 4, 3):
        file.write(Timeline(7, number))
    again = TimelineFile(path)
    assert again.read() == Timeline(7, 4)
    again.write(Timeline(7, 3))
    assert TimelineFile(path).read() == Timeline(7, 4)
    again.write(Timeline(2**64 - 1, 1))
    assert TimelineFile(path).read() == Timeline(2**64 - 1, 1)


@pytest.mark.parametrize("content", [b"", b"7", b"7/", b"-7/1", b"\xff\xfe", b"9" * 40, b"7/1/2"])
def test_a_damaged_file_counts_as_none_and_is_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "timeline"
    path.write_bytes(content)
    file = TimelineFile(path)
    assert file.read() == UNTOLD
    file.write(Timeline(7, 1))
    assert TimelineFile(path).read() == Timeline(7, 1)


def test_a_disk_that_takes_nothing_is_survived_and_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "away"
    file = TimelineFile(folder / "timeline")
    file.write(Timeline(7, 2))
    folder.mkdir()
    file.write(Timeline(7, 2))
    assert file.read() == Timeline(7, 2)
