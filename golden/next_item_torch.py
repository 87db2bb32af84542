"""FPMC and TransRec in PyTorch: scores, loss, gradient and steps of Adam on given starts and batches.

Run:     python golden/next_item_torch.py        (writes golden/next_item_torch.json)
Checks:  crates/shillproof-victims/src/fpmc/tests.rs and transrec/tests.rs: loss and gradient of the first batch, all parameters after all steps, and the
         scores of a user with a history, for all distances, with and without projection.
Made by: Python 3.11, PyTorch 2.15.0 (CPU, float64), on generated numbers only.

Scores are written as the papers print them, and PyTorch differentiates: nothing here knows of rows that are caught up later, or of queries and inner products.
"""

import json
import pathlib

import torch
from torch import nn

USERS, ITEMS, STEPS, RATE, BATCH = 7, 9, 5, 0.05, 12


def draw(*shape, scale=0.5):
    return nn.Parameter(torch.randn(*shape).mul(scale).float().double())


def batches():
    out = []
    for _ in range(STEPS):
        batch = []
        for _ in range(BATCH):
            # User 6 and item 8 never occur.
            last, following, negative = torch.randperm(ITEMS - 1)[:3].tolist()
            batch.append([torch.randint(USERS - 1, (1,)).item(), last, following, negative])
        out.append(batch)
    return out


class Fpmc:
    def __init__(self, factors):
        self.parameters = [draw(USERS, factors), draw(ITEMS, factors), draw(ITEMS, factors), draw(ITEMS, factors)]

    def score(self, u, last, i):
        ui, iu, il, li = self.parameters
        return (ui[u] * iu[i]).sum(-1) + (il[i] * li[last]).sum(-1)

    def used(self, u, last, i, j):
        ui, iu, il, li = self.parameters
        return [ui[u], li[last], iu[i], il[i], iu[j], il[j]]

    def after_step(self, batch):
        pass


class TransRec:
    def __init__(self, factors, distance, project):
        self.distance, self.project = distance, project
        self.parameters = [draw(USERS, factors), draw(factors), draw(ITEMS, factors), draw(ITEMS)]

    def score(self, u, last, i):
        own, everybody, gamma, beta = self.parameters
        gap = gamma[last] + everybody + own[u] - gamma[i]
        if self.distance == "l1":
            return beta[i] - gap.abs().sum(-1)
        squared = gap.pow(2).sum(-1)
        return beta[i] - (squared if self.distance == "l2-squared" else squared.sqrt())

    def used(self, u, last, i, j):
        own, everybody, gamma, beta = self.parameters
        every = everybody.expand(len(u), -1)
        return [own[u], every, gamma[last], gamma[i], gamma[j], beta[i, None], beta[j, None]]

    def after_step(self, batch):
        if not self.project:
            return
        with torch.no_grad():
            for row in {row for step in batch for row in step[1:]}:
                gamma = self.parameters[2][row]
                gamma /= gamma.norm().clamp(min=1.0)


def rounded(x, digits=9):
    return [rounded(y, digits) for y in x] if isinstance(x, list) else float(f"{x:.{digits}g}")


def case(model, strength, name):
    start = [p.tolist() for p in model.parameters]
    optimiser = torch.optim.Adam(model.parameters, lr=RATE)
    weights = torch.rand(USERS).add(0.5).float().double()
    out = name | {"regularization": strength, "start": start, "weights": weights.tolist(), "batches": batches()}
    for at, batch in enumerate(out["batches"]):
        u, last, i, j = (torch.tensor(column) for column in zip(*batch))
        w = weights[u]
        loss = (w * nn.functional.softplus(model.score(u, last, j) - model.score(u, last, i))).mean()
        penalty = sum((w * block.pow(2).sum(-1)).mean() for block in model.used(u, last, i, j))
        optimiser.zero_grad()
        (loss + strength / 2 * penalty).backward()
        if at == 0:
            out |= {"loss": rounded(loss.item()), "gradient": [rounded(p.grad.tolist()) for p in model.parameters]}
        optimiser.step()
        model.after_step(batch)
    every = torch.arange(ITEMS)
    scores = model.score(torch.full_like(every, 3), torch.full_like(every, 2), every)
    return out | {"after": [rounded(p.tolist()) for p in model.parameters], "scores": rounded(scores.tolist())}


def main():
    torch.set_num_threads(1)
    torch.manual_seed(4)
    torch.set_default_dtype(torch.float64)
    fpmc = [case(Fpmc(factors), strength, {}) for factors, strength in ((5, 0.0), (16, 0.3))]
    transrec = [
        case(TransRec(factors, distance, project), strength, {"distance": distance, "project": project})
        for factors, distance, project, strength in ((5, "l2-squared", False, 0.0), (9, "l2-squared", True, 0.2), (6, "l2", False, 0.1), (8, "l1", True, 0.1))
    ]
    golden = {"n_users": USERS, "n_items": ITEMS, "learning_rate": RATE, "fpmc": fpmc, "transrec": transrec}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
