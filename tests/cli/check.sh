# check.sh - what the tests of the command share; sourced with PERIGEE naming the executable.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0 passed=0

ok() { passed=$((passed + 1)); printf 'ok - %s\n' "$1"; }
bad() { failed=$((failed + 1)); printf 'not ok - %s\n' "$1"; shift; printf '    %s\n' "$@"; }

# expect STATUS OUT ERR COMMAND...: the status, and extended regular expressions that the two outputs contain; '' means empty,
# '*' anything.
expect() {
  local status=$1 out=$2 err=$3 got
  shift 3
  "$@" >"$work/out" 2>"$work/err" </dev/null
  got=$?
  verdict "${*/#$PERIGEE/perigee}" "$status" "$got" "$out" "$err"
}

# feed TEXT STATUS OUT ERR COMMAND...: the same with TEXT as the standard input.
feed() {
  local text=$1 status=$2 out=$3 err=$4 got
  shift 4
  printf '%s' "$text" | "$@" >"$work/out" 2>"$work/err"
  got=$?
  verdict "${*/#$PERIGEE/perigee} <<< ${text//$'\n'/; }" "$status" "$got" "$out" "$err"
}

matches() { if [ "$2" = '*' ]; then :; elif [ -z "$2" ]; then [ ! -s "$1" ]; else tr '\n' '|' <"$1" | grep -Eq -- "$2"; fi; }   # a newline is written |

verdict() {
  local name=$1 status=$2 got=$3 out=$4 err=$5
  if [ "$status" != "$got" ]; then bad "$name" "status $got, not $status" "$(head -n 5 "$work/err")"; return; fi
  matches "$work/out" "$out" || { bad "$name" "output is not '$out':" "$(head -n 8 "$work/out")"; return; }
  matches "$work/err" "$err" || { bad "$name" "messages are not '$err':" "$(head -n 8 "$work/err")"; return; }
  ok "$name"
}

# until_says TEXT FILE: waits, ten seconds at most, until the file contains the text.
until_says() {
  local i
  for ((i = 0; i < 500; i++)); do grep -qF -- "$1" "$2" 2>/dev/null && return 0; sleep 0.02; done
  return 1
}

finish() { printf '%d checks passed, %d failed\n' "$passed" "$failed"; [ "$failed" = 0 ] && [ "$passed" -gt 0 ]; }
