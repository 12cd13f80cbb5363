"""The reference pages that are tables of the code are as docs/generate.py writes them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from confwire.objects import OBJECTS
from proxyapp.engine.filters import keys_of

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
    assert generator.stale() == ["options.md"]
    assert generator.main(["--check"]) == 1


def test_every_key_that_looks_at_other_objects_is_explained(generator: ModuleType) -> None:
    joins = {
        (info.name, key)
        for info in OBJECTS.values()
        for key, rule in keys_of(info.type).items()
        if rule.how == "join"
    }
    assert joins == set(generator.JOINS)


def test_every_key_that_is_no_condition_is_explained(generator: ModuleType) -> None:
    modifiers = {
        key for type_ in OBJECTS for key, rule in keys_of(type_).items() if rule.how == "modifier"
    }
    assert modifiers == set(generator.MODIFIERS)
