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

PERI_API peri_event peri_clock_next(peri_clock *c);
PERI_API peri_ctx *peri_clock_context(const peri_clock *c);
PERI_API double peri_clock_rate(const peri_clock *c);    /* the total */
PERI_API int64_t peri_clock_size(const peri_clock *c);   /* m */
PERI_API int64_t peri_clock_count(const peri_clock *c);  /* events so far */
PERI_API double peri_clock_time(const peri_clock *c);    /* of the last one; 0 before the first */

/* The next n events, the same as by peri_clock_next, as new tensors (n): times and gaps f64, indices i64. Any of the three may
** be NULL. After an error the clock is where it was. */
PERI_API peri_status peri_clock_batch(peri_clock *c, int64_t n, peri_tensor **times, peri_tensor **gaps, peri_tensor **indices);

/* The position as a line of text, and back into a clock of the same rates. PERI_ERR_FORMAT leaves the clock unchanged. */
enum { PERI_CLOCK_TEXT = 640 };
PERI_API void peri_clock_save(const peri_clock *c, char text[PERI_CLOCK_TEXT]);
PERI_API peri_status peri_clock_load(peri_clock *c, const char *text);

/* The first `steps` jump times of a clock for each row of the block: times (steps, n), column j drawn from stream j, one word a
** jump; gaps (steps, n) too if the pointer is not NULL. Continues the streams of the block; rate > 0. */
PERI_API peri_status peri_poisson_times(peri_block *b, int64_t steps, double rate, peri_tensor **times, peri_tensor **gaps);

#ifdef __cplusplus
}
#endif
#endif
