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

constexpr double kFactorMax = 1e6, kThetaMax = 1e12;  // of rotary positions

// The spelling of a mixture of experts in config.json.
enum class ExpertKeys : uint8_t { none, deepseek, qwen };

// A row per model type. A new architecture is a row here, and rows of config_fields.cpp for keys
// that no other has.
struct ModelFamily {
  struct Traits {
    bool has_mtp = false;
    bool always_interleaves = false;  // rotary pairs are (2i, 2i+1), which no key may change
    bool permutes_gguf_rows = false;  // GGUF has the rows of q and k in the order of such pairs
    bool normalizes_one = false;      // norm_topk_prob makes the weight of a single expert 1
    bool shares_entries = false;      // V4.1
    bool turns_halves = false;  // rotary pairs are (i, i + width / 2), which no key may change
  };
  const char* model_type;         // of config.json
  const char* architecture;       // of its 'architectures'
  const char* gguf_architecture;  // general.architecture
  ExpertKeys experts;
  Traits traits;
  ModelConfig defaults;  // sizes that every file must give are 0
};

// Models that also see images: config.json keeps the text's part under a key of its own, and only
// that part is computed.
struct TextPart {
  const char* model_type;
  const char* architectures[3];
  const char* key;       // of the section
  const char* inner[2];  // what the section's 'model_type' may be; absent counts as the first
  const char* family;    // the model type of the text
};
const TextPart* find_text_part(const std::string& model_type);  // null: none

const std::vector<ModelFamily>& model_families();
const ModelFamily* find_family(const std::string& model_type);
// The first family with that architecture: of 'deepseek2' deepseek_v2, which DeepSeek-V3 shares.
Result<const ModelFamily*> find_gguf_family(const std::string& architecture);
std::vector<std::string> family_names();  // sorted

// The values of every expert field in a model without experts.
void clear_experts(ModelConfig& config);

}  // namespace weir
