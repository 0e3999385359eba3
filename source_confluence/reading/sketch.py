"""Remember which rows were told in constant space, and name those that differ later.

An invertible Bloom lookup table: each element is entered in four cells, and a cell holds only how
many elements it has and the XOR of them. Two tables are subtracted cell by cell. What both hold
cancels out, so the size of a site does not matter. A cell that is left with one element names it;
without that element, other cells are left with one, and so on.

    now.minus(then) == ({5 << 32 | 1, 7 << 32 | 2}, {7 << 32 | 1})  # 5 is new, 7 is another

With 3,000 cells, 2,100 differences are named (`benchmarks/README.md`). With more, it is said that
there are too many: each element has a checksum, and in the end nothing may be left. Three cells for
each would name 2,300, but fail now and then with any number: two elements that have all their cells
in common are not named. Of 2,000 elements in three cells each, two have once in 500 times; in four,
once in 158,000 times.

Source: Eppstein, Goodrich, Uyeda, Varghese: What's the Difference? Efficient Set Reconciliation
without Prior Context. https://www.ics.uci.edu/~eppstein/pubs/EppGooUye-SIGCOMM-11.pdf
"""

import gzip
import struct
import zlib
from base64 import b64decode, b64encode
from hashlib import blake2b
from typing import TypeAlias

from source_confluence.exceptions import TooManyDifferencesError

Element: TypeAlias = int
"""`id << 32 | digest`: which row, up to 64 bits, and what of it counts, 32 bits."""

CELLS = 3_000
"""Enough for 1,000 moved rows, each of which differs twice; saved, at most 80,200 characters."""

_FORMAT = 1  # another number when the hash or the layout changes; older sketches are then not read
_ELEMENT_BYTES = 12
_CHECK_BITS = 32
_SUM_BYTES = 16  # an element and its checksum
_GZIP = 31  # the `wbits` for zlib's decoder: a window of 32 KB, and gzip's header and CRC
_hashes = struct.Struct(">5I").unpack


class Sketch:
    """What was entered, as far as it differs from what was entered elsewhere.

    The order of entries does not matter, and a removal undoes an addition, even one that comes
    later. Each element must be entered once: twice, it cancels itself and is never named.

    Args:
        cells: How many; a multiple of four.

    Attributes:
        tallies: Of each cell, how many elements were added less those that were removed.
        sums: Of each cell, the XOR of its elements, each followed by its checksum.
    """

    def __init__(self, cells: int = CELLS) -> None:
        self.tallies = [0] * cells
        self.sums = [0] * cells

    @classmethod
    def of(cls, text: object, cells: int = CELLS) -> "Sketch | None":
        """The sketch that was saved, or None for anything but a whole sketch of that size."""
        layout = struct.Struct(f">B{cells}i")
        raw = _unpacked(text, layout.size + cells * _SUM_BYTES) if isinstance(text, str) else b""
        if raw[:1] != bytes([_FORMAT]):
            return None
        sketch = cls(cells)
        _, *sketch.tallies = layout.unpack_from(raw)
        starts = range(layout.size, len(raw), _SUM_BYTES)
        sketch.sums = [int.from_bytes(raw[i : i + _SUM_BYTES], "big") for i in starts]
        return sketch

    @property
    def count(self) -> int:
        """How many elements were added less those that were removed."""
        return sum(self.tallies[: len(self.tallies) // 4])

    def add(self, element: Element) -> None:
        """Enter an element that is not in it."""
        _enter(self, element, 1)

    def remove(self, element: Element) -> None:
        """Take out an element that is in it."""
        _enter(self, element, -1)

    def minus(self, other: "Sketch") -> tuple[set[Element], set[Element]]:
        """The elements that only this one has, and those that only the other has.

        Raises:
            TooManyDifferencesError: When they cannot be named; also of a sketch that is damaged.
            ValueError: When the other has another size.
        """
        rest = Sketch(len(self.sums))
        rest.tallies = [a - b for a, b in zip(self.tallies, other.tallies, strict=True)]
        rest.sums = [a ^ b for a, b in zip(self.sums, other.sums, strict=True)]
        signs = _peeled(rest)
        only_here = {element for element, sign in signs.items() if sign > 0}
        return only_here, signs.keys() - only_here

    def saved(self) -> str:
        """A text for a state, shorter while few elements are in it: gzip in Base64."""
        tallies = struct.pack(f">B{len(self.tallies)}i", _FORMAT, *self.tallies)
        sums = b"".join([each.to_bytes(_SUM_BYTES, "big") for each in self.sums])
        packed = gzip.compress(tallies + sums, compresslevel=6, mtime=0)
        return b64encode(packed).decode()


def _unpacked(text: str, size: int) -> bytes:
    """What was saved, or nothing; never more than was asked for, however much is packed."""
    decoder = zlib.decompressobj(wbits=_GZIP)
    try:
        raw = decoder.decompress(b64decode(text, validate=True), size + 1)
    except (ValueError, zlib.error):
        return b""
    is_whole = decoder.eof and not decoder.unused_data and len(raw) == size
    return raw if is_whole else b""


def _places(element: Element, cells: int) -> tuple[tuple[int, ...], int]:
    """The cells of an element, one in each quarter, and what stands in them."""
    quarter = cells // 4
    digest = blake2b(element.to_bytes(_ELEMENT_BYTES, "big"), digest_size=20).digest()
    a, b, c, d, check = _hashes(digest)
    places = (
        a % quarter,
        quarter + b % quarter,
        2 * quarter + c % quarter,
        3 * quarter + d % quarter,
    )
    return places, element << _CHECK_BITS | check


def _enter(sketch: Sketch, element: Element, step: int) -> tuple[int, ...]:
    """Add or remove an element, and say where; a million of them take a second."""
    tallies, sums = sketch.tallies, sketch.sums
    places, entry = _places(element, len(sums))
    for cell in places:
        tallies[cell] += step
        sums[cell] ^= entry
    return places


def _peeled(rest: Sketch) -> dict[Element, int]:
    """The elements of a difference, 1 or -1 each; nothing of it is left afterwards.

    Each element that is taken out leaves its cell empty for good, so there are no more of them than
    cells. In a damaged sketch, taking one out may let another appear, without end.
    """
    found: dict[Element, int] = {}
    suspects = list(range(len(rest.sums)))
    while suspects:
        cell = suspects.pop()
        if not _holds_one(rest, cell):
            continue
        element, sign = rest.sums[cell] >> _CHECK_BITS, rest.tallies[cell]
        if element in found or len(found) == len(rest.sums):
            break
        found[element] = sign
        suspects += _enter(rest, element, -sign)
    if any(rest.tallies) or any(rest.sums):
        raise TooManyDifferencesError(
            f"The sketches differ in more than {len(rest.sums):,} cells can name."
        )
    return found


def _holds_one(rest: Sketch, cell: int) -> bool:
    """Whether a cell has one element, by its checksum and by its place."""
    if rest.tallies[cell] not in (1, -1):
        return False
    places, entry = _places(rest.sums[cell] >> _CHECK_BITS, len(rest.sums))
    return entry == rest.sums[cell] and cell in places
