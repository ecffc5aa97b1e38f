// The model types that config.json may name, what transformers assumes for absent keys in each, and
// the limits of every size. Private to the configuration's source files.
#pragma once
#include <string>
#include <vector>

#include "config/config.h"

namespace weir {

// Far above every published model, low enough that products of two fit 64 bits with room.
constexpr int kVocabularyMax = 1 << 24;
constexpr int kWidthMax = 1 << 17;
constexpr int kLayersMax = 1024;
constexpr int kHeadsMax = 1024;
constexpr int kHeadMax = 4096;  // numbers per head
constexpr int kExpertsMax = 4096;
constexpr int kGroupsMax = 256;  // what ops/gate.cpp ranks on its stack
constexpr int kPositionsMax = 1 << 27;
constexpr int kMtpMax = 8;
constexpr int64_t kRopeTableMax = int64_t(2) << 30;  // bytes of cos and sin: 4 M positions of 128

struct ModelFamily {
  const char* model_type;
  const char* architecture;
  bool has_experts, has_mtp;
  ModelConfig defaults;  // sizes that every file must give are 0
};

const ModelFamily* find_family(const std::string& model_type);
std::vector<std::string> family_names();

// The values of every expert field in a model without experts.
void clear_experts(ModelConfig& config);

}  // namespace weir
