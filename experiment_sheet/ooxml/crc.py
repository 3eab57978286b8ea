"""CRC-32 as algebra: the checksum of a piece from the checksums of the whole and of the rest.

A CRC is the remainder of a division of polynomials over GF(2), so checksums of pieces add up (xor):

    crc(A B) = crc(A)·x^(8·len B)  xor  crc(B)            (mod P)
    crc(A)   = (crc(A B) xor crc(B))·x^(-8·len B)         (mod P)

P, the polynomial of zip (APPNOTE.TXT 4.4.7), is primitive: x has the order 2^32 - 1, hence x^(-m) = x^(2^32 - 1 - m),
and going back is the same multiplication as going forward. zlib's bit order is reflected: the highest bit of an
integer is the coefficient of x^0. Every function takes and gives checksums as `zlib.crc32` makes them.
"""

from __future__ import annotations

from functools import lru_cache

_P = 0xEDB88320  # reflected; x^32 is implied
_ORDER = 2**32 - 1
_ONE = 1 << 31


def _times(a: int, b: int) -> int:
    """Product of two polynomials mod P."""
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = (a << 1) & 0xFFFFFFFF
        b = (b >> 1) ^ _P if b & 1 else b >> 1
    return product


def _squares() -> tuple[int, ...]:
    """x^(2^k) for k = 0 … 31."""
    powers = [1 << 30]
    while len(powers) < 32:
        powers.append(_times(powers[-1], powers[-1]))
    return tuple(powers)


_SQUARES = _squares()


@lru_cache(maxsize=256)
def _x_to(exponent: int) -> int:
    """x^exponent mod P; the exponent may be negative."""
    exponent %= _ORDER
    power = _ONE
    for square in _SQUARES:
        if exponent & 1:
            power = _times(power, square)
        exponent >>= 1
    return power


def joined(first: int, second: int, size: int) -> int:
    """Checksum of A B from those of A and B; `size` is the length of B in bytes."""
    return _times(first, _x_to(8 * size)) ^ second


def before(whole: int, last: int, size: int) -> int:
    """Checksum of A from those of A B and B; `size` is the length of B in bytes."""
    return _times(whole ^ last, _x_to(-8 * size))
