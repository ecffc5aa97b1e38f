#include "checkpoint/text_names.h"

#include <algorithm>
#include <string_view>

namespace weir {
namespace {

constexpr std::string_view kModel = "model.", kLayers = "model.layers.", kBlocks = "model.blocks.",
                           kInner = "model.language_model.";
constexpr std::string_view kOuter[] = {"language_model.", "language."};
constexpr std::string_view kImage[] = {
    "vision",           "image_",           "view_sep",
    "tile_indicators",  "mm_projector.",    "multi_modal_",
    "projector.",       "aligner.",         "sam_model.",
    "qwen2_model.",     "model.vision",     "model.image_",
    "model.view_sep",   "model.mm_",        "model.multi_modal",
    "model.projector.", "model.sam_model.", "model.qwen2_model."};

}  // namespace

std::vector<std::string> stored_text_names(const std::string& name) {
  std::vector<std::string> names;
  for (std::string_view outer : kOuter) names.push_back(std::string(outer) + name);
  if (name.starts_with(kLayers))
    names.push_back(std::string(kOuter[0]) + std::string(kBlocks) + name.substr(kLayers.size()));
  if (name.starts_with(kModel)) names.push_back(std::string(kInner) + name.substr(kModel.size()));
  return names;
}

std::string text_name(const std::string& stored) {
  if (stored.starts_with(kInner)) return std::string(kModel) + stored.substr(kInner.size());
  for (std::string_view outer : kOuter)
    if (stored.starts_with(outer)) {
      const std::string name = stored.substr(outer.size());
      if (name.starts_with(kBlocks)) return std::string(kLayers) + name.substr(kBlocks.size());
      return name;
    }
  return stored;
}

bool is_image_name(const std::string& name) {
  return std::any_of(std::begin(kImage), std::end(kImage),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace weir
