// Division of whole numbers that rounds up. Always inlined: the kernels use it in code for one
// instruction set, which must not become the linker's copy for everybody.
#pragma once

namespace weir {

template <class A, class B>
[[gnu::always_inline]] inline constexpr auto div_up(A a, B b) {
  return (a + b - 1) / b;
}

// The smallest multiple of `to` that is at least `n`.
template <class N, class To>
[[gnu::always_inline]] inline constexpr auto round_up(N n, To to) {
  return div_up(n, to) * to;
}

}  // namespace weir
