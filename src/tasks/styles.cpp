// Options that several kinds of problems share: mixes of reply styles, ranges, seeds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "base/text.h"
#include "tasks/kinds.h"

namespace weir {
namespace {

// Mixed: short strings differ in all bits.
uint64_t hash_text(std::string_view text) { return mix64(fnv1a(text)); }

constexpr uint64_t kHeldOutOneIn = 10;

}  // namespace

Split split_of(std::string_view question) {
  return hash_text(question) % kHeldOutOneIn == 0 ? Split::held_out : Split::train;
}

Split split_of(std::string_view question, double held_out) {
  const double place = double(hash_text(question) >> 11) * 0x1p-53;  // in [0, 1)
  return place < held_out ? Split::held_out : Split::train;
}

uint64_t kind_seed(uint64_t seed, std::string_view kind) { return mix64(seed) ^ hash_text(kind); }

Result<StyleMix> StyleMix::read(OptionReader& in, const std::vector<std::string>& known) {
  Json json;
  in.field("styles", json);
  StyleMix mix;
  if (json.is_null()) json = Json(known.front());
  if (json.is_string()) {
    Json one = Json::object();
    one.set(json.text(), 1.0);
    json = std::move(one);
  }
  double sum = 0;
  for (const auto& [name, weight] : json.members()) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return in.error("styles", fmt::format("has no style '{}' here; there are: {}",
                                            printable(name), fmt::join(known, ", ")));
    Result<double> value = weight.as_double();
    if (!value || !std::isfinite(*value) || *value < 0)
      return in.error("styles", fmt::format("needs a weight of 0 or more for '{}'", name));
    mix.weights_.emplace_back(name, *value);
    sum += *value;
  }
  if (!(sum > 0))
    return in.error("styles",
                    "must be a style or an object of styles with weights, as in {worked: "
                    "0.7, direct: 0.3}");
  for (auto& [name, weight] : mix.weights_) weight /= sum;
  return mix;
}

const std::string& StyleMix::pick(Random& random) const {
  double left = double(random.uniform());
  for (const auto& [name, weight] : weights_) {
    if (left < weight) return name;
    left -= weight;
  }
  return weights_.back().first;
}

Result<IntRange> read_range(OptionReader& in, const std::string& key, IntRange value,
                            IntRange limits) {
  Json json;
  in.field(key, json);
  if (json.is_null()) return value;
  Json pair = Json::array();
  if (json.is_number()) {
    pair.push(json);
    pair.push(json);
  } else {
    pair = json;
  }
  if (pair.is_array() && pair.size() == 2) {
    Result<int64_t> low = pair.items()[0].as_int(), high = pair.items()[1].as_int();
    if (low && high && *low >= limits.low && *low <= *high && *high <= limits.high)
      return IntRange{int(*low), int(*high)};
  }
  return in.error(key, fmt::format("must be a whole number or a range [low, high] within {} to {}",
                                   limits.low, limits.high));
}

}  // namespace weir
