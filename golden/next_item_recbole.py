"""Next-item recommenders trained and ranked by RecBole itself: what they reach on real data.

Run:     SHILLPROOF_DATA=... bench/out/venv/bin/python golden/next_item_recbole.py [MODEL ...]        (writes golden/next_item_recbole.json, the named models' part of it)
Checks:  crates/shillproof/tests/cli/recbole.rs: the fast ones, trained here with the same settings.
Made by: RecBole 1.2.1, PyTorch 2.15.0, one thread; `just bench recbole` makes the environment. GRU4Rec and SASRec take hours.

Settings are RecBole's defaults: 64 factors, Adam with 0.001, batches of 2,048; FPMC and TransRec with one uniform negative, GRU4Rec and SASRec with cross-entropy. A user's last
interaction is ranked among all items; `epochs` 0 is training until NDCG@10 on the interaction before has not risen for 10 epochs, and the best epoch.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))

FILE = pathlib.Path(__file__).with_suffix(".json")
BEAUTY = "amazon-2014-5core-seq/beauty"
# Model, data, epochs, most items of a history, seeds.
RUNS = [
    ("fpmc", BEAUTY, 20, 50, [1, 2, 3]),
    ("transrec", BEAUTY, 20, 50, [1, 2, 3]),
    ("gru4rec", BEAUTY, 0, 20, [1]),
    ("gru4rec", "ml-1m", 5, 10, [1]),
    ("sasrec", "ml-1m", 5, 10, [1, 2, 3]),
]


def main():
    from compare_recbole import MODELS, theirs, write_data

    wanted = sys.argv[1:] or list(MODELS)
    runs = json.loads(FILE.read_text())["runs"] if FILE.exists() else []
    written = set()
    for model, data, epochs, most_items, seeds in RUNS:
        if model not in wanted:
            continue
        if data not in written:
            write_data(data)
            written.add(data)
        course = {"epochs": epochs, "most_items": most_items, "patience": 10}
        found = [theirs(data, MODELS[model][0], seed=seed, judged=True, **course) for seed in seeds]
        reached = {metric: [run[metric] for run in found] for metric in ("hit@10", "ndcg@10")}
        which = {"model": model, "data": data, "epochs": epochs, "most_items": most_items}
        # The others are kept, should this be stopped.
        runs = [run for run in runs if any(run[key] != value for key, value in which.items())]
        runs.append(which | {"seeds": seeds} | reached)
        print(runs[-1], flush=True)
        FILE.write_text(json.dumps({"runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
