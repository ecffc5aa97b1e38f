#include "distill/sample_teacher.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "distill/repeated_replies.h"
#include "tasks/problem_file.h"

namespace weir {
namespace {

struct Folder {
  Folder() {
    std::string pattern = testing::TempDir() + "weir_distill_XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~Folder() {
    Result<void> removed = remove_all(path);
    (void)removed;
  }
  std::string path;
};

std::vector<Problem> sums(int count) {
  std::vector<Problem> problems;
  for (int i = 0; i < count; ++i) {
    Problem problem;
    problem.messages = {{Role::user, "What is " + std::to_string(i) + " + 1?"}};
    problem.verifier = "numeric";
    problem.gold = std::to_string(i + 1);
    problem.place = "made #" + std::to_string(i);
    problems.push_back(problem);
  }
  return problems;
}
int number_of(const std::vector<Message>& question) {
  return std::stoi(question.back().content.substr(8));
}

SampleOptions options_in(const Folder& folder) {
  SampleOptions options;
  options.out = folder.path + "/rows.jsonl";
  options.identity = "teacher";
  options.pause_seconds = 0;
  return options;
}

// Right for even questions, and the thinking is long for every second draw.
Result<TeacherReply> honest(const std::vector<Message>& question, uint64_t stream) {
  const int n = number_of(question);
  return TeacherReply{
      "It is " + std::to_string(n % 2 == 0 ? n + 1 : n + 5) + (stream % 2 ? ", surely." : "."),
      "counting on"};
}

TEST(SampleTeacher, KeepsWhatTheVerifierAccepts) {
  Folder folder;
  SampleOptions options = options_in(folder);
  options.filter = SampleFilter::verifier;
  options.samples = 2;
  const Result<SampleReport> report = sample_teacher(sums(10), honest, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->replies, 20);
  EXPECT_EQ(report->kept, 5);
  EXPECT_EQ(report->refused, 10);
  EXPECT_EQ(report->repeated, 5);
  const Result<ProblemFile> rows = parse_problem_file(*read_file(options.out), options.out);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->problems.size(), 5u);
  EXPECT_EQ(rows->problems[1].messages[0].content, "What is 2 + 1?");
  EXPECT_EQ(rows->problems[1].messages[1].content, "It is 3.") << "the shorter one";
  EXPECT_EQ(rows->problems[1].messages[1].thinking, "counting on");
  EXPECT_EQ(rows->problems[1].gold, "3");
}

TEST(SampleTeacher, GoesOnAfterTheEndpointFailed) {
  Folder folder;
  SampleOptions options = options_in(folder);
  int asked = 0;
  bool is_broken = true;
  const AskTeacher failing = [&](const std::vector<Message>& question,
                                 uint64_t stream) -> Result<TeacherReply> {
    ++asked;
    if (is_broken && number_of(question) == 6) return Error{"connection refused"};
    return honest(question, stream);
  };
  const Result<SampleReport> failed = sample_teacher(sums(10), failing, options);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "connection refused (5 tries); every reply so far is kept in " +
                                        options.out + ".asked: the same command goes on");
  EXPECT_EQ(asked, 6 + 5);
  EXPECT_FALSE(file_exists(options.out));
  // A process that was killed in the middle of a line.
  std::string text = *read_file(options.out + ".asked");
  FILE* file = fopen((options.out + ".asked").c_str(), "a");
  fputs("{\"question\": \"ab", file);
  fclose(file);
  asked = 0, is_broken = false;
  const Result<SampleReport> report = sample_teacher(sums(10), failing, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(asked, 4) << "only what was missing";
  EXPECT_EQ(report->kept, 10);
  // The same rows as without the failure.
  Folder other;
  SampleOptions again = options_in(other);
  ASSERT_TRUE(sample_teacher(sums(10), honest, again));
  EXPECT_EQ(*read_file(again.out), *read_file(options.out));

  options.identity = "another";
  const Result<SampleReport> refused = sample_teacher(sums(10), honest, options);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("another teacher"), std::string::npos);
}

TEST(SampleTeacher, StopsAndResumes) {
  Folder folder;
  SampleOptions options = options_in(folder);
  int asked = 0;
  options.is_stopped = [&] { return asked >= 4; };
  const AskTeacher counting = [&](const std::vector<Message>& question, uint64_t stream) {
    ++asked;
    return honest(question, stream);
  };
  EXPECT_TRUE(sample_teacher(sums(8), counting, options)->is_stopped);
  options.is_stopped = [] { return false; };
  asked = 0;
  EXPECT_EQ(sample_teacher(sums(8), counting, options)->kept, 8);
  EXPECT_EQ(asked, 5) << "the reply of the stop was not waited for";
}

TEST(SampleTeacher, LeavesOutWhatIsCutEmptyOrALoop) {
  Folder folder;
  SampleOptions options = options_in(folder);
  const AskTeacher poor = [](const std::vector<Message>& question,
                             uint64_t) -> Result<TeacherReply> {
    std::string loop;
    for (int i = 0; i < 20; ++i) loop += "and so on and ";
    const std::vector<TeacherReply> replies = {
        {"fine", ""}, {"cut", "", true}, {"  ", ""}, {"Well, " + loop, ""}, {"ok", loop}};
    return replies[size_t(number_of(question)) % replies.size()];
  };
  const Result<SampleReport> report = sample_teacher(sums(25), poor, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->cut, 5);
  EXPECT_EQ(report->empty, 5);
  EXPECT_EQ(report->loops, 10);
  EXPECT_EQ(report->kept, 3);
  EXPECT_EQ(report->everywhere, 2) << "'fine' for three questions is enough";
}

TEST(SampleTeacher, ATeacherThatSaysTheSameToEverybodyIsAnError) {
  Folder folder;
  int asked = 0;
  const AskTeacher stuck = [&](const std::vector<Message>&, uint64_t) -> Result<TeacherReply> {
    ++asked;
    return TeacherReply{"I am an assistant.", ""};
  };
  const Result<SampleReport> report = sample_teacher(sums(500), stuck, options_in(folder));
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("same reply to 20 questions: 'I am an assistant.'"),
            std::string::npos)
      << report.error().message;
  EXPECT_EQ(asked, 20);
}

TEST(SampleTeacher, AgreementKeepsTheAnswerOfTheMost) {
  Folder folder;
  SampleOptions options = options_in(folder);
  options.filter = SampleFilter::agreement;
  options.samples = 5, options.keep = 5;
  const AskTeacher unsure = [](const std::vector<Message>& question,
                               uint64_t stream) -> Result<TeacherReply> {
    const int n = number_of(question);
    // Three of five agree on even questions, no two on odd ones.
    const int answer = n % 2 == 0 && stream % 5 < 3 ? n + 1 : n + 10 + int(stream % 5);
    return TeacherReply{
        "Thinking of draw " + std::to_string(stream) + ": " + std::to_string(answer), ""};
  };
  const Result<SampleReport> report = sample_teacher(sums(4), unsure, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->kept, 6);
}

TEST(SampleTeacher, AJudgeSeesTheReplyAsData) {
  Folder folder;
  SampleOptions options = options_in(folder);
  options.filter = SampleFilter::judge;
  options.judge = [](const std::vector<Message>& question, uint64_t) -> Result<TeacherReply> {
    EXPECT_NE(question[0].content.find("They are data"), std::string::npos);
    const bool is_right = question[0].content.find("It is 3.") != std::string::npos;
    return TeacherReply{is_right ? " Yes." : "no", ""};
  };
  EXPECT_EQ(sample_teacher(sums(4), honest, options)->kept, 1);
}

TEST(Repetition, FindsLoopsAtTheEnd) {
  std::string line, text = "A story that goes on for a while, with different words in each line.\n";
  EXPECT_FALSE(ends_in_loop(text));
  EXPECT_FALSE(ends_in_loop("1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19"));
  EXPECT_FALSE(ends_in_loop("----------------")) << "a rule is shorter than a loop";
  for (int i = 0; i < 4; ++i) line += "the same sentence again. ";
  EXPECT_TRUE(ends_in_loop(text + line));
  EXPECT_FALSE(ends_in_loop(text + line + "But then it ends with something else altogether."));
  EXPECT_TRUE(ends_in_loop(text + std::string(60, '7')));
  for (int i = 0; i < 8; ++i) text += "I should check.\n" + std::to_string(i * i) + "\n";
  EXPECT_TRUE(ends_in_loop(text));
  EXPECT_FALSE(ends_in_loop(""));
}

TEST(FinalAnswer, IsTheLastNumberOrTheText) {
  EXPECT_EQ(final_answer("So 3 and 4 make 7."), "7");
  EXPECT_EQ(final_answer("It costs 1,250.50 euros."), "1250.50");
  EXPECT_EQ(final_answer("minus: -12"), "-12");
  EXPECT_EQ(final_answer("  Paris\n"), "paris");
  EXPECT_EQ(final_answer(""), "");
}

}  // namespace
}  // namespace weir
