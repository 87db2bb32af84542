"""Profile features in NumPy and support vector machines by scikit-learn: the reference of the detectors `svm` and `svm-tia`.

Run:     python golden/svm_sklearn.py        (writes golden/svm_sklearn.json)
Checks:  crates/shillproof-defenses/src/svm/golden.rs: features equal in every variant to 1e-12, decision values of SVC(rbf) on them
         to 1e-3 for four settings of C and gamma and both ways of scaling.
Made by: Python 3.11, NumPy 2.4.6, scikit-learn 1.9.1, on generated ratings only.
"""

import json
import pathlib

import numpy as np
from sklearn.svm import SVC

GENUINE, FAKES, ITEMS, TARGET = 90, 30, 60, 7


def ratings():
    rng = np.random.default_rng(11)
    r = np.zeros((GENUINE + FAKES, ITEMS))
    taste = rng.normal(size=(GENUINE, 3)) @ rng.normal(size=(3, ITEMS))
    popular = 1 / np.arange(1, ITEMS + 1) ** 0.7
    for u in range(GENUINE):
        items = rng.choice(ITEMS, size=rng.integers(5, 30), replace=False, p=popular / popular.sum())
        r[u, items] = np.clip(np.round(3.4 + 0.8 * taste[u, items]), 1, 5)
    for u in range(GENUINE, GENUINE + FAKES):
        items = rng.choice(np.delete(np.arange(ITEMS), TARGET), size=12, replace=False)
        r[u, items] = np.clip(np.round(rng.normal(3.5, 1.1, size=12)), 1, 5)
        r[u, TARGET] = 5
    return r


def features(r, reference, extreme, mean_var, objective):
    count = np.maximum((reference > 0).sum(0), 1)
    total = reference.sum() / (reference > 0).sum()
    mean = np.where((reference > 0).any(0), reference.sum(0) / count, total)
    end = np.full(len(r), 5.0 if objective == "promote" else 1.0)
    if extreme == "own":
        held = np.where(r > 0, r, -np.inf if objective == "promote" else np.inf)
        end = held.max(1) if objective == "promote" else held.min(1)
    pushed = (r > 0) & (r == end[:, None])
    behind = pushed.sum(0)
    share = behind / max(behind.sum(), 1)
    rows = []
    for u in range(len(r)):
        rated = np.flatnonzero(r[u])
        d = r[u, rated] - mean[rated]
        p = np.flatnonzero(pushed[u])
        kept = rated
        if mean_var == "without-target" and len(p):
            kept = rated[rated != p[np.argmax(behind[p])]]
        rest = np.setdiff1d(rated, p)
        rows.append([
            np.mean(np.abs(d) / count[rated]),
            np.sum(np.abs(d) / count[rated]),
            np.mean(np.abs(d) / count[rated] ** 2),
            np.mean((r[u, kept] - mean[kept]) ** 2) if len(kept) else 0.0,
            abs(r[u, p].mean() - r[u, rest].mean()) if len(p) and len(rest) else 0.0,
            share[p].max() if len(p) else 0.0,
        ])
    return np.array(rows)


def main():
    r = ratings()
    users, items = np.nonzero(r)
    variants = []
    for extreme in ["system", "own"]:
        for mean_var in ["all", "without-target"]:
            for objective in ["promote", "demote"]:
                for statistics in ["poisoned", "genuine"]:
                    reference = r if statistics == "poisoned" else r[:GENUINE]
                    variants.append({
                        "extreme": extreme, "mean_var": mean_var, "objective": objective, "statistics": statistics,
                        "features": features(r, reference, extreme, mean_var, objective)[::7].tolist(),
                    })
    x = features(r, r, "system", "all", "promote")
    chosen = np.r_[GENUINE - FAKES:GENUINE + FAKES]
    train, label = x[chosen], np.r_[-np.ones(FAKES), np.ones(FAKES)]
    scaled = {
        "standardise": (train.mean(0), train.std(0)),
        "min-max": (train.min(0), train.max(0) - train.min(0)),
    }
    machines = []
    for scaling, (shift, spread) in scaled.items():
        for c, gamma in [(0.5, 0.125), (8.0, 0.125), (2048.0, 0.0078125), (32.0, 2.0)]:
            machine = SVC(C=c, gamma=gamma, tol=1e-6).fit((train - shift) / spread, label)
            machines.append({
                "scaling": scaling, "c": c, "gamma": gamma,
                "decision": machine.decision_function((x - shift) / spread).round(8).tolist(),
            })
    out = {
        "n_users": len(r), "n_genuine": GENUINE, "n_items": ITEMS,
        "users": users.tolist(), "items": items.tolist(), "ratings": r[users, items].astype(int).tolist(),
        "variants": variants, "first_example": int(chosen[0]), "machines": machines,
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(out, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
