#!/bin/sh
# The layers of the house: includes point down, vendor headers and conditionals stay inside kernels/.
bad=$(
  grep -rnE '#include *[<"](cuda|cudnn|cublas|nccl|dnnl|oneapi)' engine models data tools
  grep -rnE '^ *# *(if|ifdef|ifndef)' engine models data
  grep -rnE '#include *"(engine|models|data|tools)/' kernels
  grep -rnE '#include *"(models|data|tools)/' engine
  grep -rnE '#include *"(data|tools)/' models
  grep -rnE '#include *"(models|tools)/' data
  grep -rnE '#include *"tools/' kernels engine models data
)
[ -z "$bad" ] && exit 0
printf 'These lines break the layers described in README.md, "How it is built":\n%s\n' "$bad"
exit 1
