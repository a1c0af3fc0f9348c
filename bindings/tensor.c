/* tensor.c - making tensors, asking about them, printing them, indexing by integers. */
#include "peri_lua.h"
#include <math.h>
#include <perigee/ad.h>
#include <stdio.h>
#include <string.h>

/* ---- making ---- */

typedef peri_tensor *(*maker)(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims);

/* {dims}[, dtype] */
static int make(lua_State *L, const char *who, maker f) {
  int64_t dims[PERI_MAXDIM];
  bool list = lua_istable(L, 1);
  int nd = check_dims(L, 1, who, dims);
  peri_dtype t = list ? check_dtype(L, 2, PERI_F64) : PERI_F64;
  peri_tensor **box = new_box(L);
  *box = f(glue_of(L)->cx, t, nd, dims);
  return finish(L, box);
}

static peri_tensor *ones(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims) { return peri_full(cx, t, nd, dims, 1); }

static int l_zeros(lua_State *L) { return make(L, "tensor.zeros", peri_zeros); }
static int l_ones(lua_State *L) { return make(L, "tensor.ones", ones); }

static int l_full(lua_State *L) {
  int64_t dims[PERI_MAXDIM];
  luaL_checktype(L, 1, LUA_TTABLE);
  int nd = check_dims(L, 1, "tensor.full", dims);
  lua_Number v = lua_isboolean(L, 2) ? lua_toboolean(L, 2) : luaL_checknumber(L, 2);
  peri_dtype t = check_dtype(L, 3, lua_isboolean(L, 2) ? PERI_BOOL : PERI_F64);
  peri_tensor **box = new_box(L);
  *box = t == PERI_I64 && lua_isinteger(L, 2) ? peri_new(glue_of(L)->cx, t, nd, dims) : peri_full(glue_of(L)->cx, t, nd, dims, v);
  if (*box && t == PERI_I64 && lua_isinteger(L, 2)) /* beyond 2^53 a double would round */
    for (int64_t i = 0; i < (*box)->size; i++) ((int64_t *)(*box)->data)[i] = lua_tointeger(L, 2);
  return finish(L, box);
}

static int l_arange(lua_State *L) {
  bool whole = true;
  int n = 0;
  for (; n < 3 && lua_type(L, n + 1) == LUA_TNUMBER; n++) whole &= lua_isinteger(L, n + 1) != 0;
  if (n == 0) luaL_typeerror(L, 1, "number");
  double a = n == 1 ? 0 : lua_tonumber(L, 1), b = n == 1 ? lua_tonumber(L, 1) : lua_tonumber(L, 2), s = n == 3 ? lua_tonumber(L, 3) : 1;
  peri_dtype t = check_dtype(L, n + 1, whole ? PERI_I64 : PERI_F64);
  peri_tensor **box = new_box(L);
  *box = peri_arange(glue_of(L)->cx, t, a, b, s);
  return finish(L, box);
}

static int l_linspace(lua_State *L) {
  double a = luaL_checknumber(L, 1), b = luaL_checknumber(L, 2);
  int64_t n = check_integer(L, 3, "tensor.linspace", "the number of points");
  peri_tensor **box = new_box(L);
  *box = peri_linspace(glue_of(L)->cx, a, b, n);
  return finish(L, box);
}

static int l_logspace(lua_State *L) {
  double a = luaL_checknumber(L, 1), b = luaL_checknumber(L, 2);
  int64_t n = check_integer(L, 3, "tensor.logspace", "the number of points");
  peri_tensor **box = new_box(L);
  *box = peri_linspace(glue_of(L)->cx, a, b, n);
  for (int64_t i = 0; *box && i < (*box)->size; i++) {
    double *x = (double *)(*box)->data + i;
    *x = pow(10, *x);
  }
  return finish(L, box);
}

static int l_eye(lua_State *L) {
  int64_t n = check_integer(L, 1, "tensor.eye", "the number of rows");
  int64_t m = lua_type(L, 2) == LUA_TNUMBER ? check_integer(L, 2, "tensor.eye", "the number of columns") : n;
  peri_dtype t = check_dtype(L, lua_type(L, 2) == LUA_TNUMBER ? 3 : 2, PERI_F64);
  peri_tensor **box = new_box(L);
  *box = peri_eye(glue_of(L)->cx, t, n, m);
  return finish(L, box);
}

/* ---- from nested tables ---- */

typedef struct {
  const char *who;
  int nd, rank;  /* rank: 0 unknown, 1 bool, 2 integer, 3 float */
  int64_t dims[PERI_MAXDIM];
} nest;

static int rank_of(lua_State *L, int idx) {
  if (lua_isboolean(L, idx)) return 1;
  return lua_type(L, idx) != LUA_TNUMBER ? 0 : lua_isinteger(L, idx) ? 2 : 3;
}

/* Follows first elements down to a leaf: dimensions. */
static void measure(lua_State *L, int idx, nest *n) {
  lua_pushvalue(L, idx);
  int top = lua_gettop(L);
  luaL_checkstack(L, PERI_MAXDIM + 4, n->who);
  while (lua_istable(L, -1)) {
    if (n->nd == PERI_MAXDIM) luaL_error(L, "%s: the table is nested more than %d deep", n->who, PERI_MAXDIM);
    n->dims[n->nd++] = (int64_t)lua_rawlen(L, -1);
    if (n->dims[n->nd - 1] == 0) break;
    lua_rawgeti(L, -1, 1);
  }
  lua_settop(L, top - 1);
}

/* Visits the leaves in order, checking the shape: first to find the rank (data NULL), then to fill f64 or i64 data. */
static void visit(lua_State *L, nest *n, int axis, peri_dtype t, void **data) {
  if (axis == n->nd) {
    int rank = rank_of(L, -1);
    if (!rank) luaL_error(L, "%s: elements must be numbers or booleans, got %s", n->who, luaL_typename(L, -1));
    if (rank > n->rank) n->rank = rank;
    if (data && t == PERI_I64) *(int64_t *)*data = rank == 1 ? lua_toboolean(L, -1) : lua_tointeger(L, -1), *data = (int64_t *)*data + 1;
    else if (data) *(double *)*data = rank == 1 ? lua_toboolean(L, -1) : lua_tonumber(L, -1), *data = (double *)*data + 1;
    return;
  }
  if (!lua_istable(L, -1)) luaL_error(L, "%s: rows are of different depth: a table was expected, got %s", n->who, luaL_typename(L, -1));
  if ((int64_t)lua_rawlen(L, -1) != n->dims[axis])
    luaL_error(L, "%s: rows are of different length: %I and %I at depth %d", n->who, (LUAI_UACINT)n->dims[axis],
               (LUAI_UACINT)lua_rawlen(L, -1), axis + 1);
  for (int64_t i = 1; i <= n->dims[axis]; i++) {
    lua_rawgeti(L, -1, i);
    visit(L, n, axis + 1, t, data);
    lua_pop(L, 1);
  }
}

peri_tensor *to_tensor(lua_State *L, int idx, const char *who, int dtype) {
  idx = lua_absindex(L, idx);
  peri_ctx *cx = glue_of(L)->cx;
  peri_tensor *t = test_tensor(L, idx);
  nest n = {.who = who};
  if (t) {
    peri_tensor **box = new_box(L);
    *box = dtype < 0 || (int)t->dtype == dtype ? peri_retain(t) : peri_cast(t, (peri_dtype)dtype);
    if (!*box) raise_core(L, cx);
    return *box;
  }
  if (!lua_istable(L, idx) && !rank_of(L, idx)) luaL_typeerror(L, idx, "tensor, table of numbers, or number");
  measure(L, idx, &n);
  lua_pushvalue(L, idx);
  visit(L, &n, 0, PERI_F64, NULL);
  peri_dtype natural = n.rank == 1 ? PERI_BOOL : n.rank == 2 ? PERI_I64 : PERI_F64;
  peri_dtype target = dtype < 0 ? natural : (peri_dtype)dtype;
  peri_dtype filled = n.rank == 2 && target == PERI_I64 ? PERI_I64 : PERI_F64;
  peri_tensor **wide = new_box(L);
  *wide = peri_new(cx, filled, n.nd, n.dims);
  if (!*wide) raise_core(L, cx);
  lua_pushvalue(L, idx);
  void *at = (*wide)->data;
  visit(L, &n, 0, filled, &at);
  lua_pop(L, 1);
  lua_remove(L, -2); /* the copy of the argument; the box stays on top */
  if (target == filled) return *wide;
  peri_tensor **box = new_box(L);
  *box = peri_cast(*wide, target);
  if (!*box) raise_core(L, cx);
  lua_remove(L, -2);
  return *box;
}

static int l_tensor(lua_State *L) {
  peri_tensor *t = test_tensor(L, 1);
  if (t) { /* a copy, as of a table */
    peri_dtype to = check_dtype(L, 2, (peri_dtype)t->dtype);
    peri_tensor **box = new_box(L);
    *box = peri_cast(t, to);
    return finish(L, box);
  }
  int dtype = lua_isnoneornil(L, 2) ? -1 : (int)check_dtype(L, 2, PERI_F64);
  luaL_checkany(L, 1);
  nest probe = {0};
  if (dtype < 0 && lua_istable(L, 1)) { /* {1, 2, 3} is meant as real numbers: integers are asked for by name */
    measure(L, 1, &probe);
    to_tensor(L, 1, "tensor", -1);
    if ((*(peri_tensor **)lua_touserdata(L, -1))->dtype == PERI_I64) to_tensor(L, 1, "tensor", PERI_F64);
    return 1;
  }
  if (dtype < 0 && lua_type(L, 1) == LUA_TNUMBER) dtype = PERI_F64;
  to_tensor(L, 1, "tensor", dtype);
  return 1;
}

/* ---- copies ---- */

static int l_clone(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1), **box = new_box(L);
  *box = peri_clone(t);
  return finish(L, box);
}

static int l_contiguous(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1), **box = new_box(L);
  *box = peri_contiguous(t);
  return finish(L, box);
}

static int l_cast(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  luaL_checkstring(L, 2);
  peri_dtype to = check_dtype(L, 2, PERI_F64);
  peri_tensor **box = new_box(L);
  *box = peri_cast(t, to);
  return finish(L, box);
}

static int copy_(lua_State *L, const char *name) {
  peri_tensor *t = check_tensor(L, 1), *src = keep_operand(L, 2);
  note_write(L, t, name);
  if (peri_copy_(t, src)) return raise_core(L, t->cx);
  lua_settop(L, 1);
  return 1;
}

static int l_copy_(lua_State *L) { return copy_(L, "tensor.copy_"); }

static int l_fill_(lua_State *L) {
  if (lua_isboolean(L, 2)) lua_pushinteger(L, lua_toboolean(L, 2)), lua_replace(L, 2);
  luaL_checknumber(L, 2);
  return copy_(L, "tensor.fill_");
}

/* ---- asking ---- */

static int l_dim(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int64_t k = check_integer(L, 2, "tensor.dim", "the axis"), axis = k < 0 ? k + t->ndim : k - 1;
  if (k == 0 || axis < 0 || axis >= t->ndim) return luaL_error(L, "tensor.dim: axis %I of a tensor of shape %s", (LUAI_UACINT)k, peri_shape(t));
  lua_pushinteger(L, t->dims[axis]);
  return 1;
}

static int l_dims(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  lua_createtable(L, t->ndim, 0);
  for (int i = 0; i < t->ndim; i++) lua_pushinteger(L, t->dims[i]), lua_rawseti(L, -2, i + 1);
  return 1;
}

static int l_ndim(lua_State *L) { return lua_pushinteger(L, check_tensor(L, 1)->ndim), 1; }
static int l_size(lua_State *L) { return lua_pushinteger(L, check_tensor(L, 1)->size), 1; }
static int l_dtype(lua_State *L) { return lua_pushstring(L, peri_dtype_name((peri_dtype)check_tensor(L, 1)->dtype)), 1; }
static int l_is_contiguous(lua_State *L) { return lua_pushboolean(L, peri_is_contiguous(check_tensor(L, 1))), 1; }

static int l_len(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  if (t->ndim == 0) return luaL_error(L, "tensor: a 0-d tensor has no length; read its value with :item()");
  lua_pushinteger(L, t->dims[0]);
  return 1;
}

static int l_is_tensor(lua_State *L) { return lua_pushboolean(L, test_tensor(L, 1) != NULL), 1; }

static int l_item(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  if (t->size != 1) return luaL_error(L, "tensor.item: the tensor has shape %s; only one element can be read as a number", peri_shape(t));
  if (t->dtype == PERI_C128) { /* re, im */
    lua_pushnumber(L, ((double *)t->data)[0]);
    lua_pushnumber(L, ((double *)t->data)[1]);
    return 2;
  }
  push_element(L, t, 0);
  return 1;
}

static void push_list(lua_State *L, const peri_tensor *t, int axis, int64_t from) {
  luaL_checkstack(L, 3, "tensor.tolist");
  if (axis == t->ndim) {
    push_element(L, t, from);
    return;
  }
  int64_t inner = 1;
  for (int i = axis + 1; i < t->ndim; i++) inner *= t->dims[i];
  lua_createtable(L, (int)t->dims[axis], 0);
  for (int64_t i = 0; i < t->dims[axis]; i++) {
    push_list(L, t, axis + 1, from + i * inner);
    lua_rawseti(L, -2, i + 1);
  }
}

static int l_tolist(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  push_list(L, t, 0, 0);
  return 1;
}

/* ---- printing ---- */

static void add_element(luaL_Buffer *b, const peri_tensor *t, int64_t k) {
  char s[64];
  if (t->dtype == PERI_BOOL) snprintf(s, sizeof s, "%s", peri_item_i64(t, k) ? "true" : "false");
  else if (t->dtype == PERI_I64) snprintf(s, sizeof s, "%lld", (long long)peri_item_i64(t, k));
  else if (t->dtype != PERI_C128) snprintf(s, sizeof s, "%.6g", peri_item(t, k));
  else {
    int64_t offset = 0, rest = k;
    for (int i = t->ndim - 1; i >= 0; i--) offset += rest % t->dims[i] * t->strides[i], rest /= t->dims[i];
    const double *z = (const double *)t->data + 2 * offset;
    snprintf(s, sizeof s, "%.6g%+.6gi", z[0], z[1]);
  }
  for (char *c = s; *c; c++)
    if (*c == ',') *c = '.'; /* the host's locale may write a comma */
  luaL_addstring(b, s);
}

enum { EDGE = 3, MANY = 12 }; /* longer axes show their ends */

static void add_axis(luaL_Buffer *b, const peri_tensor *t, int axis, int64_t from, int indent) {
  if (axis == t->ndim) {
    add_element(b, t, from);
    return;
  }
  int64_t n = t->dims[axis], inner = 1;
  for (int i = axis + 1; i < t->ndim; i++) inner *= t->dims[i];
  luaL_addchar(b, '[');
  for (int64_t i = 0; i < n; i++) {
    if (i > 0) luaL_addstring(b, axis == t->ndim - 1 ? ", " : ",\n");
    if (i > 0 && axis < t->ndim - 1)
      for (int k = 0; k <= indent; k++) luaL_addchar(b, ' ');
    if (n > MANY && i == EDGE) {
      luaL_addstring(b, "...");
      i = n - EDGE - 1;
      continue;
    }
    add_axis(b, t, axis + 1, from + i * inner, indent + 1);
  }
  luaL_addchar(b, ']');
}

static int l_tostring(lua_State *L) {
  peri_tensor *t = test_tensor(L, 1);
  luaL_Buffer b;
  if (!t) return lua_pushliteral(L, "tensor (closed)"), 1;
  luaL_buffinit(L, &b);
  luaL_addstring(&b, "tensor ");
  luaL_addstring(&b, peri_dtype_name((peri_dtype)t->dtype));
  luaL_addchar(&b, ' ');
  luaL_addstring(&b, peri_shape(t));
  if (t->size > 0) {
    luaL_addchar(&b, '\n');
    add_axis(&b, t, 0, 0, 0);
  }
  luaL_pushresult(&b);
  return 1;
}

/* ---- life, indexing ---- */

static int l_gc(lua_State *L) {
  peri_tensor **box = lua_touserdata(L, 1);
  if (!box || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(1))) return 0;
  peri_tensor *t = *box;
  *box = NULL;
  peri_release(t);
  return 0;
}

static int bad_index(lua_State *L, const peri_tensor *t, lua_Integer i) {
  return luaL_error(L, "tensor: index %I of a tensor of shape %s", (LUAI_UACINT)i, peri_shape(t));
}

/* Position 0.. of index i (1.. or -1..) along axis 1. */
static inline int64_t position(lua_State *L, const peri_tensor *t, lua_Integer i) {
  if (t->ndim == 0) luaL_error(L, "tensor: a 0-d tensor has no index; read its value with :item()");
  int64_t k = i < 0 ? i + t->dims[0] : i - 1;
  if (i == 0 || k < 0 || k >= t->dims[0]) bad_index(L, t, i);
  return k;
}

static int get_integer(lua_State *L, peri_tensor *t, lua_Integer i) {
  int64_t k = position(L, t, i);
  if (t->ndim == 1 && !peri_recorded(t) && t->dtype != PERI_C128) {
    push_element(L, t, k);
    return 1;
  }
  lua_settop(L, 2);
  return l_index(L);
}

/* t[key]: methods by name first, then integers; tables and tensors go to index.c. */
static int l_get(lua_State *L) {
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(3));
    return 1;
  }
  peri_tensor *t = check_tensor(L, 1);
  if (lua_isinteger(L, 2)) return get_integer(L, t, lua_tointeger(L, 2));
  return l_index(L);
}

static int l_set(lua_State *L) {
  check_tensor(L, 1);
  if (lua_type(L, 2) == LUA_TSTRING) return luaL_error(L, "tensor: has no field '%s' to assign to", lua_tostring(L, 2));
  return l_newindex(L);
}

/* ---- the library's own state ---- */

static int l_memory(lua_State *L) {
  size_t used, peak, limit;
  peri_memory(glue_of(L)->cx, &used, &peak, &limit);
  lua_pushinteger(L, (lua_Integer)used);
  lua_pushinteger(L, (lua_Integer)peak);
  lua_pushinteger(L, (lua_Integer)limit);
  return 3;
}

static int l_threads(lua_State *L) {
  if (!lua_isnoneornil(L, 1)) {
    int64_t n = check_integer(L, 1, "threads", "the number of threads");
    if (n < 1 || n > 1024) return luaL_error(L, "threads: the number of threads must lie in 1..1024, got %I", (LUAI_UACINT)n);
    peri_set_threads(glue_of(L)->cx, (int)n);
  }
  lua_pushinteger(L, peri_stats(glue_of(L)->cx).threads);
  return 1;
}

static int l_isa(lua_State *L) { return lua_pushstring(L, peri_isa(glue_of(L)->cx)), 1; }

static const pri_row functions[] = {
    {"tensor", l_tensor, "pg.tensor(nested table | tensor | number[, dtype])", "A new tensor with these values (f64 unless booleans or a dtype say otherwise)."},
    {"zeros", l_zeros, "pg.zeros({dims}[, dtype])", "A tensor of zeros."},
    {"ones", l_ones, "pg.ones({dims}[, dtype])", "A tensor of ones."},
    {"full", l_full, "pg.full({dims}, value[, dtype])", "A tensor whose elements all are value."},
    {"arange", l_arange, "pg.arange([from,] to[, step][, dtype])", "from, from + step, ... below to; i64 if all arguments are integers."},
    {"linspace", l_linspace, "pg.linspace(from, to, n)", "n evenly spaced points, both ends included."},
    {"logspace", l_logspace, "pg.logspace(from, to, n)", "10^e for n evenly spaced exponents e, both ends included."},
    {"eye", l_eye, "pg.eye(rows[, columns][, dtype])", "A matrix with ones on its diagonal."},
    {"is_tensor", l_is_tensor, "pg.is_tensor(value)", "Whether a value is a tensor that has not been closed."},
    {"memory", l_memory, "pg.memory() -> used, peak, limit", "Bytes of the context in use, at most so far, and allowed (0: no limit)."},
    {"threads", l_threads, "pg.threads([n])", "Sets, if n is given, and returns how many threads one call may use."},
    {"isa", l_isa, "pg.isa()", "Which kernels run: avx512, avx2 or baseline."},
    {NULL, NULL, NULL, NULL}};

static const pri_row methods[] = {
    {"clone", l_clone, "a:clone()", "A contiguous copy."},
    {"contiguous", l_contiguous, "a:contiguous()", "The tensor itself if its elements lie in order without gaps, otherwise a copy."},
    {"cast", l_cast, "a:cast(dtype)", "A copy with elements of another dtype; floats truncate towards 0 as i64."},
    {"copy_", l_copy_, "a:copy_(b)", "Writes b, broadcast and cast, into a, and returns a."},
    {"fill_", l_fill_, "a:fill_(value)", "Sets every element, and returns the tensor."},
    {"dim", l_dim, "a:dim(axis)", "Length of an axis; -1 is the last."},
    {"dims", l_dims, "a:dims()", "The shape as a list."},
    {"ndim", l_ndim, "a:ndim()", "The number of axes."},
    {"size", l_size, "a:size()", "The number of elements."},
    {"dtype", l_dtype, "a:dtype()", "bool, i64, f32, f64 or c128."},
    {"is_contiguous", l_is_contiguous, "a:is_contiguous()", "Whether the elements lie in order without gaps."},
    {"item", l_item, "a:item()", "The value of a tensor of one element; of c128 its two parts."},
    {"tolist", l_tolist, "a:tolist()", "The values as nested tables."},
    {NULL, NULL, NULL, NULL}};

static void metamethod(lua_State *L, const char *name, lua_CFunction fn) {
  pri_set_closure(L, fn, NULL);
  lua_setfield(L, -2, name);
}

void pri_bind_tensor(lua_State *L) {
  pri_register(L, "tensor", functions, 0);
  pri_register(L, "tensor", methods, PRI_METHODS);
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.tensor");
  metamethod(L, "__gc", l_gc);
  metamethod(L, "__close", l_gc);
  metamethod(L, "__len", l_len);
  metamethod(L, "__tostring", l_tostring);
  metamethod(L, "__newindex", l_set);
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.tensor"); /* l_get: a third upvalue, the methods */
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.glue");
  lua_getfield(L, -3, "methods");
  lua_pushcclosure(L, l_get, 3);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "tensor");
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
