#!/bin/bash
# bench/gpu.sh [--check] [--install DIR] [--data DATA] [--out DIR] [--only PART,PART…] [--seconds N]
#
# Everything there is to learn from a GPU, in under eight minutes, as one report: DIR/report.md (default build/gpu).
# It runs an installed tree (default build/install), so the machine needs CUDA, cuDNN and Python with torch, nothing else:
#
#   tools/build.sh && cmake --install build/release --prefix build/install --strip      # where nvcc is
#   bench/gpu.sh --data fashion-product-images-small.zip                                # where the GPU is
#
# --check does the same without a GPU: it installs, proves that the tree needs nothing from outside and that every command
# names tests and benches that exist, then runs all parts, in small, on the CPU.
# Parts: machine tests peers steps rooms train sanitizer. Each has its seconds and all together have N (470); what is
# cut off or left out is named in the report.
set -u
cd "$(dirname "$0")/.." || exit 1
install=build/install out=build/gpu data='' only='' device=cuda seconds=470
while [ $# -gt 0 ]; do
  case $1 in
    --check) device=cpu; shift ;;
    --install) install=$2; shift 2 ;;
    --data) data=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --only) only=,$2,; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
python=python3
"$python" -c 'import torch' 2> /dev/null || python=/usr/bin/python3
rooms="add augment batch_norm cast conv2d cross_entropy global_avg_pool grad_scaler lerp linear max_pool mix norm_conv norm_mean norm_pool sgd adamw sum_squares running_metrics"
[ $device = cuda ] && sizes="224x224 96x96 80x60" batches="256 512" || sizes=80x60 batches=64
failed=0

fail() { echo "gpu.sh: $*" >&2; failed=1; }

# part NAME: whether it is wanted.
part() { [ -z "$only" ] || [[ $only == *,$1,* ]]; }

# run NAME SECONDS COMMAND…: its output goes to raw/NAME.out and .err, its exit code and time to raw/parts.tsv.
run() {
  local name=$1 limit=$2 begin code left=$((deadline - $(date +%s)))
  shift 2
  [ $device = cuda ] || limit=$((limit * 6))
  [ $left -ge "$limit" ] || limit=$left
  [ "$limit" -gt 2 ] || { printf '%s\tleft out\t0\t0\n' "$name" >> "$out/raw/parts.tsv"; return; }
  begin=$(date +%s%N)
  timeout --kill-after=5 "$limit" "$@" > "$out/raw/$name.out" 2> "$out/raw/$name.err"
  code=$?
  printf '%s\t%d\t%.1f\t%d\n' "$name" $code "$(awk "BEGIN {print ($(date +%s%N) - $begin) / 1e9}")" "$limit" >> "$out/raw/parts.tsv"
  echo "gpu.sh: $name: exit $code" >&2
  [ $device = cuda ] || [ $code = 0 ] || { fail "$name ended with $code"; tail -5 "$out/raw/$name.err" >&2; }
}

# The cases of a bench on this device; --check also sees to it that the GPU's are there.
bench() {
  local name=$1 limit=$2 seconds=$3 filter=$4
  shift 4
  [ $device = cuda ] || listed "$name" "${filter//DEVICE/cuda}" 1
  run "bench_$name" "$limit" "$install/bin/bench_$name" "--benchmark_filter=${filter//DEVICE/$device}" \
    "--benchmark_min_time=$seconds" --benchmark_format=json "$@"
}

# listed BENCH FILTER LEAST [FLAG]: the filter chooses so many of the GPU's cases.
listed() {
  local found
  found=$("$install/bin/bench_$1" ${4:-} --benchmark_list_tests "--benchmark_filter=$2" 2>&1 | grep -c /cuda/)
  [ "$found" -ge "$3" ] || fail "bench_$1 ${4:-} has $found cases like $2, expected $3"
}

# The tests look for their files where they were built.
link_built_tree() {
  local built
  read -r built < "$install/share/pc/built_at"
  [ -e "$built" ] && return
  mkdir -p "$(dirname "$built")" && ln -s "$PWD" "$built" || fail "cannot lay a link at $built, where the tests look for their files"
}

# Every program of the tree starts with the libraries of the tree, the C library's and CUDA's alone.
check_relocatable() {
  local moved program strangers
  cmake --install build/release --prefix "$install" --strip > "$out/raw/install.out" || { fail "cmake --install failed"; return; }
  moved=$(mktemp -d)
  cp -r "$install" "$moved/tree"
  for program in "$moved"/tree/bin/*; do
    strangers=$(ldd "$program" | awk '{print $3 == "" ? $1 : $3, $0}' |
      grep -vE "^($moved/|linux-vdso|/lib64/ld-linux)|/lib(c|m|dl|rt|pthread|resolv|gcc_s|stdc\+\+)\.so|/lib(cudart|cudnn)")
    [ -z "$strangers" ] || fail "$(basename "$program") leans on $strangers"
    case $program in
      */test_*) env -i "$program" --gtest_list_tests > /dev/null 2>&1 || fail "$(basename "$program") does not start" ;;
      */bench_ledger | */bench_ceilings | */pc*) env -i "$program" --help > /dev/null 2>&1 || fail "$(basename "$program") does not start" ;;
      */bench_*) env -i "$program" --benchmark_list_tests > /dev/null 2>&1 || fail "$(basename "$program") does not start" ;;
    esac
  done
  echo "gpu.sh: $(ls "$moved/tree/bin" | wc -l) programs and $(ls "$moved/tree/lib" | wc -l) libraries start elsewhere, $(du -sm "$moved/tree" | cut -f1) MB" >&2
  rm -rf "$moved"
}

machine() {
  run versions 20 bash -c "date -u; uname -sr; nvidia-smi; nvcc --version || /usr/local/cuda/bin/nvcc --version; $python -c \
    'import torch; print(\"torch\", torch.__version__, \"cuDNN\", torch.backends.cudnn.version())'; git log -1 --format='%H %s'; true"
  run ceilings 60 "$install/bin/bench_ceilings"
}

# The tests with cases for a GPU; the others run on any machine.
tests() {
  local name filter='*'
  [ $device = cuda ] || filter='Add.*:DeviceInfo.*:Tensor.*:ConvBn.*'
  for name in ops cuda engine models; do
    run "test_$name" 80 "$install/bin/test_$name" --gtest_brief=1 "--gtest_filter=$filter"
    [ $device = cuda ] || grep -q 'PASSED  \] [1-9]' "$out/raw/test_$name.out" || fail "test_$name ran nothing"
  done
}

sanitizer() {
  [ "$("$install/bin/test_ops" --gtest_list_tests '--gtest_filter=*Gpu*' | grep -c '^  ')" -gt 10 ] || fail "test_ops has no cases like *Gpu*"
  [ $device = cpu ] && return
  local tool sanitizer
  sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  for tool in memcheck racecheck; do
    run "$tool" 40 "$sanitizer" "--tool=$tool" --error-exitcode=9 "$install/bin/test_ops" --gtest_brief=1 '--gtest_filter=*Gpu*:-Conv2d.*'
  done
}

rooms() {
  local room map=224x224
  [ $device = cuda ] || { map=80x60; listed norm_conv '^(forward|backward)/cuda/f16/224x224' 8; }
  for room in $rooms; do
    case $room in
      sgd | adamw | sum_squares | lerp | mix | cross_entropy | grad_scaler | running_metrics) bench "$room" 10 0.02 "/DEVICE/" ;;
      norm_conv) bench "$room" 20 0.02 "/DEVICE/($([ $device = cuda ] && echo f16 || echo bf16))/$map" ;;
      *) bench "$room" 15 0.02 "/DEVICE/bf16/$map" ;;
    esac
  done
  bench infer 20 0.1 "infer/DEVICE/bf16"
}

steps() {
  local size batch cases= ablated='/cuda/bf16/(224x224/b256|96x96/b512)|(nothing|conv_sums|norm_conv)/cuda/f16/224x224/b256'
  for size in $sizes; do
    for batch in $batches; do cases+="|$size/b$batch"; done
  done
  if [ $device = cpu ]; then
    listed step '^step/cuda/(bf16|f16)/(224x224|96x96|80x60)/b(256|512)/' 12
    listed step "$ablated" 19 --ablate
    ablated='/cpu/bf16/80x60'
  fi
  bench step 90 0.5 "^step/DEVICE/(bf16|f16)/(${cases#|})/"
  run bench_ablate 80 "$install/bin/bench_step" --ablate "--benchmark_filter=$ablated" --benchmark_min_time=0.3 --benchmark_format=json
  run ledger 10 "$install/bin/bench_ledger"
}

peers() {
  if [ $device = cuda ]; then
    run peers 190 "$python" bench/peers/gpu_steps.py --bench "$install/bin/bench_step" --rounds 2 --seconds 1.5 --compile-limit 110 \
      bf16/224x224/b256 bf16/96x96/b512
  else
    listed step '^step/cuda/(bf16/224x224/b256|bf16/96x96/b512)/real_time$' 2
    run peers 200 "$python" bench/peers/gpu_steps.py --bench "$install/bin/bench_step" --device cpu --rounds 1 --seconds 0.5 \
      --compile-limit 0 bf16/80x60/b64
  fi
}

# The real archive where it is, else a made-up catalogue, which says nothing about accuracy. A second run records its step as a
# CUDA graph and must end with the same weights.
train() {
  local name
  local root=$data
  if [ -z "$root" ]; then
    root=$out/catalogue
    [ -e "$root" ] || run sample 60 "$install/bin/pcdata" sample "$([ $device = cuda ] && echo 4000 || echo 200)" "$root"
  fi
  rm -rf "$out/runs"
  for name in fashion recorded; do
    run "train_$name" 100 "$install/bin/pctrain" tools/configs/fashion.ini --set "data.root=$root" --set "output.runs=$out/runs" \
      --set "output.name=$name" --set "train.cuda_graph=$([ $name = recorded ] && echo yes || echo no)" --set "train.device=$device" \
      $([ $device = cuda ] && echo --set train.precision=bf16 --set train.batch=256 --set train.lr=0.2 ||
        echo --set train.epochs=1 --set model.architecture=smallcnn)
  done
  run same_weights 10 "$install/bin/pcconvert" --verify "$out/runs/fashion/model.safetensors" "$out/runs/recorded/model.safetensors"
  cp "$out/runs/fashion/metrics.jsonl" "$out/raw/metrics.jsonl" 2> /dev/null
}

mkdir -p "$out/raw"
rm -f "$out"/raw/*
out=$(cd "$out" && pwd)
[ $device = cuda ] || check_relocatable
[ -x "$install/bin/pctrain" ] || { echo "gpu.sh: $install holds no installed tree; run cmake --install build/release --prefix $install --strip" >&2; exit 2; }
install=$(cd "$install" && pwd)
link_built_tree
begin=$(date +%s)
[ $device = cuda ] || seconds=3000
deadline=$((begin + seconds))
for name in machine tests peers steps rooms train sanitizer; do
  part $name && $name
done
echo "$(($(date +%s) - begin))" > "$out/raw/seconds"
echo "$device" > "$out/raw/device"
"$python" bench/gpu_report.py "$out/raw" > "$out/report.md" || fail "no report"
[ $device = cuda ] || "$python" -m compileall -q bench || fail "a script of bench/ does not parse"
echo "gpu.sh: $out/report.md" >&2
exit $failed
