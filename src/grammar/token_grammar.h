// A grammar over one model's tokens: which token may follow. Masks are computed once per set of
// stacks and shared by all sequences of the grammar; GrammarFilter is one sequence's.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/token_filter.h"
#include "grammar/pushdown_automaton.h"
#include "grammar/stack_sets.h"
#include "grammar/token_trie.h"

namespace weir {

class TokenGrammar {
 public:
  TokenGrammar(PushdownAutomaton automaton, std::shared_ptr<const TokenVocabulary> vocabulary);

  // Sets of one life of the tables; a sequence that has an older one reads its tokens again.
  struct Position {
    uint64_t life = 0;
    StackSets::Set set = StackSets::kDead;
  };
  // May be called from many threads at once.
  // The position after `more` tokens from `position`, or after all of `tokens` if its life is over.
  Position advance(Position position, std::span<const int> tokens, size_t more);
  // Sets is_forbidden of every token that may not follow `tokens`, whose last `more` ones came
  // after `position`. An end of the reply may follow exactly where the grammar is complete.
  Position forbid(Position position, std::span<const int> tokens, size_t more,
                  std::span<uint8_t> is_forbidden);
  // Whether the grammar has this text, and whether some text of it begins so.
  bool matches(std::string_view text);
  bool begins(std::string_view text);

  const TokenVocabulary& vocabulary() const { return *vocabulary_; }
  struct Statistics {
    int64_t masks = 0, computed = 0;  // asked for; not found in the cache
  };
  Statistics statistics() const;

 private:
  const TokenSet& mask(StackSets::Set set);
  void walk(const TokenTrie& trie, StackSets::Set set, TokenSet& allowed);
  void read(Position& position, std::span<const int> tokens);
  Position advance_locked(Position position, std::span<const int> tokens, size_t more);

  const PushdownAutomaton automaton_;
  const std::shared_ptr<const TokenVocabulary> vocabulary_;
  mutable std::mutex mutex_;  // of everything below
  std::optional<StackSets> stacks_;
  uint64_t life_ = 1;
  std::unordered_map<StackSets::Set, TokenSet> masks_;
  std::vector<StackSets::Set> path_;
  Statistics statistics_;
};

// Of one sequence: the tokens after the first `prompt` ones are the grammar's. With
// `begins_after` a token (the end of thinking, say), those after its first appearance there;
// before it everything may be drawn.
class GrammarFilter : public TokenFilter {
 public:
  GrammarFilter(std::shared_ptr<TokenGrammar> grammar, size_t prompt,
                std::optional<int> begins_after = {})
      : grammar_(std::move(grammar)), prompt_(prompt), begins_after_(begins_after) {}
  void forbid(std::span<const int> tokens, std::span<const float> logits,
              std::span<uint8_t> is_forbidden) override;

 private:
  const std::shared_ptr<TokenGrammar> grammar_;
  const size_t prompt_;
  const std::optional<int> begins_after_;
  std::vector<int> read_;  // tokens of the grammar, up to position_
  TokenGrammar::Position position_;
};

}  // namespace weir
