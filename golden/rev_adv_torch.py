"""Hypergradients by PyTorch's autograd through an unrolled training: what the bilevel engine must reproduce.

Run:     python golden/rev_adv_torch.py                  (writes golden/rev_adv_torch.json)
Checks:  crates/shillproof-attacks/src/bilevel/tests.rs, relative error of the whole gradient below 1e-4 in f32.
Made by: Python 3.11, PyTorch 2.15.0, NumPy 2.4.6, in f64. All data are generated.

100 genuine users x 80 items, 4 fake users, 8 factors; 15 epochs of full-batch training, the last 5 unrolled. The weight of a
cell is a constant to the derivative. Cross-entropy is the mean over targets of -ln softmax, summed over users; WMW
(Wilcoxon-Mann-Whitney) sums sigmoid((list item - target) / width) over the 10 best items of all, the target itself left out.
"""

import json
import pathlib

import numpy as np
import torch

USERS, ITEMS, FAKES, FACTORS = 100, 80, 4, 8
EPOCHS, UNROLL, WEIGHT, DECAY = 15, 5, 20.0, 1e-3
TARGETS, WIDTH, LENGTH = [3, 41, 77], 0.1, 10
RATES = {"adam": 0.02, "sgd": 5e-4}


def step(optimizer, rate, count, theta, moments, gradients):
    """One step as torch.optim.Adam or SGD takes it, kept in the graph."""
    out, kept = [], []
    for x, (m, v), g in zip(theta, moments, gradients):
        g = g + DECAY * x
        if optimizer == "sgd":
            out.append(x - rate * g)
            kept.append((m, v))
            continue
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        out.append(x - rate * (m / (1 - 0.9**count)) / ((v / (1 - 0.999**count)).sqrt() + 1e-8))
        kept.append((m, v))
    return out, kept


def train(optimizer, start, cells):
    weights = torch.where(cells > 0, WEIGHT, 1.0).detach()
    theta = [x.clone().requires_grad_() for x in start]
    moments = [(torch.zeros_like(x), torch.zeros_like(x)) for x in start]
    for epoch in range(1, EPOCHS + 1):
        unrolled = epoch > EPOCHS - UNROLL
        data = cells if unrolled else cells.detach()
        loss = (weights * (data - theta[0] @ theta[1].T) ** 2).sum()
        gradients = torch.autograd.grad(loss, theta, create_graph=unrolled)
        theta, moments = step(optimizer, RATES[optimizer], epoch, theta, moments, gradients)
        if not unrolled:
            theta = [x.detach().requires_grad_() for x in theta]
            moments = [tuple(x.detach() for x in pair) for pair in moments]
    return theta


def outer(name, users, items):
    scores = users[:USERS] @ items.T
    if name == "cross-entropy":
        return -torch.log_softmax(scores, 1)[:, TARGETS].mean(1).sum()
    values, lists = torch.topk(scores, LENGTH)
    total = 0.0
    for target in TARGETS:
        g = torch.sigmoid((values - scores[:, [target]]) / WIDTH)
        total = total + (g * (lists != target)).sum()
    return total


def main():
    rng = np.random.default_rng(7)
    taste = rng.normal(size=(USERS, 3)) @ rng.normal(size=(3, ITEMS)) + 0.7 * rng.normal(size=(USERS, ITEMS))
    genuine = [sorted(np.argsort(-row)[: rng.integers(5, 16)].tolist()) for row in taste]
    fakes = [sorted(rng.choice(ITEMS, 8, replace=False).tolist()) for _ in range(FAKES)]
    # f32 numbers, so that both sides start from the same ones.
    start = [torch.tensor(rng.normal(0, 0.1, (n, FACTORS)).astype(np.float32).astype(np.float64)) for n in (USERS + FAKES, ITEMS)]
    matrix = np.zeros((USERS + FAKES, ITEMS))
    for row, items in enumerate(genuine + fakes):
        matrix[row, items] = 1
    cases = []
    for optimizer in RATES:
        for loss in ("cross-entropy", "wmw"):
            cells = torch.tensor(matrix, requires_grad=True)
            value = outer(loss, *train(optimizer, start, cells))
            (gradient,) = torch.autograd.grad(value, cells)
            cases.append(
                {
                    "optimizer": optimizer,
                    "learning_rate": RATES[optimizer],
                    "loss": loss,
                    "value": value.item(),
                    "gradient": [float(f"{x:.8g}") for x in gradient[USERS:].flatten().tolist()],
                }
            )
    golden = {
        "items": ITEMS, "factors": FACTORS, "weight": WEIGHT, "weight_decay": DECAY, "epochs": EPOCHS, "unroll": UNROLL,
        "targets": TARGETS, "width": WIDTH, "list_length": LENGTH, "genuine": genuine, "fakes": fakes,
        "start_users": [float(f"{x:.9g}") for x in start[0].flatten().tolist()],
        "start_items": [float(f"{x:.9g}") for x in start[1].flatten().tolist()],
        "cases": cases,
    }
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
