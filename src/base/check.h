// CHECK: an invariant of the program, always on. Input from outside can never reach one; it gets a
// Result. Prints the condition, the place and the two values of a comparison, then aborts.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace weir {
[[noreturn]] inline void check_failed(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, what);
  std::abort();
}
[[noreturn]] inline void check_failed(const char* file, int line, const char* what, long long a,
                                      long long b) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s (%lld and %lld)\n", file, line, what, a, b);
  std::abort();
}
}  // namespace weir

#define CHECK(condition) \
  ((condition) ? void(0) : ::weir::check_failed(__FILE__, __LINE__, #condition))
#define CHECK_OP_(a, op, b)                                                                 \
  (((a)op(b)) ? void(0)                                                                     \
              : ::weir::check_failed(__FILE__, __LINE__, #a " " #op " " #b, (long long)(a), \
                                     (long long)(b)))
#define CHECK_EQ(a, b) CHECK_OP_(a, ==, b)
#define CHECK_LE(a, b) CHECK_OP_(a, <=, b)
#define CHECK_LT(a, b) CHECK_OP_(a, <, b)
