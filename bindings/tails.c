/* tails.c - diag.block_logs, what the block estimators of tail indices are made of (bindings/lua/diag/tails.lua).
**
**     local logs = pg.diag.block_logs(x, { 2, 4, 8 }, order)        (4): of the rows, and of sums of 2, 4, 8 of them in that order
*/
#include "peri_lua.h"
#include <perigee/diag.h>

static const char who[] = "diag.block_logs";

/* The rows from 0 that a vector names from 1, pushed as a box; NULL for nil. */
static peri_tensor *order_at(lua_State *L, int idx, int64_t rows) {
  if (lua_isnoneornil(L, idx)) return NULL;
  peri_tensor *given = to_tensor(L, idx, who, PERI_I64);
  if (given->ndim != 1 || given->size != rows) luaL_error(L, "%s: the order of %I rows has shape %s", who, (LUAI_UACINT)rows, peri_shape(given));
  peri_tensor **box = new_box(L);
  *box = peri_new(given->cx, PERI_I64, 1, &rows);
  if (!*box) raise_core(L, given->cx);
  int64_t *to = (*box)->data;
  for (int64_t i = 0; i < rows; i++) to[i] = *(const int64_t *)((const char *)given->data + i * given->strides[0] * (int64_t)sizeof(int64_t)) - 1;
  return *box;
}

static int l_block_logs(lua_State *L) {
  lua_settop(L, 3);
  peri_tensor *x = check_tensor(L, 1), *m = to_tensor(L, 2, who, PERI_I64);
  int64_t n = m->size + 1;
  if (x->ndim != 2) luaL_error(L, "%s: rows (N, d) are needed, got shape %s", who, peri_shape(x));
  peri_tensor *order = order_at(L, 3, x->dims[0]), **sizes = new_box(L);
  *sizes = peri_contiguous(m);
  if (!*sizes) return raise_core(L, x->cx);
  peri_tensor **box = new_box(L);
  *box = peri_new(x->cx, PERI_F64, 1, &n);
  if (!*box || peri_block_logs(x, order ? order->data : NULL, (int)(n - 1), (*sizes)->data, (*box)->data)) return raise_core(L, x->cx);
  return 1;
}

void pri_bind_tails(lua_State *L) {
  static const pri_row rows[] = {
    {"block_logs", l_block_logs, "diag.block_logs(x, sizes[, order]) -> tensor",
     "Means of log |row| and of log |sum of a block of rows|, for each block size, in one reading of x (N, d)."},
    {NULL, NULL, NULL, NULL}};
  pri_register(L, "diag", rows, 0);
}
