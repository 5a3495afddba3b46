#!/bin/bash
# bench/gpu.sh [--pack | --check | --call 1 | --call 2] [--build DIR] [--engines DIR] [--data DATA] [--out DIR] [--only PART,PART…]
#
# What there is to learn from a GPU, in two calls on a machine that has CUDA, cuDNN and Python with torch, nothing else:
#
#   call 1, 200 s   does it live: libraries, limits, the GPU's tests, a tuned and recorded step, memcheck, racecheck
#   call 2, 450 s   what is it worth: the tests again, steps, ablations, PyTorch on the same work, kernels under ncu, a training run
#
#   tools/build.sh gpu && bench/gpu.sh --pack      where nvcc is: DIR/install.tar.xz (default build/gpu), below 60 MiB
#   bench/gpu.sh --call 1 --out OUT                where the GPU is, with that file in its place
#
# At its end, however it ends, OUT (default DIR/out) holds report.md, raw.tar.gz, conv-engines.txt and ceilings.json, and the end of the
# report, where the important tables are, goes to stdout. --engines DIR takes the conv-engines.txt of an earlier call.
#
# --check needs no GPU: it packs, proves that the tree needs nothing from outside and that every command names tests and benches that
# exist, then runs the parts of both calls, in small, on the CPU. Parts: machine tests step steps ablate peers kernels rooms train
# sanitizer. What is cut off or left out for want of time is named in the report.
set -u
cd "$(dirname "$0")/.." || exit 1
mode=call call=1 build=build/gpu out='' data='' only='' engines=''
while [ $# -gt 0 ]; do
  case $1 in
    --check | --pack) mode=${1#--}; shift ;;
    --call) call=$2; shift 2 ;;
    --build) build=$2; shift 2 ;;
    --engines) engines=$2; shift 2 ;;
    --data) data=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --only) only=,$2,; shift 2 ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
out=${out:-$build/out}
limit_mib=60  # of the packed tree: what a machine with a GPU takes
rooms="add augment batch_norm cast conv2d cross_entropy global_avg_pool grad_scaler lerp linear max_pool mix norm_conv norm_mean norm_pool sgd adamw sum_squares running_metrics"
[ $mode = check ] && device=cpu sizes=80x60 batches=64 || { device=cuda; sizes="224x224 96x96 80x60"; batches="256 512"; }
failed=0

fail() { echo "gpu.sh: $*" >&2; failed=1; }
stop() { echo "gpu.sh: $*" >&2; exit 4; }

# The part is wanted.
part() { [ -z "$only" ] || [[ $only == *,$1,* ]]; }

# run NAME SECONDS COMMAND…: its output goes to raw/NAME.out and .err, its exit code and time to raw/parts.tsv.
run() {
  local name=$1 limit=$2 begin code left=$((deadline - $(date +%s)))
  shift 2
  [ $device = cuda ] || limit=$((limit * 6))
  [ $left -ge "$limit" ] || limit=$left
  [ "$limit" -gt 2 ] || { printf '%s\tleft out\t0\t0\n' "$name" >> "$raw/parts.tsv"; return; }
  begin=$(date +%s%N)
  timeout --kill-after=5 "$limit" "$@" > "$raw/$name.out" 2> "$raw/$name.err"
  code=$?
  printf '%s\t%d\t%.1f\t%d\n' "$name" $code "$(awk "BEGIN {print ($(date +%s%N) - $begin) / 1e9}")" "$limit" >> "$raw/parts.tsv"
  echo "gpu.sh: $name: exit $code" >&2
  [ $device = cuda ] || [ $code = 0 ] || { fail "$name ended with $code"; tail -5 "$raw/$name.err" >&2; }
}

# run_ours NAME SECONDS PROGRAM ARGUMENT…: a program of the tree, with the libraries that were found for it.
run_ours() {
  local name=$1 limit=$2 program=$3
  shift 3
  run "$name" "$limit" env LD_LIBRARY_PATH="$PC_LIBRARY_PATH" "$install/bin/$program" "$@"
}

# bench NAME BENCH SECONDS MIN_TIME FILTER FLAG…: the cases of a bench on this device; of a filter with DEVICE --check sees to it that the GPU's are there.
bench() {
  local name=$1 program=$2 limit=$3 seconds=$4 filter=$5
  shift 5
  [ $device = cuda ] || [[ $filter != *DEVICE* ]] || listed "$program" "${filter//DEVICE/cuda}" 1 "$@"
  run_ours "$name" "$limit" "bench_$program" "--benchmark_filter=${filter//DEVICE/$device}" "--benchmark_min_time=$seconds" \
    --benchmark_format=json "$@"
}

# listed BENCH FILTER LEAST FLAG…: the filter chooses so many of the GPU's cases.
listed() {
  local program=$1 filter=$2 least=$3 found
  shift 3
  found=$("$install/bin/bench_$program" "$@" --benchmark_list_tests "--benchmark_filter=$filter" 2>&1 | grep -c /cuda/)
  [ "$found" -ge "$least" ] || fail "bench_$program $* has $found cases like $filter, expected $least"
}

# Packing: the installed tree as one file. Its programs share most of their bytes, which a large dictionary finds.
pack() {
  local bytes
  rm -rf "$build/install"
  cmake --install "$build" --prefix "$build/install" --strip > "$build/install.log" || stop "cmake --install $build failed; see $build/install.log"
  tar -C "$build" -c install | xz -T2 --lzma2=preset=6,dict=128MiB > "$build/install.tar.xz" || stop "cannot pack $build/install"
  bytes=$(stat -c %s "$build/install.tar.xz")
  echo "gpu.sh: $build/install.tar.xz: $((bytes >> 20)) MiB of $limit_mib, $(du -sm "$build/install" | cut -f1) MiB unpacked" >&2
  [ "$bytes" -le $((limit_mib << 20)) ] || stop "$build/install.tar.xz is above $limit_mib MiB: install fewer programs"
}

unpack() {
  [ -x "$build/install/bin/pctrain" ] && return
  [ -e "$build/install.tar.xz" ] || stop "no $build/install.tar.xz; run tools/build.sh gpu && bench/gpu.sh --pack where nvcc is"
  python3 -c "import tarfile; tarfile.open('$build/install.tar.xz').extractall('$build')" || stop "cannot unpack $build/install.tar.xz"
}

# CUDA's libraries lie where the programs look, on LD_LIBRARY_PATH, or in PyTorch's wheels; the last for our own processes alone.
find_libraries() {
  local program missing
  PC_LIBRARY_PATH=$("$python" -c 'import glob, nvidia; print(":".join(d for p in nvidia.__path__ for d in sorted(glob.glob(p + "/*/lib"))))' 2> /dev/null)
  export PC_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$PC_LIBRARY_PATH
  for program in bench_step pctrain test_ops; do
    missing=$(LD_LIBRARY_PATH=$PC_LIBRARY_PATH ldd "$install/bin/$program" | awk '/not found/ {print $1}' | sort -u | xargs)
    [ -z "$missing" ] || stop "$program needs $missing, found in no folder of the loader's and in no wheel of $python; install cuDNN 9 and CUDA 13 (pip install nvidia-cudnn-cu13), or name their folder in LD_LIBRARY_PATH"
  done
}

# The tests look for their files where they were built.
link_built_tree() {
  local built
  read -r built < "$install/share/pc/built_at"
  [ -e "$built" ] && return
  mkdir -p "$(dirname "$built")" && ln -s "$PWD" "$built" || fail "cannot lay a link at $built, where the tests look for their files"
}

# Every program of the packed tree starts with the libraries of the tree, the C library's and CUDA's alone.
check_relocatable() {
  local moved program strangers
  moved=$(mktemp -d)
  python3 -c "import tarfile; tarfile.open('$build/install.tar.xz').extractall('$moved')"
  for program in "$moved"/install/bin/*; do
    strangers=$(ldd "$program" | awk '{print $3 == "" ? $1 : $3, $0}' |
      grep -vE "^($moved/|linux-vdso|/lib64/ld-linux)|/lib(c|m|dl|rt|pthread|resolv|gcc_s|stdc\+\+)\.so|/lib(cudart|cudnn)")
    [ -z "$strangers" ] || fail "$(basename "$program") leans on $strangers"
    case $program in
      */test_*) env -i "$program" --gtest_list_tests > /dev/null 2>&1 || fail "$(basename "$program") does not start" ;;
      */bench_ledger | */bench_ceilings | */pc*) env -i "$program" --help > /dev/null 2>&1 || fail "$(basename "$program") does not start" ;;
      */bench_*) env -i "$program" --benchmark_list_tests > /dev/null 2>&1 || fail "$(basename "$program") does not start" ;;
    esac
  done
  echo "gpu.sh: $(ls "$moved/install/bin" | wc -l) programs and $(ls "$moved/install/lib" | wc -l) libraries start elsewhere" >&2
  rm -rf "$moved"
}

machine() {
  run versions 20 bash -c "date -u; uname -sr; nvidia-smi; nvcc --version || /usr/local/cuda/bin/nvcc --version; $python -c \
    'import torch; print(\"torch\", torch.__version__, \"cuDNN\", torch.backends.cudnn.version())'; git log -1 --format='%H %s'; true"
  [ $device = cpu ] || run_ours doctor 20 pcdoctor
  run_ours ceilings 40 bench_ceilings
  cp "$raw/ceilings.out" "$out/ceilings.json"
  export PC_ROOFLINE=$out/ceilings.json  # the benches below do not measure them again
  run_ours ledger 10 bench_ledger --stage now $(awk -F'[:,}]' -v device=$device '$0 ~ "\"device\": \"" device "\", \"copy" {
    for (i = 1; i < NF; ++i) { if ($i ~ /"copy_GB/) printf " --bandwidth %g", $(i + 1) / 1000; if ($i ~ /16bit/) printf " --arithmetic %g", $(i + 1) } }' "$raw/ceilings.out")
}

# suites PROGRAM FILTER SECONDS: the cases, one process a suite, as an error that stays with the device fails all that come after it in its
# process; a kernel's fault is reported where it was launched.
suites() {
  local program=$1 filter=$2 limit=$3
  "$install/bin/$program" --gtest_list_tests "--gtest_filter=$filter" | sed -n 's/^\([^ ]*\)\..*/\1/p' > "$raw/$program.suites"
  [ -s "$raw/$program.suites" ] || fail "$program has no cases like $filter"
  run "$program" "$limit" xargs -P 4 -I SUITE -a "$raw/$program.suites" bash -c 'set -f; CUDA_LAUNCH_BLOCKING=1 LD_LIBRARY_PATH=$PC_LIBRARY_PATH \
    "$0" "--gtest_filter=$(for each in ${2//:/ }; do printf "SUITE.%s:" "${each#*.}"; done)" > "$1_$(tr / _ <<< SUITE).out" 2>&1' \
    "$install/bin/$program" "$raw/$program" "$filter"
}

tests() {
  if [ $device = cuda ]; then
    suites test_ops '*.Gpu*:*.Cuda*' 60
    suites test_models '*.*Recorded*:*.*cuda*:*.*Gpu*' 40
    suites test_cuda 'DeviceInfo.*' 10
  else
    suites test_ops 'Add.*' 20
    grep -q 'PASSED  \] [1-9]' "$raw/test_ops_Add.out" || fail "test_ops ran nothing"
    for filter in 'test_ops *Gpu*' 'test_models *Recorded*' 'test_cuda DeviceInfo.*'; do
      [ -n "$("$install/bin/${filter% *}" --gtest_list_tests "--gtest_filter=${filter#* }")" ] || fail "$filter: no such cases"
    done
  fi
}

# One recorded step of two sizes with tuned engines: does it run, is it finite.
step() {
  local filter='^step/DEVICE/bf16/(224x224|80x60)/b256/'
  [ $device = cuda ] || { listed step "${filter//DEVICE/cuda}" 2; filter='^step/cpu/bf16/80x60/b64/'; }
  bench bench_step step 70 0.3 "$filter" --engines "$engines"
}

steps() {
  local size batch cases=
  for size in $sizes; do
    for batch in $batches; do cases+="|$size/b$batch"; done
  done
  [ $device = cuda ] || listed step '^(step|six_heads)/cuda/(bf16|f16)/(224x224|96x96|80x60)/b(256|512)/' 24
  bench bench_step step 60 0.4 "^step/DEVICE/(bf16|f16)/(${cases#|})/|^six_heads/DEVICE/bf16/80x60/" --engines "$engines"
}

ablate() {
  local cases='/cuda/bf16/(224x224|80x60)/b256|(nothing|conv_sums|norm_conv)/cuda/f16/224x224/b256'
  [ $device = cuda ] || { listed step "$cases" 18 --ablate; cases='nothing/cpu/bf16/80x60'; }
  run_ours bench_ablate 60 bench_step --ablate --engines "$engines" "--benchmark_filter=$cases" --benchmark_min_time=0.2 --benchmark_format=json
}

peers() {
  if [ $device = cuda ]; then
    run peers 190 "$python" bench/peers/gpu_steps.py --bench "$install/bin/bench_step" --engines "$engines" --rounds 3 --seconds 1.5 \
      --compile-limit 70 bf16/224x224/b256 bf16/80x60/b256
  else
    listed step '^step/cuda/(bf16/224x224/b256|bf16/80x60/b256)/(real|manual)_time$' 2
    run peers 200 "$python" bench/peers/gpu_steps.py --bench "$install/bin/bench_step" --device cpu --rounds 1 --seconds 0.5 \
      --compile-limit 0 bf16/80x60/b64
  fi
}

# Time and bytes of every kernel of one step, beside bench_ledger --layers. The step is not recorded, so that each kernel is a launch.
kernels() {
  local ncu case='^without/cuda_graph/cuda/bf16/80x60/b256/'
  ncu=$(command -v ncu || ls -d /opt/nvidia/nsight-compute/*/ncu /usr/local/cuda/bin/ncu 2> /dev/null | tail -1)
  [ $device = cuda ] || { listed step "$case" 1 --ablate; return; }
  [ -n "$ncu" ] || { printf 'kernels\tleft out\t0\t0\n' >> "$raw/parts.tsv"; return; }
  run kernels 45 env LD_LIBRARY_PATH="$PC_LIBRARY_PATH" "$ncu" --clock-control none --csv --launch-skip 800 --launch-count 240 \
    --metrics gpu__time_duration.sum,dram__bytes_read.sum,dram__bytes_write.sum,sm__warps_active.avg.pct_of_peak_sustained_active \
    "$install/bin/bench_step" --ablate --engines "$engines" "--benchmark_filter=$case" --benchmark_min_time=0.001
}

rooms() {
  local room map=224x224
  [ $device = cuda ] || { map=80x60; listed norm_conv '^(forward|step)/cuda/f16/224x224/.*/fused/' 8; }
  for room in $rooms; do
    case $room in
      sgd | adamw | sum_squares | lerp | mix | cross_entropy | grad_scaler | running_metrics) bench "bench_$room" "$room" 10 0.02 "/DEVICE/" ;;
      norm_conv) bench "bench_$room" "$room" 20 0.02 "/DEVICE/($([ $device = cuda ] && echo f16 || echo bf16))/$map" ;;
      *) bench "bench_$room" "$room" 15 0.02 "/DEVICE/bf16/$map" ;;
    esac
  done
  bench bench_infer infer 20 0.1 "infer/DEVICE/bf16" --engines "$engines"
}

# The archive if it is given, else a made-up catalog, which says nothing about accuracy. A second run records its step as a CUDA graph
# and must end with the same weights.
train() {
  local name root=$data
  if [ -z "$root" ]; then
    root=$raw/catalog
    run_ours sample 30 pcdata sample "$([ $device = cuda ] && echo 4000 || echo 200)" "$root"
  fi
  for name in fashion recorded; do
    run_ours "train_$name" 60 pctrain tools/configs/fashion.ini --set "data.root=$root" --set "output.runs=$raw/runs" \
      --set "output.name=$name" --set "train.cuda_graph=$([ $name = recorded ] && echo yes || echo no)" --set "train.device=$device" \
      $([ $device = cuda ] && echo --set train.precision=bf16 --set train.batch=256 --set train.lr=0.2 --set train.epochs=3 ||
        echo --set train.epochs=1 --set model.architecture=smallcnn)
  done
  run_ours same_weights 10 pcconvert --verify "$raw/runs/fashion/model.safetensors" "$raw/runs/recorded/model.safetensors"
  cp "$raw/runs/fashion/metrics.jsonl" "$raw/metrics.jsonl" 2> /dev/null
}

sanitizer() {
  [ "$("$install/bin/test_ops" --gtest_list_tests '--gtest_filter=BatchNorm.*Gpu*:NormPool.*Gpu*:Conv2dKernels.*Gpu*' | grep -c '^  ')" -gt 5 ] ||
    fail "test_ops has no cases for the sanitizer"
  [ $device = cpu ] && return
  local tool
  tool=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  run memcheck 25 env LD_LIBRARY_PATH="$PC_LIBRARY_PATH" "$tool" --tool=memcheck --error-exitcode=9 "$install/bin/test_ops" \
    '--gtest_filter=BatchNorm.*Gpu*:NormPool.*Gpu*:Conv2dKernels.*Gpu*'
  run racecheck 25 env LD_LIBRARY_PATH="$PC_LIBRARY_PATH" "$tool" --tool=racecheck --error-exitcode=9 "$install/bin/test_ops" \
    '--gtest_filter=*GpuInOneLaunch*'
}

# However it ends: the report, what can be used again, and everything else in one file.
finish() {
  echo "$(($(date +%s) - begin))" > "$raw/seconds"
  echo "$device" > "$raw/device"
  "$python" bench/gpu_report.py "$raw" > "$out/report.md" || fail "no report"
  [ -e "$engines/conv-engines.txt" ] && cp "$engines/conv-engines.txt" "$out/" 2> /dev/null
  tar -C "$raw" --exclude=./runs --exclude=./catalog -czf "$out/raw.tar.gz" . || fail "cannot pack $raw"
  [ $device = cpu ] || tail -c 11000 "$out/report.md"
  echo "gpu.sh: $out/report.md" >&2
}

python=python3
"$python" -c 'import torch' 2> /dev/null || python=/usr/bin/python3
[ $mode = call ] || pack
[ $mode = pack ] && exit
unpack
install=$(cd "$build/install" && pwd)
find_libraries
mkdir -p "$out" "${engines:=$build/engines}"
out=$(cd "$out" && pwd) engines=$(cd "$engines" && pwd)
raw=$(mktemp -d)
trap 'finish; rm -rf "$raw"; exit $failed' EXIT
[ $mode = call ] || check_relocatable
link_built_tree
begin=$(date +%s)
case $mode$call in
  check*) deadline=$((begin + 3000)) parts="machine tests step steps ablate peers kernels rooms train sanitizer" ;;
  call1) deadline=$((begin + 200)) parts="machine tests step sanitizer" ;;
  call2) deadline=$((begin + 450)) parts="machine tests steps ablate peers kernels train rooms" ;;
esac
for name in $parts; do
  part "$name" && "$name"
done
[ $device = cuda ] || "$python" -m compileall -q bench || fail "a script of bench/ does not parse"
