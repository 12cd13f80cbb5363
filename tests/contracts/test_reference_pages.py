"""The reference pages that are tables of the code are as docs/generate.py writes them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from confwire.objects import OBJECTS
from proxyapp.engine.data.filters import keys_of

ROOT = Path(__file__).parents[2]
GENERATOR = ROOT / "docs/generate.py"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_up_to_date() -> None:
    run = subprocess.run(
        [sys.executable, str(GENERATOR), "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_page_that_was_edited_is_noticed(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "FOLDER", tmp_path)
    assert generator.main([]) == 0
    (tmp_path / "options.md").write_text("nothing")
    assert list(generator.stale()) == [tmp_path / "options.md"]
    assert generator.main(["--check"]) == 1


def test_results_are_filled_in_where_a_page_asks_for_them(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator.results, "RESULTS", tmp_path)
    row = {"figure": "reads", "ours": 1234.5, "unit": "reads/s", "runs": 5}
    alone = row | {"peer": None, "peer_value": None, "ratio": None}
    beside = row | {"peer": "a peer", "peer_value": 500, "ratio": 2.469}
    for name, rows in {"one": [alone], "two": [beside]}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"rows": rows}))
    text = "before\n<!-- results of one, two -->\nold\n<!-- end -->\nafter"
    assert generator.results.filled(text).splitlines() == [
        "before",
        "<!-- results of one, two -->",
        "",
        "| figure | ours | unit | peer | its figure | ratio |",
        "|---|---|---|---|---|---|",
        "| reads | 1,234.5 | reads/s |  |  |  |",
        "| reads | 1,234.5 | reads/s | a peer | 500 | 2.469 |",
        "",
        "`one`: time and commit were not kept; `two`: time and commit were not kept.",
        "",
        "<!-- end -->",
        "after",
    ]


def test_bars_and_what_results_come_from_are_shown(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator.results, "RESULTS", tmp_path)
    row = {"figure": "a", "ours": 7, "unit": "ms", "peer": None, "peer_value": None, "ratio": None}
    rows = [
        row | {"bar": {"question": 1, "limit": "≤ 8 ms", "kept": True}},
        row | {"ours": 9, "bar": {"question": 1, "limit": "≤ 8 ms", "kept": False}},
        row | {"bar": {"question": None, "limit": "≤ 7 ms", "kept": True}},
        row,
    ]
    run = {"commit": "c0ffee", "date": "2031-01-02T03:04Z", "peers": {"peer": "1.2"}}
    (tmp_path / "one.json").write_text(json.dumps({"rows": rows, **run}))
    text = generator.results.filled("<!-- results of one -->\n<!-- end -->")
    assert text.splitlines()[1:-1] == [
        "",
        "| figure | ours | unit | bar |",
        "|---|---|---|---|",
        "| a | 7 | ms | ≤ 8 ms: kept |",
        "| a | 9 | ms | ≤ 8 ms: **missed** |",
        "| a | 7 | ms | ≤ 7 ms: kept |",
        "| a | 7 | ms |  |",
        "",
        "`one`: 2031-01-02T03:04Z, commit c0ffee, peer 1.2.",
        "",
    ]
    bound = row | {"peer": "p", "peer_value": 5, "ratio": 1.4, "at_least": ["peer_value"]}
    open_ = {"question": 2, "limit": "≥ 1×", "kept": None}
    (tmp_path / "two.json").write_text(json.dumps({"rows": [bound | {"bar": open_}]}))
    found = generator.results.filled("<!-- results of two -->\n<!-- end -->").splitlines()[4]
    assert found == "| a | 7 | ms | p | at least 5 | at most 1.4 | ≥ 1×: not proven |"
    lines = generator.results.filled("<!-- bars -->\n<!-- end -->").splitlines()
    assert lines[4] == "| 1 | point reads, 1 in flight | ≤ 8 ms: 7 … 9, **1 of 2 missed** |"
    assert lines[5] == "| 2 | point reads, 16 in flight | ≥ 1×: 1.4, 1 of 1 not proven |"
    assert lines[6] == "| 3 | one change at a time to 1,000 subscribers |  |"


def test_every_key_that_looks_at_other_objects_is_explained(generator: ModuleType) -> None:
    joins = {
        (info.name, key)
        for info in OBJECTS.values()
        for key, rule in keys_of(info.type).items()
        if rule.how == "join"
    }
    assert joins == set(generator.filters.JOINS)


def test_every_key_that_is_no_condition_is_explained(generator: ModuleType) -> None:
    modifiers = {
        key for type_ in OBJECTS for key, rule in keys_of(type_).items() if rule.how == "modifier"
    }
    assert modifiers == set(generator.filters.MODIFIERS)
