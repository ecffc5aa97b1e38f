#include "base/sha256.h"

#include <gtest/gtest.h>

#include "base/atomic_output.h"
#include "base/file.h"

namespace weir {
namespace {

// FIPS 180-4 examples, as published by NIST.
constexpr std::string_view kText = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
constexpr const char* kDigest = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";

TEST(Sha256, MatchesThePublishedDigests) {
  EXPECT_EQ(sha256_hex(std::string_view("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(std::string_view("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(kText), kDigest);
}

TEST(Sha256, PiecesGiveTheDigestOfTheWhole) {
  for (size_t piece : {1, 7, 56}) {
    Sha256 sum;
    for (size_t at = 0; at < kText.size(); at += piece) {
      const std::string_view part = kText.substr(at, piece);
      sum.add(part.data(), part.size());
    }
    EXPECT_EQ(sum.hex(), kDigest) << piece;
  }
}

TEST(Sha256, OfAFile) {
  std::string folder = testing::TempDir() + "weir-sha256-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  ASSERT_TRUE(write_file_atomic(join_path(folder, "a"), kText));
  EXPECT_EQ(*sha256_file(join_path(folder, "a")), kDigest);
  EXPECT_FALSE(sha256_file(join_path(folder, "none")));
  EXPECT_TRUE(remove_all(folder));
}

}  // namespace
}  // namespace weir
