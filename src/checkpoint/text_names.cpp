#include "checkpoint/text_names.h"

#include <algorithm>
#include <string_view>

namespace weir {
namespace {

constexpr std::string_view kTextModel = "model.", kTextLayers = "model.layers.",
                           kTextBlocks = "model.blocks.", kTextInner = "model.language_model.";
constexpr std::string_view kTextOuter[] = {"language_model.", "language."};
constexpr std::string_view kImageNames[] = {
    "vision",           "image_",           "view_sep",
    "tile_indicators",  "mm_projector.",    "multi_modal_",
    "projector.",       "aligner.",         "sam_model.",
    "qwen2_model.",     "model.vision",     "model.image_",
    "model.view_sep",   "model.mm_",        "model.multi_modal",
    "model.projector.", "model.sam_model.", "model.qwen2_model."};

}  // namespace

std::vector<std::string> stored_text_names(const std::string& name) {
  std::vector<std::string> names;
  for (std::string_view outer : kTextOuter) names.push_back(std::string(outer) + name);
  if (name.starts_with(kTextLayers))
    names.push_back(std::string(kTextOuter[0]) + std::string(kTextBlocks) +
                    name.substr(kTextLayers.size()));
  if (name.starts_with(kTextModel))
    names.push_back(std::string(kTextInner) + name.substr(kTextModel.size()));
  return names;
}

std::string text_name(const std::string& stored) {
  if (stored.starts_with(kTextInner))
    return std::string(kTextModel) + stored.substr(kTextInner.size());
  for (std::string_view outer : kTextOuter)
    if (stored.starts_with(outer)) {
      const std::string name = stored.substr(outer.size());
      if (name.starts_with(kTextBlocks))
        return std::string(kTextLayers) + name.substr(kTextBlocks.size());
      return name;
    }
  return stored;
}

bool is_image_name(const std::string& name) {
  return std::any_of(std::begin(kImageNames), std::end(kImageNames),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace weir
