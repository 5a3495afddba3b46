#!/bin/sh
# tests/bits.sh [BIN]: prints hashes of everything that a refactoring must leave as it is, one line each, in about a minute.
#
# Run it with the programs before and after a change, on one machine, and compare: equal lines, equal bits. BIN is the directory of the
# programs (default: build/release/bin). The images are drawn by pcdata sample, so nothing but the programs is needed. The hashes of training
# and inference belong to one kind of CPU; lines that differ only in the number of threads must agree.
set -eu
bin=$(cd "${1:-build/release/bin}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/pc_bits_XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
export XDG_CACHE_HOME="$work/cache" NO_COLOR=1 TZ=UTC
unset PC_MODEL OMP_NUM_THREADS || true

# line TITLE: hashes its standard input, which must not be empty.
line() {
  cat >hashed
  [ -s hashed ] || { echo "bits: nothing to hash for: $1" >&2; exit 1; }
  printf '%-44s %s\n' "$1" "$(sha256sum <hashed | cut -c 1-32)"
}
run() { "$@" >log.txt 2>&1 || { echo "bits: failed: $*" >&2; cat log.txt >&2; exit 1; }; }

run "$bin/pcdata" sample 48 shop
find shop -exec touch -d @0 {} +                # a store's fingerprint covers the times of a folder's files
find shop -type f | LC_ALL=C sort | xargs sha256sum | line "sample: files"
run "$bin/pcdata" pack shop --cache packed --height 80 --width 60
find packed -type f | LC_ALL=C sort | xargs cat | line "packed store 80x60"

# train NAME ARCHITECTURE PRECISION THREADS [SECTION.KEY=VALUE…]: three steps of eight images, with every augmentation that draws.
: >empty.ini
train() {
  name=$1 architecture=$2 precision=$3 threads=$4
  shift 4
  settings="data.root=shop data.labels=masterCategory,articleType data.cache=cache data.val=0.2 data.test=0.2 model.height=80 model.width=60
   model.architecture=$architecture train.precision=$precision train.threads=$threads train.epochs=1 train.batch=8 train.lr=0.02
   augment.rotate=10 augment.brightness=0.2 augment.contrast=0.2 augment.saturation=0.2 augment.temperature=0.2 augment.erase=0.3
   augment.trivial=0.3 augment.background=0.3 augment.mixup=0.4 augment.cutmix=1 output.runs=runs output.name=$name $*"
  words=
  for setting in $settings; do words="$words --set $setting"; done
  # shellcheck disable=SC2086
  run "$bin/pctrain" empty.ini $words
  line "train $name: model file" <"runs/$name/model.safetensors"
  jq -c 'select(.event == "epoch" or .event == "test") | [.epoch, (.train // {} | map_values({loss, accuracy})), .val, .heads]' \
    "runs/$name/metrics.jsonl" | line "train $name: losses"
}
for threads in 1 2 7; do
  for precision in f32 bf16; do
    train "resnet18-$precision-$threads" resnet18 $precision $threads
    train "smallcnn-$precision-$threads" smallcnn $precision $threads train.optimizer=adamw train.lr=0.001 train.ema=0.9 train.accumulate=1
  done
done
train resnet50-f32-2 resnet50 f32 2 train.class_weights=sqrt data.sampling=sqrt train.clip=1

model=runs/resnet18-f32-2/model.safetensors
predict() { "$bin/pcpredict" --model "$model" "$@" shop/images; }
for precision in f32 bf16; do
  for threads in 1 2 7; do
    OMP_NUM_THREADS=$threads predict --json --logits --precision $precision 2>log.txt | line "logits $precision, $threads threads"
  done
done
"$bin/pcpredict" --model "$model" --json --logits "$(find shop/images -name '*.jpg' | LC_ALL=C sort | head -n 1)" 2>log.txt | line "logits f32, one image"
predict --json --logits --tta 2>log.txt | line "logits f32, four views"
predict --csv 2>log.txt | line "predictions.csv"
for out in model.onnx model.pth; do
  run "$bin/pcconvert" "$model" "$out"
  line "$out" <"$out"
done
run "$bin/pcconvert" --pixels "$model" pixels.onnx
line "pixels.onnx" <pixels.onnx
