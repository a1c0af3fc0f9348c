/* clock.c - what can be done with any clock: the next event, the next n, all up to a time, other rates, the position as text.
**
** A position is a line of text: perigee-NAME-2, words of 16 hexadecimal digits, the streams of times and of choices, a checksum,
** separated by bars. It is checked as a whole before the clock is touched.
*/
#include "process/clock.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef long long ll;
typedef unsigned long long ull;

/* ---- buffered draws ---- */

void pri_draws_start(peri_ctx *cx, pri_draws *d, peri_stream s) {
  d->stream = s;
  d->from = (pri_rng){cx->k, pri_pcg_of(&s), s.output};
  d->at = d->filled = 0;
}

void pri_draws_refill(pri_draws *d) {
  uint64_t w[PRI_DRAWS];
  pri_pcg_advance(&d->from.pcg, d->from.output, (pri_u128)d->filled);
  pri_rng g = d->from;
  pri_words(&g, w, PRI_DRAWS);
  g.k->exponential(d->x, w, PRI_DRAWS);
  d->at = 0, d->filled = PRI_DRAWS;
}

peri_stream pri_draws_position(const pri_draws *d) {
  peri_stream s = d->stream;
  pri_pcg g = d->from.pcg;
  pri_pcg_advance(&g, d->from.output, (pri_u128)d->at);
  pri_pcg_store(&s, g);
  return s;
}

void pri_sources_set(peri_ctx *cx, pri_sources *r, const peri_stream *times, const peri_stream *choices) {
  pri_draws_start(cx, &r->gaps, *times);
  r->stream = *choices;
  r->choices = (pri_rng){cx->k, pri_pcg_of(choices), choices->output};
}

void pri_sources_start(peri_ctx *cx, pri_sources *r, peri_stream *parent) {
  int64_t which = (int64_t)peri_stream_next(parent);
  peri_stream times = peri_stream_sub(parent, "times", which), choices = peri_stream_sub(parent, "choices", which);
  pri_sources_set(cx, r, &times, &choices);
}

void pri_sources_position(const pri_sources *r, peri_stream *times, peri_stream *choices) {
  *times = pri_draws_position(&r->gaps);
  *choices = r->stream;
  pri_pcg_store(choices, r->choices.pcg);
}

/* ---- heads ---- */

peri_clock *pri_clock_make(peri_ctx *cx, const pri_clock_kind *kind, size_t bytes, int64_t m) {
  peri_clock *c = peri_alloc(cx, bytes);
  if (!c) return NULL;
  memset(c, 0, bytes);
  c->kind = kind, c->cx = cx, c->m = m;
  return c;
}

uint64_t pri_head_word(const peri_clock *c, int64_t i) {
  const uint64_t w[PRI_HEAD_WORDS] = {(uint64_t)c->count, pri_bits(c->now.hi), pri_bits(c->now.lo), pri_bits(c->last.hi), pri_bits(c->last.lo)};
  return w[i];
}

bool pri_head_fits(const uint64_t *w) {
  for (int i = 1; i < PRI_HEAD_WORDS; i++)
    if (!isfinite(pri_from_bits(w[i]))) return false;
  return w[0] <= INT64_MAX && pri_from_bits(w[1]) >= 0 && pri_from_bits(w[3]) >= 0;
}

void pri_set_head(peri_clock *c, const uint64_t *w) {
  c->count = (int64_t)w[0];
  c->now = (pri_pair){pri_from_bits(w[1]), pri_from_bits(w[2])};
  c->last = (pri_pair){pri_from_bits(w[3]), pri_from_bits(w[4])};
}

peri_status pri_never_rings(peri_clock *c) {
  return peri_fail(c->cx, PERI_ERR_STATE, "process.%s: there is no next event: all rates are 0 and nothing is scheduled", c->kind->name);
}

peri_status pri_check_rates(peri_ctx *cx, const char *who, const double *rates, int64_t m, bool zero, double *total) {
  if (m < 1) return peri_fail(cx, PERI_ERR_VALUE, "%s: at least one rate is needed", who);
  *total = 0;
  for (int64_t i = 0; i < m; i++) {
    if (!(rates[i] < INFINITY && (rates[i] > 0 || (zero && rates[i] == 0)))) {
      if (m == 1 && !zero) return peri_fail(cx, PERI_ERR_VALUE, "%s: rate must be positive and finite, got %.15g", who, rates[i]);
      return peri_fail(cx, PERI_ERR_VALUE, "%s: rate %lld of %lld is %.15g; rates must be %s and finite", who, (ll)(i + 1), (ll)m, rates[i],
                       zero ? "0 or positive" : "positive");
    }
    *total += rates[i];
  }
  if (isfinite(*total) && (isfinite(1 / *total) || (zero && *total == 0))) return PERI_OK;
  return peri_fail(cx, PERI_ERR_VALUE, "%s: the total rate %g is out of range", who, *total);
}

/* ---- verbs ---- */

void peri_clock_free(peri_clock *c) {
  if (c) c->kind->free(c);
}

peri_status peri_clock_step(peri_clock *c, double limit, peri_event *e) {
  if (isnan(limit)) return peri_fail(c->cx, PERI_ERR_VALUE, "process.until_time: the time must be a number, got nan");
  return c->kind->advance(c, limit, e);
}

peri_event peri_clock_next(peri_clock *c) {
  peri_event e;
  return c->kind->advance(c, INFINITY, &e) == PERI_OK ? e : (peri_event){NAN, NAN, -1};
}

peri_ctx *peri_clock_context(const peri_clock *c) { return c->cx; }
const char *peri_clock_kind(const peri_clock *c) { return c->kind->name; }
double peri_clock_rate(const peri_clock *c) { return c->kind->rate(c); }
int64_t peri_clock_size(const peri_clock *c) { return c->m; }
int64_t peri_clock_count(const peri_clock *c) { return c->count; }
double peri_clock_time(const peri_clock *c) { return c->now.hi; }

static bool new_vector(peri_ctx *cx, peri_dtype type, int64_t n, peri_tensor **out) {
  return !out || (*out = peri_new(cx, type, 1, &n)) != NULL;
}
static void drop(peri_tensor **t) {
  if (!t) return;
  peri_release(*t);
  *t = NULL;
}

/* The next n events one by one. */
static peri_status collect(peri_clock *c, int64_t n, double *t, double *gap, int64_t *index) {
  for (int64_t k = 0; k < n; k++) {
    peri_event e;
    peri_status st = c->kind->advance(c, INFINITY, &e);
    if (st) return st;
    if (t) t[k] = e.t;
    if (gap) gap[k] = e.dt;
    if (index) index[k] = e.index;
    if (k % 1024 == 0 && pri_stopped(c->cx)) return peri_check_interrupt(c->cx);
  }
  return PERI_OK;
}

static peri_status take(peri_clock *c, int64_t n, double *t, double *gap, int64_t *index) {
  if (!c->kind->take) return collect(c, n, t, gap, index);
  c->kind->take(c, n, t, gap, index);
  return PERI_OK;
}

peri_status peri_clock_batch(peri_clock *c, int64_t n, peri_tensor **times, peri_tensor **gaps, peri_tensor **indices) {
  peri_ctx *cx = c->cx;
  peri_tensor **out[3] = {times, gaps, indices};
  if (n < 0) return peri_fail(cx, PERI_ERR_VALUE, "process.next_batch: the number of events must not be negative, got %lld", (ll)n);
  peri_status st = PERI_OK;
  for (int i = 0; i < 3; i++)
    if (out[i]) *out[i] = NULL;
  for (int i = 0; !st && i < 3; i++) st = new_vector(cx, i < 2 ? PERI_F64 : PERI_I64, n, out[i]) ? PERI_OK : peri_errcode(cx);
  if (!st) st = take(c, n, times ? (*times)->data : NULL, gaps ? (*gaps)->data : NULL, indices ? (*indices)->data : NULL);
  for (int i = 0; st && i < 3; i++) drop(out[i]);
  return st;
}

/* ---- all events up to a time ---- */

typedef struct { peri_ctx *cx; int64_t n, room; double *t, *gap; int64_t *index; } events;

static void free_events(events *a) {
  if (a->t) peri_free(a->cx, a->t, (size_t)a->room * sizeof *a->t);
  if (a->gap) peri_free(a->cx, a->gap, (size_t)a->room * sizeof *a->gap);
  if (a->index) peri_free(a->cx, a->index, (size_t)a->room * sizeof *a->index);
}

static peri_status more_room(events *a, int64_t room) {
  events b = {.cx = a->cx, .n = a->n, .room = room};
  size_t bytes = (size_t)room * 8, used = (size_t)a->n * 8;
  bool ok = (b.t = peri_alloc(a->cx, bytes)) && (b.gap = peri_alloc(a->cx, bytes)) && (b.index = peri_alloc(a->cx, bytes));
  if (!ok) return free_events(&b), peri_errcode(a->cx);
  if (used) memcpy(b.t, a->t, used), memcpy(b.gap, a->gap, used), memcpy(b.index, a->index, used);
  free_events(a);
  *a = b;
  return PERI_OK;
}

static peri_status gather(peri_clock *c, double until, events *a) {
  for (;;) {
    peri_event e;
    if (a->n == a->room && more_room(a, 2 * a->room + 64)) return peri_errcode(c->cx);
    peri_status st = peri_clock_step(c, until, &e);
    if (st) return st;
    if (e.index < 0) return PERI_OK;
    a->t[a->n] = e.t, a->gap[a->n] = e.dt, a->index[a->n++] = e.index;
    if (a->n % 1024 == 0 && pri_stopped(c->cx)) return peri_check_interrupt(c->cx);
  }
}

peri_status peri_clock_until(peri_clock *c, double t, peri_tensor **times, peri_tensor **gaps, peri_tensor **indices) {
  events a = {.cx = c->cx};
  *times = *gaps = *indices = NULL;
  if (!isfinite(t)) return peri_fail(c->cx, PERI_ERR_VALUE, "process.until_time: the time must be finite, got %g", t);
  peri_status st = gather(c, t, &a);
  if (!st) {
    *times = peri_from(c->cx, PERI_F64, 1, &a.n, a.t);
    *gaps = *times ? peri_from(c->cx, PERI_F64, 1, &a.n, a.gap) : NULL;
    *indices = *gaps ? peri_from(c->cx, PERI_I64, 1, &a.n, a.index) : NULL;
    if (!*indices) st = peri_errcode(c->cx), drop(times), drop(gaps);
  }
  free_events(&a);
  return st;
}

/* ---- rates ---- */

static peri_status check_index(peri_clock *c, const char *who, int64_t i) {
  if (i >= 0 && i < c->m) return PERI_OK;
  return peri_fail(c->cx, PERI_ERR_INDEX, "process.%s: the clocks are 1 .. %lld, got %lld", who, (ll)c->m, (ll)i + 1);
}

peri_status peri_clock_set_rate(peri_clock *c, int64_t i, double rate) {
  if (!c->kind->set_rate) return peri_fail(c->cx, PERI_ERR_STATE, "process.set_rate: the rates of this clock are fixed; those of process.heap and process.changing may change");
  if (check_index(c, "set_rate", i)) return peri_errcode(c->cx);
  if (!(rate >= 0 && rate < INFINITY)) return peri_fail(c->cx, PERI_ERR_VALUE, "process.set_rate: the rate must be 0 or positive and finite, got %.15g", rate);
  return c->kind->set_rate(c, i, rate);
}

peri_status peri_clock_schedule(peri_clock *c, int64_t i, double t) {
  if (!c->kind->schedule) return peri_fail(c->cx, PERI_ERR_STATE, "process.schedule: only the clocks of process.heap can be told when to ring");
  if (check_index(c, "schedule", i)) return peri_errcode(c->cx);
  if (!(t >= c->now.hi && t < INFINITY)) return peri_fail(c->cx, PERI_ERR_VALUE, "process.schedule: the time must be finite and not before %.15g, where the clock stands; got %.15g", c->now.hi, t);
  return c->kind->schedule(c, i, t);
}

peri_tensor *peri_clock_rates(const peri_clock *c) {
  if (!c->kind->rate_of) return peri_fail(c->cx, PERI_ERR_STATE, "process.rates: this clock keeps no list of rates"), NULL;
  peri_tensor *t = peri_new(c->cx, PERI_F64, 1, &c->m);
  for (int64_t i = 0; t && i < c->m; i++) ((double *)t->data)[i] = c->kind->rate_of(c, i);
  return t;
}

/* ---- state: perigee-KIND-VERSION WORDS|stream of times|stream of choices|CHECK ---- */

enum { VERSION = 2 }; /* 1: superposed clocks only, of other words */

size_t peri_clock_text(const peri_clock *c) {
  return sizeof "perigee--2 |||" + strlen(c->kind->name) + 16 * ((size_t)c->kind->words(c) + 1) + 2 * PERI_STREAM_TEXT;
}

void peri_clock_save(const peri_clock *c, char *text) {
  char times[PERI_STREAM_TEXT], choices[PERI_STREAM_TEXT];
  peri_stream a, b;
  c->kind->streams(c, &a, &b);
  peri_stream_save(&a, times);
  peri_stream_save(&b, choices);
  int64_t words = c->kind->words(c);
  char *p = text + sprintf(text, "perigee-%s-%d ", c->kind->name, VERSION);
  for (int64_t i = 0; i < words; i++) p += sprintf(p, "%016llx", (ull)c->kind->word(c, i));
  p += sprintf(p, "|%s|%s|", times, choices);
  sprintf(p, "%016llx", (ull)pri_checksum(text, (size_t)(p - text)));
}

static peri_status malformed(peri_ctx *cx, const char *what) { return peri_fail(cx, PERI_ERR_FORMAT, "process.state: %s", what); }
static peri_status truncated(peri_ctx *cx) { return malformed(cx, "the text is truncated or not well formed"); }

/* The stream text between p and the next bar, loaded into *s; the position behind the bar, or NULL. */
static const char *load_stream(peri_ctx *cx, peri_stream *s, const char *p) {
  char text[PERI_STREAM_TEXT];
  const char *bar = strchr(p, '|');
  if (!bar || (size_t)(bar - p) >= sizeof text) return truncated(cx), NULL;
  memcpy(text, p, (size_t)(bar - p));
  text[bar - p] = '\0';
  return peri_stream_load(cx, s, text) == PERI_OK ? bar + 1 : NULL;
}

/* From behind the head on; w has room for the words of this clock. */
static peri_status load(peri_clock *c, const char *text, const char *p, uint64_t *w, int64_t words) {
  uint64_t check;
  const char *what, *bar = strchr(p, '|');
  if (!bar) return truncated(c->cx);
  int64_t given = (bar - p) / 16;
  peri_stream times, choices;
  c->kind->streams(c, &times, &choices);
  const char *end = load_stream(c->cx, &times, bar + 1);
  end = end ? load_stream(c->cx, &choices, end) : NULL;
  if (!end) return peri_errcode(c->cx);
  if (!pri_read_hex(end, &check, 1, '\0')) return truncated(c->cx);
  if (check != pri_checksum(text, (size_t)(end - text))) return malformed(c->cx, "the checksum does not match; the text was altered");
  if (given != words) return malformed(c->cx, "the state is of a clock with another number of rates");
  if (!pri_read_hex(p, w, (int)words, '|')) return truncated(c->cx);
  what = c->kind->set_words(c, w, &times, &choices);
  return what ? malformed(c->cx, what) : PERI_OK;
}

peri_status peri_clock_load(peri_clock *c, const char *text) {
  char head[64];
  int n = snprintf(head, sizeof head, "perigee-%s-", c->kind->name);
  if (strncmp(text, head, (size_t)n) != 0) {
    const char *what = strcmp(c->kind->name, "clock") == 0 ? "clock" : c->kind->name;
    return peri_fail(c->cx, PERI_ERR_FORMAT, "process.state: this is not the state of a %s: '%.40s'", what, text);
  }
  char *end;
  long version = strtol(text + n, &end, 10);
  if (*end != ' ') return truncated(c->cx);
  if (version != VERSION) return peri_fail(c->cx, PERI_ERR_FORMAT, "process.state: the state has format %ld; this version reads format %d", version, VERSION);
  int64_t words = c->kind->words(c);
  uint64_t *w = peri_alloc(c->cx, (size_t)words * sizeof *w);
  if (!w) return peri_errcode(c->cx);
  peri_status st = load(c, text, end + 1, w, words);
  peri_free(c->cx, w, (size_t)words * sizeof *w);
  return st;
}
