/* design.c - exact second moments of the continuized iteration under multiplicative noise, at jumps and in time.
**
** The state is (xx, xz, zz), of vectors or matrices. Between jumps each entry drifts by itself, dv/dt = D v:
**     xx' = 2 theta (sym xz - xx),  sym xz' = theta (xx + zz - 2 sym xz),  zz' = 2 theta (sym xz - zz),
** and what is antisymmetric in xz decays at the rate 2 theta. A jump applies J (design_laws.c); the clock has rate 1.
**
** At jumps, weighted by e^(r T):  v -> J (c I - D)^-1 v,  c = 1 - r, the inverse written out entry by entry.
**
** In time v' = A v, A = D + J - I. Uniformisation: with U = (J + d I + D) / L and L = 1 + d,
**     e^(tA) v = sum_k p_k U^k v,   p_k = e^(-Lt) (Lt)^k / k!,
** a mean over Poisson counts, in which nothing cancels that does not cancel in the iteration itself. d = 4 theta. In the norm
** max(|xx|, |xz| / w, |zz| / w^2) U grows by at most nu, from bounds on its blocks with the best w; so what is left out after
** term K > nu Lt is at most |U^K v| p_K rho / (1 - rho), rho = nu Lt / (K + 1). The sum stops where that is below 2^-56 of the xx so
** far: an a posteriori certificate, cheap because theta is small and nu is little above 1.
**
** Gossip keeps averages, so what rounding puts into the average of the matrices stays while the rest decays. If x0 and z0 have
** mean 0 up to rounding it is taken out every few steps, and the decay goes on below the rounding of the start.
** Source: Jensen (1953), Skand. Aktuarietidskr. 36, for uniformisation; Even et al. (2021), NeurIPS 34, for the iteration.
*/
#include "diag/design.h"
#include <math.h>

/* ---- reading ---- */

static peri_status check_tensor(peri_ctx *cx, const char *name, const peri_tensor *t) {
  if (t->cx != cx) return peri_fail(cx, PERI_ERR_STATE, "diag.moments: %s belongs to another context; copy its values across", name);
  if (t->dtype == PERI_C128) return peri_fail(cx, PERI_ERR_DTYPE, "diag.moments: %s must be real, got c128", name);
  for (int64_t i = 0; i < t->size; i++)
    if (!isfinite(peri_item(t, i))) return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: %s is %g at %lld", name, peri_item(t, i), (long long)i + 1);
  return PERI_OK;
}

/* A new array of the values of t, a vector of length n (or, if it may, a single number repeated), or of nothing if t is NULL. */
static double *read_vector(pri_map *m, const char *name, const peri_tensor *t, int64_t n, bool repeat) {
  if (check_tensor(m->cx, name, t)) return NULL;
  if (t->ndim != 1 && !(repeat && t->ndim == 0))
    return peri_fail(m->cx, PERI_ERR_SHAPE, "diag.moments: %s must be a vector%s, got shape %s", name, repeat ? " or a number" : "", peri_shape(t)), NULL;
  if (t->ndim == 1 && t->dims[0] != n)
    return peri_fail(m->cx, PERI_ERR_SHAPE, "diag.moments: %s has %lld values, %lld are needed", name, (long long)t->dims[0], (long long)n), NULL;
  double *x = peri_alloc(m->cx, (size_t)n * sizeof *x);
  for (int64_t i = 0; x && i < n; i++) x[i] = peri_item(t, t->ndim ? i : 0);
  return x;
}

static peri_status check_sign(pri_map *m, const char *name, const double *x, int64_t n, double *sum) {
  *sum = 0;
  for (int64_t i = 0; i < n; i++) {
    if (x[i] < 0) return peri_fail(m->cx, PERI_ERR_VALUE, "diag.moments: %s must be >= 0, got %g at %lld", name, x[i], (long long)i + 1);
    *sum += x[i];
  }
  return PERI_OK;
}

static double *matrix(pri_map *m, int64_t rows) { return peri_alloc(m->cx, (size_t)rows * (size_t)m->n * sizeof(double)); }

static peri_status read_probabilities(pri_map *m, const peri_tensor *weights) {
  double sum = 0;
  if (weights)
    m->p = read_vector(m, "weights", weights, m->rows, false);
  else if ((m->p = peri_alloc(m->cx, (size_t)m->rows * sizeof *m->p)))
    for (int64_t e = 0; e < m->rows; e++) m->p[e] = 1;
  if (!m->p || check_sign(m, "weights", m->p, m->rows, &sum)) return m->cx->code;
  if (!(sum > 0 && isfinite(sum))) return peri_fail(m->cx, PERI_ERR_VALUE, "diag.moments: the sum of the weights is %g", sum);
  for (int64_t e = 0; e < m->rows; e++) m->p[e] /= sum;
  return PERI_OK;
}

static peri_status read_rows(pri_map *m, const peri_tensor *rows) {
  if (check_tensor(m->cx, "rows", rows)) return m->cx->code;
  if (!(m->a = matrix(m, m->rows)) || !(m->ae = matrix(m, m->rows)) || !(m->h = matrix(m, m->n)) || !(m->e = matrix(m, m->n))) return m->cx->code;
  for (int64_t k = 0; k < rows->size; k++) m->a[k] = peri_item(rows, k);
  memset(m->h, 0, (size_t)m->size * sizeof *m->h);
  for (int64_t e = 0; e < m->rows; e++)
    for (int64_t i = 0; i < m->n; i++) m->cx->k->axpy_f64(m->h + i * m->n, m->p[e] * m->a[e * m->n + i], m->a + e * m->n, m->n);
  return PERI_OK;
}

static peri_status read_edges(pri_map *m, const peri_tensor *edges) {
  if (!(m->ends = peri_alloc(m->cx, (size_t)edges->size * sizeof *m->ends))) return m->cx->code;
  for (int64_t k = 0; k < edges->size; k++) {
    m->ends[k] = peri_item_i64(edges, k);
    if (m->ends[k] < 0 || m->ends[k] >= m->n)
      return peri_fail(m->cx, PERI_ERR_VALUE, "diag.moments: edge %lld ends at node %lld of %lld", (long long)k / 2 + 1, (long long)m->ends[k] + 1, (long long)m->n);
    if (k % 2 && m->ends[k] == m->ends[k - 1])
      return peri_fail(m->cx, PERI_ERR_VALUE, "diag.moments: edge %lld joins node %lld to itself", (long long)k / 2 + 1, (long long)m->ends[k] + 1);
  }
  return PERI_OK;
}

static peri_status read_law(pri_map *m, const peri_design *d) {
  const peri_tensor *t = d->h ? d->h : d->rows ? d->rows : d->edges;
  if (!t || !!d->h + !!d->rows + !!d->edges != 1) return peri_fail(m->cx, PERI_ERR_VALUE, "diag.moments: give one of h, rows and edges");
  if (t->ndim != (d->h ? 1 : 2) || (d->edges && (t->dims[1] != 2 || t->dtype != PERI_I64)))
    return peri_fail(m->cx, PERI_ERR_SHAPE, "diag.moments: %s are needed, got %s %s",
                     d->h ? "eigenvalues h (n)" : d->rows ? "rows (m, n)" : "edges (m, 2) of i64", peri_dtype_name((peri_dtype)t->dtype), peri_shape(t));
  m->n = d->h ? t->dims[0] : d->rows ? t->dims[1] : d->nodes;
  m->square = !d->h;
  m->rows = d->h ? 0 : t->dims[0];
  if (m->n < 1 || (m->square && m->rows < 1)) return peri_fail(m->cx, PERI_ERR_VALUE, "diag.moments: there are %lld directions and %lld rows", (long long)m->n, (long long)m->rows);
  if (m->square && (m->n > 30000 || m->rows > INT32_MAX))
    return peri_fail(m->cx, PERI_ERR_VALUE, "diag.moments: matrices of %lld x %lld moments are too large", (long long)m->n, (long long)m->n);
  m->size = m->square ? m->n * m->n : m->n;
  if (d->h) {
    m->jump = pri_jump_gaussian;
    m->p = read_vector(m, "h", t, m->n, false);
    return m->p ? check_sign(m, "h", m->p, m->n, &m->trace) : m->cx->code;
  }
  m->jump = pri_jump_finite;
  if (read_probabilities(m, d->weights)) return m->cx->code;
  if (!(m->g = matrix(m, m->n)) || !(m->k = matrix(m, m->n)) || !(m->q = peri_alloc(m->cx, (size_t)m->rows * sizeof *m->q))) return m->cx->code;
  return d->rows ? read_rows(m, t) : read_edges(m, t);
}

/* Takes the mean out of x if it is rounding; whether it was. */
static bool centre_vector(double *x, int64_t n) {
  double sum = 0, size = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i], size += fabs(x[i]);
  if (fabs(sum) > 1e-13 * size) return false;
  for (int64_t i = 0; i < n; i++) x[i] -= sum / (double)n;
  return true;
}

static peri_status read_start(pri_map *m, const peri_design *d) {
  double *x = read_vector(m, "x0", d->x0, m->n, true), *z = x ? read_vector(m, "z0", d->z0 ? d->z0 : d->x0, m->n, true) : NULL;
  m->centred = z && m->ends && centre_vector(x, m->n) && centre_vector(z, m->n);
  if (z && (m->v0 = peri_alloc(m->cx, 3 * (size_t)m->size * sizeof *m->v0)))
    for (int64_t i = 0; i < m->size; i++) {
      int64_t r = m->square ? i / m->n : i, c = m->square ? i % m->n : i;
      m->v0[i] = x[r] * x[c];
      m->v0[i + m->size] = x[r] * z[c];
      m->v0[i + 2 * m->size] = z[r] * z[c];
    }
  if (x) peri_free(m->cx, x, (size_t)m->n * sizeof *x);
  if (z) peri_free(m->cx, z, (size_t)m->n * sizeof *z);
  return m->v0 ? PERI_OK : m->cx->code;
}

peri_status pri_map_open(pri_map *m, const peri_design *d) {
  peri_ctx *cx = d->x0->cx;
  *m = (pri_map){.cx = cx, .theta = d->theta, .gamma = d->gamma, .gammap = d->gammap};
  if (!(d->theta >= 0 && isfinite(d->theta))) return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: theta must be >= 0, got %g", d->theta);
  if (!isfinite(d->gamma)) return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: gamma must be finite, got %g", d->gamma);
  if (!isfinite(d->gammap)) return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: gammap must be finite, got %g", d->gammap);
  if (read_law(m, d) || read_start(m, d)) return cx->code;
  m->norm = m->square ? pri_norms_finite(m) : pri_norms_gaussian(m);
  return PERI_OK;
}

void pri_map_close(pri_map *m) {
  size_t number = sizeof(double), n = (size_t)m->n, rows = (size_t)m->rows;
  struct { void *at; size_t numbers; } all[] = {{m->p, m->square ? rows : n}, {m->a, rows * n}, {m->ends, 2 * rows}, {m->h, n * n}, {m->g, n * n},
                                                {m->k, n * n}, {m->e, n * n}, {m->ae, rows * n}, {m->q, rows}, {m->v0, 3 * (size_t)m->size}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i].at) peri_free(m->cx, all[i].at, all[i].numbers * number);
}

/* ---- a walk: a state that moves ---- */

typedef struct {
  pri_map m;
  double *v, *sum, *old; /* the state; for times: the sum, and a copy */
} walk;

static double *state(walk *w) { return peri_alloc(w->m.cx, 3 * (size_t)w->m.size * sizeof(double)); }
static size_t bytes(const walk *w) { return 3 * (size_t)w->m.size * sizeof(double); }

static void close(walk *w) {
  double *all[] = {w->v, w->sum, w->old};
  for (int i = 0; i < 3; i++)
    if (all[i]) peri_free(w->m.cx, all[i], bytes(w));
  pri_map_close(&w->m);
}

static void restart(walk *w) { memcpy(w->v, w->m.v0, bytes(w)); }

static peri_status open(walk *w, const peri_design *d, bool in_time) {
  memset(w, 0, sizeof *w);
  if (pri_map_open(&w->m, d)) return w->m.cx->code;
  if (!(w->v = state(w)) || (in_time && (!(w->sum = state(w)) || !(w->old = state(w))))) return w->m.cx->code;
  restart(w);
  return PERI_OK;
}

/* The diagonals of v times c into out (n, 3). */
static peri_status record(const walk *w, const double *v, double *out) {
  int64_t stride = w->m.square ? w->m.n + 1 : 1;
  for (int64_t i = 0; i < w->m.n; i++)
    for (int part = 0; part < 3; part++) {
      double x = v[part * w->m.size + i * stride];
      if (!isfinite(x)) return peri_fail(w->m.cx, PERI_ERR_NUMERIC, "diag.moments: the moments overflow: the steps are too long for this design");
      out[3 * i + part] = x;
    }
  return PERI_OK;
}

/* s_ij <- s_ij - mean of row i - mean of column j + mean; means (2 n) is scratch. */
static void centre_matrix(double *s, int64_t n, double *means) {
  double *row = means, *column = means + n, all = 0;
  memset(means, 0, 2 * (size_t)n * sizeof *means);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) row[i] += s[i * n + j] / (double)n, column[j] += s[i * n + j] / (double)n;
  for (int64_t i = 0; i < n; i++) all += row[i] / (double)n;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) s[i * n + j] -= (row[i] - all / 2) + (column[j] - all / 2);
}

/* After step number k: every so often, all three parts. */
static void centre(const walk *w, int64_t k) {
  enum { EVERY = 16 };
  if (!w->m.centred || k % EVERY != EVERY - 1) return;
  for (int part = 0; part < 3; part++) centre_matrix(w->v + part * w->m.size, w->m.n, w->m.g);
}

/* ---- at jumps ---- */

/* v <- (c I - D)^-1 v */
static void mix(const walk *w, double c) {
  int64_t n = w->m.n, size = w->m.size;
  double *xx = w->v, *xz = xx + size, *zz = xz + size, t = w->m.theta, u = 1 / (c * (c + 2 * t) * (c + 4 * t));
  double stay = (c * c + 4 * c * t + 2 * t * t) * u, pass = t * (c + 2 * t) * u, swap = 2 * t * t * u, middle = (c + 2 * t) * (c + 2 * t) * u,
         skew = 1 / (c + 2 * t);
  for (int64_t i = 0; !w->m.square && i < n; i++) {
    double x = xx[i], s = xz[i], z = zz[i];
    xx[i] = stay * x + 2 * pass * s + swap * z;
    xz[i] = pass * x + middle * s + pass * z;
    zz[i] = swap * x + 2 * pass * s + stay * z;
  }
  if (w->m.square) PRI_FOR_PAIRS(n, i, j) {
    int64_t p = i * n + j, q = j * n + i;
    double x = xx[p], s = (xz[p] + xz[q]) / 2, d = skew * ((xz[p] - xz[q]) / 2), z = zz[p], between = pass * x + middle * s + pass * z;
    xx[p] = xx[q] = stay * x + 2 * pass * s + swap * z;
    zz[p] = zz[q] = swap * x + 2 * pass * s + stay * z;
    xz[p] = between + d, xz[q] = between - d;
  }
}

static peri_status check_jumps(peri_ctx *cx, int64_t count, const int64_t *ks, double rate) {
  if (!(rate >= 0 && rate < 1)) return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: the rate of the weight must lie in [0, 1), got %g", rate);
  for (int64_t j = 0; j < count; j++)
    if (ks[j] < 0) return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: a number of jumps must be >= 0, got %lld", (long long)ks[j]);
  return PERI_OK;
}

static peri_tensor *finish(walk *w, peri_status st, peri_tensor *r) {
  close(w);
  if (!st) return r;
  peri_release(r);
  return NULL;
}

peri_tensor *peri_design_at_jumps(const peri_design *d, int64_t count, const int64_t *ks, double rate) {
  walk w;
  peri_tensor *r = NULL;
  peri_ctx *cx = d->x0->cx;
  if (check_jumps(cx, count, ks, rate)) return NULL;
  if (open(&w, d, false) || !(r = peri_new(cx, PERI_F64, 3, (int64_t[]){count, w.m.n, 3}))) return finish(&w, cx->code, r);
  peri_status st = PERI_OK;
  for (int64_t j = 0, at = 0; j < count && !st; j++) {
    if (ks[j] < at) restart(&w), at = 0;
    for (; at < ks[j] && !pri_stopped(cx); at++) {
      mix(&w, 1 - rate);
      w.m.jump(&w.m, w.v);
      centre(&w, at);
    }
    st = peri_check_interrupt(cx);
    if (!st) st = record(&w, w.v, (double *)r->data + j * w.m.n * 3);
  }
  return finish(&w, st, r);
}

/* ---- in time ---- */

/* v <- U v */
static void uniform_step(const walk *w, double d) {
  int64_t n = w->m.n, size = w->m.size;
  const double *xx = w->old, *xz = xx + size, *zz = xz + size, t = w->m.theta, scale = 1 / (1 + d);
  double *rx = w->v, *rm = rx + size, *rz = rm + size;
  memcpy(w->old, w->v, bytes(w));
  w->m.jump(&w->m, w->v);
  for (int64_t i = 0; !w->m.square && i < n; i++) {
    rx[i] = scale * (rx[i] + (d - 2 * t) * xx[i] + 2 * t * xz[i]);
    rm[i] = scale * (rm[i] + (d - 2 * t) * xz[i] + t * (xx[i] + zz[i]));
    rz[i] = scale * (rz[i] + (d - 2 * t) * zz[i] + 2 * t * xz[i]);
  }
  if (w->m.square) PRI_FOR_PAIRS(n, i, j) {
    int64_t p = i * n + j, q = j * n + i;
    double twice = xz[p] + xz[q], both = t * (xx[p] + zz[p]), mp = scale * (rm[p] + (d - 2 * t) * xz[p] + both),
           mq = scale * (rm[q] + (d - 2 * t) * xz[q] + both);
    rx[p] = rx[q] = scale * (rx[p] + (d - 2 * t) * xx[p] + t * twice);
    rz[p] = rz[q] = scale * (rz[p] + (d - 2 * t) * zz[p] + t * twice);
    rm[p] = mp, rm[q] = mq;
  }
}

static double largest(double a, double b, double c) { return fmax(a, fmax(b, c)); }

/* A bound of the growth of U in the norm of weight *w, the best of some. */
static double growth(const pri_map *m, double d, double *w) {
  const pri_block_norms *b = &m->norm;
  double best = INFINITY, t = m->theta;
  for (int k = -20; k <= 60; k++) {
    double u = exp2(k / 2.), rest = d - 2 * t;
    double nu = largest(b->xx + rest + 2 * t * u, b->xz_xx / u + b->xz_xz + rest + t * (u + 1 / u),
                        (b->zz_xx / u + b->zz_xz + 2 * t) / u + 1 + rest) / (1 + d);
    if (nu < best) best = nu, *w = u;
  }
  return best;
}

static double part_norm(const pri_map *m, const double *x) {
  const pri_kernels *k = m->cx->k;
  return m->square ? sqrt(k->sumsq_f64(x, m->size)) : k->sumabs_f64(x, m->size);
}

static double norm(const pri_map *m, const double *v, double w) {
  return largest(part_norm(m, v), part_norm(m, v + m->size) / w, part_norm(m, v + 2 * m->size) / (w * w));
}

/* left[0..mode] = p_k / p_mode, mode = floor(mean); far ones are 0. */
static double *left_weights(peri_ctx *cx, double mean, int64_t mode) {
  double *left = peri_alloc(cx, (size_t)(mode + 1) * sizeof *left);
  if (!left) return NULL;
  left[mode] = 1;
  for (int64_t k = mode; k > 0; k--) left[k - 1] = left[k] * ((double)k / mean);
  return left;
}

/* v <- e^(tA) v */
static peri_status flow(walk *w, double t) {
  peri_ctx *cx = w->m.cx;
  double d = 4 * w->m.theta, mean = (1 + d) * t, weight = 1, nu = growth(&w->m, d, &weight), p = 0, total = 0;
  int64_t mode = (int64_t)mean, numbers = 3 * w->m.size;
  double *left = left_weights(cx, mean, mode);
  if (!left) return cx->code;
  memset(w->sum, 0, bytes(w));
  for (int64_t k = 0; !pri_stopped(cx); k++) {
    p = k <= mode ? left[k] : p * (mean / (double)k);
    total += p;
    cx->k->axpy_f64(w->sum, p, w->v, numbers);
    double rho = nu * mean / (double)(k + 1);
    if (k > mode && rho < 1 && k % 4 == 0) {
      double rest = norm(&w->m, w->v, weight) * p * rho / (1 - rho);
      if (rest <= 0x1p-56 * part_norm(&w->m, w->sum) || p == 0) break;
    }
    uniform_step(w, d);
    centre(w, k);
  }
  peri_free(cx, left, (size_t)(mode + 1) * sizeof *left);
  for (int64_t i = 0; i < numbers; i++) w->v[i] = w->sum[i] / total;
  return peri_check_interrupt(cx);
}

static peri_status check_times(peri_ctx *cx, int64_t count, const double *ts) {
  for (int64_t j = 0; j < count; j++)
    if (!(ts[j] >= 0 && ts[j] <= 1e9)) return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: a time must lie in 0..10^9, got %g", ts[j]);
  return PERI_OK;
}

peri_tensor *peri_design_at_times(const peri_design *d, int64_t count, const double *ts) {
  walk w;
  peri_tensor *r = NULL;
  peri_ctx *cx = d->x0->cx;
  if (check_times(cx, count, ts)) return NULL;
  if (open(&w, d, true) || !(r = peri_new(cx, PERI_F64, 3, (int64_t[]){count, w.m.n, 3}))) return finish(&w, cx->code, r);
  peri_status st = PERI_OK;
  double at = 0;
  for (int64_t j = 0; j < count && !st; j++) {
    if (ts[j] < at) restart(&w), at = 0;
    if (ts[j] > at) st = flow(&w, ts[j] - at);
    at = ts[j];
    if (!st) st = record(&w, w.v, (double *)r->data + j * w.m.n * 3);
  }
  return finish(&w, st, r);
}
