"""The configuration as a file: sorted, whole, and only what was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def test_the_lists_and_their_objects_are_in_order(run: Any) -> None:
    content = json.loads(run("exportconfig").out)
    assert content.pop("__metadata__") == {"formatName": "JSON", "formatVersion": "1.0.0"}
    assert list(content) == sorted(content, key=str.casefold)
    names = [item["name"] for item in content["appPrototypes"]]
    assert names == sorted(names)


def test_only_the_types_that_were_asked_for_are_written(run: Any) -> None:
    content = json.loads(run("exportconfig", "--types", "hosts", "application").out)
    assert content.keys() == {"__metadata__", "applications", "hosts"}


def test_an_unknown_type_is_refused(run: Any) -> None:
    ended = run("exportconfig", "--types", "gadgets")
    assert ended.code == 1
    assert "there is no object type gadgets" in ended.err


def test_a_file_appears_when_it_is_whole(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    assert run("exportconfig", "--output", path).out == ""
    assert json.loads(path.read_text()) == json.loads(run("exportconfig").out)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_an_error(run: Any, tmp_path: Path) -> None:
    ended = run("exportconfig", "--output", tmp_path / "none" / "all.json")
    assert ended.code == 1
    assert "cannot be written: no such file or directory" in ended.err


def test_no_secret_is_written(run: Any) -> None:
    text = run("exportconfig").out
    assert "SCRAM" not in text
    assert "password" not in text.lower().replace("changepasswordonnextlogin", "")
