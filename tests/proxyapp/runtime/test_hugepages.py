"""Memory is put into huge pages where it is in use, and when there is much of it."""

from __future__ import annotations

import ctypes
import mmap
import os
import re
from pathlib import Path

import pytest

from proxyapp.runtime import hugepages
from proxyapp.runtime.hugepages import LEAST, SIZE, Growth, HugePages, areas, is_dense

MB = 1024 * 1024


def test_only_private_memory_without_a_file_is_looked_at() -> None:
    maps = [
        "00400000-00900000 r-xp 00000000 fe:00 77 /usr/bin/python3",
        "01000000-01300000 rw-p 00000000 00:00 0 [heap]",
        "7f0000100000-7f0000900000 rw-p 00000000 00:00 0",
        "7f0001000000-7f0001800000 rw-s 00000000 00:01 5 /dev/zero (deleted)",
        "7f0002000000-7f0002800000 ---p 00000000 00:00 0",
        "7f0003000000-7f0003800000 rw-p 00000000 00:00 0 [stack]",
        "7f0004000000-7f0004100000 rw-p 00000000 00:00 0",
    ]
    assert [list(area) for area in areas(maps)] == [
        [0x01000000],
        [0x7F0000200000, 0x7F0000400000, 0x7F0000600000],
        [],
    ]


def test_growth_is_told_once_and_only_when_it_is_over() -> None:
    growth = Growth()
    assert not growth.is_over(200 * MB), "it may still grow"
    assert growth.is_over(200 * MB)
    assert not growth.is_over(200 * MB)
    assert not growth.is_over(200 * MB + LEAST // 2), "it grows"
    assert not growth.is_over(200 * MB + LEAST // 2), "too little"
    assert not growth.is_over(1000 * MB)
    assert growth.is_over(1001 * MB)
    assert not growth.is_over(1050 * MB)
    assert not growth.is_over(1050 * MB), "an eighth is more than that"
    assert not growth.is_over(300 * MB), "it shrinks"
    assert not growth.is_over(500 * MB)
    assert growth.is_over(500 * MB)


def in_huge_pages(address: int) -> int:
    """Return the kilobytes of the mapping at an address that are in huge pages."""
    text = Path("/proc/self/smaps").read_text()
    for part in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", text)[1:]:
        first, last = (int(word, 16) for word in part.split(" ", 1)[0].split("-"))
        if first <= address < last:
            found = re.search(r"AnonHugePages:\s+(\d+)", part)
            assert found is not None
            return int(found[1])
    raise AssertionError("the memory is not mapped")


@pytest.fixture
def memory() -> mmap.mmap:
    return mmap.mmap(-1, 8 * SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def address_of(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def test_what_is_hardly_used_is_left_alone_and_what_is_used_keeps_its_content(
    memory: mmap.mmap, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hugepages.is_allowed():
        pytest.skip("this kernel has no huge pages, or must not use them")
    monkeypatch.setattr(hugepages, "PAUSE", 0)
    address = address_of(memory)
    first = -(-address // SIZE) * SIZE
    page = os.urandom(mmap.PAGESIZE)
    start = first - address
    for number in range(3 * SIZE // mmap.PAGESIZE):
        memory[start + number * len(page) : start + (number + 1) * len(page)] = page
    memory[start + 4 * SIZE] = 1
    with Path("/proc/self/pagemap").open("rb") as pagemap:
        used = [is_dense(pagemap.fileno(), first + number * SIZE) for number in range(6)]
    assert used == [True, True, True, False, False, False]
    try:
        assert HugePages().collapse() >= 3 * SIZE
    except OSError as error:
        pytest.skip(f"{error.strerror}: needs Linux 6.1")
    assert in_huge_pages(first) >= 3 * SIZE // 1024
    assert memory[start : start + 3 * SIZE] == page * (3 * SIZE // len(page))


def test_no_kernel_that_knows_how_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hugepages, "_STATE", tmp_path / "none")
    assert not hugepages.is_allowed()
    (tmp_path / "enabled").write_text("always madvise [never]\n")
    monkeypatch.setattr(hugepages, "_STATE", tmp_path / "enabled")
    assert not hugepages.is_allowed()
