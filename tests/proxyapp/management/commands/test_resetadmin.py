"""`manage.py resetadmin`."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from proxyapp.models import Person

pytestmark = pytest.mark.django_db


def administrator() -> Person:
    return Person.objects.get(pk=100)


def test_a_new_password_is_made_and_shown() -> None:
    output = StringIO()
    call_command("resetadmin", stdout=output)
    password = output.getvalue().split("password:")[1].strip()
    assert administrator().check_password(password)


def test_a_password_from_a_file_is_not_shown(tmp_path: Path) -> None:
    file, output = tmp_path / "password", StringIO()
    file.write_text("from the file\n")
    call_command("resetadmin", "--password-file", str(file), stdout=output)
    assert administrator().check_password("from the file")
    assert output.getvalue() == ""


@pytest.mark.parametrize("content", ["", "\n", "a\x01b\n", None])
def test_a_bad_file_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content)
    before = administrator().verifier
    with pytest.raises(CommandError):
        call_command("resetadmin", "--password-file", str(file))
    assert administrator().verifier == before
