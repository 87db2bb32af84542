"""Reference p-values for shillproof-lab's paired tests.

Run:     python golden/stats_scipy.py > golden/stats_scipy.json
Checks:  t_test and wilcoxon (crates/shillproof-lab/src/stats/paired.rs) to 1e-9: exact without ties, exact given ties
         (all 2^n signs), zeros dropped, and the normal form with tie correction above 50 differences.
Made by: Python 3.11, numpy 2.4.6, scipy 1.17.1. Input is generated here; nothing is from a data set.
"""
import json

import numpy as np
from scipy import stats

rng = np.random.default_rng(7)
cases = []


def add(differences, method):
    d = np.asarray(differences, dtype=float)
    nonzero = d[d != 0]
    w = stats.wilcoxon(nonzero, method=method, correction=False)
    t = stats.ttest_rel(d, np.zeros_like(d)) if len(d) > 1 and d.std() > 0 else None
    cases.append({
        "differences": [float(x) for x in d],
        "t": None if t is None else [float(t.statistic), float(t.pvalue)],
        "wilcoxon": [float(w.statistic), float(w.pvalue)],
    })


every_sign = stats.PermutationMethod(n_resamples=np.inf)
for n in (2, 3, 5, 8, 12, 20, 35, 50):
    add(np.round(rng.normal(0.4, 1.0, n), 6), "exact")
add([3.0], "exact")
add([0.01, 0.02, 0.02, -0.01, 0.05, 0.02, -0.03, 0.04], every_sign)
add([1.0, 1.0, 1.0, -1.0, 2.0, 2.0, -3.0, 0.0, 0.0, 4.0], every_sign)
add([0.5, 0.5, 0.5, 0.5, 0.5, 0.25], every_sign)
add(np.round(rng.normal(0.1, 1.0, 120), 6), "asymptotic")
add(rng.integers(-3, 6, 200), "asymptotic")
add(np.round(rng.normal(3.0, 0.5, 15), 6), "exact")
print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")
