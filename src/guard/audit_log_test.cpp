#include "guard/audit_log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "base/atomic_output.h"
#include "guard/audit_check.h"

namespace weir {
namespace {

class AuditLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "weir_audit_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { EXPECT_TRUE(remove_all(folder_)); }
  std::string log() const { return folder_ + "/audit.log"; }

  static Json body_of(int i) {
    Json body = Json::object();
    body.set("i", i);
    body.set("text", std::string(size_t(i * 37 % 300), 'x'));
    return body;
  }
  void write_some(int count, const PolicyAudit& how = {}) {
    auto audit = AuditLog::open(log(), how);
    ASSERT_TRUE(audit) << audit.error().message;
    for (int i = 0; i < count; ++i) ASSERT_TRUE((*audit)->add("decision", body_of(i)));
  }
  AuditState state() {
    auto verified = verify_audit(log(), {});
    EXPECT_TRUE(verified) << verified.error().message;
    return verified ? *verified : AuditState{};
  }

 private:
  std::string folder_;
};

TEST_F(AuditLogTest, ChainsAndSealsOverSeveralRuns) {
  write_some(5, {.seal_entries = 3});
  write_some(4, {.seal_entries = 3});
  const AuditState s = state();
  EXPECT_TRUE(s.is_whole()) << s.error;
  EXPECT_EQ(s.decisions, 9);
  EXPECT_GE(s.seals, 3);
  EXPECT_EQ(s.sealed, s.entries - 1);
  auto other = AuditLog::open(log(), {});
  ASSERT_TRUE(other);
  EXPECT_FALSE(AuditLog::open(log(), {}));  // one process, one log
}

TEST_F(AuditLogTest, EveryChangedByteIsFound) {
  write_some(2, {.seal_entries = 2});
  const std::string text = *read_file(log()), head = *read_file(log() + ".head");
  const std::string key = *read_public_key(log() + ".pub");
  ASSERT_TRUE(verify_audit_text(text, key, head).is_whole());
  ASSERT_GT(text.size(), 1000u);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = char(other[i] ^ (i % 2 == 0 ? 1 : 0x20));
    EXPECT_FALSE(verify_audit_text(other, key, head).is_whole()) << i;
  }
  for (size_t i = 0; i < head.size(); ++i) {
    std::string other = head;
    other[i] = char(other[i] ^ 1);
    EXPECT_FALSE(verify_audit_text(text, key, other).is_whole()) << i;
  }
  // Lines taken out, swapped or repeated, and an end that was cut at a line.
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at) + 1;
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string without, twice;
    for (size_t k = 0; k < lines.size(); ++k) {
      if (k != i) without += lines[k];
      twice += lines[k] + (k == i ? lines[k] : "");
    }
    EXPECT_FALSE(verify_audit_text(without, key, head).is_whole()) << i;
    EXPECT_FALSE(verify_audit_text(twice, key, head).is_whole()) << i;
  }
}

TEST_F(AuditLogTest, ARewrittenChainLacksTheSignature) {
  write_some(2);
  const std::string key = *read_public_key(log() + ".pub");
  std::string before = kNoHash, forged;
  for (int i = 0; i < 2; ++i) {
    AuditEntry entry{.number = i, .time_ms = 1000, .kind = "decision", .before = before};
    entry.salt = "s";
    entry.body = body_of(9);
    chain(entry);
    before = entry.hash;
    forged += line_of(entry);
  }
  EXPECT_TRUE(verify_audit_text(forged, key, "").is_whole());
  EXPECT_EQ(verify_audit_text(forged, key, "").sealed, 0);  // nothing vouches for it
  EXPECT_FALSE(verify_audit_text(forged, key, *read_file(log() + ".head")).is_whole());
}

// scripts/kill-audit does the same a thousand times.
TEST_F(AuditLogTest, SurvivesKills) {
  const char* wanted = getenv("WEIR_AUDIT_KILLS");
  const int kills = wanted ? atoi(wanted) : 50;
  std::mt19937 random(11);
  int64_t known = 0;
  for (int kill_number = 0; kill_number < kills; ++kill_number) {
    if (kill_number % 10 == 0) {  // short logs are verified sooner
      ASSERT_TRUE(remove_all(log()));
      ASSERT_TRUE(remove_all(log() + ".head"));
      known = 0;
    }
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto audit = AuditLog::open(log(), {.seal_entries = 40});
      if (!audit) _exit(1);
      for (int i = 0;; ++i) {
        if (!(*audit)->add("decision", body_of(i))) _exit(2);
        const int64_t entries = (*audit)->entries();
        if (write(pipes[1], &entries, sizeof entries) != sizeof entries) _exit(3);
      }
    }
    close(pipes[1]);
    int64_t entries = 0;
    // From the first entry on, at any moment.
    ASSERT_EQ(read(pipes[0], &entries, sizeof entries), ssize_t(sizeof entries));
    usleep(unsigned(random() % 3000));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    while (read(pipes[0], &entries, sizeof entries) == ssize_t(sizeof entries)) known = entries;
    close(pipes[0]);
    const AuditState s = state();
    ASSERT_EQ(s.error, "") << kill_number;
    ASSERT_GE(s.entries, known) << kill_number;
  }
  write_some(1);
  EXPECT_TRUE(state().is_whole());
}

TEST_F(AuditLogTest, AFullDiskIsAnErrorThatLeavesTheChain) {
  write_some(3);
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    auto audit = AuditLog::open(log(), {});
    if (!audit) _exit(1);
    const rlimit limit{*file_size(log()) + 1000, *file_size(log()) + 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < 100; ++i)
      if (!(*audit)->add("decision", body_of(i))) _exit(7);
    _exit(2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_TRUE(state().is_whole()) << state().error;
  write_some(2);
  EXPECT_TRUE(state().is_whole());
}

TEST_F(AuditLogTest, ContentsAreForgottenAndTheChainHolds) {
  write_some(6, {.seal_entries = 4});
  auto count = forget_before(log(), INT64_C(4'000'000'000'000), "test");
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, 6);
  const AuditState s = state();
  EXPECT_TRUE(s.is_whole()) << s.error;
  EXPECT_EQ(s.removed, 6);
  EXPECT_EQ(read_file(log())->find("xxxxx"), std::string::npos);
  // A removal that nobody noted.
  write_some(1);
  std::string text;
  ASSERT_TRUE(walk_audit(log(), [&](AuditEntry entry) -> Result<void> {
    if (entry.kind == "decision") entry.is_removed = true;
    text += line_of(entry);
    return {};
  }));
  EXPECT_NE(verify_audit_text(text, "", "").error.find("no entry says so"), std::string::npos);
}

TEST_F(AuditLogTest, AClockThatRunsBackwardsIsNoted) {
  AuditEntry entry{.time_ms = INT64_C(4'000'000'000'000), .kind = "decision", .before = kNoHash};
  entry.body = body_of(1);
  chain(entry);
  ASSERT_TRUE(write_file_atomic(log(), line_of(entry)));
  write_some(1);
  EXPECT_TRUE(state().is_whole()) << state().error;
  int noted = 0;
  ASSERT_TRUE(walk_audit(log(), [&](const AuditEntry& e) -> Result<void> {
    noted += e.body.find("clock") != nullptr;
    return {};
  }));
  EXPECT_GE(noted, 1);
}

TEST_F(AuditLogTest, DecisionsHoldHashesAndTextOnlyIfWanted) {
  for (const bool keeps : {false, true}) {
    auto policy = Policy::parse(
        "guard: 1\nname: n\nversion: \"7\"\nactions: {personal: redact}\n"
        "rules: {m: {category: personal, detector: email}}\n"
        "audit: {keep_text: " +
            std::string(keeps ? "true" : "false") + "}\n",
        "p");
    ASSERT_TRUE(policy) << policy.error().message;
    const auto guard = *Guard::create(*std::move(policy));
    auto audit = AuditLog::open(log(), guard->policy().audit);
    ASSERT_TRUE(audit);
    const std::string text = "to ann@example.org";
    const GuardVerdict verdict = guard->check(text, Direction::answer, {});
    ASSERT_TRUE((*audit)->decide(guard->policy(), {.request = "r1",
                                                   .subject = {"k", "m"},
                                                   .direction = Direction::answer,
                                                   .verdict = verdict,
                                                   .text = text}));
    audit->reset();
    const std::string all = *read_file(log());
    EXPECT_EQ(all.find("ann@example.org") != all.npos, keeps);
    EXPECT_NE(all.find("\"version\":\"7\""), all.npos);
    EXPECT_NE(all.find("\"rule\":\"m\""), all.npos);
  }
  EXPECT_TRUE(state().is_whole());
}

}  // namespace
}  // namespace weir
