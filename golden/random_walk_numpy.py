"""Random walk with restart by dense linear solves: the reference of the victim `random-walk`.

Run:     python golden/random_walk_numpy.py        (writes golden/random_walk_numpy.json)
Checks:  crates/shillproof-victims/tests/golden.rs compares probabilities of all items to 1e-10.
Made by: Python 3.11, NumPy 2.4.6, on generated ratings only.
"""

import json
import pathlib

import numpy as np

USERS, ITEMS = 24, 18


def transitions(ratings):
    """Row-stochastic matrix of the graph; a row without edges is zero."""
    q = np.block([[np.zeros((USERS, USERS)), ratings], [ratings.T, np.zeros((ITEMS, ITEMS))]])
    total = q.sum(axis=1, keepdims=True)
    return np.divide(q, total, out=np.zeros_like(q), where=total > 0)


def probabilities(q, restart, orientation):
    """One row a user: p_u of every item."""
    n = USERS + ITEMS
    rows = []
    for user in range(USERS):
        e = np.zeros(n)
        e[user] = 1
        if orientation == "stationary":
            # Nodes without edges lead back to the user.
            t = q.copy()
            t[q.sum(axis=1) == 0, user] = 1
            t = t.T
        else:
            t = q
        rows.append(np.linalg.solve(np.eye(n) - (1 - restart) * t, restart * e)[USERS:].tolist())
    return rows


def main():
    rng = np.random.default_rng(5)
    ratings = rng.integers(1, 6, (USERS, ITEMS)) * (rng.random((USERS, ITEMS)) < 0.25)
    ratings[7] = 0  # a user without items
    ratings[:, 11] = 0  # an item without users
    users, items = np.nonzero(ratings)
    cases = []
    for explicit in [True, False]:
        q = transitions(ratings if explicit else (ratings > 0).astype(int))
        for orientation in ["stationary", "paper-literal"]:
            for restart in [0.15, 0.3]:
                cases.append(
                    {
                        "explicit": explicit,
                        "orientation": orientation,
                        "restart": restart,
                        "items": probabilities(q, restart, orientation),
                    }
                )
    out = {
        "n_users": USERS,
        "n_items": ITEMS,
        "users": users.tolist(),
        "items": items.tolist(),
        "ratings": ratings[users, items].tolist(),
        "cases": cases,
    }
    text = json.dumps(out)
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(text + "\n")
    print(len(text), "bytes")


if __name__ == "__main__":
    main()
