#!/usr/bin/env bash
# Ctrl-C: one message, status 3, from loops of pure Lua, coroutines and tensor operations; a second one ends the process.
. "$(dirname "$0")/check.sh"

# interrupt NAME STATUS OUT ERR CODE: runs CODE after print "ready", sends SIGINT, and judges how it ended.
interrupt() {
  local name=$1 status=$2 out=$3 err=$4 got pid
  "$PERIGEE" -e "io.stdout:setvbuf 'no' print 'ready' $5" >"$work/out" 2>"$work/err" &
  pid=$!
  until_says ready "$work/out" || { kill -9 "$pid"; bad "$name" 'never ready'; return; }
  sleep 0.1
  kill -INT "$pid"
  if [ "$name" = 'a second press' ]; then sleep 0.7; kill -INT "$pid"; fi
  wait "$pid"
  got=$?
  verdict "$name" "$status" "$got" "$out" "$err"
}
where='\(command line\):1: '
pg='local pg = require "perigee"'
interrupt 'a loop' 3 '^ready\|$' "^perigee: ${where}interrupted\|$" 'while true do end'
interrupt 'a loop in a coroutine' 3 '^ready\|$' "interrupted\|$" 'coroutine.wrap(function() while true do end end)()'
interrupt 'a resumed coroutine' 3 "^ready\|false	${where}interrupted\|$" '' \
  'print(coroutine.resume(coroutine.create(function() while true do end end)))'
interrupt 'a loop of tensors' 3 '^ready\|$' '^perigee: .*interrupted\|$' "$pg local x = pg.ones { 1000 } while true do x = x * 1 end"
interrupt 'one long operation' 3 '^ready\|$' '^perigee: .*interrupted\|$' "$pg local x = pg.ones { 4000000 } for _ = 1, 1000000 do x:exp():log() end"
interrupt 'caught, then done' 3 '^ready\|caught\|$' '' 'pcall(function() while true do end end) print "caught"'
interrupt 'a second press' 130 '^ready\|$' '' 'while true do pcall(function() while true do end end) end'

# an experiment: one message, status 3, whatever its workers are doing
mkdir -p scripts/toys
cat >scripts/toys/endless.lua <<'L'
local pg = require "perigee"
return pg.experiment { name = "toys/endless", params = { kind = "lua" }, choices = { kind = { "lua", "tensor" } }, seeds = 4,
  run = function(p)
    io.stdout:setvbuf "no"
    print "ready"
    local x = pg.ones { 1000 }
    while true do if p.kind == "tensor" then x = x * 1 end end
  end }
L
for jobs in 1 2; do
  for kind in lua tensor; do
    "$PERIGEE" run toys/endless --jobs "$jobs" --kind "$kind" >"$work/out" 2>"$work/err" &
    pid=$!
    until_says ready "$work/out"
    sleep 0.2
    kill -INT "$pid"
    wait "$pid"
    verdict "an experiment, --jobs $jobs --kind $kind" 3 "$?" '^(ready\|)+$' '^toys/endless: interrupted\|$'
  done
done

# coroutine.resume and wrap are replaced by the command: they must behave as the stock ones
cat >co.lua <<'L'
local f = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) error("in co " .. b) end)
print(f(1))
print(pcall(f, 5))
print(pcall(f))
print(coroutine.resume(coroutine.create(function(...) return select("#", ...), ... end), nil, 2, nil))
local g = coroutine.wrap(function() error({ code = 7 }) end)
print(select(2, pcall(g)).code)
local closed
local h = coroutine.wrap(function()
  local x <close> = setmetatable({}, { __close = function() closed = true end })
  error "after"
end)
print(pcall(h))
print(closed)
local outer = coroutine.wrap(function() for k in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do coroutine.yield(k * 10) end end)
print(outer(), outer(), outer())
print(pcall(coroutine.resume, 1))
print(pcall(coroutine.wrap, 1))
print(coroutine.isyieldable(), coroutine.running())
L
if command -v lua5.4 >/dev/null; then
  lua5.4 co.lua 2>&1 | sed 's/thread: 0x[0-9a-f]*/thread/; s/thread expected/coroutine expected/' >stock
  "$PERIGEE" co.lua 2>&1 | sed 's/thread: 0x[0-9a-f]*/thread/; s/thread expected/coroutine expected/' >ours
  if cmp -s stock ours; then ok 'coroutines behave as in the stock interpreter'; else bad 'coroutines' "$(diff stock ours)"; fi
else
  echo 'skipped: comparison with lua5.4, which is not installed'
fi
finish
