#include "train/teacher.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "testing/training_fixture.h"

namespace weir {
namespace {

TrainingSequence made_sequence(int number) {
  TrainingSequence sequence;
  for (int i = 0; i < 6; ++i) sequence.tokens.push_back(number * 7 + i);
  sequence.trained = {0, 0, 1, 1, 1, 1};
  return sequence;
}

TeacherRow made_row(int number, int top) {
  TeacherRow row;
  for (int k = 0; k < top; ++k) {
    row.tokens.push_back((number * 131 + k * 70'001) % 100'000);
    row.log_probabilities.push_back(-0.5f * float(k + 1) - 0.01f * float(number));
  }
  row.log_tail = number % 3 == 0 ? -std::numeric_limits<float>::infinity() : -4.f;
  return row;
}

std::string made_file(int sequences) {
  TeacherFileWriter writer({100'000, 3, 0.5f});
  for (int s = 0; s < sequences; ++s) {
    std::vector<TeacherRow> rows;
    for (int i = 0; i < 4; ++i) rows.push_back(made_row(s * 4 + i, 3));
    writer.add(sequence_name(made_sequence(s)), rows);
    writer.add(sequence_name(made_sequence(s)), rows);  // once is enough
  }
  const std::string bytes = writer.contents();
  EXPECT_EQ(bytes.size(), writer.bytes());
  return bytes;
}

Result<TeacherFile> parse(const std::string& bytes) {
  return TeacherFile::parse(std::as_bytes(std::span(bytes)), "f");
}

TEST(TeacherFile, GivesBackWhatWasWritten) {
  const std::string bytes = made_file(9);
  const Result<TeacherFile> file = parse(bytes);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->sequences(), 9u);
  EXPECT_EQ(file->facts().vocabulary, 100'000);
  EXPECT_EQ(file->facts().temperature, 0.5f);
  TeacherRow row;
  for (int s = 0; s < 9; ++s) {
    const auto place = file->find(sequence_name(made_sequence(s)));
    ASSERT_TRUE(place) << s;
    ASSERT_EQ(place->count, 4u);
    for (int i = 0; i < 4; ++i) {
      file->read(place->first + uint64_t(i), row);
      const TeacherRow expected = made_row(s * 4 + i, 3);
      EXPECT_EQ(row.tokens, expected.tokens);
      EXPECT_EQ(row.log_probabilities, expected.log_probabilities);
      EXPECT_EQ(row.log_tail, expected.log_tail);
    }
  }
  EXPECT_FALSE(file->find(sequence_name(made_sequence(10))));
  EXPECT_FALSE(file->find("no name"));
  TrainingSequence other = made_sequence(1);
  other.trained[2] = 0;
  EXPECT_NE(sequence_name(other), sequence_name(made_sequence(1))) << "other tokens are learned";
}

TEST(TeacherFile, EveryCutAndEveryChangedByteIsAnError) {
  const std::string bytes = made_file(2);
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(parse(bytes.substr(0, size)));
  EXPECT_FALSE(parse(bytes + "x"));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = char(changed[i] ^ 4);
    EXPECT_FALSE(parse(changed)) << i;
  }
}

// A teacher over the vocabulary of a small model, and the model itself as the student.
struct Pair {
  ThreadPool pool{2};
  std::unique_ptr<Model> student;
  std::unique_ptr<Teacher> teacher;
  TrainingBatch batch;

  Pair() {
    ModelConfig config;
    config.model_type = "llama";
    config.attention = AttentionKind::gqa;
    config.vocab_size = 40, config.hidden_size = 16, config.intermediate_size = 24;
    config.num_hidden_layers = 2, config.num_attention_heads = 2, config.num_key_value_heads = 2;
    config.head_dim = 8, config.max_position_embeddings = 32;
    config.initializer_range = 0.5;
    student = Model::create(config, true);
    student->initialize(1);
    std::unique_ptr<Model> other = Model::create(config, false);
    other->initialize(2);
    teacher = std::make_unique<Teacher>(std::move(other), 64, pool);
    append_sequence({{3, 14, 15, 9, 26, 5, 35}, {0, 0, 1, 1, 0, 1, 1}}, 0, batch);
    append_sequence({{2, 7, 18, 28}, {0, 1, 1, 1}}, 0, batch);
  }
  // The loss and the gradients of an objective.
  std::pair<double, std::vector<float>> learn(DistributionObjective& objective, float inverse) {
    Learner learner(*student, {.rows_max = 64}, pool);
    learner.begin();
    EXPECT_TRUE(learner.accumulate(batch, objective, {.inverse_temperature = inverse}));
    return {learner.totals().objective, {student->gradients().begin(), student->gradients().end()}};
  }
};

TEST(Teacher, KeptRowsGiveTheBitsOfTheTeacherItself) {
  Pair pair;
  for (double temperature : {1.0, 2.0})
    for (double beta : {0.0, 0.4, 1.0}) {
      const DivergenceShape shape{beta, temperature, 7, DivergenceTail::bucket};
      const float inverse = float(1 / temperature);
      TeacherObjective asked(*pair.teacher, pair.batch, shape, 0.25);
      const auto expected = pair.learn(asked, inverse);
      const std::vector<TeacherRow> rows = pair.teacher->top_rows(pair.batch, 7, temperature);
      KeptRowsObjective kept(pair.batch, rows, shape, 0.25);
      EXPECT_EQ(pair.learn(kept, inverse), expected) << beta << " " << temperature;
      EXPECT_GT(expected.first, 0);
    }
}

TEST(Teacher, AllTokensNamedAreTheWholeVocabulary) {
  Pair pair;
  for (double beta : {0.0, 0.4, 1.0}) {
    TeacherObjective whole(*pair.teacher, pair.batch, {beta, 1, 0}, 1);
    TeacherObjective named(*pair.teacher, pair.batch, {beta, 1, 40}, 1);
    const auto a = pair.learn(whole, 1), b = pair.learn(named, 1);
    EXPECT_NEAR(a.first, b.first, 1e-5);
    for (size_t i = 0; i < a.second.size(); ++i) EXPECT_NEAR(a.second[i], b.second[i], 1e-5);
  }
}

TEST(Teacher, OfItselfTheStudentLearnsNothing) {
  Pair pair;
  std::unique_ptr<Model> same = Model::create(pair.student->config(), false);
  same->initialize(1);
  Teacher self(std::move(same), 64, pair.pool);
  for (double beta : {0.0, 0.4, 1.0}) {
    TeacherObjective objective(self, pair.batch, {beta, 1, 0}, 1);
    const auto [loss, gradient] = pair.learn(objective, 1);
    EXPECT_NEAR(loss, 0, 1e-6);
    for (float g : gradient) EXPECT_NEAR(g, 0, 1e-6);
  }
}

}  // namespace
}  // namespace weir
