// For tests of the finished program: a model in a folder that is made in no time, and what a saved
// conversation holds.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/atomic_output.h"
#include "base/json.h"
#include "model/model.h"
#include "testing/tiny_models.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {

// Random weights; the tokenizer has all bytes and an end token, so there is no chat template.
inline void write_tiny_model(const std::string& folder, int context = 4096) {
  ModelConfig c = tiny_dense_config(2, 257, context);
  c.initializer_range = 0.2;
  auto model = Model::create(c, false);
  model->initialize(3);
  const Tokenizer tokenizer = make_byte_tokenizer({{"<end>", true}}, "", "<end>");
  ASSERT_TRUE(save_model(*model, folder + "/model.safetensors").has_value());
  ASSERT_TRUE(write_file_atomic(folder + "/config.json", config_json(c).dump()));
  ASSERT_TRUE(write_tokenizer(tokenizer, folder));
}

// The texts of the user's messages in a file of /save.
inline std::vector<std::string> saved_questions(const std::string& file) {
  const auto json = read_json_file(file);
  EXPECT_TRUE(json) << json.error().message;
  std::vector<std::string> questions;
  if (!json) return questions;
  for (const Json& message : json->find("messages")->items())
    if (message.find("role")->text() == "user")
      questions.push_back(message.find("content")->text());
  return questions;
}

}  // namespace weir
