// Scores of heads for one reply: computed on the engine's thread, asked for on another.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "heads/head_reader.h"
#include "heads/probe_head.h"

namespace weir {

class HeadWatch : public ResumingReader {
 public:
  // `heads` has heads for prompts. `prompt`: its tokens. `whose`: HeadReader.
  HeadWatch(std::shared_ptr<const OpenHeads> heads, int prompt, std::string whose = {});

  int block() const override { return reader_.block(); }
  void take(int position, std::span<const float> hidden) override;
  void take_token(int position, int token) override { reader_.take_token(position, token); }
  int may_skip(std::span<const int> tokens, int found) override {
    return reader_.may_skip(tokens, found);
  }

  // What was known when the reply's token `number`, from 0, was drawn: before the first one of the
  // prompt, before later ones of the answer so far. Empty where there are no heads for it.
  std::vector<float> scores(size_t number) const;

 private:
  const std::shared_ptr<const OpenHeads> heads_;
  const int prompt_;
  HeadReader reader_;
  mutable std::mutex mutex_;
  std::vector<std::vector<float>> scores_;  // its guard is the mutex
};

}  // namespace weir
