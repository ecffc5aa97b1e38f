// Twelve sums and the same step on each: more than latency times rate of any processor so far, so
// none waits for the one before it. A part of the files of single instruction sets.
#pragma once

#define WEIR_SUMS(zero)                                                                        \
  auto s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero, \
       s8 = zero, s9 = zero, s10 = zero, s11 = zero
#define WEIR_TWELVE(step) \
  step(s0);               \
  step(s1);               \
  step(s2);               \
  step(s3);               \
  step(s4);               \
  step(s5);               \
  step(s6);               \
  step(s7);               \
  step(s8);               \
  step(s9);               \
  step(s10);              \
  step(s11)
