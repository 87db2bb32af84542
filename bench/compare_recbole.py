"""Next-item recommenders beside RecBole, trained and ranked by RecBole itself: processor time of an epoch, and accuracy.

    just bench recbole [--data ml-100k] [--models fpmc transrec gru4rec sasrec] [--epochs 3] [--accuracy 0] [--after 0] [--patience 50] [--most-items 50]

A data set of `SHILLPROOF_DATA` with an order: the last interaction of a user is ranked among all items, the one before belongs to nobody, everything earlier trains; nothing is masked, as in
RecBole's sequential mode. One thread a side, RecBole's default settings: 64 factors, batches of 2,048; FPMC and TransRec with one drawn negative, GRU4Rec and SASRec with cross-entropy.
Time is processor time of epochs alone: on our side the difference of two runs, one with so many epochs more. With `--accuracy N` both sides train with N seeds, until NDCG on the
item before the last has not risen for `--patience` epochs, and the best epoch counts, or for `--after E` epochs, the last of which counts; the table shows means and the 95 % interval of the difference.
`--most-items L` cuts histories to their last L items on both sides; GRU4Rec here reads them whole, SASRec reads them anew before every item as RecBole does.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

from scipy.special import stdtrit

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
DATA = HERE / "out" / "recbole"
SHILLPROOF = ROOT / "target" / "release" / "shillproof"
MOST = 500
# Name there, and the form here that it is nearest to.
MODELS = {
    "fpmc": ("FPMC", "fpmc:factors=64,learning_rate=0.001,regularization=0,batch_size=2048,negatives=others"),
    "transrec": ("TransRec", "transrec:factors=64,learning_rate=0.001,regularization=0,batch_size=2048,negatives=others,distance=l2,project=false"),
    "gru4rec": ("GRU4Rec", "gru4rec"),
    "sasrec": ("SASRec", "sasrec:stride=1"),
}


# ---- the other side ---------------------------------------------------------------------------------------------------

def worker(data, name, epochs, seed, judged, most_items, patience):
    from recbole_here import load

    pairwise = name in ("FPMC", "TransRec")
    settings = {
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"},
        "metrics": ["Hit", "NDCG"],
        "topk": [10],
        "MAX_ITEM_LIST_LENGTH": most_items,
        # The library's TransRec holds users x items x factors at once.
        "eval_batch_size": 256,
        "valid_metric": "NDCG@10",
        "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1} if pairwise else None,
    }
    _, (train, valid, test), _, trainer = load(name, DATA, data, settings, seed)
    seconds, best, since, found = [], -1.0, 0, {}
    for epoch in range(epochs or MOST):
        start = time.process_time()
        trainer._train_epoch(train, epoch)
        seconds.append(time.process_time() - start)
        if epochs:
            if judged and epoch + 1 == epochs:
                found = trainer.evaluate(test, load_best_model=False)
            continue
        reached = trainer.evaluate(valid, load_best_model=False)["ndcg@10"]
        best, since = (reached, 0) if reached > best else (best, since + 1)
        if since == 0:
            found = trainer.evaluate(test, load_best_model=False)
        print(f"epoch {epoch + 1}: NDCG@10 {reached:.4f} on the item before the last, best {best:.4f}", file=sys.stderr, flush=True)
        if since == patience:
            break
    print("RESULT", json.dumps({"seconds": seconds, **{k: float(v) for k, v in found.items()}}))


def theirs(data, name, *, epochs, most_items, seed=1, judged=False, patience=10):
    """Seconds of each epoch, and what the last one reaches if it is judged, or without a number of epochs what the best one reaches."""
    argv = [sys.executable, __file__, "--worker", pathlib.Path(data).name, name, str(epochs), str(seed), "judged" * judged, str(most_items), str(patience)]
    run = subprocess.run(argv, capture_output=True, text=True, env=os.environ | {"PYTHONWARNINGS": "ignore"}, cwd=DATA)
    line = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    if not line:
        sys.exit(f"RecBole's {name} failed:\n{run.stderr[-2000:]}")
    return json.loads(line[-1][7:])


# ---- our side ---------------------------------------------------------------------------------------------------------

def ours(data, recipe, *, epochs, seed=1, patience=10):
    """Processor seconds of the whole run, and what the last epoch reaches, or without a number of epochs the best one."""
    joint = "," if ":" in recipe else ":"
    course = f"epochs={epochs},selection=none" if epochs else f"epochs={MOST},evaluate_every=1,patience={patience}"
    victim = f"{recipe}{joint}{course}"
    argv = [SHILLPROOF, "measure", data, "--victim", victim, "--split", "sequence", "--exclude", "none", "--targets", "random:1"]
    argv += ["--k", "10", "--seed", str(seed), "--jobs", "1", "--format", "json", "--quiet"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(argv, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    accuracy = json.loads(run.stdout)["accuracy"]
    value = lambda metric: accuracy[f"{metric}@10"]["mean"]
    return after.ru_utime - before.ru_utime, {"hit@10": value("hit_ratio"), "ndcg@10": value("ndcg")}


def recipe_of(name, most_items):
    recipe = MODELS[name][1]
    return f"{recipe},most_items={most_items}" if name == "sasrec" else recipe


def speed(data, models, epochs, most_items):
    print(f"\nseconds of processor time an epoch, {data}, one thread ({epochs} epochs)\n")
    print(f"{'':10}{'RecBole':>10}{'here':>10}{'ratio':>8}")
    for name in models:
        other, recipe = MODELS[name][0], recipe_of(name, most_items)
        few = ours(data, recipe, epochs=1)[0]
        many = ours(data, recipe, epochs=1 + 10 * epochs)[0]
        mine = (many - few) / (10 * epochs)
        # The first epoch also warms up.
        other = statistics.median(theirs(data, other, epochs=epochs + 1, most_items=most_items)["seconds"][1:])
        print(f"{name:10}{other:10.2f}{mine:10.3f}{other / mine:7.1f}x", flush=True)


def accuracy(data, models, seeds, after, patience, most_items):
    which = f"after {after} epochs" if after else "best epoch by validation"
    print(f"\n{data}, {which}, {seeds} seeds a side; difference here minus RecBole, in % of RecBole\n")
    if seeds < 2:
        sys.exit("--accuracy: expected at least 2 seeds, for an interval")
    for name in models:
        other, recipe = MODELS[name][0], recipe_of(name, most_items)
        course = {"epochs": after, "patience": patience}
        here = [ours(data, recipe, seed=seed, **course)[1] for seed in range(1, seeds + 1)]
        there = [theirs(data, other, most_items=most_items, seed=seed, judged=True, **course) for seed in range(1, seeds + 1)]
        for metric in ("hit@10", "ndcg@10"):
            a, b = ([run[metric] for run in side] for side in (here, there))
            gap = statistics.mean(a) - statistics.mean(b)
            half = stdtrit(2 * seeds - 2, 0.975) * ((statistics.variance(a) + statistics.variance(b)) / seeds) ** 0.5
            means = f"{statistics.mean(a):.4f} here, {statistics.mean(b):.4f} RecBole"
            low, middle, high = (100 * x / statistics.mean(b) for x in (gap - half, gap, gap + half))
            print(f"{name:10}{metric:8} {means}, {middle:+.1f} % [{low:+.1f}, {high:+.1f}]", flush=True)


def write_data(data):
    """The data as RecBole reads it. Times become places in one order: many interactions of a user have the same second, of which either side would hold out another one."""
    name = pathlib.Path(data).name
    file = DATA / name / f"{name}.inter"
    file.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([SHILLPROOF, "data", "convert", data, "--out", file, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    head, *lines = file.read_text().splitlines()
    at = {name.split(":")[0]: k for k, name in enumerate(head.split("\t"))}
    rows = [line.split("\t") for line in lines]
    rows.sort(key=lambda row: (float(row[at["timestamp"]]), int(row[at["item_id"]])))
    for place, row in enumerate(rows):
        row[at["timestamp"]] = str(place)
    file.write_text("\n".join("\t".join(row) for row in [head.split("\t"), *rows]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="ml-100k")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--accuracy", type=int, default=0)
    parser.add_argument("--after", type=int, default=0, metavar="EPOCHS")
    parser.add_argument("--patience", type=int, default=50, metavar="EPOCHS")
    parser.add_argument("--most-items", type=int, default=50, metavar="L")
    parser.add_argument("--worker", nargs=7, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        data, name, epochs, seed, judged, most_items, patience = args.worker
        return worker(data, name, int(epochs), int(seed), bool(judged), int(most_items), int(patience))
    write_data(args.data)
    if args.epochs:
        speed(args.data, args.models, args.epochs, args.most_items)
    if args.accuracy:
        accuracy(args.data, args.models, args.accuracy, args.after, args.patience, args.most_items)


if __name__ == "__main__":
    main()
