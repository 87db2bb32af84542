"""ALS by the library `implicit` on MovieLens-100K: the quality that the victim `wrmf` must reproduce.

Run:     SHILLPROOF_DATA=... python golden/wrmf_implicit.py        (writes golden/wrmf_implicit.json)
Checks:  crates/shillproof-victims/tests/factors.rs fits `wrmf` on the same split with the same settings and 5 seeds;
         mean hit ratio and NDCG must agree within 1 %.
Made by: Python 3.11, implicit 0.7.3, NumPy 2.4.6, SciPy 1.17.1. Only metric values are stored, no data.

In `implicit`, `alpha` multiplies the data, and the product is the weight of the cell (not 1 + alpha r); all other cells
weigh 1. So its alpha is our `weight`, its regularization our `regularization`.
"""

import json
import os
import pathlib

import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares

from bpr_implicit import accuracy, split

SETTINGS = [
    {"factors": 32, "regularization": 10.0, "alpha": 1.0, "iterations": 15, "use_cg": True},
    {"factors": 64, "regularization": 20.0, "alpha": 5.0, "iterations": 15, "use_cg": True},
    {"factors": 64, "regularization": 20.0, "alpha": 5.0, "iterations": 15, "use_cg": False},
]


def main():
    train, valid, test = split(pathlib.Path(os.environ["SHILLPROOF_DATA"]) / "ml-100k" / "ml-100k.inter.gz")
    matrix = sp.csr_matrix(train.astype(np.float32))
    runs = []
    for settings in SETTINGS:
        values = []
        for seed in range(5):
            model = AlternatingLeastSquares(**settings, random_state=seed, num_threads=1)
            model.fit(matrix, show_progress=False)
            values.append(accuracy(model.user_factors @ model.item_factors.T, train | valid, test))
        hit_ratio, ndcg = np.mean(values, axis=0)
        runs.append({**settings, "seeds": 5, "hit_ratio@10": hit_ratio, "ndcg@10": ndcg})
        print(runs[-1], "standard deviation over seeds", np.std(values, axis=0))
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({"runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
