"""Remember what a destination was told, without keeping the ids: in the same space for any site.

An invertible Bloom lookup table. Each element enters three cells; a cell holds how many there are,
and the XOR of them and of their checksums. What two tables have in common cancels out when one is
subtracted from the other, and what is left is peeled: a cell with one element names it, which takes
it out of its two other cells, and so on.

Source: D. Eppstein, M. Goodrich, F. Uyeda, G. Varghese: "What's the Difference? Efficient Set
Reconciliation without Prior Context", SIGCOMM 2011.
"""

import base64
import binascii
import struct
import zlib
from hashlib import blake2b

from source_confluence.exceptions import TooManyDifferencesError

CELLS = 3_000
"""They name about 2,300 differences; saved, they are 70 KB, and 80 KB at most."""

_VERSION = b"\x01"
_ELEMENT_BYTES = 12
_CELL = struct.Struct(">i12sI")
_HASHES = struct.Struct(">IIII")


class Sketch:
    """A set of elements, each of which is a number of 96 bits: a row's id and a digest of it.

    Each must enter once; one that enters twice cannot be named.

    Args:
        cells: How many it has, a multiple of three.

    Attributes:
        count: How many elements are in it.
        third: How many cells each hash function chooses among.
        counts: Of each cell, how many elements entered it.
        keys: The XOR of them.
        checks: The XOR of their checksums.
    """

    def __init__(self, cells: int = CELLS) -> None:
        self.count = 0
        self.third = cells // 3
        self.counts = [0] * cells
        self.keys = [0] * cells
        self.checks = [0] * cells

    def add(self, element: int) -> None:
        """Enter an element."""
        self._enter(element, 1)

    def remove(self, element: int) -> None:
        """Take out an element that was entered."""
        self._enter(element, -1)

    def _enter(self, element: int, sign: int) -> None:
        first, second, third, check = _hashes(element)
        size = self.third
        self.count += sign
        counts, keys, checks = self.counts, self.keys, self.checks
        for cell in (first % size, size + second % size, 2 * size + third % size):
            counts[cell] += sign
            keys[cell] ^= element
            checks[cell] ^= check

    def minus(self, other: "Sketch") -> tuple[set[int], set[int]]:
        """The elements that only this one has, and those that only the other one has.

        Raises:
            TooManyDifferencesError: When they are too many to be named, or the other one is of
                another size.
        """
        if self.third != other.third:
            raise TooManyDifferencesError
        return _peeled(self._difference(other))

    def _difference(self, other: "Sketch") -> "Sketch":
        rest = Sketch(3 * self.third)
        rest.counts = [a - b for a, b in zip(self.counts, other.counts, strict=True)]
        rest.keys = [a ^ b for a, b in zip(self.keys, other.keys, strict=True)]
        rest.checks = [a ^ b for a, b in zip(self.checks, other.checks, strict=True)]
        return rest

    def cells_of(self, element: int) -> tuple[int, int, int]:
        """The cells that an element enters."""
        first, second, third, _ = _hashes(element)
        size = self.third
        return first % size, size + second % size, 2 * size + third % size

    def is_alone(self, cell: int) -> bool:
        """Whether exactly one element seems to be in a cell."""
        element = self.keys[cell]
        return _hashes(element)[3] == self.checks[cell] and cell in self.cells_of(element)

    def saved(self) -> str:
        """A text for a state, which `of` understands."""
        cells = zip(self.counts, self.keys, self.checks, strict=True)
        packed = b"".join(
            _CELL.pack(count, key.to_bytes(_ELEMENT_BYTES, "big"), check)
            for count, key, check in cells
        )
        body = zlib.compress(struct.pack(">q", self.count) + packed, 1)
        crc = struct.pack(">I", zlib.crc32(body))
        return base64.b64encode(_VERSION + crc + body).decode()

    @classmethod
    def of(cls, text: object, cells: int = CELLS) -> "Sketch | None":
        """The sketch that was saved; None when it is no such text, or has another size."""
        packed = _unpacked(text, 8 + cells * _CELL.size)
        if packed is None:
            return None
        sketch = cls(cells)
        (sketch.count,) = struct.unpack_from(">q", packed)
        for cell, (count, key, check) in enumerate(_CELL.iter_unpack(packed[8:])):
            sketch.counts[cell] = count
            sketch.keys[cell] = int.from_bytes(key, "big")
            sketch.checks[cell] = check
        return sketch


def _peeled(rest: Sketch) -> tuple[set[int], set[int]]:
    """The elements that were added to a sketch, and those that were removed; it is empty then."""
    found: dict[int, set[int]] = {1: set(), -1: set()}
    waiting = list(range(3 * rest.third))
    while waiting:
        cell = waiting.pop()
        element, sign = rest.keys[cell], rest.counts[cell]
        if sign not in found or not rest.is_alone(cell):
            continue
        if element in found[1] or element in found[-1]:
            raise TooManyDifferencesError  # it was no sketch, and would never end
        found[sign].add(element)
        (rest.remove if sign > 0 else rest.add)(element)
        waiting += rest.cells_of(element)
    if any(rest.counts) or any(rest.keys) or any(rest.checks):
        raise TooManyDifferencesError
    return found[1], found[-1]


def _unpacked(text: object, size: int) -> bytes | None:
    """The bytes of a saved sketch, when there are exactly so many."""
    if not isinstance(text, str) or not text.isascii():
        return None
    try:
        data = base64.b64decode(text, validate=True)
        body = data[5:]
        if data[:1] != _VERSION or data[1:5] != struct.pack(">I", zlib.crc32(body)):
            return None
        packed = zlib.decompressobj().decompress(body, size + 1)
    except (binascii.Error, ValueError, zlib.error):
        return None
    return packed if len(packed) == size else None


def _hashes(element: int) -> tuple[int, int, int, int]:
    """Three numbers that name its cells, and a checksum."""
    data = element.to_bytes(_ELEMENT_BYTES, "big")
    return _HASHES.unpack(blake2b(data, digest_size=16).digest())
