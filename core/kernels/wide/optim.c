/* optim.c - one step of an optimiser in one pass over memory: theta, the gradient, and up to three arrays of state.
**
** Products and sums are rounded one by one, in the order of the formulas above each kernel: a plain loop in any language
** gives the same bits. Every kernel starts from the gradient with weight decay,  d = g + decay theta.
*/
#include "kernels/wide/wide.h"

enum { BLOCK = 256 }; /* of the window */

#define BEGIN(T)                                                                                                   \
  T *x = theta;                                                                                                    \
  const T *g = gradient;                                                                                           \
  const T lr = (T)a->lr, decay = (T)a->decay;                                                                      \
  (void)s

/* x -= lr d */
#define SGD(S, T)                                                                                                  \
  void PRI_WIDE(step_sgd_##S)(void *theta, const void *gradient, void *const *s, const pri_step_args *a, int64_t n) { \
    BEGIN(T);                                                                                                      \
    PRI_IVDEP                                                                                                      \
    for (int64_t i = 0; i < n; i++) x[i] -= lr * (g[i] + decay * x[i]);                                            \
  }

/* m = momentum m + d;  x -= lr m, or lr (d + momentum m) */
#define MOMENTUM(S, T)                                                                                             \
  void PRI_WIDE(step_momentum_##S)(void *theta, const void *gradient, void *const *s, const pri_step_args *a, int64_t n) { \
    BEGIN(T);                                                                                                      \
    T *m = s[0];                                                                                                   \
    const T momentum = (T)a->momentum;                                                                             \
    if (a->nesterov) {                                                                                             \
      PRI_IVDEP                                                                                                    \
      for (int64_t i = 0; i < n; i++) {                                                                            \
        T d = g[i] + decay * x[i], next = momentum * m[i] + d;                                                     \
        m[i] = next;                                                                                               \
        x[i] -= lr * (d + momentum * next);                                                                        \
      }                                                                                                            \
    } else {                                                                                                       \
      PRI_IVDEP                                                                                                    \
      for (int64_t i = 0; i < n; i++) {                                                                            \
        T next = momentum * m[i] + (g[i] + decay * x[i]);                                                          \
        m[i] = next;                                                                                               \
        x[i] -= lr * next;                                                                                         \
      }                                                                                                            \
    }                                                                                                              \
  }

/* v = momentum v - lr d;  x += v */
#define HEAVY_BALL(S, T)                                                                                           \
  void PRI_WIDE(step_heavy_ball_##S)(void *theta, const void *gradient, void *const *s, const pri_step_args *a, int64_t n) { \
    BEGIN(T);                                                                                                      \
    T *v = s[0];                                                                                                   \
    const T momentum = (T)a->momentum;                                                                             \
    PRI_IVDEP                                                                                                      \
    for (int64_t i = 0; i < n; i++) {                                                                              \
      T next = momentum * v[i] - lr * (g[i] + decay * x[i]);                                                       \
      v[i] = next;                                                                                                 \
      x[i] += next;                                                                                                \
    }                                                                                                              \
  }

/* x is the point y of the gradient, z the last solution:  z' = y - lr d;  y = z' + momentum (z' - z) */
#define NESTEROV(S, T)                                                                                             \
  void PRI_WIDE(step_nesterov_##S)(void *theta, const void *gradient, void *const *s, const pri_step_args *a, int64_t n) { \
    BEGIN(T);                                                                                                      \
    T *z = s[0];                                                                                                   \
    const T momentum = (T)a->momentum;                                                                             \
    PRI_IVDEP                                                                                                      \
    for (int64_t i = 0; i < n; i++) {                                                                              \
      T next = x[i] - lr * (g[i] + decay * x[i]);                                                                  \
      x[i] = next + momentum * (next - z[i]);                                                                      \
      z[i] = next;                                                                                                 \
    }                                                                                                              \
  }

/* m = beta1 m + rest1 d;  v = beta2 v + rest2 d^2;  x = shrink x - lr m / (scale sqrt(v) + eps) */
#define ADAM(S, T, SQRT)                                                                                           \
  void PRI_WIDE(step_adam_##S)(void *theta, const void *gradient, void *const *s, const pri_step_args *a, int64_t n) { \
    BEGIN(T);                                                                                                      \
    T *m = s[0], *v = s[1];                                                                                        \
    const T beta1 = (T)a->beta1, rest1 = (T)a->rest1, beta2 = (T)a->beta2, rest2 = (T)a->rest2;                    \
    const T scale = (T)a->scale, eps = (T)a->eps, shrink = (T)a->shrink;                                           \
    PRI_IVDEP                                                                                                      \
    for (int64_t i = 0; i < n; i++) {                                                                              \
      T d = g[i] + decay * x[i];                                                                                   \
      T first = beta1 * m[i] + rest1 * d, second = beta2 * v[i] + rest2 * (d * d);                                 \
      m[i] = first;                                                                                                \
      v[i] = second;                                                                                               \
      x[i] = shrink * x[i] - lr * first / (scale * SQRT(second) + eps);                                            \
    }                                                                                                              \
  }

/* v = beta2 v + rest2 d^2;  centred: c = beta2 c + rest2 d, spread = max(v - c^2, 0), else spread = v;
** u = d / (sqrt(spread + eps_inside) + eps);  with momentum: b = momentum b + u, u = b;  x -= lr u */
#define RMSPROP(S, T, SQRT)                                                                                        \
  PRI_INLINE void rmsprop_##S(T *x, const T *g, void *const *s, const pri_step_args *a, int64_t n, int centred,    \
                              int with_momentum) {                                                                 \
    T *v = s[0], *c = s[1], *b = s[2];                                                                             \
    const T lr = (T)a->lr, decay = (T)a->decay, beta = (T)a->beta2, rest = (T)a->rest2, eps = (T)a->eps;           \
    const T inside = (T)a->eps_inside, momentum = (T)a->momentum;                                                  \
    PRI_IVDEP                                                                                                      \
    for (int64_t i = 0; i < n; i++) {                                                                              \
      T d = g[i] + decay * x[i], spread = beta * v[i] + rest * (d * d);                                            \
      v[i] = spread;                                                                                               \
      if (centred) {                                                                                               \
        T mean = beta * c[i] + rest * d;                                                                           \
        c[i] = mean;                                                                                               \
        spread -= mean * mean;                                                                                     \
        spread = spread < 0 ? 0 : spread; /* rounding may go below; NaN stays */                                   \
      }                                                                                                            \
      T u = d / (SQRT(spread + inside) + eps);                                                                     \
      if (with_momentum) b[i] = u = momentum * b[i] + u;                                                           \
      x[i] -= lr * u;                                                                                              \
    }                                                                                                              \
  }                                                                                                                \
  void PRI_WIDE(step_rmsprop_##S)(void *theta, const void *gradient, void *const *s, const pri_step_args *a, int64_t n) { \
    if (s[1] && s[2]) rmsprop_##S(theta, gradient, s, a, n, 1, 1);                                                 \
    else if (s[1]) rmsprop_##S(theta, gradient, s, a, n, 1, 0);                                                    \
    else if (s[2]) rmsprop_##S(theta, gradient, s, a, n, 0, 1);                                                    \
    else rmsprop_##S(theta, gradient, s, a, n, 0, 0);                                                              \
  }

/* v += d^2;  x -= lr d / (sqrt(v + eps_inside) + eps) */
#define ADAGRAD(S, T, SQRT)                                                                                        \
  void PRI_WIDE(step_adagrad_##S)(void *theta, const void *gradient, void *const *s, const pri_step_args *a, int64_t n) { \
    BEGIN(T);                                                                                                      \
    T *v = s[0];                                                                                                   \
    const T eps = (T)a->eps, inside = (T)a->eps_inside;                                                            \
    PRI_IVDEP                                                                                                      \
    for (int64_t i = 0; i < n; i++) {                                                                              \
      T d = g[i] + decay * x[i], sum = v[i] + d * d;                                                               \
      v[i] = sum;                                                                                                  \
      x[i] -= lr * d / (SQRT(sum + inside) + eps);                                                                 \
    }                                                                                                              \
  }

/* r[row] = d^2;  x -= lr d / (sqrt(r[0] + ... + r[window - 1] + eps_inside) + eps),  the rows of r `stride` apart. Sums are made anew
** each time: differences would leave rounding behind for ever. */
#define WINDOW(S, T, SQRT)                                                                                         \
  void PRI_WIDE(step_window_##S)(void *theta, const void *gradient, void *const *s, const pri_step_args *a, int64_t n) { \
    BEGIN(T);                                                                                                      \
    T *ring = s[0], d[BLOCK], sum[BLOCK];                                                                          \
    const T eps = (T)a->eps, inside = (T)a->eps_inside;                                                            \
    for (int64_t at = 0; at < n; at += BLOCK) {                                                                    \
      int64_t k = n - at < BLOCK ? n - at : BLOCK;                                                                 \
      T *now = ring + a->row * a->stride + at;                                                                     \
      for (int64_t i = 0; i < k; i++) d[i] = g[at + i] + decay * x[at + i];                                        \
      for (int64_t i = 0; i < k; i++) now[i] = d[i] * d[i];                                                        \
      for (int64_t i = 0; i < k; i++) sum[i] = 0;                                                                  \
      for (int64_t r = 0; r < a->window; r++) {                                                                    \
        const T *row = ring + r * a->stride + at;                                                                  \
        for (int64_t i = 0; i < k; i++) sum[i] += row[i];                                                          \
      }                                                                                                            \
      for (int64_t i = 0; i < k; i++) x[at + i] -= lr * d[i] / (SQRT(sum[i] + inside) + eps);                      \
    }                                                                                                              \
  }

#define ALL(S, T, SQRT)                                                                                            \
  SGD(S, T) MOMENTUM(S, T) HEAVY_BALL(S, T) NESTEROV(S, T) ADAM(S, T, SQRT) RMSPROP(S, T, SQRT) ADAGRAD(S, T, SQRT) \
  WINDOW(S, T, SQRT)

ALL(f64, double, __builtin_sqrt)
ALL(f32, float, __builtin_sqrtf)
