"""The term of a pair outlives the process, and never goes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxyapp.runtime.terms import TermFile


def test_a_term_is_there_after_a_restart_and_only_grows(tmp_path: Path) -> None:
    path = tmp_path / "pair-term"
    assert TermFile(path).read() == 0
    file = TermFile(path)
    for term in (3, 7, 5):
        file.write(term)
    assert TermFile(path).read() == 7
    again = TermFile(path)
    again.read()
    again.write(6)
    assert TermFile(path).read() == 7


@pytest.mark.parametrize("content", [b"", b"-1", b"seven", b"\xff\xfe", b"9" * 40, "٣".encode()])
def test_a_damaged_file_counts_as_none_and_is_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pair-term"
    path.write_bytes(content)
    file = TermFile(path)
    assert file.read() == 0
    file.write(2)
    assert TermFile(path).read() == 2


def test_a_disk_that_takes_nothing_is_survived_and_tried_at_the_next_term(tmp_path: Path) -> None:
    folder = tmp_path / "away"
    file = TermFile(folder / "pair-term")
    file.write(2)
    folder.mkdir()
    file.write(2)
    assert TermFile(folder / "pair-term").read() == 2
