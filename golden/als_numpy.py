"""Explicit matrix factorisation by alternating least squares in NumPy: the reference of the victim `als`.

Run:     python golden/als_numpy.py        (writes golden/als_numpy.json)
Checks:  crates/shillproof-victims/tests/factors.rs starts from the same item factors: after SWEEPS sweeps factors agree to
         1e-3 and the error on held-out ratings within 0.5 %; the error also after CONVERGED sweeps from our own random start.
Made by: Python 3.11, NumPy 2.4.6, in f64, on generated ratings only.
"""

import json
import pathlib

import numpy as np

USERS, ITEMS, FACTORS = 60, 45, 4
# The objective does not change when both sides are rotated alike, so rounding drifts freely along rotations: factors are
# compared after as many sweeps as a recommender makes, errors at the optimum.
SWEEPS, CONVERGED = 30, 300
LAMBDA_USERS, LAMBDA_ITEMS = 0.8, 1.5


def half_step(ratings, rated, other, ridge):
    rows = []
    for r, known in zip(ratings, rated):
        q = other[known]
        rows.append(np.linalg.solve(q.T @ q + ridge * np.eye(FACTORS), q.T @ r[known]))
    return np.array(rows)


def main():
    rng = np.random.default_rng(5)
    taste = rng.normal(0, 1, (USERS, 2)) @ rng.normal(0, 1, (2, ITEMS))
    ratings = np.clip(np.rint(3.2 + 0.8 * taste + rng.normal(0, 0.4, taste.shape)), 1, 5)
    part = rng.random(taste.shape)
    train, test = part < 0.45, part > 0.9
    train[0] = False  # a user without ratings
    train[:, 3] = False  # an item without ratings
    runs = []
    for center, offset in [("none", 0.0), ("global", ratings[train].mean())]:
        start = rng.normal(0, 0.1, (ITEMS, FACTORS)).astype(np.float32)
        run = {"center": center, "start": [[float(v) for v in row] for row in start]}
        y = start.astype(float)
        for sweep in range(1, CONVERGED + 1):
            x = half_step(ratings - offset, train, y, LAMBDA_USERS)
            y = half_step((ratings - offset).T, train.T, x, LAMBDA_ITEMS)
            rmse = float(np.sqrt(np.mean((offset + x @ y.T - ratings)[test] ** 2)))
            if sweep == SWEEPS:
                run |= {"users": np.round(x, 6).tolist(), "items": np.round(y, 6).tolist(), "rmse": rmse}
        runs.append({**run, "converged_rmse": rmse})
        print(center, runs[-1]["rmse"], rmse)
    cells = {name: [[int(u), int(i), int(ratings[u, i])] for u, i in zip(*np.nonzero(mask))]
             for name, mask in [("train", train), ("test", test)]}
    golden = {"users": USERS, "items": ITEMS, "factors": FACTORS, "sweeps": SWEEPS, "converged": CONVERGED, "user_regularization": LAMBDA_USERS,
              "item_regularization": LAMBDA_ITEMS, **cells, "runs": runs}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
