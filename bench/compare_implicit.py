"""Ours beside the library `implicit`: one run, interleaved, medians of paired ratios.

    just bench implicit [--rounds 5] [--threads 1] [--only ml-100k|large] [--entries 20000000]

Each side is one process that keeps its data; the two take turns on every measurement. A ratio is their time over ours in the same round;
the table shows the median ratio with the smallest and largest. Time is CPU time of the process when one thread is used, because other programs
on the machine do not disturb it, and wall time otherwise. Loss and accuracy stand beside the times: speed bought by accuracy does not count.

Data: MovieLens-100K if SHILLPROOF_DATA is set (80/10/10 a user; synthetic data of the same shape otherwise), and a synthetic matrix of 138,000 x 27,000
with 20 million entries and a long tail, the shape of MovieLens-20M.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "out"


# ---- the other side: implicit behind the same commands --------------------------------------------------------------

def worker(train_path, test_path):
    import implicit
    import numpy as np
    import scipy.sparse as sp
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking

    threads = int(os.environ["BENCH_THREADS"])

    def read(path):
        head = np.fromfile(path, np.uint64, 3)
        ids = np.fromfile(path, np.uint32, offset=24)
        users, items = ids[: int(head[2])].astype(np.int32), ids[int(head[2]) :].astype(np.int32)
        cells = np.ones(len(users), np.float32)
        return sp.csr_matrix((cells, (users, items)), shape=(int(head[0]), int(head[1])))

    def now():
        return time.perf_counter(), time.process_time()

    def fit(model):
        stamps = []
        model.fit(train, show_progress=False, callback=lambda *_: stamps.append(now()))
        return [(b - a) / (len(stamps) - 1) for a, b in zip(stamps[0], stamps[-1])]

    def loss(model, weight, ridge):
        p, q = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
        total = np.sum((p.T @ p) * (q.T @ q)) + ridge * (np.sum(p * p) + np.sum(q * q))
        users = np.repeat(np.arange(train.shape[0]), np.diff(train.indptr))
        for a in range(0, train.nnz, 1 << 20):
            u, i = users[a : a + (1 << 20)], train.indices[a : a + (1 << 20)]
            s = np.einsum("nk,nk->n", p[u], q[i])
            total += np.sum(weight * (1 - s) ** 2 - s * s)
        return float(total)

    def lists(k):
        everybody = np.arange(train.shape[0])
        return model.recommend(everybody, train, N=k, filter_already_liked_items=True)[0]

    train = read(train_path)
    test = read(test_path) if test_path else None
    model = None
    for line in sys.stdin:
        words = line.split()
        if words[0] == "als":
            factors, ridge, weight, iterations = int(words[2]), float(words[3]), float(words[4]), int(words[5])
            model = AlternatingLeastSquares(
                factors=factors, regularization=ridge, alpha=weight, iterations=iterations,
                use_cg=words[1] == "cg", num_threads=threads, random_state=1,
            )
            wall, cpu = fit(model)
            answer = {"wall": wall, "cpu": cpu, "loss": loss(model, weight, ridge)}
        elif words[0] == "bpr":
            model = BayesianPersonalizedRanking(
                factors=int(words[1]), iterations=int(words[2]), num_threads=threads, random_state=1,
                learning_rate=0.01, regularization=0.03,
            )
            wall, cpu = fit(model)
            answer = {"wall": wall, "cpu": cpu}
        elif words[0] == "rank":
            start = now()
            n = len(lists(int(words[1])))
            wall, cpu = [b - a for a, b in zip(start, now())]
            answer = {"wall": wall, "cpu": cpu, "lists": n}
        elif words[0] == "accuracy":
            hits, ndcg = [], []
            gains = 1 / np.log2(np.arange(10) + 2)
            for user, top in enumerate(lists(10)):
                truth = test.indices[test.indptr[user] : test.indptr[user + 1]]
                if len(truth):
                    found = np.isin(top, truth)
                    hits.append(found.any())
                    ndcg.append((found * gains).sum() / gains[: len(truth)].sum())
            answer = {"hit_ratio": float(np.mean(hits)), "ndcg": float(np.mean(ndcg))}
        else:
            status = pathlib.Path("/proc/self/status").read_text()
            answer = {"mb": int(status.split("VmHWM:")[1].split()[0]) / 1024}
        print(json.dumps(answer), flush=True)


# ---- data -----------------------------------------------------------------------------------------------------------

def write(path, users, items, shape):
    import numpy as np

    with open(path, "wb") as out:
        np.array([*shape, len(users)], np.uint64).tofile(out)
        np.asarray(users, np.uint32).tofile(out)
        np.asarray(items, np.uint32).tofile(out)


def synthetic(path, users, items, entries):
    """Distinct cells with log-normal activity of users and popularity of items."""
    import numpy as np

    if path.exists():
        return
    rng = np.random.default_rng(20)
    activity, popularity = rng.lognormal(0, 1, users), rng.lognormal(0, 2, items)
    counts = np.maximum(1, np.rint(activity / activity.sum() * entries)).astype(int)
    counts = np.minimum(counts, items // 4)
    cumulative = np.cumsum(popularity / popularity.sum())
    found = np.empty(0, np.int64)
    missing = counts
    # Draws until every user has nearly all of the cells wanted; what is drawn twice counts once.
    for _ in range(6):
        drawn = np.repeat(np.arange(users), missing)
        cells = drawn * items + np.searchsorted(cumulative, rng.random(len(drawn)))
        found = np.unique(np.concatenate([found, np.minimum(cells, (drawn + 1) * items - 1)]))
        missing = np.maximum(0, counts - np.bincount(found // items, minlength=users))
    write(path, found // items, found % items, (users, items))


def movielens(train, test):
    """The split of the project's quality anchors; items of the validation part are in neither file."""
    sys.path.insert(0, str(HERE.parent / "golden"))
    import bpr_implicit
    import numpy as np

    parts = bpr_implicit.split(pathlib.Path(os.environ["SHILLPROOF_DATA"]) / "ml-100k" / "ml-100k.inter.gz")
    for path, part in [(train, parts[0] | parts[1]), (test, parts[2])]:
        users, items = np.nonzero(part)
        write(path, users, items, part.shape)


# ---- accuracy -------------------------------------------------------------------------------------------------------

def row(name, ours, theirs):
    """Both means, and their difference in per cent of theirs with Welch's 95 % interval: a line of the table that ACCURACY heads."""
    from scipy import stats

    interval = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
    mean, scale = statistics.mean(ours) - statistics.mean(theirs), 100 / statistics.mean(theirs)
    spread = " | ".join(f"{statistics.mean(side):.4f} (s {statistics.stdev(side):.4f})" for side in (ours, theirs))
    return f"| {name} | {spread} | {mean * scale:+.2f} % [{interval.low * scale:+.2f}, {interval.high * scale:+.2f}] |"


ACCURACY = "| metric | ours | PyTorch | ours less PyTorch, of PyTorch's mean, 95 % interval |\n|---|---|---|---|"


# ---- the comparison -------------------------------------------------------------------------------------------------

class Side:
    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"a side ended at `{command}`")
        return json.loads(line)


def sides(train, test, threads):
    files = [str(train)] + ([str(test)] if test else [])
    # These two variables keep NumPy from its best kernels on some machines.
    plain = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    plain |= {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": str(threads)}
    plain |= {"BENCH_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
    ours = HERE.parent / "target" / "release" / "examples" / "beside_implicit"
    return (Side([str(ours), *files], plain), Side([sys.executable, __file__, "--worker", *files], plain))


def compare(name, train, test, arguments, als_iterations, bpr_epochs):
    ours, theirs = sides(train, test, arguments.threads)
    clock = "cpu" if arguments.threads == 1 else "wall"
    print(f"\n## {name}, {arguments.threads} thread(s), {clock} time, median of {arguments.rounds} paired rounds\n", flush=True)
    print("| work | ours | implicit | ratio (least, most) | beside it: ours / implicit |")
    print("|---|---|---|---|---|")
    rows = [(f"als {inner} 64 20 5 {als_iterations}", f"ALS {inner}, 64 factors, s/iteration") for inner in ("cg", "cholesky")]
    rows += [("rank 10", "top 10 of all users, s"), (f"bpr 64 {bpr_epochs}", "BPR, 64 factors, s/epoch")]
    for command, title in rows:
        pairs = []
        for _ in range(arguments.rounds):
            pairs.append((ours.ask(command), theirs.ask(command)))
        ratios = [b[clock] / a[clock] for a, b in pairs]
        beside = []
        if "loss" in pairs[0][0]:
            a, b = pairs[0][0]["loss"], pairs[0][1]["loss"]
            beside.append(f"loss {a:.6g} / {b:.6g} after {als_iterations}")
        if test and not command.startswith("rank"):
            a, b = ours.ask("accuracy"), theirs.ask("accuracy")
            beside.append(f"HR@10 {a['hit_ratio']:.3f} / {b['hit_ratio']:.3f}, NDCG {a['ndcg']:.3f} / {b['ndcg']:.3f}")
        middle = [statistics.median(side[clock] for side in column) for column in zip(*pairs)]
        print(f"| {title} | {middle[0]:.4g} | {middle[1]:.4g} | {statistics.median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f}) | {'; '.join(beside)} |", flush=True)
    a, b = ours.ask("peak")["mb"], theirs.ask("peak")["mb"]
    print(f"| peak memory, MB | {a:.0f} | {b:.0f} | {b / a:.2f} | |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=["ml-100k", "large"])
    parser.add_argument("--entries", type=int, default=20_000_000, help="of the large matrix")
    arguments = parser.parse_args()
    if arguments.worker:
        return worker(arguments.worker[0], arguments.worker[1] if len(arguments.worker) > 1 else None)
    OUT.mkdir(exist_ok=True)
    if arguments.only != "large":
        if os.environ.get("SHILLPROOF_DATA"):
            train, test = OUT / "ml-100k.train", OUT / "ml-100k.test"
            movielens(train, test)
            compare("MovieLens-100K", train, test, arguments, als_iterations=15, bpr_epochs=100)
        else:
            train = OUT / "small.train"
            synthetic(train, 943, 1682, 90_000)
            compare("synthetic 943 x 1,682 (SHILLPROOF_DATA not set)", train, None, arguments, 15, 100)
    if arguments.only != "ml-100k":
        train = OUT / f"large-{arguments.entries}.train"
        synthetic(train, 138_000, 27_000, arguments.entries)
        compare(f"synthetic 138,000 x 27,000, {arguments.entries:,} entries wanted", train, None, arguments, 2, 3)


if __name__ == "__main__":
    main()
