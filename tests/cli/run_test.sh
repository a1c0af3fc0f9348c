#!/usr/bin/env bash
# run and list: which experiments are found, in which order of folders, and what a mistyped name leads to.
. "$(dirname "$0")/check.sh"
unset PERIGEE_SCRIPTS

experiment() {                              # experiment FILE NAME CLAIM VALUE
  mkdir -p "$(dirname "$1")"
  cat >"$1" <<L
local pg = require "perigee"
return pg.experiment {
  name = "$2", paper = "Someone (2021)", claim = "$3",
  params = { factor = 1.5 },
  run = function(p) return { value = $4 * p.factor } end,
  report = function(rows, out) out:print("value %g", rows.value[1]) end,
  check = function(rows, claim) claim:near("value", rows.value[1], 3, { abs = 0.1 }) end,
}
L
}
experiment mine/toys/double.lua toys/double 'Twice two is three.' 2
experiment mine/toys/triple.lua toys/triple 'Three times.' 3
experiment scripts/toys/double.lua toys/double 'Shadowed by PERIGEE_SCRIPTS.' 100
experiment scripts/toys/local_only.lua toys/local_only 'Found in ./scripts.' 4
printf 'return 1\n' >mine/toys/helper.lua

export PERIGEE_SCRIPTS=$work/none:$work/mine
expect 0 'value 3\|' '' "$PERIGEE" run toys/double
expect 0 'value 3\|' '' "$PERIGEE" run toys/double.lua
expect 0 'value 6\|' '' "$PERIGEE" run toys/local_only
expect 0 'value 8\|' '' "$PERIGEE" run toys/double --factor 4 --out elsewhere
if [ -f elsewhere/toys/double/rows.csv ]; then ok '--out is where the rows are'; else bad '--out' "$(find elsewhere 2>&1)"; fi
expect 0 'value 6\|' '' "$PERIGEE" run scripts/toys/local_only.lua
expect 0 'value 6\|' '' "$PERIGEE" scripts/toys/local_only.lua
expect 0 'holds' '' "$PERIGEE" run toys/double --check
expect 1 'FAILS' '' "$PERIGEE" run toys/triple --check
expect 1 'FAILS' '' "$PERIGEE" mine/toys/triple.lua --check
expect 2 '' "^perigee: run: no experiment 'toys/duoble' \(did you mean 'toys/double'\?\)" "$PERIGEE" run toys/duoble
expect 2 '' "no experiment 'tripel' \(did you mean 'toys/triple'\?\)" "$PERIGEE" run tripel
expect 2 '' "no experiment 'qqqqqqqqq' \(.perigee list. names them\)" "$PERIGEE" run qqqqqqqqq
expect 2 '' 'run: which experiment' "$PERIGEE" run
expect 2 '' "name comes first, got '--quick'" "$PERIGEE" run --quick
expect 2 '' "unknown option.*facter.*did you mean.*factor" "$PERIGEE" run toys/double --facter 1
expect 2 '' 'does not return an experiment' "$PERIGEE" run toys/helper

expect 0 'toys/double +Someone \(2021\)\|    Twice two is three\.\|.*toys/local_only.*Found in \./scripts' '' "$PERIGEE" list
expect 0 '^toys/triple +Someone \(2021\)\|    Three times\.\|$' '' "$PERIGEE" list TRIPLE
expect 1 '' "^perigee: list: no experiment matches 'zzzz'" "$PERIGEE" list zzzz
expect 2 '' 'one pattern' "$PERIGEE" list a b
"$PERIGEE" list >"$work/all" 2>/dev/null
if grep -Eq 'helper|Shadowed' "$work/all"; then bad 'list names experiments only, each once' "$(cat "$work/all")"; else ok 'list names experiments only, each once'; fi
printf 'return pg.experiment {\n' >mine/toys/broken.lua
expect 1 'toys/double' "^perigee: list: .*broken\.lua:" "$PERIGEE" list

# --stop-nonfinite: of the command, of an experiment, with workers; the exit status is that of a failed script
cat >mine/toys/diverges.lua <<'L'
local pg = require "perigee"
return pg.experiment { name = "toys/diverges", params = {}, seeds = 2, run = function(_, _, log)
  local w = pg.tensor { 1, 3 }
  for _ in log:progress(100) do w = w ^ 2 end
  return { value = w:sum() }
end }
L
stopped="toys/diverges: job 1, replica 1: .*diverges\.lua:4: stop-nonfinite: tensor\.pow gives inf at \(2\) of a result of shape \(2\), from operands that are finite; step 10"
expect 0 'rows' '' "$PERIGEE" run toys/diverges
expect 1 '' "$stopped" "$PERIGEE" run toys/diverges --stop-nonfinite
expect 1 '' "$stopped" "$PERIGEE" run toys/diverges --stop_nonfinite --jobs 2
expect 1 '' "$stopped" "$PERIGEE" --stop-nonfinite run toys/diverges --jobs 2
expect 1 '' "$stopped" "$PERIGEE" --stop-nonfinite mine/toys/diverges.lua
printf 'local pg = require "perigee"\nlocal x = pg.tensor { 0 }\nreturn x:log()\n' >log.lua
expect 0 '' '' "$PERIGEE" log.lua
expect 1 '' '^perigee: log\.lua:3: stop-nonfinite: tensor\.log gives -inf at \(1\)' "$PERIGEE" --stop-nonfinite log.lua
expect 0 '--stop-nonfinite +stop at the first' '' "$PERIGEE" run toys/double --help

# a file that cannot grow, as on a full disk, is a lack of resources, and says which file
cat >mine/toys/large.lua <<'L'
local pg = require "perigee"
return pg.experiment { name = "toys/large", params = {}, seeds = 100000, batched = true,
                       run = function(_, rng) return { value = rng:normal {} } end }
L
expect 4 '' 'rows\.csv.*File too large|File too large.*rows\.csv' bash -c 'ulimit -f 20; exec "$0" run toys/large --jobs 1' "$PERIGEE"
expect 2 '' "^continuized/deterministic: --mu must lie in .*, got -1\|$" "$PERIGEE" run continuized/deterministic --mu -1
expect 2 '' "^continuized/deterministic: unknown option --lamda \(.*\)\|$" "$PERIGEE" run continuized/deterministic --lamda 3

# from any folder the experiments of the source tree are there
unset PERIGEE_SCRIPTS
mkdir -p away && cd away || exit 1
expect 0 'continuized/clocks.*continuized/deterministic' '' "$PERIGEE" list continuized
cd "$work" || exit 1
finish
