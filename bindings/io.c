/* io.c - pg.load, pg.save and pg.io: tables and arrays in files. */
#include "peri_lua.h"
#include <perigee/io.h>
#include <stdlib.h>
#include <string.h>

static const char *check_path(lua_State *L, int idx, const char *who) {
  size_t n;
  luaL_checktype(L, idx, LUA_TSTRING);
  const char *path = lua_tolstring(L, idx, &n);
  if (strlen(path) != n) luaL_error(L, "%s: a path must not contain a NUL byte", who);
  if (n == 0) luaL_error(L, "%s: the path is empty", who);
  return path;
}

static const char *check_text(lua_State *L, int idx, const char *who, const char *what) {
  size_t n;
  if (lua_type(L, idx) != LUA_TSTRING)
    luaL_error(L, "%s: %s must be a string, got %s", who, what, luaL_typename(L, idx));
  const char *s = lua_tolstring(L, idx, &n);
  if (strlen(s) != n) luaL_error(L, "%s: %s must not contain a NUL byte", who, what);
  return s;
}

static int push_notice(lua_State *L, const peri_notice *notice) {
  if (!notice->text[0]) return 0;
  lua_pushstring(L, notice->text);
  return 1;
}

/* ---- NPY ---- */

static int l_load_npy(lua_State *L) {
  const char *path = check_path(L, 1, "io.load_npy");
  peri_notice notice;
  peri_tensor **box = new_box(L);
  *box = peri_npy_read(glue_of(L)->cx, path, &notice);
  if (!*box) return raise_core(L, glue_of(L)->cx);
  return 1 + push_notice(L, &notice);
}

static int l_save_npy(lua_State *L) {
  const char *path = check_path(L, 1, "io.save_npy");
  peri_tensor *t = keep_operand(L, 2);
  return peri_npy_write(t, path) ? raise_core(L, t->cx) : 0;
}

/* ---- NPZ ---- */

static int npz_gc(lua_State *L) {
  peri_npz **z = lua_touserdata(L, 1);
  peri_npz_close(*z);
  *z = NULL;
  return 0;
}

static peri_npz **new_archive(lua_State *L) {
  peri_npz **z = lua_newuserdatauv(L, sizeof *z, 0);
  *z = NULL;
  if (luaL_newmetatable(L, "perigee.npz")) {
    lua_pushcfunction(L, npz_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return z;
}

static void push_member(lua_State *L, peri_npz *z, int64_t i, peri_notice *notice) {
  peri_notice own;
  peri_tensor **box = new_box(L);
  *box = peri_npz_read(z, i, &own);
  if (!*box) raise_core(L, glue_of(L)->cx);
  if (own.text[0] && !notice->text[0]) *notice = own;
}

static int l_load_npz(lua_State *L) {
  const char *path = check_path(L, 1, "io.load_npz");
  const char *name = lua_isnoneornil(L, 2) ? NULL : check_text(L, 2, "io.load_npz", "the name of an array");
  peri_notice notice;
  peri_npz **z = new_archive(L);
  *z = peri_npz_open(glue_of(L)->cx, path, &notice);
  if (!*z) return raise_core(L, glue_of(L)->cx);
  if (name) {
    int64_t i = peri_npz_find(*z, name);
    if (i < 0) return luaL_error(L, "io.load_npz: '%s' has no array '%s'", path, name);
    push_member(L, *z, i, &notice);
  } else {
    lua_createtable(L, 0, (int)peri_npz_count(*z));
    for (int64_t i = 0; i < peri_npz_count(*z); i++) {
      push_member(L, *z, i, &notice);
      lua_setfield(L, -2, peri_npz_name(*z, i));
    }
  }
  peri_npz_close(*z);
  *z = NULL;
  return 1 + push_notice(L, &notice);
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* The names of the table at idx, sorted, in a userdata on the stack; the table keeps the strings. */
static const char **sorted_names(lua_State *L, int idx, int64_t *n) {
  *n = 0;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1), ++*n)
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "io.save_npz: arrays need names, got the key %s", luaL_tolstring(L, -2, NULL));
  const char **names = lua_newuserdatauv(L, (size_t)*n * sizeof *names + 1, 0);
  int64_t i = 0;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
    if (i < *n) names[i++] = check_text(L, -2, "io.save_npz", "the name of an array");
  qsort(names, (size_t)*n, sizeof *names, by_text);
  return names;
}

static int l_save_npz(lua_State *L) {
  static const char *const options[] = {"compress", NULL};
  const char *path = check_path(L, 1, "io.save_npz");
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  check_options(L, 3, "io.save_npz", options);
  bool compress = opt_boolean(L, 3, "io.save_npz", "compress", false);
  int64_t n;
  const char **names = sorted_names(L, 2, &n);                                    /* 4 */
  peri_tensor **arrays = lua_newuserdatauv(L, (size_t)n * sizeof *arrays + 1, 0); /* 5 */
  lua_newtable(L); /* 6: what was a number is kept alive here */
  for (int64_t i = 0; i < n; i++) {
    lua_getfield(L, 2, names[i]);
    if (!is_operand(L, -1))
      return luaL_error(L, "io.save_npz: '%s' is no tensor but a %s", names[i], luaL_typename(L, -1));
    arrays[i] = keep_operand(L, -1);
    lua_rawseti(L, 6, i + 1);
    lua_settop(L, 6);
  }
  peri_ctx *cx = glue_of(L)->cx;
  return peri_npz_write(cx, path, n, names, arrays, compress) ? raise_core(L, cx) : 0;
}

/* ---- CSV ---- */

static int csv_gc(lua_State *L) {
  peri_csv *table = lua_touserdata(L, 1);
  if (table->cx) peri_csv_close(table);
  return 0;
}

static peri_csv *new_table(lua_State *L) {
  peri_csv *table = lua_newuserdatauv(L, sizeof *table, 0);
  memset(table, 0, sizeof *table);
  if (luaL_newmetatable(L, "perigee.csv")) {
    lua_pushcfunction(L, csv_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return table;
}

static char one_character(lua_State *L, int idx, const char *who, const char *name) {
  const char *s = opt_string(L, idx, who, name, NULL);
  if (!s) return 0;
  if (strlen(s) != 1) luaL_error(L, "%s: option '%s' must be one character, got '%s'", who, name, s);
  return *s;
}

/* options.columns: names or numbers from 1. The array is a userdata on the stack, the strings belong to the options. */
static void read_columns(lua_State *L, int idx, peri_csv_options *o) {
  if (!lua_istable(L, idx) || lua_getfield(L, idx, "columns") == LUA_TNIL) return;
  if (!lua_istable(L, -1))
    luaL_error(L, "io.read_csv: option 'columns' must be a list of names or numbers, got %s", luaL_typename(L, -1));
  int list = lua_gettop(L);
  o->count = (int64_t)lua_rawlen(L, list);
  if (o->count == 0) luaL_error(L, "io.read_csv: option 'columns' is empty");
  const char **names = lua_newuserdatauv(L, (size_t)o->count * sizeof(int64_t), 0);
  int64_t *numbers = (int64_t *)names;
  lua_rawgeti(L, list, 1);
  bool named = lua_type(L, -1) == LUA_TSTRING;
  lua_pop(L, 1);
  for (int64_t i = 0; i < o->count; i++) {
    lua_rawgeti(L, list, i + 1);
    if (named)
      names[i] = check_text(L, -1, "io.read_csv", "a column's name");
    else
      numbers[i] = check_integer(L, -1, "io.read_csv", "a column's number") - 1;
    lua_pop(L, 1);
  }
  if (named)
    o->columns = names;
  else
    o->numbers = numbers;
}

static peri_header read_header(lua_State *L, int idx) {
  if (!lua_istable(L, idx)) return PERI_HEADER_FIND;
  bool given = lua_getfield(L, idx, "header") != LUA_TNIL;
  lua_pop(L, 1);
  if (!given) return PERI_HEADER_FIND;
  return opt_boolean(L, idx, "io.read_csv", "header", false) ? PERI_HEADER_YES : PERI_HEADER_NO;
}

static int l_read_csv(lua_State *L) {
  static const char *const names[] = {"sep", "comment", "header", "missing", "columns", NULL};
  const char *path = check_path(L, 1, "io.read_csv");
  lua_settop(L, 2);
  check_options(L, 2, "io.read_csv", names);
  peri_csv_options o = {.separator = one_character(L, 2, "io.read_csv", "sep"),
                        .comment = one_character(L, 2, "io.read_csv", "comment"),
                        .header = read_header(L, 2),
                        .missing = opt_boolean(L, 2, "io.read_csv", "missing", false)};
  read_columns(L, 2, &o);
  peri_csv *table = new_table(L);
  peri_tensor **box = new_box(L);
  if (peri_csv_read(glue_of(L)->cx, path, &o, table)) return raise_core(L, glue_of(L)->cx);
  *box = table->values;
  table->values = NULL;
  if (table->names) {
    lua_createtable(L, (int)table->columns, 0);
    for (int64_t i = 0; i < table->columns; i++) lua_pushstring(L, table->names[i]), lua_rawseti(L, -2, i + 1);
  } else
    lua_pushnil(L);
  peri_csv_close(table);
  return 2;
}

/* The list of strings at idx as an array in a userdata on the stack; NULL for nil. */
static const char **read_names(lua_State *L, int idx, int64_t *n) {
  *n = 0;
  if (lua_isnil(L, idx)) return NULL;
  if (!lua_istable(L, idx))
    luaL_error(L, "io.write_csv: names must be a list of strings, got %s", luaL_typename(L, idx));
  *n = (int64_t)lua_rawlen(L, idx);
  const char **names = lua_newuserdatauv(L, (size_t)*n * sizeof *names + 1, 0);
  for (int64_t i = 0; i < *n; i++) {
    lua_rawgeti(L, idx, i + 1);
    names[i] = check_text(L, -1, "io.write_csv", "a column's name");
    lua_pop(L, 1);
  }
  return names;
}

static int l_write_csv(lua_State *L) {
  static const char *const options[] = {"sep", NULL};
  const char *path = check_path(L, 1, "io.write_csv");
  peri_tensor *single = test_tensor(L, 2);
  if (!single) luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 4);
  check_options(L, 4, "io.write_csv", options);
  char separator = one_character(L, 4, "io.write_csv", "sep");
  int64_t n = single ? 1 : (int64_t)lua_rawlen(L, 2), named;
  if (n == 0) return luaL_error(L, "io.write_csv: the list of columns is empty");
  peri_tensor **columns = lua_newuserdatauv(L, (size_t)n * sizeof *columns, 0); /* 5 */
  lua_newtable(L);                                                              /* 6: keeps them alive */
  for (int64_t i = 0; i < n; i++) {
    if (single)
      lua_pushvalue(L, 2);
    else
      lua_rawgeti(L, 2, i + 1);
    columns[i] = test_tensor(L, -1);
    if (!columns[i]) columns[i] = to_tensor(L, -1, "io.write_csv", -1);
    lua_rawseti(L, 6, i + 1);
    lua_settop(L, 6);
  }
  const char **names = read_names(L, 3, &named);
  peri_ctx *cx = glue_of(L)->cx;
  return peri_csv_write(cx, path, n, columns, named, names, separator) ? raise_core(L, cx) : 0;
}

/* ---- by content, by extension ---- */

static int l_load(lua_State *L) {
  const char *path = check_path(L, 1, "io.load");
  peri_file_kind kind;
  if (peri_file_sniff(glue_of(L)->cx, path, &kind)) return raise_core(L, glue_of(L)->cx);
  return kind == PERI_FILE_NPY ? l_load_npy(L) : kind == PERI_FILE_NPZ ? l_load_npz(L) : l_read_csv(L);
}

static bool ends_with(const char *path, const char *suffix) {
  size_t n = strlen(path), m = strlen(suffix);
  return n > m && strcmp(path + n - m, suffix) == 0;
}

static int l_save(lua_State *L) {
  const char *path = check_path(L, 1, "io.save");
  luaL_checkany(L, 2);
  if (ends_with(path, ".npy")) return l_save_npy(L);
  if (ends_with(path, ".npz")) return l_save_npz(L);
  if (ends_with(path, ".csv")) return l_write_csv(L);
  if (!ends_with(path, ".tsv"))
    return luaL_error(L, "io.save: '%s': the name must end in .npy, .npz, .csv or .tsv", path);
  lua_settop(L, 3);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "\t");
  lua_setfield(L, -2, "sep");
  return l_write_csv(L);
}

/* ---- data sets ---- */

static int l_load_idx(lua_State *L) {
  const char *path = check_path(L, 1, "io.load_idx");
  int dtype = lua_isnoneornil(L, 2) ? -1 : (int)check_dtype(L, 2, PERI_F64);
  peri_tensor **box = new_box(L);
  *box = peri_idx_read(glue_of(L)->cx, path, dtype);
  return finish(L, box);
}

static int l_load_cifar(lua_State *L) {
  const char *path = check_path(L, 1, "io.load_cifar");
  peri_tensor **images = new_box(L), **labels = new_box(L);
  if (peri_cifar_read(glue_of(L)->cx, path, images, labels)) return raise_core(L, glue_of(L)->cx);
  return 2;
}

static int l_save_cifar(lua_State *L) {
  const char *path = check_path(L, 1, "io.save_cifar");
  peri_tensor *images = check_tensor(L, 2), *labels = check_tensor(L, 3);
  if (peri_cifar_write(path, images, labels)) return raise_core(L, images->cx);
  return 0;
}

static int l_load_libsvm(lua_State *L) {
  static const char *const names[] = {"columns", NULL};
  const char *path = check_path(L, 1, "io.load_libsvm");
  check_options(L, 2, "io.load_libsvm", names);
  int64_t columns = opt_integer(L, 2, "io.load_libsvm", "columns", 0);
  if (columns < 0) return luaL_error(L, "io.load_libsvm: columns must be >= 0, got %I", (LUAI_UACINT)columns);
  peri_tensor **x = new_box(L), **y = new_box(L);
  if (peri_libsvm_read(glue_of(L)->cx, path, columns, x, y)) return raise_core(L, glue_of(L)->cx);
  return 2;
}

/* read_hashed(path, { roles, bits, missing, header, skip_bad, first, rows }) */
static int l_read_hashed(lua_State *L) {
  static const char who[] = "io.read_hashed";
  static const char *const names[] = {"roles", "bits", "missing", "header", "skip_bad", "first", "rows", NULL};
  const char *path = check_path(L, 1, who);
  luaL_checktype(L, 2, LUA_TTABLE);
  check_options(L, 2, who, names);
  peri_hashed_options o = {.roles = opt_string(L, 2, who, "roles", ""), .missing = opt_string(L, 2, who, "missing", ""), .header = opt_string(L, 2, who, "header", NULL)};
  o.bits = opt_integer(L, 2, who, "bits", 18);
  o.skip_bad = opt_boolean(L, 2, who, "skip_bad", false);
  o.first = opt_integer(L, 2, who, "first", 1) - 1;
  o.rows = opt_integer(L, 2, who, "rows", 0);
  peri_tensor **x = new_box(L), **bins = new_box(L), **y = new_box(L);
  peri_hashed out;
  if (peri_hashed_read(glue_of(L)->cx, path, &o, &out)) return raise_core(L, glue_of(L)->cx);
  *x = out.x, *bins = out.bins, *y = out.y;
  for (int64_t i = 0; i < out.bins->size; i++) ((int64_t *)out.bins->data)[i]++;
  lua_pushinteger(L, out.skipped);
  return 4;
}

static const pri_row top[] = {
    {"load", l_load, "pg.load(path[, options]) -> tensor | {name = tensor} | matrix, names",
     "Reads an NPY, NPZ or CSV file, told apart by content; a warning, if any, follows the tensor or table."},
    {"save", l_save, "pg.save(path, tensor | {name = tensor} | columns[, options])",
     "Writes a file of the kind its name ends in: .npy, .npz, .csv, .tsv."},
    {NULL, NULL, NULL, NULL}};

static const pri_row rows[] = {
    {"load_npy", l_load_npy, "io.load_npy(path) -> tensor[, warning]",
     "Reads an array that numpy.save wrote, gzipped or not."},
    {"save_npy", l_save_npy, "io.save_npy(path, tensor)", "Writes the bytes that numpy.save would."},
    {"load_npz", l_load_npz, "io.load_npz(path[, name]) -> {name = tensor} | tensor[, warning]",
     "Reads all arrays, or one, of a file of numpy.savez."},
    {"save_npz", l_save_npz, "io.save_npz(path, {name = tensor}[, {compress = false}])",
     "Writes named arrays as numpy.savez or savez_compressed do, sorted by name."},
    {"read_csv", l_read_csv, "io.read_csv(path[, {sep, comment, header, missing, columns}]) -> matrix, names",
     "Reads a table of numbers; separator and header are found unless given, empty fields are errors unless missing = "
     "true makes them nan."},
    {"write_csv", l_write_csv, "io.write_csv(path, matrix | {columns}[, {names}[, {sep = ','}]])",
     "Writes columns as text that reads back to the same numbers."},
    {"load_idx", l_load_idx, "io.load_idx(path[, dtype]) -> tensor", "Reads an array in IDX form, as MNIST comes, gzipped or not."},
    {"load_cifar", l_load_cifar, "io.load_cifar(path) -> images (n, 3, 32, 32), labels (n) from 0",
     "Reads a file of CIFAR-10 records."},
    {"save_cifar", l_save_cifar, "io.save_cifar(path, images (n, 3, 32, 32) in 0..255, labels (n) from 0)",
     "Writes images, rounded to bytes, as CIFAR-10 records."},
    {"read_hashed", l_read_hashed, "io.read_hashed(path, { roles[, bits = 18, missing = \"\", header, skip_bad = false, first = 1, rows] }) -> x, bins, y, skipped",
     "Reads rows of numbers and categories separated by tabs, categories hashed into bins 1..2^bits; roles has a letter a column: y label, i integer, f number, c category, h hexadecimal category, - nothing."},
    {"load_libsvm", l_load_libsvm, "io.load_libsvm(path[, {columns}]) -> x (n, d), y (n)", "Reads labelled sparse rows into a dense matrix."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_io(lua_State *L) {
  pri_register(L, "io", rows, 0);
  pri_register(L, "tensor", top, 0);
}
