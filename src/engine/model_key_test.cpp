#include "engine/model_key.h"

#include <gtest/gtest.h>

#include <set>

#include "testing/generation_fixture.h"

namespace weir {
namespace {

std::string key_of(const Model& model, const std::string& probe = "rows",
                   const std::string& files = "files") {
  return model_key(model, std::as_bytes(std::span(probe)), files);
}

TEST(ModelKey, IsTheSameForTheSameModel) {
  for (Kind kind : {Kind::latent, Kind::sparse, Kind::grouped}) {
    auto again = Model::create(tiny(kind), false);
    again->initialize(5);
    EXPECT_EQ(key_of(*again), key_of(tiny_model(kind)));
  }
}

TEST(ModelKey, DependsOnEverythingThatRowsDependOn) {
  std::set<std::string> keys;
  size_t count = 0;
  const auto add = [&](const std::string& key) {
    EXPECT_EQ(key.size(), 64u);
    keys.insert(key);
    EXPECT_EQ(keys.size(), ++count);
  };
  const Model& model = tiny_model(Kind::latent);
  add(key_of(model));
  add(key_of(model, "other rows"));
  add(key_of(model, "rows", "other files"));
  add(key_of(tiny_model(Kind::sparse)));
  ModelConfig config = tiny(Kind::latent);
  config.rope.theta *= 2;
  auto other = Model::create(config, false);
  other->initialize(5);
  add(key_of(*other));
  auto trained = Model::create(tiny(Kind::latent), false);
  trained->initialize(5);
  // One number of each weight: these are small, so all of them count.
  for (Matrix* weight : trained->weights()) {
    float* first = weight->parameter->f32();
    first[weight->count() / 3] += 0.5f;
    add(key_of(*trained));
  }
}

}  // namespace
}  // namespace weir
