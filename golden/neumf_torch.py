"""NeuMF, GMF and MLP in PyTorch: forward, loss, gradients and steps of Adam on given weights and batches.

Run:     python golden/neumf_torch.py        (writes golden/neumf_torch.json)
Checks:  crates/shillproof-victims/src/neumf/tests.rs: logits, loss and gradients of the first batch, the parameters after three
         steps, and after 700 steps of which most ids take part in few, so that rows coast over long gaps.
Made by: Python 3.11, PyTorch 2.15.0 (CPU, float64), on generated numbers only.
"""

import json
import pathlib

import torch
from torch import nn

USERS, ITEMS, LONG = 7, 9, 700


class NeuMF(nn.Module):
    def __init__(self, factors, layers):
        super().__init__()
        half = layers[0] // 2 if layers else 0
        self.gmf = nn.ModuleList([nn.Embedding(n, factors) for n in (USERS, ITEMS)]) if factors else None
        self.mlp = nn.ModuleList([nn.Embedding(n, half) for n in (USERS, ITEMS)]) if layers else None
        self.dense = nn.ModuleList([nn.Linear(a, b) for a, b in zip(layers, layers[1:])])
        self.out = nn.Linear(factors + (layers[-1] if layers else 0), 1)
        for table in [*(self.gmf or []), *(self.mlp or [])]:
            nn.init.normal_(table.weight, 0.0, 0.3)

    def forward(self, users, items):
        parts = []
        if self.gmf:
            parts.append(self.gmf[0](users) * self.gmf[1](items))
        if self.mlp:
            z = torch.cat([self.mlp[0](users), self.mlp[1](items)], dim=1)
            for layer in self.dense:
                z = torch.relu(layer(z))
            parts.append(z)
        return self.out(torch.cat(parts, dim=1)).squeeze(1)


def numbers(model, what):
    """Parameters, or their gradients, in the form of our `Parameters`."""
    own = lambda p: what(p).detach().tolist()
    pair = lambda tables: {"users": own(tables[0].weight), "items": own(tables[1].weight)} if tables else None
    return {
        "gmf": pair(model.gmf),
        "mlp": pair(model.mlp),
        "layers": [{"weights": own(l.weight), "bias": own(l.bias)} for l in model.dense],
        "output": own(model.out.weight)[0],
        "bias": own(model.out.bias)[0],
    }


def batches():
    """The first three are large; later ones are small and mostly among few ids, all ids coming back at the end."""
    out = []
    for step in range(LONG):
        n = 24 if step < 3 else 3
        reach = (USERS, ITEMS) if step < 20 or step % 97 == 0 or step >= LONG - 3 else (2, 3)
        ids = [torch.randint(r, (n,)).tolist() for r in reach]
        out.append([*ids, torch.randint(2, (n,)).tolist()])
    return out


def rounded(x, digits):
    if isinstance(x, float):
        return float(f"{x:.{digits}g}")
    if isinstance(x, list):
        return [rounded(y, digits) for y in x]
    return {k: rounded(v, digits) for k, v in x.items()} if isinstance(x, dict) else x


def case(name, factors, layers, weight_decay):
    model = NeuMF(factors, layers)
    for p in model.parameters():  # start from numbers that float32 holds
        p.data = p.data.float().double()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=weight_decay)
    steps = batches()
    out = {"name": name, "factors": factors, "layers": layers, "weight_decay": weight_decay, "start": numbers(model, lambda p: p)}
    for at, (users, items, labels) in enumerate(steps):
        logits = model(torch.tensor(users), torch.tensor(items))
        loss = nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(labels).double())
        optimiser.zero_grad()
        loss.backward()
        if at == 0:
            gradient = numbers(model, lambda p: p.grad)
            out |= rounded({"logits": logits.tolist(), "loss": loss.item(), "gradient": gradient}, 9)
        optimiser.step()
        if at == 2:
            out["after_3"] = rounded(numbers(model, lambda p: p), 9)
    out |= {"after_all": rounded(numbers(model, lambda p: p), 9), "last_loss": loss.item(), "batches": steps}
    return out


def main():
    torch.set_num_threads(1)
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    cases = [
        case("neumf", 3, [10, 6, 3], 0.0),
        case("neumf with weight decay", 3, [10, 6, 3], 0.01),
        case("gmf", 18, [], 0.0),
        case("mlp", 0, [6, 20, 5], 0.0),
    ]
    text = json.dumps({"learning_rate": 0.01, "cases": cases}, separators=(",", ":"))
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(text + "\n")
    print(len(text), "bytes")


if __name__ == "__main__":
    main()
