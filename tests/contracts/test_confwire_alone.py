"""confwire runs without Django: with the standard library and its own few dependencies alone."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_IMPORT_ALONE = """
import importlib, sys
module, *allowed = sys.argv[1:]

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "confwire", *allowed}:
            raise ModuleNotFoundError(f"{name} is not declared by confwire")

sys.meta_path.insert(0, Refuse())
importlib.import_module(module)
"""


def dependencies() -> list[str]:
    """Return the module names that pyproject.toml declares for confwire."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [requirement.partition("~")[0] for requirement in project["dependencies"]]


def modules() -> list[str]:
    """Return the dotted names of all modules of confwire."""
    paths = (path.relative_to(ROOT).with_suffix("") for path in ROOT.glob("confwire/**/*.py"))
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


def import_alone(module: str, allowed: list[str]) -> subprocess.CompletedProcess[str]:
    """Import a module in a fresh interpreter where only the allowed packages can be found."""
    return subprocess.run(
        [sys.executable, "-c", _IMPORT_ALONE, module, *allowed],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_with_the_declared_dependencies_alone(module: str) -> None:
    run = import_alone(module, dependencies())
    assert run.returncode == 0, run.stderr


def test_an_undeclared_dependency_is_noticed() -> None:
    assert "django is not declared" in import_alone("django", []).stderr


def test_the_package_itself_runs_nothing() -> None:
    assert (ROOT / "confwire/__init__.py").read_text() == ""
