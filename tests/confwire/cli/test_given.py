"""What confctl is given to write."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from confwire.cli.accounts import Failure
from confwire.cli.given import bytes_of, json_object


def test_a_closed_standard_input_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(Failure, match="standard input is closed"):
        bytes_of("-")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="is a directory"):
        bytes_of(str(tmp_path))


def test_only_an_object_is_taken() -> None:
    assert json_object("x", b'{"a":1}') == {"a": 1}
    with pytest.raises(Failure, match="x is not a JSON object"):
        json_object("x", b"[]")
