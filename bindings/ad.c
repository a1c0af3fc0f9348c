/* ad.c - gradients of Lua functions.
**
** A call opens the tape, hands the function differentiable aliases of its arguments, goes backwards from what it returns, and closes the
** tape whatever happened. Everything that can raise is done before the tape is opened, or inside the protected call.
*/
#include "peri_lua.h"
#include <perigee/ad.h>
#include <perigee/ops.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>
#include <string.h>

enum { VARIABLES = 16 };

typedef struct {
  const char *who;
  peri_ctx *cx;
  int n;                                    /* variables */
  int arg[VARIABLES];                       /* which arguments they are, from 1 */
  peri_tensor **lifted[VARIABLES], **grads[VARIABLES]; /* boxes on the stack */
  peri_tensor *xs[VARIABLES];               /* the aliases, once lifted; the tape holds them even if the script closes its box */
} call;

/* Which arguments: a number, a list of numbers, or nil for the first. */
static void read_variables(lua_State *L, int idx, call *c) {
  c->n = 1;
  c->arg[0] = 1;
  if (lua_isnoneornil(L, idx)) return;
  if (lua_type(L, idx) == LUA_TNUMBER) {
    c->arg[0] = (int)check_integer(L, idx, c->who, "the argument's number");
  } else {
    luaL_checktype(L, idx, LUA_TTABLE);
    lua_Unsigned n = lua_rawlen(L, idx);
    if (n < 1 || n > VARIABLES) luaL_error(L, "%s: between 1 and %d arguments can be named, got %d", c->who, VARIABLES, (int)n);
    c->n = (int)n;
    for (int i = 0; i < c->n; i++) {
      lua_rawgeti(L, idx, i + 1);
      c->arg[i] = (int)check_integer(L, -1, c->who, "an argument's number");
      lua_pop(L, 1);
    }
  }
  for (int i = 0; i < c->n; i++)
    if (c->arg[i] < 1) luaL_error(L, "%s: arguments count from 1, got %d", c->who, c->arg[i]);
}

/* Boxes for the aliases and the gradients, above the arguments 1..top; arguments that are numbers become 0-d tensors. */
static void make_boxes(lua_State *L, call *c, int top) {
  luaL_checkstack(L, 2 * c->n + top + 8, c->who);
  for (int i = 0; i < c->n; i++) {
    if (c->arg[i] > top) luaL_error(L, "%s: argument %d is to be differentiated, but there are only %d", c->who, c->arg[i], top);
    if (lua_type(L, c->arg[i]) == LUA_TNUMBER) to_tensor(L, c->arg[i], c->who, PERI_F64), lua_replace(L, c->arg[i]);
    check_tensor(L, c->arg[i]);
  }
  for (int i = 0; i < c->n; i++) c->lifted[i] = new_box(L);
  for (int i = 0; i < c->n; i++) c->grads[i] = new_box(L);
}

static peri_status lift_all(lua_State *L, call *c) {
  for (int i = 0; i < c->n; i++)
    if (!(c->xs[i] = *c->lifted[i] = peri_lift(*(peri_tensor **)lua_touserdata(L, c->arg[i])))) return peri_errcode(c->cx);
  return PERI_OK;
}

/* Pushes the function's results for the arguments 1..top with the aliases in place; a Lua status. */
static int call_function(lua_State *L, const call *c, int function, int top) {
  lua_pushvalue(L, function);
  for (int i = 1; i <= top; i++) lua_pushvalue(L, i);
  for (int i = 0; i < c->n; i++) {
    lua_pushvalue(L, top + 1 + i);
    lua_replace(L, -1 - top + c->arg[i] - 1);
  }
  int status = lua_pcall(L, top, LUA_MULTRET, 0);
  glue_of(L)->L = L; /* a coroutine that ran in between is over */
  return status;
}

/* What a loss may be: one element, f32 or f64. A number is a constant (NULL, PERI_OK). */
static peri_status check_loss(lua_State *L, const call *c, int idx, peri_tensor **y) {
  *y = test_tensor(L, idx);
  if (!*y && lua_type(L, idx) == LUA_TNUMBER) return PERI_OK;
  if (!*y)
    return peri_fail(c->cx, PERI_ERR_VALUE, "%s: the function returned %s; return a scalar, e.g. a loss's mean", c->who, luaL_typename(L, idx));
  if ((*y)->size != 1)
    return peri_fail(c->cx, PERI_ERR_SHAPE, "%s: the function returned a tensor of shape %s; return a scalar, e.g. its mean", c->who, peri_shape(*y));
  if ((*y)->dtype != PERI_F32 && (*y)->dtype != PERI_F64)
    return peri_fail(c->cx, PERI_ERR_DTYPE, "%s: the function returned %s, which carries no gradient; return f32 or f64", c->who,
                     peri_dtype_name((peri_dtype)(*y)->dtype));
  return PERI_OK;
}

static peri_status backward(const call *c, peri_tensor *y, peri_tensor *seed) {
  peri_tensor *const *xs = c->xs, *grads[VARIABLES] = {0};
  peri_status st = PERI_OK;
  if (y) st = peri_backward(y, seed, xs, c->n, grads);
  for (int i = 0; i < c->n && !st; i++) {
    if (!y && !(grads[i] = peri_zeros(c->cx, (peri_dtype)xs[i]->dtype, xs[i]->ndim, xs[i]->dims))) st = peri_errcode(c->cx);
    *c->grads[i] = grads[i];
  }
  return st;
}

static int rethrow(lua_State *L, peri_ctx *cx, int lua_status) {
  if (lua_status != LUA_OK) return lua_error(L); /* the script's own error is on top */
  if (pri_custom_error(L, cx)) return lua_error(L);
  return raise_core(L, cx);
}

/* A loss of one element that no outer tape records is a number to the caller. */
static void value_as_number(lua_State *L) {
  peri_tensor *y = test_tensor(L, -1);
  if (!y || peri_recorded(y)) return;
  lua_pushnumber(L, peri_item(y, 0));
  lua_replace(L, -2);
}

/* The closure that ad.grad and ad.value_and_grad return. Upvalues: 3 the function, 4 the variables, 5 whether the value is wanted. */
static int l_call_grad(lua_State *L) {
  bool with_value = lua_toboolean(L, lua_upvalueindex(5));
  call c = {.who = with_value ? "ad.value_and_grad" : "ad.grad", .cx = glue_of(L)->cx};
  int top = lua_gettop(L);
  peri_mark mark;
  peri_tensor *y = NULL;
  read_variables(L, lua_upvalueindex(4), &c);
  make_boxes(L, &c, top);
  int base = lua_gettop(L), lua_status = LUA_OK;
  if (peri_tape_begin(c.cx, &mark)) return raise_core(L, c.cx);
  peri_status st = lift_all(L, &c);
  if (!st) lua_status = call_function(L, &c, lua_upvalueindex(3), top);
  if (!st && lua_status == LUA_OK && !(st = check_loss(L, &c, base + 1, &y))) st = backward(&c, y, NULL);
  peri_tape_end(c.cx, mark);
  if (st || lua_status != LUA_OK) return rethrow(L, c.cx, lua_status);
  int results = lua_gettop(L) - base; /* value, auxiliary ... */
  luaL_checkstack(L, c.n + results + 2, c.who);
  int pushed = 0;
  if (with_value) lua_pushvalue(L, base + 1), value_as_number(L), pushed++;
  for (int i = 0; i < c.n; i++) lua_pushvalue(L, base - c.n + 1 + i), pushed++;
  for (int i = 2; i <= results; i++) lua_pushvalue(L, base + i), pushed++;
  return pushed;
}

static int make_closure(lua_State *L, bool with_value) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  call c = {.who = with_value ? "ad.value_and_grad" : "ad.grad"};
  read_variables(L, 2, &c); /* refuse at once what cannot be */
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_pushboolean(L, with_value);
  lua_pushcclosure(L, l_call_grad, 5);
  return 1;
}

static int l_grad(lua_State *L) { return make_closure(L, false); }
static int l_value_and_grad(lua_State *L) { return make_closure(L, true); }

/* hvp(f, w, v): gradient of <grad f(w), v>. */
static int l_hvp(lua_State *L) {
  call outer = {.who = "ad.hvp", .cx = glue_of(L)->cx, .n = 1, .arg = {2}};
  peri_ctx *cx = outer.cx;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  peri_tensor *w = check_tensor(L, 2), *v = check_tensor(L, 3);
  lua_settop(L, 3);
  outer.lifted[0] = new_box(L);
  outer.grads[0] = new_box(L);
  peri_tensor **inner = new_box(L), **g = new_box(L), **s = new_box(L), *y = NULL;
  peri_mark m1, m2;
  int lua_status = LUA_OK;
  if (peri_tape_begin(cx, &m1)) return raise_core(L, cx);
  peri_status st = (outer.xs[0] = *outer.lifted[0] = peri_lift(w)) ? PERI_OK : peri_errcode(cx);
  if (!st) st = peri_tape_begin(cx, &m2);
  if (!st) {
    peri_tensor *x = *inner = peri_lift(outer.xs[0]);
    st = x ? PERI_OK : peri_errcode(cx);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 6); /* the inner alias's box */
    if (!st) lua_status = lua_pcall(L, 1, 1, 0);
    glue_of(L)->L = L;
    if (!st && lua_status == LUA_OK && !(st = check_loss(L, &outer, -1, &y)) && y) st = peri_backward(y, NULL, &x, 1, g);
    peri_tape_end(cx, m2);
  }
  if (!st && lua_status == LUA_OK && !(v = test_tensor(L, 3))) st = peri_fail(cx, PERI_ERR_STATE, "ad.hvp: the function closed v");
  if (!st && lua_status == LUA_OK && y) st = (*s = peri_dot(*g, v)) ? PERI_OK : peri_errcode(cx);
  if (!st && lua_status == LUA_OK) st = backward(&outer, y ? *s : NULL, NULL);
  peri_tape_end(cx, m1);
  if (st || lua_status != LUA_OK) return rethrow(L, cx, lua_status);
  lua_settop(L, 5);
  return 1;
}

/* Row k of the Jacobian of y. */
static peri_status jacobian_row(const call *c, peri_tensor *y, int64_t k, peri_tensor *rows) {
  peri_tensor *seed = peri_zeros(c->cx, (peri_dtype)y->dtype, y->ndim, y->dims), *g = NULL, *row = NULL;
  peri_status st = seed ? PERI_OK : peri_errcode(c->cx);
  if (!st) {
    if (y->dtype == PERI_F32) ((float *)seed->data)[k] = 1;
    else ((double *)seed->data)[k] = 1;
    st = peri_backward(y, seed, c->xs, 1, &g);
  }
  if (!st) st = (row = peri_select(rows, 0, k)) ? peri_copy_(row, g) : peri_errcode(c->cx);
  peri_release(row);
  peri_release(g);
  peri_release(seed);
  return st;
}

static peri_status jacobian(const call *c, peri_tensor *y, peri_tensor **out) {
  peri_tensor *x = c->xs[0];
  int64_t dims[2 * PERI_MAXDIM], flat[PERI_MAXDIM];
  if (y->ndim + x->ndim > PERI_MAXDIM || x->ndim + 1 > PERI_MAXDIM)
    return peri_fail(c->cx, PERI_ERR_SHAPE, "%s: the result of shape %s by the argument of shape %s has more than %d axes; flatten one", c->who,
                     peri_shape(y), peri_shape(x), PERI_MAXDIM);
  memcpy(dims, y->dims, (size_t)y->ndim * sizeof dims[0]);
  memcpy(dims + y->ndim, x->dims, (size_t)x->ndim * sizeof dims[0]);
  flat[0] = y->size;
  memcpy(flat + 1, x->dims, (size_t)x->ndim * sizeof flat[0]);
  peri_tensor *rows = peri_zeros(c->cx, (peri_dtype)x->dtype, x->ndim + 1, flat);
  peri_status st = rows ? PERI_OK : peri_errcode(c->cx);
  for (int64_t k = 0; k < y->size && !st; k++) st = jacobian_row(c, y, k, rows);
  if (!st && !(*out = peri_reshape(rows, y->ndim + x->ndim, dims))) st = peri_errcode(c->cx);
  peri_release(rows);
  return st;
}

/* jacobian(f, x): one backward pass for each element of f(x), all over one recording. */
static int l_jacobian(lua_State *L) {
  call c = {.who = "ad.jacobian", .cx = glue_of(L)->cx, .n = 1, .arg = {2}};
  peri_mark mark;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  peri_tensor *x = check_tensor(L, 2);
  lua_settop(L, 2);
  peri_tensor **out = new_box(L);
  c.lifted[0] = new_box(L);
  int lua_status = LUA_OK;
  if (peri_tape_begin(c.cx, &mark)) return raise_core(L, c.cx);
  if (mark.depth > 0) {
    peri_tape_end(c.cx, mark);
    return luaL_error(L, "ad.jacobian: cannot be differentiated; nest ad.grad instead");
  }
  peri_status st = (c.xs[0] = *c.lifted[0] = peri_lift(x)) ? PERI_OK : peri_errcode(c.cx);
  if (!st) {
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 4);
    lua_status = lua_pcall(L, 1, 1, 0);
    glue_of(L)->L = L;
  }
  if (!st && lua_status == LUA_OK) {
    peri_tensor *y = test_tensor(L, -1);
    if (!y) st = peri_fail(c.cx, PERI_ERR_VALUE, "ad.jacobian: the function returned %s, not a tensor", luaL_typename(L, -1));
    else st = jacobian(&c, y, out);
  }
  peri_tape_end(c.cx, mark);
  if (st || lua_status != LUA_OK) return rethrow(L, c.cx, lua_status);
  lua_settop(L, 3);
  return 1;
}

static int l_stop(lua_State *L) {
  if (lua_type(L, 1) == LUA_TNUMBER) return lua_settop(L, 1), 1;
  peri_tensor *x = check_tensor(L, 1), **box = new_box(L);
  *box = peri_stop_gradient(x);
  return finish(L, box) && number_if_scalar(L);
}

static const pri_row rows[] = {
    {"grad", l_grad, "ad.grad(f[, arguments]) -> function", "The gradient of a scalar function by its first argument, or by those numbered; further returns of f follow."},
    {"value_and_grad", l_value_and_grad, "ad.value_and_grad(f[, arguments]) -> function", "Like ad.grad, with f's value in front."},
    {"hvp", l_hvp, "ad.hvp(f, w, v)", "The Hessian of f at w times v."},
    {"jacobian", l_jacobian, "ad.jacobian(f, x)", "The derivatives of every element of f(x) by every element of x: shape of f(x), then that of x."},
    {"stop", l_stop, "ad.stop(x)", "x as a constant: nothing is recorded, no gradient flows into it."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_ad(lua_State *L) {
  pri_register(L, "ad", rows, 0);
  pri_bind_ad_examples(L);
  pri_bind_ad_custom(L);
}
