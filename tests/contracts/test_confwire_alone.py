"""confwire runs without Django: with the standard library and its own few dependencies alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_IMPORT_ALONE = """
import importlib, json, sys
modules, allowed = map(json.loads, sys.argv[1:])

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "confwire", *allowed}:
            raise ModuleNotFoundError(f"{name} is not declared by confwire")

sys.meta_path.insert(0, Refuse())
known, errors = set(sys.modules), {}
for module in modules:
    for name in set(sys.modules) - known:
        if name.partition(".")[0] == "confwire":
            del sys.modules[name]
    try:
        importlib.import_module(module)
        errors[module] = ""
    except Exception as error:
        errors[module] = repr(error)
print(json.dumps(errors))
"""


def dependencies() -> list[str]:
    """Return the module names that pyproject.toml declares for confwire."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [requirement.partition("~")[0] for requirement in project["dependencies"]]


def modules() -> list[str]:
    """Return the dotted names of all modules of confwire."""
    paths = (path.relative_to(ROOT).with_suffix("") for path in ROOT.glob("confwire/**/*.py"))
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


def import_alone(names: list[str], allowed: list[str]) -> dict[str, str]:
    """Import each module, as the first of confwire, where only the allowed packages can be found.

    Returns what each one failed with. The interpreter is a fresh one.
    """
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALONE, json.dumps(names), json.dumps(allowed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    errors: dict[str, str] = json.loads(done.stdout)
    return errors


@pytest.fixture(scope="module")
def errors() -> dict[str, str]:
    return import_alone(modules(), dependencies())


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_with_the_declared_dependencies_alone(
    module: str, errors: dict[str, str]
) -> None:
    assert errors[module] == ""


def test_an_undeclared_dependency_is_noticed() -> None:
    assert "django is not declared" in import_alone(["django"], [])["django"]


def test_the_package_itself_runs_nothing() -> None:
    assert (ROOT / "confwire/__init__.py").read_text() == ""
