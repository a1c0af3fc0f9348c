#!/usr/bin/env bash
# From a fresh clone to a figure, or to a tested build.
#
#   ./bootstrap.sh deps    install the packages that are missing (Debian; elsewhere: print their names)
#   ./bootstrap.sh run     deps, build, then the main experiment; says where its figure is
#   ./bootstrap.sh test    deps, build, then the whole suite
#
# `deps` takes one more word: run (what building and figures need), test (and the tests; the default), ci (and what the
# continuous integration checks beside them).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

build=build                     # the `release` preset's folder
main_job=continuized/deterministic

# level Debian              Fedora                 Arch         Homebrew
packages() {
  cat <<'EOF'
run     gcc                 gcc                    gcc          -
run     libc6-dev           glibc-devel            glibc        -
run     cmake               cmake                  cmake        cmake
run     ninja-build         ninja-build            ninja        ninja
run     pkg-config          pkgconf-pkg-config     pkgconf      pkg-config
run     liblua5.4-dev       lua-devel              lua          lua
run     libopenblas-dev     openblas-devel         openblas     openblas
run     zlib1g-dev          zlib-devel             zlib         zlib
run     libedit-dev         libedit-devel          libedit      libedit
run     gnuplot-nox         gnuplot                gnuplot      gnuplot
run     fonts-dejavu-core   dejavu-sans-fonts      ttf-dejavu   -
test    lua5.4              lua                    lua          lua
test    lua-unit            lua-luaunit            -            -
test    libcmocka-dev       libcmocka-devel        cmocka       cmocka
ci      clang               clang                  clang        -
ci      lua-check           luacheck               luacheck     luacheck
ci      python3-numpy       python3-numpy          python-numpy numpy
EOF
}

say() { printf '== %s\n' "$*"; }
die() { printf 'bootstrap: %s\n' "$*" >&2; exit 1; }

# names COLUMN LEVEL: the packages of one distribution that a level needs, in a line.
names() {
  local levels="run"
  [ "$2" = run ] || levels="run test"
  [ "$2" = ci ] && levels="run test ci"
  packages | awk -v c="$1" -v levels=" $levels " 'index(levels, " " $1 " ") && $c != "-" { print $c }' | sort -u | tr '\n' ' '
}

# quietly COMMAND...: its output only if it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  [ "$status" = 0 ] || tail -n 40 "$log" >&2
  rm -f "$log"
  return "$status"
}

debian_deps() {
  local missing="" p as_root=""
  for p in $(names 2 "$1"); do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing="$missing $p"
  done
  [ -n "$missing" ] || { say "every package is there"; return; }
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "missing packages; as root: apt-get install --no-install-recommends$missing"
    as_root="sudo"
  fi
  say "installing$missing"
  quietly $as_root apt-get update -q || say "package lists not refreshed; going on with those at hand"
  # shellcheck disable=SC2086   # a list of words
  quietly $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing ||
    die "apt-get could not install:$missing"
}

deps() {
  local level=${1:-test}
  case $level in run | test | ci) ;; *) die "deps: unknown level '$level' (run, test, ci)" ;; esac
  if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then debian_deps "$level"; return; fi
  say "this is not Debian; the packages that Perigee needs have these names:"
  printf '  dnf install %s\n' "$(names 3 "$level")"
  printf '  pacman -S %s\n' "$(names 4 "$level")"
  printf '  brew install %s\n' "$(names 5 "$level")"
  [ "$level" = run ] || say "where luaunit is not packaged: luarocks install luaunit"
}

build() {                       # build ON|OFF: with the tests or without
  say "building in $build/"
  quietly cmake --preset release -G Ninja -DPERIGEE_TESTS="$1" || die "cmake failed"
  quietly cmake --build --preset release || die "the build failed"
}

run() {
  local out=results/$main_job
  deps run
  build OFF
  say "perigee run $main_job"
  "$build/perigee" run "$main_job" || die "the experiment ended with status $?"
  local figures
  figures=$(find "$out" -name '*.svg' | sort)
  [ -n "$figures" ] || die "no figure in $out"
  say "figures:"
  printf '%s\n' "$figures" | sed "s|^|  $PWD/|"
}

# The whole suite of one build folder; its last line is the count of test cases.
suite() {
  local dir=$1 status=0
  ctest --test-dir "$dir" --output-on-failure --no-tests=error -j "$(nproc)" || status=1
  count "$dir/Testing/Temporary/LastTest.log"
  return "$status"
}

# Cases from the log of ctest: lines of TAP (ok, not ok), of cmocka, and "skipped: WHAT". A program that failed without naming a case counts as one,
# and so does one that names none.
count() {
  awk '
    /^[0-9]+\/[0-9]+ Testing: / { p = f = s = broken = 0 }
    /^ok / && /# SKIP/ { s++; next }
    /^ok / || /^\[       OK \]/ { p++ }
    /^not ok / { f++ }
    /^\[  FAILED  \] [0-9]+ test/ { f += $4 }
    /^\[  SKIPPED \] [0-9]+ test/ { s += $4 }
    /^skipped: / { s++ }
    /^Test (Failed\.|Fail Reason:)/ { broken = 1 }
    /^".*" time elapsed: / {
      if (broken && f == 0) f = 1
      if (p + f + s == 0) p = 1
      passed += p; failed += f; skipped += s
    }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$1"
}

run_tests() {
  deps test
  build ON
  say "running the suite"
  suite "$build"
}

case ${1:-} in
deps) shift; deps "$@" ;;
run) run ;;
test) run_tests ;;
suite) suite "${2:?suite FOLDER}" ;;
*) sed -n '2,9s/^# \{0,1\}//p' "$0"; [ -z "${1:-}" ] || exit 2 ;;
esac
