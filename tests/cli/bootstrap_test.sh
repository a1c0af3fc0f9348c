#!/usr/bin/env bash
# bootstrap.sh: its usage, the names it prints where apt is not, and how it counts tests.
. "$(dirname "$0")/check.sh"
bootstrap=$PERIGEE_ROOT/bootstrap.sh

expect 0 '\./bootstrap\.sh run' '' "$bootstrap"
expect 2 '\./bootstrap\.sh run' '' "$bootstrap" rum
expect 1 '' "unknown level 'tests'" "$bootstrap" deps tests

# without apt-get on the path: the names for the others
mkdir bin
for tool in bash awk sort tr dirname id cat; do ln -s "$(command -v "$tool")" "bin/$tool"; done
expect 0 'dnf install .*openblas-devel.*pacman -S .*openblas.*brew install .*openblas' '' env PATH="$work/bin" bash "$bootstrap" deps run

sed -n '/^count() {/,/^}/p' "$bootstrap" >count.sh
. ./count.sh
program() { printf '1/9 Testing: x\n%s\nTest %s\n"x" time elapsed: 00:00:00\n' "$1" "$2"; }
{
  program $'ok     1\tone\nok 2 - two\nnot ok 3 - three\nok     4\t# SKIP no reason' Failed.
  program $'[       OK ] a\n[       OK ] b\n[  FAILED  ] c\n[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] c' Failed.
  program 'Segmentation fault' Failed.
  program $'ok - alive\nthen a crash' Failed.
  program 'skipped: gnuplot is not installed' Passed.
  program 'some output' 'Pass Reason:'
} >log
expect 0 '^6 passed, 4 failed, 2 skipped\|$' '' count log
finish
