// Scores of one sequence while it runs: the engine shows it hidden states, of the prompt and then
// of the reply. On the engine's thread; whoever reads scores does so between its steps.
#pragma once
#include <span>
#include <string>

#include "engine/resuming_reader.h"
#include "heads/pool_memory.h"
#include "heads/probe_head.h"
#include "heads/probe_stream.h"

namespace weir {

class HeadReader : public ResumingReader {
 public:
  // `answer` may be null; the heads read the same block and outlive this, and so does the memory.
  // `prompt`: tokens of it. `whose`: who shares rows of the cache, and computes the same states
  // from the same tokens.
  HeadReader(const ProbeHead& head, const ProbeHead* answer, int prompt,
             PoolMemory* memory = nullptr, std::string whose = {});
  ~HeadReader() override;
  HeadReader(const HeadReader&) = delete;
  HeadReader& operator=(const HeadReader&) = delete;
  int block() const override { return head_.block(); }
  void take_token(int position, int token) override;
  void take(int position, std::span<const float> hidden) override;
  // Heads that read a mean need what was pooled before.
  int may_skip(std::span<const int> tokens, int found) override;

  // After the prompt; zeros before its last token.
  std::span<const float> prompt_scores() const { return prompt_.scores(); }
  // Of the reply so far; without a head of its own that of prompts goes on over the reply.
  std::span<const float> answer_scores() const {
    return answer_ ? reply_.scores() : prompt_.scores();
  }
  bool has_answer() const { return answer_ != nullptr; }
  bool has_prompt() const { return taken_ >= prompt_tokens_; }

 private:
  bool remembers() const { return memory_ && head_.reads_mean() && !misses_some_; }

  const ProbeHead& head_;
  const ProbeHead* const answer_;
  const int prompt_tokens_;
  PoolMemory* const memory_;
  TextKeys keys_;
  int taken_ = 0;
  // A beginning was forgotten between may_skip() and its use: what is pooled is of the rest alone.
  bool misses_some_ = false;
  ProbeStream prompt_, reply_;
};

}  // namespace weir
