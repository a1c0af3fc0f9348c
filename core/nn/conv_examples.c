/* conv_examples.c - convolutions and examples: the first axis of the images counts them, the filters are shared. Example by example the filter
** gradient is the ordinary one of a single image; for norms each is formed and dropped.
*/
#include "nn/conv_examples.h"
#include "tensor/example_rules.h"
#include "tensor/rules.h"
#include <perigee/nn.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

static peri_conv conv_of(const peri_args *args) { return (peri_conv){args->i[0], args->i[1], args->i[2], args->i[3]}; }

static peri_status check_images(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor *const *out, uint64_t batched) {
  (void)args, (void)out;
  return batched & 2 ? pri_mixes(op, in[1], "takes filters that the examples make up together") : PERI_OK;
}

/* Filter gradient of image k. */
static peri_tensor *of_one(const peri_pull *p, int64_t k) {
  peri_tensor *w = p->in[1], *x = peri_narrow(p->in[0], 0, k, 1), *u = x ? peri_narrow(p->cotangents[0], 0, k, 1) : NULL;
  peri_tensor *g = u ? peri_conv2d_weight(x, u, w->dims[2], w->dims[3], conv_of(p->args)) : NULL;
  peri_release(x);
  peri_release(u);
  return g;
}

static peri_status put_row(peri_tensor *rows, int64_t k, peri_tensor *g) {
  peri_tensor *row = g ? peri_select(rows, 0, k) : NULL;
  peri_status st = row ? peri_copy_(row, g) : rows->cx->code;
  peri_release(row);
  peri_release(g);
  return st;
}

static peri_status vjp_conv2d(const peri_pull *p, uint64_t batched, peri_tensor **grads) {
  peri_tensor *x = p->in[0], *w = p->in[1], *u = p->cotangents[0];
  int64_t n = x->dims[0];
  (void)batched;
  if (needs(p, 0)) grads[0] = peri_conv2d_transpose(u, w, x->dims[2], x->dims[3], conv_of(p->args));
  if (!needs(p, 1)) return ruled(p, grads);
  grads[1] = peri_zeros(x->cx, (peri_dtype)w->dtype, 5, (int64_t[]){n, w->dims[0], w->dims[1], w->dims[2], w->dims[3]});
  for (int64_t k = 0; grads[1] && k < n; k++)
    if (put_row(grads[1], k, of_one(p, k))) return x->cx->code;
  return ruled(p, grads);
}

static peri_status sqnorms_conv2d(const peri_pull *p, uint64_t batched, int i, peri_tensor **norms) {
  peri_ctx *cx = p->in[0]->cx;
  int64_t n = p->in[0]->dims[0];
  (void)batched;
  if (i != 1) return PERI_OK;
  peri_tensor *r = peri_new(cx, PERI_F64, 1, &n);
  for (int64_t k = 0; r && k < n; k++) {
    peri_tensor *g = of_one(p, k), *norm = g ? peri_norm(g, 2, 0, false) : NULL;
    if (norm) ((double *)r->data)[k] = peri_item(norm, 0) * peri_item(norm, 0);
    peri_release(g);
    peri_release(norm);
    if (!norm) return peri_release(r), cx->code;
  }
  *norms = r;
  return r ? PERI_OK : cx->code;
}

const peri_examples pri_examples_conv2d = {.check = check_images, .vjp = vjp_conv2d, .sqnorms = sqnorms_conv2d};
const peri_examples pri_examples_conv2d_transpose = {.check = check_images};
