"""How long Butane's gzip makes some bytes.

Butane compresses contents if that makes the shorter URL, and it compresses with Go's `compress/flate`, not with zlib.
The two differ by a few bytes, which decides for contents near the limit whether a URL is compressed at all.
So that the decision is Butane's, its compressor is followed here up to the size of its blocks (RFC 1951), without writing them.

Its rules, at its best level: matches of 4 to 258 bytes, at most 32 KiB back and those of 4 bytes at most 4 KiB; the longest of the last 4096 candidates wins, the nearest of equals.
A match waits for the next position to find a longer one; a block holds 16,384 literals and matches, and an empty stored block ends the stream.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby

WINDOW = 1 << 15
SHORTEST, LONGEST = 4, 258
NEAR = 4096  # a match of the shortest length has to be as near as this
CANDIDATES = 4096
BLOCK = 1 << 14  # tokens in a block
MAX_STORED = 65535

_END = 256
_CODE_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)  # RFC 1951, 3.2.7

Token = int | tuple[int, int]
"""A literal byte, or the length and distance of a match."""


def deflate_size(data: bytes) -> int:
    """Give the length of the gzip that Butane would make of some bytes; takes a second for about a megabyte."""
    bits = start = 0
    for tokens, end in _blocks(data):
        bits = _add_block(bits, tokens, data[start:end])
        start = end
    bits = _aligned(bits + 3) + 32  # the empty stored block
    return bits // 8


def _aligned(bits: int) -> int:
    return (bits + 7) // 8 * 8


# -- matches


def _blocks(data: bytes) -> list[tuple[list[Token], int]]:
    """Cut the data into blocks of tokens, each with the index of the data where it ends."""
    blocks: list[tuple[list[Token], int]] = []
    tokens: list[Token] = []
    seen: defaultdict[bytes, list[int]] = defaultdict(list)
    size = len(data)
    last = size - SHORTEST  # the last place where a match can begin
    at = 0
    pending = False  # whether data[at - 1] still waits to become a literal
    length, distance = SHORTEST - 1, 0
    while at < size:
        before, before_distance = length, distance
        length, distance = SHORTEST - 1, 0
        if at <= last:
            places = seen[data[at : at + SHORTEST]]
            if places and before < size - at and before < LONGEST:
                length, distance = _longest(data, at, places)
            places.append(at)
        if before >= SHORTEST and length <= before:
            tokens.append((before, before_distance))
            end = at + before - 1
            for index in range(at + 1, min(end, last + 1)):
                seen[data[index : index + SHORTEST]].append(index)
            at = end
            pending = False
            length = SHORTEST - 1
        else:
            if pending:
                tokens.append(data[at - 1])
            at += 1
            pending = True
            end = at - 1
        if len(tokens) == BLOCK:
            blocks.append((tokens, end))
            tokens = []
    if pending:
        tokens.append(data[-1])
    if tokens:
        blocks.append((tokens, size))
    return blocks


def _longest(data: bytes, at: int, places: list[int]) -> tuple[int, int]:
    """Find the longest match at a place among earlier places; a length below the shortest means none."""
    most = min(LONGEST, len(data) - at)
    best, distance = SHORTEST - 1, 0
    wanted = data[at : at + most]
    for place in reversed(places[-CANDIDATES:]):
        if at - place > WINDOW:
            break
        if data[place + best] != wanted[best]:
            continue
        length = _common(data[place : place + most], wanted)
        if length > best and (length > SHORTEST or at - place <= NEAR):
            best, distance = length, at - place
            if best == most:
                break
    return best, distance


def _common(one: bytes, other: bytes) -> int:
    """Count the bytes that two strings of one length share at their beginning."""
    if one == other:
        return len(one)
    low, high = 0, len(one)
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


# -- blocks


def _add_block(bits: int, tokens: list[Token], data: bytes) -> int:
    """Give the length of the stream with one more block, written in the shortest of the three ways."""
    literals, distances, extra = _frequencies(tokens)
    literal_lengths = code_lengths(literals, 15)
    distance_lengths = code_lengths(distances, 15)
    fixed = 3 + _cost(literals, _FIXED) + 5 * sum(distances)
    dynamic = (
        _header_size(literal_lengths, distance_lengths)
        + _cost(literals, literal_lengths)
        + _cost(distances, distance_lengths)
    )
    size = min(fixed, dynamic) + extra
    if len(data) <= MAX_STORED and (len(data) + 5) * 8 < size:
        return _aligned(bits + 3) + 32 + 8 * len(data)
    # where no match is, one distance code is counted, so that there is a code to write, and not used
    unused = (5 if fixed <= dynamic else 1) if not any(isinstance(token, tuple) for token in tokens) else 0
    return bits + size - unused


def _frequencies(tokens: list[Token]) -> tuple[list[int], list[int], int]:
    """Count the codes of literals and lengths and of distances, and the bits that follow the codes."""
    literals, distances, extra = [0] * (_END + 1), [0], 0
    for token in tokens:
        if isinstance(token, int):
            literals[token] += 1
            continue
        code, bits = _LENGTHS[token[0]]
        literals += [0] * (code + 1 - len(literals))
        literals[code] += 1
        extra += bits
        code, bits = _distance_code(token[1])
        distances += [0] * (code + 1 - len(distances))
        distances[code] += 1
        extra += bits
    literals[_END] += 1
    if not any(distances):
        distances[0] = 1
    return literals, distances, extra


def _length_codes() -> dict[int, tuple[int, int]]:
    """Give the code and the number of further bits of every length (RFC 1951, 3.2.5)."""
    codes, length = {}, 3
    for code in range(257, 285):
        bits = max(0, (code - 261) // 4)
        for _ in range(1 << bits):
            codes[length] = (code, bits)
            length += 1
    codes[LONGEST] = (285, 0)
    return codes


_LENGTHS = _length_codes()
_FIXED = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8


def _distance_code(distance: int) -> tuple[int, int]:
    """Give the code and the number of further bits of a distance (RFC 1951, 3.2.5)."""
    if distance <= 4:
        return distance - 1, 0
    bits = (distance - 1).bit_length() - 2
    return 2 * bits + 2 + ((distance - 1) >> bits & 1), bits


def _cost(frequencies: list[int], lengths: list[int]) -> int:
    return sum(count * length for count, length in zip(frequencies, lengths, strict=False))


def _header_size(literals: list[int], distances: list[int]) -> int:
    """Give the bits of the header of a dynamic block: the code lengths, run-length encoded and Huffman coded themselves."""
    counts = [0] * 19
    extra = 0
    for length, run in groupby(literals + distances):
        count = sum(1 for _ in run)
        if length:
            counts[length] += 1
            count -= 1
            while count >= 3:
                counts[16] += 1
                extra += 2
                count -= min(count, 6)
        else:
            while count >= 11:
                counts[18] += 1
                extra += 7
                count -= min(count, 138)
            if count >= 3:
                counts[17] += 1
                extra += 3
                count = 0
        counts[length] += count
    used = 19
    while used > 4 and not counts[_CODE_ORDER[used - 1]]:
        used -= 1
    return 3 + 5 + 5 + 4 + 3 * used + _cost(counts, code_lengths(counts, 7)) + extra


def code_lengths(frequencies: list[int], longest: int) -> list[int]:
    """Give the lengths of the Huffman codes for some frequencies, none longer than `longest` (package-merge).

    Of equal weights a package goes before a leaf, and a smaller symbol before a larger one.
    """
    lengths = [0] * len(frequencies)
    leaves = sorted((count, symbol) for symbol, count in enumerate(frequencies) if count)
    if len(leaves) <= 2:
        for _, symbol in leaves:
            lengths[symbol] = 1
        return lengths
    longest = min(longest, len(leaves) - 1)
    weights = [count for count, _ in leaves]
    levels = [[(weight, True) for weight in weights]]
    for _ in range(longest - 1):
        below = levels[-1]
        packages = [(below[index][0] + below[index + 1][0], False) for index in range(0, len(below) - 1, 2)]
        levels.append(sorted([*packages, *levels[0]]))  # False, a package, sorts before True, a leaf
    taken = 2 * len(leaves) - 2
    for level in reversed(levels):
        chosen = sum(1 for _, leaf in level[:taken] if leaf)
        for _, symbol in leaves[:chosen]:
            lengths[symbol] += 1
        taken = 2 * (taken - chosen)
    return lengths
