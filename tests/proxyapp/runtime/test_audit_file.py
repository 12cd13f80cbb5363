"""`runmaster -dumpauditxml FILE -last DAYS` writes the changes and ends."""

from __future__ import annotations

import stat
from pathlib import Path
from xml.etree import ElementTree

import pytest

from historylog.models import ChangeRecord
from proxyapp.runtime import server


@pytest.mark.django_db
def test_it_is_written_for_its_owner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audit.xml"
    assert server.main("master", ["-dumpauditxml", str(path), "-last", "1"]) == 0
    root = ElementTree.parse(path).getroot()
    assert len(root) == ChangeRecord.objects.count() > 0
    assert f"{len(root)} changes" in capsys.readouterr().out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.django_db
def test_a_file_that_cannot_be_written_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert server.main("master", ["-dumpauditxml", "/nowhere/at/all"]) == 1
    assert "cannot write /nowhere/at/all" in capsys.readouterr().err
