"""LightGCN in PyTorch: propagated vectors, loss, gradient and steps of Adam on a given graph, start and batches.

Run:     python golden/lightgcn_torch.py        (writes golden/lightgcn_torch.json)
Checks:  crates/shillproof-victims/src/lightgcn/tests.rs: the ends, loss and gradient of the first batch, and the vectors after all steps, for both
         forms of the penalty.
Made by: Python 3.11, PyTorch 2.15.0 (CPU, float64), on generated numbers only.

Layers are stacked and averaged as the authors do, with the normalised adjacency as one dense matrix, and PyTorch differentiates: nothing here knows of
Horner's rule, of the symmetry of the adjacency, or of sparse slopes.
"""

import json
import pathlib

import torch
from torch import nn

USERS, ITEMS, STEPS, RATE = 11, 9, 6, 0.01


def adjacency(cells):
    a = torch.zeros(USERS + ITEMS, USERS + ITEMS)
    for u, i in cells:
        a[u, USERS + i] = a[USERS + i, u] = 1.0
    d = a.sum(1).clamp(min=1.0).pow(-0.5)
    return d[:, None] * a * d[None, :]


def ends(a, users, items, layers):
    stack = [torch.cat([users, items])]
    for _ in range(layers):
        stack.append(a @ stack[-1])
    return torch.stack(stack, dim=1).mean(dim=1).split([USERS, ITEMS])


def loss_of(a, users, items, layers, batch, form, strength):
    u, i, j = (torch.tensor(column) for column in zip(*batch))
    of_users, of_items = ends(a, users, items, layers)
    margin = (of_users[u] * of_items[i]).sum(1) - (of_users[u] * of_items[j]).sum(1)
    blocks = [users[u], items[i], items[j]]
    if form == "norm":
        penalty = sum(block.norm() for block in blocks)
    else:
        penalty = 0.5 * sum(block.norm().pow(2) for block in blocks)
    return nn.functional.softplus(-margin).mean() + strength * penalty / len(batch)


def rounded(x, digits=9):
    return [rounded(y, digits) for y in x] if isinstance(x, list) else float(f"{x:.{digits}g}")


def case(cells, layers, factors, form, strength):
    a = adjacency(cells)
    users, items = (nn.Parameter(torch.randn(n, factors).mul(0.5).float().double()) for n in (USERS, ITEMS))
    optimiser = torch.optim.Adam([users, items], lr=RATE)
    has = {(u, i) for u, i in cells}
    batches = []
    for _ in range(STEPS):
        chosen = [cells[k] for k in torch.randint(len(cells), (14,)).tolist()]
        free = [[j for j in range(ITEMS) if (u, j) not in has] for u, _ in chosen]
        batches.append([[u, i, f[torch.randint(len(f), (1,)).item()]] for (u, i), f in zip(chosen, free)])
    out = {"layers": layers, "penalty": form, "regularization": strength, "users": users.tolist(), "items": items.tolist(), "batches": batches}
    out["ends"] = [rounded(x.tolist()) for x in ends(a, users, items, layers)]
    for at, batch in enumerate(batches):
        loss = loss_of(a, users, items, layers, batch, form, strength)
        optimiser.zero_grad()
        loss.backward()
        if at == 0:
            out |= {"loss": rounded(loss.item()), "gradient": [rounded(p.grad.tolist()) for p in (users, items)]}
        optimiser.step()
    return out | {"after": [rounded(p.tolist()) for p in (users, items)]}


def main():
    torch.set_num_threads(1)
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    # User 10 and item 8 have no edge.
    cells = [[u, i] for u in range(USERS - 1) for i in range(ITEMS - 1) if (u * 5 + i * i) % 3 == 0 or i == u % 4]
    cases = [case(cells, *rest) for rest in [(3, 6, "norm", 0.3), (3, 6, "squared", 0.2), (1, 19, "norm", 0.05)]]
    text = json.dumps({"n_users": USERS, "n_items": ITEMS, "cells": cells, "learning_rate": RATE, "cases": cases}, separators=(",", ":"))
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(text + "\n")
    print(len(text), "bytes")


if __name__ == "__main__":
    main()
