#!/bin/sh
# tools/study.sh story|ablation|heldout ARCHIVE PHOTOS: how far models trained on icons and on catalogue pictures fail on phone photos, and what helps.
#
# story: trains fashion-mnist.ini, fashion.ini, harden.ini and robust.ini into $PC_RUNS (default runs) where they are not finished yet,
# averages the weights of fashion and robust (merged), and scores them on the catalogue's test pictures, corruptions of them, and the photos.
# ablation: from the model of fashion.ini, two epochs on 8,000 pictures with one ingredient at a time, for each seed of $PC_SEEDS (default
# "1 2 3"); prints a line per ingredient and seed, accuracies in %.
# heldout: the same short training three times, tested on pictures of any kind, of the newest years, and of brands that it never saw.
# ARCHIVE is the Kaggle set, PHOTOS the home photos in ten classes (one folder each). Hours on two cores; finished runs are not repeated.
set -eu
cd "$(dirname "$0")/.."
[ $# -eq 3 ] || { sed -n '2,10s/^# //p' "$0" >&2; exit 2; }
study=$1 archive=$2 photos=$3
runs=${PC_RUNS:-runs}
bin=build/${PC_PRESET:-release}/bin
maps="--map tools/configs/maps/home-photos-to-articleType.csv --map tools/configs/maps/home-photos-to-fashion-mnist.csv"

train() {
  config=$1
  shift
  $bin/pctrain "tools/configs/$config.ini" --set output.runs="$runs" "$@" >&2
}

story() {
  train fashion-mnist
  train fashion --set data.root="$archive"
  train harden --set data.root="$archive" --set model.weights="$runs/fashion/model.safetensors"
  train robust --set data.root="$archive" --set model.weights="$runs/harden/model.safetensors"
  mkdir -p "$runs/merged"
  $bin/pcmerge --force "$runs/merged/model.safetensors" "$runs/fashion/model.safetensors" "$runs/robust/model.safetensors"
  $bin/pceval --shift --limit 1000 $maps --head articleType --photos "$photos" "$runs/fashion-mnist/model.safetensors" \
    "$runs/fashion/model.safetensors" "$runs/robust/model.safetensors" "$runs/merged/model.safetensors" "$archive"
}

# ingredient NAME SETTING…
ingredient() {
  name=$1
  shift
  settings=
  for setting in "$@"; do settings="$settings --set $setting"; done
  for seed in ${PC_SEEDS:-1 2 3}; do
    run=ablation-$name-$seed
    train fashion --set data.root="$archive" --set model.weights="$runs/fashion/model.safetensors" --set output.name="$run" \
      --set data.limit=8000 --set train.epochs=2 --set train.lr=0.02 --set train.seed="$seed" $settings
    for adapt in "" --bn-adapt; do
      $bin/pceval --shift --limit 0 $adapt $maps --head articleType --photos "$photos" --json "$runs/$run/model.safetensors" "$archive" |
        jq -r '[.rows[0,1].cells[0] | 100 * .accuracy, 100 * .mean_recall] | map(. * 10 | round / 10) | @tsv'
    done | tr '\n' '\t' | sed "s/^/$name\t$seed\t/; s/\t$/\n/"
  done
}

ablation() {
  printf 'ingredient\tseed\ttest\trecall\tphotos\trecall\ttest, BN\trecall\tphotos, BN\trecall\n'
  background="augment.background=0.7"
  light="augment.brightness=0.3 augment.contrast=0.3 augment.saturation=0.3 augment.temperature=0.15"
  frame="augment.rotate=15 augment.min_area=0.4 augment.max_area=1.6"
  ingredient none
  ingredient background $background
  ingredient light $light
  ingredient frame $frame
  ingredient sampling data.sampling=sqrt data.sampling_head=articleType
  ingredient erase augment.erase=0.5
  ingredient cutmix augment.cutmix=1
  ingredient trivial augment.trivial=1
  ingredient all $background $light $frame data.sampling=sqrt data.sampling_head=articleType
}

heldout() {
  for split in safe year brand; do
    train fashion --set data.root="$archive" --set output.name="heldout-$split" --set data.split="$split" --set data.limit=8000 \
      --set train.epochs=6
  done
  $bin/pceval --shift --limit 0 --head articleType --held-out year="$runs/heldout-year/model.safetensors" \
    --held-out brand="$runs/heldout-brand/model.safetensors" "$runs/heldout-safe/model.safetensors" "$archive"
}

case $study in
  story | ablation | heldout) ;;
  *) echo "study: $study: wants story, ablation or heldout" >&2 && exit 2 ;;
esac
command -v jq > /dev/null || { echo "study: jq is not installed; run tools/setup.sh" >&2; exit 2; }
tools/build.sh "${PC_PRESET:-release}" pctrain pceval pcmerge
$study
