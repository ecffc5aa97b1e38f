// Problems are part of a run's bits: a recipe and a seed give the same ones in every version.
// Whoever changes a table or a generator on purpose records the new hashes, and says so.
#include <gtest/gtest.h>

#include "base/sha256.h"
#include "testing/problem_fixture.h"

namespace weir {
namespace {

constexpr uint64_t kProblems = 500;

std::string hash_of(const ProblemSet& set, Split split) {
  std::string all;
  const auto add = [&](std::string_view field) { all.append(field).push_back('\0'); };
  for (uint64_t i = 0; i < kProblems; ++i) {
    const Problem problem = must_make(set, i, split);
    for (const std::string* field : {&problem.family, &problem.language, &problem.style,
                                     &problem.verifier, &problem.gold, &problem.place})
      add(*field);
    for (const Message& message : problem.messages) add(message.content);
    if (problem.has_rejected) add(problem.rejected.content);
    add(problem.claims_right ? "right" : "wrong");
  }
  return sha256_hex(all).substr(0, 16);
}

struct Golden {
  const char* section;
  const char* train;
  const char* held_out;
};

constexpr Golden kGolden[] = {
    {"{kind: sums}", "a68f003d0682df06", "5cbc84613573da8d"},
    {"{kind: words}", "1e81be9e3d06abe4", "a83025b07ba9e544"},
    {"{kind: countdown}", "47d5bd3dca9b4424", "3871147398c63a2c"},
    {"{kind: recall}", "8920581f860d4342", "a880203e7dd37bd6"},
    {"{kind: facts}", "ad964d73353397e9", "a8ef17e34461b6f8"},
    {"{kind: facts, styles: {terse: 1, statement: 1, vague: 1, wrong: 1}}", "7b9686dd958c1090",
     "0805f90ae8a5537a"},
    {"{kind: chat}", "8000e3cc2e5990e2", "773d67c9493c1711"},
    {"{kind: chat, styles: {polite: 1, poor: 1}}", "73cfce4331cb3245", "ae48a14164a8b564"},
    {"{kind: safety}", "ad9b71e52abf6374", "237ae4dcfa89c9d9"},
    {"{kind: safety, styles: {aligned: 1, naive: 1}}", "58dce7ece9b63720", "727df4eb6bae01cf"},
};

TEST(Problems, AreTheRecordedOnes) {
  for (const Golden& golden : kGolden) {
    const auto set = must_set(golden.section);
    ASSERT_NE(set, nullptr) << golden.section;
    EXPECT_EQ(hash_of(*set, Split::train), golden.train) << golden.section;
    EXPECT_EQ(hash_of(*set, Split::held_out), golden.held_out) << golden.section;
  }
}

}  // namespace
}  // namespace weir
