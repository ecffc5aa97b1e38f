// A value or the reason there is none. Member names follow std::expected, which g++ 12 offers only
// in C++23 mode and clang 14 not at all.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace weir {

// What the outside world did wrong, in one sentence: the place, what is wrong, the remedy.
struct [[nodiscard]] Error {
  std::string message;
  // Adds where we were, outermost first: "load model: tensor 'x': short read".
  Error within(const std::string& context) && { return {context + ": " + message}; }
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  void operator*() && {}
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace weir

// The value of a fallible expression, or an early return of its error.
#define TRY(expression)                                      \
  __extension__({                                            \
    auto try_result_ = (expression);                         \
    if (!try_result_) return std::move(try_result_).error(); \
    *std::move(try_result_);                                 \
  })

// The same, naming the place: TRY_IN("tensor 'x'", read(...)).
#define TRY_IN(context, expression)                                            \
  __extension__({                                                              \
    auto try_result_ = (expression);                                           \
    if (!try_result_) return std::move(try_result_).error().within((context)); \
    *std::move(try_result_);                                                   \
  })
