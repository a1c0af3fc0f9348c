/* files.c - where the command finds experiments and benchmarks, for perigee.command.
**
** Experiments: $PERIGEE_SCRIPTS (folders separated by ':'), the scripts of the installation that the executable belongs
** to, those of the source tree that it was built from, ./scripts. PERIGEE_SOURCE_DIR is given by the build.
*/
#include "cli.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH = 4, PATH = 4096 };

/* Adds the regular files below folder/prefix, by their names relative to folder, to the table on top of the stack. */
static void list(lua_State *L, const char *folder, const char *prefix, int depth) {
  char path[PATH];
  if (snprintf(path, sizeof path, "%s/%s", folder, prefix) >= (int)sizeof path) return;
  DIR *d = opendir(path);
  if (!d) return;
  for (struct dirent *e; (e = readdir(d));) {
    char name[PATH];
    struct stat st;
    if (*e->d_name == '.') continue;
    if (snprintf(name, sizeof name, "%s%s", prefix, e->d_name) >= (int)sizeof name - 1) continue;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path || stat(path, &st) != 0) continue;
    if (S_ISDIR(st.st_mode) && depth > 1) {
      strcat(name, "/");
      list(L, folder, name, depth - 1);
    } else if (S_ISREG(st.st_mode)) {
      lua_pushstring(L, name);
      lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
  }
  closedir(d);
}

/* files(folder) -> the names of the files below it, in no order; none if there is no such folder */
static int l_files(lua_State *L) {
  const char *folder = luaL_checkstring(L, 1);
  lua_newtable(L);
  list(L, folder, "", DEPTH);
  return 1;
}

/* runnable(path) -> whether it is a file that may be executed */
static int l_runnable(lua_State *L) {
  struct stat st;
  const char *path = luaL_checkstring(L, 1);
  lua_pushboolean(L, stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0);
  return 1;
}

static void set_string(lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

void pri_push_env(lua_State *L) {
  static const luaL_Reg functions[] = {{"files", l_files}, {"runnable", l_runnable}, {NULL, NULL}};
  luaL_newlib(L, functions);
  char self[PATH];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  self[n > 0 ? n : 0] = 0;
  char *slash = strrchr(self, '/');
  if (slash) *slash = 0;
  set_string(L, "executable_folder", self);
  set_string(L, "source", PERIGEE_SOURCE_DIR);
  set_string(L, "chosen", getenv("PERIGEE_SCRIPTS"));
}
