#!/bin/sh
# tools/demo.sh [DATA]: set-up, build, train, score, and predict pictures the model has never seen, in minutes on a CPU.
#
# DATA is the Kaggle archive "Fashion Product Images (Small)" (.zip or folder), a folder with one folder per class, or IDX files. Without
# it: a data set already downloaded (data/fashion-product-images-small.zip here or in the cache), else Fashion-MNIST from Debian.
set -eu
cd "$(dirname "$0")/.."
data=${1:-}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pc
if [ -z "$data" ]; then
  for place in "$cache/fashion-product-images-small.zip" ../shared/datasets/fashion-product-images-small.zip; do
    [ -f "$place" ] && data=$place && break
  done
fi
[ -n "${PC_DEMO_DATA:-}" ] && data=$PC_DEMO_DATA
tools/build.sh release pctrain pcpredict pceval
bin=build/release/bin

if [ -z "$data" ] || [ "$data" = fashion-mnist ]; then
  config=tools/configs/fashion-mnist.ini
  data=/usr/share/datasets/fashion-mnist
  name=demo-fashion-mnist
  set --
else
  [ -e "$data" ] || { echo "demo: $data: no such file or folder" >&2; exit 4; }
  config=tools/configs/demo.ini
  name=demo
fi
echo "demo: training on $data" >&2
$bin/pctrain "$config" --set data.root="$data" --set output.name="$name"
