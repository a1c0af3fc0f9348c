/* fgn.c - the loops of fractional noise. No fused multiply-adds: they are bound by memory, and the baseline is then as fast. */
#include "kernels/wide/wide.h"
#include "process/fgn.h"

static void levinson(double *restrict f, double *restrict b, double c, int64_t n) {
  for (int64_t j = 0; j < n; j++) {
    double old = f[j];
    f[j] = old - c * b[j];
    b[j] = b[j] - c * old;
  }
}

static void relax(double *restrict u, double *restrict noise, const double *restrict z, double drift, double kick, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double step = drift * u[i] + kick * z[i];
    u[i] += step;
    noise[i] += step;
  }
}

static void integrate(double *restrict u, double *restrict noise, const double *restrict z, const double *restrict y, const double *restrict c, int64_t n) {
  const double drift = c[0], kick = c[1], mean = c[2], cross = c[3], rest = c[4];
  for (int64_t i = 0; i < n; i++) {
    noise[i] += mean * u[i] + (cross * z[i] + rest * y[i]);
    u[i] += drift * u[i] + kick * z[i];
  }
}

extern const pri_fgn_loops PRI_WIDE(fgn_loops);
const pri_fgn_loops PRI_WIDE(fgn_loops) = {levinson, relax, integrate};
