"""LightGCN beside PyTorch: one run, interleaved, medians of paired ratios.

    just bench lightgcn [--rounds 5] [--epochs 4] [--accuracy 0] [--learning-rate 0.001] [--layers 2] [--recbole]
    just bench lightgcn --curve HOURS [--threads 1]

MovieLens-100K (80/10/10 a user; training and validation part are trained on, the test part is ranked), 64 factors, batches of 2,048, one thread a side. The PyTorch side is written as the library RecBole writes it:
the adjacency as one sparse tensor, layers stacked and averaged, BPR loss, norms of the batch's rows, `torch.optim.Adam`; its negatives cost nothing here, being
drawn outside of the clock. With `--recbole` the other side is RecBole's own model, sampler and trainer on the same split, its scores judged by the same lines. Numbers are seconds of processor time an epoch, the first one left out. With `--accuracy N` both sides then train N epochs with five seeds; the table shows
the difference of means with its 95 % interval.

`--curve HOURS` trains on Gowalla as its authors split and set it (factors 64, 3 layers, learning rate 0.001, squared penalty of 1e-4, batches of 2,048), so long and on our side alone, and prints recall@20 and NDCG@20 of the
test part every fifth epoch.
"""

import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from compare_implicit import ACCURACY, OUT, Side, movielens, row, synthetic, write

HERE = pathlib.Path(__file__).resolve().parent
FACTORS, BATCH, PENALTY = 64, 2048, 1e-5


# ---- the other side: PyTorch behind the same commands ----------------------------------------------------------------

def read(path):
    import numpy as np

    head = np.fromfile(path, np.uint64, 3).astype(int)
    ids = np.fromfile(path, np.uint32, offset=24).astype(np.int64)
    return head[0], head[1], ids[: head[2]], ids[head[2] :]


def worker(train_path, test_path, side):
    import numpy as np
    import torch
    from torch import nn

    torch.set_num_threads(1)
    n_users, n_items, users, items = read(train_path)
    _, _, test_users, test_items = read(test_path)
    has = np.zeros((n_users, n_items), bool)
    has[users, items] = True
    wanted = np.zeros((n_users, n_items), bool)
    wanted[test_users, test_items] = True
    degree = np.maximum(1, np.bincount(np.concatenate([users, items + n_users]), minlength=n_users + n_items))
    rows, columns = np.concatenate([users, items + n_users]), np.concatenate([items + n_users, users])
    values = torch.from_numpy((degree[rows] ** -0.5 * degree[columns] ** -0.5).astype(np.float32))
    adjacency = torch.sparse_coo_tensor(torch.from_numpy(np.stack([rows, columns])), values, (n_users + n_items,) * 2).coalesce()

    def judge(scores, times):
        scores[has] = -np.inf
        best = np.argsort(-scores, axis=1, kind="stable")[:, :10]
        hits = np.take_along_axis(wanted, best, 1)
        truth = wanted.sum(1)
        gain = 1 / np.log2(np.arange(10) + 2)
        ideal = np.cumsum(gain)[np.minimum(10, np.maximum(1, truth)) - 1]
        some = truth > 0
        wall, cpu = (statistics.mean(t[k] for t in times[1:]) if len(times) > 1 else times[0][k] for k in (0, 1))
        return {"wall": wall, "cpu": cpu, "hit_ratio": float(hits.any(1)[some].mean()), "ndcg": float((hits @ gain / ideal)[some].mean()), "recall": float((hits.sum(1)[some] / truth[some]).mean())}

    def fit(layers, rate, epochs, seed):
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        of_users, of_items = nn.Embedding(n_users, FACTORS), nn.Embedding(n_items, FACTORS)
        for table in (of_users, of_items):
            nn.init.xavier_uniform_(table.weight)
        optimiser = torch.optim.Adam([of_users.weight, of_items.weight], lr=rate)

        def ends():
            stack = [torch.cat([of_users.weight, of_items.weight])]
            for _ in range(layers):
                stack.append(torch.sparse.mm(adjacency, stack[-1]))
            return torch.stack(stack, dim=1).mean(dim=1).split([n_users, n_items])

        times = []
        for _ in range(epochs):
            negatives = rng.integers(0, n_items, len(users))
            while (again := has[users, negatives]).any():
                negatives[again] = rng.integers(0, n_items, again.sum())
            all_ids = torch.from_numpy(np.stack([users, items, negatives]))
            start = time.perf_counter(), time.process_time()
            order = torch.randperm(len(users))
            for first in range(0, len(users), BATCH):
                u, i, j = all_ids[:, order[first : first + BATCH]]
                optimiser.zero_grad()
                p, q = ends()
                margin = (p[u] * q[i]).sum(1) - (p[u] * q[j]).sum(1)
                loss = -torch.log(1e-10 + torch.sigmoid(margin)).mean()
                blocks = of_users(u), of_items(i), of_items(j)
                loss = loss + PENALTY * sum(torch.norm(block, p=2) for block in blocks) / len(u)
                loss.backward()
                optimiser.step()
            times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
        with torch.no_grad():
            p, q = ends()
            return judge((p @ q.T).numpy(), times)

    def recbole(layers, rate, epochs, seed):
        from recbole_here import load

        folder = OUT / "recbole-lightgcn" / "ml"
        folder.mkdir(parents=True, exist_ok=True)
        # Nothing is selected, but the library wants a validation part: one interaction of the training.
        for name, part in [("train", slice(1, None)), ("valid", slice(0, 1)), ("test", slice(0, 1))]:
            lines = [f"{u}\t{i}" for u, i in zip(users[part], items[part])]
            (folder / f"ml.{name}.inter").write_text("\n".join(["user_id:token\titem_id:token", *lines]) + "\n")
        settings = {"load_col": {"inter": ["user_id", "item_id"]}, "benchmark_filename": ["train", "valid", "test"], "n_layers": layers, "learning_rate": rate, "embedding_size": FACTORS, "reg_weight": PENALTY, "require_pow": False, "train_batch_size": BATCH}
        dataset, (train, _, _), model, trainer = load("LightGCN", folder.parent, "ml", settings, seed)
        times = []
        for epoch in range(epochs):
            start = time.perf_counter(), time.process_time()
            trainer._train_epoch(train, epoch)
            times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
        with torch.no_grad():
            p, q = (side.numpy() for side in model.forward())
        scores = np.full((n_users, n_items), -np.inf, np.float32)
        own_user, own_item = (dataset.field2token_id[field] for field in ("user_id", "item_id"))
        known = [[(int(token), at) for token, at in own.items() if token != "[PAD]"] for own in (own_user, own_item)]
        (here_u, there_u), (here_i, there_i) = (np.array(pairs).T for pairs in known)
        scores[np.ix_(here_u, here_i)] = p[there_u] @ q[there_i].T
        return judge(scores, times)

    for line in sys.stdin:
        words = line.split()
        if words[0] == "fit":
            answer = {"pytorch": fit, "recbole": recbole}[side](int(words[1]), float(words[2]), int(words[3]), int(words[4]))
        else:
            status = pathlib.Path("/proc/self/status").read_text()
            answer = {"mb": int(status.split("VmHWM:")[1].split()[0]) / 1024}
        print(json.dumps(answer), flush=True)


# ---- the authors' data ------------------------------------------------------------------------------------------------

def gowalla():
    """Files of the authors' own split: its training and validation parts together, and its test part."""
    import numpy as np

    source = pathlib.Path(os.environ["SHILLPROOF_DATA"]) / "gowalla-lightgcn"
    parts = {}
    for name in ("train", "valid", "test"):
        with gzip.open(source / f"{name}.txt.gz", "rt") as lines:
            ids = [[int(x) for x in line.split()] for line in lines]
        parts[name] = np.array([(user, item) for user, *items in ids for item in items]).T
    train = np.concatenate([parts["train"], parts["valid"]], axis=1)
    shape = tuple(max(train[k].max(), parts["test"][k].max()) + 1 for k in (0, 1))
    files = OUT / "gowalla-train.bin", OUT / "gowalla-test.bin"
    for file, (users, items) in zip(files, (train, parts["test"])):
        write(file, users, items, shape)
    return files


def curve(hours, threads):
    recipe = {"learning_rate": 0.001, "regularization": 1e-4, "penalty": "squared", "epochs": 1000}
    ours = HERE.parent / "target" / "release" / "examples" / "beside_lightgcn"
    command = f"curve {json.dumps(recipe, separators=(',', ':'))} {hours} 5 20 1\n"
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}
    subprocess.run([ours, *gowalla()], input=command, text=True, env=environment, check=True)


# ---- the comparison -------------------------------------------------------------------------------------------------

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recbole", action="store_true")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--accuracy", type=int, default=0)
    parser.add_argument("--curve", type=float, metavar="HOURS")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.worker:
        return worker(*arguments.worker)
    OUT.mkdir(exist_ok=True)
    if arguments.curve:
        return curve(arguments.curve, arguments.threads)
    files = [OUT / "lightgcn.train", OUT / "lightgcn.test"]
    if os.environ.get("SHILLPROOF_DATA"):
        movielens(*files)
    else:
        synthetic(files[0], 943, 1682, 90_000)
        synthetic(files[1], 943, 1682, 10_000)
    plain = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    names = [str(path) for path in files]
    ours = Side([str(HERE.parent / "target" / "release" / "examples" / "beside_lightgcn"), *names], plain)
    other = "RecBole" if arguments.recbole else "PyTorch"
    theirs = Side([sys.executable, __file__, "--worker", *names, other.lower()], plain | {"PYTHONWARNINGS": "ignore"})
    command = f"fit {arguments.layers} {arguments.learning_rate}"
    rounds = [[side.ask(f"{command} {arguments.epochs} {seed}") for side in (ours, theirs)] for seed in range(arguments.rounds)]
    ratios = [b["cpu"] / a["cpu"] for a, b in rounds]
    users, items, at, _ = read(files[0])
    print(f"\n## LightGCN, {users:,} x {items:,}, {len(at):,} interactions, {arguments.layers} layers, {FACTORS} factors, batch {BATCH:,}, one thread, {arguments.rounds} paired rounds\n")
    print("| side | s an epoch, median | best | peak MB |\n|---|---|---|---|")
    for name, side, times in [("ours", ours, [a["cpu"] for a, _ in rounds]), (other, theirs, [b["cpu"] for _, b in rounds])]:
        print(f"| {name} | {statistics.median(times):.3f} | {min(times):.3f} | {side.ask('peak')['mb']:.0f} |")
    print(f"\nratio of times: {statistics.median(ratios):.1f} ({min(ratios):.1f}, {max(ratios):.1f})", flush=True)
    if arguments.accuracy:
        found = [[side.ask(f"{command} {arguments.accuracy} {seed}") for side in (ours, theirs)] for seed in range(5)]
        print(f"\nAccuracy after {arguments.accuracy} epochs, five seeds\n\n{ACCURACY.replace('PyTorch', other)}")
        for name, metric in [("HR@10", "hit_ratio"), ("NDCG@10", "ndcg"), ("Recall@10", "recall")]:
            print(row(name, *([run[at][metric] for run in found] for at in (0, 1))))


if __name__ == "__main__":
    main()
