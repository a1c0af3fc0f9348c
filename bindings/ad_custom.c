/* ad_custom.c - ad.custom: a function of tensors whose gradient the script supplies.
**
** The forward function runs on constants, so nothing of it is recorded; its result y goes onto the tape as one primitive of the tensors among
** the arguments, and of y. On the way back the primitive's rule calls the backward function under lua_pcall: the core never sees Lua, it
** sees PERI_ERR_CALLBACK, and the script's own error is kept for the call that opened the tape to raise.
**
** What backward needs is kept alive in a list in the registry, one entry for each call recorded, for as long as its tape is open; the list
** of a tape that has closed is dropped by the first call on the next.
*/
#include "peri_lua.h"
#include <perigee/ad.h>
#include <perigee/ops.h>
#include <stdint.h>

static const char list_key, tape_key, error_key; /* their addresses are the keys in the registry */
enum { TRAMPOLINE = 1, BACKWARD = 2, ARGUMENTS = 2 }; /* an entry: two functions, then the arguments; false in the place of tensors */
enum { I_OPERANDS, I_ENTRY, I_GLUE, I_ARGUMENTS };    /* in peri_args.i */

/* ---- back ---- */

typedef struct { const peri_pull *p; peri_tensor **grads; } pulled;

static void push_tensor(lua_State *L, peri_tensor *t) {
  peri_tensor **box = new_box(L);
  *box = peri_retain(t);
}

static int bad_gradient(lua_State *L, int k, const char *got, const peri_tensor *x) {
  return luaL_error(L, "ad.custom: backward returned %s for argument %d, of shape %s", got, k, peri_shape(x));
}

/* Runs protected, with the entry on the stack (1) and the pull (2): backward(g, y, arguments...) -> gradients in the places of the arguments. */
static int l_pull(lua_State *L) {
  pulled *u = lua_touserdata(L, 2);
  const peri_pull *p = u->p;
  int n = (int)p->args->i[I_ARGUMENTS], operand = 0;
  lua_settop(L, 1);
  luaL_checkstack(L, 2 * n + 8, "ad.custom");
  lua_rawgeti(L, 1, BACKWARD);
  push_tensor(L, p->cotangents[0]);
  push_tensor(L, p->out[0]);
  for (int i = 1; i <= n; i++) {
    if (lua_rawgeti(L, 1, ARGUMENTS + i) != LUA_TBOOLEAN || lua_toboolean(L, -1)) continue; /* no tensor: as it was */
    lua_pop(L, 1);
    push_tensor(L, p->in[operand++]);
  }
  lua_call(L, n + 2, n);
  operand = 0;
  for (int i = 1; i <= n; i++) {
    bool tensor = lua_rawgeti(L, 1, ARGUMENTS + i) == LUA_TBOOLEAN && !lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (!tensor) continue;
    peri_tensor *x = p->in[operand], *g = test_tensor(L, 1 + i);
    if (!g && !lua_isnil(L, 1 + i)) return bad_gradient(L, i, luaL_typename(L, 1 + i), x);
    if (g && g->ndim != x->ndim) return bad_gradient(L, i, lua_pushfstring(L, "shape %s", peri_shape(g)), x);
    for (int k = 0; g && k < x->ndim; k++)
      if (g->dims[k] != x->dims[k]) return bad_gradient(L, i, lua_pushfstring(L, "shape %s", peri_shape(g)), x);
    if (g && (p->needs >> (operand < 63 ? operand : 63) & 1)) u->grads[operand] = peri_retain(g);
    operand++;
  }
  return 0;
}

static peri_status vjp_custom(const peri_pull *p, peri_tensor **grads) {
  pri_glue *glue = (pri_glue *)(intptr_t)p->args->i[I_GLUE];
  lua_State *L = glue->L;
  peri_ctx *cx = p->in[0]->cx;
  if (!lua_checkstack(L, 8)) return peri_fail(cx, PERI_ERR_MEMORY, "ad.custom: the stack of Lua is full");
  pulled u = {p, grads};
  int top = lua_gettop(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &list_key);
  lua_rawgeti(L, -1, p->args->i[I_ENTRY]);
  lua_rawgeti(L, -1, TRAMPOLINE);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, &u);
  int status = lua_pcall(L, 2, 0, 0);
  glue->L = L;
  if (status != LUA_OK) {
    for (int64_t i = 0; i < p->n; i++) peri_release(grads[i]), grads[i] = NULL;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key); /* the key is there since the call was recorded: nothing is allocated */
    lua_settop(L, top);
    return peri_fail(cx, PERI_ERR_CALLBACK, "ad.custom: backward failed");
  }
  lua_settop(L, top);
  return PERI_OK;
}

bool pri_custom_error(lua_State *L, peri_ctx *cx) {
  if (peri_errcode(cx) != PERI_ERR_CALLBACK || !lua_checkstack(L, 2)) return false;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key) == LUA_TBOOLEAN) {
    lua_pop(L, 1);
    return false;
  }
  lua_pushboolean(L, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
  return true;
}

/* ---- forth ---- */

static peri_status run_custom(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *y = in[args->i[I_OPERANDS] - 1];
  (void)op;
  out[0] = peri_view(y, y->ndim, y->dims, y->strides, 0);
  return out[0] ? PERI_OK : peri_errcode(y->cx);
}

static const peri_op op_custom = {.name = "ad.custom", .signature = "ad.custom{forward=, backward=}", .help = "A function with its own gradient.",
                                  .samples = "none", .arity = PERI_VARIADIC, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_custom, .vjp = vjp_custom};

/* Pushes the list of entries of the open tape, emptied if it was that of another. */
static void push_list(lua_State *L, peri_ctx *cx) {
  lua_Integer tape = (lua_Integer)peri_tape_id(cx);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &tape_key);
  bool current = lua_isinteger(L, -1) && lua_tointeger(L, -1) == tape;
  lua_pop(L, 1);
  if (current && lua_rawgetp(L, LUA_REGISTRYINDEX, &list_key) == LUA_TTABLE) return;
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &list_key);
  lua_pushboolean(L, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
  lua_pushinteger(L, tape);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &tape_key);
}

/* Adds the entry of a call with the arguments 1..n, and returns its place. Upvalue 4: backward. */
static int64_t keep_entry(lua_State *L, peri_ctx *cx, int n) {
  push_list(L, cx);
  lua_createtable(L, ARGUMENTS + n, 0);
  pri_set_closure(L, l_pull, NULL);
  lua_rawseti(L, -2, TRAMPOLINE);
  lua_pushvalue(L, lua_upvalueindex(4));
  lua_rawseti(L, -2, BACKWARD);
  for (int i = 1; i <= n; i++) {
    if (test_tensor(L, i)) lua_pushboolean(L, 0);
    else if (lua_isboolean(L, i) || lua_isnil(L, i)) luaL_error(L, "ad.custom: argument %d is %s; give tensors, numbers, strings, tables", i, luaL_typename(L, i));
    else lua_pushvalue(L, i);
    lua_rawseti(L, -2, ARGUMENTS + i);
  }
  int64_t place = (int64_t)lua_rawlen(L, -2) + 1;
  lua_rawseti(L, -2, place);
  lua_pop(L, 1);
  return place;
}

/* The function that ad.custom returns. Upvalues: 3 forward, 4 backward. */
static int l_call_custom(lua_State *L) {
  enum { MOST = 32 };
  peri_ctx *cx = glue_of(L)->cx;
  int n = lua_gettop(L), operands = 0, place[MOST];
  peri_tensor *in[MOST + 1];
  bool recorded = false;
  if (n > MOST) luaL_error(L, "ad.custom: at most %d arguments, got %d", MOST, n);
  luaL_checkstack(L, 2 * n + 8, "ad.custom");
  for (int i = 1; i <= n; i++)
    if ((in[operands] = test_tensor(L, i))) {
      recorded |= peri_recorded(in[operands]);
      place[operands++] = i;
    }
  lua_pushvalue(L, lua_upvalueindex(3));
  for (int i = 1; i <= n; i++) {
    peri_tensor *t = test_tensor(L, i), **box;
    if (!t) lua_pushvalue(L, i);
    else if (box = new_box(L), !(*box = peri_stop_gradient(t))) return raise_core(L, cx);
  }
  lua_call(L, n, 1);
  if (!recorded) return 1;
  for (int k = 0; k < operands; k++)
    if (!(in[k] = test_tensor(L, place[k]))) luaL_error(L, "ad.custom: forward closed argument %d", place[k]);
  in[operands] = lua_type(L, -1) == LUA_TNUMBER ? keep_operand(L, -1) : test_tensor(L, -1);
  if (!in[operands]) luaL_error(L, "ad.custom: forward returned %s; return a tensor", luaL_typename(L, -1));
  if (peri_recorded(in[operands])) luaL_error(L, "ad.custom: forward uses a tensor that is being differentiated; make it an argument");
  peri_args args = {.i = {[I_OPERANDS] = operands + 1, [I_GLUE] = (int64_t)(intptr_t)glue_of(L), [I_ARGUMENTS] = n}};
  args.i[I_ENTRY] = keep_entry(L, cx, n);
  peri_tensor **box = new_box(L);
  *box = peri_apply(&op_custom, in, &args);
  return finish(L, box);
}

static int l_custom(lua_State *L) {
  static const char *const names[] = {"forward", "backward", NULL};
  luaL_checktype(L, 1, LUA_TTABLE);
  check_options(L, 1, "ad.custom", names);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, lua_upvalueindex(2));
  for (int i = 0; i < 2; i++)
    if (lua_getfield(L, 1, names[i]) != LUA_TFUNCTION) luaL_error(L, "ad.custom: option '%s' must be a function, got %s", names[i], luaL_typename(L, -1));
  lua_pushcclosure(L, l_call_custom, 4);
  return 1;
}

static const pri_row rows[] = {
    {"custom", l_custom, "ad.custom{forward=, backward=} -> function", "A function forward(x, ...) -> y whose gradients are what backward(g, y, x, ...) returns for a cotangent g of y; nil is zero."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_ad_custom(lua_State *L) { pri_register(L, "ad", rows, 0); }
