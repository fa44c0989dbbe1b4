#!/usr/bin/env python3
"""Writes placement.txt: the hash of user ids and the cells it leads to.

An implementation of its own, from the published splitmix64 (Steele, Lea, Flood: "Fast splittable
pseudorandom number generators", 2014) and the two formulas of the placements. Rows of tenants lie where
the table says, so the table is never regenerated with other numbers; a new hash gets a table of its own.
"""

MASK = (1 << 64) - 1
PLACEMENTS = [(1, 1, 0, 0), (1, 8, 0, 16), (4, 8, 4, 0)]


def splitmix64(seed):
    z = (seed + 0x9E3779B97F4A7C15) & MASK
    z ^= z >> 30
    z = (z * 0xBF58476D1CE4E5B9) & MASK
    z ^= z >> 27
    z = (z * 0x94D049BB133111EB) & MASK
    z ^= z >> 31
    return z


def cell(h, placement):
    dbs, tables, db_start, table_start = placement
    return h // tables % dbs + db_start, h % tables + table_start


def user_ids():
    yield from range(0, 17)
    yield from (99, 100, 1_000, 65_535, 65_536, 123_456_789, 2**31 - 1, 2**31, 2**32 - 1, 2**32)
    yield from (2**53 - 1, 2**53, 2**62, 2**63 - 1)
    # Ids as the platform mints them: milliseconds since 2025 << 22, place, worker and sequence low.
    for ms in (0, 1, 86_400_000, 13_046_400_000, 27_993_600_000, 2**41 - 1):
        for low in (0, 1, 64, 0x3F_FFFF):
            yield ms << 22 | low


print("# user_id hash(hex) then db/table for", *("(%d,%d,%d,%d)" % p for p in PLACEMENTS))
for user_id in dict.fromkeys(user_ids()):
    h = splitmix64(user_id)
    print(user_id, "%016x" % h, *("%02d/%02d" % cell(h, p) for p in PLACEMENTS))
