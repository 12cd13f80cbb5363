"""Every file of confwire, the engine and the history log has a test file of its name."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Vocabulary: declarations without behaviour of their own, used by the tests of all others.
VOCABULARY = {
    "historylog/apps.py",
    "proxyapp/engine/commands.py",
    "proxyapp/engine/events.py",
    "proxyapp/engine/parts.py",
}


def sources() -> list[Path]:
    """Return the source files that need a test file, relative to the repository."""
    folders = ("confwire", "proxyapp/engine", "historylog")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    relative = [path.relative_to(ROOT) for path in files if not path.name.startswith("__")]
    return sorted(
        path for path in relative if str(path) not in VOCABULARY and "migrations" not in path.parts
    )


@pytest.mark.parametrize("source", sources(), ids=str)
def test_it_has_a_test_file_of_its_name(source: Path) -> None:
    assert (ROOT / "tests" / source.parent / f"test_{source.name}").is_file()


@pytest.mark.parametrize("name", sorted(VOCABULARY))
def test_the_list_of_vocabulary_names_existing_files_without_tests(name: str) -> None:
    source = Path(name)
    assert (ROOT / source).is_file()
    assert not (ROOT / "tests" / source.parent / f"test_{source.name}").exists()
