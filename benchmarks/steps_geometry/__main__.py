r"""How well a bundle guesses distances and dihedrals of test structures, beside frequencies.

    python -m benchmarks.steps_geometry --bundle runs/steps/alternating/bundle --out FILE \
        [--corpus runs/corpus/massa] [--split test] [--longest 256] \
        [--picture FILE.png --protein ID]

Distances: all pairs of residues that the graph's edges do not give away; means over proteins of
means over pairs. The baselines are the most frequent bin of drawn pairs of train structures, and
the most frequent one at each separation along the chain. Dihedrals: 15 % of each protein's residues
are hidden, as in training; the baselines are the best constants of the train structures, for all
residues and for each amino acid: the middle of the fullest 60° where shares within 30° are
compared, the angle of the least mean error where errors are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import save_results
from benchmarks.steps_geometry.frequencies import AngleFrequencies, DistanceFrequencies
from benchmarks.steps_geometry.guesses import Guesser
from benchmarks.steps_geometry.pictures import draw
from benchmarks.steps_geometry.scores import AngleScores, DistanceScores
from multiprot.data import Corpus


def scored(given: argparse.Namespace) -> dict[str, Any]:
    """Figures of the bundle and of the baselines; draws the picture that is asked for."""
    corpus = Corpus.open(given.corpus)
    guesser = Guesser(given.bundle)
    config = guesser.distances.config
    train = [row for row in corpus.rows("train") if corpus.has_structure[row]]
    chosen = np.random.default_rng(0).permutation(train)[: given.train_proteins]
    records = corpus.read(np.sort(chosen))
    width, nearest = config.bin_width, config.given_away or 0.0
    distances = DistanceScores(
        DistanceFrequencies.of(records, config.bins, width, nearest), width, nearest
    )
    angles = AngleScores(AngleFrequencies.of(records))
    rows = [row for row in corpus.rows(given.split) if corpus.has_structure[row]]
    rows = [row for row in rows if given.longest is None or corpus.lengths[row] <= given.longest]
    for guesses in guesser.all(corpus, np.array(rows)):
        distances.add(guesses)
        angles.add(guesses)
        if given.picture and guesses.id == given.protein:
            draw(guesses, width, nearest, given.picture)
    return {
        "corpus": corpus.content_hash,
        "split": given.split,
        "proteins": len(rows),
        "distances": distances.table(),
        "angles": angles.table(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus/massa"))
    parser.add_argument("--split", default="test")
    parser.add_argument("--longest", type=int, help="residues of a protein that counts, at most")
    parser.add_argument("--train-proteins", type=int, default=1000, help="for the baselines")
    parser.add_argument("--picture", type=Path, help="SVG or PNG file to write")
    parser.add_argument("--protein", help="id of the protein in the picture")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    given = parser.parse_args()
    figures = scored(given)
    save_results(given.out, "benchmarks.steps_geometry", figures)
    print("| distances | accuracy | bins off | nats |\n|---|---:|---:|---:|")
    for name, each in figures["distances"].items():
        print(f"| {name} | {each['accuracy']:.3f} | {each['bins_off']:.2f} | {each['nats']:.2f} |")
    print("\n| dihedrals | angle | within 30° | degrees off | nats |\n|---|---|---:|---:|---:|")
    for name, by_angle in figures["angles"].items():
        for angle, each in by_angle.items():
            told = f"{each['within_30']:.3f} | {each['degrees_off']:.1f} | {each['nats']:.2f}"
            print(f"| {name} | {angle} | {told} |")


if __name__ == "__main__":
    main()
