// A small tokenizer with added tokens, for tests of what ends a reply.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace weir {

// The letters, and added tokens from 26 on; those that begin with '!' are not special.
inline Tokenizer with_added(const std::vector<std::string>& added, int eos = -1) {
  TokenizerSpec spec;
  for (char c = 'a'; c <= 'z'; ++c) spec.tokens.emplace_back(1, c);
  spec.tokens.push_back("</s>");  // an ordinary token of this text, as Qwen has one
  for (const std::string& text : added) {
    const bool special = text[0] != '!';
    spec.added.push_back({int(spec.tokens.size()), text.substr(special ? 0 : 1), special});
    spec.tokens.push_back(spec.added.back().text);
  }
  spec.eos = eos;
  Result<Tokenizer> made = Tokenizer::create(std::move(spec));
  EXPECT_TRUE(made) << made.error().message;
  return *std::move(made);
}

}  // namespace weir
