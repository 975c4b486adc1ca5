"""Damage to capture lines, seeded: what recorders, disks, proxies and adversaries do to them."""

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random

Mutation = Callable[[bytes, bytes, Random], bytes]

_SCALAR = re.compile(rb'"(\w+)":("[^"]*"|-?\d+|true|false|null)')
_DIGITS = re.compile(rb"\d[\d.]*")
_LETTER = re.compile(rb'(?<=")[A-Za-z]')
_NUMBERS = [
    *(b"0 00 1 -1 -0 +1 1. .5 1e5 1E-3 0.0 00.1 0x1 1_0 NaN Infinity 0.00000001 0.000000001".split()),
    *(b"9" * n for n in (17, 18, 19, 20, 400)),
    *(b"922337203685477580%d" % n for n in (6, 7, 8)),
    *(b"9223372036854 9223372036855 92233720368.54775807 92233720369 12345678901.12345678 1.12345678".split()),
    *(b"0." + b"0" * n + b"1" for n in (6, 7, 8, 20)),
    *(b"1." + b"0" * n for n in (8, 16, 17, 18, 29, 30, 31, 40)),
    *(b" 1", b"1 ", b"", b"null", b"[]", b'"1"', "\u0661".encode(), b"1,1"),
]
_BITS = [b'"', b",", b":", b"[", b"]", b"{", b"}", b"\\", b"\r", b"\t", b" ", b"\0", b"\xff", b"\xc3\xa9", b"\n"]


def mutated(lines: Sequence[bytes], n: int, *, seed: int) -> Iterator[bytes]:
    """Yield `n` lines, each hurt once or twice; a few are left whole, so that the sound and the hurt meet."""
    random = Random(seed)
    for _ in range(n):
        line = random.choice(lines)
        for _ in range(random.choice((0, 1, 1, 1, 1, 2))):
            line = random.choice(MUTATIONS)(line, random.choice(lines), random)
        yield line


def flip_byte(line: bytes, _other: bytes, random: Random) -> bytes:
    at = random.randrange(len(line) + 1)
    return line[:at] + bytes([random.randrange(256)]) + line[at + 1 :]


def flip_bit(line: bytes, _other: bytes, random: Random) -> bytes:
    at = random.randrange(max(1, len(line)))
    return line[:at] + bytes(byte ^ 1 << random.randrange(8) for byte in line[at : at + 1]) + line[at + 1 :]


def delete(line: bytes, _other: bytes, random: Random) -> bytes:
    at = random.randrange(len(line) + 1)
    return line[:at] + line[at + random.randrange(1, 5) :]


def insert(line: bytes, _other: bytes, random: Random) -> bytes:
    at = random.choice((0, len(line), random.randrange(len(line) + 1)))
    return line[:at] + random.choice(_BITS) + line[at:]


def truncate(line: bytes, _other: bytes, random: Random) -> bytes:
    return line[: random.randrange(len(line) + 1)]


def splice(line: bytes, other: bytes, random: Random) -> bytes:
    return line[: random.randrange(len(line) + 1)] + other[random.randrange(len(other) + 1) :]


def edit_number(line: bytes, _other: bytes, random: Random) -> bytes:
    return _replaced(line, _DIGITS, random, lambda _: random.choice(_NUMBERS))


def edit_digit(line: bytes, _other: bytes, random: Random) -> bytes:
    return _replaced(line, re.compile(rb"\d"), random, lambda _: b"%d" % random.randrange(10))


def edit_value(line: bytes, _other: bytes, random: Random) -> bytes:
    values = [b"true", b"false", b"null", b"1", b'"1"', b'"MARKET"', b'"ADL"', b"{}", b"[]", b"1.5", b'"\\ud800"']
    return _replaced(line, _SCALAR, random, lambda field: b'"%s":%s' % (field[1], random.choice(values)))


def rename_key(line: bytes, _other: bytes, random: Random) -> bytes:
    keys = b"e E T s U u pu ps b a B A t p q m M X lastUpdateId bids asks stream data \\u0065".split()
    return _replaced(line, _SCALAR, random, lambda field: b'"%s":%s' % (random.choice(keys), field[2]))


def repeat_field(line: bytes, _other: bytes, random: Random) -> bytes:
    return _replaced(line, _SCALAR, random, lambda field: field[0] + b"," + field[0])


def add_field(line: bytes, other: bytes, random: Random) -> bytes:
    field = random.choice(_SCALAR.findall(other) or [(b"x", b"1")])
    return _replaced(line, _SCALAR, random, lambda here: here[0] + b',"%s":%s' % field)


def drop_field(line: bytes, _other: bytes, random: Random) -> bytes:
    return _replaced(line, re.compile(_SCALAR.pattern + rb",?"), random, lambda _: b"")


def swap_fields(line: bytes, _other: bytes, random: Random) -> bytes:
    spans = sorted(match.span() for match in _SCALAR.finditer(line))
    if len(spans) < len(("one", "other")):
        return line
    (a, b), (c, d) = sorted(random.sample(spans, 2))
    return line[:a] + line[c:d] + line[b:c] + line[a:b] + line[d:]


def escape_letter(line: bytes, _other: bytes, random: Random) -> bytes:
    return _replaced(line, _LETTER, random, lambda letter: b"\\u%04x" % ord(letter[0]))


def _replaced(line: bytes, what: re.Pattern[bytes], random: Random, how: Callable[[re.Match[bytes]], bytes]) -> bytes:
    matches = list(what.finditer(line))
    if not matches:
        return line
    match = random.choice(matches)
    return line[: match.start()] + how(match) + line[match.end() :]


MUTATIONS: tuple[Mutation, ...] = (
    flip_byte, flip_bit, delete, insert, truncate, splice, edit_number, edit_number, edit_digit, edit_value, rename_key,
    repeat_field, add_field, drop_field, swap_fields, escape_letter,
)  # fmt: skip
