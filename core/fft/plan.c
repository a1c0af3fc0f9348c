/* plan.c - how a length is transformed, the tables for it, and the plans that a context keeps.
**
** A length whose prime factors are at most 13 is done by passes (kernels.h). One sequence of n = L m numbers is read as m rows of L
** lanes, x[l + L j]: transforms along the columns, the twiddles w_n^(l k) while transposing, transforms of length L along the
** columns of the transpose, whose rows are the result in order (Bailey's four steps, 1990). L is the divisor that wastes the least
** on filling lanes up to multiples of eight. Other lengths go by Bluestein's convolution (bluestein.c).
*/
#include "fft/plan.h"
#include "fft/roots.h"
#include <string.h>

extern const pri_fft_kernels pri_fft_kernels_baseline, pri_fft_kernels_avx2, pri_fft_kernels_avx512;

/* ---- lengths ---- */

static const int radices[] = {8, 4, 2, 3, 5, 7, 11, 13};

/* The next radix of what is left of a length: eights, but two fours rather than an eight and a two. 0: none divides it. */
static int next_radix(int64_t n) {
  if (n == 16) return 4;
  for (size_t i = 0; i < sizeof radices / sizeof *radices; i++)
    if (n % radices[i] == 0 && !(radices[i] == 8 && n % 16 == 0 && n % 32 != 0)) return radices[i];
  return 0;
}

static bool is_smooth(int64_t n) {
  while (n > 1) {
    int r = next_radix(n);
    if (!r) return false;
    n /= r;
  }
  return true;
}

int64_t pri_fft_good_length(int64_t n) {
  int64_t best = INT64_MAX;
  for (int64_t f5 = 1; 64 * f5 < 5 * n + 320; f5 *= 5)
    for (int64_t f = f5; 64 * f < 3 * n + 192; f *= 3) {
      int64_t m = 64 * f;
      while (m < n) m *= 2;
      if (m < best) best = m;
    }
  return best;
}

/* Work of a transform along columns, an element: rough times of the passes. */
static double cost_of(int64_t n) {
  static const double cost[PRI_RADIX_MAX + 1] = {[2] = 1, [3] = 1.3, [4] = 1.3, [5] = 1.7, [7] = 2.5, [8] = 1.8, [11] = 4, [13] = 5};
  double c = 0;
  while (n > 1) {
    int r = next_radix(n);
    c += cost[r];
    n /= r;
  }
  return c;
}

static int64_t choose_lanes(int64_t n) {
  int64_t best = 1;
  double least = 1e300;
  for (int64_t l = 1; l <= n && l <= 2048; l++) {
    if (n % l != 0) continue;
    int64_t m = n / l;
    if (n % 64 == 0 && (l % 8 != 0 || m % 8 != 0)) continue; /* results are lines then, too */
    double c = (double)(m * pri_padded(l)) * cost_of(m) + (double)(pri_padded(m) * l) * cost_of(l);
    if (c < least) least = c, best = l;
  }
  return best;
}

/* ---- tables ---- */

static int64_t columns_size(int64_t n) { /* doubles */
  int64_t size = 0;
  while (n > 1) {
    int r = next_radix(n);
    n /= r;
    size += 2 * (r - 1) * (n - 1);
  }
  return size;
}

static peri_status make_columns(peri_ctx *cx, pri_columns *c, int64_t n, double **place) {
  pri_roots w;
  c->length = n;
  c->count = 0;
  while (n > 1) {
    int r = next_radix(n);
    int64_t m = n / r;
    c->pass[c->count].radix = r;
    c->pass[c->count].m = m;
    c->pass[c->count++].twiddles = *place;
    if (pri_roots_open(cx, &w, n)) return cx->code;
    for (int64_t p = 1; p < m; p++)
      for (int k = 1; k < r; k++, *place += 2) pri_root(&w, p * k % n, *place);
    pri_roots_close(&w);
    n = m;
  }
  return PERI_OK;
}

static peri_status make_twist(peri_ctx *cx, pri_fft_plan *p, double *t) {
  pri_roots w;
  int64_t m = p->columns.length, lanes = p->rows.length;
  if (pri_roots_open(cx, &w, p->n)) return cx->code;
  p->twist = t;
  for (int64_t l = 0; l < pri_padded(lanes); l++)
    for (int64_t k = 0; k < pri_padded(m); k++) {
      double z[2] = {0, 0};
      if (l < lanes && k < m) pri_root(&w, l * k % p->n, z);
      double *to = t + (l * pri_padded(m) + k) / PRI_LANES * PRI_LINE + k % PRI_LANES;
      to[0] = z[0];
      to[PRI_LANES] = z[1];
    }
  pri_roots_close(&w);
  return PERI_OK;
}

static peri_status take_inner(pri_fft_plan *p, pri_fft_kind kind, int64_t n) {
  if (!(p->inner = pri_fft_plan_get(p->kept.cx, kind, n))) return p->kept.cx->code;
  p->kept.inner = &p->inner->kept;
  return PERI_OK;
}

/* ---- Bluestein: X_k = c_k sum_j (x_j c_j) conj(c_(k-j)), c_k = e^(-pi i k^2 / n) ---- */

static int64_t inner_length(int64_t n) { return pri_fft_good_length(2 * n - 1); }

/* Where number k stands in a table of this kind, and how far its imaginary part is. */
static double *at(const pri_fft_plan *p, double *t, int64_t k) {
  return p->kind == PRI_FFT_LANES ? t + 2 * k : t + k / PRI_LANES * PRI_LINE + k % PRI_LANES;
}

/* The spectrum of the conjugate chirp, wrapped around, by the inner plan. */
static peri_status make_spectrum(peri_ctx *cx, pri_fft_plan *p) {
  bool one = p->kind == PRI_FFT_ONE;
  int64_t n = p->n, m = p->inner->n, lines = one ? m / PRI_LANES : m, im = one ? PRI_LANES : 1;
  size_t bytes = (size_t)(2 * lines * PRI_LINE) * sizeof(double);
  double *x = peri_alloc(cx, bytes), *y = x + lines * PRI_LINE;
  if (!x) return cx->code;
  memset(x, 0, bytes);
  for (int64_t k = 0; k < n; k++) {
    const double *c = at(p, p->chirp, k);
    for (int64_t to = k; to < m; to += m - 2 * k) { /* at k and at m - k */
      double *b = one ? at(p, x, to) : x + to * PRI_LINE;
      b[0] = c[0];
      b[PRI_LANES] = -c[im];
      if (k == 0 || to > k) break;
    }
  }
  const double *s = pri_fft_lines(p->inner, x, y, false);
  if (one) for (int64_t i = 0; i < lines * PRI_LINE; i++) p->spectrum[i] = s[i] / (double)m;
  else
    for (int64_t i = 0; i < m; i++) {
      p->spectrum[2 * i] = s[i * PRI_LINE] / (double)m;
      p->spectrum[2 * i + 1] = s[i * PRI_LINE + PRI_LANES] / (double)m;
    }
  peri_free(cx, x, bytes);
  return PERI_OK;
}

static peri_status make_bluestein(peri_ctx *cx, pri_fft_plan *p, double *place) {
  bool one = p->kind == PRI_FFT_ONE;
  pri_roots w;
  p->chirp = place;
  p->spectrum = place + 2 * (one ? pri_padded(p->n) : p->n);
  if (take_inner(p, p->kind, inner_length(p->n)) || pri_roots_open(cx, &w, 2 * p->n)) return cx->code;
  if (one) memset(p->chirp, 0, (size_t)(2 * pri_padded(p->n)) * sizeof(double));
  for (int64_t k = 0, square = 0; k < p->n; square = (square + 2 * k + 1) % (2 * p->n), k++) {
    double z[2], *c = at(p, p->chirp, k);
    pri_root(&w, square, z);
    c[0] = z[0];
    c[one ? PRI_LANES : 1] = z[1];
  }
  pri_roots_close(&w);
  return make_spectrum(cx, p);
}

/* ---- real sequences ---- */

static bool is_real(pri_fft_kind kind) { return kind == PRI_FFT_REAL || kind == PRI_FFT_REAL_LANES; }

static peri_status make_real(peri_ctx *cx, pri_fft_plan *p, double *place) {
  pri_roots w;
  int64_t count = p->n / 4 + 1;
  p->cosine = place;
  p->sine = place + count;
  if (take_inner(p, p->kind == PRI_FFT_REAL ? PRI_FFT_ONE : PRI_FFT_LANES, p->n / 2) || pri_roots_open(cx, &w, p->n)) return cx->code;
  for (int64_t k = 0; k < count; k++) {
    double z[2];
    pri_root(&w, k, z);
    place[k] = z[0];
    place[count + k] = -z[1];
  }
  pri_roots_close(&w);
  return PERI_OK;
}

/* ---- plans ---- */

static peri_status fill_plan(peri_ctx *cx, pri_fft_plan *p, int64_t lanes, double *place) {
  if (is_real(p->kind)) return make_real(cx, p, place);
  if (lanes == 0) return make_bluestein(cx, p, place);
  if (make_columns(cx, &p->columns, p->n / lanes, &place)) return cx->code;
  p->rows.length = lanes;
  if (p->kind == PRI_FFT_LANES) return PERI_OK;
  if (make_columns(cx, &p->rows, lanes, &place)) return cx->code;
  return make_twist(cx, p, (double *)(((uintptr_t)place + 63) & ~(uintptr_t)63));
}

typedef struct { pri_fft_kind kind; int64_t n; } plan_key;

static bool is_plan(const pri_kept *k, const void *key) {
  const pri_fft_plan *p = (const pri_fft_plan *)k;
  const plan_key *wanted = key;
  return p->kind == wanted->kind && p->n == wanted->n;
}

static const pri_kept_kind plans = {.bytes = 64 << 20, .count = 64, .is = is_plan};

static pri_fft_plan *new_plan(peri_ctx *cx, pri_fft_kind kind, int64_t n) {
  int64_t lanes = is_real(kind) || !is_smooth(n) ? 0 : kind == PRI_FFT_LANES ? 1 : choose_lanes(n), size;
  if (is_real(kind)) size = 2 * (n / 4 + 1);
  else if (lanes == 0) size = 2 * (pri_padded(n) + inner_length(n));
  else if (kind == PRI_FFT_LANES) size = columns_size(n);
  else size = columns_size(n / lanes) + columns_size(lanes) + 2 * pri_padded(lanes) * pri_padded(n / lanes);
  size_t header = (sizeof(pri_fft_plan) + 63) & ~(size_t)63;
  pri_fft_plan *p = (pri_fft_plan *)pri_kept_new(cx, &plans, header, header + 64 + (size_t)size * sizeof(double));
  if (!p) return NULL;
  p->k = pri_kernels_pick(cx->k, &pri_fft_kernels_baseline, &pri_fft_kernels_avx2, &pri_fft_kernels_avx512), p->kind = kind, p->n = n;
  if (fill_plan(cx, p, lanes, (double *)((char *)p + header)) == PERI_OK) return p;
  pri_kept_discard(&p->kept);
  return NULL;
}

pri_fft_plan *pri_fft_plan_get(peri_ctx *cx, pri_fft_kind kind, int64_t n) {
  pri_fft_plan *p = (pri_fft_plan *)pri_kept_take(cx, &plans, &(plan_key){kind, n});
  if (!p && (p = new_plan(cx, kind, n))) pri_kept_list(&p->kept);
  return p;
}

void pri_fft_plan_put(pri_fft_plan *p) { pri_kept_put(p ? &p->kept : NULL); }
