/* perigee/process.h - random clocks; fractional noise and fractional Brownian motion. */
#ifndef PERIGEE_PROCESS_H
#define PERIGEE_PROCESS_H

#include <perigee/random.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A superposition of m independent Poisson clocks of rates w_0 .. w_{m-1}: gaps are exponential of rate sum w, and clock i is the
** one that rings with probability w_i / sum w, by an alias table. Times and choices come from separate streams, so that a
** clock of the same total rate rings at the same times whatever it chooses from. Events are made in batches of 1024. */
typedef struct peri_clock peri_clock;

typedef struct {
  double t;      /* > 0; the sum of gaps, kept to twice the precision and rounded at the end */
  double dt;     /* the gap before it: keeps its digits where t, at 1e9, has lost them */
  int64_t index; /* 0 .. m-1 */
} peri_event;

/* One word of s chooses the clock's own streams. rates[i] positive and finite, m >= 1, otherwise PERI_ERR_VALUE that names the
** rate (counted from 1). O(m). */
PERI_API peri_clock *peri_clock_new(peri_ctx *cx, const double *rates, int64_t m, peri_stream *s);
PERI_API void peri_clock_free(peri_clock *c); /* NULL is fine */

/* ---- any clock ---- */

/* The next event if its time is at most `limit` (INFINITY: in any case), else index = -1 and the clock moves to the limit; what follows does not depend
** on such stops. PERI_ERR_STATE if there is no next event at all and the limit is infinite. */
PERI_API peri_status peri_clock_step(peri_clock *c, double limit, peri_event *e);
PERI_API peri_event peri_clock_next(peri_clock *c); /* without limit; index = -1 on an error, which a superposed clock has not */
PERI_API const char *peri_clock_kind(const peri_clock *c);   /* "clock" (superposed), "heap", "changing", "inhomogeneous", "hawkes" */
PERI_API peri_ctx *peri_clock_context(const peri_clock *c);
PERI_API double peri_clock_rate(const peri_clock *c);    /* the total; of an inhomogeneous clock its bound */
PERI_API int64_t peri_clock_size(const peri_clock *c);   /* m */
PERI_API int64_t peri_clock_count(const peri_clock *c);  /* events so far */
PERI_API double peri_clock_time(const peri_clock *c);    /* where the clock stands: at its last event or limit, at first 0 */

/* The next n events, the same as by peri_clock_next, as new tensors (n): times and gaps f64, indices i64. Any of the three may
** be NULL. If memory is lacking the clock is where it was; other errors, of callbacks, lose the events before them. */
PERI_API peri_status peri_clock_batch(peri_clock *c, int64_t n, peri_tensor **times, peri_tensor **gaps, peri_tensor **indices);

/* All events up to time t, finite, likewise; the clock then stands at t. An error loses the events before it. */
PERI_API peri_status peri_clock_until(peri_clock *c, double t, peri_tensor **times, peri_tensor **gaps, peri_tensor **indices);

/* Rates and intensities at the present time, (m). PERI_ERR_STATE for clocks that keep none. */
PERI_API peri_tensor *peri_clock_rates(const peri_clock *c);
/* Clock i has this rate >= 0 from now on: heap and changing clocks; PERI_ERR_STATE for others. */
PERI_API peri_status peri_clock_set_rate(peri_clock *c, int64_t i, double rate);
/* Heap clocks: clock i rings next at time t, not before now, instead of at the time drawn for it; then it goes on at its rate, if that is not 0. */
PERI_API peri_status peri_clock_schedule(peri_clock *c, int64_t i, double t);

/* The position as a line of text of peri_clock_text bytes at most, the final 0 included, and back into a clock of the same kind and size: of the same rates or
** parameters, but heap and changing clocks take on those of the state. PERI_ERR_FORMAT leaves the clock unchanged. */
PERI_API size_t peri_clock_text(const peri_clock *c);
PERI_API void peri_clock_save(const peri_clock *c, char *text);
PERI_API peri_status peri_clock_load(peri_clock *c, const char *text);

/* ---- other kinds of clocks; each uses one word of s ---- */

/* m clocks in a heap of their next times: O(log m) an event, rates may change and events be scheduled. Rates >= 0. */
PERI_API peri_clock *peri_heap_new(peri_ctx *cx, const double *rates, int64_t m, peri_stream *s);

/* The superposition over a tree of sums: O(log m) an event and for a change of a rate. Rates >= 0. */
PERI_API peri_clock *peri_changing_new(peri_ctx *cx, const double *rates, int64_t m, peri_stream *s);

/* One clock whose rate is a function of time. bound(ud, t, &b, &until) bounds the rate from t on up to `until` > t (INFINITY if left alone); a status
** other than PERI_OK ends the call that asked with it. */
typedef struct {
  peri_status (*rate)(void *ud, double t, double *rate);
  peri_status (*bound)(void *ud, double t, double *bound, double *until);
  void *ud;
} peri_rate_function;
PERI_API peri_clock *peri_inhomogeneous_new(peri_ctx *cx, peri_rate_function f, peri_stream *s);

/* Hawkes process: intensity i is mu_i + sum_j alpha_ij sum_{t_k of j} exp(-beta_ij (t - t_k)), no events before 0. mu (m) and alpha (m, m) >= 0,
** beta > 0: (m, m) if beta_of_pairs, else (m), the decay of intensity i whatever the source. All are copied. A spectral radius of alpha / beta from 1 on
** is PERI_ERR_VALUE unless explosive. O(m) a candidate event, O(m^2) with beta_of_pairs. */
typedef struct {
  int64_t m;
  const double *mu, *alpha, *beta;
  bool beta_of_pairs, explosive;
} peri_hawkes;
PERI_API peri_clock *peri_hawkes_new(peri_ctx *cx, const peri_hawkes *parameters, peri_stream *s);

/* The first `steps` jump times of a clock for each row of the block: times (steps, n), column j drawn from stream j, one word a
** jump; gaps (steps, n) too if the pointer is not NULL. Continues the streams of the block; rate > 0. */
PERI_API peri_status peri_poisson_times(peri_block *b, int64_t steps, double rate, peri_tensor **times, peri_tensor **gaps);

/* ---- fractional Brownian motion B^H and its increments, fractional Gaussian noise ----
**
**     E B_t B_s = (t^2H + s^2H - |t-s|^2H) / 2,   B_0 = 0,   0 < H < 1;   g_k = B_{k dt} - B_{(k-1) dt}, of variance dt^2H.
** H = 1/2 is Brownian motion and white noise; increments are negatively correlated below, positively above. */

typedef enum {
  PERI_FGN_AUTO,      /* white noise at H = 1/2, else circulant; with a past hosking, at arbitrary times cholesky */
  PERI_FGN_CIRCULANT, /* exact, O(n log n) a path; the spectrum is kept for the next call */
  PERI_FGN_CHOLESKY,  /* exact, O(n^3) once and O(n^2) a path, n <= 16384; what arbitrary times take */
  PERI_FGN_HOSKING    /* exact, O(n^2), in O(n) memory; the same path as by Cholesky from the same normals; continues a past */
} peri_fgn_method;

typedef struct {
  double H;
  double dt;                /* time step, > 0 */
  double scale;             /* factor of the noise, >= 0 */
  peri_fgn_method method;
  peri_dtype dtype;         /* f64, or f32: drawn in double and rounded */
  peri_tensor *past;        /* fgn only, borrowed: (m, ...) increments that came before, in the same dt and scale; or NULL */
  peri_tensor *times;       /* fbm only, borrowed: (n) increasing times >= 0 instead of dt; or NULL */
} peri_fractional;

PERI_API peri_fractional peri_fractional_of(double H); /* dt and scale 1, automatic method, f64 */

/* dims is (n, ...): n steps of as many independent paths as the product of the other axes, drawn one after the other from s. peri_fgn:
** row k (from 0) holds the increment over (k dt, (k+1) dt]. peri_fbm: row k holds B at k dt, hence 0 in row 0; or at times[k].
** PERI_ERR_VALUE for H outside (0, 1) and the like; PERI_ERR_MEMORY names the size. After an error s is where it was. */
PERI_API peri_tensor *peri_fgn(peri_ctx *cx, int nd, const int64_t *dims, const peri_fractional *f, peri_stream *s);
PERI_API peri_tensor *peri_fbm(peri_ctx *cx, int nd, const int64_t *dims, const peri_fractional *f, peri_stream *s);

/* For a block of R streams the result is (n, R, ...): path r and its coordinates are drawn from row r, so that they do not depend on
** the other rows. Continues the streams of the block. */
PERI_API peri_tensor *peri_fgn_block(peri_block *b, int nd, const int64_t *dims, const peri_fractional *f);
PERI_API peri_tensor *peri_fbm_block(peri_block *b, int nd, const int64_t *dims, const peri_fractional *f);

/* gamma(0), ..., gamma(n-1), the autocovariance of unit noise, (n), to full precision at every lag. */
PERI_API peri_tensor *peri_fgn_covariance(peri_ctx *cx, double H, int64_t n);

/* Fractional Gaussian noise step by step: dims is the shape of one step, its elements independent coordinates. The automatic method
** superposes Markov modes: O(log horizon) memory and work a coordinate, no end to the number of steps, correlations right up to
** `horizon` steps: Var B_t within 0.12 %. PERI_FGN_HOSKING is exact and keeps the history, `horizon` steps at most. One word of the
** stream chooses the object's own generator; for a block each row has its own, and the shape of a step is (R, ...). */
typedef struct peri_fgn_stream peri_fgn_stream;
PERI_API peri_fgn_stream *peri_fgn_stream_new(peri_ctx *cx, int nd, const int64_t *dims, const peri_fractional *f, int64_t horizon, peri_stream *s);
PERI_API peri_fgn_stream *peri_fgn_stream_block(peri_block *b, int nd, const int64_t *dims, const peri_fractional *f, int64_t horizon);
PERI_API void peri_fgn_stream_free(peri_fgn_stream *s); /* NULL is fine */

/* Fills out, of the shape of a step, f64 or f32, with the next increments. PERI_ERR_STATE if a history is full. */
PERI_API peri_status peri_fgn_stream_step(peri_fgn_stream *s, peri_tensor *out);
PERI_API peri_ctx *peri_fgn_stream_context(const peri_fgn_stream *s);
PERI_API int64_t peri_fgn_stream_count(const peri_fgn_stream *s);                    /* steps so far */
PERI_API int peri_fgn_stream_modes(const peri_fgn_stream *s);                        /* 0 for white noise and a history */
PERI_API int peri_fgn_stream_shape(const peri_fgn_stream *s, int64_t dims[6]);       /* number of axes */
PERI_API double peri_fgn_stream_variance(const peri_fgn_stream *s, double steps);    /* of the sum of that many steps, exactly what it makes */

/* Everything that the next step depends on, as bytes, and back into a stream made with the same options. PERI_ERR_FORMAT leaves it
** unchanged. */
PERI_API size_t peri_fgn_stream_state_size(const peri_fgn_stream *s);
PERI_API void peri_fgn_stream_save(const peri_fgn_stream *s, void *bytes);
PERI_API peri_status peri_fgn_stream_load(peri_fgn_stream *s, const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif
