#!/bin/sh
# Builds the corpus that configs/pretrain/real-*.yaml train on.
#   scripts/build_real_corpus.sh [SHARED] [OUT] [more options of `multiprot data build`]
# SHARED: folder of the real data (default $MULTIPROT_SHARED, then ../shared beside the project).
# OUT: folder to make (default runs/corpus/pretrain). Nothing is done if it is there already.
set -eu

project=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
shared=${1:-${MULTIPROT_SHARED:-$project/../shared}}
out=${2:-$project/runs/corpus/pretrain}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] && shift
source=$shared/data/pretrain

if [ -f "$out/manifest.json" ]; then
    echo "$out is there already; remove it to build anew" >&2
    exit 0
fi
multiprot=$project/.venv/bin/multiprot
[ -x "$multiprot" ] || multiprot=multiprot

exec "$multiprot" data build \
    --structures "$source/structures" \
    --sequences "$source/sequences.fasta.gz" \
    --annotations "$source/annotations.tsv.gz" \
    --ontology "$source/go.obo.gz" \
    --features "$source/features.tsv.gz" \
    --splits "$source/splits.tsv.gz" \
    --out "$out" \
    "$@"
