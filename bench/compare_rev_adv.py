"""One outer iteration of RevAdv side by side with the public formulation in PyTorch, in one run.

    just bench rev-adv [--rounds 5] [--threads 1] [--only ml-100k|ml-1m|gowalla]

The public formulation (Tang, Wen, Wang, RecSys 2020) trains a dense weighted factorisation of users x items and lets autograd unroll its
last epochs. Both sides start from the same factors; where there is one minibatch the gradients must agree. Two settings of the
PyTorch side are measured: `public` keeps the whole matrix of cells in the graph, as published code does, `lean` the fake users' cells alone.
Without SHILLPROOF_DATA generated data of the same shape stand in for MovieLens.
"""

import argparse
import gzip
import json
import os
import pathlib
import statistics
import sys
import time

from compare_implicit import OUT, Side, synthetic, write

HERE = pathlib.Path(__file__).resolve().parent
TARGETS = [516, 575, 597, 946, 1018]
WEIGHT, RATE, DECAY = 20.0, 0.01, 1e-5


# ---- the PyTorch side -----------------------------------------------------------------------------------------------

def read(path):
    import numpy as np

    head = np.fromfile(path, np.uint64, 3).astype(int)
    ids = np.fromfile(path, np.uint32, offset=24).astype(int)
    return head[0], head[1], ids[: head[2]], ids[head[2] :]


def loss_of(cells, scores):
    import torch

    weights = torch.ones_like(cells)
    weights[cells > 0] = WEIGHT
    return (weights * (cells - scores) ** 2).sum()


def hypergradient(train, fakes, start, factors, epochs, unroll, batch, lean):
    """The gradient with respect to the fake users' cells, and the outer loss."""
    import numpy as np
    import torch

    users, items, at_users, at_items = train
    n_fakes, _, fake_users, fake_items = fakes
    cells = torch.zeros(users + n_fakes, items)
    cells[at_users, at_items] = 1
    cells[fake_users + users, fake_items] = 1
    if lean:
        fake_cells = cells[users:].clone().requires_grad_()
        genuine_cells = cells[:users]
        rows = lambda chosen: torch.cat([genuine_cells, fake_cells])[chosen]
    else:
        cells.requires_grad_()
        rows = lambda chosen: cells[chosen]
    p = torch.nn.Parameter(torch.from_numpy(start[: (users + n_fakes) * factors].reshape(-1, factors).copy()))
    q = torch.nn.Parameter(torch.from_numpy(start[(users + n_fakes) * factors :].reshape(-1, factors).copy()))
    adam = torch.optim.Adam([q, p], lr=RATE, weight_decay=DECAY)
    order = np.arange(users + n_fakes)
    rng = np.random.default_rng(1)

    def batches():
        # A copy: the graph keeps the indices.
        shuffled = rng.permutation(order)
        return [shuffled[first : first + batch] for first in range(0, len(order), batch)]

    for _ in range(epochs - unroll):
        for chosen in batches():
            with torch.no_grad():
                data = rows(chosen)
            loss = loss_of(data, p[chosen] @ q.T)
            adam.zero_grad()
            loss.backward()
            adam.step()

    theta = [q.detach().clone().requires_grad_(), p.detach().clone().requires_grad_()]
    moments = [(adam.state[x]["exp_avg"].clone(), adam.state[x]["exp_avg_sq"].clone()) for x in (q, p)]
    count = (epochs - unroll) * len(batches())
    for _ in range(unroll):
        for chosen in batches():
            count += 1
            loss = loss_of(rows(chosen), theta[1][chosen] @ theta[0].T)
            gradients = torch.autograd.grad(loss, theta, create_graph=True)
            moved, kept = [], []
            for x, (m, v), g in zip(theta, moments, gradients):
                g = g + DECAY * x
                m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
                moved.append(x - RATE / (1 - 0.9**count) * m / ((v / (1 - 0.999**count)).sqrt() + 1e-8))
                kept.append((m, v))
            theta, moments = moved, kept
    scores = theta[1][:users] @ theta[0].T
    outer = -torch.log_softmax(scores, 1)[:, TARGETS].mean(1).sum()
    (gradient,) = torch.autograd.grad(outer, fake_cells if lean else cells)
    return outer.item(), (gradient if lean else gradient[users:]).numpy()


def worker(path):
    import numpy as np
    import torch

    torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
    train = read(path)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "outer":
            factors, epochs, unroll, batch = map(int, words[1:5])
            fakes, start = read(words[5]), np.fromfile(words[6], np.float32)
            wall, cpu = time.perf_counter(), time.process_time()
            loss, gradient = hypergradient(train, fakes, start, factors, epochs, unroll, batch, words[8] == "lean")
            answer = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "loss": loss}
            gradient.astype(np.float32).tofile(words[7])
        else:
            status = pathlib.Path("/proc/self/status").read_text()
            answer = {"mb": int(status.split("VmHWM:")[1].split()[0]) / 1024}
        print(json.dumps(answer), flush=True)


# ---- data -----------------------------------------------------------------------------------------------------------

def movielens(path):
    import numpy as np

    source = pathlib.Path(os.environ["SHILLPROOF_DATA"]) / "ml-100k" / "ml-100k.inter.gz"
    with gzip.open(source, "rt") as lines:
        next(lines)
        pairs = np.array([[int(x) - 1 for x in line.split("\t")[:2]] for line in lines])
    write(path, pairs[:, 0], pairs[:, 1], (943, 1682))


def fakes_and_start(path, train, factors, share=0.01, length=100):
    import numpy as np

    rng = np.random.default_rng(3)
    users, items = (int(n) for n in read(train)[:2])
    n = int(users * share)
    chosen = np.concatenate([rng.choice(items, length, replace=False) for _ in range(n)])
    fakes, start = path.with_suffix(".fakes"), path.with_suffix(f".start{factors}")
    write(fakes, np.repeat(np.arange(n), length), chosen, (n, items))
    rng.normal(0, 0.1, (users + n + items) * factors).astype(np.float32).tofile(start)
    return fakes, start, n


# ---- the comparison -------------------------------------------------------------------------------------------------

def environment(threads):
    plain = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    return plain | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "BENCH_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}


def middle(values, digits=3):
    return f"{statistics.median(values):.{digits}g} (best {min(values):.{digits}g})"


def compare(name, train, arguments, peers, rounds, batch=2048, factors=128, epochs=50, unroll=10):
    import numpy as np

    fakes, start, n = fakes_and_start(OUT / name, train, factors)
    clock = "cpu" if arguments.threads == 1 else "wall"
    ours_path = HERE.parent / "target" / "release" / "examples" / "beside_rev_adv"
    plain = environment(arguments.threads)
    ours = Side([str(ours_path), str(train)], plain)
    sides = {peer: Side([sys.executable, str(HERE / "compare_rev_adv.py"), "--worker", str(train)], plain) for peer in peers}
    gradient = OUT / f"{name}.gradient"
    command = f"outer {factors} {epochs} {unroll} {batch} {fakes} {start} {gradient}"
    times = {"ours": [], **{peer: [] for peer in peers}}
    losses = {}
    for _ in range(rounds):
        for side, process in [("ours", ours), *sides.items()]:
            # The other side's threads go on turning for a while.
            time.sleep(0.5)
            answer = process.ask(command + (f".{side} {side}" if side != "ours" else ""))
            times[side].append(answer[clock])
            losses[side] = answer["loss"]
    users, items, at, _ = read(train)
    print(f"\n## RevAdv, one outer iteration, {name}: {users:,} x {items:,}, {len(at):,} interactions, {n} fake users, {factors} factors, {epochs} epochs, {unroll} unrolled")
    print(f"{arguments.threads} thread(s), {clock} time, {rounds} paired round(s)\n")
    print("| side | s | peak MB | outer loss | ratio of times (least, most) | difference of gradients |\n|---|---|---|---|---|---|")
    peaks = {side: process.ask("peak")["mb"] for side, process in [("ours", ours), *sides.items()]}
    print(f"| ours | {middle(times['ours'])} | {peaks['ours']:.0f} | {losses['ours']:.6g} | | |")
    for peer in peers:
        ratios = [theirs / own for theirs, own in zip(times[peer], times["ours"])]
        apart = "other order of minibatches"
        if users + n <= batch:
            a, b = (np.fromfile(path, np.float32) for path in (gradient, f"{gradient}.{peer}"))
            apart = f"{np.linalg.norm(a - b) / np.linalg.norm(b):.1e}"
        print(f"| PyTorch, {peer} | {middle(times[peer])} | {peaks[peer]:.0f} | {losses[peer]:.6g} | {statistics.median(ratios):.1f} ({min(ratios):.1f}, {max(ratios):.1f}) | {apart} |", flush=True)
    return ours


def reversed_optimisation(ours, rounds, threads, fakes=28):
    """Whole attacks of ours at equal budget: 3 % fake users, 100 fillers."""
    clock = "cpu" if threads == 1 else "wall"
    times = {name: [] for name in ("rev-adv", "rapu-r")}
    for _ in range(rounds):
        for name in times:
            times[name].append(ours.ask(f"craft {name} {fakes}")[clock])
    ratios = [a / b for a, b in zip(times["rev-adv"], times["rapu-r"])]
    print(f"\nWhole attacks, defaults, {fakes} fake users with 100 fillers: rev-adv {middle(times['rev-adv'])} s, rapu-r {middle(times['rapu-r'])} s, "
          f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f}, {max(ratios):.1f}), {rounds} paired round(s)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=["ml-100k", "ml-1m", "gowalla"])
    arguments = parser.parse_args()
    if arguments.worker:
        return worker(arguments.worker)
    OUT.mkdir(exist_ok=True)
    wanted = lambda name: arguments.only in (None, name)
    if wanted("ml-100k"):
        train = OUT / "rev-adv-ml-100k.train"
        if os.environ.get("SHILLPROOF_DATA"):
            movielens(train)
        else:
            synthetic(train, 943, 1682, 100_000)
        ours = compare("ml-100k", train, arguments, ["public", "lean"], arguments.rounds)
        reversed_optimisation(ours, min(3, arguments.rounds), arguments.threads)
    if wanted("ml-1m"):
        train = OUT / "rev-adv-ml-1m-800k.train"
        # Of the cells drawn, six in a hundred come twice.
        synthetic(train, 6040, 3706, 852_000)
        # A minute and 6 GB a round.
        compare("ml-1m-shape", train, arguments, ["public"], min(2, arguments.rounds))
    if wanted("gowalla"):
        train = OUT / "rev-adv-gowalla.train"
        synthetic(train, 13_149, 14_007, 222_500)
        # PyTorch would need some 25 GB.
        compare("gowalla-shape", train, arguments, [], min(2, arguments.rounds))


if __name__ == "__main__":
    main()
