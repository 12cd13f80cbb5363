"""What may be asked of a running server."""

from __future__ import annotations

import msgspec
import pytest

from confwire.messages import ServerIdentity, ServerInfo, Shed


@pytest.mark.parametrize("percent", [1, 100])
def test_a_part_of_the_sessions_is_a_percentage(percent):
    text = b'{"message":"shed","ref":1,"percent":%d}' % percent
    assert msgspec.json.decode(text, type=Shed).percent == percent


@pytest.mark.parametrize("percent", ["0", "101", "null", "0.5"])
def test_any_other_part_is_refused(percent):
    with pytest.raises(msgspec.ValidationError, match="percent"):
        msgspec.json.decode(f'{{"message":"shed","ref":1,"percent":{percent}}}', type=Shed)


def test_a_master_tells_of_no_link():
    server = ServerIdentity(application="confserv", dbid=99, release="1.0.0", mode="master")
    info = ServerInfo(ref=1, epoch="e", revision=5, server=server)
    assert "link" not in msgspec.json.decode(msgspec.json.encode(info))
