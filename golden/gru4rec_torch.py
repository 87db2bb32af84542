"""GRU4Rec in PyTorch: loss, gradient and steps of Adam on given histories, and the scores after a history.

Run:     python golden/gru4rec_torch.py        (writes golden/gru4rec_torch.json)
Checks:  crates/shillproof-victims/src/gru4rec/tests.rs: full histories of different lengths against all items, and histories side by side against each other's
         next items with the state carried over, for all three losses and both outputs.
Made by: Python 3.11, PyTorch 2.15.0 (CPU, float64), on generated numbers only.

The unit is torch.nn.GRU; every history is run by itself, without packing, and PyTorch differentiates.
"""

import json
import pathlib

import torch
from torch import nn

ITEMS, FACTORS, UNITS, RATE, STEPS = 13, 6, 10, 0.02, 3
HISTORIES = [[3, 1, 4, 12, 5, 9], [2, 6, 5], [8, 9, 7, 0], [10, 11, 2, 1, 7, 6], [4, 3]]


def rounded(x, digits=9):
    return [rounded(y, digits) for y in x] if isinstance(x, list) else float(f"{x:.{digits}g}")


class Model(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output
        self.items = nn.Embedding(ITEMS, FACTORS)
        self.gru = nn.GRU(FACTORS, UNITS, batch_first=True)
        self.head = nn.Linear(UNITS, FACTORS if output == "shared" else ITEMS)
        for p in self.parameters():
            p.data = torch.randn(*p.shape).mul(0.4).float().double()

    def blocks(self):
        g = self.gru
        return [self.items.weight, g.weight_ih_l0, g.weight_hh_l0, g.bias_ih_l0, g.bias_hh_l0, self.head.weight, self.head.bias]

    def scores(self, states):
        out = self.head(states)
        return out @ self.items.weight.T if self.output == "shared" else out

    def states(self, items, first=None):
        out, last = self.gru(self.items(torch.tensor([items])), first)
        return out[0], last


def row_loss(kind, scores, positive):
    own = scores[positive]
    if kind == "cross-entropy":
        return torch.logsumexp(scores, 0) - own
    if kind == "top1":
        squares = torch.sigmoid(scores**2)
        return (torch.sigmoid(scores - own) + squares).mean() - squares[positive] / len(scores)
    return -nn.functional.logsigmoid(own - scores).mean()


def full(model, kind, weights):
    losses = []
    for history, weight in zip(HISTORIES, weights):
        states, _ = model.states(history[:-1])
        losses += [weight * row_loss(kind, s, i) for s, i in zip(model.scores(states), history[1:])]
    return torch.stack(losses).mean()


def side_by_side(model, kind, weights, step, firsts):
    """Step `step` of all histories, each from its state so far, which is constant."""
    states, lasts = [], []
    for history, first in zip(HISTORIES, firsts):
        state, last = model.states(history[step : step + 1], first)
        states.append(state)
        lasts.append(last.detach())
    positives = [history[step + 1] for history in HISTORIES]
    scores = model.scores(torch.cat(states))[:, positives]
    losses = [weight * row_loss(kind, row, at) for at, (row, weight) in enumerate(zip(scores, weights))]
    return torch.stack(losses).mean(), lasts


def case(training, kind, output):
    model = Model(output)
    out = {"training": training, "loss": kind, "output": output, "start": [p.tolist() for p in model.blocks()]}
    weights = torch.rand(len(HISTORIES)).add(0.5).float().double()
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    # The shortest history has one step to make.
    steps = STEPS if training == "full-history" else 1
    firsts = [torch.rand(1, 1, UNITS).sub(0.5).float().double() for _ in HISTORIES]
    out |= {"weights": weights.tolist(), "steps": steps, "first": [f.flatten().tolist() for f in firsts]}
    for step in range(steps):
        if training == "full-history":
            loss = full(model, kind, weights)
        else:
            loss, lasts = side_by_side(model, kind, weights, step, firsts)
            out["last"] = [rounded(state.flatten().tolist()) for state in lasts]
        optimiser.zero_grad()
        loss.backward()
        if step == 0:
            out |= {"value": rounded(loss.item()), "gradient": [rounded(p.grad.tolist()) for p in model.blocks()]}
        optimiser.step()
    states, _ = model.states(HISTORIES[0])
    return out | {
        "after": [rounded(p.tolist()) for p in model.blocks()],
        "scores": rounded(model.scores(states[-1]).tolist()),
    }


def main():
    torch.set_num_threads(1)
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    cases = [
        case("full-history", "cross-entropy", "shared"),
        case("full-history", "cross-entropy", "separate"),
        case("full-history", "bpr", "separate"),
        case("session-parallel", "top1", "separate"),
        case("session-parallel", "bpr", "shared"),
        case("session-parallel", "cross-entropy", "separate"),
    ]
    golden = {"histories": HISTORIES, "learning_rate": RATE, "cases": cases}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
