"""Where passwords and secrets come from: a file, the environment or a prompt, never an argument."""

from __future__ import annotations

import getpass
import os
import stat
import warnings
from argparse import Namespace
from pathlib import Path


class Failure(Exception):
    """The command cannot be carried out; the text says why and what to do."""


def password_of(arguments: Namespace) -> str:
    """Return the password: from a file, from the environment or from a prompt.

    Raises:
        Failure: there is none.
    """
    if arguments.password_file:
        return secret_of(arguments.password_file)
    if "CONFCTL_PASSWORD" in os.environ:
        return os.environ["CONFCTL_PASSWORD"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(f"Password of {arguments.user}: ")
    except (getpass.GetPassWarning, EOFError):
        raise Failure(
            "there is no terminal to ask for the password: use --password-file FILE or set "
            "CONFCTL_PASSWORD"
        ) from None


def secret_of(name: str) -> str:
    """Return the first line of a file that only its owner can read.

    Raises:
        Failure: others can read it, or nobody.
    """
    try:
        found = Path(name).stat()
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot read {name}: {reason_of(error)}") from None
    if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
        raise Failure(f"{name} can be read by others: run `chmod 600 {name}` first")
    secret = text.partition("\n")[0].rstrip("\r")
    if not secret:
        raise Failure(f"{name} is empty: put the password into its first line")
    return secret


def reason_of(error: OSError | UnicodeDecodeError) -> str:
    """Say in a few words why a file could not be read."""
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return "it is not UTF-8 text"
