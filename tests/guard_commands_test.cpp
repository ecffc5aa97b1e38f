// `weir guard report`, `label` and `test`, and `weir chat --guard`, as whole programs.
#include <gtest/gtest.h>

#include "guard/audit_log.h"
#include "tests/run_program.h"
#include "tests/serve_program.h"
#include "tests/tiny_model.h"

namespace weir {
namespace {

constexpr const char* kPolicy = R"(
guard: 1
name: shop
version: "7"
texts: {refuse: "Not here."}
categories: {birds: Birds}
actions: {birds: refuse, A1a: refuse, personal: redact}
rules:
  parrots: {category: birds, words: [blue parrot]}
  state: {category: A1a, words: [one, two, three]}
  mails: {category: personal, detector: email}
label: {visible: "Written by AI", at: begin, producer: "shop & sons"}
)";

struct GuardCommands : testing::Test {
  std::string folder = testing::TempDir() + "guard_commands_XXXXXX";
  std::string policy;
  void SetUp() override {
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    policy = folder + "/shop.yaml";
    ASSERT_TRUE(write_file_atomic(policy, kPolicy));
  }
  void TearDown() override { (void)remove_all(folder); }
  std::string text_of(const std::string& name) const {
    const auto text = read_file(folder + "/" + name);
    return text ? *text : "";
  }
};

#define EXPECT_HOLDS(text, words) EXPECT_NE((text).find(words), std::string::npos) << (text)

TEST_F(GuardCommands, TheReportCountsWordsDecisionsAndLabels) {
  const std::string path = folder + "/audit.log";
  const Policy read = *Policy::read(policy);
  {
    const auto log = *AuditLog::open(path, read.audit);
    const auto guard = *Guard::create(read);
    for (const char* text : {"a blue parrot", "write to ann@example.org", "two"}) {
      const GuardVerdict verdict = guard->check(text, Direction::prompt, {});
      ASSERT_TRUE(log->decide(read, {.verdict = verdict, .text = text}));
    }
  }
  const Outcome report = run({"guard", "report", policy, "--audit", path});
  ASSERT_EQ(report.code, 0) << report.error;
  EXPECT_HOLDS(report.out, "# shop 7 (SHA-256 " + read.sha256 + ")");
  EXPECT_HOLDS(report.out, "4 words; TC260-003 asks for 10000: missed");
  EXPECT_HOLDS(report.out, "| 3 | 200 | missed |");
  EXPECT_HOLDS(report.out, "| birds Birds | 1 | - |  |");
  EXPECT_HOLDS(report.out, ": verifies");
  // 3 of 3: Wilson's interval begins at 1 / (1 + z^2 / 3).
  EXPECT_HOLDS(report.out, "| prompt | 3 | 100.00 % (43.85 to 100.00) |");
  EXPECT_HOLDS(report.out, "| birds | 1 |");
  EXPECT_HOLDS(report.out, "| personal | 1 |");
  EXPECT_HOLDS(report.out, "visible text: Written by AI\nproducer in metadata: shop & sons");
  std::string cut = *read_file(path);
  const size_t at = cut.find("birds");
  ASSERT_NE(at, cut.npos);
  cut[at] = 'q';
  ASSERT_TRUE(write_file_atomic(path, cut));
  EXPECT_HOLDS(run({"guard", "report", policy, "--audit", path}).out, "does NOT verify");
}

// What a policy's writer may believe to be safe from.
TEST_F(GuardCommands, CheckNamesWhatNothingLooksFor) {
  const std::string own = folder + "/own.yaml";
  const auto check = [&](const std::string& more) {
    EXPECT_TRUE(write_file_atomic(own, kPolicy + more));
    return run({"guard", "check", own});
  };
  EXPECT_EQ(check("").out.find("nothing looks for"), std::string::npos);
  const Outcome unwatched =
      run({"guard", "check", "research"});  // notes everything, and has rules for some
  EXPECT_HOLDS(unwatched.out, "nothing looks for these, so their actions never happen: S");
  EXPECT_EQ(check("judge: {model: self}\n").out.find("nothing looks for"), std::string::npos);
  const Outcome gone = check("heads: {a: {file: gone.safetensors}}\n");
  EXPECT_NE(gone.code, 0);
  EXPECT_HOLDS(gone.error, "gone.safetensors");
}

TEST_F(GuardCommands, LabelsGoWhereEachKindOfFileHasThem) {
  const auto put = [&](const char* name, const std::string& text) {
    ASSERT_TRUE(write_file_atomic(folder + "/" + name, text));
  };
  put("plain.md", "# Title\n");
  put("front.md", "---\ntitle: t\n---\n\n# Title\n");
  put("page.html", "<html><head><title>t</title></head><body><p>b</p></body></html>");
  put("data.json", R"({"a": 1})");
  const auto label = [&](const char* name) {
    return run({"guard", "label", policy, folder + "/" + name, "--id", "n1"});
  };
  for (const char* name : {"plain.md", "front.md", "page.html", "data.json"})
    EXPECT_EQ(label(name).code, 0) << name;
  const std::string line = R"(AIGC: {"Label":"1","ContentProducer":"shop & sons","ProduceID":"n1",)"
                           R"("ReservedCode1":"","ContentPropagator":"","PropagateID":"",)"
                           R"("ReservedCode2":""})";
  EXPECT_EQ(text_of("plain.md"), "---\n" + line + "\n---\n\nWritten by AI\n\n# Title\n");
  EXPECT_EQ(text_of("front.md"), "---\n" + line + "\ntitle: t\n---\n\nWritten by AI\n\n# Title\n");
  EXPECT_HOLDS(text_of("page.html"), "<head><meta name=\"AIGC\" content=\"{&quot;Label");
  EXPECT_HOLDS(text_of("page.html"), "shop &amp; sons");
  const auto data = parse_json(text_of("data.json"));
  ASSERT_TRUE(data);
  EXPECT_EQ(data->find("AIGC")->text_at("ProduceID"), "n1");
  const std::string before = text_of("data.json");
  const Outcome again = label("data.json");
  EXPECT_NE(again.code, 0);
  EXPECT_HOLDS(again.error, "has a label already");
  EXPECT_EQ(text_of("data.json"), before);
}

TEST_F(GuardCommands, ARunOfTheRedTeamGoesOnWhereItStopped) {
  const std::string out = folder + "/run", rows = out + "/outcomes.jsonl";
  const auto test = [&](const char* limit, const std::string& by) {
    return run(
        {"guard", "test", "--out", out, "--policy", by, "--forms", "direct", "--limit", limit});
  };
  ASSERT_EQ(test("8", policy).code, 0);
  // What is there is taken as it is.
  std::string kept = *read_file(rows);
  const size_t place = kept.find("\"by_rules\":false");
  ASSERT_NE(place, kept.npos);
  kept.replace(place, 16, "\"by_rules\":true");
  ASSERT_TRUE(write_file_atomic(rows, kept));
  const Outcome more = test("16", policy);
  ASSERT_EQ(more.code, 0) << more.error;
  const std::string all = *read_file(rows);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 33);
  EXPECT_EQ(all.find("\"by_rules\":true"), place) << all;
  const Outcome other = test("16", "minimal");
  EXPECT_NE(other.code, 0);
  EXPECT_HOLDS(other.error, "other settings");
  EXPECT_EQ(*read_file(rows), all);
}

TEST_F(GuardCommands, TheRedTeamAsksAServer) {
  ASSERT_TRUE(make_directories(folder + "/tiny"));
  write_tiny_model(folder + "/tiny", 600);
  ServeProgram server(folder + "/tiny", {"--guard", policy});
  const Outcome test = run({"guard", "test", server.url(), "--out", folder + "/run", "--forms",
                            "direct", "--limit", "2", "--tokens", "4"});
  ASSERT_EQ(test.code, 0) << test.error;
  EXPECT_HOLDS(test.out, "helped, without the guard");
  const std::string rows = text_of("run/outcomes.jsonl");
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 5) << rows;
  EXPECT_HOLDS(rows, "\"helped\":");
  EXPECT_EQ(server.end(), 0);
}

TEST_F(GuardCommands, ChatRefusesAndLabels) {
  ASSERT_TRUE(make_directories(folder + "/tiny"));
  write_tiny_model(folder + "/tiny", 600);
  const auto chat = [&](const std::string& question) {
    return run({"chat", folder + "/tiny", "--guard", policy, "--tokens", "4", "--temperature", "0",
                "--private"},
               question);
  };
  const Outcome refused = chat("a blue  parrot?");
  EXPECT_EQ(refused.code, 0) << refused.error;
  EXPECT_EQ(refused.out, "Not here.\n");
  const Outcome answered = chat("a green parrot?");
  EXPECT_EQ(answered.code, 0) << answered.error;
  EXPECT_EQ(answered.out.find("Not here."), std::string::npos) << answered.out;
  const Outcome unknown = run({"chat", folder + "/tiny", "--guard", "nothing"}, "hi");
  EXPECT_NE(unknown.code, 0);
  EXPECT_HOLDS(unknown.error, "minimal");
}

}  // namespace
}  // namespace weir
