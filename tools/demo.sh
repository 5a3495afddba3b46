#!/bin/sh
# tools/demo.sh [DATA [OPTION…]]: set-up, build, train, score, and predict a picture the model has never seen, in minutes on a CPU.
#
# DATA is the Kaggle archive "Fashion Product Images (Small)" (.zip or folder), a folder with one folder per class, or IDX files. Without
# it: the archive that pcdata fetch left in the cache folder ($XDG_CACHE_HOME/pc), else Fashion-MNIST from Debian. Options go to pctrain.
# $PC_PRESET names another build, $PC_RUNS another folder of runs.
set -eu
cd "$(dirname "$0")/.."
data=${1:-}
[ $# -eq 0 ] || shift
preset=${PC_PRESET:-release}
runs=${PC_RUNS:-runs}
if [ -z "$data" ]; then
  downloaded=${XDG_CACHE_HOME:-$HOME/.cache}/pc/fashion-product-images-small.zip
  data=/usr/share/datasets/fashion-mnist
  [ ! -f "$downloaded" ] || data=$downloaded
fi
[ -e "$data" ] || [ "$data" = /usr/share/datasets/fashion-mnist ] || { echo "demo: $data: no such file or folder" >&2; exit 4; }
tools/build.sh "$preset" pctrain pcpredict

config=tools/configs/demo.ini
case $data in */fashion-mnist*) config=tools/configs/fashion-mnist.ini ;; esac
name=demo-$(basename "$data" .zip)
bin=build/$preset/bin
echo "demo: training on $data" >&2
$bin/pctrain "$config" --set data.root="$data" --set output.name="$name" --set output.runs="$runs" "$@"

picture=$(find "$runs/$name/held_back" -name '*.png' | sort | head -n 1)
echo
echo "A picture held back from training; its true labels are in its name:"
$bin/pcpredict --model "$runs/$name/model.safetensors" --top-k 3 "$picture"
