// Tiny models with random weights to put behind a server, and a client of it.
#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "chat/open_model.h"
#include "testing/generation_fixture.h"

namespace weir {

constexpr const char* kTinyTemplate =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";

// `seed`: of the weights.
inline OpenModel open_tiny(int sequences, uint64_t seed = 5) {
  OpenModel open;
  ModelConfig config = tiny(Kind::grouped);
  config.max_position_embeddings = 8192;
  open.model = Model::create(config, false);
  open.model->initialize(seed);
  open.pool = std::make_unique<ThreadPool>(1);
  open.model->pack(*open.pool);
  open.tokenizer = std::make_unique<Tokenizer>(
      make_byte_tokenizer({{"<bos>", true}, {"<eos>", true}}, "<bos>", "<eos>"));
  open.chat_template = kTinyTemplate;
  open.stops = {open.tokenizer->eos()};
  auto generator = Generator::create(*open.model, *open.tokenizer, *open.pool,
                                     {.sequences_max = sequences, .keeps_prefixes = true});
  open.generator = *std::move(generator);
  return open;
}

// Waits until something holds, for five seconds at most.
inline bool soon(const std::function<bool()>& holds) {
  for (int i = 0; i < 500 && !holds(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return holds();
}

}  // namespace weir
