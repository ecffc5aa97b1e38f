#include "heads/kept_states.h"

#include <cstring>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/sha256.h"

namespace weir {
namespace {

void add_numbers(Sha256& sha, std::span<const int> numbers) {
  const uint64_t count = numbers.size();
  sha.add(&count, sizeof count);
  sha.add(numbers.data(), numbers.size_bytes());
}

}  // namespace

std::string states_key(const std::string& base_hash, std::span<const int> blocks,
                       std::span<const StateText> texts) {
  Sha256 sha;
  sha.add(base_hash.data(), base_hash.size());
  add_numbers(sha, blocks);
  for (const StateText& text : texts) {
    add_numbers(sha, text.tokens);
    add_numbers(sha, text.cuts);
  }
  return sha.hex();
}

Result<std::vector<float>> read_kept_states(const std::string& path, const std::string& key) {
  std::vector<float> states;
  if (path.empty() || !file_exists(path)) return states;
  const std::string bytes = TRY(read_file(path));
  if (!std::string_view(bytes).starts_with(key)) return states;
  states.resize((bytes.size() - key.size()) / sizeof(float));
  std::memcpy(states.data(), bytes.data() + key.size(), states.size() * sizeof(float));
  return states;
}

Result<void> write_kept_states(const std::string& path, const std::string& key,
                               const std::vector<float>& states) {
  if (path.empty()) return {};
  std::string bytes = key;
  bytes.append(reinterpret_cast<const char*>(states.data()), states.size() * sizeof(float));
  return write_file_atomic(path, bytes);
}

}  // namespace weir
