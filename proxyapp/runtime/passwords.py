"""Passwords that persons choose themselves, set in the database."""

from __future__ import annotations

import structlog
from django.db import InterfaceError, OperationalError, connection

from confwire.errors import DatabaseUnavailable, InternalError, RequestError
from proxyapp.engine.commands import SetPassword
from proxyapp.engine.events import PasswordSet
from proxyapp.services import accounts

log = structlog.get_logger(__name__)


def change(command: SetPassword) -> PasswordSet:
    """Set a password, and return the outcome; blocks on the database."""
    try:
        result = accounts.change_own_password(
            command.person,
            command.password,
            origin=command.origin,
            former=command.former,
            name=command.name,
            through=command.through,
        )
        return PasswordSet(command.ticket, result.revision or 0)
    except RequestError as error:
        return PasswordSet(command.ticket, error=error)
    except (OperationalError, InterfaceError) as error:
        log.error("a password was not set", origin=command.origin, reason=str(error).strip())
        refusal = DatabaseUnavailable("the database cannot be written now: try again")
        return PasswordSet(command.ticket, error=refusal)
    except Exception:
        log.exception("a password was not set", origin=command.origin)
        return PasswordSet(command.ticket, error=InternalError())
    finally:
        if connection.errors_occurred:
            connection.close()
