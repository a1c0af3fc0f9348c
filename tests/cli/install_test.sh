#!/usr/bin/env bash
# What is installed is enough: a C host by pkg-config, one by CMake, a stock lua5.4, and the command with its experiments.
. "$(dirname "$0")/check.sh"
unset PERIGEE_SCRIPTS
prefix=$work/opt/perigee
sanitize=${PERIGEE_SANITIZE:+-fsanitize=$PERIGEE_SANITIZE}

cmake --install "$PERIGEE_BUILD" --prefix "$work/first" >"$work/log" 2>&1 || { cat "$work/log"; bad 'cmake --install'; finish; exit 1; }
mkdir -p "$work/opt"
mv "$work/first" "$prefix"                  # an installed tree may be moved
pc=$(find "$prefix" -name perigee.pc)
libdir=$(dirname "$(dirname "$pc")")

cat >host.c <<'C'
#include <lauxlib.h>
#include <lualib.h>
#include <perigee/lua.h>
#include <stdio.h>

int main(void) {
  peri_ctx *cx = peri_open(&(peri_config){.memory_limit = 64u << 20});
  lua_State *L = lua_newstate(peri_lua_alloc, cx);
  luaL_openlibs(L);
  peri_open_libs(L, cx);
  if (luaL_dostring(L, "return require 'perigee'.linspace(0, 1, 5)")) return puts(lua_tostring(L, -1)), 1;
  const peri_tensor *t = peri_lua_to(L, -1);
  printf("%s %lld %g\n", PERI_VERSION, (long long)t->dims[0], ((double *)t->data)[3]);
  lua_close(L);
  peri_close(cx);
  return 0;
}
C
cat >core.c <<'C'
#include <perigee/tensor.h>
#include <stdio.h>

int main(void) {
  peri_ctx *cx = peri_open(NULL);
  peri_tensor *t = peri_linspace(cx, 0, 1, 5);
  printf("%g\n", peri_item(t, 1));
  peri_release(t);
  peri_close(cx);
  return 0;
}
C

export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$pc")
expect 0 '^0\.1\.0\|$' '' pkg-config --modversion perigee
expect 0 '' '' bash -c "cc -Wall -Wextra -Werror $sanitize host.c -o host \$(pkg-config --cflags --libs perigee)"
expect 0 '^0\.1\.0 5 0\.75\|$' '' ./host

cat >CMakeLists.txt <<'C'
cmake_minimum_required(VERSION 3.25)
project(host C)
find_package(Perigee 0.1 REQUIRED)
pkg_check_modules(LUA REQUIRED IMPORTED_TARGET lua5.4)
add_executable(core core.c)
target_link_libraries(core Perigee::core)
add_executable(with_lua host.c)
target_link_libraries(with_lua Perigee::lua PkgConfig::LUA)
C
command -v ninja >/dev/null && export CMAKE_GENERATOR=Ninja
env CFLAGS="$sanitize" cmake -S . -B b -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 && cmake --build b >>"$work/log" 2>&1 || tail -n 20 "$work/log"
expect 0 '^0\.25\|$' '' b/core
expect 0 '^0\.1\.0 5 0\.75\|$' '' b/with_lua

for header in "$prefix"/include/perigee/*.h; do       # each by itself, from C++ as well where there is a compiler
  name=perigee/$(basename "$header")
  printf '#include <%s>\nint main(void) { return 0; }\n' "$name" >alone.c
  expect 0 '' '' bash -c "cc -std=c11 -Wall -Wextra -Wshadow -Werror -c alone.c -o alone.o \$(pkg-config --cflags perigee) # $name"
done

module=$libdir/lua/5.4/perigee.so
if [ -n "$sanitize" ]; then
  echo 'skipped: the module in lua5.4, which was built without the sanitizer'
elif command -v lua5.4 >/dev/null; then
  export LUA_CPATH="$(dirname "$module")/?.so"
  expect 0 '^tensor f64 \(3\)\|.*\|$' '' lua5.4 -e 'local pg = require "perigee" print(pg.zeros { 3 })'
  expect 1 '' '^lua5\.4: .*shape|^lua5\.4: ' lua5.4 -e 'local pg = require "perigee" print(pg.ones { 3 } + pg.ones { 2 })'
  unset LUA_CPATH
else
  echo 'skipped: the module in lua5.4, which is not installed'
fi
if command -v readelf >/dev/null; then
  expect 0 'libopenblas' '' bash -c "readelf -d '$module' | grep NEEDED"
  expect 1 '' '' bash -c "readelf -d '$module' | grep NEEDED | grep liblua"
  expect 1 '' '' bash -c "readelf -Ws --dyn-syms '$module' | awk '\$7 != \"UND\" && \$5 == \"GLOBAL\" { print \$8 }' | grep -Ev '^(peri_|luaopen_perigee|_init|_fini|_edata|_end|__bss_start)'"
fi

expect 0 '^Perigee 0\.1\.0\|' '' "$prefix/bin/perigee" --version
if [ -n "$(find "$PERIGEE_ROOT/scripts" -name '*.lua')" ]; then
  expect 0 'continuized/' '' "$prefix/bin/perigee" list
fi
if command -v luarocks >/dev/null; then
  expect 0 '' '' luarocks lint "$PERIGEE_ROOT/perigee-0.1.0-1.rockspec"
else
  expect 0 '^perigee	0\.1\.0-1	MIT	cmake\|$' '' "$PERIGEE" -e \
    'local r = {} assert(loadfile("'"$PERIGEE_ROOT"'/perigee-0.1.0-1.rockspec", "t", r))() print(r.package, r.version, r.description.license, r.build.type)'
fi
finish
