/* ad_examples.c - gradients example by example of Lua losses: per_example, sqnorms, and the sum of clipped ones.
**
** The arguments of the loss are its variables and, all other tensors among them, the data. One recording serves both passes of the clipped sum:
** squared norms first, then the ordinary backward pass with the weighted clipping factors as cotangents of the losses.
*/
#include "peri_lua.h"
#include <math.h>
#include <perigee/ad.h>
#include <perigee/linalg.h>
#include <perigee/ops.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

enum { MOST = 16 };

typedef struct {
  const char *who;
  peri_ctx *cx;
  int loss, first, count;        /* stack index of the loss and of its first argument; number of arguments */
  int n, arg[MOST];              /* its variables: which arguments, from 1 */
  peri_tensor **results[MOST];   /* boxes, pushed right above the arguments */
  peri_tensor **lifted[MOST];    /* a box for each argument that is a tensor */
  peri_tensor *xs[MOST], *y;     /* once recorded: the variables and the losses */
  int lua_status;
} losses;

static bool is_variable(const losses *c, int arg) {
  for (int i = 0; i < c->n; i++)
    if (c->arg[i] == arg) return true;
  return false;
}

/* A number, or a list of numbers, at idx; the first argument for nil. */
static void read_variables(lua_State *L, int idx, losses *c) {
  c->n = 1;
  c->arg[0] = 1;
  if (lua_isnoneornil(L, idx)) return;
  bool list = lua_istable(L, idx);
  lua_Unsigned n = list ? lua_rawlen(L, idx) : 1;
  if (n < 1 || n > MOST) luaL_error(L, "%s: between 1 and %d arguments can be named, got %d", c->who, MOST, (int)n);
  c->n = (int)n;
  for (int i = 0; i < c->n; i++) {
    if (list) lua_rawgeti(L, idx, i + 1);
    else lua_pushvalue(L, idx);
    c->arg[i] = (int)check_integer(L, -1, c->who, "an argument's number");
    if (c->arg[i] < 1 || c->arg[i] > MOST) luaL_error(L, "%s: arguments count from 1 to %d, got %d", c->who, MOST, c->arg[i]);
    lua_pop(L, 1);
  }
}

/* Checks the arguments, which reach to the top of the stack, and pushes boxes for results and for them. */
static void prepare(lua_State *L, losses *c, int results) {
  c->count = lua_gettop(L) - c->first + 1;
  c->lua_status = LUA_OK;
  if (c->count > MOST) luaL_error(L, "%s: at most %d arguments, got %d", c->who, MOST, c->count);
  luaL_checkstack(L, 3 * MOST, c->who);
  for (int i = 0; i < c->n; i++) {
    if (c->arg[i] > c->count) luaL_error(L, "%s: argument %d is to be differentiated, but there are only %d", c->who, c->arg[i], c->count < 0 ? 0 : c->count);
    check_tensor(L, c->first + c->arg[i] - 1);
  }
  for (int i = 0; i < results; i++) c->results[i] = new_box(L);
  bool data = false;
  for (int i = 0; i < c->count; i++) {
    bool tensor = test_tensor(L, c->first + i) != NULL;
    data |= tensor && !is_variable(c, i + 1);
    c->lifted[i] = tensor ? new_box(L) : NULL;
  }
  if (!data) luaL_error(L, "%s: no data among the arguments: give the tensors whose first axis counts the examples", c->who);
}

static peri_status lift_all(lua_State *L, losses *c) {
  for (int i = 0; i < c->count; i++) {
    if (!c->lifted[i]) continue;
    peri_tensor *t = *(peri_tensor **)lua_touserdata(L, c->first + i);
    *c->lifted[i] = is_variable(c, i + 1) ? peri_lift(t) : peri_lift_data(t);
    if (!*c->lifted[i]) return peri_errcode(c->cx);
  }
  for (int i = 0; i < c->n; i++) c->xs[i] = *c->lifted[c->arg[i] - 1];
  return PERI_OK;
}

/* Opens the tape and runs the loss; its result stays on top of the stack. peri_tape_end is the caller's in any case. */
static peri_status record_losses(lua_State *L, losses *c) {
  int boxes = lua_gettop(L);
  for (int i = c->count - 1; i >= 0; i--) boxes -= c->lifted[i] != NULL;
  peri_status st = lift_all(L, c);
  if (st) return st;
  lua_pushvalue(L, c->loss);
  for (int i = 0; i < c->count; i++) lua_pushvalue(L, c->lifted[i] ? ++boxes : c->first + i);
  c->lua_status = lua_pcall(L, c->count, 1, 0);
  glue_of(L)->L = L; /* a coroutine that ran in between is over */
  if (c->lua_status != LUA_OK) return PERI_OK;
  c->y = test_tensor(L, -1);
  if (c->y) return PERI_OK;
  return peri_fail(c->cx, PERI_ERR_VALUE, "%s: the function returned %s; return one loss an example", c->who, luaL_typename(L, -1));
}

/* Runs `then` over the recorded losses, then closes the tape whatever happened; leaves the results on top of the stack. */
static int with_losses(lua_State *L, losses *c, int results, peri_status (*then)(losses *c, const void *ud), const void *ud) {
  peri_mark mark;
  prepare(L, c, results);
  int base = c->first + c->count + results - 1;
  if (peri_tape_begin(c->cx, &mark)) return raise_core(L, c->cx);
  peri_status st = record_losses(L, c);
  if (!st && c->lua_status == LUA_OK) st = then(c, ud);
  peri_tape_end(c->cx, mark);
  if (c->lua_status != LUA_OK) return lua_error(L);
  if (st && pri_custom_error(L, c->cx)) return lua_error(L);
  if (st) return raise_core(L, c->cx);
  lua_settop(L, base);
  return results;
}

static peri_status finish_gradients(losses *c, const void *ud) {
  peri_tensor *grads[MOST] = {0};
  (void)ud;
  peri_status st = peri_backward_examples(c->y, c->xs, c->n, grads);
  for (int i = 0; i < c->n; i++) *c->results[i] = grads[i];
  return st;
}

/* Upvalues: 3 the loss, 4 its variables. */
static int l_call_per_example(lua_State *L) {
  losses c = {.who = "ad.per_example", .cx = glue_of(L)->cx, .loss = lua_upvalueindex(3), .first = 1};
  read_variables(L, lua_upvalueindex(4), &c);
  return with_losses(L, &c, c.n, finish_gradients, NULL);
}

static int l_per_example(lua_State *L) {
  losses c = {.who = "ad.per_example"};
  luaL_checktype(L, 1, LUA_TFUNCTION);
  read_variables(L, 2, &c); /* refuse at once what cannot be */
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_rotate(L, 1, 2);
  lua_pushcclosure(L, l_call_per_example, 4);
  return 1;
}

static peri_status finish_norms(losses *c, const void *ud) {
  (void)ud;
  *c->results[0] = peri_sqnorms(c->y, c->xs, c->n);
  return *c->results[0] ? PERI_OK : peri_errcode(c->cx);
}

static int l_sqnorms(lua_State *L) {
  losses c = {.who = "ad.sqnorms", .cx = glue_of(L)->cx, .loss = 1, .first = 2, .n = 1, .arg = {1}};
  luaL_checktype(L, 1, LUA_TFUNCTION);
  return with_losses(L, &c, 1, finish_norms, NULL);
}

/* ---- sums of clipped gradients ---- */

typedef struct {
  double clip, gamma;     /* gamma: of automatic clipping; negative: min(1, C / |g|) */
  peri_tensor *weights;   /* (n), or NULL for ones */
  bool materialise;
} clipping;

/* G, (n, dims of x), as a matrix of n rows. */
static peri_tensor *matrix_of(peri_tensor *G, const peri_tensor *x) { return peri_reshape(G, 2, (int64_t[]){G->dims[0], x->size}); }

/* Sums of squares of its rows, in f64. */
static peri_tensor *row_squares(peri_tensor *G, const peri_tensor *x) {
  peri_tensor *flat = matrix_of(G, x), *wide = flat ? peri_cast(flat, PERI_F64) : NULL, *squares = wide ? peri_square(wide) : NULL;
  peri_tensor *r = squares ? peri_sum(squares, 2, false) : NULL;
  peri_release(flat);
  peri_release(wide);
  peri_release(squares);
  return r;
}

/* min(1, C / |g|), or C / (|g| + gamma), in place of |g|^2; NaN stays NaN. */
static void factors_of(peri_tensor *sqnorms, const clipping *o) {
  double *c = sqnorms->data;
  for (int64_t i = 0; i < sqnorms->size; i++) {
    double norm = sqrt(c[i]);
    c[i] = o->gamma >= 0 ? o->clip / (norm + o->gamma) : norm <= o->clip ? 1 : o->clip / norm;
  }
}

/* The factors times the weights, in the dtype of the losses. */
static peri_tensor *seed_of(peri_tensor *factors, const clipping *o, peri_tensor *y) {
  peri_tensor *weighted = o->weights ? peri_mul(factors, o->weights) : peri_retain(factors);
  peri_tensor *seed = weighted ? peri_cast(weighted, (peri_dtype)y->dtype) : NULL;
  peri_release(weighted);
  return seed;
}

static peri_tensor *weighted_rows(peri_tensor *G, peri_tensor *seed, const peri_tensor *x) {
  peri_tensor *flat = matrix_of(G, x), *turned = flat ? peri_transpose(flat, 0, 1) : NULL, *sum = turned ? peri_mv(turned, seed) : NULL;
  peri_tensor *cast = sum ? peri_cast(sum, (peri_dtype)x->dtype) : NULL, *r = cast ? peri_reshape(cast, x->ndim, x->dims) : NULL;
  peri_release(flat);
  peri_release(turned);
  peri_release(sum);
  peri_release(cast);
  return r;
}

static peri_status finish_clipped(losses *c, const void *ud) {
  const clipping *o = ud;
  peri_tensor *G = NULL, *seed = NULL, *factors, *sum = NULL;
  if (o->materialise && peri_backward_examples(c->y, c->xs, 1, &G)) return peri_errcode(c->cx);
  factors = *c->results[1] = o->materialise ? row_squares(G, c->xs[0]) : peri_sqnorms(c->y, c->xs, 1);
  if (factors && o->weights && (o->weights->ndim != 1 || o->weights->dims[0] != factors->size)) {
    peri_fail(c->cx, PERI_ERR_SHAPE, "ad.clipped_sum: weights of shape %s for %lld examples", peri_shape(o->weights), (long long)factors->size);
  } else if (factors) {
    factors_of(factors, o);
    seed = seed_of(factors, o, c->y);
    if (seed && o->materialise) sum = weighted_rows(G, seed, c->xs[0]);
    else if (seed) peri_backward(c->y, seed, c->xs, 1, &sum);
  }
  peri_release(G);
  peri_release(seed);
  *c->results[0] = sum;
  return sum ? PERI_OK : peri_errcode(c->cx);
}

/* clipped(loss, clip, gamma or nil, weights or nil, materialise, w, data...) -> sum, factors: one chunk of ad.clipped_sum. */
static int l_clipped(lua_State *L) {
  losses c = {.who = "ad.clipped_sum", .cx = glue_of(L)->cx, .loss = 1, .first = 6, .n = 1, .arg = {1}};
  luaL_checktype(L, 1, LUA_TFUNCTION);
  clipping o = {.clip = luaL_checknumber(L, 2), .gamma = luaL_optnumber(L, 3, -1), .materialise = lua_toboolean(L, 5)};
  if (!lua_isnil(L, 4)) {
    peri_tensor *weights = check_tensor(L, 4), **own = new_box(L); /* one that the loss cannot close */
    *own = o.weights = peri_retain(weights);
    lua_replace(L, 4);
  }
  return with_losses(L, &c, 2, finish_clipped, &o);
}

static const pri_row rows[] = {
    {"per_example", l_per_example, "ad.per_example(loss[, arguments]) -> function", "The gradients of a loss of one value an example, one a row: (n, ...) for n examples; the other tensors among its arguments are data, examples first."},
    {"sqnorms", l_sqnorms, "ad.sqnorms(loss, w, data, ...)", "The squared norms of the gradients of the examples, mostly without forming these."},
    {"clipped_chunk", l_clipped, "ad.clipped_chunk(loss, clip, gamma, weights, materialise, w, data, ...) -> sum, factors", "ad.clipped_sum of one chunk."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_ad_examples(lua_State *L) { pri_register(L, "ad", rows, 0); }
