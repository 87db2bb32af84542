"""BPR by the library `implicit` on MovieLens-100K: the quality that the victim `bpr` must reach.

Run:     SHILLPROOF_DATA=... python golden/bpr_implicit.py        (writes golden/bpr_implicit.json)
Checks:  crates/shillproof-victims/tests/anchors.rs fits `bpr` on the same split with 5 seeds and compares means.
Made by: Python 3.11, implicit 0.7.3, NumPy 2.4.6, SciPy 1.17.1. Only metric values are stored, no data.

The settings were the best on the validation part among factors 32 and 64, learning rate 0.01, 0.05 and 0.1,
regularization 0.01 and 0.03, and 100 or 300 iterations.
"""

import gzip
import json
import os
import pathlib

import implicit
import numpy as np
import scipy.sparse as sp
from implicit.bpr import BayesianPersonalizedRanking

MASK = (1 << 64) - 1
USERS, ITEMS, K = 943, 1682, 10
SETTINGS = [
    {"factors": 32, "learning_rate": 0.01, "regularization": 0.03, "iterations": 100},
    {"factors": 64, "learning_rate": 0.01, "regularization": 0.03, "iterations": 100},
]


def splitmix64(x):
    z = (x + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def split(path):
    """Dense 0/1 training, validation and test parts: each user's items ordered by hash, last tenths held out."""
    rows = {}
    with gzip.open(path, "rt") as lines:
        next(lines)
        for line in lines:
            user, item = map(int, line.split("\t")[:2])
            rows.setdefault(user, []).append(item)
    parts = np.zeros((3, USERS, ITEMS), bool)
    for user, items in rows.items():
        items.sort(key=lambda item: splitmix64(user << 32 | item))
        m = len(items) // 10
        for part, chosen in enumerate([items[: len(items) - 2 * m], items[len(items) - 2 * m : -m], items[-m:]]):
            parts[part, user - 1, np.array(chosen) - 1] = True
    return parts


def accuracy(scores, seen, truth):
    scores = np.where(seen, -np.inf, scores)
    hit, ndcg = [], []
    for user in range(USERS):
        top = np.argsort(-scores[user], kind="stable")[:K]
        gains = truth[user, top] / np.log2(np.arange(K) + 2)
        best = (1 / np.log2(np.arange(min(K, truth[user].sum())) + 2)).sum()
        hit.append(gains.any())
        ndcg.append(gains.sum() / best)
    return float(np.mean(hit)), float(np.mean(ndcg))


def main():
    train, valid, test = split(pathlib.Path(os.environ["SHILLPROOF_DATA"]) / "ml-100k" / "ml-100k.inter.gz")
    matrix = sp.csr_matrix(train.astype(np.float32))
    runs = []
    for settings in SETTINGS:
        values = []
        for seed in range(5):
            model = BayesianPersonalizedRanking(random_state=seed, num_threads=1, **settings)
            model.fit(matrix, show_progress=False)
            values.append(accuracy(model.user_factors @ model.item_factors.T, train | valid, test))
        hit, ndcg = np.mean(values, axis=0)
        runs.append({**settings, "seeds": 5, "hit_ratio@10": round(hit, 4), "ndcg@10": round(ndcg, 4)})
    out = {"implicit": implicit.__version__, "runs": runs}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
