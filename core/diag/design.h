/* design.h - second moments under multiplicative noise: a state of three parts, and the map that a jump applies to it. */
#ifndef PRI_DESIGN_H
#define PRI_DESIGN_H

#include <perigee/diag.h>
#include "tensor/tensor.h"

/* Bounds of the norms of the blocks of J: of E xx from xx, of E xz from xx and xz, of E zz from xx and xz. */
typedef struct {
  double xx, xz_xx, xz_xz, zz_xx, zz_xz;
} pri_block_norms;

/* A state v is xx, xz, zz one after the other, `size` numbers each: the n diagonals, or whole matrices (n, n), of which xx and zz
** are symmetric and xz = E x z^T is not. */
typedef struct pri_map {
  peri_ctx *cx;
  int64_t n, size;
  bool square;
  bool centred; /* edges, and x0 and z0 of mean 0: so are all rows and columns of the matrices for ever */
  double theta, gamma, gammap;
  void (*jump)(const struct pri_map *m, double *v); /* v <- J v */
  pri_block_norms norm; /* in the sum of absolute values, or (square) in the Frobenius norm */

  int64_t rows;   /* m; 0: Gaussian */
  double *p;      /* h (n), or the probabilities (m) */
  double trace;   /* of diag h */
  double *a;      /* rows (m, n); NULL for edges */
  int64_t *ends;  /* edges (m, 2) */
  double *h;      /* H (n, n) for rows */
  double *g, *k;  /* scratch (n, n): H xx, H xz */
  double *e, *ae; /* scratch (n, n), (m, n) for rows: E a a^T xx a a^T, and products of the rows */
  double *q;      /* scratch (m): p_e <a_e, xx a_e> */
  double *v0;     /* the start, 3 size */
} pri_map;

/* Reads and checks d; pri_map_close frees, also after an error. */
peri_status pri_map_open(pri_map *m, const peri_design *d);
void pri_map_close(pri_map *m);

/* design_laws.c: the jumps, and the bounds of their norms. */
void pri_jump_gaussian(const pri_map *m, double *v);
void pri_jump_finite(const pri_map *m, double *v);
pri_block_norms pri_norms_gaussian(const pri_map *m);
pri_block_norms pri_norms_finite(const pri_map *m);

/* (i, j) with j <= i < n in tiles, so that a matrix and its transpose are both read in pieces that stay in cache. */
#define PRI_FOR_PAIRS(n, i, j)                                                                                         \
  for (int64_t ti_ = 0; ti_ < (n); ti_ += 32)                                                                          \
    for (int64_t tj_ = 0; tj_ <= ti_; tj_ += 32)                                                                       \
      for (int64_t i = ti_; i < (n) && i < ti_ + 32; i++)                                                              \
        for (int64_t j = tj_; j <= i && j < tj_ + 32; j++)

#endif
