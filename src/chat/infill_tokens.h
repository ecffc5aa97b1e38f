// Which tokens of a vocabulary mark the hole of a text that a model fills in (FIM: Bavarian et al.
// 2022, arXiv 2207.14255), as the published families of code models name them. That a vocabulary
// has them does not say that the model was trained with them.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/gguf.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// The paper's PSM and SPM: what a prompt begins with. The middle is always last.
enum class InfillOrder { prefix_first, suffix_first };

// How other files are told from the one with the hole.
enum class InfillFiles {
  comments,       // a comment with the path before each, all inside of the prefix
  before_prefix,  // repository and file tokens before the prefix's token
  path_in_prefix  // the same, and the path of the file with the hole after the prefix's token
};

struct InfillTokens {
  const char* family = "";  // "": the vocabulary has none
  int prefix = -1, suffix = -1;
  int middle = -1;                 // -1: the family has none; the reply follows the prefix
  int repository = -1, file = -1;  // before a repository's name, before a path
  InfillOrder order = InfillOrder::prefix_first;
  InfillFiles files = InfillFiles::comments;
  std::vector<int> ends = {};  // that end a reply, beside the model's own
  std::string missing = {};    // without a family: which tokens there should be

  bool exist() const { return *family != 0; }
  // Not text: none of these comes from what a user writes.
  bool has(int token) const;
};

// The keys tokenizer.ggml.fim_*_token_id of a GGUF file (older ones: prefix_token_id ...) count
// more than names. `metadata` may be null.
InfillTokens find_infill_tokens(const Tokenizer& tokenizer, const GgufMetadata* metadata = nullptr);

// Whether a vocabulary, of which `has` tells what is in it, has the tokens of a family: what can be
// said without a tokenizer.
bool names_infill_family(const std::function<bool(std::string_view)>& has);

// "auto" (what the family has), "psm" or "spm".
Result<void> set_infill_order(const std::string& wanted, InfillTokens& tokens);

}  // namespace weir
