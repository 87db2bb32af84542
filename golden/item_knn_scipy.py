"""Item neighbourhood by SciPy: the reference of the victim `item-knn`.

Run:     python golden/item_knn_scipy.py        (writes golden/item_knn_scipy.json)
Checks:  crates/shillproof-victims/tests/golden.rs compares scores and item-to-item lists to the last bit.
Made by: Python 3.11, NumPy 2.4.6, SciPy 1.17.1, on generated interactions only.

Ties among neighbors are part of the rule, so the hash that breaks them is written out here from its
definition: SHA-256 names a child of a seed, the finaliser of splitmix64 does the rest.
"""

import hashlib
import json
import pathlib

import numpy as np
import scipy.sparse as sp

MASK = (1 << 64) - 1
USERS, ITEMS, NEIGHBORS, SEED = 50, 30, 8, 3


def mix(z):
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def child(seed, name):
    return int.from_bytes(hashlib.sha256(seed.to_bytes(8, "little") + name.encode()).digest()[:8], "little")


def tie_key(seed, item, other):
    row = mix(seed ^ mix((item + 0x9E3779B97F4A7C15) & MASK))
    return mix(row ^ (other << 1 | 1))


def similarity(name, common):
    """s[i, j]: how much having j speaks for i."""
    count = common.diagonal()
    i, j = count[:, None], count[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        s = {
            "cosine": lambda: common / np.sqrt(i * j),
            "product": lambda: common / (i * j),
            "max": lambda: common / np.maximum(i, j),
            "min": lambda: common / np.minimum(i, j),
            "none": lambda: common,
            "confidence": lambda: common / j,
        }[name]()
    return np.where(common > 0, s, 0.0)


def strongest(row, anchor, n, ties):
    found = [k for k in range(len(row)) if row[k] > 0 and k != anchor]
    return sorted(found, key=lambda k: (-row[k], tie_key(ties, anchor, k)))[:n]


def main():
    rng = np.random.default_rng(20240501)
    taste = 0.9 / (1 + np.arange(ITEMS)) ** 0.6
    cells = rng.random((USERS, ITEMS)) < taste
    cells[:, 17] = False  # an item nobody has
    cells[4] = False  # a user who has nothing
    relation = sp.csr_matrix(cells.astype(np.float64))
    common = (relation.T @ relation).toarray()
    ties = child(SEED, "neighbors")
    cases = []
    for name in ["cosine", "product", "max", "min", "none", "confidence"]:
        for support in [1, 4]:
            s = np.where(common >= support, similarity(name, common), 0.0)
            kept = np.zeros_like(s)
            for item in range(ITEMS):
                near = strongest(s[item], item, NEIGHBORS, ties)
                kept[item, near] = s[item, near]
            votes = kept.astype(np.float32)
            scores = []
            for user in range(0, USERS, 4):
                row = np.zeros(ITEMS, np.float32)
                for j in np.flatnonzero(cells[user]):
                    row += votes[:, j]
                scores.append([float(x) for x in row])
            related = [[[k, float(np.float32(s[k, a]))] for k in strongest(s[:, a], a, 5, ties)] for a in (0, 9, 17)]
            cases.append({"similarity": name, "min_support": support, "scores": scores, "related": related})
    users, items = np.nonzero(cells)
    out = {
        "n_users": USERS,
        "n_items": ITEMS,
        "neighbors": NEIGHBORS,
        "seed": SEED,
        "users": users.tolist(),
        "items": items.tolist(),
        "scored_users": list(range(0, USERS, 4)),
        "anchors": [0, 9, 17],
        "cases": cases,
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(out, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
