#!/usr/bin/env bash
# The prompt, from a pipe and on a terminal of its own (script's pseudo-terminal): evaluation, continuation, completion,
# history, pasted text, and Ctrl-C that keeps the session.
. "$(dirname "$0")/check.sh"
export XDG_STATE_HOME=$work/state TERM=xterm

feed $'1 + 1\n' 0 '^2\|$' '' "$PERIGEE" -i
feed $'return 1, nil, "s"\n' 0 '^1	nil	s\|$' '' "$PERIGEE" -i
feed $'x = 3\nx\n' 0 '^3\|$' '' "$PERIGEE" -i
feed $'for i = 1,\n2 do\nprint(i) end\n' 0 '^1\|2\|$' '' "$PERIGEE" -i
feed $'s = [[a\nb]]\ns\n' 0 '^a\|b\|$' '' "$PERIGEE" -i
feed $'{ 1, "two", a = { b = 1 }, [true] = 2 }\n{}\n{ { { 1 } } }\n' 0 '^\{ 1, "two", \[true\] = 2, a = \{ b = 1 \} \}\|\{\}\|\{ \{ \{...\} \} \}\|$' '' "$PERIGEE" -i
feed $'error "no"\n"still"\n' 0 '^still\|$' '^perigee: prompt:1: no\|$' "$PERIGEE" -i
feed $'x = = 1\n2\n' 0 '^2\|$' '^perigee: prompt:1: unexpected symbol' "$PERIGEE" -i
feed $'while' 0 '' '<eof>' "$PERIGEE" -i
feed $'pg.zeros { 2 } + 1\n' 0 '^tensor f64 \(2\)\|' '' "$PERIGEE" -i
feed $'help tensor.exp\nhelp "exp"\nhelp(pg.exp)\n' 0 '^(tensor\.exp\|  [^|]*\|  [^|]*\|){3}$' '' "$PERIGEE" -i
feed $'help\n' 0 'help NAME' '' "$PERIGEE" -i
feed $'help tensor.exq\n1\n' 0 "nothing is called 'tensor.exq'.*1\|$" '' "$PERIGEE" -i
feed $'1\nquit\n2\n' 0 '^1\|$' '' "$PERIGEE" -i
printf 'from_file = ...\nprint(arg[0])\n' >start.lua
feed $'from_file\n' 0 '^start\.lua\|word\|$' '' "$PERIGEE" -i start.lua word
printf 'error "bad start"\n' >bad.lua
feed $'1\n' 0 '^1\|$' 'bad start' "$PERIGEE" -i bad.lua

command -v script >/dev/null || { echo 'skipped: the terminal, script is not installed'; finish; exit; }
script -qfec true /dev/null >/dev/null 2>&1 || { echo 'skipped: the terminal, no pseudo-terminal can be had here'; finish; exit; }

# start: a prompt on a terminal; keys go to descriptor 3, the screen to $work/screen.
start() {
  rm -f keys screen
  mkfifo keys
  script -qfec "$PERIGEE -i" /dev/null <keys >screen 2>&1 &
  exec 3>keys
  until_says '> ' screen
}
keys() { printf '%b' "$1" >&3; sleep 0.15; }
shows() { if until_says "$2" screen; then ok "$1"; else bad "$1" "'$2' is not on the screen:" "$(tail -n 6 screen | cat -v)"; fi; }
hides() { if grep -qF -- "$2" screen; then bad "$1" "'$2' is on the screen"; else ok "$1"; fi; }
leave() { printf '\004' >&3; exec 3>&-; wait; }

start
shows 'the banner' 'Ctrl-D leaves'
keys '11 * 3\r'
shows 'an expression prints itself' '33'
keys 'while true do end\r'
sleep 0.5
keys '\003'
shows 'Ctrl-C stops a loop' 'prompt:1: interrupted'
keys 'coroutine.wrap(function() while true do end end)()\r'
sleep 0.5
keys '\003'
keys '"kept" .. "-alive"\r'
shows 'and keeps the session' 'kept-alive'
keys 'some text\003'
shows 'Ctrl-C drops a line' '^C'
keys '"af" .. "ter"\r'
shows 'and the next one counts' 'after'
keys 'for i = 1, 2 do\r'
keys '\003'
keys '"drop" .. "ped"\r'
shows 'Ctrl-C drops an unfinished chunk' 'dropped'
leave

if ! ldd "$PERIGEE" 2>/dev/null | grep -q libedit; then
  echo 'skipped: completion, history and pasting, built without libedit'
  finish
  exit
fi
case $(locale charmap 2>/dev/null) in UTF-8) ;; *) export LC_ALL=C.UTF-8 ;; esac

start
keys 'math.max\t(4, 5) * 1000\r'
shows 'a field is completed' '5000'
keys 'local_name_long = 77\r'
keys 'local_name_lo\t * 100\r'
shows 'a global is completed' '7700'
keys 'x = pg.ones { 3 }\r'
keys 'x:clon\t():dim(1) + 400\r'
shows 'a method is completed' '403'
keys 'string.f\t'
shows 'candidates are listed' 'format'
keys '\003'
keys '#"äöü€" + 8000\r'
shows 'UTF-8 arrives whole' '8009'
keys '\033[200~if true then\r\tprint("pas" .. "ted")\rend\r\033[201~'
shows 'pasted tabs do not complete' 'pasted'
hides 'nor list candidates' 'collectgarbage'
leave
start
keys '\022af" .. "t\r\r'
shows 'the history outlives the session' 'after'
leave
if grep -q 'kept' "$XDG_STATE_HOME/perigee/history"; then ok 'the history file is in the state folder'; else bad 'the history file'; fi
mode=$(stat -c %a "$XDG_STATE_HOME/perigee")
if [ "$mode" = 700 ]; then ok 'and private'; else bad 'and private' "mode $mode"; fi
finish
