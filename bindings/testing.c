/* testing.c - what the project's own tests, and those of programs built on it, need to look inside. */
#include "peri_lua.h"
#include <perigee/ops.h>
#include <perigee/reduce.h>

static int l_live_tensors(lua_State *L) { return lua_pushinteger(L, peri_stats(glue_of(L)->cx).tensors), 1; }
static int l_allocation_failed(lua_State *L) { return lua_pushboolean(L, peri_allocation_failed(glue_of(L)->cx)), 1; }

static int l_fail_allocation(lua_State *L) {
  peri_ctx *cx = glue_of(L)->cx;
  int64_t n = check_integer(L, 1, "testing.fail_allocation", "the number of allocations");
  if (lua_toboolean(L, 2)) peri_fail_allocations_from(cx, n);
  else peri_fail_allocation(cx, n);
  return 0;
}

static int l_memory_limit(lua_State *L) {
  int64_t n = check_integer(L, 1, "testing.memory_limit", "the number of bytes");
  peri_set_memory_limit(glue_of(L)->cx, n < 0 ? 0 : (size_t)n);
  return 0;
}

static void list_ruled(lua_State *L, const peri_op *const *op) {
  for (; *op; op++)
    if ((*op)->vjp) {
      lua_pushstring(L, (*op)->name);
      lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
}

static int l_differentiable(lua_State *L) {
  lua_newtable(L);
  list_ruled(L, peri_elementwise_ops());
  list_ruled(L, peri_reduction_ops());
  return 1;
}

static const pri_row rows[] = {
    {"live_tensors", l_live_tensors, "testing.live_tensors()", "How many tensors the context holds."},
    {"fail_allocation", l_fail_allocation, "testing.fail_allocation(n[, all])", "Makes the n-th allocation from now fail (0: the next; -1: none), and with `all` those after it."},
    {"allocation_failed", l_allocation_failed, "testing.allocation_failed()", "Whether that failure has happened."},
    {"memory_limit", l_memory_limit, "testing.memory_limit(bytes)", "Sets the context's memory limit; 0 is none."},
    {"differentiable", l_differentiable, "testing.differentiable() -> list of names", "The elementwise primitives and reductions that have a gradient rule."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_testing(lua_State *L) { pri_register(L, "testing", rows, 0); }
