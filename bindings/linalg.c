/* linalg.c - matrix products as methods of tensors; systems, inverse and exponential in pg.linalg. */
#include "peri_lua.h"
#include <perigee/linalg.h>

static int product(lua_State *L, peri_tensor *(*f)(peri_tensor *, peri_tensor *)) {
  peri_tensor *a = check_tensor(L, 1), *b = check_tensor(L, 2);
  peri_tensor **box = new_box(L);
  *box = f(a, b);
  return finish(L, box);
}

static int l_mm(lua_State *L) {
  bool vector = check_tensor(L, 1)->ndim == 2 && check_tensor(L, 2)->ndim == 1;
  return product(L, vector ? peri_mv : peri_mm);
}

static int l_mv(lua_State *L) { return product(L, peri_mv); }
static int l_bmm(lua_State *L) { return product(L, peri_bmm); }
static int l_outer(lua_State *L) { return product(L, peri_outer); }
static int l_solve(lua_State *L) { return product(L, peri_solve); }

static int of_one(lua_State *L, peri_tensor *(*f)(peri_tensor *)) {
  peri_tensor *a = check_tensor(L, 1), **box = new_box(L);
  *box = f(a);
  return finish(L, box);
}

static int l_inverse(lua_State *L) { return of_one(L, peri_inverse); }
static int l_expm(lua_State *L) { return of_one(L, peri_expm); }

static const pri_row products[] = {
    {"mm", l_mm, "a:mm(b) -> tensor", "Matrix product of a (m, k) and b (k, n), or of a and a vector b (k)."},
    {"mv", l_mv, "a:mv(x) -> tensor", "Product of a matrix a (m, k) and a vector x (k)."},
    {"bmm", l_bmm, "a:bmm(b) -> tensor",
     "Matrix products of two stacks (..., m, k) and (..., k, n); leading axes broadcast."},
    {"outer", l_outer, "a:outer(b) -> tensor", "The matrix a[i] b[j] of two vectors."},
    {NULL, NULL, NULL, NULL}};

static const pri_row functions[] = {
    {"solve", l_solve, "linalg.solve(a, b) -> tensor",
     "x with a x = b for square a (..., n, n); b is a vector (n) or matrices (..., n, k); leading axes broadcast."},
    {"inverse", l_inverse, "linalg.inverse(a) -> tensor", "Inverse of each square matrix of a (..., n, n)."},
    {"expm", l_expm, "linalg.expm(a) -> tensor", "Matrix exponential e^a of each square matrix of a (..., n, n)."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_linalg(lua_State *L) {
  pri_register(L, "tensor", products, PRI_METHODS);
  pri_register(L, "linalg", functions, 0);
}
