/* clock.c - superposed Poisson clocks.
**
** Events are made 1024 at a time: exponential gaps by the block kernel, running sums, then one word of the other stream
** for cell and threshold of the alias table, without a branch, so that the loads of many events overlap. Sums of 32 gaps
** start from 0 and are added to the time so far, kept as hi + lo, so that rounding does not pile up.
** Source of the superposition: e.g. Kingman, Poisson Processes (1993), section 2.2.
*/
#include "process/clock.h"
#include <math.h>
#include <stdio.h>

static pri_pair two_sum(double a, double b) {
  double s = a + b, t = s - a;
  return (pri_pair){s, (a - (s - t)) + (b - t)};
}

static pri_pair add_to(pri_pair a, double x) {
  pri_pair s = two_sum(a.hi, x);
  return two_sum(s.hi, s.lo + a.lo);
}

/* gap[i] *= mean_gap; t[i] = base + gap[0] + ... + gap[i]; the new base. Stretches of 32 are summed from 0 and added to the base. */
static pri_pair accumulate(double *t, double *gap, int64_t n, double mean_gap, pri_pair base) {
  enum { STRETCH = 32 };
  for (int64_t i = 0; i < n; i++) gap[i] *= mean_gap;
  for (int64_t at = 0; at < n; at += STRETCH) {
    int64_t end = at + STRETCH < n ? at + STRETCH : n;
    double s = 0;
    for (int64_t i = at; i < end; i++) t[i] = s += gap[i];
    for (int64_t i = at; i < end; i++) t[i] = base.hi + (base.lo + t[i]);
    base = add_to(base, s);
  }
  return base;
}

void pri_clock_refill(peri_clock *c) {
  uint64_t w[PRI_CLOCK_BATCH];
  c->this = c->next;
  pri_clock_origin *o = &c->next;
  pri_words(&o->times, w, PRI_CLOCK_BATCH);
  c->cx->k->exponential(c->gap, w, PRI_CLOCK_BATCH);
  o->base = accumulate(c->t, c->gap, PRI_CLOCK_BATCH, 1 / c->total, o->base);
  o->count += PRI_CLOCK_BATCH;
  if (c->alias) {
    pri_words(&o->choices, w, PRI_CLOCK_BATCH);
    for (int i = 0; i < PRI_CLOCK_BATCH; i++) c->index[i] = pri_alias_of(c->alias, w[i]);
  }
  c->at = 0, c->filled = PRI_CLOCK_BATCH;
}

static peri_status check_rates(peri_ctx *cx, const double *rates, int64_t m, double *total) {
  if (m < 1) return peri_fail(cx, PERI_ERR_VALUE, "process.poisson: at least one rate is needed");
  *total = 0;
  for (int64_t i = 0; i < m; i++) {
    if (!(rates[i] > 0 && rates[i] < INFINITY)) {
      if (m == 1) return peri_fail(cx, PERI_ERR_VALUE, "process.poisson: rate must be positive and finite, got %.15g", rates[i]);
      return peri_fail(cx, PERI_ERR_VALUE, "process.poisson: rate %lld of %lld is %.15g; rates must be positive and finite", (long long)(i + 1),
                       (long long)m, rates[i]);
    }
    *total += rates[i];
  }
  if (isfinite(*total) && isfinite(1 / *total)) return PERI_OK;
  return peri_fail(cx, PERI_ERR_VALUE, "process.poisson: the total rate %g is out of range", *total);
}

void pri_clock_restart(peri_clock *c, peri_stream *s) {
  int64_t which = (int64_t)peri_stream_next(s);
  const pri_kernels *k = c->cx->k;
  c->times = peri_stream_sub(s, "times", which);
  c->choices = peri_stream_sub(s, "choices", which);
  c->next = (pri_clock_origin){.times = {k, pri_pcg_of(&c->times), c->times.output}, .choices = {k, pri_pcg_of(&c->choices), c->choices.output}};
  c->at = c->filled = 0;
  c->last = 0;
}

peri_clock *peri_clock_new(peri_ctx *cx, const double *rates, int64_t m, peri_stream *s) {
  double total = 0;
  if (check_rates(cx, rates, m, &total) != PERI_OK) return NULL;
  peri_clock *c = peri_alloc(cx, sizeof *c);
  if (!c) return NULL;
  memset(c, 0, sizeof *c);
  c->cx = cx, c->m = m, c->total = total;
  c->rates = pri_checksum(rates, (size_t)m * sizeof *rates);
  if (m > 1 && !(c->alias = peri_alias_new(cx, "process.poisson", rates, m))) {
    peri_clock_free(c);
    return NULL;
  }
  pri_clock_restart(c, s);
  return c;
}

void peri_clock_free(peri_clock *c) {
  if (!c) return;
  peri_alias_free(c->alias);
  peri_free(c->cx, c, sizeof *c);
}

peri_event peri_clock_next(peri_clock *c) {
  if (c->at == c->filled) pri_clock_refill(c);
  int64_t i = c->at++;
  c->last = c->t[i];
  return (peri_event){c->t[i], c->gap[i], c->index[i]};
}

peri_ctx *peri_clock_context(const peri_clock *c) { return c->cx; }
double peri_clock_rate(const peri_clock *c) { return c->total; }
int64_t peri_clock_size(const peri_clock *c) { return c->m; }
int64_t peri_clock_count(const peri_clock *c) { return c->filled ? c->this.count + c->at : c->next.count; }
double peri_clock_time(const peri_clock *c) { return c->last; }

/* Copies the next n events; t, gap, index may be NULL. */
static void take(peri_clock *c, int64_t n, double *t, double *gap, int64_t *index) {
  for (int64_t done = 0, m; done < n; done += m) {
    if (c->at == c->filled) pri_clock_refill(c);
    m = c->filled - c->at;
    if (m > n - done) m = n - done;
    if (t) memcpy(t + done, c->t + c->at, (size_t)m * sizeof *t);
    if (gap) memcpy(gap + done, c->gap + c->at, (size_t)m * sizeof *gap);
    if (index) memcpy(index + done, c->index + c->at, (size_t)m * sizeof *index);
    c->at += m;
    c->last = c->t[c->at - 1];
  }
}

static bool new_vector(peri_ctx *cx, peri_dtype type, int64_t n, peri_tensor **out) {
  return !out || (*out = peri_new(cx, type, 1, &n)) != NULL;
}
static void drop(peri_tensor **t) {
  if (!t) return;
  peri_release(*t);
  *t = NULL;
}

peri_status peri_clock_batch(peri_clock *c, int64_t n, peri_tensor **times, peri_tensor **gaps, peri_tensor **indices) {
  peri_ctx *cx = c->cx;
  peri_tensor **out[3] = {times, gaps, indices};
  if (n < 0) return peri_fail(cx, PERI_ERR_VALUE, "process.poisson: the number of events must not be negative, got %lld", (long long)n);
  for (int i = 0; i < 3; i++)
    if (out[i]) *out[i] = NULL;
  for (int i = 0; i < 3; i++) {
    if (new_vector(cx, i < 2 ? PERI_F64 : PERI_I64, n, out[i])) continue;
    for (int k = 0; k < 3; k++) drop(out[k]);
    return peri_errcode(cx);
  }
  take(c, n, times ? (*times)->data : NULL, gaps ? (*gaps)->data : NULL, indices ? (*indices)->data : NULL);
  return PERI_OK;
}

/* ---- state: perigee-clock-1 RATES BASE_HI BASE_LO COUNT AT|stream of times|stream of choices|CHECK ---- */

static uint64_t bits(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}
static double from_bits(uint64_t u) {
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

static void save_stream(const peri_stream *s, const pri_rng *g, char text[PERI_STREAM_TEXT]) {
  peri_stream now = *s;
  pri_pcg_store(&now, g->pcg);
  peri_stream_save(&now, text);
}

void peri_clock_save(const peri_clock *c, char text[PERI_CLOCK_TEXT]) {
  typedef unsigned long long ull;
  const pri_clock_origin *o = c->filled ? &c->this : &c->next;
  char times[PERI_STREAM_TEXT], choices[PERI_STREAM_TEXT];
  save_stream(&c->times, &o->times, times);
  save_stream(&c->choices, &o->choices, choices);
  int n = snprintf(text, PERI_CLOCK_TEXT, "perigee-clock-1 %016llx%016llx%016llx%016llx%016llx|%s|%s|", (ull)c->rates, (ull)bits(o->base.hi),
                   (ull)bits(o->base.lo), (ull)o->count, (ull)c->at, times, choices);
  snprintf(text + n, (size_t)(PERI_CLOCK_TEXT - n), "%016llx", (ull)pri_checksum(text, (size_t)n));
}

static peri_status malformed(peri_ctx *cx, const char *what) { return peri_fail(cx, PERI_ERR_FORMAT, "process.state: %s", what); }

/* The stream text between p and the next bar, loaded into *s; the position behind the bar, or NULL. */
static const char *load_stream(peri_ctx *cx, peri_stream *s, const char *p) {
  char text[PERI_STREAM_TEXT];
  const char *bar = strchr(p, '|');
  if (!bar || (size_t)(bar - p) >= sizeof text) return malformed(cx, "the text is truncated or not well formed"), NULL;
  memcpy(text, p, (size_t)(bar - p));
  text[bar - p] = '\0';
  return peri_stream_load(cx, s, text) == PERI_OK ? bar + 1 : NULL;
}

peri_status peri_clock_load(peri_clock *c, const char *text) {
  static const char head[] = "perigee-clock-1 ";
  peri_ctx *cx = c->cx;
  uint64_t w[5], check;
  peri_stream times = c->times, choices = c->choices;
  if (strncmp(text, head, sizeof head - 1) != 0) return peri_fail(cx, PERI_ERR_FORMAT, "process.state: this is not the state of a clock: '%.40s'", text);
  const char *p = pri_read_hex(text + sizeof head - 1, w, 5, '|');
  if (!p) return malformed(cx, "the text is truncated or not well formed");
  p = load_stream(cx, &times, p);
  p = p ? load_stream(cx, &choices, p) : NULL;
  if (!p) return peri_errcode(cx);
  if (!pri_read_hex(p, &check, 1, '\0')) return malformed(cx, "the text is truncated or not well formed");
  if (check != pri_checksum(text, (size_t)(p - text))) return malformed(cx, "the checksum does not match; the text was altered");
  if (w[0] != c->rates) return malformed(cx, "the state is of a clock with other rates");
  if (w[4] > PRI_CLOCK_BATCH || w[3] > INT64_MAX - PRI_CLOCK_BATCH || !isfinite(from_bits(w[1])) || !isfinite(from_bits(w[2]))) return malformed(cx, "the position is out of range");
  c->times = times, c->choices = choices;
  c->next = (pri_clock_origin){{cx->k, pri_pcg_of(&times), times.output}, {cx->k, pri_pcg_of(&choices), choices.output}, {from_bits(w[1]), from_bits(w[2])}, (int64_t)w[3]};
  double before = c->next.base.hi;
  pri_clock_refill(c);
  c->at = (int64_t)w[4];
  c->last = c->at > 0 ? c->t[c->at - 1] : before;
  return PERI_OK;
}

/* ---- many clocks of one rate ---- */

enum { TILE = 8, RUN = 256 }; /* columns drawn together, so that whole lines of the matrices are written */

typedef struct { double *times, *gaps; int64_t columns; double mean_gap; } matrices; /* gaps may be NULL */

/* Columns first .. first + n - 1, n <= TILE, for all steps. */
static peri_status fill_columns(peri_block *b, pri_pcg *pcg, const matrices *m, int64_t first, int n, int64_t steps) {
  double t[TILE][RUN], gap[TILE][RUN];
  uint64_t w[RUN];
  pri_pair base[TILE] = {{0}};
  for (int64_t at = 0; at < steps; at += RUN) {
    int64_t run = steps - at < RUN ? steps - at : RUN;
    if (pri_stopped(b->cx)) return peri_check_interrupt(b->cx);
    for (int j = 0; j < n; j++) {
      pri_rng g = {b->cx->k, pcg[first + j], b->output};
      pri_words(&g, w, run);
      pcg[first + j] = g.pcg;
      g.k->exponential(gap[j], w, run);
      base[j] = accumulate(t[j], gap[j], run, m->mean_gap, base[j]);
    }
    for (int64_t i = 0; i < run; i++) {
      int64_t row = (at + i) * m->columns + first;
      for (int j = 0; j < n; j++) m->times[row + j] = t[j][i];
      for (int j = 0; m->gaps && j < n; j++) m->gaps[row + j] = gap[j][i];
    }
  }
  return PERI_OK;
}

static peri_status fill_matrices(peri_block *b, const matrices *m, int64_t steps) {
  size_t bytes = (size_t)b->n * sizeof *b->row;
  pri_pcg *pcg = peri_alloc(b->cx, bytes); /* a copy: an error leaves the block where it was */
  if (!pcg) return peri_errcode(b->cx);
  memcpy(pcg, b->row, bytes);
  peri_status st = PERI_OK;
  for (int64_t j = 0; st == PERI_OK && j < b->n; j += TILE) st = fill_columns(b, pcg, m, j, b->n - j < TILE ? (int)(b->n - j) : TILE, steps);
  if (st == PERI_OK) memcpy(b->row, pcg, bytes);
  peri_free(b->cx, pcg, bytes);
  return st;
}

peri_status peri_poisson_times(peri_block *b, int64_t steps, double rate, peri_tensor **times, peri_tensor **gaps) {
  peri_ctx *cx = b->cx;
  double total = 0;
  *times = NULL;
  if (gaps) *gaps = NULL;
  if (steps < 0) return peri_fail(cx, PERI_ERR_VALUE, "process.poisson_times: steps must not be negative, got %lld", (long long)steps);
  if (check_rates(cx, &rate, 1, &total) != PERI_OK) return peri_errcode(cx);
  int64_t dims[2] = {steps, b->n};
  *times = peri_new(cx, PERI_F64, 2, dims);
  if (*times && gaps) *gaps = peri_new(cx, PERI_F64, 2, dims);
  peri_status st = peri_errcode(cx);
  if (*times && (!gaps || *gaps))
    st = fill_matrices(b, &(matrices){(*times)->data, gaps ? (*gaps)->data : NULL, b->n, 1 / rate}, steps);
  if (st == PERI_OK) return st;
  drop(times);
  drop(gaps);
  return st;
}
