/* perigee/process.h - random clocks. */
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

#ifdef __cplusplus
}
#endif
#endif
