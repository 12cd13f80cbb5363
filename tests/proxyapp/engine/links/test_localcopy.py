from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confwire import codec
from confwire.messages import Transaction
from proxyapp.engine.links.localcopy import (
    Damaged,
    End,
    Header,
    decode_end,
    decode_header,
    decode_page,
    encode_current,
    encode_end,
    encode_header,
    encode_page,
    encode_part,
    frame,
    frames,
    read_log,
)
from tests.proxyapp.engine.bench import record

HEADER = Header(
    kind="log", application="proxy1", key="k", salt="s", epoch="e1", revision=7,
    tree="0" * 32, hash="h", count=3, at=1000.0,
)  # fmt: skip


class Plain:
    """A cipher that hides nothing, but knows the place."""

    def seal(self, data: bytes, place: int) -> bytes:
        return b"%d:" % place + data

    def unseal(self, data: bytes, place: int) -> bytes:
        head, _, rest = data.partition(b":")
        if head != b"%d" % place:
            raise Damaged("another place")
        return rest


def transaction(revision: int, name: str, *, last: bool = True) -> Transaction:
    records = [record("skill", 600 + revision, name=name)]
    return Transaction(epoch="e1", revision=revision, at=1.0, records=records, last=last)


def written(*items: Transaction | float) -> bytes:
    """Return a log with these."""
    cipher, data = Plain(), frame(encode_header(HEADER))
    for place, item in enumerate(items, 1):
        is_time = isinstance(item, float)
        plain = encode_current(item) if is_time else encode_part(codec.encode(item))
        data += frame(cipher.seal(plain, place))
    return data


def read(data: bytes) -> tuple[list[list[int] | float], str]:
    """Return what a log gives, transactions as revisions of their parts, and how it ended."""
    found: list[list[int] | float] = []
    payloads = frames(io.BytesIO(data).read)
    try:
        if next(payloads, None) is not None:
            for item in read_log(payloads, Plain()):
                times = isinstance(item, float)
                found.append(item if times else [part.revision for part in item])
    except Damaged as error:
        return found, str(error)
    return found, ""


LOG = [transaction(8, "a"), 12.5, transaction(9, "b" * 300, last=False), transaction(9, "c"),
       transaction(10, "d")]  # fmt: skip
WHOLE: list[list[int] | float] = [[8], 12.5, [9, 9], [10]]


def test_a_log_gives_its_transactions_with_their_parts_and_the_times():
    assert read(written(*LOG)) == (WHOLE, "")


def test_every_torn_end_gives_the_whole_transactions_before_it():
    data = written(*LOG)
    ends = [len(written(*LOG[:count])) for count in (0, 1, 2, 4, 5)]
    for length in range(len(data)):
        found, _ = read(data[:length])
        assert found == WHOLE[: max(0, sum(end <= length for end in ends) - 1)], length


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_byte_gives_nothing_from_there_on(data):
    good = written(*LOG)
    ends = [len(written(*LOG[:count])) for count in (0, 1, 2, 4, 5)]
    place = data.draw(st.integers(0, len(good) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != good[place]))
    found, reason = read(good[:place] + bytes([value]) + good[place + 1 :])
    assert found == WHOLE[: max(0, sum(end <= place for end in ends) - 1)]
    assert reason


@given(st.binary(max_size=200))
def test_a_tail_of_anything_harms_nothing(tail):
    found, _ = read(written(*LOG) + tail)
    assert found == WHOLE


def test_a_tail_of_zeros_as_after_a_power_cut_is_no_frame():
    found, reason = read(written(*LOG) + bytes(64))
    assert found == WHOLE
    assert "0 bytes" in reason


def test_frames_in_another_order_are_not_read():
    cipher = Plain()
    sealed = [cipher.seal(encode_part(codec.encode(transaction(n, "x"))), n - 7) for n in (8, 9)]
    data = frame(encode_header(HEADER)) + frame(sealed[1]) + frame(sealed[0])
    assert read(data) == ([], "another place")


def test_a_header_comes_back_as_it_was():
    assert decode_header(encode_header(HEADER)) == HEADER


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (encode_header(HEADER).replace(b'"format":1', b'"format":0'), "format 0, not 1"),
        (b"{}", "format"),
        (b"[]", "no valid header"),
        (b"\xff", "no valid header"),
        (b'{"format":1}', "no valid header"),
    ],
)
def test_a_header_of_another_kind_is_refused_with_the_reason(payload, reason):
    with pytest.raises(Damaged, match=reason):
        decode_header(payload)


def test_pages_and_ends_come_back_and_are_not_taken_for_each_other():
    records = [record("skill", 601, 5, name="x", acl=[(3, 1, 1)], verifier="v")]
    end = End(revision=9, tree="1", hash="h", records=1, digest="d")
    assert decode_page(encode_page(records)) == records
    assert decode_end(encode_end(end)) == end
    with pytest.raises(Damaged, match="not finished"):
        decode_end(encode_page(records))
    with pytest.raises(Damaged, match="page"):
        decode_page(encode_end(end))
