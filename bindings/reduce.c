/* reduce.c - reductions, running sums, order statistics for Lua.
**
** Axes and positions count from 1, -1 is the last axis. Where a reduction takes axes it takes an axis, a list of axes, or a table
** { axis = or axes =, keep = }, after an axis such a table too; nothing means all axes. A full reduction gives a Lua number (c128 and
** recorded operands: a 0-d tensor).
*/
#include "subscript.h"
#include <perigee/ad.h>
#include <perigee/ops.h>
#include <perigee/order.h>
#include <perigee/reduce.h>
#include <math.h>

typedef struct {
  uint32_t axes;  /* bit set; 0: all */
  bool keep;
  int64_t ddof;
} reduction;

static const char *const reduction_options[] = {"axis", "axes", "keep", NULL}, *const spread_options[] = {"axis", "axes", "keep", "ddof", NULL};

/* The axes in the list at idx, on top of those given. */
static uint32_t add_list(lua_State *L, int idx, const char *who, const peri_tensor *t, uint32_t axes) {
  for (lua_Unsigned i = 1; i <= lua_rawlen(L, idx); i++) {
    lua_rawgeti(L, idx, (lua_Integer)i);
    uint32_t bit = 1u << pri_check_axis(L, -1, who, t, t->ndim, 0);
    if (axes & bit) luaL_error(L, "%s: axis %d is given twice", who, __builtin_ctz(bit) + 1);
    axes |= bit;
    lua_pop(L, 1);
  }
  return axes;
}

/* Option `name` of the table at idx, an axis or a list of them, on top of those given. */
static uint32_t add_option(lua_State *L, int idx, const char *name, const char *who, const peri_tensor *t, uint32_t axes) {
  if (lua_getfield(L, idx, name) == LUA_TTABLE) {
    if (lua_rawlen(L, -1) == 0) luaL_error(L, "%s: the list of axes is empty", who);
    axes = add_list(L, lua_gettop(L), who, t, axes);
  } else if (!lua_isnil(L, -1)) axes |= 1u << pri_check_axis(L, -1, who, t, t->ndim, 0);
  lua_pop(L, 1);
  return axes;
}

/* axis, or list, or table of options, or axis and table of options, from idx on. */
static reduction check_reduction(lua_State *L, int idx, const char *who, const peri_tensor *t, const char *const *options) {
  reduction r = {.ddof = 1};
  if (lua_isnoneornil(L, idx) || !lua_istable(L, idx)) {
    if (!lua_isnoneornil(L, idx)) r.axes = 1u << pri_check_axis(L, idx, who, t, t->ndim, 0);
    idx++;
  }
  check_options(L, idx, who, options);
  if (!lua_istable(L, idx)) return r;
  r.axes = add_list(L, idx, who, t, r.axes);
  r.axes = add_option(L, idx, "axis", who, t, r.axes);
  r.axes = add_option(L, idx, "axes", who, t, r.axes);
  r.keep = opt_boolean(L, idx, who, "keep", false);
  r.ddof = opt_integer(L, idx, who, "ddof", 1);
  return r;
}

/* A number if the box on top is 0-d; raises if it is empty. */
static int deliver(lua_State *L, peri_tensor *const *box) {
  if (!*box) return raise_core(L, glue_of(L)->cx);
  return number_if_scalar(L);
}

/* Whether reducing these makes a number whatever comes of it: then it needs no box, whose making costs more than a short sum. */
static bool gives_number(const peri_tensor *a) { return a->dtype != PERI_C128 && !peri_recorded(a); }
static bool is_full(const peri_tensor *a, const reduction *r) { return !r->axes && !r->keep && gives_number(a); }

/* Pushes the element of a 0-d tensor that is no c128, taking the reference over: nothing here can raise but for a missing t. */
static int deliver_number(lua_State *L, peri_tensor *t) {
  if (!t) return raise_core(L, glue_of(L)->cx);
  push_element(L, t, 0);
  peri_release(t);
  return 1;
}

/* Positions in a box, from 0 to from 1; constants to the tape, which may have recorded what gave them. */
static void count_from_1(lua_State *L, peri_tensor **box) {
  peri_ctx *cx = glue_of(L)->cx;
  peri_tensor *from_0 = *box ? peri_stop_gradient(*box) : NULL, *one = from_0 ? peri_scalar_i64(cx, 1) : NULL;
  peri_tensor *from_1 = one ? peri_add(from_0, one) : NULL;
  peri_release(from_0);
  peri_release(one);
  if (!from_1) raise_core(L, cx);
  peri_release(*box);
  *box = from_1;
}

/* ---- reductions ---- */

#define REDUCTION(NAME)                                                                                                \
  static int l_##NAME(lua_State *L) {                                                                                  \
    peri_tensor *a = check_tensor(L, 1);                                                                               \
    reduction r = check_reduction(L, 2, "tensor." #NAME, a, reduction_options);                                        \
    if (is_full(a, &r)) return deliver_number(L, peri_##NAME(a, 0, false));                                            \
    peri_tensor **box = new_box(L);                                                                                    \
    *box = peri_##NAME(a, r.axes, r.keep);                                                                             \
    return deliver(L, box);                                                                                            \
  }
REDUCTION(sum) REDUCTION(prod) REDUCTION(mean) REDUCTION(min) REDUCTION(max) REDUCTION(logsumexp) REDUCTION(any) REDUCTION(all)
REDUCTION(count) REDUCTION(median)

#define PLACE(NAME)                                                                                                    \
  static int l_##NAME(lua_State *L) {                                                                                  \
    peri_tensor *a = check_tensor(L, 1);                                                                               \
    reduction r = check_reduction(L, 2, "tensor." #NAME, a, reduction_options);                                        \
    peri_tensor **box = new_box(L);                                                                                    \
    *box = peri_##NAME(a, r.axes, r.keep);                                                                             \
    count_from_1(L, box);                                                                                             \
    return deliver(L, box);                                                                                            \
  }
PLACE(argmin) PLACE(argmax)

#define SPREAD(NAME)                                                                                                   \
  static int l_##NAME(lua_State *L) {                                                                                  \
    peri_tensor *a = check_tensor(L, 1);                                                                               \
    reduction r = check_reduction(L, 2, "tensor." #NAME, a, spread_options);                                           \
    peri_tensor **box = new_box(L);                                                                                    \
    *box = peri_##NAME(a, r.axes, r.keep, r.ddof);                                                                     \
    return deliver(L, box);                                                                                            \
  }
SPREAD(var) SPREAD(std)

static int l_norm(lua_State *L) {
  static const char *const options[] = {"p", "axis", "axes", "keep", NULL};
  const char *who = "tensor.norm";
  peri_tensor *a = check_tensor(L, 1);
  double p = 2;
  int idx = 2;
  if (lua_istable(L, 2)) p = opt_number(L, 2, who, "p", 2);
  else {
    if (!lua_isnoneornil(L, 2)) p = luaL_checknumber(L, 2);
    idx = 3;
  }
  reduction r = check_reduction(L, idx, who, a, idx == 2 ? options : reduction_options);
  peri_tensor **box = new_box(L);
  *box = peri_norm(a, p, r.axes, r.keep);
  return deliver(L, box);
}

static int l_dot(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1), *b = check_tensor(L, 2), **box;
  if (gives_number(a) && gives_number(b)) return deliver_number(L, peri_dot(a, b));
  box = new_box(L);
  *box = peri_dot(a, b);
  return deliver(L, box);
}

static int l_quantile(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1), **box;
  reduction r = check_reduction(L, 3, "tensor.quantile", a, reduction_options);
  if (lua_type(L, 2) == LUA_TNUMBER) {
    box = new_box(L);
    *box = peri_quantile(a, lua_tonumber(L, 2), r.axes, r.keep);
    return deliver(L, box);
  }
  luaL_argcheck(L, lua_istable(L, 2) || test_tensor(L, 2), 2, "a number or a list of numbers expected");
  peri_tensor *q = to_tensor(L, 2, "tensor.quantile", PERI_F64);
  if (q->ndim != 1) return luaL_error(L, "tensor.quantile: q must be a number or a list of numbers, got shape %s", peri_shape(q));
  peri_tensor **flat = new_box(L);
  *flat = peri_contiguous(q);
  if (!*flat) return raise_core(L, a->cx);
  box = new_box(L);
  *box = peri_quantiles(a, q->size, (*flat)->data, r.axes, r.keep);
  return finish(L, box);
}

/* ---- along one axis, the last by default ---- */

static int last_axis(lua_State *L, int idx, const char *who, const peri_tensor *t) {
  return pri_check_axis(L, idx, who, t, t->ndim, t->ndim ? t->ndim - 1 : 0);
}

/* ([axis][, {option=}]) from idx on: the axis, and the boolean option. */
static int axis_and_flag(lua_State *L, int idx, const char *who, const peri_tensor *t, const char *option, bool missing, bool *flag) {
  const char *options[] = {"axis", option, NULL};
  int axis = lua_istable(L, idx) ? -1 : last_axis(L, idx, who, t);
  if (axis >= 0) idx++;
  check_options(L, idx, who, options);
  *flag = opt_boolean(L, idx, who, option, missing);
  if (axis >= 0) return axis;
  lua_getfield(L, idx, "axis");
  axis = last_axis(L, -1, who, t);
  lua_pop(L, 1);
  return axis;
}

#define RUNNING(NAME)                                                                                                  \
  static int l_##NAME(lua_State *L) {                                                                                  \
    peri_tensor *a = check_tensor(L, 1);                                                                               \
    int axis = last_axis(L, 2, "tensor." #NAME, a);                                                                    \
    peri_tensor **box = new_box(L);                                                                                    \
    *box = peri_##NAME(a, axis);                                                                                       \
    return finish(L, box);                                                                                             \
  }
RUNNING(cumsum) RUNNING(cumprod)

static int l_sort(lua_State *L) {
  bool descending;
  peri_tensor *a = check_tensor(L, 1);
  int axis = axis_and_flag(L, 2, "tensor.sort", a, "descending", false, &descending);
  peri_tensor **box = new_box(L);
  *box = peri_sort(a, axis, descending);
  return finish(L, box);
}

static int l_argsort(lua_State *L) {
  bool descending;
  peri_tensor *a = check_tensor(L, 1);
  int axis = axis_and_flag(L, 2, "tensor.argsort", a, "descending", false, &descending);
  peri_tensor **box = new_box(L);
  *box = peri_argsort(a, axis, descending);
  count_from_1(L, box);
  return finish(L, box);
}

static int l_topk(lua_State *L) {
  bool largest;
  peri_tensor *a = check_tensor(L, 1);
  int64_t k = check_integer(L, 2, "tensor.topk", "k");
  int axis = axis_and_flag(L, 3, "tensor.topk", a, "largest", true, &largest);
  peri_tensor **values = new_box(L), **positions = new_box(L);
  if (peri_topk(a, k, axis, largest, values, positions)) return raise_core(L, a->cx);
  count_from_1(L, positions);
  return 2;
}

static int l_partition(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1);
  int64_t k = check_integer(L, 2, "tensor.partition", "k");
  int axis = last_axis(L, 3, "tensor.partition", a);
  if (k == 0) return luaL_error(L, "tensor.partition: no position 0; they count from 1, and from -1 backwards");
  peri_tensor **box = new_box(L);
  *box = peri_partition(a, k > 0 ? k - 1 : k, axis);
  return finish(L, box);
}

/* ---- searching and counting ---- */

static int l_searchsorted(lua_State *L) {
  static const char *const options[] = {"right", NULL};
  peri_tensor *a = check_tensor(L, 1);
  check_options(L, 3, "tensor.searchsorted", options);
  bool right = opt_boolean(L, 3, "tensor.searchsorted", "right", false);
  peri_tensor *v = lua_istable(L, 2) ? to_tensor(L, 2, "tensor.searchsorted", -1) : keep_operand(L, 2), **box = new_box(L);
  *box = peri_searchsorted(a, v, right);
  count_from_1(L, box);
  return deliver(L, box);
}

/* n bins between lo and hi, or the extremes of a; a single value gets a bin of width 1 around it. */
static peri_tensor *even_edges(lua_State *L, peri_tensor *a) {
  int64_t n = check_integer(L, 2, "tensor.histogram", "the number of bins");
  if (n < 1 || n > INT32_MAX) luaL_error(L, "tensor.histogram: the number of bins must lie in 1..2^31-1, got %I", (LUAI_UACINT)n);
  double bound[2];
  for (int i = 0; i < 2; i++) {
    if (!lua_isnoneornil(L, 3 + i)) {
      bound[i] = luaL_checknumber(L, 3 + i);
      continue;
    }
    peri_tensor **box = new_box(L);
    *box = i ? peri_max(a, 0, false) : peri_min(a, 0, false);
    if (!*box) raise_core(L, a->cx);
    bound[i] = peri_item(*box, 0);
  }
  if (!isfinite(bound[0]) || !isfinite(bound[1]) || bound[0] > bound[1])
    luaL_error(L, "tensor.histogram: bins from %f to %f; give finite bounds in increasing order", bound[0], bound[1]);
  if (bound[0] == bound[1]) bound[0] -= 0.5, bound[1] += 0.5;
  peri_tensor **edges = new_box(L);
  *edges = peri_linspace(a->cx, bound[0], bound[1], n + 1);
  if (!*edges) raise_core(L, a->cx);
  return *edges;
}

static int l_histogram(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1), *edges;
  lua_settop(L, 4);
  if (lua_type(L, 2) == LUA_TNUMBER) edges = even_edges(L, a);
  else edges = to_tensor(L, 2, "tensor.histogram", PERI_F64);
  int at = lua_gettop(L);
  peri_tensor **box = new_box(L);
  *box = peri_histogram(a, edges);
  if (!*box) return raise_core(L, a->cx);
  lua_pushvalue(L, at);
  return 2;
}

#define AXES "([axis | {axes=, keep=}])"
static const pri_row rows[] = {
    {"sum", l_sum, "a:sum" AXES, "Sum of the elements, or along axes; of bool and i64 in i64."},
    {"prod", l_prod, "a:prod" AXES, "Product of the elements, or along axes; of bool and i64 in i64."},
    {"mean", l_mean, "a:mean" AXES, "Arithmetic mean of the elements, or along axes; NaN of nothing."},
    {"var", l_var, "a:var([axis | {axes=, keep=, ddof=1}])", "Variance sum (a - mean)^2 / (n - ddof), or along axes."},
    {"std", l_std, "a:std([axis | {axes=, keep=, ddof=1}])", "Standard deviation, the square root of var, or along axes."},
    {"min", l_min, "a:min" AXES, "Smallest element, or along axes; NaN if there is one."},
    {"max", l_max, "a:max" AXES, "Largest element, or along axes; NaN if there is one."},
    {"argmin", l_argmin, "a:argmin" AXES, "Position of the first smallest element, or along axes."},
    {"argmax", l_argmax, "a:argmax" AXES, "Position of the first largest element, or along axes."},
    {"norm", l_norm, "a:norm([p][, axis | {axes=, keep=}])", "(sum |a|^p)^(1/p), p = 2 by default; max |a| for p = math.huge, non-zeros for p = 0."},
    {"dot", l_dot, "a:dot(b)", "Inner product sum conj(a) b of two tensors of one shape."},
    {"logsumexp", l_logsumexp, "a:logsumexp" AXES, "log(sum e^a) without overflow, or along axes."},
    {"any", l_any, "a:any" AXES, "Whether any element differs from 0, or along axes."},
    {"all", l_all, "a:all" AXES, "Whether all elements differ from 0, or along axes."},
    {"count", l_count, "a:count" AXES, "How many elements differ from 0, or along axes."},
    {"median", l_median, "a:median" AXES, "Middle element in order, or the mean of the middle two, or along axes; NaN if there is one."},
    {"quantile", l_quantile, "a:quantile(q[, axis | {axes=, keep=}])", "Quantile of type 7 at q in [0, 1]; for a list of q along a new first axis."},
    {"cumsum", l_cumsum, "a:cumsum([axis])", "Running sum along an axis, the last by default."},
    {"cumprod", l_cumprod, "a:cumprod([axis])", "Running product along an axis, the last by default."},
    {"sort", l_sort, "a:sort([axis][, {descending=false}])", "Elements in order along an axis, the last by default; stable, NaN last."},
    {"argsort", l_argsort, "a:argsort([axis][, {descending=false}])", "Positions that sort a along an axis, the last by default; stable, NaN last."},
    {"topk", l_topk, "a:topk(k[, axis][, {largest=true}]) -> values, positions", "The k largest (or smallest) elements along an axis, best first."},
    {"partition", l_partition, "a:partition(k[, axis])", "a with the k-th smallest element in its place, smaller ones before it, the rest after."},
    {"searchsorted", l_searchsorted, "a:searchsorted(values[, {right=false}])", "For each value, where it would enter the ascending vector a: before its equals, or after."},
    {"histogram", l_histogram, "a:histogram(edges | n[, lo, hi]) -> counts, edges", "How many elements lie between neighbouring edges; the last bin is closed."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_reduce(lua_State *L) { pri_register(L, "tensor", rows, PRI_METHODS); }
