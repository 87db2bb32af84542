#!/usr/bin/env python3
"""A recommender outside this project, for Shillproof to attack: alternating least squares of the library `implicit`.

    pip install implicit
    shillproof audit ratings.csv --effort quick \
        --victim 'command:python3 examples/implicit_model.py --train {train} --recommend {out} --k {k} --seed {seed}'

Fake users that were crafted against a factorisation of Shillproof's own are measured here on another team's code: what an
attack gains on both does not come from one implementation. The model reads no rating values.
"""

import argparse
import csv
import os

# One fit uses one thread: Shillproof runs as many fits at once as there are cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", required=True)
    parser.add_argument("--recommend", required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--regularization", type=float, default=10.0)
    parser.add_argument("--alpha", type=float, default=5.0)
    parser.add_argument("--iterations", type=int, default=15)
    arguments = parser.parse_args()

    users, items, cells = {}, {}, []
    with open(arguments.train, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            cells.append((users.setdefault(row["user"], len(users)), items.setdefault(row["item"], len(items))))
    rows, columns = np.array(cells).T
    train = sp.csr_matrix((np.ones(len(cells), np.float32), (rows, columns)), shape=(len(users), len(items)))
    model = AlternatingLeastSquares(
        factors=arguments.factors,
        regularization=arguments.regularization,
        alpha=arguments.alpha,
        iterations=arguments.iterations,
        random_state=arguments.seed % 2**32,
        num_threads=1,
    )
    model.fit(train, show_progress=False)
    found, scores = model.recommend(np.arange(len(users)), train, N=arguments.k, filter_already_liked_items=True)
    names = list(items)
    with open(arguments.recommend, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["user", "item", "score"])
        for user, best, values in zip(users, found, scores):
            # Where a user has few items left, the library fills up with what it leaves out.
            out.writerows((user, names[i], float(s)) for i, s in zip(best, values) if i >= 0 and s > -1e30)


if __name__ == "__main__":
    main()
