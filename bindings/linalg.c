/* linalg.c - matrix products as methods of tensors; systems, factorisations and the exponential in pg.linalg. */
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

static int l_cholesky(lua_State *L) { return of_one(L, peri_cholesky); }
static int l_pack_tril(lua_State *L) { return of_one(L, peri_pack_tril); }
static int l_unpack_tril(lua_State *L) { return of_one(L, peri_unpack_tril); }
static int l_eigvalsh(lua_State *L) { return of_one(L, peri_eigvalsh); }
static int l_svdvals(lua_State *L) { return of_one(L, peri_svdvals); }

static int l_logdet(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1), **box = new_box(L);
  *box = peri_logdet(a);
  return finish(L, box) && number_if_scalar(L);
}

static int of_pair(lua_State *L, peri_status (*f)(peri_tensor *, peri_tensor **, peri_tensor **)) {
  peri_tensor *a = check_tensor(L, 1), **first = new_box(L), **second = new_box(L);
  return f(a, first, second) ? raise_core(L, glue_of(L)->cx) : 2;
}

static int l_eigh(lua_State *L) { return of_pair(L, peri_eigh); }
static int l_qr(lua_State *L) { return of_pair(L, peri_qr); }

static int l_slogdet(lua_State *L) {
  lua_settop(L, 1);
  of_pair(L, peri_slogdet);
  for (int i = 2; i <= 3; i++) {
    lua_pushvalue(L, i);
    number_if_scalar(L);
    lua_replace(L, i);
    lua_settop(L, 3);
  }
  return 2;
}

static int l_svd(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1), **u = new_box(L), **s = new_box(L), **vt = new_box(L);
  return peri_svd(a, u, s, vt) ? raise_core(L, glue_of(L)->cx) : 3;
}

static int l_solve_triangular(lua_State *L) {
  static const char who[] = "linalg.solve_triangular";
  static const char *const names[] = {"upper", "transposed", NULL};
  peri_tensor *a = check_tensor(L, 1), *b = check_tensor(L, 2);
  check_options(L, 3, who, names);
  uint32_t flags = opt_boolean(L, 3, who, "upper", false) ? PERI_TRIANGLE_UPPER : 0;
  if (opt_boolean(L, 3, who, "transposed", false)) flags |= PERI_TRIANGLE_TRANSPOSED;
  peri_tensor **box = new_box(L);
  *box = peri_solve_triangular(a, b, flags);
  return finish(L, box);
}

/* The option rcond of the table at idx; -1: the default. */
static double check_rcond(lua_State *L, int idx, const char *who) {
  static const char *const names[] = {"rcond", NULL};
  check_options(L, idx, who, names);
  double rcond = opt_number(L, idx, who, "rcond", -1);
  bool given = lua_istable(L, idx) && lua_getfield(L, idx, "rcond") != LUA_TNIL;
  if (given && !(rcond >= 0 && rcond < 1)) luaL_error(L, "%s: rcond must lie in [0, 1), got %f", who, rcond);
  return rcond;
}

static int l_pinv(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1);
  double rcond = check_rcond(L, 2, "linalg.pinv");
  peri_tensor **box = new_box(L);
  *box = peri_pinv(a, rcond);
  return finish(L, box);
}

static int l_rank(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1);
  double rcond = check_rcond(L, 2, "linalg.rank");
  peri_tensor **box = new_box(L);
  *box = peri_matrix_rank(a, rcond);
  return finish(L, box) && number_if_scalar(L);
}

static int l_lstsq(lua_State *L) {
  peri_tensor *a = check_tensor(L, 1), *b = check_tensor(L, 2);
  double rcond = check_rcond(L, 3, "linalg.lstsq");
  peri_tensor **x = new_box(L), **s = new_box(L);
  return peri_lstsq(a, b, rcond, x, s) ? raise_core(L, glue_of(L)->cx) : 2;
}

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
    {"cholesky", l_cholesky, "linalg.cholesky(a) -> tensor",
     "Lower triangular L with L L^T = a, for each symmetric positive definite matrix of a."},
    {"logdet", l_logdet, "linalg.logdet(a) -> number or tensor",
     "log det of each symmetric positive definite matrix of a."},
    {"slogdet", l_slogdet, "linalg.slogdet(a) -> sign, logarithm",
     "Sign of the determinant and log |det| of each square matrix of a."},
    {"solve_triangular", l_solve_triangular, "linalg.solve_triangular(a, b[, { upper, transposed }]) -> tensor",
     "x with t x = b, t the lower (or upper) triangle of a, or its transpose; shapes as in linalg.solve."},
    {"pack_tril", l_pack_tril, "linalg.pack_tril(a) -> tensor",
     "Lower triangles of a (..., n, n) as vectors of n (n + 1) / 2, row by row."},
    {"unpack_tril", l_unpack_tril, "linalg.unpack_tril(v) -> tensor",
     "Lower triangular matrices from vectors of n (n + 1) / 2 elements, row by row."},
    {"eigvalsh", l_eigvalsh, "linalg.eigvalsh(a) -> tensor", "Eigenvalues of each symmetric matrix of a, ascending."},
    {"eigh", l_eigh, "linalg.eigh(a) -> values, vectors",
     "Eigenvalues of each symmetric matrix of a, ascending, and orthonormal eigenvectors as columns."},
    {"svdvals", l_svdvals, "linalg.svdvals(a) -> tensor", "Singular values of each matrix of a, descending."},
    {"svd", l_svd, "linalg.svd(a) -> u, s, vt",
     "Singular values s, descending, and vectors with a = u diag(s) vt; min(m, n) of each."},
    {"qr", l_qr, "linalg.qr(a) -> q, r",
     "q with orthonormal columns and upper triangular r, a = q r; min(m, n) columns and rows."},
    {"lstsq", l_lstsq, "linalg.lstsq(a, b[, { rcond }]) -> x, s",
     "The x of least norm that minimises |a x - b|, and the singular values of a; those up to rcond times the largest "
     "count as 0."},
    {"pinv", l_pinv, "linalg.pinv(a[, { rcond }]) -> tensor", "Pseudo-inverse of each matrix of a."},
    {"rank", l_rank, "linalg.rank(a[, { rcond }]) -> integer or tensor",
     "How many singular values exceed rcond times the largest."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_linalg(lua_State *L) {
  pri_register(L, "tensor", products, PRI_METHODS);
  pri_register(L, "linalg", functions, 0);
}
