// The pool with models that only count how often they are loaded.
#include "serve/model_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace weir {
namespace {

using std::chrono::milliseconds;

struct Fake {
  std::atomic<int> loads{0}, failures{0};  // failures: that are still to come
  std::atomic<bool> is_held{false};        // loading waits
};

PooledModel entry(const std::string& name, Fake& fake, double bytes = 1, double idle = 0) {
  PooledModel model{.names = {name, name + "-alias"}, .bytes = bytes, .idle_seconds = idle};
  model.load = [&fake](PassGate*) -> Result<LoadedModel> {
    while (fake.is_held) std::this_thread::sleep_for(milliseconds(1));
    ++fake.loads;
    if (fake.failures > 0) {
      --fake.failures;
      return Error{"the disk is gone"};
    }
    return LoadedModel{};
  };
  return model;
}

std::unique_ptr<ModelPool> pool_of(std::vector<PooledModel> models, ModelPoolOptions options = {}) {
  auto pool = ModelPool::create(std::move(models), std::move(options));
  if (!pool) ADD_FAILURE() << pool.error().message;
  return *std::move(pool);
}

// What a waiting request got.
struct Answers {
  std::mutex mutex;
  std::vector<ModelLease> leases;
  std::vector<ApiError> errors;
  ModelPool::Ready take() {
    return [this](ApiResult<ModelLease> result) {
      std::lock_guard lock(mutex);
      if (result)
        leases.push_back(*std::move(result));
      else
        errors.push_back(result.error());
    };
  }
  size_t count() {
    std::lock_guard lock(mutex);
    return leases.size() + errors.size();
  }
};

bool soon(const std::function<bool()>& holds) {
  for (int i = 0; i < 5000 && !holds(); ++i) std::this_thread::sleep_for(milliseconds(1));
  return holds();
}

bool becomes(ModelPool& pool, size_t index, ModelStatus status) {
  return soon([&] { return pool.state(index).status == status; });
}

TEST(ModelPool, ConcurrentFirstRequestsLoadOnceAndOthersGoOn) {
  Fake a, b;
  std::vector<PooledModel> models{entry("a", a), entry("b", b)};
  const auto pool = pool_of(std::move(models));
  ASSERT_TRUE(pool->load_now(0));
  b.is_held = true;
  Answers answers, left;
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] { pool->wait(pool->new_ticket(), 1, {}, answers.take()); });
  for (std::thread& client : clients) client.join();
  const uint64_t ticket = pool->new_ticket();
  pool->wait(ticket, 1, {}, left.take());
  ASSERT_TRUE(becomes(*pool, 1, ModelStatus::loading));
  EXPECT_EQ(pool->state(1).waiting, 9);
  EXPECT_EQ(pool->lease(1), nullptr);
  EXPECT_NE(pool->lease(0), nullptr);
  pool->leave(ticket);
  EXPECT_EQ(answers.count(), 0u);
  b.is_held = false;
  EXPECT_TRUE(soon([&] { return answers.count() == 8; }));
  EXPECT_EQ(answers.leases.size(), 8u);
  EXPECT_EQ(pool->state(1).requests, 8);
  EXPECT_EQ(b.loads, 1);
  EXPECT_EQ(left.count(), 0u);
  answers.leases.clear();
  EXPECT_EQ(pool->state(1).requests, 0);
}

TEST(ModelPool, NobodyLoadsForAClientThatLeft) {
  Fake a, b;
  std::vector<PooledModel> models{entry("a", a), entry("b", b)};
  const auto pool = pool_of(std::move(models));
  a.is_held = true;
  Answers answers;
  pool->wait(pool->new_ticket(), 0, {}, answers.take());
  ASSERT_TRUE(becomes(*pool, 0, ModelStatus::loading));
  const uint64_t ticket = pool->new_ticket();
  pool->wait(ticket, 1, {}, answers.take());
  pool->leave(ticket);
  a.is_held = false;
  EXPECT_TRUE(soon([&] { return answers.count() == 1; }));
  ASSERT_TRUE(pool->load_now(0));
  EXPECT_EQ(b.loads, 0);
}

TEST(ModelPool, AFailedLoadAnswersAllAndTheNextRequestTriesAgain) {
  Fake a;
  a.failures = 1;
  a.is_held = true;
  std::vector<PooledModel> models{entry("a", a)};
  const auto pool = pool_of(std::move(models));
  Answers answers;
  for (int i = 0; i < 3; ++i) pool->wait(pool->new_ticket(), 0, {}, answers.take());
  a.is_held = false;
  ASSERT_TRUE(soon([&] { return answers.count() == 3; }));
  ASSERT_EQ(answers.errors.size(), 3u);
  EXPECT_EQ(answers.errors[0].status, 500);
  EXPECT_EQ(answers.errors[0].message, "the model 'a' could not be loaded: the disk is gone");
  EXPECT_EQ(pool->state(0).error, "the disk is gone");
  EXPECT_TRUE(pool->load_now(0));
  EXPECT_EQ(pool->state(0).error, "");
  EXPECT_EQ(a.loads, 2);
}

TEST(ModelPool, IdleModelsAreUnloadedAndThoseInUseAreNot) {
  Fake a;
  std::vector<PooledModel> models{entry("a", a, 1, 0.02)};
  const auto pool = pool_of(std::move(models));
  ASSERT_TRUE(pool->load_now(0));
  ModelLease lease = pool->lease(0);
  for (int i = 0; i < 60 && lease; ++i) {
    std::this_thread::sleep_for(milliseconds(1));
    ASSERT_EQ(pool->state(0).status, ModelStatus::loaded);
  }
  lease = nullptr;
  EXPECT_TRUE(becomes(*pool, 0, ModelStatus::unloaded));
  // A request says how long: for good, until the next one says at once.
  Answers answers;
  pool->wait(pool->new_ticket(), 0, -1., answers.take());
  ASSERT_TRUE(soon([&] { return answers.count() == 1; }));
  answers.leases.clear();
  EXPECT_FALSE(pool->state(0).seconds_left);
  std::this_thread::sleep_for(milliseconds(60));
  EXPECT_EQ(pool->state(0).status, ModelStatus::loaded);
  ASSERT_NE(pool->lease(0, 1000.), nullptr);
  EXPECT_GT(pool->state(0).seconds_left.value_or(0), 900);
  ASSERT_NE(pool->lease(0, 0.), nullptr);
  EXPECT_TRUE(becomes(*pool, 0, ModelStatus::unloaded));
  EXPECT_EQ(a.loads, 2);
}

TEST(ModelPool, AskedToAModelIsUnloadedWhenItsRequestsHaveEnded) {
  Fake a;
  std::vector<PooledModel> models{entry("a", a)};
  const auto pool = pool_of(std::move(models));
  ASSERT_TRUE(pool->load_now(0));
  ModelLease lease = pool->lease(0);
  EXPECT_TRUE(pool->unload(0));
  std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(pool->state(0).status, ModelStatus::loaded);
  lease = nullptr;
  EXPECT_TRUE(becomes(*pool, 0, ModelStatus::unloaded));
}

TEST(ModelPool, TheLeastRecentlyUsedModelMakesRoom) {
  Fake a, b, c;
  std::vector<PooledModel> models{entry("a", a), entry("b", b), entry("c", c)};
  const auto pool = pool_of(std::move(models), {.bytes_max = 2});
  ASSERT_TRUE(pool->load_now(0));
  ASSERT_TRUE(pool->load_now(1));
  ASSERT_NE(pool->lease(0), nullptr);
  ASSERT_NE(pool->peek(1), nullptr);  // no use
  ASSERT_TRUE(pool->load_now(2));
  EXPECT_EQ(pool->state(0).status, ModelStatus::loaded);
  EXPECT_EQ(pool->state(1).status, ModelStatus::unloaded);
}

TEST(ModelPool, AModelInUseIsNeverUnloadedForAnother) {
  Fake a, b, c;
  std::vector<PooledModel> models{entry("a", a, 1e9), entry("b", b, 2e9), entry("c", c, 1e9)};
  const auto pool = pool_of(std::move(models), {.bytes_max = 2e9, .wait_seconds = 0.05});
  ASSERT_TRUE(pool->load_now(0));
  ModelLease lease = pool->lease(0);
  ASSERT_TRUE(pool->load_now(2));
  const Result<void> refused = pool->load_now(1);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("'b' needs 1.9 GiB"), std::string::npos)
      << refused.error().message;
  EXPECT_NE(refused.error().message.find("a (953.7 MiB, 1 request)"), std::string::npos)
      << refused.error().message;
  // Nothing is unloaded for a model that has no room even then.
  EXPECT_EQ(pool->state(2).status, ModelStatus::loaded);
  lease = nullptr;
  EXPECT_TRUE(pool->load_now(1));
  EXPECT_EQ(pool->state(0).status, ModelStatus::unloaded);
  EXPECT_EQ(pool->state(2).status, ModelStatus::unloaded);
}

TEST(ModelPool, ModelsThatStayAreNotWaitedFor) {
  Fake a, b;
  std::vector<PooledModel> models{entry("a", a), entry("b", b)};
  models[0].stays = true;
  const auto pool = pool_of(std::move(models), {.bytes_max = 1});  // waits for a minute
  ASSERT_TRUE(pool->load_now(0));
  EXPECT_FALSE(pool->unload(0));
  const Result<void> refused = pool->load_now(1);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("kept loaded"), std::string::npos);
  EXPECT_EQ(b.loads, 0);
}

TEST(ModelPool, AModelLargerThanTheLimitRunsAlone) {
  Fake a, b;
  std::vector<PooledModel> models{entry("a", a), entry("b", b, 9)};
  const auto pool = pool_of(std::move(models), {.bytes_max = 2});
  ASSERT_TRUE(pool->load_now(0));
  ASSERT_TRUE(pool->load_now(1));
  EXPECT_EQ(pool->state(0).status, ModelStatus::unloaded);
}

TEST(ModelPool, TheQueueIsBoundedAndEndsWithTheServer) {
  Fake a;
  a.is_held = true;
  std::vector<PooledModel> models{entry("a", a)};
  const auto pool = pool_of(std::move(models), {.waiting_max = 2});
  Answers answers, refused;
  pool->wait(pool->new_ticket(), 0, {}, answers.take());
  pool->wait(pool->new_ticket(), 0, {}, answers.take());
  pool->wait(pool->new_ticket(), 0, {}, refused.take());
  ASSERT_EQ(refused.errors.size(), 1u);
  EXPECT_EQ(refused.errors[0].status, 429);
  EXPECT_GT(refused.errors[0].retry_seconds, 0);
  std::thread stopper([&] { pool->stop(); });
  a.is_held = false;
  stopper.join();
  EXPECT_EQ(answers.count(), 2u);
  EXPECT_EQ(pool->lease(0), nullptr);
  pool->wait(pool->new_ticket(), 0, {}, refused.take());
  EXPECT_EQ(refused.errors.back().status, 503);
}

TEST(ModelPool, NamesAreUniqueAndChooseTheModel) {
  Fake a, b;
  std::vector<PooledModel> models{entry("a", a), entry("b", b)};
  const auto pool = pool_of(std::move(models));
  for (const char* name :
       {"", "a", "a:latest", "a-alias", "deepseek-chat", "deepseek-reasoner", "claude-sonnet-5"})
    EXPECT_EQ(*pool->choose(name), 0u) << name;
  EXPECT_EQ(*pool->choose("b-alias:latest"), 1u);
  auto unknown = pool->choose("gpt-9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().status, 404);
  EXPECT_EQ(unknown.error().message,
            "there is no model 'gpt-9'; this server has: a, a-alias, b, b-alias");
  std::vector<PooledModel> twice{entry("a", a), entry("b", b)};
  twice[1].names[1] = "a";
  EXPECT_FALSE(ModelPool::create(std::move(twice), {}));
}

TEST(PassGate, OnePassAtATimeAndTheCheaperModelMakesMore) {
  PassGate gate;
  std::atomic<int> inside{0}, wrong{0};
  std::atomic<bool> stops{false};
  const auto run = [&](int ms, int& passes) {
    PassGate::Turn turn(gate);
    while (!stops) {
      turn.begin();
      wrong += ++inside != 1;
      std::this_thread::sleep_for(milliseconds(ms));
      --inside;
      ++passes;
    }
  };
  int slow = 0, quick = 0;
  std::thread first([&] { run(20, slow); }), second([&] { run(1, quick); });
  std::this_thread::sleep_for(milliseconds(300));
  stops = true;
  first.join(), second.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(slow, 0);
  EXPECT_GT(quick, slow);
}

}  // namespace
}  // namespace weir
