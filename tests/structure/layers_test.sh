#!/usr/bin/env bash
# The tree keeps its layers, and layers.sh would notice if it did not: spoiled copies must be refused, each for its reason.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bash "$here/layers.sh" "$root" || exit 1

refused() {                                 # refused REASON FILE LINE: with LINE added to FILE of a copy
  rm -rf "$work/core"
  cp -r "$root/core" "$work/core"
  printf '%s\n' "$3" >>"$work/core/$2"
  if bash "$here/layers.sh" "$work" >"$work/out"; then echo "not refused: $3 in core/$2"; exit 1; fi
  grep -q "$1" "$work/out" || { echo "refused, but not because '$1': $3 in core/$2"; cat "$work/out"; exit 1; }
}
refused 'knows nothing of Lua'   base/context.c   '#include <lua.h>'
refused 'base does not state'    base/context.c   '#include <perigee/tensor.h>'
refused 'kernels does not state' kernels/kernels.h '#include "base/base.h"'
refused 'io does not state'      io/spoiled.c     '#include "linalg/linalg.h"'
refused 'does not point down'    CMakeLists.txt   'peri_module(fft USES process)'
refused 'does not point down'    CMakeLists.txt   'peri_module(nn USES optim)'
refused 'no layer'               CMakeLists.txt   'peri_module(sundry USES base)'
echo "layers_test: 7 spoiled trees refused"
