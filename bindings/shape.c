/* shape.c - views, joins, repetitions and triangles for Lua: axes from 1, ranges with both ends. */
#include "subscript.h"
#include <perigee/shape.h>

/* Shape at idx.. as {3, -1} or 3, -1; a -1 is allowed. Returns the number of dimensions. */
static int check_shape(lua_State *L, int idx, const char *who, int64_t *dims) {
  bool list = lua_istable(L, idx);
  lua_Unsigned n = list ? lua_rawlen(L, idx) : (lua_Unsigned)(lua_gettop(L) >= idx ? lua_gettop(L) - idx + 1 : 0);
  if (n > PERI_MAXDIM)
    luaL_error(L, "%s: %d dimensions; at most %d are supported", who, (int)(n > 1000000 ? 1000000 : n), PERI_MAXDIM);
  for (int i = 0; i < (int)n; i++) {
    if (list)
      lua_rawgeti(L, idx, i + 1);
    else
      lua_pushvalue(L, idx + i);
    dims[i] = check_integer(L, -1, who, "a dimension");
    lua_pop(L, 1);
  }
  return (int)n;
}

/* Axes at idx, an integer or a list of them, as a bit set; 0 for nil and none. */
static uint32_t check_axes(lua_State *L, int idx, const char *who, const peri_tensor *t) {
  uint32_t axes = 0;
  if (!lua_istable(L, idx)) return lua_isnoneornil(L, idx) ? 0 : 1u << pri_check_axis(L, idx, who, t, t->ndim, 0);
  for (lua_Unsigned i = 1; i <= lua_rawlen(L, idx); i++) {
    lua_rawgeti(L, idx, (lua_Integer)i);
    int axis = pri_check_axis(L, -1, who, t, t->ndim, 0);
    if (axes & 1u << axis) luaL_error(L, "%s: axis %d is given twice", who, axis + 1);
    axes |= 1u << axis;
    lua_pop(L, 1);
  }
  if (!axes) luaL_error(L, "%s: the list of axes is empty", who);
  return axes;
}

static int64_t opt_whole(lua_State *L, int idx, const char *who, const char *name, int64_t missing) {
  return lua_isnoneornil(L, idx) ? missing : check_integer(L, idx, who, name);
}

/* ---- views ---- */

static int l_slice(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int64_t v[3] = {0};
  int has = 0;
  int axis = pri_check_axis(L, 2, "tensor.slice", t, t->ndim, -1);
  for (int i = 0; i < 3; i++)
    if (!lua_isnoneornil(L, 3 + i)) v[i] = check_integer(L, 3 + i, "tensor.slice", "a bound"), has |= 1 << i;
  pri_range r = pri_resolve_range(L, "tensor.slice", axis, t->dims[axis], v[0], v[1], v[2], has);
  peri_tensor **box = new_box(L);
  *box = peri_slice(t, axis, r.from, r.to, r.step);
  return finish(L, box);
}

static int l_narrow(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int axis = pri_check_axis(L, 2, "tensor.narrow", t, t->ndim, -1);
  int64_t n = t->dims[axis], from = check_integer(L, 3, "tensor.narrow", "the first index");
  int64_t length = check_integer(L, 4, "tensor.narrow", "the length"), first = from < 0 ? from + n : from - 1;
  if (from == 0 || first < 0 || first > n || length < 0 || length > n - first)
    return luaL_error(L, "tensor.narrow: %I elements from index %I of axis %d, which has length %I",
                      (LUAI_UACINT)length, (LUAI_UACINT)from, axis + 1, (LUAI_UACINT)n);
  peri_tensor **box = new_box(L);
  *box = peri_narrow(t, axis, first, length);
  return finish(L, box);
}

static int l_select(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int axis = pri_check_axis(L, 2, "tensor.select", t, t->ndim, -1);
  int64_t i =
      pri_resolve_index(L, "tensor.select", axis, t->dims[axis], check_integer(L, 3, "tensor.select", "the index"));
  peri_tensor **box = new_box(L);
  *box = peri_select(t, axis, i);
  return finish(L, box);
}

static int l_reshape(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int64_t dims[PERI_MAXDIM];
  int nd = check_shape(L, 2, "tensor.reshape", dims);
  peri_tensor **box = new_box(L);
  *box = peri_reshape(t, nd, dims);
  return finish(L, box);
}

static int l_broadcast_to(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int64_t dims[PERI_MAXDIM];
  int nd = check_shape(L, 2, "tensor.broadcast_to", dims);
  peri_tensor **box = new_box(L);
  *box = peri_broadcast_to(t, nd, dims);
  return finish(L, box);
}

static int l_flatten(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int last_axis = t->ndim ? t->ndim - 1 : 0, axes = last_axis + 1; /* a 0-d tensor flattens to one element */
  int first = pri_check_axis(L, 2, "tensor.flatten", t, axes, 0),
      last = pri_check_axis(L, 3, "tensor.flatten", t, axes, last_axis);
  peri_tensor **box = new_box(L);
  *box = peri_flatten(t, first, last);
  return finish(L, box);
}

static int l_transpose(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  if (t->ndim < 2) return luaL_error(L, "tensor.transpose: shape %s has no two axes", peri_shape(t));
  int a = pri_check_axis(L, 2, "tensor.transpose", t, t->ndim, t->ndim - 2);
  int b = pri_check_axis(L, 3, "tensor.transpose", t, t->ndim, t->ndim - 1);
  peri_tensor **box = new_box(L);
  *box = peri_transpose(t, a, b);
  return finish(L, box);
}

static int l_permute(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int64_t given[PERI_MAXDIM];
  int axes[PERI_MAXDIM], n = check_shape(L, 2, "tensor.permute", given);
  for (int i = 0; i < n; i++) {
    lua_pushinteger(L, given[i]);
    axes[i] = pri_check_axis(L, -1, "tensor.permute", t, t->ndim, 0);
    lua_pop(L, 1);
  }
  peri_tensor **box = new_box(L);
  *box = peri_permute(t, n, axes);
  return finish(L, box);
}

static int l_squeeze(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  uint32_t axes = check_axes(L, 2, "tensor.squeeze", t);
  peri_tensor **box = new_box(L);
  *box = peri_squeeze(t, axes);
  return finish(L, box);
}

static int l_unsqueeze(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int axis = pri_check_axis(L, 2, "tensor.unsqueeze", t, t->ndim + 1, -1);
  peri_tensor **box = new_box(L);
  *box = peri_unsqueeze(t, axis);
  return finish(L, box);
}

static int l_flip(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  uint32_t axes = check_axes(L, 2, "tensor.flip", t);
  peri_tensor **box = new_box(L);
  *box = peri_flip(t, axes);
  return finish(L, box);
}

typedef peri_tensor *(*diagonal_op)(peri_tensor *t, int64_t k);

static int diagonal(lua_State *L, const char *who, diagonal_op f) {
  peri_tensor *t = check_tensor(L, 1);
  int64_t k = opt_whole(L, 2, who, "the diagonal", 0);
  peri_tensor **box = new_box(L);
  *box = f(t, k);
  return finish(L, box);
}

static int l_diagonal(lua_State *L) { return diagonal(L, "tensor.diagonal", peri_diagonal); }
static int l_diag(lua_State *L) { return diagonal(L, "tensor.diag", peri_diag); }
static int l_tril(lua_State *L) { return diagonal(L, "tensor.tril", peri_tril); }
static int l_triu(lua_State *L) { return diagonal(L, "tensor.triu", peri_triu); }

/* Lengths at idx: a list, or the number of parts. Returns the number of parts; the array, or NULL, is a userdata on
** the stack. */
static int check_parts(lua_State *L, int idx, int64_t **lengths) {
  *lengths = NULL;
  if (!lua_istable(L, idx)) {
    int64_t n = check_integer(L, idx, "tensor.split", "the number of parts");
    if (n < 1 || n > 1000000)
      luaL_error(L, "tensor.split: the number of parts must lie in 1..1000000, got %I", (LUAI_UACINT)n);
    lua_pushnil(L);
    return (int)n;
  }
  lua_Unsigned n = lua_rawlen(L, idx);
  if (n < 1 || n > 1000000)
    luaL_error(L, "tensor.split: the list of lengths has %I entries; give 1 to 1000000", (LUAI_UACINT)n);
  *lengths = lua_newuserdatauv(L, (size_t)n * sizeof **lengths, 0);
  for (int i = 0; i < (int)n; i++) {
    lua_rawgeti(L, idx, i + 1);
    (*lengths)[i] = check_integer(L, -1, "tensor.split", "a length");
    lua_pop(L, 1);
  }
  return (int)n;
}

static int l_split(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int64_t *lengths, from = 0;
  int axis = pri_check_axis(L, 3, "tensor.split", t, t->ndim, 0), n = check_parts(L, 2, &lengths);
  int64_t total = 0, dim = t->dims[axis];
  bool fits = true;
  for (int i = 0; lengths && i < n; i++) {
    fits = fits && lengths[i] >= 0 && lengths[i] <= dim - total;
    if (fits) total += lengths[i];
  }
  if (lengths && (!fits || total != dim))
    return luaL_error(L, "tensor.split: the lengths do not add up to the %I elements of axis %d", (LUAI_UACINT)dim,
                      axis + 1);
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    int64_t length = lengths ? lengths[i] : dim / n + (i < dim % n);
    peri_tensor **box = new_box(L);
    *box = peri_narrow(t, axis, from, length);
    if (!*box) return raise_core(L, t->cx);
    lua_rawseti(L, -2, i + 1);
    from += length;
  }
  return 1;
}

static int l_meshgrid(lua_State *L) {
  int n = lua_gettop(L);
  peri_tensor *v[PERI_MAXDIM], *grid[PERI_MAXDIM];
  if (n < 1 || n > PERI_MAXDIM) return luaL_error(L, "meshgrid: give 1 to %d vectors, got %d", PERI_MAXDIM, n);
  for (int i = 0; i < n; i++) v[i] = check_tensor(L, i + 1);
  peri_tensor **boxes[PERI_MAXDIM];
  for (int i = 0; i < n; i++) boxes[i] = new_box(L);
  if (peri_meshgrid(v, n, grid)) return raise_core(L, glue_of(L)->cx);
  for (int i = 0; i < n; i++) *boxes[i] = grid[i];
  return n;
}

/* ---- joining ---- */

typedef peri_tensor *(*joiner)(peri_tensor *const *t, int n, int axis);

/* ({x, y, ...}[, axis]). A second list keeps the tensors alive, whatever a finaliser does to the first. */
static int join(lua_State *L, const char *who, joiner f, bool numbers, int extra) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Unsigned n = lua_rawlen(L, 1);
  if (n == 0) return luaL_error(L, "%s: the list is empty", who);
  if (n > 100000000) return luaL_error(L, "%s: the list is too long", who);
  lua_settop(L, 2);
  peri_tensor **list = lua_newuserdatauv(L, (size_t)n * sizeof *list, 0);
  lua_newtable(L);
  for (lua_Unsigned i = 0; i < n; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    list[i] = test_tensor(L, -1);
    if (!list[i] && numbers && (lua_type(L, -1) == LUA_TNUMBER || lua_isboolean(L, -1))) list[i] = keep_operand(L, -1);
    if (!list[i])
      return luaL_error(L, "%s: entry %d of the list is no tensor but a %s", who, (int)i + 1, luaL_typename(L, -1));
    lua_rawseti(L, 4, (lua_Integer)i + 1);
    lua_settop(L, 4);
  }
  int axis = pri_check_axis(L, 2, who, list[0], list[0]->ndim + extra, 0);
  peri_tensor **box = new_box(L);
  *box = f(list, (int)n, axis);
  return finish(L, box);
}

static int l_concatenate(lua_State *L) { return join(L, "tensor.concatenate", peri_concatenate, false, 0); }
static int l_stack(lua_State *L) { return join(L, "tensor.stack", peri_stack, true, 1); }

/* ---- repeating and padding ---- */

static int l_roll(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int64_t shift = check_integer(L, 2, "tensor.roll", "the shift");
  int axis = pri_check_axis(L, 3, "tensor.roll", t, t->ndim, 0);
  peri_tensor **box = new_box(L);
  *box = peri_roll(t, shift, axis);
  return finish(L, box);
}

static int l_repeat_each(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int64_t n = check_integer(L, 2, "tensor.repeat_each", "the number of repetitions");
  int axis = pri_check_axis(L, 3, "tensor.repeat_each", t, t->ndim, 0);
  peri_tensor **box = new_box(L);
  *box = peri_repeat_each(t, n, axis);
  return finish(L, box);
}

static int l_tile(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int64_t given[PERI_MAXDIM], times[PERI_MAXDIM];
  int n = check_shape(L, 2, "tensor.tile", given), nd = n < t->ndim ? t->ndim : n;
  for (int i = 0; i < nd; i++) times[i] = i < nd - n ? 1 : given[i - (nd - n)];
  peri_tensor **box = new_box(L);
  *box = peri_tile(t, nd, times);
  return finish(L, box);
}

/* x:pad({{1, 1}, {0, 2}}[, value]); a number in place of a pair pads both ends; {1, 2} pads a vector. */
static int l_pad(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  int64_t before[PERI_MAXDIM] = {0}, after[PERI_MAXDIM] = {0};
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Number value = luaL_optnumber(L, 3, 0);
  if (lua_rawlen(L, 2) != t->ndim)
    return luaL_error(L, "tensor.pad: %d pairs {before, after} for a tensor of shape %s", (int)lua_rawlen(L, 2),
                      peri_shape(t));
  for (int i = 0; i < t->ndim; i++) {
    if (lua_rawgeti(L, 2, i + 1) == LUA_TTABLE) {
      lua_rawgeti(L, -1, 1);
      lua_rawgeti(L, -2, 2);
      before[i] = check_integer(L, -2, "tensor.pad", "a width");
      after[i] = check_integer(L, -1, "tensor.pad", "a width");
    } else
      before[i] = after[i] = check_integer(L, -1, "tensor.pad", "a width");
    lua_settop(L, 3);
  }
  peri_tensor **box = new_box(L);
  *box = peri_pad(t, before, after, value);
  return finish(L, box);
}

/* unpack(theta, {20, 64}, {64}, ...) */
static int l_unpack(lua_State *L) {
  peri_tensor *theta = check_tensor(L, 1);
  int n = lua_gettop(L) - 1;
  if (n < 1) return luaL_error(L, "tensor.unpack: no shapes; the call is pg.unpack(theta, {dims}, {dims}, ...)");
  luaL_checkstack(L, n + 4, "tensor.unpack");
  peri_dims *shapes = lua_newuserdatauv(L, (size_t)n * sizeof *shapes, 0);
  peri_tensor **out = lua_newuserdatauv(L, (size_t)n * sizeof *out, 0);
  for (int i = 0; i < n; i++) {
    luaL_checktype(L, 2 + i, LUA_TTABLE);
    shapes[i].nd = check_dims(L, 2 + i, "tensor.unpack", shapes[i].dims);
  }
  int base = lua_gettop(L);
  for (int i = 0; i < n; i++) new_box(L);
  if (peri_unpack(theta, n, shapes, out)) return raise_core(L, theta->cx);
  for (int i = 0; i < n; i++) *(peri_tensor **)lua_touserdata(L, base + 1 + i) = out[i];
  return n;
}

static int l_pack(lua_State *L) {
  int n = lua_gettop(L);
  if (n < 1) return luaL_error(L, "tensor.pack: nothing to pack; the call is pg.pack(a, b, ...)");
  peri_tensor **t = lua_newuserdatauv(L, (size_t)n * sizeof *t, 0), **box;
  for (int i = 0; i < n; i++) t[i] = check_tensor(L, 1 + i);
  box = new_box(L);
  *box = peri_pack(t, n);
  return finish(L, box);
}

static const pri_row rows[] = {
    {"slice", l_slice, "x:slice(axis, from, to[, step]) -> view",
     "The elements from .. to of an axis, both included, every step-th of them."},
    {"narrow", l_narrow, "x:narrow(axis, from, length) -> view", "That many elements of an axis, from an index on."},
    {"select", l_select, "x:select(axis, index) -> view", "One element of an axis; the axis disappears."},
    {"reshape", l_reshape, "x:reshape{dims} -> tensor",
     "The same elements under another shape, one dimension of which may be -1; a view if possible."},
    {"flatten", l_flatten, "x:flatten([first, last]) -> tensor",
     "Axes first .. last, by default all, become one; a view if possible."},
    {"ravel", l_flatten, "x:ravel() -> tensor", "All axes become one; a view if possible."},
    {"transpose", l_transpose, "x:transpose([a, b]) -> view", "Two axes exchanged, by default the last two."},
    {"t", l_transpose, "x:t() -> view", "The last two axes exchanged."},
    {"permute", l_permute, "x:permute{axes} -> view",
     "The axes in another order: axis i of the result is axes[i] of x."},
    {"squeeze", l_squeeze, "x:squeeze([axis]) -> view",
     "Without that axis of length 1, or without any axis of length 1."},
    {"unsqueeze", l_unsqueeze, "x:unsqueeze(axis) -> view", "With a new axis of length 1 at that place."},
    {"broadcast_to", l_broadcast_to, "x:broadcast_to{dims} -> view",
     "A larger shape, elements repeated without a copy; -1 keeps a length."},
    {"flip", l_flip, "x:flip([axis | {axes}]) -> view", "Backwards along some axes, by default all."},
    {"diagonal", l_diagonal, "x:diagonal([k]) -> view", "The elements (i, i + k) of the last two axes."},
    {"diag", l_diag, "x:diag([k]) -> tensor",
     "Of a vector: the square matrix with it on the k-th diagonal. Of a matrix: that diagonal, a view."},
    {"tril", l_tril, "x:tril([k]) -> tensor",
     "Lower triangle of the last two axes, with the k-th diagonal; zeros above."},
    {"triu", l_triu, "x:triu([k]) -> tensor",
     "Upper triangle of the last two axes, with the k-th diagonal; zeros below."},
    {"split", l_split, "x:split(n | {lengths}[, axis]) -> list of views",
     "Parts behind one another along an axis, of given or nearly equal lengths."},
    {"roll", l_roll, "x:roll(shift[, axis]) -> tensor",
     "The elements moved along an axis by `shift` places, the last ones coming in at the front."},
    {"repeat_each", l_repeat_each, "x:repeat_each(n[, axis]) -> tensor", "Every element of an axis n times in a row."},
    {"tile", l_tile, "x:tile{times} -> tensor", "The whole tensor repeated times[i] times along axis i."},
    {"pad", l_pad, "x:pad({{before, after}, ...}[, value]) -> tensor",
     "With elements of one value, by default 0, around it."},
    {NULL, NULL, NULL, NULL}};

static const pri_row functions[] = {
    {"unpack", l_unpack, "pg.unpack(theta, {dims}, {dims}, ...) -> views", "Cuts a flat vector into views of these shapes, which must fill it."},
    {"pack", l_pack, "pg.pack(a, b, ...) -> vector", "The elements of the tensors one behind another: what unpack undoes."},
    {"concatenate", l_concatenate, "pg.concatenate({x, y, ...}[, axis]) -> tensor",
     "Tensors behind one another along an axis, by default the first."},
    {"stack", l_stack, "pg.stack({x, y, ...}[, axis]) -> tensor",
     "Tensors or numbers of one shape as the layers of a new axis, by default the first."},
    {"meshgrid", l_meshgrid, "pg.meshgrid(a, b, ...) -> views",
     "Vectors as the coordinates of a grid: result i varies along axis i."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_shape(lua_State *L) {
  pri_register(L, "tensor", rows, PRI_METHODS);
  pri_register(L, "tensor", functions, 0);
}
