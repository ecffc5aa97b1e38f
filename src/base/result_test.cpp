#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace weir {
namespace {

Result<int> half(int v) {
  if (v % 2) return Error{"odd"};
  return v / 2;
}
Result<int> quarter(int v) {
  int h = TRY(half(v));
  return TRY_IN("second half", half(h));
}
Result<void> check(bool good) {
  if (!good) return Error{"bad"};
  return {};
}
Result<std::unique_ptr<int>> make(bool good) {
  TRY(check(good));
  return std::make_unique<int>(7);
}
Result<int> read_made(bool good) { return *TRY_IN("make", make(good)); }

TEST(Result, CarriesAValueOrAnError) {
  EXPECT_TRUE(half(4));
  EXPECT_EQ(*half(4), 2);
  EXPECT_FALSE(half(3));
  EXPECT_FALSE(half(3).has_value());
  EXPECT_EQ(half(3).error().message, "odd");
}

TEST(Result, TryReturnsTheErrorAndAddsThePlace) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(3).error().message, "odd");
  EXPECT_EQ(quarter(6).error().message, "second half: odd");
  EXPECT_EQ(Error{"x"}.within("a").within("b").message, "b: a: x");
}

TEST(Result, WorksWithoutAValueAndWithValuesThatOnlyMove) {
  EXPECT_TRUE(check(true));
  EXPECT_EQ(check(false).error().message, "bad");
  EXPECT_EQ(*read_made(true), 7);
  EXPECT_EQ(read_made(false).error().message, "make: bad");
  std::unique_ptr<int> taken = *make(true);
  EXPECT_EQ(*taken, 7);
  Result<std::string> text = std::string("abc");
  EXPECT_EQ(text->size(), 3u);
  text->push_back('d');
  EXPECT_EQ(*text, "abcd");
}

// An Error holds a string as well; the two stay apart.
TEST(Result, AStringValueIsNoError) {
  Result<std::string> value = std::string("text"), error = Error{"text"};
  EXPECT_TRUE(value);
  EXPECT_FALSE(error);
}

}  // namespace
}  // namespace weir
