/* sampler.c - privacy.pairs: batches drawn record by record (perigee/sampler.h). pg.privacy.sampler is made of it. */
#include "peri_lua.h"
#include "random_lua.h"
#include <perigee/sampler.h>

#define PAIRS "perigee.privacy.pairs"
static const char who[] = "privacy.pairs";

static peri_pairs *check_pairs(lua_State *L) {
  peri_pairs **p = luaL_checkudata(L, 1, PAIRS);
  if (!*p) luaL_argerror(L, 1, "these pairs have been closed");
  return *p;
}

/* pairs(rng, { n, steps, rate | once = true, most, memory, dir }) */
static int l_pairs(lua_State *L) {
  static const char *const options[] = {"n", "steps", "rate", "once", "most", "memory", "dir", NULL};
  peri_stream *s = check_stream(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  check_options(L, 2, who, options);
  peri_pairs_plan plan = {.records = opt_integer(L, 2, who, "n", 0), .steps = opt_integer(L, 2, who, "steps", 0)};
  plan.once = opt_boolean(L, 2, who, "once", false);
  plan.rate = opt_number(L, 2, who, "rate", plan.once ? 0 : -1);
  plan.most = opt_integer(L, 2, who, "most", 0);
  int64_t memory = opt_integer(L, 2, who, "memory", (int64_t)256 << 20);
  plan.memory = memory < 1 ? 1 : (size_t)memory;
  plan.dir = opt_string(L, 2, who, "dir", NULL);
  peri_pairs **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, PAIRS);
  *box = peri_pairs_draw(glue_of(L)->cx, &plan, s);
  return *box ? 1 : raise_core(L, glue_of(L)->cx);
}

static int l_gc(lua_State *L) {
  peri_pairs **p = luaL_checkudata(L, 1, PAIRS);
  peri_pairs_free(*p);
  *p = NULL;
  return 0;
}

static void from_one(peri_tensor *t) {
  for (int64_t i = 0; i < t->size; i++) ((int64_t *)t->data)[i]++;
}

static int l_next(lua_State *L) {
  peri_pairs *p = check_pairs(L);
  int64_t drawn = 0;
  if (peri_pairs_left(p) == 0) return 0;
  peri_tensor **box = new_box(L);
  *box = peri_pairs_next(p, &drawn);
  if (!*box) return raise_core(L, glue_of(L)->cx);
  from_one(*box);
  lua_pushinteger(L, drawn);
  return 2;
}

static int l_rest(lua_State *L) {
  peri_pairs *p = check_pairs(L);
  peri_tensor **records = new_box(L), **starts = new_box(L);
  *records = peri_pairs_rest(p, starts);
  if (!*records) return raise_core(L, glue_of(L)->cx);
  from_one(*records);
  from_one(*starts);
  return 2;
}

static int l_runs(lua_State *L) { return lua_pushinteger(L, peri_pairs_runs(check_pairs(L))), 1; }

static int l_tostring(lua_State *L) {
  peri_pairs *p = check_pairs(L);
  lua_pushfstring(L, "pairs: %I steps left, %I runs on disk", (LUAI_UACINT)peri_pairs_left(p), (LUAI_UACINT)peri_pairs_runs(p));
  return 1;
}

static const pri_row functions[] = {
    {"pairs", l_pairs, "privacy.pairs(rng, { n, steps, rate | once[, most, memory, dir] }) -> pairs",
     "Batches drawn record by record: each of n records is in each step with probability `rate`, or in one uniform step; of each step at most `most` are kept, beyond `memory` bytes runs go to a scratch file in `dir`."},
    {NULL, NULL, NULL, NULL}};

static const pri_row methods[] = {
    {"next", l_next, "p:next() -> records (k), drawn", "The records of the next step, at random order, and how many were drawn before truncation; nothing after the last step."},
    {"rest", l_rest, "p:rest() -> records, starts", "The records of all steps left, one step after another; step t has those from starts[t] to starts[t + 1] - 1."},
    {"runs", l_runs, "p:runs() -> integer", "The number of sorted runs on disk; 0 if everything is in memory."},
    {"__gc", l_gc, "", ""},
    {"__close", l_gc, "", ""},
    {"__tostring", l_tostring, "", ""},
    {NULL, NULL, NULL, NULL}};

void pri_bind_sampler(lua_State *L) {
  pri_register(L, "privacy", functions, 0);
  pri_class(L, "privacy.pairs", methods);
}
