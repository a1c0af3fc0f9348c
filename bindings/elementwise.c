/* elementwise.c - every elementwise primitive as a method, a function of pg, an in-place method, and where Lua has one, an operator.
**
** One C function serves all primitives of an arity; the descriptor is its third upvalue. Where every operand is a number the
** result is a number, so formulas may mix results of full reductions with plain arithmetic: pg.sqrt(x:sum()).
*/
#include "peri_lua.h"
#include <perigee/ops.h>
#include <string.h>

static inline const peri_op *op_of(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(3)); }

static int result(lua_State *L, peri_tensor *const *box, bool numbers) {
  if (!*box) return raise_core(L, glue_of(L)->cx);
  if (numbers) number_if_scalar(L);
  return 1;
}

static int l_op1(lua_State *L) {
  bool number = lua_type(L, 1) == LUA_TNUMBER;
  peri_tensor *a = number ? keep_operand(L, 1) : check_tensor(L, 1), **box = new_box(L);
  *box = peri_apply(op_of(L), &a, NULL);
  return result(L, box, number);
}

static peri_tensor *number_at(lua_State *L, int idx) { /* a new reference, or NULL; cannot raise */
  peri_ctx *cx = glue_of(L)->cx;
  return lua_isinteger(L, idx) ? peri_scalar_i64(cx, lua_tointeger(L, idx)) : peri_scalar(cx, lua_tonumber(L, idx));
}

/* One operand, in[k], is a number: it needs no box of its own. */
static int with_number(lua_State *L, peri_tensor **in, int k) {
  peri_tensor **box = new_box(L);
  in[k] = number_at(L, k + 1);
  if (in[k]) *box = peri_apply(op_of(L), in, NULL);
  peri_release(in[k]);
  return finish(L, box);
}

static int l_op2(lua_State *L) {
  peri_tensor *in[2] = {test_tensor(L, 1), test_tensor(L, 2)};
  if (in[0] && lua_type(L, 2) == LUA_TNUMBER) return with_number(L, in, 1);
  if (in[1] && lua_type(L, 1) == LUA_TNUMBER) return with_number(L, in, 0);
  bool numbers = !in[0] && !in[1];
  if (!in[0]) in[0] = keep_operand(L, 1);
  if (!in[1]) in[1] = keep_operand(L, 2);
  peri_tensor **box = new_box(L);
  *box = peri_apply(op_of(L), in, NULL);
  return result(L, box, numbers);
}

static int l_op3(lua_State *L) {
  peri_tensor *in[3];
  bool numbers = true;
  lua_settop(L, 3);
  for (int i = 0; i < 3; i++) {
    numbers &= !test_tensor(L, i + 1);
    in[i] = keep_operand(L, i + 1);
  }
  peri_tensor **box = new_box(L);
  *box = peri_apply(op_of(L), in, NULL);
  return result(L, box, numbers);
}

static int l_op1_(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1);
  note_write(L, a, op_of(L)->name);
  if (peri_apply_(op_of(L), a, &a, NULL)) return raise_core(L, a->cx);
  lua_settop(L, 1);
  return 1;
}

static int l_op2_(lua_State *L) {
  bool number = lua_type(L, 2) == LUA_TNUMBER;
  peri_tensor *a = check_tensor(L, 1), *b = number ? NULL : keep_operand(L, 2);
  note_write(L, a, op_of(L)->name);
  if (number && !(b = number_at(L, 2))) return raise_core(L, a->cx);
  peri_status st = peri_apply_(op_of(L), a, (peri_tensor *[]){a, b}, NULL);
  if (number) peri_release(b);
  if (st) return raise_core(L, a->cx);
  lua_settop(L, 1);
  return 1;
}

static int l_op3_(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1), *b, *c;
  lua_settop(L, 3);
  b = keep_operand(L, 2);
  c = keep_operand(L, 3);
  note_write(L, a, op_of(L)->name);
  if (peri_apply_(op_of(L), a, (peri_tensor *[]){a, b, c}, NULL)) return raise_core(L, a->cx);
  lua_settop(L, 1);
  return 1;
}

/* ~a: of bool logical, of i64 bit by bit; the operator's second argument is a copy of the first. */
static int l_invert(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1), **box = new_box(L);
  *box = a->dtype == PERI_BOOL ? peri_lnot(a) : peri_bnot(a);
  return finish(L, box);
}

/* -a; Lua passes the operand twice. */
static int l_unm(lua_State *L) {
  lua_settop(L, 1);
  return l_op1(L);
}

static const struct { const char *event, *op; } operators[] = {
    {"__add", "add"}, {"__sub", "sub"}, {"__mul", "mul"}, {"__div", "div"}, {"__pow", "pow"}, {"__mod", "mod"}, {"__idiv", "idiv"},
    {"__band", "band"}, {"__bor", "bor"}, {"__bxor", "bxor"}, {"__shl", "shl"}, {"__shr", "shr"}, {"__unm", "neg"}};

static void bind_operator(lua_State *L, const peri_op *op, const char *short_name) {
  for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
    if (strcmp(operators[i].op, short_name) == 0) {
      lua_getfield(L, LUA_REGISTRYINDEX, "perigee.tensor");
      pri_set_closure(L, op->arity == 1 ? l_unm : l_op2, op);
      lua_setfield(L, -2, operators[i].event);
      lua_pop(L, 1);
    }
}

static void bind_op(lua_State *L, const peri_op *op) {
  static const lua_CFunction fresh[] = {NULL, l_op1, l_op2, l_op3}, in_place[] = {NULL, l_op1_, l_op2_, l_op3_};
  const char *name = strchr(op->name, '.') + 1;
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.tensor");
  lua_getfield(L, -1, "methods");
  pri_set_closure(L, fresh[op->arity], op);
  lua_pushvalue(L, -1);
  lua_setfield(L, -5, name); /* pg.name */
  lua_setfield(L, -2, name);
  lua_pushfstring(L, "%s_", name);
  pri_set_closure(L, in_place[op->arity], op);
  lua_settable(L, -3);
  lua_pop(L, 2);
  pri_document(L, op->name, op->signature, op->help);
  bind_operator(L, op, name);
}

void pri_bind_functions(lua_State *L, const char *module, const peri_op *const *ops) {
  static const lua_CFunction fresh[] = {NULL, l_op1, l_op2, l_op3};
  pri_register(L, module, (const pri_row[]){{NULL, NULL, NULL, NULL}}, 0);
  lua_getfield(L, -1, module);
  for (; *ops; ops++) {
    pri_set_closure(L, fresh[(*ops)->arity], *ops);
    lua_setfield(L, -2, strchr((*ops)->name, '.') + 1);
    pri_document(L, (*ops)->name, (*ops)->signature, (*ops)->help);
  }
  lua_pop(L, 1);
}

void pri_bind_elementwise(lua_State *L) {
  for (const peri_op *const *op = peri_elementwise_ops(); *op; op++) bind_op(L, *op);
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.tensor");
  pri_set_closure(L, l_invert, NULL);
  lua_setfield(L, -2, "__bnot");
  lua_pop(L, 1);
}
