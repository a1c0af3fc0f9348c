/* random.h - what the files of core/random/ (and process/) share: one generator, seen by samplers. */
#ifndef PRI_RANDOM_H
#define PRI_RANDOM_H

#include <perigee/random.h>
#include "base/base.h"
#include "kernels/kernels.h"
#include <string.h>

typedef unsigned __int128 pri_u128;
#define PRI_DXSM_MULTIPLIER 0xda942042e4dd58b5u
#define PRI_XSLRR_MULTIPLIER ((pri_u128)0x2360ed051fc65da4u << 64 | 0x4385df649fccf645u)

static inline pri_u128 pri_join(uint64_t hi, uint64_t lo) { return (pri_u128)hi << 64 | lo; }
static inline pri_u128 pri_multiplier(peri_output o) { return o == PERI_DXSM ? PRI_DXSM_MULTIPLIER : PRI_XSLRR_MULTIPLIER; }

/* State after d more steps. */
void pri_pcg_advance(pri_pcg *g, peri_output o, pri_u128 d);

static inline pri_pcg pri_pcg_of(const peri_stream *s) { return (pri_pcg){s->state.hi, s->state.lo, s->inc.hi, s->inc.lo}; }
static inline void pri_pcg_store(peri_stream *s, pri_pcg g) { s->state = (peri_u128){g.state_hi, g.state_lo}; }

/* BLAKE2s with 32 bytes of output, no key, personalised "perigee1". At most 2^32 bytes in all. */
typedef struct { uint32_t h[8]; uint64_t count; int fill; uint8_t buffer[64]; } pri_blake2s;
void pri_blake2s_start(pri_blake2s *b, const char *personal); /* 8 bytes, or NULL for the plain function */
void pri_blake2s_add(pri_blake2s *b, const void *data, size_t n);
void pri_blake2s_end(pri_blake2s *b, uint8_t digest[32]);

/* state.c: the first 64 bits of the hash of n characters; and `words` numbers of 16 hexadecimal digits ended by `end`: the position
** behind it, or NULL. */
uint64_t pri_checksum(const void *text, size_t n);
const char *pri_read_hex(const char *p, uint64_t *w, int words, char end);

/* A generator as samplers see it: kernels for logarithms and normals, so that bits do not depend on the processor. */
typedef struct { const pri_kernels *k; pri_pcg pcg; peri_output output; } pri_rng;

static inline uint64_t pri_next(pri_rng *g) {
  pri_u128 s = pri_join(g->pcg.state_hi, g->pcg.state_lo), c = pri_join(g->pcg.inc_hi, g->pcg.inc_lo);
  uint64_t x;
  if (g->output == PERI_DXSM) {
    uint64_t hi = (uint64_t)(s >> 64), lo = (uint64_t)s | 1;
    hi ^= hi >> 32;
    hi *= PRI_DXSM_MULTIPLIER;
    hi ^= hi >> 48;
    x = hi * lo;
    s = s * PRI_DXSM_MULTIPLIER + c;
  } else {
    s = s * PRI_XSLRR_MULTIPLIER + c;
    uint64_t y = (uint64_t)(s >> 64) ^ (uint64_t)s;
    unsigned r = (unsigned)(s >> 122);
    x = y >> r | y << (-r & 63);
  }
  g->pcg.state_hi = (uint64_t)(s >> 64), g->pcg.state_lo = (uint64_t)s;
  return x;
}

static inline void pri_words(pri_rng *g, uint64_t *w, int64_t n) {
  (g->output == PERI_DXSM ? g->k->pcg_dxsm : g->k->pcg_xslrr)(w, n, &g->pcg);
}

/* (0, 1), both ends excluded: multiples of 2^-53. */
static inline double pri_open(pri_rng *g) { return ((double)(pri_next(g) >> 12) + 0.5) * 0x1p-52; }

static inline double pri_one_normal(pri_rng *g) {
  uint64_t w = pri_next(g);
  double x;
  g->k->normal(&x, &w, 1);
  return x;
}

static inline double pri_map1_of(const pri_rng *g, int row, double x) {
  double r;
  g->k->map1[row][PERI_F64](&r, &x, 1);
  return r;
}
static inline double pri_log(const pri_rng *g, double x) { return pri_map1_of(g, PRI_MAP1_log, x); }
static inline double pri_exp(const pri_rng *g, double x) { return pri_map1_of(g, PRI_MAP1_exp, x); }
static inline double pri_log1p(const pri_rng *g, double x) { return pri_map1_of(g, PRI_MAP1_log1p, x); }

/* Uniform on 0 .. range-1, range >= 1, without bias: Lemire, Fast random integer generation in an interval, ACM TOMACS 29 (2019). */
static inline uint64_t pri_below(pri_rng *g, uint64_t range) {
  pri_u128 m = (pri_u128)pri_next(g) * range;
  if ((uint64_t)m < range) {
    uint64_t reject = -range % range;
    while ((uint64_t)m < reject) m = (pri_u128)pri_next(g) * range;
  }
  return (uint64_t)(m >> 64);
}

/* Cells of an alias table: cell i is kept if the low half of w m is below keep, otherwise it stands for other. */
typedef struct { uint64_t keep; int64_t other; } pri_cell;
struct peri_alias { peri_ctx *cx; int64_t m; double total; pri_cell cell[]; };

/* i = hi(w m), chosen without a branch, so that the loads of many draws overlap. */
static inline int64_t pri_alias_of(const peri_alias *a, uint64_t w) {
  pri_u128 p = (pri_u128)w * (uint64_t)a->m;
  int64_t i = (int64_t)(p >> 64);
  pri_cell c = a->cell[i];
  return (uint64_t)p < c.keep ? i : c.other;
}

/* ---- laws ---- */

/* A law made ready: its checked parameters and what is computed once per fill. */
typedef struct { peri_law law; double c[10]; uint64_t range; pri_stable stable; } pri_ready;

/* One row per law. Exactly one of map and serial is set. r is double[] or, for integer laws, int64_t[]. */
typedef struct {
  const char *name;    /* "random.gamma" */
  bool integer;
  int words;           /* that map takes for a variate: 1 or 2; 0 if serial */
  peri_status (*check)(peri_ctx *cx, const char *who, const peri_law *law);
  void (*prepare)(pri_ready *p, const pri_rng *g);
  void (*map)(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n);
  void (*serial)(const pri_ready *p, pri_rng *g, void *r, int64_t n);
} pri_law_row;
extern const pri_law_row pri_law_rows[PERI_LAWS];

/* samplers.c: the serial ones and their constants */
void pri_prepare_gamma(pri_ready *p, const pri_rng *g);
void pri_prepare_beta(pri_ready *p, const pri_rng *g);
void pri_prepare_poisson(pri_ready *p, const pri_rng *g);
void pri_prepare_binomial(pri_ready *p, const pri_rng *g);
void pri_serial_gamma(const pri_ready *p, pri_rng *g, void *r, int64_t n);
void pri_serial_beta(const pri_ready *p, pri_rng *g, void *r, int64_t n);
void pri_serial_student(const pri_ready *p, pri_rng *g, void *r, int64_t n);
void pri_serial_poisson(const pri_ready *p, pri_rng *g, void *r, int64_t n);
void pri_serial_binomial(const pri_ready *p, pri_rng *g, void *r, int64_t n);
void pri_serial_integers(const pri_ready *p, pri_rng *g, void *r, int64_t n);

/* stable.c */
void pri_prepare_stable(pri_ready *p, const pri_rng *g);
void pri_prepare_positive_stable(pri_ready *p, const pri_rng *g);
void pri_map_stable(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n);

struct peri_block {
  peri_ctx *cx;
  peri_output output;
  int64_t n;
  pri_pcg *row;            /* n positions */
  uint64_t (*key)[4];      /* and what the rows' own substreams are derived from */
};

/* Whether out, of at least `axes` axes, has a row for each stream of b and is of its context. */
peri_status pri_block_rows_of(peri_tensor *out, peri_block *b, int axes);

#endif
