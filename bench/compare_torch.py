"""NeuMF beside PyTorch: one run, interleaved, medians of paired ratios.

    just bench torch [--rounds 5] [--interactions 100000] [--accuracy SEEDS]

The network of the defaults of `neumf` (factors 8, layers 64-32-16-8, 4 fixed negatives) on 6,040 users and 3,706 items, one thread a side. Each side
is one process; the two take turns. Numbers are training samples a second of processor time over the second of two epochs; a ratio is ours over
theirs in the same round, and the table shows the median with the smallest and largest. The loss beside it is the mean binary cross-entropy,
after both epochs, on interactions and negatives that neither side trained on: speed bought by accuracy does not count.

PyTorch is written as is usual (`nn.Embedding`, `nn.Linear`, `BCEWithLogitsLoss`, batches indexed out of tensors that hold all samples), with
`torch.optim.Adam`, with its fused form, and with `SparseAdam` for the embeddings, which is our `adam = "lazy"`.

With `--accuracy SEEDS` (and SHILLPROOF_DATA) speed is not measured. Both sides train 20 epochs on MovieLens-100K without each user's last item, as
often as that, and rank it among 99 items that its user does not have, the same ones for all.
"""

import argparse
import gzip
import json
import os
import pathlib
import statistics
import sys
import time

from compare_implicit import ACCURACY, OUT, Side, row, synthetic, write

HERE = pathlib.Path(__file__).resolve().parent
USERS, ITEMS, NEGATIVES = 6040, 3706, 4
CANDIDATES, K, EPOCHS = 100, 10, 20


# ---- the other side: PyTorch behind the same commands ----------------------------------------------------------------

def worker(train_path, labelled_path):
    import numpy as np
    import torch
    from torch import nn

    torch.set_num_threads(1)

    class NeuMF(nn.Module):
        def __init__(self, sparse, factors=8, layers=(64, 32, 16, 8)):
            super().__init__()
            table = lambda n, d: nn.Embedding(n, d, sparse=sparse)
            self.gmf_user, self.gmf_item = table(n_users, factors), table(n_items, factors)
            self.mlp_user, self.mlp_item = table(n_users, layers[0] // 2), table(n_items, layers[0] // 2)
            steps = [[nn.Linear(a, b), nn.ReLU()] for a, b in zip(layers, layers[1:])]
            self.mlp = nn.Sequential(*[m for pair in steps for m in pair])
            self.out = nn.Linear(factors + layers[-1], 1)
            self.tables = [self.gmf_user, self.gmf_item, self.mlp_user, self.mlp_item]
            for t in self.tables:
                nn.init.normal_(t.weight, 0.0, 0.01)

        def forward(self, users, items):
            gmf = self.gmf_user(users) * self.gmf_item(items)
            mlp = self.mlp(torch.cat([self.mlp_user(users), self.mlp_item(items)], dim=1))
            return self.out(torch.cat([gmf, mlp], dim=1)).squeeze(1)

    def optimisers(model, kind):
        if kind == "sparse":
            dense = [*model.mlp.parameters(), *model.out.parameters()]
            rows = [t.weight for t in model.tables]
            return [torch.optim.SparseAdam(rows, lr=1e-3), torch.optim.Adam(dense, lr=1e-3)]
        return [torch.optim.Adam(model.parameters(), lr=1e-3, fused=kind == "fused")]

    def read(path):
        return np.fromfile(path, np.uint32, offset=24).astype(np.int64)

    ids = read(train_path)
    users, items = ids[: len(ids) // 2], ids[len(ids) // 2 :]
    n_users, n_items = (int(n) for n in np.fromfile(train_path, np.uint64, count=2))
    has = np.zeros((n_users, n_items), bool)
    has[users, items] = True
    labels = torch.cat([torch.ones(len(users)), torch.zeros(NEGATIVES * len(users))])
    held_out = [torch.from_numpy(part.copy()) for part in np.split(read(labelled_path), 3)]
    criterion = nn.BCEWithLogitsLoss()

    def train(kind, batch_size, epochs, seed=1):
        torch.manual_seed(seed)
        more_users, more_items = users.repeat(NEGATIVES), negatives(has, users, np.random.default_rng(seed))
        all_users = torch.from_numpy(np.concatenate([users, more_users]))
        all_items = torch.from_numpy(np.concatenate([items, more_items]))
        model = NeuMF(kind == "sparse")
        steps = optimisers(model, kind)
        for _ in range(epochs):
            start = time.perf_counter(), time.process_time()
            order = torch.randperm(len(labels))
            for at in range(0, len(labels), batch_size):
                batch = order[at : at + batch_size]
                loss = criterion(model(all_users[batch], all_items[batch]), labels[batch])
                for step in steps:
                    step.zero_grad()
                loss.backward()
                for step in steps:
                    step.step()
            wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
        with torch.no_grad():
            logits = model(held_out[0], held_out[1])
            loss = criterion(logits, held_out[2].float()).item()
        return logits, {"wall": len(labels) / wall, "cpu": len(labels) / cpu, "loss": loss}

    def ranked(epochs, seed):
        logits = train("fused", 256, epochs, seed)[0].numpy().reshape(-1, CANDIDATES)
        rank = (logits[:, 1:] >= logits[:, :1]).sum(1)
        gain = np.where(rank < K, 1 / np.log2(rank + 2), 0)
        return {"hit_ratio": float((rank < K).mean()), "ndcg": float(gain.mean())}

    for line in sys.stdin:
        words = line.split()
        if words[0] == "neumf":
            answer = train(words[1], int(words[2]), int(words[3]))[1]
        elif words[0] == "ranked":
            answer = ranked(int(words[1]), int(words[2]))
        else:
            status = pathlib.Path("/proc/self/status").read_text()
            answer = {"mb": int(status.split("VmHWM:")[1].split()[0]) / 1024}
        print(json.dumps(answer), flush=True)


# ---- data -----------------------------------------------------------------------------------------------------------

def data(interactions):
    """Synthetic interactions; a tenth is held out, each with as many negatives as in training."""
    import numpy as np

    whole = OUT / f"neural-{interactions}.all"
    train, labelled = whole.with_suffix(".train"), whole.with_suffix(".labelled")
    synthetic(whole, USERS, ITEMS, interactions)
    ids = np.fromfile(whole, np.uint32, offset=24)
    users, items = ids[: len(ids) // 2], ids[len(ids) // 2 :]
    rng = np.random.default_rng(2)
    out = rng.random(len(users)) < 0.1
    write(train, users[~out], items[~out], (USERS, ITEMS))
    has = np.zeros((USERS, ITEMS), bool)
    has[users, items] = True
    more_users, more_items = users[out].repeat(NEGATIVES), negatives(has, users[out], rng)
    held_out = np.concatenate([users[out], more_users]), np.concatenate([items[out], more_items])
    write_labelled(labelled, *held_out, np.arange(len(held_out[0])) < out.sum(), (USERS, ITEMS))
    return train, labelled, int((~out).sum())


def write_labelled(path, users, items, labels, shape):
    import numpy as np

    write(path, users, items, shape)
    with open(path, "ab") as file:
        np.asarray(labels, np.uint32).tofile(file)


def negatives(has, users, rng):
    """Items that each user does not have, NEGATIVES for every entry."""
    users = users.repeat(NEGATIVES)
    items = rng.integers(0, has.shape[1], len(users))
    while (again := has[users, items]).any():
        items[again] = rng.integers(0, has.shape[1], again.sum())
    return items


def leave_one_out():
    """MovieLens-100K without each user's last item, and that item before 99 others."""
    import numpy as np

    path = pathlib.Path(os.environ["SHILLPROOF_DATA"]) / "ml-100k" / "ml-100k.inter.gz"
    with gzip.open(path, "rt") as lines:
        next(lines)
        rows = [(int(u) - 1, float(time), int(i) - 1) for u, i, _, time in (line.split("\t")[:4] for line in lines)]
    rows.sort()
    users, items = np.array([(u, i) for u, _, i in rows]).T
    last = np.append(users[1:] != users[:-1], True)
    shape = users.max() + 1, items.max() + 1
    has = np.zeros(shape, bool)
    has[users, items] = True
    rng = np.random.default_rng(3)
    others = np.stack([rng.choice(np.flatnonzero(~row), CANDIDATES - 1, replace=False) for row in has])
    candidates = np.column_stack([items[last], others])
    train, labelled = OUT / "leave-one-out.train", OUT / "leave-one-out.labelled"
    write(train, users[~last], items[~last], shape)
    write_labelled(labelled, np.repeat(users[last], CANDIDATES), candidates.ravel(), np.tile(np.arange(CANDIDATES) == 0, shape[0]), shape)
    return train, labelled


# ---- the comparison -------------------------------------------------------------------------------------------------

ROWS = [
    ("dense", "adam", 256, "Adam, batch 256, beside `torch.optim.Adam`"),
    ("dense", "fused", 256, "Adam, batch 256, beside its fused form"),
    ("lazy", "sparse", 256, "Adam on touched rows, batch 256, beside `SparseAdam`"),
    ("dense", "adam", 1024, "Adam, batch 1,024, beside `torch.optim.Adam`"),
    ("dense", "fused", 1024, "Adam, batch 1,024, beside its fused form"),
]


OURS = str(HERE.parent / "target" / "release" / "examples" / "beside_torch")


def sides(*files):
    one = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    return Side([OURS, *files], one), Side([sys.executable, __file__, "--worker", *files], one)


def accuracy(seeds):
    pair = sides(*map(str, leave_one_out()))
    found = [[side.ask(f"ranked {EPOCHS} {seed}") for side in pair] for seed in range(seeds)]
    print(f"\n## NeuMF on MovieLens-100K, last item among {CANDIDATES}, {EPOCHS} epochs, {seeds} seeds a side\n")
    print(ACCURACY)
    for name, metric in [("HR@10", "hit_ratio"), ("NDCG@10", "ndcg")]:
        print(row(name, *([run[at][metric] for run in found] for at in (0, 1))))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--interactions", type=int, default=100_000)
    parser.add_argument("--accuracy", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.worker:
        return worker(*arguments.worker)
    OUT.mkdir(exist_ok=True)
    if arguments.accuracy:
        return accuracy(arguments.accuracy)
    train, labelled, kept = data(arguments.interactions)
    files = [str(train), str(labelled)]
    ours, theirs = sides(*files)
    print(f"\n## NeuMF 8, 64-32-16-8 on {USERS:,} x {ITEMS:,}, {kept:,} interactions, one thread, median of {arguments.rounds} paired rounds\n", flush=True)
    print("| work | ours, samples/s | PyTorch, samples/s | ratio (least, most) | held-out loss: ours / PyTorch |")
    print("|---|---|---|---|---|")
    for own, other, batch, title in ROWS:
        pairs = []
        for _ in range(arguments.rounds):
            pairs.append((ours.ask(f"neumf {own} {batch} 2"), theirs.ask(f"neumf {other} {batch} 2")))
        ratios = [a["cpu"] / b["cpu"] for a, b in pairs]
        middle = [statistics.median(side["cpu"] for side in column) for column in zip(*pairs)]
        a, b = pairs[0][0]["loss"], pairs[0][1]["loss"]
        print(f"| {title} | {middle[0]:,.0f} | {middle[1]:,.0f} | {statistics.median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f}) | {a:.4f} / {b:.4f} |", flush=True)
    a, b = ours.ask("peak")["mb"], theirs.ask("peak")["mb"]
    print(f"| peak memory, MB | {a:.0f} | {b:.0f} | {b / a:.2f} | |", flush=True)
    alone = [ours.ask("grid 4")["wall"] for _ in range(arguments.rounds)]
    two = Side([OURS, *files], os.environ | {"RAYON_NUM_THREADS": "2"})
    both = [two.ask("grid 4")["wall"] for _ in range(arguments.rounds)]
    a, b = statistics.median(alone), statistics.median(both)
    print(f"\nFour fits side by side, wall time: {a:,.0f} samples/s on one thread, {b:,.0f} on two ({b / a:.2f} times as many).")


if __name__ == "__main__":
    main()
