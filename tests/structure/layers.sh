#!/usr/bin/env bash
# Arrows point down only: what the sources of core/MODULE include must be what core/CMakeLists.txt says it USES.
#
# A module may include its own headers, and the public and private headers of the modules it USES; nothing of Lua. It may
# USE only what lies in a lower layer, or what `beside` lists. Usage: layers.sh ROOT.
set -u
cd "${1:?usage: layers.sh ROOT}/core" || exit 2

declare -A layer=([kernels]=0 [base]=0 [tensor]=1 [linalg]=2 [fft]=2 [random]=2 [numeric]=2 [io]=2 [ad]=3 [plan]=3
  [process]=4 [optim]=4 [nn]=4 [diag]=4 [privacy]=4 [vi]=4 [cryo]=4)
beside=" base:kernels vi:optim cryo:optim privacy:optim "

declare -A uses owner
n=0
while read -r name rest; do
  n=$((n + 1))
  uses[$name]=" ${rest#USES } "
done < <(sed -n 's/^ *peri_module(\([a-z_]*\) *\(.*\))$/\1 \2/p' CMakeLists.txt)
[ "$n" -gt 0 ] || { echo "layers: no peri_module line found"; exit 2; }

# A public header belongs to the module of its name, or to the one its first line names: /* perigee/op.h (tensor) - ...
for h in include/perigee/*.h; do
  base=$(basename "$h" .h)
  named=$(sed -n '1s|.*perigee/[a-z_]*\.h (\([a-z_]*\)).*|\1|p' "$h")
  owner[$base]=${named:-$base}
done

bad=0
complain() { echo "$1"; bad=$((bad + 1)); }
checked=0

for m in "${!uses[@]}"; do
  [ -n "${layer[$m]:-}" ] || complain "CMakeLists.txt: $m has no layer in layers.sh"
  for u in ${uses[$m]}; do
    [ -n "${uses[$u]:-}" ] || complain "CMakeLists.txt: $m USES $u, which is no module"
    [ "${layer[$u]:-9}" -lt "${layer[$m]:-9}" ] || [[ $beside == *" $m:$u "* ]] ||
      complain "CMakeLists.txt: $m USES $u, an arrow that does not point down"
  done
  while IFS=: read -r file line include; do
    checked=$((checked + 1))
    case $include in
    lua.h | lauxlib.h | lualib.h | perigee/lua.h | *peri_lua.h) complain "core/$file:$line: the core knows nothing of Lua, but includes $include"; continue ;;
    perigee/*) target=$(basename "$include" .h); target=${owner[$target]:-$target} ;;
    */*) target=${include%%/*}; [ -d "$target" ] || continue ;;
    *) [ -f "$(dirname "$file")/$include" ] && continue; target="" ;;
    esac
    [ -n "$target" ] || continue
    [ "$target" = "$m" ] && continue
    [ -n "${uses[$target]:-}" ] || { complain "core/$file:$line: $include belongs to no module"; continue; }
    case ${uses[$m]} in *" $target "*) ;; *) complain "core/$file:$line: $m does not state that it USES $target ($include)" ;; esac
  done < <(find "$m" -name '*.[ch]' -exec grep -Hno '^ *# *include *["<][^">]*[">]' {} + 2>/dev/null |
    sed -n 's/^\([^:]*\):\([0-9]*\):.*["<]\([^">]*\)[">]$/\1:\2:\3/p')
done
echo "layers: $n modules, $checked includes, $bad wrong"
[ "$checked" -gt 0 ] && [ "$bad" = 0 ]
