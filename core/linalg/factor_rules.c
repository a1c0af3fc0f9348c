/* factor_rules.c - gradient rules of triangular systems and factorisations, in recordable primitives.
**
** With G the cotangent of the result, tril the lower triangle, o the elementwise product:
**     T X = B           S := T^-T G to B,  -S X^T to T, its triangle alone
**     A = L L^T         (L^-T P L^-1) / 2,  P = tril(M) with its transpose below the diagonal added,  M = L^T G
**     y = log |det A|   g A^-T
**     A = V diag(w) V^T   V (diag(g_w) + F o V^T G_V) V^T, symmetrised,  F_ij = 1 / (w_j - w_i), 0 on the diagonal
**     A = U diag(s) V^T   U (diag(g_s) + (F o (M - M^T)) diag(s) + diag(s) (F o (N - N^T))) V^T
**                         + (1 - U U^T) G_U diag(1/s) V^T + U diag(1/s) G_V^T (1 - V V^T),
**                         M = U^T G_U,  N = V^T G_V,  F_ij = 1 / (s_j^2 - s_i^2), 0 on the diagonal
** Sources: Murray (2016), Differentiation of the Cholesky decomposition, arXiv:1602.07527; Townsend (2016), Differentiating the
** singular value decomposition.
*/
#include "linalg/linalg.h"
#include "tensor/rules.h"
#include <float.h>
#include <math.h>
#include <perigee/shape.h>

static peri_tensor *matrix_transpose(peri_tensor *a) { return peri_transpose(a, -1, -2); }
static peri_tensor *transposed(peri_tensor *a) { return r1(matrix_transpose, keep(a)); }
static peri_tensor *as_columns(peri_tensor *a) { return peri_unsqueeze(a, a->ndim); }
static peri_tensor *as_rows(peri_tensor *a) { return peri_unsqueeze(a, a->ndim - 1); }
static peri_tensor *drop_columns(peri_tensor *a) { return peri_squeeze(a, 1u << (a->ndim - 1)); }
static peri_tensor *lower(peri_tensor *a) { return peri_tril(a, 0); }
static peri_tensor *upper(peri_tensor *a) { return peri_triu(a, 0); }
static peri_tensor *below(peri_tensor *a) { return peri_tril(a, -1); }
static peri_tensor *half(peri_tensor *a) { return a ? r2(peri_mul, a, number(a, 0.5)) : NULL; }

/* f(a, a^T); takes a over. */
static peri_tensor *with_transpose(pri_binary *f, peri_tensor *a) {
  peri_tensor *t = a ? transposed(a) : NULL;
  return r2(f, a, t);
}

static peri_tensor *plus(peri_tensor *sum, peri_tensor *more) {
  return sum ? r2(peri_add, sum, more) : (peri_release(more), NULL);
}

/* ---- triangles ---- */

peri_status pri_vjp_solve_triangular(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *a = p->in[0], *b = p->in[1];
  uint32_t flags = (uint32_t)p->args->i[0];
  bool vector = b->ndim == 1, flipped = flags & PERI_TRIANGLE_TRANSPOSED;
  peri_tensor *g = vector ? as_columns(p->cotangents[0]) : keep(p->cotangents[0]);
  peri_tensor *x = vector ? as_columns(p->out[0]) : keep(p->out[0]);
  peri_tensor *s = x && g ? peri_solve_triangular(a, g, flags ^ PERI_TRIANGLE_TRANSPOSED) : NULL;
  if (s && needs(p, 0)) {
    peri_tensor *full = flipped ? r2(peri_bmm, keep(x), transposed(s)) : r2(peri_bmm, keep(s), transposed(x));
    grads[0] = pri_unbroadcast(r1(peri_neg, r1(flags & PERI_TRIANGLE_UPPER ? upper : lower, full)), a);
  }
  if (s && needs(p, 1)) grads[1] = pri_unbroadcast(vector ? r1(drop_columns, keep(s)) : keep(s), b);
  peri_release(s);
  peri_release(x);
  peri_release(g);
  return ruled(p, grads);
}

peri_status pri_vjp_pack_tril(const peri_pull *p, peri_tensor **grads) {
  grads[0] = pri_unbroadcast(peri_unpack_tril(p->cotangents[0]), p->in[0]);
  return ruled(p, grads);
}

peri_status pri_vjp_unpack_tril(const peri_pull *p, peri_tensor **grads) {
  grads[0] = pri_unbroadcast(peri_pack_tril(p->cotangents[0]), p->in[0]);
  return ruled(p, grads);
}

/* ---- cholesky and determinants ---- */

/* L^-T m. */
static peri_tensor *back_solved(peri_tensor *l, peri_tensor *m) {
  peri_tensor *r = m ? peri_solve_triangular(l, m, PERI_TRIANGLE_TRANSPOSED) : NULL;
  peri_release(m);
  return r;
}

peri_status pri_vjp_cholesky(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *l = p->out[0], *m = r2(peri_bmm, transposed(l), keep(p->cotangents[0]));
  peri_tensor *symmetric = m ? plus(lower(m), r1(matrix_transpose, below(m))) : NULL;
  peri_release(m);
  peri_tensor *right = back_solved(l, symmetric); /* L^-T P; its transpose is P L^-1 */
  grads[0] = pri_unbroadcast(half(back_solved(l, r1(matrix_transpose, right))), p->in[0]);
  return ruled(p, grads);
}

/* g A^-T. */
static peri_tensor *of_determinant(peri_tensor *a, peri_tensor *g) {
  return r2(peri_mul, r1(as_columns, r1(as_columns, keep(g))), r1(matrix_transpose, peri_inverse(a)));
}

peri_status pri_vjp_logdet(const peri_pull *p, peri_tensor **grads) {
  grads[0] = pri_unbroadcast(of_determinant(p->in[0], p->cotangents[0]), p->in[0]);
  return ruled(p, grads);
}

peri_status pri_vjp_slogdet(const peri_pull *p, peri_tensor **grads) {
  return p->cotangents[1]
             ? (grads[0] = pri_unbroadcast(of_determinant(p->in[0], p->cotangents[1]), p->in[0]), ruled(p, grads))
             : PERI_OK;
}

/* ---- spectra ---- */

/* PERI_ERR_NUMERIC if two neighbours of an ordered row of values (..., n) differ by no more than rounding; `what` they are. */
static peri_status check_gaps(const peri_pull *p, peri_tensor *values, const char *what) {
  peri_ctx *cx = values->cx;
  int64_t n = values->dims[values->ndim - 1];
  double epsilon = values->dtype == PERI_F32 ? FLT_EPSILON : DBL_EPSILON;
  peri_tensor *wide = peri_cast(values, PERI_F64);
  if (!wide) return cx->code;
  peri_status st = PERI_OK;
  for (int64_t i = 0; i < wide->size && !st; i++) {
    const double *row = (const double *)wide->data + i / n * n, scale = fmax(fabs(row[0]), fabs(row[n - 1]));
    int64_t k = i % n;
    if (k > 0 && !(fabs(row[k] - row[k - 1]) > 4 * epsilon * scale))
      st = peri_fail(
          cx, PERI_ERR_NUMERIC,
          "ad: %s: %s %lld and %lld coincide (%g), so their vectors have no gradient, nor have the values a second one",
          p->op->name, what, (long long)k, (long long)k + 1, row[k]);
  }
  peri_release(wide);
  return st;
}

static peri_tensor *identity_like(const peri_tensor *values) {
  int64_t n = values->dims[values->ndim - 1];
  return peri_eye(values->cx, (peri_dtype)values->dtype, n, n);
}

/* 1 / (v_j - v_i), and 0 on the diagonal. */
static peri_tensor *inverse_gaps(peri_tensor *v) {
  peri_tensor *one = identity_like(v);
  if (!one) return NULL;
  peri_tensor *gaps = r2(peri_sub, r1(as_rows, keep(v)), r1(as_columns, keep(v)));
  peri_tensor *r = r2(peri_sub, r1(peri_reciprocal, plus(gaps, keep(one))), keep(one));
  peri_release(one);
  return r;
}

/* a diag(v), diag(v) a, diag(v). */
static peri_tensor *times_diagonal(peri_tensor *a, peri_tensor *v) { return r2(peri_mul, a, r1(as_rows, keep(v))); }
static peri_tensor *diagonal_times(peri_tensor *v, peri_tensor *a) { return r2(peri_mul, r1(as_columns, keep(v)), a); }
static peri_tensor *as_diagonal(peri_tensor *v) { return times_diagonal(identity_like(v), v); }

/* The part of an eigendecomposition's gradient inside V ... V^T; either cotangent may be NULL, not both. */
static peri_tensor *eigen_core(const peri_pull *p, peri_tensor *w, peri_tensor *v, peri_tensor *gw, peri_tensor *gv) {
  peri_tensor *diagonal = gw ? as_diagonal(gw) : NULL, *rest = NULL;
  if (gw && !diagonal) return NULL;
  if (!gv) return diagonal;
  if (!check_gaps(p, w, "eigenvalues")) rest = r2(peri_mul, inverse_gaps(w), r2(peri_bmm, transposed(v), keep(gv)));
  return diagonal ? plus(diagonal, rest) : rest;
}

/* (V core V^T), symmetrised. */
static peri_tensor *conjugated(peri_tensor *v, peri_tensor *core) {
  return core ? half(with_transpose(peri_add, r2(peri_bmm, keep(v), r2(peri_bmm, core, transposed(v))))) : NULL;
}

peri_status pri_vjp_eigh(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *w = p->out[0], *v = p->out[1];
  grads[0] = pri_unbroadcast(conjugated(v, eigen_core(p, w, v, p->cotangents[0], p->cotangents[1])), p->in[0]);
  return ruled(p, grads);
}

peri_status pri_vjp_eigvalsh(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *w = NULL, *v = NULL;
  if (peri_eigh(p->in[0], &w, &v)) return p->in[0]->cx->code;
  grads[0] = pri_unbroadcast(r2(peri_bmm, times_diagonal(keep(v), p->cotangents[0]), transposed(v)), p->in[0]);
  peri_release(w);
  peri_release(v);
  return ruled(p, grads);
}

/* F o (M - M^T), M = vectors^T cotangent, both with orthonormal columns in mind. */
static peri_tensor *turning(peri_tensor *s, peri_tensor *vectors, peri_tensor *g) {
  peri_tensor *squares = peri_square(s), *gaps = squares ? inverse_gaps(squares) : NULL;
  peri_release(squares);
  return gaps ? r2(peri_mul, gaps, with_transpose(peri_sub, r2(peri_bmm, transposed(vectors), keep(g)))) : NULL;
}

/* (1 - Q Q^T) G diag(1/s). */
static peri_tensor *outside(peri_tensor *q, peri_tensor *s, peri_tensor *g) {
  peri_tensor *within = r2(peri_bmm, keep(q), r2(peri_bmm, transposed(q), keep(g)));
  peri_tensor *reciprocal = within ? peri_reciprocal(s) : NULL;
  if (!reciprocal) return peri_release(within), NULL;
  peri_tensor *r = times_diagonal(r2(peri_sub, keep(g), within), reciprocal);
  peri_release(reciprocal);
  return r;
}

static peri_status check_svd(const peri_pull *p, peri_tensor *s) {
  const peri_tensor *a = p->in[0];
  if (check_gaps(p, s, "singular values")) return s->cx->code;
  if (a->dims[a->ndim - 1] == a->dims[a->ndim - 2]) return PERI_OK;
  peri_tensor *wide = peri_cast(s, PERI_F64);
  if (!wide) return s->cx->code;
  peri_status st = PERI_OK;
  for (int64_t i = 0, k = s->dims[s->ndim - 1]; i < wide->size && !st; i++)
    if (((double *)wide->data)[i] == 0)
      st = peri_fail(s->cx, PERI_ERR_NUMERIC, "ad: %s: singular value %lld is 0, so its vectors have no gradient",
                     p->op->name, (long long)(i % k) + 1);
  peri_release(wide);
  return st;
}

/* sum (NULL: 0) + more (NULL: an error that stays one). */
static peri_tensor *added(bool first, peri_tensor *sum, peri_tensor *more) { return first ? more : plus(sum, more); }

/* Everything but the values' part; v = vt^T. gu and gv may be NULL, not both. */
static peri_tensor *svd_vectors(peri_tensor *u, peri_tensor *s, peri_tensor *vt, peri_tensor *v, peri_tensor *gu,
                                peri_tensor *gv) {
  int64_t m = u->dims[u->ndim - 2], k = u->dims[u->ndim - 1], n = v->dims[v->ndim - 2];
  peri_tensor *core = gu ? times_diagonal(turning(s, u, gu), s) : NULL;
  if (gv) core = added(!gu, core, diagonal_times(s, turning(s, v, gv)));
  peri_tensor *r = r2(peri_bmm, r2(peri_bmm, keep(u), core), keep(vt));
  if (gu && m > k) r = plus(r, r2(peri_bmm, outside(u, s, gu), keep(vt)));
  if (gv && n > k) r = plus(r, r2(peri_bmm, keep(u), r1(matrix_transpose, outside(v, s, gv))));
  return r;
}

peri_status pri_vjp_svd(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *u = p->out[0], *s = p->out[1], *vt = p->out[2], *gs = p->cotangents[1], *r = NULL;
  bool vectors = p->cotangents[0] || p->cotangents[2];
  if (gs) r = r2(peri_bmm, times_diagonal(keep(u), gs), keep(vt));
  if (vectors) {
    if (check_svd(p, s)) return peri_release(r), s->cx->code;
    peri_tensor *v = transposed(vt), *gv = p->cotangents[2] && v ? transposed(p->cotangents[2]) : NULL;
    bool made = v && (gv || !p->cotangents[2]);
    r = added(!gs, r, made ? svd_vectors(u, s, vt, v, p->cotangents[0], gv) : NULL);
    peri_release(v);
    peri_release(gv);
  }
  grads[0] = pri_unbroadcast(r, p->in[0]);
  return ruled(p, grads);
}

peri_status pri_vjp_svdvals(const peri_pull *p, peri_tensor **grads) {
  peri_tensor *u = NULL, *s = NULL, *vt = NULL;
  if (peri_svd(p->in[0], &u, &s, &vt)) return p->in[0]->cx->code;
  grads[0] = pri_unbroadcast(r2(peri_bmm, times_diagonal(keep(u), p->cotangents[0]), keep(vt)), p->in[0]);
  peri_release(u);
  peri_release(s);
  peri_release(vt);
  return ruled(p, grads);
}
