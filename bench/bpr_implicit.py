"""Speed of BPR side by side with the library `implicit`, one thread each, in one run.

Run:  cargo build --release -p shillproof-victims --example bpr_speed
      SHILLPROOF_DATA=... python bench/bpr_implicit.py [ml-100k] [large]      (needs implicit, numpy, scipy)

Prints, for each data set, draws a second of both (median and best), the median of paired ratios, and accuracy beside it.
`large` is generated: 138,000 users, 27,000 items, 20 million interactions, long-tailed and with planted tastes.
"""

import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np
import scipy.sparse as sp
from implicit.bpr import BayesianPersonalizedRanking

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "target/release/examples/bpr_speed"


def ml_100k():
    path = pathlib.Path(os.environ["SHILLPROOF_DATA"]) / "ml-100k" / "ml-100k.inter.gz"
    with gzip.open(path, "rt") as lines:
        next(lines)
        pairs = np.array([[int(x) - 1 for x in line.split("\t")[:2]] for line in lines], np.uint32)
    test = np.random.default_rng(0).random(len(pairs)) < 0.1
    return pairs[~test], pairs[test], 943, 1682


def large(users=138_000, items=27_000, wanted=20_000_000, tastes=50):
    rng = np.random.default_rng(1)
    chosen = []
    activity = rng.pareto(1.5, users) + 0.3
    count = np.minimum(activity / activity.sum() * wanted * 1.6, items * 0.15).astype(np.int64) + 5
    for first in range(0, users, 4000):
        own = np.repeat(np.arange(first, min(first + 4000, users)), count[first : first + 4000])
        inside = rng.random(len(own)) < 0.7
        rank = (items * rng.random(len(own)) ** 3).astype(np.int64)
        item = np.where(inside, rank // tastes * tastes + own % tastes, rank) % items
        chosen.append(np.unique(own * items + item))
    keys = np.concatenate(chosen)
    keys = keys[rng.random(len(keys)) < wanted / len(keys)] if len(keys) > wanted else keys
    pairs = np.stack([keys // items, keys % items], 1).astype(np.uint32)
    test = (rng.random(len(pairs)) < 0.1) & (pairs[:, 0] % 100 == 0)
    return pairs[~test], pairs[test], users, items


def accuracy(model, train, test):
    hit, ndcg = [], []
    for user in np.flatnonzero(np.diff(test.indptr)):
        scores = model.item_factors @ model.user_factors[user]
        scores[train[user].indices] = -np.inf
        top = np.argpartition(-scores, 10)[:10]
        top = top[np.argsort(-scores[top], kind="stable")]
        truth = test[user].indices
        gains = np.isin(top, truth) / np.log2(np.arange(10) + 2)
        hit.append(gains.any())
        ndcg.append(gains.sum() / (1 / np.log2(np.arange(min(10, len(truth))) + 2)).sum())
    return float(np.mean(hit)), float(np.mean(ndcg))


def compare(name, data, repeats, epochs, factors=64):
    train_pairs, test_pairs, users, items = data
    matrix = lambda p: sp.csr_matrix((np.ones(len(p), np.float32), (p[:, 0], p[:, 1])), (users, items))
    train, test = matrix(train_pairs), matrix(test_pairs)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder, "train"), pathlib.Path(folder, "test")]
        train_pairs.astype("<u4").tofile(files[0])
        test_pairs.astype("<u4").tofile(files[1])
        for _ in range(repeats):
            command = [BINARY, *files, users, items, factors, epochs, 0.02, 0.02]
            ours.append(json.loads(subprocess.check_output([str(x) for x in command])))
            model = BayesianPersonalizedRanking(
                factors=factors, learning_rate=0.01, regularization=0.03, iterations=epochs, random_state=1, num_threads=1
            )
            start = time.perf_counter()
            model.fit(train, show_progress=False)
            theirs.append(train.nnz * epochs / (time.perf_counter() - start))
    speed = [run["draws_per_second"] for run in ours]
    ratio = statistics.median(a / b for a, b in zip(speed, theirs))
    show = lambda values: f"{statistics.median(values) / 1e6:.2f} (best {max(values) / 1e6:.2f}) million draws/s"
    hit, ndcg = accuracy(model, train, test)
    print(f"{name}: {train.nnz} interactions, {factors} factors, {epochs} epochs, {repeats} paired runs")
    print(f"  bpr       {show(speed)}   HR@10 {ours[0]['hit_ratio@10']:.3f}  NDCG@10 {ours[0]['ndcg@10']:.3f}")
    print(f"  implicit  {show(theirs)}   HR@10 {hit:.3f}  NDCG@10 {ndcg:.3f}")
    print(f"  ratio     {ratio:.2f}", flush=True)


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["ml-100k", "large"]
    if "ml-100k" in wanted:
        compare("ml-100k", ml_100k(), repeats=5, epochs=100)
    if "large" in wanted:
        compare("large", large(), repeats=3, epochs=3)
