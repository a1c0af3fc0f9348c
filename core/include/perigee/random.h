/* perigee/random.h - streams of random words, laws drawn from them, subsets and permutations.
**
** The generator is PCG64: a state s and an odd increment c, s <- m s + c modulo 2^128, one 64-bit word a step. A stream is a
** plain value: copying it replays it. Named substreams come from a 256-bit hash of (key of the parent, name, index) and do
** not depend on what was drawn before; the raw increments of related streams are therefore unrelated.
**
** Laws marked "one word" or "two words" use exactly so many a variate, so that variate k is a function of (seed, names, k) and
** peri_stream_jump moves between variates. Results do not depend on the instruction set.
*/
#ifndef PERIGEE_RANDOM_H
#define PERIGEE_RANDOM_H

#include <perigee/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct { uint64_t hi, lo; } peri_u128;
typedef enum { PERI_DXSM, PERI_XSLRR } peri_output; /* XSL-RR is there for compatibility */

typedef struct {
  peri_u128 state, inc; /* inc is odd */
  uint64_t key[4];      /* what substreams are derived from */
  peri_output output;
} peri_stream;

/* ---- streams ---- */

PERI_API peri_stream peri_stream_root(uint64_t seed);
PERI_API peri_stream peri_stream_sub(const peri_stream *s, const char *name, int64_t index);

/* A generator with this very state and increment. PERI_ERR_VALUE if inc is even; *s is then unchanged. */
PERI_API peri_status peri_stream_raw(peri_ctx *cx, peri_stream *s, peri_u128 state, peri_u128 inc, peri_output output);

/* The usual seeding from (initstate, initseq): inc = 2 initseq + 1; s = 0; step; s += initstate; step. The first steps with
** the generator's own multiplier, the second as NumPy does, with that of XSL-RR for both. */
PERI_API peri_stream peri_stream_seed(peri_u128 initstate, peri_u128 initseq, peri_output output);
PERI_API peri_stream peri_stream_seed_numpy(peri_u128 initstate, peri_u128 initseq, peri_output output);

PERI_API uint64_t peri_stream_next(peri_stream *s);
PERI_API void peri_stream_jump(peri_stream *s, int64_t draws);    /* forwards, or backwards if negative */
PERI_API void peri_stream_advance(peri_stream *s, peri_u128 draws); /* 2^128 - 1 is one step back */
PERI_API void peri_stream_words(peri_ctx *cx, peri_stream *s, uint64_t *w, int64_t n); /* the next n words */

/* The whole stream as a line of text with its kind and a checksum, and back. Loading refuses (PERI_ERR_FORMAT) damaged
** text, an even increment and the state of a generator with another output than s has; s is then unchanged. */
enum { PERI_STREAM_TEXT = 192 };
PERI_API void peri_stream_save(const peri_stream *s, char text[PERI_STREAM_TEXT]);
PERI_API peri_status peri_stream_load(peri_ctx *cx, peri_stream *s, const char *text);

/* ---- blocks: row i of what is filled comes from stream first + i ---- */

typedef struct peri_block peri_block;

/* Streams peri_stream_sub(parent, name, i), i = first .. first + n - 1. Filling continues each row's stream, so a block of
** 100 rows gives the first 100 rows of a block of 200, and groups of rows can be drawn apart. */
PERI_API peri_block *peri_block_new(peri_ctx *cx, const peri_stream *parent, const char *name, int64_t first, int64_t n);
/* Row i is the substream peri_stream_sub(row i of b, name, index). */
PERI_API peri_block *peri_block_sub(const peri_block *b, const char *name, int64_t index);
PERI_API void peri_block_free(peri_block *b); /* NULL is fine */
PERI_API int64_t peri_block_rows(const peri_block *b);
PERI_API peri_ctx *peri_block_context(const peri_block *b);
PERI_API peri_stream peri_block_stream(const peri_block *b, int64_t row); /* where it stands now; row in 0..n-1, unchecked */
PERI_API void peri_block_jump(peri_block *b, int64_t draws);              /* every row */

/* ---- laws ---- */

/* A discrete law on 0 .. m-1 by Walker's alias table, built in O(m), drawn from in O(1). */
typedef struct peri_alias peri_alias;

/* weights[i] >= 0, finite, not all zero, otherwise PERI_ERR_VALUE in the name of `who` ("weight 3 is -1": counted from 1). */
PERI_API peri_alias *peri_alias_new(peri_ctx *cx, const char *who, const double *weights, int64_t m);
PERI_API void peri_alias_free(peri_alias *a); /* NULL is fine */
PERI_API int64_t peri_alias_size(const peri_alias *a);

typedef enum {
  PERI_UNIFORM, PERI_NORMAL, PERI_EXPONENTIAL, PERI_GAMMA, PERI_BETA, PERI_CHI_SQUARE, PERI_STUDENT_T,
  PERI_STABLE, PERI_POSITIVE_STABLE, PERI_PARETO, PERI_LAPLACE, PERI_INVERSE_GAUSSIAN,
  PERI_POISSON, PERI_BINOMIAL, PERI_GEOMETRIC, PERI_BERNOULLI, PERI_RADEMACHER, PERI_INTEGERS, PERI_CATEGORICAL,
  PERI_LAWS
} peri_law_kind;

/* A law with its parameters. Made by the functions below, checked when it is used. */
typedef struct {
  peri_law_kind kind;
  double a, b, c, d;
  int64_t lo, hi;
  bool s0;
  const peri_alias *table;
} peri_law;

/* Real laws. */
PERI_API peri_law peri_uniform(double lo, double hi);           /* [lo, hi); one word */
PERI_API peri_law peri_normal(double mean, double sd);          /* sd >= 0; one word, increasing in it */
PERI_API peri_law peri_exponential(double rate);                /* mean 1/rate; one word; never 0 at rate 1 */
PERI_API peri_law peri_gamma(double shape, double scale);       /* mean shape scale; Marsaglia and Tsang */
PERI_API peri_law peri_beta(double a, double b);                /* mean a / (a + b) */
PERI_API peri_law peri_chi_square(double nu);
PERI_API peri_law peri_student_t(double nu);

/* Stable laws of index 0 < alpha <= 2, skewness -1 <= beta <= 1, scale s > 0 and location mu, two words. With t > 0,
**     S1: log E e^(itX) = -(st)^alpha (1 - i beta tan(pi alpha/2)) + i mu t         (alpha = 1: -st (1 + i beta (2/pi) log t) + i mu t)
**     S0: the same with mu = mu0 - beta s tan(pi alpha/2)                          (alpha = 1: mu = mu0 - (2/pi) beta s log s)
** S0 is continuous in alpha; alpha = 2 is the normal law of variance 2 s^2. Beyond the largest double: infinity. */
typedef enum { PERI_S1, PERI_S0 } peri_stable_form;
PERI_API peri_law peri_stable(double alpha, double beta, double scale, double location, peri_stable_form form);
PERI_API peri_law peri_positive_stable(double alpha, double scale); /* E e^(-qX) = e^(-(scale q)^alpha), 0 < alpha <= 1; two words */
PERI_API peri_law peri_pareto(double alpha, double least);          /* P(X > x) = (least/x)^alpha; one word */
PERI_API peri_law peri_laplace(double location, double scale);      /* density e^(-|x - location|/scale) / (2 scale); one word, increasing in it */
PERI_API peri_law peri_inverse_gaussian(double mean, double shape); /* variance mean^3/shape; two words */

/* Integer laws. */
PERI_API peri_law peri_poisson(double mean);                    /* 0 <= mean <= 1e15; inversion below 10, above Hoermann's PTRS */
PERI_API peri_law peri_binomial(int64_t n, double p);           /* 0 <= n <= 1e15; inversion, or Hoermann's BTRS */
PERI_API peri_law peri_geometric(double p);                     /* trials up to the first success: 1, 2, ...; one word */
PERI_API peri_law peri_bernoulli(double p);                     /* 0 or 1; one word */
PERI_API peri_law peri_rademacher(void);                        /* -1 or 1; one word */
PERI_API peri_law peri_integers(int64_t lo, int64_t hi);        /* both ends included, unbiased; one word but for a chance of (hi-lo)/2^64 */
PERI_API peri_law peri_categorical(const peri_alias *table, int64_t first); /* first + cell; one word; table is borrowed */

/* Fills out in C order with the next variates of s. Real laws fill f64 and f32 tensors (drawn in double, rounded), integer
** laws also i64, Bernoulli also bool. out may be strided. PERI_ERR_VALUE for parameters out of range, PERI_ERR_DTYPE;
** after an error s is where it was. */
PERI_API peri_status peri_fill(peri_tensor *out, peri_stream *s, peri_law law);
PERI_API peri_status peri_fill_uniform(peri_tensor *out, peri_stream *s);     /* peri_uniform(0, 1) */
PERI_API peri_status peri_fill_normal(peri_tensor *out, peri_stream *s);      /* peri_normal(0, 1) */
PERI_API peri_status peri_fill_exponential(peri_tensor *out, peri_stream *s); /* peri_exponential(1) */

/* out is (n, ...) for a block of n rows. */
PERI_API peri_status peri_block_fill(peri_tensor *out, peri_block *b, peri_law law);

/* out is (..., d): independent vectors with E e^(i<t,X>) = e^(-(scale |t|)^alpha), d + 2 words each; of a block: (n, ..., d). */
PERI_API peri_status peri_fill_stable_vectors(peri_tensor *out, peri_stream *s, double alpha, double scale);
PERI_API peri_status peri_block_fill_stable_vectors(peri_tensor *out, peri_block *b, double alpha, double scale);

/* One variate; the same that peri_fill would put first. Integer laws give exact integers through the second. */
PERI_API peri_status peri_draw(peri_ctx *cx, peri_stream *s, peri_law law, double *x);
PERI_API peri_status peri_draw_i64(peri_ctx *cx, peri_stream *s, peri_law law, int64_t *x);
PERI_API bool peri_law_is_integer(peri_law law);

/* ---- permutations and subsets of 0 .. n-1, as i64 tensors ---- */

PERI_API peri_tensor *peri_permutation(peri_ctx *cx, int64_t n, peri_stream *s);

/* k of n without replacement, increasing or in random order: the same set from the same stream. O(k) work and memory, or O(n)
** bits if that is less. */
PERI_API peri_tensor *peri_subset(peri_ctx *cx, int64_t n, int64_t k, bool increasing, peri_stream *s);

/* k draws with replacement. */
PERI_API peri_tensor *peri_subset_replaced(peri_ctx *cx, int64_t n, int64_t k, peri_stream *s);

/* Each index independently with probability q, increasing. The work is in the expected size nq, not in n. */
PERI_API peri_tensor *peri_poisson_subset(peri_ctx *cx, int64_t n, double q, peri_stream *s);

#ifdef __cplusplus
}
#endif
#endif
