// Keys: their form, their file, their limits, and the ring that a server asks. The hash of a known
// secret was made by argon2-cffi 25.1.0, the binding of the reference implementation in PyPI.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/atomic_output.h"
#include "base/file.h"
#include "serve/key_file.h"
#include "serve/key_meter.h"
#include "serve/key_ring.h"
#include "serve/key_secret.h"

namespace weir {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

struct KeyFileTest : testing::Test {
  KeyFileTest() : folder(testing::TempDir() + "weir-keys-" + std::to_string(getpid())) {
    std::filesystem::create_directories(folder);
    path = join_path(folder, "keys.json");
  }
  ~KeyFileTest() override { std::filesystem::remove_all(folder); }
  // A new key in the file; what a client sends.
  std::string add(const std::string& name, KeyLimits limits = {}) {
    KeyRecord key{.id = *random_key_id(), .name = name, .created = 5, .limits = std::move(limits)};
    const std::string secret = *random_key_secret();
    key.hash = *hash_key_secret(secret);
    keys.push_back(key);
    EXPECT_TRUE(write_keys(path, keys));
    return join_key(key.id, secret);
  }
  std::string folder, path;
  std::vector<KeyRecord> keys;
};

TEST(KeySecret, HasAnIdAndASecretOf256Bits) {
  const std::string id = *random_key_id(), secret = *random_key_secret();
  const std::string key = join_key(id, secret);
  const auto parts = split_key(key);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->id, id);
  EXPECT_EQ(parts->secret, secret);
  EXPECT_EQ(secret.size(), 43u);
  EXPECT_NE(*random_key_secret(), secret);
  for (const std::string& wrong :
       {std::string(), std::string("weir-"), key + "x", key.substr(1), std::string("none"),
        "weir-" + id + "_" + secret, "weir-ABCDEFGH-" + secret,
        "weir-" + id + "-" + secret.substr(1) + "!"})
    EXPECT_FALSE(split_key(wrong)) << wrong;
}

TEST(KeySecret, TheHashIsArgon2id) {
  const std::string hash =
      "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$"
      "roW9LHBuAGOd6qtLQEFHQ4L5mX+9GdQUbh9eQY7PsBg";
  EXPECT_TRUE(is_key_hash(hash));
  EXPECT_TRUE(matches_key_hash(hash, "the secret of a key"));
  EXPECT_FALSE(matches_key_hash(hash, "the secret of a kex"));
  const std::string own = *hash_key_secret("abc");
  EXPECT_TRUE(is_key_hash(own)) << own;
  EXPECT_TRUE(own.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << own;
  EXPECT_NE(own, *hash_key_secret("abc"));  // the salt
  for (const std::string& wrong :
       {own + "x", "$argon2i" + own.substr(9), std::string(), own.substr(1),
        "$argon2id$v=19$m=4194304,t=2,p=1" + own.substr(own.rfind('$', own.rfind('$') - 1))})
    EXPECT_FALSE(is_key_hash(wrong)) << wrong;
}

TEST_F(KeyFileTest, IsReadAsItWasWritten) {
  add("editor", {60, 20000, {"tiny", "a \"quoted\" name"}});
  add("agent");
  const auto read = read_keys(path);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, keys);
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(KeyFileTest, WrongFilesAreNamed) {
  const std::string key = R"({"id": "abcdefgh", "name": "n", "hash": ")" + *hash_key_secret("s");
  const std::string head = R"({"version": 1, "keys": [)";
  const std::pair<std::string, const char*> cases[] = {
      {"", "line 1"},
      {"[]", "no file of keys"},
      {R"({"version": 2, "keys": []})", "version 2"},
      {R"({"version": 1})", "keys"},
      {R"({"version": 1, "keys": [], "x": 1})", "'x'"},
      {head + "3]}", "keys[0]"},
      {head + key + R"("})", "line"},
      {head + key + R"(", "expires": 5}]})", "'expires'"},
      {head + key + R"(", "tokens_per_minute": 0}]})", "tokens_per_minute"},
      {head + key + R"(", "tokens_per_minute": 1e99}]})", "tokens_per_minute"},
      {head + key + R"(", "models": []}]})", "models"},
      {head + key + R"(", "models": "a"}]})", "models"},
      {head + key + R"("}, )" + key + R"("}]})", "two keys"},
      {head + R"({"id": "abcdefgh", "name": "n", "hash": "x"}]})", "hash"},
      {head + R"({"id": "abcdefgh", "name": "a\nb"}]})", "name"},
      {head + R"({"id": "../../..", "name": "n"}]})", "id"},
      {head + R"({"id": "abcdefgh", "name": "n"}]})", "no 'hash'"},
  };
  for (const auto& [text, words] : cases) {
    const auto parsed = parse_keys(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find(words), std::string::npos)
        << text << ": " << parsed.error().message;
  }
  EXPECT_TRUE(parse_keys(head + key + R"("}]})"));
}

TEST_F(KeyFileTest, OthersMayNotReadIt) {
  add("a");
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  const auto read = read_keys(path);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("chmod 600"), std::string::npos) << read.error().message;
}

TEST(KeyMeter, RequestsComeBackEvenly) {
  KeyMeter meter({.requests_per_minute = 3});
  const int64_t start = 100 * kSecond;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(meter.take_request(start));
  const auto refused = meter.take_request(start);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(refused->retry_seconds, 20);
  EXPECT_TRUE(meter.take_request(start + 19 * kSecond));
  EXPECT_FALSE(meter.take_request(start + 20 * kSecond));
  EXPECT_TRUE(meter.take_request(start + 20 * kSecond));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(meter.take_request(start + 200 * kSecond));
  EXPECT_TRUE(meter.take_request(start + 200 * kSecond));
}

TEST(KeyMeter, TokensThatWereUsedAreMissing) {
  KeyMeter meter({.tokens_per_minute = 600});
  const int64_t start = 100 * kSecond;
  EXPECT_FALSE(meter.take_request(start));
  EXPECT_FALSE(meter.check_prompt(600, start));
  EXPECT_EQ(meter.check_prompt(601, start)->status, 400);
  meter.charge(700, start);                                 // the reply was longer than the rest
  EXPECT_EQ(meter.take_request(start)->retry_seconds, 11);  // 101 tokens, 10 a second
  EXPECT_FALSE(meter.take_request(start + 11 * kSecond));
  EXPECT_EQ(meter.check_prompt(60, start + 11 * kSecond)->retry_seconds, 5);
  const auto headers = meter.headers(start + 15 * kSecond);
  ASSERT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers[0], (std::pair<std::string, std::string>("x-ratelimit-limit-tokens", "600")));
  EXPECT_EQ(headers[1].second, "50");
  EXPECT_EQ(headers[2], (std::pair<std::string, std::string>("x-ratelimit-reset-tokens", "55s")));
  meter.set_limits({.requests_per_minute = 2, .tokens_per_minute = 1200});
  EXPECT_EQ(meter.headers(start + 15 * kSecond)[4].second, "650");  // what was used stays used
}

TEST_F(KeyFileTest, TheRingKnowsWhoseAKeyIs) {
  const std::string first = add("first"), second = add("second", {.models = {"tiny"}});
  auto ring = KeyRing::open(path, nullptr);
  ASSERT_TRUE(ring);
  EXPECT_EQ((*ring)->size(), 2u);
  for (int i = 0; i < 2; ++i) {  // with argon2, and without
    auto key = (*ring)->find(second, kSecond);
    ASSERT_TRUE(key);
    EXPECT_EQ((*key)->id(), keys[1].id);
    EXPECT_EQ((*ring)->find(join_key(keys[1].id, std::string(43, 'a')), kSecond).error().status,
              401);
  }
  EXPECT_EQ((*ring)->find("", kSecond).error().status, 401);
  EXPECT_EQ((*ring)->find("sk-something", kSecond).error().status, 401);
  // The id of one with the secret of the other.
  EXPECT_EQ((*ring)->find(join_key(keys[0].id, split_key(second)->secret), kSecond).error().status,
            401);
  auto key = *(*ring)->find(second, kSecond);
  const std::string names[] = {"other", "more"}, allowed[] = {"alias", "tiny"};
  EXPECT_FALSE(key->check_model(allowed));
  EXPECT_EQ(key->check_model(names)->status, 403);
  EXPECT_FALSE((*(*ring)->find(first, kSecond))->check_model(names));
}

TEST_F(KeyFileTest, GuessingDoesNotKeepArgon2Busy) {
  const std::string key = add("a");
  auto ring = *KeyRing::open(path, nullptr);
  const std::string wrong = join_key(keys[0].id, std::string(43, 'x'));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ring->find(wrong, kSecond).error().status, 401);
  EXPECT_EQ(ring->find(wrong, 2 * kSecond).error().status, 429);
  EXPECT_EQ(ring->find(key, 2 * kSecond).error().status, 429);
  EXPECT_TRUE(ring->find(key, 62 * kSecond));
  // Known now: others cannot lock it out.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ring->find(wrong, 63 * kSecond).error().status, 401);
  EXPECT_TRUE(ring->find(key, 63 * kSecond));
}

TEST_F(KeyFileTest, ChangesOfTheFileCountFromTheNextRequest) {
  const std::string first = add("first"), second = add("second", {.requests_per_minute = 5});
  std::vector<std::string> log;
  auto ring = *KeyRing::open(path, [&](const std::string& line) { log.push_back(line); });
  const auto before = *ring->find(second, kSecond);
  EXPECT_FALSE(before->meter().take_request(kSecond));
  keys.erase(keys.begin());
  keys[0].limits.requests_per_minute = 50;
  ASSERT_TRUE(write_keys(path, keys));
  EXPECT_EQ(ring->find(first, kSecond).error().status, 401);
  const auto after = *ring->find(second, kSecond);
  EXPECT_EQ(after->meter().headers(kSecond)[1].second, "49");  // one of them was used before
  ASSERT_TRUE(write_file_atomic(path, "{"));
  EXPECT_EQ(ring->find(second, kSecond).error().status, 503);
  EXPECT_EQ(*read_file(path), "{");
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_EQ(ring->find(second, kSecond).error().status, 503);
  ASSERT_TRUE(write_keys(path, keys));
  EXPECT_TRUE(ring->find(second, kSecond));
  ASSERT_EQ(log.size(), 4u);
  EXPECT_NE(log[1].find("requests are refused"), std::string::npos) << log[1];
}

}  // namespace
}  // namespace weir
