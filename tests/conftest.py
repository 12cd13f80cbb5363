"""What all tests share: an environment of their own, the databases, the reasons of skips.

Everything that settings read is fixed here before Django loads, so a test run neither reads nor
writes the developer's `var/`. Child processes inherit it.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import hypothesis
import pytest

from tests import beginnings, schedule

if TYPE_CHECKING:
    from tests.servers import Site

# Timings never decide a test; a failure in CI must come again when it is run again.
hypothesis.settings.register_profile(
    "csproxy",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("csproxy")

_TESTS = Path(__file__).parent
_PURE = ("confwire", "contracts", "proxyapp/engine", "simulation")
_RUN_FOLDER = Path(tempfile.mkdtemp(prefix="csproxy-tests-"))

os.environ["CSPROXY_DATA"] = str(_RUN_FOLDER)
os.environ["CSPROXY_SECRET_KEY"] = "only-for-tests"
os.environ["CSPROXY_SCRAM_ITERATIONS"] = "4096"
os.environ.setdefault("DATABASE_URL", f"sqlite:///{_RUN_FOLDER / 'csproxy.sqlite3'}")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # The run is a background job of a shell: child processes would inherit that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_ON_POSTGRES = os.environ["DATABASE_URL"].startswith("postgres")


def pytest_configure(config: pytest.Config) -> None:
    """Load Django, now that the environment is fixed, unless only parts that know none are run."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    if all(_is_pure(config.invocation_params.dir / arg.partition("::")[0]) for arg in config.args):
        return
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "csproxy_site.settings"
    django.setup()


def _is_pure(path: Path) -> bool:
    return any(path.resolve().is_relative_to(_TESTS / folder) for folder in _PURE)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the run's data folder and its databases."""
    beginnings.remove_all()
    shutil.rmtree(_RUN_FOLDER, ignore_errors=True)


def pytest_report_header(config: pytest.Config) -> str:
    """Name the database in the first lines of every run."""
    return f"database: {'PostgreSQL' if _ON_POSTGRES else 'SQLite'}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what asks no database on the second one; where several processes share the
    tests, begin with the longest."""
    if _ON_POSTGRES:
        left_out = [item for item in items if not _asks_the_database(item)]
        items[:] = [item for item in items if _asks_the_database(item)]
        config.hook.pytest_deselected(items=left_out)
    if hasattr(config, "workerinput"):
        schedule.longest_first(items)


def _asks_the_database(item: pytest.Item) -> bool:
    """Whether a test may come to the database of the run: no other one gets a connection to it."""
    marks = ("django_db", "postgres_only")
    fixtures = {"db", "transactional_db", "database_url"}
    asked: set[str] = set(getattr(item, "fixturenames", ()))
    return any(map(item.get_closest_marker, marks)) or not fixtures.isdisjoint(asked)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the tests out in that order."""
    return schedule.LongestFirst(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the chosen database cannot show."""
    if item.get_closest_marker("postgres_only") and not _ON_POSTGRES:
        pytest.skip("needs PostgreSQL, and DATABASE_URL names SQLite")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Keep the SQLite test database in a file: connections then lock as in real life."""
    from django.conf import settings

    if not _ON_POSTGRES:
        settings.DATABASES["default"]["TEST"]["NAME"] = str(_RUN_FOLDER / "test.sqlite3")
    _empty_what_is_append_only()


def _empty_what_is_append_only() -> None:
    """Let tests that commit empty the history's tables too: their triggers refuse it."""
    from django.db import connection, transaction

    operations = type(connection.ops)
    flush = operations.execute_sql_flush

    def flushed(self: Any, statements: list[str]) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            if _ON_POSTGRES:
                cursor.execute("SET LOCAL session_replication_role = replica")
                return flush(self, statements)
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
            flush(self, statements)
            for _, sql in triggers:
                cursor.execute(sql)

    operations.execute_sql_flush = flushed


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """Return the URL of an empty database for the processes that a test starts."""
    if not _ON_POSTGRES:
        yield f"sqlite:///{tmp_path / 'csproxy.sqlite3'}"
        return
    import psycopg

    server = os.environ["DATABASE_URL"]
    name = f"csproxy_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def server_environment(tmp_path: Path, database_url: str) -> dict[str, str]:
    """Return the environment of a server process with its own data folder and database."""
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "CSPROXY_DATA": str(tmp_path / "var"),
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture
def site(server_environment: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    """Return a site of real servers, none of which is started yet."""
    from tests.servers import Site

    site = Site(server_environment, tmp_path)
    yield site
    site.end()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of the Chromium that browser tests drive."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("needs Chromium, and none is installed")
