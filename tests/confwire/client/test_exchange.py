"""Requests and their answers, each to who asked."""

from __future__ import annotations

import pytest

from confwire.client.exchange import Exchange, Exchanges
from confwire.client.failures import LinkLost
from confwire.client.link import refusal_of
from confwire.errors import NoPermission, RemoteProtocolError, RequestError
from confwire.messages import Error, ObjectsSent, Progress, ReadServerInfo

pytestmark = pytest.mark.asyncio


def sent(ref):
    return ObjectsSent(ref=ref, epoch="e", revision=1, total=0)


def asked(exchanges):
    request, exchange = ReadServerInfo(ref=exchanges.new_ref()), Exchange()
    exchanges.expect(request, exchange)
    return request, exchange


async def test_answers_go_to_who_asked_in_order():
    exchanges = Exchanges()
    (first, one), (second, two) = asked(exchanges), asked(exchanges)
    assert first.ref != second.ref
    for ref in (second.ref, first.ref, second.ref):
        exchanges.receive(sent(ref))
    assert await one.next() == sent(first.ref)
    assert [await two.next(), await two.next()] == [sent(second.ref)] * 2


async def test_an_error_is_raised_as_the_class_of_its_code():
    exchanges = Exchanges()
    request, exchange = asked(exchanges)
    exchanges.receive(Error(ref=request.ref, code="noPermission", text="no", data={"right": "H"}))
    with pytest.raises(NoPermission, match="no") as caught:
        await exchange.next()
    assert caught.value.data == {"right": "H"}


async def test_an_error_of_a_newer_server_is_an_error_all_the_same():
    exchanges = Exchanges()
    request, exchange = asked(exchanges)
    error = Error(ref=request.ref, code="newCode", text="what", data={"text": "x"})
    exchanges.receive(error)
    with pytest.raises(RequestError, match="what"):
        await exchange.next()


@pytest.mark.parametrize("message", [sent(99), sent("x"), Progress(epoch="e", revision=1)])
async def test_what_nobody_waits_for_is_dropped(message):
    exchanges = Exchanges()
    request, exchange = asked(exchanges)
    exchanges.receive(message)
    exchanges.receive(sent(request.ref))
    assert await exchange.next() == sent(request.ref)


async def test_what_was_forgotten_is_dropped():
    exchanges = Exchanges()
    request, exchange = asked(exchanges)
    exchanges.forget(request)
    exchanges.receive(sent(request.ref))
    exchange.lost(LinkLost("gone"))
    with pytest.raises(LinkLost, match="gone"):
        await exchange.next()


async def test_a_complaint_about_no_request_is_an_error_of_the_protocol():
    with pytest.raises(RemoteProtocolError, match="refused a message: bad"):
        Exchanges().receive(Error(code="malformedMessage", text="bad"))


async def test_an_end_reaches_all_who_wait():
    exchanges = Exchanges()
    waiting = [asked(exchanges)[1] for _ in range(3)]
    exchanges.end(LinkLost("gone"))
    for exchange in waiting:
        with pytest.raises(LinkLost, match="gone"):
            await exchange.next()


@pytest.mark.parametrize("permanent", [True, False])
async def test_an_unknown_code_is_as_permanent_as_the_server_says(permanent):
    error = refusal_of(Error(code="newCode", text="what", permanent=permanent))
    assert error.permanent is permanent
