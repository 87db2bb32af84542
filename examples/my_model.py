#!/usr/bin/env python3
"""A recommender of your own, for Shillproof to attack. Python standard library only.

    shillproof audit demo --effort quick \
        --victim 'command:python3 examples/my_model.py --train {train} --recommend {out} --k {k} --seed {seed}'

It reads a CSV file `user,item,rating,timestamp` and writes `user,item,score`: for each user the k
best items that the user has not had, best first. The model is item-to-item: two items are similar
if many of the same people took both (cosine), and an item's score for a user is the sum of its
similarities to what the user took. Replace `scores` by your own model and keep the rest.
"""

import argparse
import collections
import csv
import heapq
import math
import random


def read(path):
    """Items of each user, in the order of the file."""
    history = collections.defaultdict(list)
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            history[row["user"]].append(row["item"])
    return history


def similar_items(history, neighbors, longest):
    """For each item its nearest items with their cosine similarity.

    Only the last `longest` items of a user count as taken together: it bounds the work that one very
    active user causes.
    """
    count = collections.Counter()
    together = collections.defaultdict(collections.Counter)
    for items in history.values():
        recent = items[-longest:]
        count.update(recent)
        for item in recent:
            together[item].update(recent)
    near = {}
    for item, row in together.items():
        cosine = {o: n / math.sqrt(count[item] * count[o]) for o, n in row.items() if o != item}
        near[item] = heapq.nlargest(neighbors, cosine.items(), key=lambda pair: pair[1])
    return near


def scores(items, near):
    """One user's score of every item that is similar to something the user took."""
    score = collections.defaultdict(float)
    for item in items:
        for other, similarity in near.get(item, ()):
            score[other] += similarity
    return score


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", required=True, help="CSV to learn from")
    parser.add_argument("--recommend", required=True, help="CSV to write")
    parser.add_argument("--k", type=int, required=True, help="items a user")
    parser.add_argument("--seed", type=int, default=0, help="orders items of equal score")
    parser.add_argument("--neighbors", type=int, default=20)
    parser.add_argument("--longest", type=int, default=50)
    args = parser.parse_args()

    history = read(args.train)
    near = similar_items(history, args.neighbors, args.longest)

    # Items that nobody is near to are recommended last, in a random order that the seed fixes.
    catalogue = sorted({item for items in history.values() for item in items})
    random.Random(args.seed).shuffle(catalogue)
    place = {item: at for at, item in enumerate(catalogue)}

    with open(args.recommend, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["user", "item", "score"])
        for user, items in history.items():
            seen = set(items)
            score = {item: s for item, s in scores(items, near).items() if item not in seen}
            best = sorted(score, key=lambda item: (-score[item], place[item]))[: args.k]
            if len(best) < args.k:
                chosen = seen.union(best)
                best += [item for item in catalogue if item not in chosen][: args.k - len(best)]
            out.writerows([user, item, score.get(item, 0.0)] for item in best)


if __name__ == "__main__":
    main()
