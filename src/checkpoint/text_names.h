// Names of tensors in folders of models that also see images (Kimi-K2.5, Mistral Small 4,
// DeepSeek-OCR), whose text has names of its own there.
#pragma once
#include <string>
#include <vector>

namespace weir {

// What such folders may call a tensor of the text: "model.layers.3.x" is
// "language_model.model.layers.3.x" in published files, "model.language_model.layers.3.x" as
// transformers 5 has it, "language_model.model.blocks.3.x" in what transformers 5.24 saves of
// kimi_k25, and "language.model.layers.3.x" in DeepSeek-VL2's.
std::vector<std::string> stored_text_names(const std::string& name);
// The way back; a name that is none of these stays.
std::string text_name(const std::string& stored);
// Whether a name is one of the image's part.
bool is_image_name(const std::string& name);

}  // namespace weir
