#!/bin/sh
# Trains a base sequence model, in pieces: call it again, and it goes on where it stopped.
#   scripts/train_base.sh [--device cpu|cuda] [--minutes N] [--size nano|mini|35m] [KEY=VALUE ...]
# --minutes: end this piece after so long, with a checkpoint (default: train to the end).
# The sequences are built into runs/sequences first, from MULTIPROT_SHARED (default ../shared).
# Exit code 0: the model is finished, in runs/base-SIZE/model; 75: there is more to do.
set -eu

project=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
cd "$project"
device=cpu minutes= size=nano
while [ $# -gt 0 ]; do
    case $1 in
        --device) device=$2; shift 2 ;;
        --minutes) minutes=$2; shift 2 ;;
        --size) size=$2; shift 2 ;;
        --*) echo "$0: no option $1" >&2; exit 2 ;;
        *) break ;;
    esac
done
case $device in
    cpu) accelerator=cpu ;;
    cuda) accelerator=gpu ;;
    *) echo "$0: --device $device: give cpu or cuda" >&2; exit 2 ;;
esac
case $size in
    nano) recipe=configs/pretrain/base-sequence.yaml ;;
    mini | 35m) recipe=configs/pretrain/base-sequence-$size.yaml ;;
    *) echo "$0: --size $size: give nano, mini or 35m" >&2; exit 2 ;;
esac

multiprot=$project/.venv/bin/multiprot
[ -x "$multiprot" ] || multiprot=multiprot
if [ ! -f runs/sequences/manifest.json ]; then
    shared=${MULTIPROT_SHARED:-$project/../shared}/data
    "$multiprot" data sequences "$shared/sequences/sequences.fasta.xz" \
        "$shared/pretrain/sequences.fasta.gz" \
        --splits "$shared/pretrain/splits.tsv.gz" \
        --exclude "$shared/pretrain/downstream_screen.tsv.gz" \
        --out runs/sequences
fi

run=runs/base-$size
if ls "$run"/checkpoints/*.ckpt >/dev/null 2>&1; then go_on=--resume; else go_on=--overwrite; fi
limit=
# The first signal asks for a checkpoint; a process that does not answer is killed.
[ -n "$minutes" ] && limit="timeout --signal=TERM --kill-after=120 ${minutes}m"
status=0
# shellcheck disable=SC2086 # empty ones are no arguments
$limit "$multiprot" pretrain "$recipe" trainer.accelerator=$accelerator "$@" \
    --out "$run" "$go_on" || status=$?
if [ "$status" -eq 124 ] || [ "$status" -eq 143 ]; then
    echo "this piece is over; the same command goes on" >&2
    exit 75
fi
exit "$status"
