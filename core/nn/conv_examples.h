/* conv_examples.h - what convolutions make of examples. */
#ifndef PRI_CONV_EXAMPLES_H
#define PRI_CONV_EXAMPLES_H
#include <perigee/op.h>

extern const peri_examples pri_examples_conv2d, pri_examples_conv2d_transpose;

#endif
