/* random.c - streams, blocks of streams, laws, subsets, and the raw generator.
**
** A law is a method of streams and of blocks: with a table of dims first it gives a tensor, without it a number; its parameters follow in
** the order of its signature. Indices drawn for Lua count from 1.
*/
#include "peri_lua.h"
#include "random_lua.h"
#include <perigee/random.h>
#include <stdio.h>
#include <string.h>

#define STREAM "perigee.random.stream"
#define BLOCK "perigee.random.block"
#define ALIAS "perigee.random.alias"
#define PCG "perigee.random.pcg64"

typedef struct { peri_alias *table; } alias_box;

peri_stream *check_stream(lua_State *L, int idx) { return luaL_checkudata(L, idx, STREAM); }

peri_block *check_block(lua_State *L, int idx) {
  peri_block **b = luaL_checkudata(L, idx, BLOCK);
  if (!*b) luaL_argerror(L, idx, "this block has been closed");
  return *b;
}

static void push_stream(lua_State *L, const peri_stream *s) {
  peri_stream *box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = *s;
  luaL_setmetatable(L, STREAM);
}

static peri_block **new_block(lua_State *L) {
  peri_block **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, BLOCK);
  return box;
}

static int give_block(lua_State *L, peri_block **box, peri_block *b) {
  *box = b;
  return b ? 1 : raise_core(L, glue_of(L)->cx);
}

/* ---- streams ---- */

static int l_rng(lua_State *L) {
  peri_stream s = peri_stream_root((uint64_t)check_integer(L, 1, "rng", "the seed"));
  push_stream(L, &s);
  return 1;
}

static int l_stream(lua_State *L) {
  peri_stream s = peri_stream_sub(check_stream(L, 1), luaL_checkstring(L, 2), luaL_optinteger(L, 3, 0));
  push_stream(L, &s);
  return 1;
}

static int l_block(lua_State *L) {
  peri_stream *s = check_stream(L, 1);
  const char *name = luaL_checkstring(L, 2);
  int64_t n = check_integer(L, 3, "random.block", "the number of rows"), first = luaL_optinteger(L, 4, 1);
  peri_block **box = new_block(L);
  return give_block(L, box, peri_block_new(glue_of(L)->cx, s, name, first, n));
}

static int l_next(lua_State *L) { return lua_pushinteger(L, (lua_Integer)peri_stream_next(check_stream(L, 1))), 1; }

static int l_jump(lua_State *L) {
  peri_stream_jump(check_stream(L, 1), check_integer(L, 2, "random.jump", "the number of draws"));
  lua_settop(L, 1);
  return 1;
}

static int l_clone(lua_State *L) {
  push_stream(L, check_stream(L, 1));
  return 1;
}

/* Words in sequence order, least significant byte first. */
static int l_bytes(lua_State *L) {
  peri_stream *s = check_stream(L, 1);
  int64_t n = check_integer(L, 2, "random.bytes", "the number of bytes");
  if (n < 0 || n > (int64_t)1 << 40) return luaL_error(L, "random.bytes: the number of bytes must lie in 0..2^40, got %I", (LUAI_UACINT)n);
  luaL_Buffer b;
  uint64_t w[512];
  char *p = luaL_buffinitsize(L, &b, (size_t)n);
  for (int64_t i = 0, m; i < n; i += m) {
    m = n - i < (int64_t)sizeof w ? n - i : (int64_t)sizeof w;
    peri_stream_words(glue_of(L)->cx, s, w, (m + 7) / 8);
    memcpy(p + i, w, (size_t)m);
  }
  luaL_pushresultsize(&b, (size_t)n);
  return 1;
}

static int l_state(lua_State *L) {
  peri_stream *s = check_stream(L, 1);
  if (lua_isnoneornil(L, 2)) {
    char text[PERI_STREAM_TEXT];
    peri_stream_save(s, text);
    lua_pushstring(L, text);
    return 1;
  }
  if (peri_stream_load(glue_of(L)->cx, s, luaL_checkstring(L, 2))) return raise_core(L, glue_of(L)->cx);
  lua_settop(L, 1);
  return 1;
}

static int l_stream_tostring(lua_State *L) {
  peri_stream *s = check_stream(L, 1);
  char text[PERI_STREAM_TEXT];
  peri_stream_save(s, text);
  lua_pushfstring(L, "stream: %s", text);
  return 1;
}

/* ---- blocks ---- */

static int l_block_gc(lua_State *L) {
  peri_block **b = luaL_checkudata(L, 1, BLOCK);
  peri_block_free(*b);
  *b = NULL;
  return 0;
}

static int l_block_stream(lua_State *L) {
  peri_block *b = check_block(L, 1);
  const char *name = luaL_checkstring(L, 2);
  int64_t index = luaL_optinteger(L, 3, 0);
  peri_block **box = new_block(L);
  return give_block(L, box, peri_block_sub(b, name, index));
}

static int l_block_row(lua_State *L) {
  peri_block *b = check_block(L, 1);
  int64_t i = check_integer(L, 2, "random.row", "the row");
  if (i < 1 || i > peri_block_rows(b)) return luaL_error(L, "random.row: row %I of a block of %I", (LUAI_UACINT)i, (LUAI_UACINT)peri_block_rows(b));
  peri_stream s = peri_block_stream(b, i - 1);
  push_stream(L, &s);
  return 1;
}

static int l_block_jump(lua_State *L) {
  peri_block_jump(check_block(L, 1), check_integer(L, 2, "random.jump", "the number of draws"));
  lua_settop(L, 1);
  return 1;
}

static int l_block_len(lua_State *L) { return lua_pushinteger(L, peri_block_rows(check_block(L, 1))), 1; }

static int l_block_tostring(lua_State *L) {
  lua_pushfstring(L, "block: %I streams", (LUAI_UACINT)peri_block_rows(check_block(L, 1)));
  return 1;
}

/* ---- alias tables ---- */

static int l_alias(lua_State *L) {
  peri_tensor *w = to_tensor(L, 1, "random.alias", PERI_F64);
  if (w->ndim != 1) return luaL_error(L, "random.alias: the weights must be a vector, got shape %s", peri_shape(w));
  peri_tensor **flat = new_box(L);
  *flat = peri_contiguous(w);
  if (!*flat) return raise_core(L, w->cx);
  alias_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->table = NULL;
  luaL_setmetatable(L, ALIAS);
  box->table = peri_alias_new(w->cx, "random.alias", (*flat)->data, (*flat)->size);
  return box->table ? 1 : raise_core(L, w->cx);
}

static int l_alias_gc(lua_State *L) {
  alias_box *box = luaL_checkudata(L, 1, ALIAS);
  peri_alias_free(box->table);
  box->table = NULL;
  return 0;
}

static const peri_alias *check_alias(lua_State *L, int idx) {
  alias_box *box = luaL_testudata(L, idx, ALIAS);
  if (!box) { /* weights: a table made for this call, kept alive by the stack */
    pri_set_closure(L, l_alias, NULL);
    lua_pushvalue(L, idx);
    lua_call(L, 1, 1);
    lua_replace(L, idx);
    box = lua_touserdata(L, idx);
  }
  if (!box->table) luaL_argerror(L, idx, "this table has been closed");
  return box->table;
}

/* ---- laws ---- */

typedef struct {
  const char *name, *signature, *help;
  peri_law_kind kind;
  int parameters, optional;   /* the last `optional` of them may be missing */
  const char *names[5];
  double missing[5];
} law_row;

static const law_row laws[] = {
    {"uniform", "rng:uniform([{dims},] [lo, hi])", "Uniform on [lo, hi), by default [0, 1); one word a draw.", PERI_UNIFORM, 2, 2, {"lo", "hi"}, {0, 1}},
    {"normal", "rng:normal([{dims},] [mean, sd])", "Normal, by default N(0, 1); one word a draw.", PERI_NORMAL, 2, 2, {"mean", "sd"}, {0, 1}},
    {"exponential", "rng:exponential([{dims},] [rate])", "Exponential of mean 1/rate; one word a draw.", PERI_EXPONENTIAL, 1, 1, {"rate", 0}, {1, 0}},
    {"gamma", "rng:gamma([{dims},] shape[, scale])", "Gamma of mean shape scale.", PERI_GAMMA, 2, 1, {"shape", "scale"}, {0, 1}},
    {"beta", "rng:beta([{dims},] a, b)", "Beta of mean a / (a + b).", PERI_BETA, 2, 0, {"a", "b"}, {0, 0}},
    {"chi_square", "rng:chi_square([{dims},] nu)", "Chi-square with nu > 0 degrees of freedom.", PERI_CHI_SQUARE, 1, 0, {"nu", 0}, {0, 0}},
    {"student_t", "rng:student_t([{dims},] nu)", "Student's t with nu > 0 degrees of freedom.", PERI_STUDENT_T, 1, 0, {"nu", 0}, {0, 0}},
    {"stable", "rng:stable([{dims},] alpha[, beta, scale, location, form])", "Stable of index alpha in (0, 2], by default symmetric of unit scale, in the form \"s1\" (default) or \"s0\"; two words a draw.", PERI_STABLE, 5, 4, {"alpha", "beta", "scale", "location", "form"}, {0, 0, 1, 0, 0}},
    {"positive_stable", "rng:positive_stable([{dims},] alpha[, scale])", "Positive stable of index alpha in (0, 1]: E exp(-q X) = exp(-(scale q)^alpha); two words a draw.", PERI_POSITIVE_STABLE, 2, 1, {"alpha", "scale"}, {0, 1}},
    {"pareto", "rng:pareto([{dims},] alpha[, least])", "Pareto: P(X > x) = (least/x)^alpha for x >= least, by default 1; one word a draw.", PERI_PARETO, 2, 1, {"alpha", "least"}, {0, 1}},
    {"laplace", "rng:laplace([{dims},] [location, scale])", "Laplace of density exp(-|x - location|/scale) / (2 scale), by default 0 and 1; one word a draw.", PERI_LAPLACE, 2, 2, {"location", "scale"}, {0, 1}},
    {"inverse_gaussian", "rng:inverse_gaussian([{dims},] mean, shape)", "Inverse Gaussian, the first passage of a drifting Brownian motion, of variance mean^3/shape; two words a draw.", PERI_INVERSE_GAUSSIAN, 2, 0, {"mean", "shape"}, {0, 0}},
    {"poisson", "rng:poisson([{dims},] mean)", "Poisson, i64.", PERI_POISSON, 1, 0, {"mean", 0}, {0, 0}},
    {"binomial", "rng:binomial([{dims},] n, p)", "Successes in n trials, i64.", PERI_BINOMIAL, 2, 0, {"n", "p"}, {0, 0}},
    {"geometric", "rng:geometric([{dims},] p)", "Trials up to the first success: 1, 2, ..., i64; one word a draw.", PERI_GEOMETRIC, 1, 0, {"p", 0}, {0, 0}},
    {"bernoulli", "rng:bernoulli([{dims},] [p])", "True with probability p, by default 1/2; bool; one word a draw.", PERI_BERNOULLI, 1, 1, {"p", 0}, {0.5, 0}},
    {"rademacher", "rng:rademacher([{dims}])", "-1 or 1, f64; one word a draw.", PERI_RADEMACHER, 0, 0, {0, 0}, {0, 0}},
    {"integers", "rng:integers([{dims},] [lo,] hi)", "Integers from lo (by default 1) to hi, both included, without bias.", PERI_INTEGERS, 2, 0, {"lo", "hi"}, {0, 0}},
    {"categorical", "rng:categorical([{dims},] weights | alias)", "Indices from 1 with probabilities proportional to the weights; one word a draw.", PERI_CATEGORICAL, 1, 0, {"weights", 0}, {0, 0}},
};

static double parameter(lua_State *L, const law_row *row, int k, int idx) {
  if (lua_isnoneornil(L, idx)) {
    if (k >= row->parameters - row->optional) return row->missing[k];
    luaL_error(L, "random.%s: %s is missing; the call is %s", row->name, row->names[k], row->signature);
  }
  if (lua_type(L, idx) != LUA_TNUMBER) luaL_error(L, "random.%s: %s must be a number, got %s", row->name, row->names[k], luaL_typename(L, idx));
  return lua_tonumber(L, idx);
}

static peri_stable_form stable_form(lua_State *L, int idx) {
  const char *form = luaL_optstring(L, idx, "s1");
  if (strcmp(form, "s1") == 0) return PERI_S1;
  if (strcmp(form, "s0") != 0) luaL_error(L, "random.stable: form must be \"s1\" or \"s0\", got \"%s\"", form);
  return PERI_S0;
}

/* The law, its parameters from idx on; no other argument may follow. */
static peri_law read_law(lua_State *L, const law_row *row, int idx) {
  peri_law law = {.kind = row->kind};
  int extra = lua_gettop(L) - idx + 1 - row->parameters;
  if (extra > 0) luaL_error(L, "random.%s: %d argument%s too many; the call is %s", row->name, extra, extra > 1 ? "s" : "", row->signature);
  switch (row->kind) {
  case PERI_INTEGERS: {
    bool both = !lua_isnoneornil(L, idx + 1);
    int64_t lo = both ? check_integer(L, idx, "random.integers", "lo") : 1, hi = check_integer(L, both ? idx + 1 : idx, "random.integers", "hi");
    return peri_integers(lo, hi);
  }
  case PERI_BINOMIAL: return peri_binomial(check_integer(L, idx, "random.binomial", "n"), parameter(L, row, 1, idx + 1));
  case PERI_CATEGORICAL: return peri_categorical(check_alias(L, idx), 1);
  case PERI_STABLE:
    return peri_stable(parameter(L, row, 0, idx), parameter(L, row, 1, idx + 1), parameter(L, row, 2, idx + 2), parameter(L, row, 3, idx + 3),
                       stable_form(L, idx + 4));
  default: break;
  }
  if (row->parameters > 0) law.a = parameter(L, row, 0, idx);
  if (row->parameters > 1) law.b = parameter(L, row, 1, idx + 1);
  return law;
}

static peri_dtype dtype_of(peri_law_kind kind) {
  if (kind == PERI_BERNOULLI) return PERI_BOOL;
  return kind == PERI_RADEMACHER || !peri_law_is_integer((peri_law){.kind = kind}) ? PERI_F64 : PERI_I64;
}

static int draw_one(lua_State *L, peri_stream *s, const law_row *row, peri_law law) {
  peri_ctx *cx = glue_of(L)->cx;
  double x = 0;
  int64_t k = 0;
  bool whole = peri_law_is_integer(law) && row->kind != PERI_RADEMACHER;
  if (whole ? peri_draw_i64(cx, s, law, &k) : peri_draw(cx, s, law, &x)) return raise_core(L, cx);
  if (row->kind == PERI_BERNOULLI) lua_pushboolean(L, k != 0);
  else if (whole) lua_pushinteger(L, k);
  else lua_pushnumber(L, x);
  return 1;
}

/* Dims at 2, if there is a table of them; a table of weights for one categorical draw is none. Returns their number, or -1. */
static int law_dims(lua_State *L, const law_row *row, int64_t *dims) {
  char who[32];
  if (!lua_istable(L, 2) || (row->kind == PERI_CATEGORICAL && lua_gettop(L) == 2)) return -1;
  snprintf(who, sizeof who, "random.%s", row->name);
  return check_dims(L, 2, who, dims);
}

static int l_law(lua_State *L) {
  const law_row *row = lua_touserdata(L, lua_upvalueindex(3));
  peri_stream *s = check_stream(L, 1);
  int64_t dims[PERI_MAXDIM];
  int nd = law_dims(L, row, dims);
  peri_law law = read_law(L, row, nd >= 0 ? 3 : 2);
  if (nd < 0) return draw_one(L, s, row, law);
  peri_tensor **box = new_box(L);
  *box = peri_new(glue_of(L)->cx, dtype_of(row->kind), nd, dims);
  if (!*box || peri_fill(*box, s, law)) return raise_core(L, glue_of(L)->cx);
  return 1;
}

/* The same of a block: a leading axis of one entry a row. */
static int l_block_law(lua_State *L) {
  const law_row *row = lua_touserdata(L, lua_upvalueindex(3));
  peri_block *b = check_block(L, 1);
  int64_t dims[PERI_MAXDIM + 1] = {peri_block_rows(b)};
  int nd = law_dims(L, row, dims + 1);
  peri_law law = read_law(L, row, nd >= 0 ? 3 : 2);
  peri_tensor **box = new_box(L);
  *box = peri_new(glue_of(L)->cx, dtype_of(row->kind), 1 + (nd > 0 ? nd : 0), dims);
  if (!*box || peri_block_fill(*box, b, law)) return raise_core(L, glue_of(L)->cx);
  return 1;
}

/* fill_NAME(t): draws into t. */
static int l_fill(lua_State *L) {
  const law_row *row = lua_touserdata(L, lua_upvalueindex(3));
  peri_block **b = luaL_testudata(L, 1, BLOCK);
  peri_stream *s = b ? NULL : check_stream(L, 1);
  peri_tensor *t = check_tensor(L, 2);
  peri_law law = read_law(L, row, 3);
  note_write(L, t, "random.fill");
  if (b ? peri_block_fill(t, check_block(L, 1), law) : peri_fill(t, s, law)) return raise_core(L, t->cx);
  lua_settop(L, 2);
  return 1;
}

/* stable_vector({dims}, alpha[, scale]) of a stream, or of a block: the last axis is the vector. */
static int l_stable_vector(lua_State *L) {
  peri_block **box = luaL_testudata(L, 1, BLOCK);
  peri_stream *s = box ? NULL : check_stream(L, 1);
  peri_block *b = box ? check_block(L, 1) : NULL;
  int64_t dims[PERI_MAXDIM + 1] = {b ? peri_block_rows(b) : 0}, *own = dims + (b ? 1 : 0);
  luaL_checktype(L, 2, LUA_TTABLE);
  int nd = check_dims(L, 2, "random.stable_vector", own);
  double alpha = luaL_checknumber(L, 3), scale = luaL_optnumber(L, 4, 1);
  peri_tensor **out = new_box(L);
  *out = peri_new(glue_of(L)->cx, PERI_F64, nd + (b ? 1 : 0), dims);
  if (!*out || (b ? peri_block_fill_stable_vectors(*out, b, alpha, scale) : peri_fill_stable_vectors(*out, s, alpha, scale))) return raise_core(L, glue_of(L)->cx);
  return 1;
}

/* ---- permutations and subsets: 0-based in C ---- */

static int from_one(lua_State *L, peri_tensor **box) {
  if (!*box) return raise_core(L, glue_of(L)->cx);
  for (int64_t i = 0; i < (*box)->size; i++) ((int64_t *)(*box)->data)[i]++;
  return 1;
}

static int l_permutation(lua_State *L) {
  peri_stream *s = check_stream(L, 1);
  int64_t n = check_integer(L, 2, "random.permutation", "n");
  peri_tensor **box = new_box(L);
  *box = peri_permutation(glue_of(L)->cx, n, s);
  return from_one(L, box);
}

static int l_subset(lua_State *L) {
  static const char *const options[] = {"replace", "ordered", NULL};
  peri_stream *s = check_stream(L, 1);
  int64_t n = check_integer(L, 2, "random.subset", "n"), k = check_integer(L, 3, "random.subset", "k");
  check_options(L, 4, "random.subset", options);
  bool replace = opt_boolean(L, 4, "random.subset", "replace", false), ordered = opt_boolean(L, 4, "random.subset", "ordered", true);
  peri_tensor **box = new_box(L);
  *box = replace ? peri_subset_replaced(glue_of(L)->cx, n, k, s) : peri_subset(glue_of(L)->cx, n, k, ordered, s);
  return from_one(L, box);
}

static int l_poisson_subset(lua_State *L) {
  peri_stream *s = check_stream(L, 1);
  int64_t n = check_integer(L, 2, "random.poisson_subset", "n");
  lua_Number q = luaL_checknumber(L, 3);
  peri_tensor **box = new_box(L);
  *box = peri_poisson_subset(glue_of(L)->cx, n, q, s);
  return from_one(L, box);
}

/* ---- the raw generator ---- */

/* A 128-bit number: an integer >= 0, or a decimal or hexadecimal string. */
static peri_u128 check_u128(lua_State *L, int idx, const char *who, const char *name) {
  unsigned __int128 v = 0;
  if (lua_type(L, idx) == LUA_TNUMBER) {
    int64_t i = check_integer(L, idx, who, name);
    if (i < 0) luaL_error(L, "%s: %s must be >= 0, got %I", who, name, (LUAI_UACINT)i);
    return (peri_u128){0, (uint64_t)i};
  }
  if (lua_type(L, idx) != LUA_TSTRING) luaL_error(L, "%s: %s must be an integer or a string of digits, got %s", who, name, luaL_typename(L, idx));
  const char *text = lua_tostring(L, idx), *p = text;
  unsigned base = p[0] == '0' && (p[1] == 'x' || p[1] == 'X') ? 16 : 10;
  if (base == 16) p += 2;
  bool ok = *p != 0;
  for (; *p && ok; p++) {
    unsigned d = *p >= '0' && *p <= '9' ? (unsigned)(*p - '0') : *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a' + 10) : *p >= 'A' && *p <= 'F' ? (unsigned)(*p - 'A' + 10) : 99;
    ok = d < base && v <= (~(unsigned __int128)0 - d) / base;
    v = v * base + d;
  }
  if (!ok) luaL_error(L, "%s: %s must lie in 0..2^128-1, as decimal digits or 0x and hexadecimal ones, got '%s'", who, name, text);
  return (peri_u128){(uint64_t)(v >> 64), (uint64_t)v};
}

static peri_u128 u128_field(lua_State *L, const char *field) {
  if (lua_getfield(L, 1, field) == LUA_TNIL) luaL_error(L, "random.pcg64: %s is missing; give state = \"0x...\" and inc = \"0x...\"", field);
  peri_u128 v = check_u128(L, -1, "random.pcg64", field);
  lua_pop(L, 1);
  return v;
}

static int l_pcg64(lua_State *L) {
  static const char *const options[] = {"state", "inc", "output", NULL};
  luaL_checktype(L, 1, LUA_TTABLE);
  check_options(L, 1, "random.pcg64", options);
  const char *output = opt_string(L, 1, "random.pcg64", "output", "dxsm");
  bool dxsm = strcmp(output, "dxsm") == 0;
  if (!dxsm && strcmp(output, "xslrr") != 0) return luaL_error(L, "random.pcg64: output must be \"dxsm\" or \"xslrr\", got \"%s\"", output);
  peri_u128 state = u128_field(L, "state"), inc = u128_field(L, "inc");
  peri_stream s = peri_stream_root(0);
  if (peri_stream_raw(glue_of(L)->cx, &s, state, inc, dxsm ? PERI_DXSM : PERI_XSLRR)) return raise_core(L, glue_of(L)->cx);
  peri_stream *box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = s;
  luaL_setmetatable(L, PCG);
  return 1;
}

static peri_stream *check_pcg(lua_State *L) { return luaL_checkudata(L, 1, PCG); }

static int l_pcg_next(lua_State *L) { return lua_pushinteger(L, (lua_Integer)peri_stream_next(check_pcg(L))), 1; }

static int l_pcg_advance(lua_State *L) {
  peri_stream *s = check_pcg(L);
  peri_stream_advance(s, check_u128(L, 2, "random.advance", "the number of steps"));
  lua_settop(L, 1);
  return 1;
}

static int l_pcg_state(lua_State *L) {
  peri_stream *s = check_pcg(L);
  char text[40];
  for (int i = 0; i < 32; i++) {
    uint64_t half = i < 16 ? s->state.hi : s->state.lo;
    text[2 + i] = "0123456789abcdef"[half >> (60 - 4 * (i % 16)) & 15];
  }
  text[0] = '0', text[1] = 'x', text[34] = 0;
  lua_pushstring(L, text);
  return 1;
}

/* ---- rows ---- */

static const pri_row functions[] = {
    {"rng", l_rng, "pg.rng(seed) -> stream", "The root stream of a seed; streams with names are derived from it."},
    {"pcg64", l_pcg64, "pg.pcg64{ state = \"0x...\", inc = \"0x...\"[, output = \"dxsm\" | \"xslrr\"] }", "The raw PCG64 generator with this very state."},
    {"alias", l_alias, "pg.alias(weights)", "A discrete law on 1..m with these weights, made ready for rng:categorical."},
    {NULL, NULL, NULL, NULL}};

static const pri_row stream_rows[] = {
    {"stream", l_stream, "rng:stream(name[, index]) -> stream", "The substream of that name and index, the same whatever has been drawn before."},
    {"block", l_block, "rng:block(name, n[, first]) -> block", "n substreams, of indices first (by default 1) and on; row i of what it fills comes from the i-th."},
    {"next", l_next, "rng:next() -> integer", "The next raw word of 64 bits."},
    {"jump", l_jump, "rng:jump(n)", "Moves n words on, or back if n < 0, and returns the stream."},
    {"clone", l_clone, "rng:clone() -> stream", "A copy that replays what the stream draws from here on."},
    {"bytes", l_bytes, "rng:bytes(n) -> string", "n bytes of raw words, the least significant byte first."},
    {"state", l_state, "rng:state([text])", "The stream's state as text, or the stream set to such a state."},
    {"stable_vector", l_stable_vector, "rng:stable_vector({n, ..., d}, alpha[, scale]) -> tensor", "Isotropic stable vectors along the last axis: E exp(i<t,X>) = exp(-(scale |t|)^alpha); d + 2 words each."},
    {"permutation", l_permutation, "rng:permutation(n) -> tensor", "A random order of 1..n."},
    {"subset", l_subset, "rng:subset(n, k[, { replace = false, ordered = true }]) -> tensor", "k of 1..n, without or with replacement; increasing or in random order."},
    {"poisson_subset", l_poisson_subset, "rng:poisson_subset(n, q) -> tensor", "Each of 1..n with probability q, increasing; the size varies."},
    {"__tostring", l_stream_tostring, "", ""},
    {NULL, NULL, NULL, NULL}};

static const pri_row block_rows[] = {
    {"stream", l_block_stream, "block:stream(name[, index]) -> block", "The block of the rows' substreams of that name and index."},
    {"stable_vector", l_stable_vector, "block:stable_vector({..., d}, alpha[, scale]) -> tensor", "The same, (rows, ..., d), row i from the i-th stream."},
    {"row", l_block_row, "block:row(i) -> stream", "A copy of the i-th stream where it stands."},
    {"jump", l_block_jump, "block:jump(n)", "Moves every row n words on, and returns the block."},
    {"__len", l_block_len, "", ""},
    {"__gc", l_block_gc, "", ""},
    {"__close", l_block_gc, "", ""},
    {"__tostring", l_block_tostring, "", ""},
    {NULL, NULL, NULL, NULL}};

static const pri_row alias_rows[] = {{"__gc", l_alias_gc, "", ""}, {"__close", l_alias_gc, "", ""}, {NULL, NULL, NULL, NULL}};

static const pri_row pcg_rows[] = {
    {"next", l_pcg_next, "generator:next() -> integer", "The next word of 64 bits."},
    {"advance", l_pcg_advance, "generator:advance(n)", "n steps on, n an integer or a string of digits up to 2^128 - 1, which is one step back."},
    {"state", l_pcg_state, "generator:state() -> string", "The 128-bit state in hexadecimal."},
    {NULL, NULL, NULL, NULL}};

/* Adds the laws, and with fill_ in front those of one word a draw, to the methods of a class. */
static void bind_laws(lua_State *L, const char *class, lua_CFunction law) {
  luaL_getmetatable(L, class);
  lua_getfield(L, -1, "__index");
  for (size_t i = 0; i < sizeof laws / sizeof laws[0]; i++) {
    pri_set_closure(L, law, &laws[i]);
    lua_setfield(L, -2, laws[i].name);
    lua_pushfstring(L, "random.%s", laws[i].name);
    pri_document(L, lua_tostring(L, -1), laws[i].signature, laws[i].help);
    lua_pop(L, 1);
    if (i > 2) continue;
    lua_pushfstring(L, "fill_%s", laws[i].name);
    pri_set_closure(L, l_fill, &laws[i]);
    lua_settable(L, -3);
  }
  lua_pop(L, 2);
}

void pri_bind_random(lua_State *L) {
  pri_register(L, "tensor", functions, 0);
  pri_class(L, "random.stream", stream_rows);
  pri_class(L, "random.block", block_rows);
  pri_class(L, "random.alias", alias_rows);
  pri_class(L, "random.pcg64", pcg_rows);
  bind_laws(L, STREAM, l_law);
  bind_laws(L, BLOCK, l_block_law);
}
