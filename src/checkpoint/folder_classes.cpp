// The classes of tokens that DeepSeek's Engram hashes: no tensor of published folders, but made of
// their tokenizer. Folders that training writes keep them.
#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "config/engram.h"
#include "tokenizer/token_classes.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

StoredTensor tensor_of(std::shared_ptr<std::vector<float>> classes, std::string place) {
  StoredTensor tensor;
  tensor.shape = {classes->size()};
  tensor.data = reinterpret_cast<const std::byte*>(classes->data());
  tensor.place = std::move(place);
  tensor.owned = std::move(classes);
  return tensor;
}

// Numbers of a file, which hashes multiply with.
Result<void> check_classes(const std::vector<float>& classes, int count, const std::string& place) {
  for (size_t token = 0; token < classes.size(); ++token) {
    const float value = classes[token];
    if (!(value >= 0 && value < float(count)) || value != std::floor(value))
      return Error{fmt::format("{}: has the class {} for token {}, but there are classes 0 to {}",
                               place, value, token, count - 1)};
  }
  return {};
}

}  // namespace

Result<StoredTensor> Checkpoint::token_classes(const std::string& name) const {
  const int count = config_.engram_compressed_vocab_size;
  auto classes = std::make_shared<std::vector<float>>(size_t(config_.vocab_size));
  if (folder_->has(name)) {
    const SafetensorsFolder::Found found = TRY(folder_->find(name));
    const std::string place = fmt::format("{}: tensor '{}'", found.file->path(), name);
    if (found.info->dtype != "F32" || found.info->elements() != classes->size())
      return Error{fmt::format("{}: must be {} numbers in F32", place, classes->size())};
    std::memcpy(classes->data(), found.bytes().data(), classes->size() * sizeof(float));
    TRY(check_classes(*classes, count, place));
    return tensor_of(std::move(classes), place);
  }
  const Tokenizer tokenizer =
      TRY_IN(fmt::format("{}: Engram counts tokens by {} classes, which its tokenizer gives", path_,
                         count),
             read_tokenizer(path_));
  const TokenClasses made = weir::token_classes(tokenizer);
  if (made.count != count)
    return Error{fmt::format(
        "{}: the tokenizer has {} classes of tokens, but 'engram_compressed_vocab_size' is {}; the "
        "tables of n-grams belong to another tokenizer",
        path_, made.count, count)};
  // Of numbers that are no token: nobody writes them.
  const size_t pad = std::min(made.of_token.size() - 1, size_t(config_.engram_pad_token_id));
  for (size_t token = 0; token < classes->size(); ++token)
    (*classes)[token] = float(made.of_token[token < made.of_token.size() ? token : pad]);
  return tensor_of(std::move(classes), join_path(path_, "tokenizer.json"));
}

}  // namespace weir
