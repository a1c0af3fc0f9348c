#!/usr/bin/env bash
# The command line: what runs, what is printed where, and the exit statuses 0 done, 1 error, 2 usage, 4 out of resources.
. "$(dirname "$0")/check.sh"
pg='local pg = require "perigee" '

# scripts and their arguments
printf 'print(arg[0], arg[1], #arg, ...)\n' >args.lua
printf '#!/usr/bin/env perigee\nprint "shebang"\n' >shebang.lua
expect 0 '^args\.lua	a	2	a	b c\|$' '' "$PERIGEE" args.lua a 'b c'
expect 0 '^args\.lua	-x	1	-x\|$' '' "$PERIGEE" args.lua -x
expect 0 '^args\.lua	-e	1	-e\|$' '' "$PERIGEE" -- args.lua -e
expect 0 '^shebang\|$' '' "$PERIGEE" shebang.lua
feed 'print("piped", ...)' 0 '^piped\|$' '' "$PERIGEE"
feed 'print("piped", ...)' 0 '^piped	x\|$' '' "$PERIGEE" - x

# -e
expect 0 '' '' "$PERIGEE" -e ''
expect 0 '^1\|2\|$' '' "$PERIGEE" -e 'print(1)' -e 'print(2)'
expect 0 '^1\|$' '' "$PERIGEE" '-eprint(1)'
expect 0 '^7\|args\.lua	z	1	z\|$' '' "$PERIGEE" -e 'print(7)' args.lua z
expect 0 '^nil	nil	function\|$' '' "$PERIGEE" -e 'print(pg, help, type(require "perigee".zeros))'
expect 1 '' '^perigee: \(command line\):1: tensor\.mm: inner dimensions differ: \(3, 4\) x \(5, 2\)\|$' \
  "$PERIGEE" -e 'local pg = require "perigee"; pg.zeros{3,4}:mm(pg.zeros{5,2})'

# errors: once, with the script's position; the calls that led there only where there are several
printf 'local function inner() error "deep" end\nlocal function outer() inner() end\nouter()\n' >deep.lua
printf 'error "flat"\n' >flat.lua
printf 'x = = 1\n' >syntax.lua
expect 1 '' '^perigee: deep\.lua:1: deep\|  at deep\.lua:1, in upvalue .inner.\|  called from deep\.lua:2.*\|  called from deep\.lua:3\|$' "$PERIGEE" deep.lua
expect 1 '' '^perigee: flat\.lua:1: flat\|$' "$PERIGEE" flat.lua
expect 1 '' '^perigee: syntax\.lua:1: unexpected symbol near .=.\|$' "$PERIGEE" syntax.lua
expect 1 '' '^perigee: the error object is a table value\|$' "$PERIGEE" -e 'error {}'
expect 1 '' '^perigee: mine\|$' "$PERIGEE" -e 'error(setmetatable({}, { __tostring = function() return "mine" end }))'
expect 1 '^before\|$' 'x' "$PERIGEE" -e 'print "before"' -e 'error "x"' -e 'print "after"'
expect 0 '' '^perigee: warning: careful\|$' "$PERIGEE" -e 'warn("care", "ful")'

# usage
expect 2 '' "^perigee: unknown option '-x'.*--help" "$PERIGEE" -x
expect 2 '' "^perigee: unknown option '--lamda'" "$PERIGEE" --lamda
expect 2 '' "^perigee: option '-e' needs" "$PERIGEE" -e
expect 2 '' '^perigee: cannot open missing\.lua: No such file' "$PERIGEE" missing.lua
expect 2 '' '^perigee: cannot read .*: Is a directory|^perigee: cannot' "$PERIGEE" /
expect 2 '' "^perigee: PERIGEE_THREADS must be a number from 1 to 1024, got 'many'" env PERIGEE_THREADS=many "$PERIGEE" -e ''
expect 0 'perigee FILE\.lua.*Exit status: 0 done' '' "$PERIGEE" --help
expect 0 'perigee FILE\.lua' '' "$PERIGEE" -h
expect 0 '^Perigee [0-9.]+\|Lua 5\.4.*\|OpenBLAS [0-9.]+, [A-Za-z0-9_]+ kernels, 1 thread\|(baseline|avx2|avx512) kernels, [0-9]+ threads?\|$' '' "$PERIGEE" --version
expect 0 'baseline kernels, 3 threads\|$' '' env PERIGEE_ISA=baseline PERIGEE_THREADS=3 "$PERIGEE" -v
expect 4 '' 'PERIGEE_ISA' env PERIGEE_ISA=mmx "$PERIGEE" -e ''

# resources: a script may not fail on lack of memory or disk with a status that says otherwise
if [ -z "${PERIGEE_SANITIZE:-}" ]; then
  hungry='local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000000) .. i end'
  expect 4 '' '^perigee: not enough memory\|$' bash -c 'ulimit -v 1000000; exec "$0" -e "$1"' "$PERIGEE" "$hungry"
fi
expect 4 '' '^perigee: \(command line\):1: ' "$PERIGEE" -e "$pg"'pg.zeros { 1 << 40, 1 << 12 }'
if [ -w /dev/full ]; then
  "$PERIGEE" -e 'print(1)' >/dev/full 2>"$work/err"
  status=$?
  : >"$work/out"
  verdict 'perigee -e print >/dev/full' 4 "$status" '' '^perigee: cannot write the output: No space left on device'
fi

# help
expect 0 'tensor.*help NAME|help NAME.*tensor' '' "$PERIGEE" help
expect 0 '^tensor\.exp\|  .*\|  .*\|$' '' "$PERIGEE" help tensor.exp
expect 0 '^tensor\.exp\|' '' "$PERIGEE" help exp
expect 0 '^tensor: .*\|  abs ' '' "$PERIGEE" help tensor
expect 2 '' "^perigee: help: nothing is called 'tensor\.exq' \(did you mean 'tensor\.e[a-z0-9]*'\?\)" "$PERIGEE" help tensor.exq
expect 0 '^tensor\.exp\|' '' "$PERIGEE" -e "$pg"'pg.help(pg.exp)'
expect 1 '' "help: nothing is called 'qqqqqqqq'" "$PERIGEE" -e "$pg"'pg.help "qqqqqqqq"'

finish
