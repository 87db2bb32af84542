"""SASRec in PyTorch: loss, gradient and steps of Adam on given histories, and the scores after a history.

Run:     python golden/sasrec_torch.py        (writes golden/sasrec_torch.json)
Checks:  crates/shillproof-victims/src/sasrec/tests.rs: histories of different lengths against all items, with one head, and with two in both forms.
Made by: Python 3.11, PyTorch 2.15.0 (CPU, float64), on generated numbers only.

Blocks are torch.nn.TransformerEncoderLayer, with norms first and relu, or with norms after sums and gelu; every history is run by itself, without padding, and PyTorch differentiates.
"""

import json
import pathlib

import torch
from torch import nn

ITEMS, FACTORS, INNER, PLACES, LAYERS, RATE, STEPS = 13, 6, 10, 7, 2, 0.02, 3
HISTORIES = [[3, 1, 4, 12, 5, 9], [2, 6, 5], [8, 9, 7, 0], [10, 11, 2, 1, 7, 6, 4, 8], [4, 3]]


def rounded(x, digits=9):
    return [rounded(y, digits) for y in x] if isinstance(x, list) else float(f"{x:.{digits}g}")


class Model(nn.Module):
    def __init__(self, heads, norm_first):
        super().__init__()
        self.items = nn.Embedding(ITEMS, FACTORS)
        self.places = nn.Embedding(PLACES, FACTORS)
        layer = lambda: nn.TransformerEncoderLayer(
            FACTORS, heads, INNER, 0.0, "relu" if norm_first else "gelu", batch_first=True, norm_first=norm_first
        )
        self.blocks = nn.ModuleList(layer() for _ in range(LAYERS))
        self.norm_first, self.outside = norm_first, nn.LayerNorm(FACTORS)
        for p in self.parameters():
            p.data = torch.randn(*p.shape).mul(0.4).float().double()

    def parts(self):
        out = [self.items.weight, self.places.weight]
        for b in self.blocks:
            a = b.self_attn
            out += [b.norm1.weight, b.norm1.bias, a.in_proj_weight, a.in_proj_bias, a.out_proj.weight, a.out_proj.bias]
            out += [b.norm2.weight, b.norm2.bias, b.linear1.weight, b.linear1.bias, b.linear2.weight, b.linear2.bias]
        return out + [self.outside.weight, self.outside.bias]

    def scores(self, history):
        """After each item of a history."""
        n = len(history)
        x = (self.items(torch.tensor(history)) + self.places(torch.arange(n)))[None]
        x = x if self.norm_first else self.outside(x)
        later = torch.triu(torch.ones(n, n, dtype=torch.bool), diagonal=1)
        for block in self.blocks:
            x = block(x, src_mask=later)
        return (self.outside(x) if self.norm_first else x)[0] @ self.items.weight.T


def mean_loss(model, weights):
    losses = []
    for history, weight in zip(HISTORIES, weights):
        of = nn.functional.cross_entropy(model.scores(history[:-1]), torch.tensor(history[1:]), reduction="none")
        losses += list(weight * of)
    return torch.stack(losses).mean()


def case(heads, norm_first):
    model = Model(heads, norm_first)
    model.train()
    weights = torch.rand(len(HISTORIES)).add(0.5).float().double()
    out = {"heads": heads, "norm_first": norm_first, "start": [p.tolist() for p in model.parts()], "weights": weights.tolist()}
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    for step in range(STEPS):
        loss = mean_loss(model, weights)
        optimiser.zero_grad()
        loss.backward()
        if step == 0:
            out |= {"value": rounded(loss.item()), "gradient": [rounded(p.grad.tolist()) for p in model.parts()]}
        optimiser.step()
    after = [rounded(p.tolist()) for p in model.parts()]
    return out | {"after": after, "scores": rounded(model.scores(HISTORIES[0])[-1].tolist())}


def main():
    torch.set_num_threads(1)
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    cases = [case(1, True), case(2, True), case(2, False)]
    golden = {"histories": HISTORIES, "learning_rate": RATE, "steps": STEPS, "cases": cases}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
