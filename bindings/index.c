/* index.c - x[key] and x[key] = value, and the named forms of reading and writing at positions.
**
** A key is an integer, an i64 tensor (gather), a bool tensor (mask), or a list with one subscript per axis: an
** integer, a range {from, to, step}, {} for the whole axis, or, once, an i64 tensor. A list is read completely
** before anything is made, because reading may raise; what it names is then cut out of the tensor from the last axis
** to the first.
*/
#include "subscript.h"
#include <perigee/index.h>
#include <perigee/shape.h>

/* ---- subscripts ---- */

pri_range pri_resolve_range(lua_State *L, const char *who, int axis, int64_t n, int64_t from, int64_t to, int64_t step,
                            int has) {
  if (!(has & 4)) step = 1;
  if (step == 0) luaL_error(L, "%s: the step of a range must not be 0", who);
  int64_t first = has & 1 ? from : step > 0 ? 1 : n, last = has & 2 ? to : step > 0 ? n : 1;
  if (first < 0) first += n + 1;
  if (last < 0) last += n + 1;
  int64_t early = step > 0 ? first : last, late = step > 0 ? last : first; /* an empty range may stand just outside */
  if (early < 1 || early > n + 1 || late < 0 || late > n)
    luaL_error(L, "%s: range {%I, %I} of axis %d, which has length %I", who, (LUAI_UACINT)(has & 1 ? from : first),
               (LUAI_UACINT)(has & 2 ? to : last), axis + 1, (LUAI_UACINT)n);
  return (pri_range){first - 1, step > 0 ? last : last - 2, step};
}

int64_t pri_resolve_index(lua_State *L, const char *who, int axis, int64_t n, int64_t index) {
  if (index == 0 || index > n || index < -n)
    luaL_error(L, "%s: index %I of axis %d, which has length %I", who, (LUAI_UACINT)index, axis + 1, (LUAI_UACINT)n);
  return index < 0 ? index + n : index - 1;
}

int pri_check_axis(lua_State *L, int idx, const char *who, const peri_tensor *t, int nd, int missing) {
  if (lua_isnoneornil(L, idx) && missing >= 0) {
    if (missing >= nd) luaL_error(L, "%s: a 0-d tensor has no axis", who);
    return missing;
  }
  int64_t k = check_integer(L, idx, who, "the axis");
  if (k == 0 || k > nd || k < -nd)
    luaL_error(L, "%s: axis %I of a tensor of shape %s", who, (LUAI_UACINT)k, peri_shape(t));
  return (int)(k < 0 ? k + nd : k - 1);
}

typedef enum { INDEX, RANGE, WHOLE, POSITIONS } kind;
typedef struct {
  kind kind;
  int64_t index;
  pri_range range;
  peri_tensor *positions; /* kept alive by the stack */
} subscript;

static int64_t whole_number(lua_State *L, const char *what) {
  int exact = 0;
  int64_t v = lua_tointegerx(L, -1, &exact);
  if (lua_type(L, -1) != LUA_TNUMBER)
    luaL_error(L, "tensor: %s must be an integer, got %s", what, luaL_typename(L, -1));
  if (!exact) luaL_error(L, "tensor: %s must be an integer, got %f", what, lua_tonumber(L, -1));
  return v;
}

static lua_Unsigned count_keys(lua_State *L, int idx) {
  lua_Unsigned n = 0;
  idx = lua_absindex(L, idx);
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) n++;
  return n;
}

/* The range at the top of the stack. */
static subscript read_range(lua_State *L, int axis, int64_t n) {
  int64_t v[3] = {0};
  int has = 0, keys = 0;
  for (int i = 0; i < 3; i++) {
    if (lua_rawgeti(L, -1, i + 1) != LUA_TNIL) v[i] = whole_number(L, "a range"), has |= 1 << i, keys++;
    lua_pop(L, 1);
  }
  if ((lua_Unsigned)keys != count_keys(L, -1))
    luaL_error(L, "tensor: a range is {from, to, step}, {from, to} or {} for a whole axis");
  if (!has) return (subscript){.kind = WHOLE};
  return (subscript){.kind = RANGE, .range = pri_resolve_range(L, "tensor", axis, n, v[0], v[1], v[2], has)};
}

/* The subscript at the top of the stack. */
static subscript read_subscript(lua_State *L, const peri_tensor *t, int axis) {
  peri_tensor *positions;
  if (lua_istable(L, -1)) return read_range(L, axis, t->dims[axis]);
  if ((positions = test_tensor(L, -1))) return (subscript){.kind = POSITIONS, .positions = positions};
  if (lua_type(L, -1) != LUA_TNUMBER)
    luaL_error(L, "tensor: subscript %d must be an integer, a range {from, to, step} or an i64 tensor, got %s",
               axis + 1, luaL_typename(L, -1));
  int64_t i = whole_number(L, "an index");
  return (subscript){.kind = INDEX, .index = pri_resolve_index(L, "tensor", axis, t->dims[axis], i)};
}

/* The list of subscripts at idx; returns their number. */
static int read_list(lua_State *L, int idx, const peri_tensor *t, subscript *s) {
  lua_Unsigned n = lua_rawlen(L, idx);
  int tensors = 0;
  if (n > t->ndim)
    luaL_error(L, "tensor: %d subscripts for a tensor of shape %s", (int)(n > 1000000 ? 1000000 : n), peri_shape(t));
  if (count_keys(L, idx) != n)
    luaL_error(L, "tensor: subscripts must be a list without holes or names; write {} for a whole axis");
  for (int i = 0; i < (int)n; i++) {
    lua_rawgeti(L, idx, i + 1);
    s[i] = read_subscript(L, t, i);
    if (s[i].kind != POSITIONS)
      lua_pop(L, 1);
    else if (++tensors > 1)
      luaL_error(L, "tensor: only one subscript may be a tensor");
  }
  return (int)n;
}

/* t with indices and ranges applied: a new reference, or NULL with a message. Raises nothing. */
static peri_tensor *cut(peri_tensor *t, const subscript *s, int n) {
  peri_tensor *r = peri_retain(t);
  for (int i = n - 1; i >= 0 && r; i--) {
    if (s[i].kind != INDEX && s[i].kind != RANGE) continue;
    peri_tensor *next = s[i].kind == INDEX ? peri_select(r, i, s[i].index)
                                           : peri_slice(r, i, s[i].range.from, s[i].range.to, s[i].range.step);
    peri_release(r);
    r = next;
  }
  return r;
}

/* The tensor among the subscripts and the axis of cut's result that it belongs to; NULL if there is none. */
static peri_tensor *positions_of(const subscript *s, int n, int *axis) {
  *axis = 0;
  for (int i = 0; i < n; i++) {
    if (s[i].kind == POSITIONS) return s[i].positions;
    *axis += s[i].kind != INDEX;
  }
  return NULL;
}

/* ---- reading ---- */

/* The element in C order that n integer subscripts name; false unless they name a single one. */
static bool element_of(const peri_tensor *t, const subscript *s, int n, int64_t *k) {
  *k = 0;
  if (n != t->ndim) return false;
  for (int i = 0; i < n; i++) {
    if (s[i].kind != INDEX) return false;
    *k = *k * t->dims[i] + s[i].index;
  }
  return true;
}

static int get_cut(lua_State *L, peri_tensor *t, const subscript *s, int n) {
  int axis;
  int64_t k;
  if (element_of(t, s, n, &k) && t->node == 0 && t->dtype != PERI_C128) return push_element(L, t, k), 1;
  peri_tensor *at = positions_of(s, n, &axis), **box = new_box(L);
  *box = cut(t, s, n);
  if (*box && at) {
    peri_tensor *r = peri_gather(*box, axis, at, PERI_FROM_1);
    peri_release(*box);
    *box = r;
  }
  if (!*box) return raise_core(L, t->cx);
  return number_if_scalar(L);
}

static subscript single(lua_State *L, const peri_tensor *t) {
  if (t->ndim == 0) luaL_error(L, "tensor: a 0-d tensor has no index; read its value with :item()");
  lua_pushvalue(L, 2);
  subscript s = {.kind = INDEX, .index = pri_resolve_index(L, "tensor", 0, t->dims[0], whole_number(L, "an index"))};
  lua_pop(L, 1);
  return s;
}

static int bad_key(lua_State *L) {
  return luaL_error(L, "tensor: an index must be an integer, a list of subscripts, or a tensor of i64 or bool, got %s",
                    luaL_typename(L, 2));
}

int l_index(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1), *key;
  subscript s[PERI_MAXDIM];
  if (lua_type(L, 2) == LUA_TNUMBER) {
    s[0] = single(L, t);
    return get_cut(L, t, s, 1);
  }
  if ((key = test_tensor(L, 2))) {
    peri_tensor **box = new_box(L);
    *box = key->dtype == PERI_BOOL ? peri_masked_select(t, key) : peri_gather(t, 0, key, PERI_FROM_1);
    if (!*box) return raise_core(L, t->cx);
    return number_if_scalar(L);
  }
  if (!lua_istable(L, 2)) return bad_key(L);
  int n = read_list(L, 2, t, s);
  return get_cut(L, t, s, n);
}

/* ---- writing ---- */

/* The value to be written, boxed on the stack if it was no tensor. */
static peri_tensor *value_at(lua_State *L, int idx) {
  return lua_istable(L, idx) ? to_tensor(L, idx, "tensor", -1) : keep_operand(L, idx);
}

static int set_cut(lua_State *L, peri_tensor *t, const subscript *s, int n) {
  int axis;
  int64_t k;
  note_write(L, t, "assignment");
  if (lua_type(L, 3) == LUA_TNUMBER && element_of(t, s, n, &k)) {
    peri_status st =
        lua_isinteger(L, 3) ? peri_set_i64_(t, k, lua_tointeger(L, 3)) : peri_set_(t, k, lua_tonumber(L, 3));
    return st ? raise_core(L, t->cx) : 0;
  }
  peri_tensor *v = value_at(L, 3), *at = positions_of(s, n, &axis), **box = new_box(L);
  *box = cut(t, s, n);
  if (!*box) return raise_core(L, t->cx);
  if (at ? peri_scatter_(*box, axis, at, v, PERI_FROM_1) : peri_copy_(*box, v)) return raise_core(L, t->cx);
  return 0;
}

int l_newindex(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1), *key;
  subscript s[PERI_MAXDIM];
  if (lua_type(L, 2) == LUA_TNUMBER) {
    s[0] = single(L, t);
    return set_cut(L, t, s, 1);
  }
  if ((key = test_tensor(L, 2))) {
    peri_tensor *v = value_at(L, 3);
    note_write(L, t, "assignment");
    if (key->dtype == PERI_BOOL ? peri_masked_put_(t, key, v) : peri_scatter_(t, 0, key, v, PERI_FROM_1))
      return raise_core(L, t->cx);
    return 0;
  }
  if (!lua_istable(L, 2)) return bad_key(L);
  int n = read_list(L, 2, t, s);
  return set_cut(L, t, s, n);
}

/* ---- by name ---- */

static int l_gather(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1), *at = check_tensor(L, 2);
  int axis = pri_check_axis(L, 3, "tensor.gather", t, t->ndim, 0);
  peri_tensor **box = new_box(L);
  *box = peri_gather(t, axis, at, PERI_FROM_1);
  return finish(L, box);
}

static int l_take_along(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1), *at = check_tensor(L, 2);
  int axis = pri_check_axis(L, 3, "tensor.take_along", t, t->ndim, -1);
  peri_tensor **box = new_box(L);
  *box = peri_take_along(t, at, axis, PERI_FROM_1);
  return finish(L, box);
}

typedef peri_tensor *(*scatterer)(peri_tensor *t, int axis, peri_tensor *at, peri_tensor *values, peri_origin origin);
typedef peri_status (*scatterer_)(peri_tensor *t, int axis, peri_tensor *at, peri_tensor *values, peri_origin origin);

/* (t, indices, values[, axis]) */
static int scatter(lua_State *L, const char *who, scatterer f, scatterer_ f_) {
  peri_tensor *t = check_tensor(L, 1), *at = check_tensor(L, 2);
  int axis = pri_check_axis(L, 4, who, t, t->ndim, 0);
  peri_tensor *v = value_at(L, 3);
  if (f_) {
    note_write(L, t, who);
    if (f_(t, axis, at, v, PERI_FROM_1)) return raise_core(L, t->cx);
    lua_settop(L, 1);
    return 1;
  }
  peri_tensor **box = new_box(L);
  *box = f(t, axis, at, v, PERI_FROM_1);
  return finish(L, box);
}

static int l_scatter(lua_State *L) { return scatter(L, "tensor.scatter", peri_scatter, NULL); }
static int l_scatter_(lua_State *L) { return scatter(L, "tensor.scatter_", NULL, peri_scatter_); }
static int l_scatter_add(lua_State *L) { return scatter(L, "tensor.scatter_add", peri_scatter_add, NULL); }
static int l_scatter_add_(lua_State *L) { return scatter(L, "tensor.scatter_add_", NULL, peri_scatter_add_); }

static int put_along(lua_State *L, const char *who, bool in_place) {
  peri_tensor *t = check_tensor(L, 1), *at = check_tensor(L, 2);
  int axis = pri_check_axis(L, 3, who, t, t->ndim, -1);
  peri_tensor *v = value_at(L, 4);
  if (in_place) {
    note_write(L, t, who);
    if (peri_put_along_(t, at, axis, v, PERI_FROM_1)) return raise_core(L, t->cx);
    lua_settop(L, 1);
    return 1;
  }
  peri_tensor **box = new_box(L);
  *box = peri_put_along(t, at, axis, v, PERI_FROM_1);
  return finish(L, box);
}

static int l_put_along(lua_State *L) { return put_along(L, "tensor.put_along", false); }
static int l_put_along_(lua_State *L) { return put_along(L, "tensor.put_along_", true); }

static int l_masked_select(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1), *mask = check_tensor(L, 2), **box = new_box(L);
  *box = peri_masked_select(t, mask);
  return finish(L, box);
}

static int l_masked_put(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1), *mask = check_tensor(L, 2), *v = value_at(L, 3), **box = new_box(L);
  *box = peri_masked_put(t, mask, v);
  return finish(L, box);
}

static int l_masked_put_(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1), *mask = check_tensor(L, 2), *v = value_at(L, 3);
  note_write(L, t, "tensor.masked_fill_");
  if (peri_masked_put_(t, mask, v)) return raise_core(L, t->cx);
  lua_settop(L, 1);
  return 1;
}

static int l_nonzero(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1), **box = new_box(L);
  *box = peri_nonzero(t, PERI_FROM_1);
  return finish(L, box);
}

static const pri_row rows[] = {
    {"gather", l_gather, "x:gather(indices[, axis]) -> tensor",
     "The layers at these indices along an axis, by default the first: x[indices]."},
    {"take_along", l_take_along, "x:take_along(indices, axis) -> tensor",
     "One element per index, looked up along an axis; x:take_along(x:argsort(1), 1) is x sorted."},
    {"scatter", l_scatter, "x:scatter(indices, values[, axis]) -> tensor",
     "A copy with layers replaced at these indices; of equal indices the last wins."},
    {"scatter_", l_scatter_, "x:scatter_(indices, values[, axis]) -> x",
     "Replaces layers at these indices; of equal indices the last wins."},
    {"scatter_add", l_scatter_add, "x:scatter_add(indices, values[, axis]) -> tensor",
     "A copy with values added to the layers at these indices; equal indices add up."},
    {"scatter_add_", l_scatter_add_, "x:scatter_add_(indices, values[, axis]) -> x",
     "Adds values to the layers at these indices; equal indices add up."},
    {"put_along", l_put_along, "x:put_along(indices, axis, values) -> tensor",
     "A copy with the elements replaced that take_along would read."},
    {"put_along_", l_put_along_, "x:put_along_(indices, axis, values) -> x",
     "Replaces the elements that take_along would read."},
    {"masked_select", l_masked_select, "x:masked_select(mask) -> tensor",
     "The layers where a bool tensor over the leading axes is true: x[mask]."},
    {"masked_fill", l_masked_put, "x:masked_fill(mask, values) -> tensor",
     "A copy with the layers replaced where the mask is true; a number fills."},
    {"masked_fill_", l_masked_put_, "x:masked_fill_(mask, values) -> x",
     "Replaces the layers where the mask is true: x[mask] = values."},
    {"nonzero", l_nonzero, "x:nonzero() -> tensor",
     "Indices of the elements that are not zero: (k) of a vector, (k, ndim) otherwise."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_index(lua_State *L) { pri_register(L, "tensor", rows, PRI_METHODS); }
