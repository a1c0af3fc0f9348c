/* design_laws.c - what a jump does to second moments when the gradient is a <a, x>, a random.
**
** With P = a a^T, x becomes (I - gamma P) x and z becomes z - gamma' P x. On the matrices xx = E x x^T, xz = E x z^T,
** zz = E z z^T, with H = E P and F = E P xx P:
**     xx - gamma (H xx + xx H) + gamma^2 F
**     xz - gamma' xx H + gamma gamma' F - gamma H xz
**     zz - gamma' (H xz + xz^T H) + gamma'^2 F.
** Finite law: F = sum_e p_e <a_e, xx a_e> a_e a_e^T, so nothing of size n^4 appears; for edges <a, xx a> is four numbers, F has
** entries on the edges only, and H S takes rows of S apart along them.
** a ~ N(0, diag h): E P S P = 2 H S H + tr(H S) H, so the diagonals close on themselves, F_i = 2 h_i^2 xx_i + h_i sum_j h_j xx_j.
**
** Norms. Each (I - gamma P) S (I - gamma P) is no longer than S if gamma |a|^2 <= 2. S -> E P S P is symmetric as an operator on
** matrices and at most r lambda, r the largest |a|^2 and lambda the largest eigenvalue of H, since (a a^T) x (a a^T) <= |a|^2 (a a^T) x I.
*/
#include "diag/design.h"
#include <cblas.h>
#include <math.h>

/* ---- Gaussian: vectors ---- */

void pri_jump_gaussian(const pri_map *m, double *v) {
  int64_t n = m->n;
  double *xx = v, *xz = v + n, *zz = v + 2 * n, all = m->cx->k->dot_f64(m->p, xx, n), g = m->gamma, gp = m->gammap;
  for (int64_t i = 0; i < n; i++) {
    double h = m->p[i], f = h * (2 * h * xx[i] + all);
    zz[i] += gp * (gp * f - 2 * h * xz[i]);
    xz[i] += gp * (g * f - h * xx[i]) - g * h * xz[i];
    xx[i] += g * (g * f - 2 * h * xx[i]);
  }
}

pri_block_norms pri_norms_gaussian(const pri_map *m) { /* the largest column sums */
  pri_block_norms b = {0};
  double g = m->gamma, gp = fabs(m->gammap);
  for (int64_t j = 0; j < m->n; j++) {
    double h = m->p[j], own = 3 * h * h, rest = h * (m->trace - h);
    b.xx = fmax(b.xx, fabs(1 - 2 * g * h + g * g * own) + g * g * rest);
    b.xz_xx = fmax(b.xz_xx, gp * (fabs(g * own - h) + fabs(g) * rest));
    b.xz_xz = fmax(b.xz_xz, fabs(1 - g * h));
    b.zz_xx = fmax(b.zz_xx, gp * gp * (own + rest));
    b.zz_xz = fmax(b.zz_xz, 2 * gp * h);
  }
  return b;
}

/* ---- a finite law: matrices ---- */

/* r = H s along the edges: row v gains p (s_v - s_w), row w loses it. */
static void laplacian(const pri_map *m, const double *s, double *r) {
  int64_t n = m->n;
  memset(r, 0, (size_t)m->size * sizeof *r);
  for (int64_t e = 0; e < m->rows; e++) {
    const double p = m->p[e], *a = s + m->ends[2 * e] * n, *b = s + m->ends[2 * e + 1] * n;
    double *to = r + m->ends[2 * e] * n, *from = r + m->ends[2 * e + 1] * n;
    for (int64_t j = 0; j < n; j++) {
      double d = p * (a[j] - b[j]);
      to[j] += d;
      from[j] -= d;
    }
  }
}

static void times_h(const pri_map *m, const double *s, double *r) {
  int n = (int)m->n;
  if (!m->a)
    laplacian(m, s, r);
  else
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, m->h, n, s, n, 0, r, n);
}

/* q_e = p_e <a_e, xx a_e>, and for rows the matrix F; edges have theirs added in place. */
static void feedback(const pri_map *m, const double *xx) {
  int n = (int)m->n, rows = (int)m->rows;
  if (!m->a) {
    for (int64_t e = 0; e < m->rows; e++) {
      int64_t v = m->ends[2 * e], w = m->ends[2 * e + 1];
      m->q[e] = m->p[e] * ((xx[v * n + v] - xx[v * n + w]) + (xx[w * n + w] - xx[v * n + w]));
    }
    return;
  }
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, n, n, 1, m->a, n, xx, n, 0, m->ae, n);
  for (int64_t e = 0; e < rows; e++) {
    m->q[e] = m->p[e] * m->cx->k->dot_f64(m->a + e * n, m->ae + e * n, n);
    for (int64_t j = 0; j < n; j++) m->ae[e * n + j] = m->q[e] * m->a[e * n + j];
  }
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, n, rows, 1, m->a, n, m->ae, n, 0, m->e, n);
}

/* s += c F: symmetric to the bit, which products are not. */
static void add_feedback(const pri_map *m, double c, double *s) {
  int64_t n = m->n;
  if (m->a) {
    PRI_FOR_PAIRS(n, i, j) {
      double f = c * ((m->e[i * n + j] + m->e[j * n + i]) / 2);
      s[i * n + j] += f;
      if (i != j) s[j * n + i] += f;
    }
    return;
  }
  for (int64_t e = 0; e < m->rows; e++) {
    int64_t v = m->ends[2 * e], w = m->ends[2 * e + 1];
    double f = c * m->q[e];
    s[v * n + v] += f, s[w * n + w] += f;
    s[v * n + w] -= f, s[w * n + v] -= f;
  }
}

void pri_jump_finite(const pri_map *m, double *v) {
  int64_t n = m->n;
  double *xx = v, *xz = v + m->size, *zz = v + 2 * m->size, g = m->gamma, gp = m->gammap;
  const double *hx = m->g, *hz = m->k;
  feedback(m, xx);
  times_h(m, xx, m->g);
  times_h(m, xz, m->k);
  PRI_FOR_PAIRS(n, i, j) {
    int64_t p = i * n + j, q = j * n + i; /* (xx H)_ij = (H xx)_ji */
    double lost = gp * hx[q] + g * hz[p], lost_too = gp * hx[p] + g * hz[q];
    zz[p] = zz[q] = zz[p] - gp * (hz[p] + hz[q]);
    xz[p] -= lost;
    if (p != q) xz[q] -= lost_too;
    xx[p] = xx[q] = xx[p] - g * (hx[p] + hx[q]);
  }
  add_feedback(m, g * g, xx);
  if (gp == 0) return;
  add_feedback(m, g * gp, xz);
  add_feedback(m, gp * gp, zz);
}

/* The largest |a|^2, and a bound of the largest eigenvalue of H by its row sums. */
static void sizes(const pri_map *m, double *longest, double *lambda) {
  *longest = m->a ? 0 : 2;
  *lambda = 0;
  for (int64_t e = 0; m->a && e < m->rows; e++)
    if (m->p[e] > 0) *longest = fmax(*longest, m->cx->k->sumsq_f64(m->a + e * m->n, m->n));
  for (int64_t i = 0; m->a && i < m->n; i++) *lambda = fmax(*lambda, m->cx->k->sumabs_f64(m->h + i * m->n, m->n));
  if (m->a) return;
  memset(m->g, 0, (size_t)m->n * sizeof *m->g);
  for (int64_t e = 0; e < m->rows; e++) m->g[m->ends[2 * e]] += 2 * m->p[e], m->g[m->ends[2 * e + 1]] += 2 * m->p[e];
  for (int64_t i = 0; i < m->n; i++) *lambda = fmax(*lambda, m->g[i]);
}

pri_block_norms pri_norms_finite(const pri_map *m) {
  double r, lambda, g = m->gamma, gp = fabs(m->gammap);
  sizes(m, &r, &lambda);
  return (pri_block_norms){.xx = fmax(1, (1 - g * r) * (1 - g * r)),
                           .xz_xx = gp * lambda * (1 + fabs(g) * r),
                           .xz_xz = fmax(fabs(1 - g * lambda), fmax(1, 1 - g * lambda)),
                           .zz_xx = gp * gp * r * lambda,
                           .zz_xz = 2 * gp * lambda};
}
