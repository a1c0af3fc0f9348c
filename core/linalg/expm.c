/* expm.c - the matrix exponential by scaling and squaring of Pade approximants.
**
** e^A = (r_m(A / 2^s))^(2^s), r_m = q_m(A)^-1 p_m(A) the [m/m] Pade approximant, m in {3, 5, 7, 9, 13}. m and s are the cheapest
** with backward error at most the unit roundoff u. The error series in A is bounded through d_p = |A^p|^(1/p) rather
** than |A|, which avoids needless squarings of nonnormal matrices, and `ell` guards against rounding in the evaluation.
** Source: Al-Mohy & Higham (2009), SIAM J. Matrix Anal. Appl. 31, 970-989, algorithm 6.1; r_m evaluated as in Higham
** (2005), SIAM J. Matrix Anal. Appl. 26, 1179-1193. d_8 and d_10 are estimated (LAPACK dlacn2) where they would cost products.
**
** A complex matrix goes through the real one [[Re, -Im], [Im, Re]], whose exponential has the same form.
**
** Every step commutes with transposition, because all matrices are polynomials in A, and LAPACK reads our rows as columns. So A
** is transposed on the way in and out, except a lower triangular one: LAPACK then sees an upper triangular matrix whenever
** it can, eliminates nothing and pivots nothing, and the small elements of a triangular e^A keep their digits.
*/
#include "linalg/linalg.h"
#include "linalg/lapack.h"
#include <float.h>
#include <math.h>

/* Working matrices of one exponential. */
typedef struct {
  peri_ctx *cx;
  int64_t n, size; /* size = n^2 */
  double *a, *a2, *a4, *a6, *u, *v, *t;
  double *x, *y; /* (n): vectors of the norm estimates */
  int *pivots;   /* (n): of the solve, and the sign vector of the estimates */
} expm;

enum { MATRICES = 6, VECTORS = 2 };

int64_t pri_expm_work(int64_t n) { return MATRICES * n * n + VECTORS * n; }

static double norm1(const expm *e, const double *a) { /* largest row sum, the 1-norm of what LAPACK sees */
  double largest = 0;
  for (int64_t i = 0; i < e->n; i++) {
    double sum = 0;
    for (int64_t j = 0; j < e->n; j++) sum += fabs(a[i * e->n + j]);
    if (!(sum <= largest)) largest = sum;
  }
  return largest;
}

/* y = A x (or A^T x, A as stored). */
static void apply(int64_t n, double *y, const double *a, const double *x, bool transposed) {
  if (transposed) {
    for (int64_t j = 0; j < n; j++) y[j] = 0;
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++) y[j] += a[i * n + j] * x[i];
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += a[i * n + j] * x[j];
    y[i] = sum;
  }
}

/* |B^power C|^(1/p) by Hager and Higham's estimator, of what LAPACK sees, as norm1. C may be NULL. */
static double norm_estimate(expm *e, const double *b, int power, const double *c, double p) {
  int n = (int)e->n, kase = 0, isave[3] = {0};
  double estimate = 0, *x = e->x, *y = e->y;
  for (;;) {
    dlacn2_(&n, e->t, x, e->pivots, &estimate, &kase, isave); /* t's first n entries are its v */
    if (kase == 0) return pow(estimate, 1 / p);
    for (int i = 0; i < power + (c != NULL); i++) {
      apply(e->n, y, i < power ? b : c, x, kase == 1);
      memcpy(x, y, (size_t)e->n * sizeof *x);
    }
  }
}

/* A number of squarings as an integer; a product that the stop flag cut short may have left anything in the matrices. */
static int squarings(double s) { return s > 0 ? (int)fmin(s, 4096) : 0; }

/* Squarings still needed so that rounding in the evaluation of r_m(scale A) stays below u: through | |A|^(2m+1) |. */
static int ell(expm *e, double scale, int m) {
  static const double inverse_c[14] = {[3] = 100800.,
                                       [5] = 10059033600.,
                                       [7] = 4487938430976000.,
                                       [9] = 5914384781877411840000.,
                                       [13] = 113250775606021113483283660800000000.};
  double *x = e->x, *y = e->y, largest = 0, norm = scale * norm1(e, e->a);
  for (int64_t i = 0; i < e->n; i++) x[i] = 1;
  for (int power = 0; power < 2 * m + 1; power++) {
    for (int64_t i = 0; i < e->n; i++) {
      double sum = 0;
      for (int64_t j = 0; j < e->n; j++) sum += scale * fabs(e->a[i * e->n + j]) * x[j];
      y[i] = sum;
    }
    memcpy(x, y, (size_t)e->n * sizeof *x);
  }
  for (int64_t i = 0; i < e->n; i++) largest = fmax(largest, x[i]);
  if (largest == 0) return 0;
  double extra = ceil(log2(largest / (norm * inverse_c[m]) / (DBL_EPSILON / 2)) / (2 * m));
  return squarings(extra);
}

/* r = c0 I + c1 x + c2 y + c3 z, each of the matrices but x optional. */
static void combine(const expm *e, double *r, double c0, double c1, const double *x, double c2, const double *y,
                    double c3, const double *z) {
  for (int64_t i = 0; i < e->size; i++) r[i] = c1 * x[i] + (y ? c2 * y[i] : 0) + (z ? c3 * z[i] : 0);
  for (int64_t i = 0; i < e->n; i++) r[i * e->n + i] += c0;
}

static void swap(double **p, double **q) {
  double *t = *p;
  *p = *q;
  *q = t;
}

/* The odd part u = A (b1 I + b3 A^2 + ...) and the even part v of r_m, m <= 9. t is free; for m = 9 it holds A^8. */
static void pade_low(expm *e, int m) {
  static const double b3[] = {120, 60, 12, 1}, b5[] = {30240, 15120, 3360, 420, 30, 1},
                      b7[] = {17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1},
                      b9[] = {17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960, 90, 1};
  const double *b = m == 3 ? b3 : m == 5 ? b5 : m == 7 ? b7 : b9;
  const double *y = m >= 5 ? e->a4 : NULL, *z = m >= 7 ? e->a6 : NULL;
  combine(e, e->v, b[1], b[3], e->a2, m >= 5 ? b[5] : 0, y, m >= 7 ? b[7] : 0, z);
  if (m == 9) {
    pri_product(e->cx, e->n, e->t, e->a4, e->a4);
    for (int64_t i = 0; i < e->size; i++) e->v[i] += b[9] * e->t[i];
  }
  pri_product(e->cx, e->n, e->u, e->a, e->v);
  combine(e, e->v, b[0], b[2], e->a2, m >= 5 ? b[4] : 0, y, m >= 7 ? b[6] : 0, z);
  if (m == 9)
    for (int64_t i = 0; i < e->size; i++) e->v[i] += b[8] * e->t[i];
}

/* The same for m = 13, on A / 2^s; scales A and its powers. */
static void pade_13(expm *e, int s) {
  static const double b[] = {64764752532480000,
                             32382376266240000,
                             7771770303897600,
                             1187353796428800,
                             129060195264000,
                             10559470521600,
                             670442572800,
                             33522128640,
                             1323241920,
                             40840800,
                             960960,
                             16380,
                             182,
                             1};
  double c1 = ldexp(1, -s), c2 = c1 * c1, c4 = c2 * c2, c6 = c4 * c2;
  for (int64_t i = 0; i < e->size; i++) e->a[i] *= c1, e->a2[i] *= c2, e->a4[i] *= c4, e->a6[i] *= c6;
  combine(e, e->v, 0, b[9], e->a2, b[11], e->a4, b[13], e->a6);
  pri_product(e->cx, e->n, e->t, e->a6, e->v);
  for (int64_t i = 0; i < e->size; i++) e->t[i] += b[7] * e->a6[i];
  combine(e, e->v, b[1], b[3], e->a2, b[5], e->a4, 1, e->t);
  pri_product(e->cx, e->n, e->u, e->a, e->v);
  combine(e, e->t, 0, b[8], e->a2, b[10], e->a4, b[12], e->a6);
  pri_product(e->cx, e->n, e->v, e->a6, e->t);
  for (int64_t i = 0; i < e->size; i++) e->t[i] = b[2] * e->a2[i] + b[4] * e->a4[i] + b[6] * e->a6[i];
  combine(e, e->v, b[0], 1, e->v, 1, e->t, 0, NULL);
}

/* Chooses m, evaluates u and v; returns s. */
static int pade(expm *e) {
  pri_product(e->cx, e->n, e->a2, e->a, e->a);
  double d6 = norm_estimate(e, e->a2, 3, NULL, 6), d4 = norm_estimate(e, e->a2, 2, NULL, 4);
  if (fmax(d4, d6) <= 1.495585217958292e-2 && ell(e, 1, 3) == 0) return pade_low(e, 3), 0;
  pri_product(e->cx, e->n, e->a4, e->a2, e->a2);
  d4 = pow(norm1(e, e->a4), 1. / 4);
  if (fmax(d4, d6) <= 2.539398330063230e-1 && ell(e, 1, 5) == 0) return pade_low(e, 5), 0;
  pri_product(e->cx, e->n, e->a6, e->a2, e->a4);
  d6 = pow(norm1(e, e->a6), 1. / 6);
  double d8 = norm_estimate(e, e->a4, 2, NULL, 8), eta3 = fmax(d6, d8);
  if (eta3 <= 9.504178996162932e-1 && ell(e, 1, 7) == 0) return pade_low(e, 7), 0;
  if (eta3 <= 2.097847961257068 && ell(e, 1, 9) == 0) return pade_low(e, 9), 0;
  double d10 = norm_estimate(e, e->a4, 1, e->a6, 10), eta5 = fmin(eta3, fmax(d8, d10));
  int s = squarings(ceil(log2(eta5 / 4.25)));
  s += ell(e, ldexp(1, -s), 13);
  pade_13(e, s);
  return s;
}

/* r_m = (v - u)^-1 (v + u), into v. */
static peri_status quotient(expm *e) {
  int n = (int)e->n, info = 0;
  for (int64_t i = 0; i < e->size; i++) {
    double u = e->u[i], v = e->v[i];
    e->u[i] = v - u;
    e->v[i] = v + u;
  }
  dgetrf_(&n, &n, e->u, &n, e->pivots, &info);
  if (info == 0) dgetrs_("N", &n, &n, e->u, &n, e->pivots, e->v, &n, &info, 1);
  if (info != 0)
    return peri_fail(e->cx, PERI_ERR_NUMERIC, "linalg.expm: the Pade denominator is singular (pivot %d is 0)", info);
  return PERI_OK;
}

static expm layout(peri_ctx *cx, int64_t n, double *a, double *work, int *pivots) {
  expm e = {.cx = cx, .n = n, .size = n * n, .a = a, .pivots = pivots};
  double **matrix[MATRICES] = {&e.a2, &e.a4, &e.a6, &e.u, &e.v, &e.t};
  for (int i = 0; i < MATRICES; i++) *matrix[i] = work + i * e.size;
  e.x = work + MATRICES * e.size;
  e.y = e.x + n;
  return e;
}

static bool lower_triangular(const double *a, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++)
      if (a[i * n + j] != 0) return false;
  return true;
}

static void transpose(double *a, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      double t = a[i * n + j];
      a[i * n + j] = a[j * n + i];
      a[j * n + i] = t;
    }
}

peri_status pri_expm(peri_ctx *cx, int64_t n, double *a, double *work, int *pivots) {
  if (n == 0) return PERI_OK;
  if (pri_finite(cx, "linalg.expm", PERI_F64, a, n, false)) return cx->code;
  expm e = layout(cx, n, a, work, pivots);
  bool flip = !lower_triangular(a, n);
  if (flip) transpose(a, n);
  double norm = norm1(&e, a);
  int before = 0; /* squarings that keep |A|^27 from overflowing */
  if (!(norm <= 0x1p35)) {
    before = isfinite(norm) ? (int)ceil(log2(norm)) - 35 : 1024;
    for (int64_t i = 0; i < e.size; i++) a[i] = ldexp(a[i], -before);
  }
  int left = pade(&e) + before;
  if (pri_stopped(cx)) return peri_check_interrupt(cx);
  if (quotient(&e)) return cx->code;
  for (; left > 0; left--) {
    if (pri_stopped(cx)) return peri_check_interrupt(cx);
    pri_product(cx, n, e.t, e.v, e.v);
    swap(&e.t, &e.v);
  }
  if (pri_stopped(cx)) return peri_check_interrupt(cx);
  for (int64_t i = 0; i < e.size; i++)
    if (!isfinite(e.v[i]))
      return peri_fail(cx, PERI_ERR_NUMERIC, "linalg.expm: the result overflows; the matrix has norm %.3g", norm);
  memcpy(a, e.v, (size_t)e.size * sizeof *a);
  if (flip) transpose(a, n);
  return PERI_OK;
}

/* ---- from tensors ---- */

/* z (n, n) complex into the real matrix [[Re, -Im], [Im, Re]], and back. */
static void embed(double *r, const double *z, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      double re = z[2 * (i * n + j)], im = z[2 * (i * n + j) + 1];
      r[i * 2 * n + j] = r[(i + n) * 2 * n + j + n] = re;
      r[(i + n) * 2 * n + j] = im;
      r[i * 2 * n + j + n] = -im;
    }
}

static void extract(double *z, const double *r, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      z[2 * (i * n + j)] = r[i * 2 * n + j];
      z[2 * (i * n + j) + 1] = r[(i + n) * 2 * n + j];
    }
}

/* x: contiguous f64 or c128 matrices (n, n), each replaced by its exponential. */
static peri_status exponentiate_all(peri_tensor *x, int64_t n) {
  peri_ctx *cx = x->cx;
  bool complex = x->dtype == PERI_C128;
  int64_t order = complex ? 2 * n : n, doubles = pri_expm_work(order) + (complex ? order * order : 0);
  size_t bytes = (size_t)doubles * sizeof(double);
  double *work = peri_alloc(cx, bytes), *real = work ? work + pri_expm_work(order) : NULL;
  int *pivots = work ? peri_alloc(cx, (size_t)order * sizeof(int)) : NULL;
  peri_status st = pivots ? PERI_OK : cx->code;
  int64_t count = x->size / (n * n);
  for (int64_t i = 0; i < count && !st; i++) {
    double *at = (double *)x->data + i * n * n * (complex ? 2 : 1);
    if (complex && (st = pri_finite(cx, "linalg.expm", PERI_C128, at, n, false))) break;
    if (complex) embed(real, at, n);
    st = pri_expm(cx, order, complex ? real : at, work, pivots);
    if (complex && !st) extract(at, real, n);
  }
  peri_free(cx, work, bytes);
  peri_free(cx, pivots, (size_t)order * sizeof(int));
  return st;
}

static peri_status run_expm(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  peri_ctx *cx = in[0]->cx;
  int64_t n;
  if (pri_square(op->name, in[0], &n)) return cx->code;
  if (!pri_fits_blas(2 * n)) return peri_fail(cx, PERI_ERR_SHAPE, "%s: %s is too large", op->name, peri_shape(in[0]));
  peri_dtype has = (peri_dtype)in[0]->dtype;
  peri_tensor *x = peri_cast(in[0], has == PERI_C128 ? PERI_C128 : PERI_F64);
  if (!x) return cx->code;
  peri_status st = x->size > 0 ? exponentiate_all(x, n) : PERI_OK;
  if (!st) {
    out[0] = has == PERI_F32 ? peri_cast(x, PERI_F32) : peri_retain(x);
    if (!out[0]) st = cx->code;
  }
  peri_release(x);
  return st;
}

const peri_op pri_op_expm = {.name = "linalg.expm",
                             .arity = 1,
                             .outputs = 1,
                             .result = PERI_RESULT_OWN,
                             .run = run_expm,
                             .samples = "square",
                             .signature = "linalg.expm(a)",
                             .help = "Matrix exponential e^a of each square matrix of a."};

peri_tensor *peri_expm(peri_tensor *a) { return peri_apply(&pri_op_expm, &a, NULL); }
