/* system.c - the little that experiments ask of the operating system: folders, terminals, time, cores, memory, and what kind of
** trouble an error message speaks of.
*/
#define _GNU_SOURCE
#include "peri_lua.h"
#include <cblas.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

static int l_isatty(lua_State *L) {
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

static int l_clock(lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  lua_pushnumber(L, (double)t.tv_sec + 1e-9 * (double)t.tv_nsec);
  return 1;
}

static int l_cores(lua_State *L) {
  cpu_set_t set;
  int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  lua_pushinteger(L, n > 0 ? n : 1);
  return 1;
}

static int l_pid(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)getpid());
  return 1;
}

static int l_blas(lua_State *L) {
  lua_pushstring(L, openblas_get_corename());
  return 1;
}

static const char *check_path(lua_State *L, int idx) {
  size_t size;
  const char *path = luaL_checklstring(L, idx, &size);
  if (strlen(path) != size) luaL_argerror(L, idx, "the path contains a zero byte");
  return path;
}

/* Makes the folder whose path is at idx and those above it. True, or nil and the system's reason. */
static int l_mkdir(lua_State *L) {
  const char *path = check_path(L, 1);
  size_t size = strlen(path);
  char *copy = lua_newuserdatauv(L, size + 1, 0);
  memcpy(copy, path, size + 1);
  for (size_t i = 1; i <= size; i++) {
    if (copy[i] != '/' && copy[i] != 0) continue;
    copy[i] = 0;
    struct stat st;
    if (mkdir(copy, 0777) != 0 && !(errno == EEXIST && stat(copy, &st) == 0 && S_ISDIR(st.st_mode)) && errno != EISDIR) {
      lua_pushnil(L);
      lua_pushfstring(L, "%s: %s", copy, strerror(errno == EEXIST ? ENOTDIR : errno));
      return 2;
    }
    copy[i] = path[i];
  }
  lua_pushboolean(L, true);
  return 1;
}

/* Bounds the memory of this state where nothing does yet; returns what the limit was. */
static int l_memory_limit(lua_State *L) {
  peri_ctx *cx = glue_of(L)->cx;
  size_t limit;
  peri_memory(cx, NULL, NULL, &limit);
  if (lua_isnoneornil(L, 1)) peri_set_memory_limit(cx, (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE) / 5 * 4);
  else peri_set_memory_limit(cx, (size_t)luaL_checkinteger(L, 1));
  lua_pushinteger(L, (lua_Integer)limit);
  return 1;
}

static bool mentions(const char *message, int code) { return strstr(message, strerror(code)) != NULL; }

static int l_cause(lua_State *L) {
  const char *message = luaL_optstring(L, 1, "");
  peri_ctx *cx = glue_of(L)->cx;
  const char *own = peri_errmsg(cx);
  bool memory = (*own && peri_errcode(cx) == PERI_ERR_MEMORY && strstr(message, own)) || strstr(message, "not enough memory");
  const char *cause = memory ? "memory" : NULL;
  if (mentions(message, ENOSPC) || mentions(message, EDQUOT) || mentions(message, EFBIG) || mentions(message, EROFS)) cause = "disk";
  if (peri_check_interrupt(cx) != PERI_OK) cause = "interrupt";
  lua_pushstring(L, cause);
  return 1;
}

static int l_crc32(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  lua_pushinteger(L, (lua_Integer)crc32_z(0, (const unsigned char *)s, n));
  return 1;
}

static int l_stop_nonfinite(lua_State *L) {
  peri_ctx *cx = glue_of(L)->cx;
  bool before = peri_stop_nonfinite(cx, lua_toboolean(L, 1));
  if (lua_isnone(L, 1)) peri_stop_nonfinite(cx, before);
  lua_pushboolean(L, before);
  return 1;
}

static int l_step(lua_State *L) {
  peri_note_step(glue_of(L)->cx, (int64_t)luaL_optinteger(L, 1, 0));
  return 0;
}

static const pri_row functions[] = {
    {"isatty", l_isatty, "system.isatty(fd) -> boolean", "Whether a file descriptor is a terminal."},
    {"clock", l_clock, "system.clock() -> number", "Seconds on a clock that only goes forward."},
    {"cores", l_cores, "system.cores() -> integer", "Processors that this process may use."},
    {"pid", l_pid, "system.pid() -> integer", "Number of this process."},
    {"crc32", l_crc32, "system.crc32(string) -> integer", "The CRC-32 of a string, as in ZIP files."},
    {"blas", l_blas, "system.blas() -> string", "The kernel that OpenBLAS chose for this processor."},
    {"mkdir", l_mkdir, "system.mkdir(path) -> true", "Makes a folder and those above it; nil and the reason if it cannot."},
    {"memory_limit", l_memory_limit, "system.memory_limit([bytes]) -> bytes",
     "Sets the budget of this state (0: none; missing: four fifths of the machine's memory) and returns the one before."},
    {"stop_nonfinite", l_stop_nonfinite, "system.stop_nonfinite([on]) -> boolean",
     "Whether the first primitive that makes NaN or infinity of finite operands is an error; sets it, and returns what it was."},
    {"step", l_step, "system.step([k])", "The step of the loop that runs, for the message of stop_nonfinite; none: no step."},
    {"cause", l_cause, "system.cause(message) -> string",
     "What kind of trouble an error message speaks of: \"memory\", \"disk\", \"interrupt\", or nil."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_system(lua_State *L) { pri_register(L, "system", functions, 0); }
