"""Nuclear-norm completion by dense singular value thresholding in NumPy: the reference of the victim `nuclear-norm`.

Run:     python golden/nuclear_norm_numpy.py        (writes golden/nuclear_norm_numpy.json)
Checks:  crates/shillproof-victims/tests/nuclear_norm.rs makes the same matrix (the generator below is integers only) and reaches the
         objective within 1e-6 of it, the singular values within 1e-4, the rank exactly, and the conditions of optimality.
Made by: Python 3.11, NumPy 2.4.6, in f64, on generated ratings only. Plain proximal gradient with a full SVD, no acceleration.
"""

import json
import pathlib

import numpy as np

ROWS, COLUMNS, LAMBDAS = 200, 300, [20.0, 12.0, 8.0]


def splitmix64(z):
    mask = (1 << 64) - 1
    z = (z + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def ratings():
    """About a quarter of the cells, 1 to 5: 3, +1 or -1 for two hidden parities, and noise of -1, 0 or 1."""
    m, observed = np.zeros((ROWS, COLUMNS)), np.zeros((ROWS, COLUMNS), bool)
    for u in range(ROWS):
        for i in range(COLUMNS):
            h = splitmix64(u * COLUMNS + i)
            if h % 4 == 0:
                taste = (1 if (u % 3 == i % 3) else -1) + (1 if (u % 7 < 3) == (i % 5 < 2) else 0)
                m[u, i] = min(max(3 + taste + (h >> 8) % 3 - 1, 1), 5)
                observed[u, i] = True
    return m, observed


def main():
    m, observed = ratings()
    runs = []
    x = np.zeros_like(m)
    for lam in LAMBDAS:
        for iteration in range(100_000):
            u, s, vt = np.linalg.svd(np.where(observed, m, x), full_matrices=False)
            s = np.maximum(s - lam, 0)
            new = (u * s) @ vt
            change = np.linalg.norm(new - x) / np.linalg.norm(new)
            x = new
            if change < 1e-11:
                break
        residual = np.where(observed, m - x, 0)
        runs.append({"regularization": lam, "objective": float((residual**2).sum() + 2 * lam * s.sum()),
                     "singular": [round(float(v), 8) for v in s if v > 0]})
        print(lam, iteration, runs[-1]["objective"], len(runs[-1]["singular"]))
    golden = {"rows": ROWS, "columns": COLUMNS, "cells": int(observed.sum()), "sum": float(m.sum()), "runs": runs}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
