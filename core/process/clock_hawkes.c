/* clock_hawkes.c - Hawkes processes with exponential kernels.
**
** The intensity of component i is
**     lambda_i(t) = mu_i + sum_j alpha_ij sum_{events k of j, t_k < t} exp(-beta_ij (t - t_k)).
** Its sums obey S_ij(t + d) = e^(-beta_ij d) S_ij(t), and an event of j adds alpha_ij: the past is one number a kernel, and one a component
** where beta_ij does not depend on j. Between events intensities fall, so the present total bounds what follows: Ogata's thinning, a
** candidate after an exponential time of that rate, accepted with the ratio of totals; it belongs to i with probability lambda_i / total.
** The next event is found when it is asked for and kept, so that stops before it leave no trace.
** Sources: Hawkes (1971), Biometrika 58; Ogata (1981), IEEE Trans. Inform. Theory 27.
*/
#include "process/clock.h"
#include "linalg/lapack.h"
#include <math.h>
#include <stdio.h>

typedef long long ll;

typedef struct {
  peri_clock head;
  int64_t q;                        /* kernels a component: m, or 1 if the decays do not depend on the source */
  double *mu, *alpha, *beta;        /* (m), (m, m), (m, q) */
  double *sum;                      /* (m, q): S at time `at` */
  pri_pair at;                      /* time of the sums */
  bool found;                       /* an event at time `at` is known and not yet given out: */
  int64_t which;                    /* its component */
  pri_sources random;
} hawkes;

static hawkes *of(const peri_clock *c) { return (hawkes *)c; }

/* S decays over d and the new total intensity. exp through the kernels: the same bits on every processor. */
static double decay(hawkes *h, double d) {
  double total = 0;
  for (int64_t i = 0; i < h->head.m; i++) {
    total += h->mu[i];
    for (int64_t k = i * h->q; k < (i + 1) * h->q; k++) total += h->sum[k] *= pri_exp(&h->random.choices, -h->beta[k] * d);
  }
  return total;
}

static double intensity_of(const hawkes *h, int64_t i) {
  double lambda = h->mu[i];
  for (int64_t k = i * h->q; k < (i + 1) * h->q; k++) lambda += h->sum[k];
  return lambda;
}

static double total_of(const hawkes *h) {
  double total = 0;
  for (int64_t i = 0; i < h->head.m; i++) {
    total += h->mu[i];
    for (int64_t k = i * h->q; k < (i + 1) * h->q; k++) total += h->sum[k];
  }
  return total;
}

/* The component below whose share u in (0, total) falls. */
static int64_t choose(const hawkes *h, double u) {
  int64_t last = 0;
  for (int64_t i = 0; i < h->head.m; i++) {
    double lambda = intensity_of(h, i);
    if (lambda > 0) last = i;
    if ((u -= lambda) < 0) break;
  }
  return last;
}

/* Moves `at` to the next event, through candidates that are none. */
static peri_status find_event(hawkes *h) {
  double bound = total_of(h);
  for (int64_t k = 1; !h->found; k++) {
    if (!(bound > 0)) return PERI_OK;
    double gap = pri_exponential(&h->random.gaps) / bound;
    h->at = pri_add_to(h->at, gap);
    double total = decay(h, gap), u = pri_open(&h->random.choices) * bound;
    h->found = u < total;
    if (h->found) h->which = choose(h, u);
    if (!isfinite(h->at.hi)) return peri_fail(h->head.cx, PERI_ERR_NUMERIC, "process.hawkes: time overflowed");
    if (k % 1024 == 0 && pri_stopped(h->head.cx)) return peri_check_interrupt(h->head.cx);
    bound = total;
  }
  return PERI_OK;
}

static peri_status advance(peri_clock *c, double limit, peri_event *e) {
  hawkes *h = of(c);
  if (!h->found && find_event(h)) return peri_errcode(c->cx);
  if (!h->found || h->at.hi > limit) {
    if (limit == INFINITY) return pri_never_rings(c);
    *e = pri_wait(c, limit);
    return PERI_OK;
  }
  *e = pri_ring(c, h->at, h->which);
  h->found = false;
  for (int64_t i = 0; i < c->m; i++) h->sum[i * h->q + (h->q > 1 ? h->which : 0)] += h->alpha[i * c->m + h->which];
  return PERI_OK;
}

/* Intensity where the clock stands. The sums may stand later, at the next event; they are taken back from there. */
static double rate_of(const peri_clock *c, int64_t i) {
  const hawkes *h = of(c);
  double lambda = h->mu[i], d = pri_since(c->now, h->at);
  for (int64_t k = i * h->q; k < (i + 1) * h->q; k++) lambda += h->sum[k] * pri_exp(&h->random.choices, -h->beta[k] * d);
  return lambda;
}
static double rate(const peri_clock *c) {
  double sum = 0;
  for (int64_t i = 0; i < c->m; i++) sum += rate_of(c, i);
  return sum;
}

static void free_clock(peri_clock *c) {
  hawkes *h = of(c);
  int64_t kernels = c->m * h->q;
  if (h->mu) peri_free(c->cx, h->mu, (size_t)c->m * 8);
  if (h->alpha) peri_free(c->cx, h->alpha, (size_t)(c->m * c->m) * 8);
  if (h->beta) peri_free(c->cx, h->beta, (size_t)kernels * 8);
  if (h->sum) peri_free(c->cx, h->sum, (size_t)kernels * 8);
  peri_free(c->cx, c, sizeof *h);
}

/* ---- state: the head, a hash of the parameters, the time of the sums, whether an event is found and its component, the sums ---- */

enum { FIXED = PRI_HEAD_WORDS + 5 };
static int64_t words(const peri_clock *c) { return FIXED + c->m * of(c)->q; }

static uint64_t parameters(const hawkes *h) {
  int64_t m = h->head.m;
  return pri_checksum(h->mu, (size_t)m * 8) ^ 3 * pri_checksum(h->alpha, (size_t)(m * m) * 8) ^ 5 * pri_checksum(h->beta, (size_t)(m * h->q) * 8);
}

static uint64_t word(const peri_clock *c, int64_t k) {
  const hawkes *h = of(c);
  if (k < PRI_HEAD_WORDS) return pri_head_word(c, k);
  if (k >= FIXED) return pri_bits(h->sum[k - FIXED]);
  if (k == PRI_HEAD_WORDS) return parameters(h);
  const uint64_t w[4] = {pri_bits(h->at.hi), pri_bits(h->at.lo), h->found, (uint64_t)h->which};
  return w[k - PRI_HEAD_WORDS - 1];
}

static const char *set_words(peri_clock *c, const uint64_t *w, const peri_stream *times, const peri_stream *choices) {
  hawkes *h = of(c);
  const uint64_t *v = w + PRI_HEAD_WORDS;
  if (v[0] != parameters(h)) return "the state is of a clock with other parameters";
  bool fits = pri_head_fits(w) && pri_from_bits(v[1]) >= 0 && isfinite(pri_from_bits(v[1])) && isfinite(pri_from_bits(v[2])) && v[3] <= 1 && v[4] < (uint64_t)c->m;
  for (int64_t k = 0; fits && k < c->m * h->q; k++) fits = pri_from_bits(w[FIXED + k]) >= 0 && isfinite(pri_from_bits(w[FIXED + k]));
  if (!fits) return "the position is out of range";
  pri_set_head(c, w);
  h->at = (pri_pair){pri_from_bits(v[1]), pri_from_bits(v[2])};
  h->found = v[3] != 0, h->which = (int64_t)v[4];
  for (int64_t k = 0; k < c->m * h->q; k++) h->sum[k] = pri_from_bits(w[FIXED + k]);
  pri_sources_set(c->cx, &h->random, times, choices);
  return NULL;
}

static void streams(const peri_clock *c, peri_stream *times, peri_stream *choices) { pri_sources_position(&of(c)->random, times, choices); }

static const pri_clock_kind kind = {.name = "hawkes", .advance = advance, .rate = rate, .rate_of = rate_of, .words = words, .word = word,
                                    .set_words = set_words, .streams = streams, .free = free_clock};

/* ---- parameters ---- */

static peri_status check_entry(peri_ctx *cx, const char *name, const double *x, int64_t k, int64_t columns, bool positive) {
  char where[64];
  if (x[k] < INFINITY && (positive ? x[k] > 0 : x[k] >= 0)) return PERI_OK;
  if (columns == 1) snprintf(where, sizeof where, "%s[%lld]", name, (ll)k + 1);
  else snprintf(where, sizeof where, "%s[%lld][%lld]", name, (ll)(k / columns) + 1, (ll)(k % columns) + 1);
  return peri_fail(cx, PERI_ERR_VALUE, "process.hawkes: %s is %.15g; it must be %s and finite", where, x[k], positive ? "positive" : "0 or positive");
}

static peri_status check_parameters(peri_ctx *cx, int64_t m, int64_t q, const double *mu, const double *alpha, const double *beta) {
  peri_status st = PERI_OK;
  for (int64_t i = 0; !st && i < m; i++) st = check_entry(cx, "mu", mu, i, 1, false);
  for (int64_t k = 0; !st && k < m * m; k++) st = check_entry(cx, "alpha", alpha, k, m, false);
  for (int64_t k = 0; !st && k < m * q; k++) st = check_entry(cx, "beta", beta, k, q, true);
  return st;
}

/* Spectral radius of alpha_ij / beta_ij: the mean number of events that an event causes directly. NaN if it is not found. */
static double branching(peri_ctx *cx, int64_t m, int64_t q, const double *alpha, const double *beta) {
  int n = (int)m, one = 1, lwork = 4 * n + 16, info = 0;
  size_t bytes = (size_t)(m * m + 2 * m + lwork) * sizeof(double);
  double *a = peri_alloc(cx, bytes), *re = a ? a + m * m : NULL, *im = a ? re + m : NULL, most = 0, unused[1];
  if (!a) return NAN;
  for (int64_t k = 0; k < m * m; k++) a[k] = alpha[k] / beta[q > 1 ? k : k / m];
  dgeev_("N", "N", &n, a, &n, re, im, unused, &one, unused, &one, im + m, &lwork, &info, 1, 1);
  for (int64_t i = 0; i < m; i++) most = fmax(most, hypot(re[i], im[i]));
  peri_free(cx, a, bytes);
  if (!info) return most;
  return peri_fail(cx, PERI_ERR_NUMERIC, "process.hawkes: the eigenvalues of alpha / beta were not found"), NAN;
}

peri_clock *peri_hawkes_new(peri_ctx *cx, const peri_hawkes *p, peri_stream *s) {
  int64_t m = p->m, q = p->beta_of_pairs ? m : 1;
  if (m < 1 || m > 10000) return peri_fail(cx, PERI_ERR_VALUE, "process.hawkes: 1 .. 10000 components are possible, got %lld", (ll)m), NULL;
  if (check_parameters(cx, m, q, p->mu, p->alpha, p->beta)) return NULL;
  double ratio = branching(cx, m, q, p->alpha, p->beta);
  if (isnan(ratio)) return NULL;
  if (ratio >= 1 && !p->explosive)
    return peri_fail(cx, PERI_ERR_VALUE, "process.hawkes: an event causes %.4g others on average (the spectral radius of alpha / beta); from 1 on their number grows without end, which explosive = true permits", ratio), NULL;
  peri_clock *c = pri_clock_make(cx, &kind, sizeof(hawkes), m);
  if (!c) return NULL;
  hawkes *h = of(c);
  h->q = q;
  size_t kernels = (size_t)(m * q) * 8;
  bool ok = (h->mu = peri_alloc(cx, (size_t)m * 8)) && (h->alpha = peri_alloc(cx, (size_t)(m * m) * 8)) && (h->beta = peri_alloc(cx, kernels)) &&
            (h->sum = peri_alloc(cx, kernels));
  if (!ok) return peri_clock_free(c), NULL;
  memcpy(h->mu, p->mu, (size_t)m * 8), memcpy(h->alpha, p->alpha, (size_t)(m * m) * 8), memcpy(h->beta, p->beta, kernels);
  memset(h->sum, 0, kernels);
  pri_sources_start(cx, &h->random, s);
  return c;
}
