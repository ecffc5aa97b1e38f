#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/random.h"
#include "engine/engine.h"
#include "heads/head_reader.h"
#include "heads/head_watch.h"
#include "heads/kept_states.h"
#include "heads/labelled_rows.h"
#include "heads/train_part.h"
#include "testing/engine_fixture.h"

namespace weir {
namespace {

// scikit-learn 1.9.1: LogisticRegression(C=1/(n*0.1), tol=1e-10) on these rows; roc_auc_score;
// _SigmoidCalibration, whose a and b have the other sign.
constexpr float kRows[] = {1, 2, 2, 1, -1, 0.5, 0, -1, 1.5, -0.5, -2, -1, 0.5, 0.5, -0.5, 1.5};

TEST(Logistic, AgreesWithScikitLearn) {
  ThreadPool pool(2);
  const std::vector<float> targets = {1, 1, 0, 0, 1, 0, 1, 0};
  const LogisticFit two = fit_logistic({kRows, targets, 8, 2, 1}, false, 0.1, 5000, pool);
  EXPECT_NEAR(two.weights[0], 1.42210392, 1e-3);
  EXPECT_NEAR(two.weights[1], 0.33101244, 1e-3);
  EXPECT_NEAR(two.bias[0], -0.47878803, 1e-3);

  std::vector<float> three(24);
  const int classes[] = {0, 1, 2, 0, 1, 2, 0, 1};
  for (size_t i = 0; i < 8; ++i) three[3 * i + size_t(classes[i])] = 1;
  const LogisticFit fit = fit_logistic({kRows, three, 8, 2, 3}, true, 0.1, 5000, pool);
  const double expected[] = {0.31886688, 0.04184837, 0.69604323,
                             0.13469602, -1.0149101, -0.1765444};
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(fit.weights[i], expected[i], 1e-3) << i;
  EXPECT_NEAR(fit.bias[0] - fit.bias[2], 0.37727344 + 0.46834701, 2e-3);

  const std::vector<double> scores = {0.2, 1.3, -0.7, 0.1, 2.0, -1.5, 0.4, 0.2};
  const std::vector<uint8_t> is_positive = {1, 1, 0, 0, 1, 0, 1, 0};
  EXPECT_DOUBLE_EQ(area_under_curve(scores, is_positive), 0.96875);
  const PlattScale scale = fit_platt(scores, is_positive);
  EXPECT_NEAR(scale.a, 1.2131219783815603, 1e-4);
  EXPECT_NEAR(scale.b, -0.2975057020612483, 1e-4);
  EXPECT_GT(threshold_at(scores, is_positive, 0), 0.2);
  EXPECT_GT(threshold_at(scores, is_positive, 0.25), 0.1);
  EXPECT_LE(threshold_at(scores, is_positive, 0.25), 0.2);
}

TEST(Logistic, DoesNotDependOnThreads) {
  ThreadPool one(1), three(3);
  const std::vector<float> targets = {1, 1, 0, 0, 1, 0, 1, 0};
  const LogisticRows rows{kRows, targets, 8, 2, 1};
  EXPECT_EQ(fit_logistic(rows, false, 0.1, 50, one).weights,
            fit_logistic(rows, false, 0.1, 50, three).weights);
}

TEST(LabelledRows, AreReadAndWrongOnesNameTheirLine) {
  const auto rows = parse_labelled_rows(
      "{\"text\": \"a\", \"labels\": [\"S1\"], \"group\": \"g\"}\n\n"
      "{\"messages\": [{\"role\": \"user\", \"content\": \"b\"}, {\"role\": \"assistant\", "
      "\"content\": \"c\"}], \"labels\": []}\n",
      "rows");
  ASSERT_TRUE(rows.has_value()) << rows.error().message;
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].messages.dump(), "[{\"role\":\"user\",\"content\":\"a\"}]");
  EXPECT_TRUE((*rows)[1].is_answer);
  EXPECT_EQ((*rows)[1].answer, "c");
  EXPECT_EQ((*rows)[1].line, 3u);
  for (const char* wrong :
       {"{\"text\": 1, \"labels\": []}", "{\"text\": \"a\"}", "[1]", "{",
        "{\"messages\": [], \"labels\": []}", "{\"text\": \"a\", \"labels\": \"S1\"}",
        "{\"messages\": [{\"role\": \"user\"}], \"labels\": []}"}) {
    const auto read = parse_labelled_rows(std::string("\n") + wrong, "rows");
    ASSERT_FALSE(read.has_value()) << wrong;
    EXPECT_EQ(read.error().message.rfind("rows:2: ", 0), 0u) << read.error().message;
  }
  EXPECT_FALSE(parse_labelled_rows("{\"text\": \"a\", \"labels\": []}", "rows").has_value());
}

// A file whose heads ask for the sign of two numbers of a state.
ProbeFile small_file(const Model& model) {
  ProbeFile file;
  file.base = "tiny";
  file.base_hash = base_hash_of(model);
  file.width = model.config().hidden_size;
  file.categories = {"S1", "S2"};
  const size_t size = 2 * size_t(file.width);
  file.prompt.block = 0;
  file.prompt.weights.assign(3 * size, 0);
  file.prompt.weights[0] = 3;
  file.prompt.weights[size + 1] = 5;
  file.prompt.weights[2 * size + size / 2] = 4;
  file.prompt.bias = {0.1f, 0, 0.2f};
  file.prompt.scale = {1.5, -0.25};
  return file;
}

TEST(ProbeFile, ComesBackAndIsRefusedByAnotherModel) {
  const Model& model = tiny_model(Kind::grouped);
  const std::string path = testing::TempDir() + "weir_heads.safetensors";
  ProbeFile file = small_file(model);
  ASSERT_TRUE(write_probes(path, file).has_value());
  const auto again = read_probes(path);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->prompt.weights, file.prompt.weights);
  EXPECT_EQ(again->prompt.scale.b, file.prompt.scale.b);
  EXPECT_EQ(again->categories, file.categories);
  EXPECT_TRUE(open_heads(path, model).has_value());

  const auto other = open_heads(path, roomy_model(Kind::grouped));
  ASSERT_FALSE(other.has_value());
  EXPECT_NE(other.error().message.find("other weights"), std::string::npos);
  file.width *= 2;
  file.prompt.weights.resize(file.prompt.weights.size() * 2);
  ASSERT_TRUE(write_probes(path, file).has_value());
  const auto wider = open_heads(path, model);
  ASSERT_FALSE(wider.has_value());
  EXPECT_NE(wider.error().message.find("hidden states"), std::string::npos);
  file = small_file(model);
  file.prompt.weights[0] = NAN;
  ASSERT_TRUE(write_probes(path, file).has_value());
  EXPECT_FALSE(read_probes(path).has_value());
}

// Reading in one packed pass and reading while an engine runs give the same scores.
TEST(HeadReader, ScoresWhatAPackedPassScores) {
  const Model& model = tiny_model(Kind::grouped);
  const ProbeFile file = small_file(model);
  const ProbeHead head("h", file, file.prompt);
  ThreadPool pool(2);
  const TokenRequest request = request_of(3, 20, 9);
  HeadReader reader(head, nullptr, 20);
  TokenRequest watched = request;
  watched.hidden_reader = &reader;
  auto engine = engine_of(model, pool, {.prefill_rows = 6});
  ASSERT_TRUE(engine->submit(watched).has_value());
  Outputs outputs;
  std::vector<std::vector<float>> seen;
  while (!engine->is_idle()) {
    step(*engine, outputs);
    if (reader.has_prompt())
      seen.emplace_back(reader.answer_scores().begin(), reader.answer_scores().end());
  }
  EXPECT_EQ(outputs[0], alone(model, request));
  StateText text{request.prompt, 0, {}};
  text.tokens.insert(text.tokens.end(), outputs[0].tokens.begin(), outputs[0].tokens.end());
  for (size_t i = 0; i < seen.size(); ++i) text.cuts.push_back(20 + int(i));
  StateReader states(model, pool, true);
  std::vector<float> pooled;
  const int block = 0;
  ASSERT_TRUE(states.read(std::span(&text, 1), std::span(&block, 1), pooled).has_value());
  ASSERT_EQ(seen.size(), 9u);
  const size_t size = 2 * size_t(head.width());
  for (size_t i = 0; i < seen.size(); ++i) {
    std::vector<float> scores(2);
    head.score(std::span<const float>(pooled).subspan(i * size, size), scores);
    EXPECT_EQ(scores, seen[i]) << i;
    const double any = head.harmful(std::span<const float>(pooled).subspan(i * size, size));
    EXPECT_FLOAT_EQ(std::max(scores[0], scores[1]), float(any));
  }

  // Heads for answers begin anew with the reply.
  ProbeFile both = small_file(model);
  both.answer = both.prompt;
  auto heads = std::make_shared<OpenHeads>();
  heads->prompt = std::make_shared<ProbeHead>("h", both, both.prompt);
  HeadWatch prompt_alone(heads, 20);
  heads = std::make_shared<OpenHeads>(*heads);
  heads->answer = std::make_shared<ProbeHead>("h", both, both.answer);
  HeadWatch watch(heads, 20);
  for (HeadWatch* one : {&prompt_alone, &watch}) {
    watched.hidden_reader = one;
    ASSERT_TRUE(engine->submit(watched).has_value());
    finish(*engine, outputs);
    EXPECT_EQ(one->scores(0), seen[0]);
    EXPECT_TRUE(one->scores(9).empty());
  }
  EXPECT_TRUE(prompt_alone.scores(1).empty());
  text.begin = 20;
  text.cuts = {21};
  pooled.clear();
  ASSERT_TRUE(states.read(std::span(&text, 1), std::span(&block, 1), pooled).has_value());
  std::vector<float> first(2);
  head.score(pooled, first);
  EXPECT_EQ(watch.scores(1), first);
}

// A prompt's score reads the mean of all its tokens, of which the cache may have some, all, or the
// beginning in another conversation.
TEST(HeadReader, ScoresDoNotDependOnWhatTheCacheHolds) {
  const Model& model = roomy_model(Kind::grouped);
  const ProbeFile file = small_file(model);
  const ProbeHead head("h", file, file.prompt);
  ASSERT_TRUE(head.reads_mean());
  ThreadPool pool(2);
  auto engine = engine_of(model, pool, {.prefill_rows = 11, .keeps_prefixes = true});
  PoolMemory memory;
  const auto scores = [&](const std::vector<int>& prompt, PoolMemory* kept, int& read,
                          const std::string& whose = "") {
    struct Counting : HeadReader {
      using HeadReader::HeadReader;
      int taken = 0;
      void take(int position, std::span<const float> hidden) override {
        ++taken;
        HeadReader::take(position, hidden);
      }
    } reader(head, nullptr, int(prompt.size()), kept, whose);
    TokenRequest request = request_of(1, 1, 1);
    request.prompt = prompt;
    request.hidden_reader = &reader;
    EXPECT_TRUE(engine->submit(request).has_value());
    Outputs outputs;
    finish(*engine, outputs);
    read = reader.taken;
    return std::vector<float>(reader.prompt_scores().begin(), reader.prompt_scores().end());
  };
  const std::vector<int> whole = request_of(7, 90, 1).prompt;
  const std::vector<int> half(whole.begin(), whole.begin() + 50);
  std::vector<int> other = half;
  other.resize(90, 3);
  std::vector<std::vector<float>> expected;
  int read = 0;
  for (const auto& prompt : {half, whole, other}) {
    engine->forget();
    expected.push_back(scores(prompt, nullptr, read));
    EXPECT_EQ(read, int(prompt.size()));
    EXPECT_EQ(scores(prompt, nullptr, read), expected.back()) << "cached";
    EXPECT_EQ(read, int(prompt.size())) << "nothing remembers the sums";
  }
  engine->forget();
  EXPECT_EQ(scores(half, &memory, read), expected[0]);
  EXPECT_EQ(read, 50);
  EXPECT_EQ(scores(whole, &memory, read), expected[1]);
  EXPECT_EQ(read, 90 - 50) << "goes on where the shorter prompt ended";
  EXPECT_EQ(scores(whole, &memory, read), expected[1]);
  EXPECT_EQ(read, 1);
  EXPECT_EQ(scores(other, &memory, read), expected[2]);
  EXPECT_EQ(read, 90 - 50);
  EXPECT_EQ(scores(whole, &memory, read, "somebody else"), expected[1]);
  EXPECT_EQ(read, 90);
  engine->forget();
  EXPECT_EQ(scores(whole, &memory, read), expected[1]) << "sums without rows are of no use";
  EXPECT_EQ(read, 90);
}

TEST(PoolMemory, ForgetsWhatWasUsedLongestAgo) {
  PooledState state(64);
  std::vector<float> hidden(64, 1);
  PoolMemory memory(3000);  // of three states
  for (int i = 0; i < 5; ++i) {
    state.push(hidden);
    memory.keep("k" + std::to_string(i), state);
    EXPECT_TRUE(memory.has("k0")) << "used again and again";
  }
  EXPECT_TRUE(memory.has("k4"));
  EXPECT_FALSE(memory.has("k1"));
  ASSERT_TRUE(memory.find("k0"));
  EXPECT_EQ(memory.find("k0")->tokens(), 1);
  EXPECT_FALSE(memory.find("k1"));

  TextKeys keys("a"), others("b");
  for (int i = 0; i < 70; ++i) keys.add(i), others.add(i);
  std::set<std::string> names;
  for (int n = 0; n <= 70; ++n) names.insert(keys.key(n));
  EXPECT_EQ(names.size(), 71u);
  EXPECT_NE(keys.key(64), others.key(64));
  EXPECT_NE(keys.key(65), others.key(65));
}

// Two clouds of points, of which one block tells apart and the other does not.
TEST(TrainPart, TakesTheBlockThatSeparatesAndCalibrates) {
  PartRows rows;
  Random random(5, 1);
  constexpr int kWidth = 8;
  for (int i = 0; i < 600; ++i) {
    const int kind = i % 3;  // 0: harmless
    std::vector<float> states(2 * 2 * kWidth);
    for (float& x : states) x = random.normal();
    float* second = states.data() + 2 * kWidth;
    second[1] = 3 * second[1] + 50 + (kind > 0 ? 9.f : 0.f);
    second[kWidth + 2] += kind == 1 ? 3.f : kind == 2 ? -3.f : 0.f;
    std::vector<std::string> labels;
    if (kind > 0) labels.push_back(kind == 1 ? "S1" : "S2");
    rows.add(states, labels, random.below(3) == 0);
  }
  ThreadPool pool(2);
  const auto part =
      train_part(rows, {kWidth, StatePooling::both, {4, 7}, {"S1", "S2"}, 0.02}, pool);
  ASSERT_TRUE(part.has_value()) << part.error().message;
  EXPECT_EQ(part->block, 7);
  EXPECT_GT(*part->report.double_at("auc"), 0.97);
  EXPECT_GT(*part->report.double_at("recall"), 0.75);
  EXPECT_GT(*part->report.double_at("category_right"), 0.95);
  ProbeFile file;
  file.width = kWidth;
  file.categories = {"S1", "S2"};
  const ProbeHead head("h", file, *part);
  // Calibrated: of fresh rows with a probability around p, about p are harmful.
  double sum = 0, harmful = 0;
  for (int i = 0; i < 600; ++i) {
    std::vector<float> pooled(2 * kWidth);
    for (float& x : pooled) x = random.normal();
    pooled[1] = 3 * pooled[1] + 50 + (i % 3 > 0 ? 9.f : 0.f);
    pooled[kWidth + 2] += i % 3 == 1 ? 3.f : i % 3 == 2 ? -3.f : 0.f;
    sum += head.harmful(pooled);
    harmful += i % 3 > 0;
  }
  EXPECT_NEAR(sum / 600, harmful / 600, 0.04);
  const auto last =
      train_part(rows, {kWidth, StatePooling::last, {4, 7}, {"S1", "S2"}, 0.02}, pool);
  ASSERT_TRUE(last.has_value());
  for (size_t d = kWidth; d < 2 * kWidth; ++d) EXPECT_EQ(last->weights[d], 0) << d;
}

TEST(KeptStates, AreThoseOfTheSameTextsAlone) {
  const std::string path = testing::TempDir() + "weir_states";
  const StateText text{{1, 2, 3}, 0, {3}};
  const int blocks[] = {1, 2};
  const std::string key = states_key("h", blocks, std::span(&text, 1));
  const StateText other{{1, 2, 4}, 0, {3}};
  EXPECT_NE(key, states_key("h", blocks, std::span(&other, 1)));
  const std::vector<float> states = {1, 2.5f};
  ASSERT_TRUE(write_kept_states(path, key, states).has_value());
  EXPECT_EQ(*read_kept_states(path, key), states);
  EXPECT_TRUE(read_kept_states(path, std::string(64, '0'))->empty());
  EXPECT_TRUE(read_kept_states(testing::TempDir() + "weir_no_states", key)->empty());
}

}  // namespace
}  // namespace weir
