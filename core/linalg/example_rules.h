/* example_rules.h - what products make of examples. */
#ifndef PRI_LINALG_EXAMPLE_RULES_H
#define PRI_LINALG_EXAMPLE_RULES_H
#include <perigee/op.h>

extern const peri_examples pri_examples_mm, pri_examples_mv, pri_examples_bmm;

#endif
