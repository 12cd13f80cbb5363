"""Settings from the environment, each with an error of one line that names it and the remedy.

A variable that is empty counts as one that is not given. Each can be given as NAME_FILE, too, with
the path of a file that holds the value. Knows nothing of what the settings mean.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_FLAGS = dict.fromkeys(("true", "on", "yes", "y", "ok", "1"), True) | dict.fromkeys(
    ("false", "off", "no", "n", "0"), False
)


class Environment:
    """The environment variables `values`, read by name.

    Every method raises ImproperlyConfigured for a value that cannot be used.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str, default: str) -> str:
        """Return the value as it is, without blanks around it."""
        path = self._values.get(f"{name}_FILE", "").strip()
        value = _content(f"{name}_FILE", Path(path)) if path else self._values.get(name, "")
        return value.strip() or default

    def words(self, name: str, default: list[str]) -> list[str]:
        """Return the parts between commas."""
        parts = (part.strip() for part in self.text(name, "").split(","))
        return [part for part in parts if part] or default

    def number(self, name: str, default: int) -> int:
        """Return a whole number from 0 on."""
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdigit()):
            raise ImproperlyConfigured(f"{name} must be a number, not {text!r}")
        return int(text)

    def flag(self, name: str) -> bool:
        """Return whether it is set to true; false without it."""
        text = self.text(name, "false")
        if text.lower() not in _FLAGS:
            raise ImproperlyConfigured(f"{name} must be true or false, not {text!r}")
        return _FLAGS[text.lower()]

    def folder(self, name: str, default: Path) -> Path:
        """Return the path of a folder, which is made if it is not there."""
        path = Path(self.text(name, str(default))).absolute()
        try:
            path.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            raise ImproperlyConfigured(
                f"cannot make the data folder {path}: {error.strerror}; "
                f"give this account the right to, or set {name} to another one"
            ) from error
        return path

    def database(self, name: str, default: Path) -> dict[str, Any]:
        """Return what Django needs to know of the database at a URL, or of SQLite in a file.

        SQLite and PostgreSQL are known.
        """
        url = self.text(name, f"sqlite:///{default}")
        if not url.startswith(("sqlite:///", "postgres://", "postgresql://")):
            raise ImproperlyConfigured(f"{name} must begin with sqlite:/// or postgres://")
        try:
            return dict(environ.Env.db_url_config(url))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name} is no URL: {error}; write special characters of the password as %XX"
            ) from error


def _content(name: str, path: Path) -> str:
    """Return what a file holds that a variable names."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ImproperlyConfigured(
            f"{name}: cannot read {path}: {reason}; "
            "check the path, and that this account may read it"
        ) from error


def kept_key(path: Path) -> str:
    """Return the key kept in a file, making it on first use; only the owner may read it.

    Raises:
        ImproperlyConfigured: the file cannot be made, cannot be read, or is empty.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass  # made earlier, perhaps by a process that started at the same moment
    except OSError as error:
        raise ImproperlyConfigured(
            f"cannot write to the data folder {path.parent}: {error.strerror}; "
            "give this account the right to, or set CSPROXY_DATA to another one"
        ) from error
    try:
        key = path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"cannot read {path}: {error.strerror}; run this as the account that owns the file"
        ) from error
    if not key:
        raise ImproperlyConfigured(
            f"{path} is empty: remove it, and the next start makes a new key"
        )
    return key
