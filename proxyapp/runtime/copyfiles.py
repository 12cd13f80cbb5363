"""The files of a local copy: their names, their keys, and which of them to start from.

`N.snapshot` is all data, `N.changes` what came after it and goes on in the next log; beside them
`tokens.keys` has the keys of resume tokens. Each file is written by one process, once. The key
comes from the application's own secret, which is kept elsewhere: the folder alone shows nothing.
Knows no node and no event loop.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from confwire.messages import Record, TokenKeys, Transaction
from confwire.objects import OBJECTS
from proxyapp.engine.links.localcopy import (
    Cipher,
    Damaged,
    Digest,
    End,
    Header,
    decode_end,
    decode_header,
    decode_keys,
    decode_page,
    frames,
    read_log,
)

_PLACE_BYTES = 12


class Keys:
    """The keys of all files, made from one secret."""

    def __init__(self, secret: str) -> None:
        self._root = blake2b(secret.encode(), digest_size=32, person=b"local copy").digest()
        self.id = blake2b(b"id", key=self._root, digest_size=8).hexdigest()

    def cipher(self, header: bytes) -> Cipher:
        """Return the cipher of the file with this header."""
        return _Sealing(blake2b(header, key=self._root, digest_size=32).digest())


class _Sealing:
    """AES-256-GCM with a key of one file, and the place of a frame as its nonce."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, data: bytes, place: int) -> bytes:
        return self._cipher.encrypt(place.to_bytes(_PLACE_BYTES, "big"), data, None)

    def unseal(self, data: bytes, place: int) -> bytes:
        try:
            return self._cipher.decrypt(place.to_bytes(_PLACE_BYTES, "big"), data, None)
        except InvalidTag:
            raise Damaged("a frame was not written with this secret, or was changed") from None


def new_salt() -> str:
    """Return what makes the key of a file its own."""
    return secrets.token_hex(16)


def snapshot_file(folder: Path, number: int) -> Path:
    return folder / f"{number:08}.snapshot"


def log_file(folder: Path, number: int) -> Path:
    return folder / f"{number:08}.changes"


def keys_file(folder: Path) -> Path:
    return folder / "tokens.keys"


def numbers(folder: Path, kind: str) -> list[int]:
    """Return the numbers of the files of a kind, ascending."""
    found = folder.glob(f"*.{kind}")
    return sorted(int(path.stem) for path in found if path.stem.isdigit())


@dataclass
class Snapshot:
    """A snapshot that has its end, and the logs after it."""

    path: Path
    header: Header
    end: End
    current_at: float
    """When the data was last known to be current."""
    logs: list[Path] = field(default_factory=list)


class Shelf:
    """The files of one folder, as one application's secret opens them."""

    def __init__(self, folder: Path, application: str, keys: Keys) -> None:
        self._folder = folder
        self._application = application
        self._keys = keys

    def best(self, below: int | None, refused: list[str]) -> tuple[int, Snapshot] | None:
        """Return the newest usable snapshot with its number, None where there is none.

        Args:
            below: only those with a smaller number.
            refused: gets a line for each that is not usable.
        """
        for number in reversed(numbers(self._folder, "snapshot")):
            if below is None or number < below:
                path = snapshot_file(self._folder, number)
                try:
                    return number, self._check(path, number)
                except (Damaged, OSError) as error:
                    refused.append(f"{path.name}: {error}")
        return None

    def token_keys(self, refused: list[str]) -> TokenKeys | None:
        """Return the keys of resume tokens that were kept, None where there are none.

        Args:
            refused: gets a line if they are not usable.
        """
        path = keys_file(self._folder)
        try:
            with open(path, "rb") as file:
                payloads = frames(file.read)
                self._header(payloads)
                sealed = next(payloads, b"")
                file.seek(0)
                cipher = self._keys.cipher(next(frames(file.read)))
            return decode_keys(cipher.unseal(sealed, 1))
        except FileNotFoundError:
            return None
        except (Damaged, OSError) as error:
            refused.append(f"{path.name}: {error}")
            return None

    def pages(self, snapshot: Snapshot) -> Iterator[list[Record]]:
        """Yield the records of a snapshot.

        Raises:
            Damaged, OSError: they cannot be read.
        """
        with open(snapshot.path, "rb") as file:
            payloads = frames(file.read)
            cipher = self._keys.cipher(next(payloads))
            left = snapshot.end.records
            for place, payload in enumerate(payloads, 1):
                if not left:
                    return
                records = decode_page(cipher.unseal(payload, place))
                for record in records:
                    if record.type not in OBJECTS:
                        raise Damaged(f"objects of type {record.type} are not known here")
                left -= len(records)
                yield records

    def transactions(self, snapshot: Snapshot) -> Iterator[list[Transaction]]:
        """Yield the transactions after a snapshot, each in its parts, as far as they are whole."""
        revision, epoch = snapshot.header.revision, snapshot.header.epoch
        for path in snapshot.logs:
            # What is torn off the end of one may be in the next: a start from there wrote on.
            with suppress(Damaged, OSError), open(path, "rb") as file:
                for item in self._log(file, epoch, revision):
                    if isinstance(item, list) and item[-1].revision == revision + 1:
                        revision += 1
                        yield item

    # ------------------------------------------------------------ inside

    def _check(self, path: Path, number: int) -> Snapshot:
        with open(path, "rb") as file:
            payloads = frames(file.read)
            header = self._header(payloads)
            digest, last, count = Digest(), b"", 0
            for payload in payloads:
                if last:
                    digest.add(last)
                last, count = payload, count + 1
            file.seek(0)
            cipher = self._keys.cipher(next(frames(file.read)))
        end = decode_end(cipher.unseal(last, count)) if last else None
        if end is None or end.digest != digest.text():
            raise Damaged("it has no end: it was not finished")
        logs = [log_file(self._folder, n) for n in numbers(self._folder, "changes") if n >= number]
        found = Snapshot(path, header, end, header.at, logs)
        reached = self._date(found)
        if reached < end.revision:
            raise Damaged(
                f"it needs the changes up to revision {end.revision}, and they end at {reached}"
            )
        return found

    def _date(self, snapshot: Snapshot) -> int:
        """Find out when the data was last current, and which revision the logs reach."""
        revision, epoch = snapshot.header.revision, snapshot.header.epoch
        for path in snapshot.logs:
            with suppress(Damaged, OSError), open(path, "rb") as file:
                for item in self._log(file, epoch, revision):
                    if isinstance(item, float):
                        snapshot.current_at = max(snapshot.current_at, item)
                    elif item[-1].revision == revision + 1:
                        revision += 1
        return revision

    def _log(
        self, file: BinaryIO, epoch: str, revision: int
    ) -> Iterator[list[Transaction] | float]:
        """Yield what a log has, if it goes on from a revision of an epoch."""
        payloads = frames(file.read)
        header = self._header(payloads)
        if header.epoch != epoch or header.revision > revision:
            return
        file.seek(0)
        cipher = self._keys.cipher(next(frames(file.read)))
        yield header.at
        yield from read_log(payloads, cipher)

    def _header(self, payloads: Iterator[bytes]) -> Header:
        """Return the header of a file, if it is ours.

        Raises:
            Damaged: it is not.
        """
        payload = next(payloads, None)
        if payload is None:
            raise Damaged("it is empty")
        header = decode_header(payload)
        if header.application.casefold() != self._application.casefold():
            raise Damaged(f"it is of the application '{header.application}'")
        if header.key != self._keys.id:
            raise Damaged("it was written with another secret of the application")
        return header
