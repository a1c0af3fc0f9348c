/* fgn.h - what the files on fractional noise share. Inside, noise is unit fGn: variance 1, one step of time. */
#ifndef PRI_FGN_H
#define PRI_FGN_H

#include <perigee/process.h>
#include "fft/fft.h"
#include "random/random.h"

/* gamma(k) for one lag, and gamma(0), ..., gamma(n-1). */
double pri_fgn_gamma(double H, double k);
void pri_fgn_gammas(double H, double *g, int64_t n);

/* H, dt and scale: PERI_ERR_VALUE in the name of `who`. */
peri_status pri_fgn_check_law(peri_ctx *cx, const char *who, const peri_fractional *f);

/* ---- loops per instruction set (wide/fgn.c); products and sums are rounded one by one, the same bits in all three ---- */

typedef struct {
  /* Durbin and Levinson: f[j] -= c b[j], b[j] -= c f[j] (the old f), j < n. */
  void (*levinson)(double *f, double *b, double c, int64_t n);
  /* Modes of H < 1/2: step = drift u + kick z;  u += step;  noise += step. */
  void (*relax)(double *u, double *noise, const double *z, double drift, double kick, int64_t n);
  /* Modes of H > 1/2: noise += mean u + cross z + rest y;  u += drift u + kick z. */
  void (*integrate)(double *u, double *noise, const double *z, const double *y, const double *c, int64_t n); /* c: drift, kick, mean, cross, rest */
} pri_fgn_loops;

const pri_fgn_loops *pri_fgn_loops_of(const peri_ctx *cx);

/* ---- generators: each path from its own normals ---- */

/* How to make n increments a path. fill makes `width` paths at once, path j into x[j ld .. j ld + n - 1], from generators g[j], each of
** which moves `words` words on. What it writes for a path does not depend on the others. `first` is the index of the first
** path, `scratch` the plan's bytes of work memory for itself. fill touches nothing of the context but the stop flag. */
typedef struct pri_fgn_plan pri_fgn_plan;
typedef struct pri_fgn_spectrum pri_fgn_spectrum;
struct pri_fgn_plan {
  peri_ctx *cx;
  double H;
  int64_t n, words;
  size_t scratch;
  void (*fill)(const pri_fgn_plan *p, int64_t first, pri_rng *g, int width, double *x, int64_t ld, void *scratch);
  peri_tensor *factor;   /* cholesky: L, (n, n) */
  double *gamma;         /* hosking: past + n of them */
  const double *past;    /* hosking: (steps, paths), the noise so far */
  int64_t steps, paths;
  pri_fft_plan *fft;     /* circulant */
  pri_fgn_spectrum *spectrum;
};

enum { PRI_FGN_TILE = 8 }; /* paths made together, so that whole lines of a matrix of columns are written */

peri_status pri_fgn_white(pri_fgn_plan *p);
peri_status pri_fgn_cholesky(pri_fgn_plan *p);
peri_status pri_fgn_irregular(pri_fgn_plan *p, const double *times); /* increments of fBm from 0 to times[0], ... */
peri_status pri_fgn_hosking(pri_fgn_plan *p, const peri_tensor *past); /* past may be NULL */
peri_status pri_fgn_circulant(pri_fgn_plan *p);
void pri_fgn_circulant_close(pri_fgn_plan *p);
void pri_fgn_plan_close(pri_fgn_plan *p);

/* x[i] = the next n normals of g, one word each. */
void pri_fgn_normals(pri_rng *g, double *x, int64_t n);

/* ---- Durbin and Levinson's recursion, one lag at a time (hosking.c) ---- */

typedef struct {
  const pri_kernels *k;
  const pri_fgn_loops *loops;
  const double *gamma;   /* at least capacity */
  int64_t lag, capacity; /* coefficients known */
  double v;              /* variance of the next value given the last `lag` ones */
  double *f, *b;         /* f[j-1] = phi(lag, j); b points into an array of capacity: b[i] = phi(lag, lag - i) */
} pri_levinson;

/* memory: 2 capacity doubles, owned by the caller. */
void pri_levinson_start(pri_levinson *l, const peri_ctx *cx, const double *gamma, int64_t capacity, double *memory);
/* One more lag; at most capacity - 1 times. The mean of value x[lag] given x[0 .. lag-1] is then sum_i b[i] x[i]. */
void pri_levinson_next(pri_levinson *l);

#endif
