#include "checkpoint/encoder_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/file.h"

namespace weir {
namespace {

constexpr const char* kEncoderWords = "embeddings.word_embeddings.weight";

// Parts of transformers' names and of GGUF's, in the order in which they are looked for.
constexpr std::pair<const char*, const char*> kGgufParts[] = {
    {"embeddings.word_embeddings", "token_embd"},
    {"embeddings.position_embeddings", "position_embd"},
    {"embeddings.token_type_embeddings", "token_types"},
    {"embeddings.LayerNorm", "token_embd_norm"},
    {"attention.self.query", "attn_q"},
    {"attention.self.key", "attn_k"},
    {"attention.self.value", "attn_v"},
    {"attention.output.dense", "attn_output"},
    {"attention.output.LayerNorm", "attn_output_norm"},
    {"intermediate.dense", "ffn_up"},
    {"output.dense", "ffn_down"},
    {"output.LayerNorm", "layer_output_norm"},
    {"encoder.layer", "blk"}};

std::string gguf_encoder_name(std::string name) {
  for (const auto& [part, other] : kGgufParts)
    if (const size_t at = name.find(part); at != name.npos)
      name.replace(at, std::string_view(part).size(), other);
  return name;
}

}  // namespace

Result<std::shared_ptr<const EncoderFiles>> EncoderFiles::open(const std::string& path) {
  std::shared_ptr<EncoderFiles> made(new EncoderFiles);
  made->path_ = path;
  if (!is_directory(path)) {
    made->gguf_ = TRY(GgufFile::open(path));
    made->config_ = TRY(read_encoder_config(made->gguf_->metadata(), path));
    return std::shared_ptr<const EncoderFiles>(std::move(made));
  }
  const std::string config = join_path(path, "config.json");
  const Json json = TRY(read_json_file(config));
  made->config_ = TRY(read_encoder_config(json, config));
  made->folder_ = TRY(SafetensorsFolder::open(path));
  if (!made->folder_->has(kEncoderWords) &&
      made->folder_->has(std::string("bert.") + kEncoderWords))
    made->prefix_ = "bert.";
  return std::shared_ptr<const EncoderFiles>(std::move(made));
}

Result<StoredTensor> EncoderFiles::find(const std::string& name) const {
  StoredTensor tensor;
  if (gguf_) {
    const std::string stored = gguf_encoder_name(name);
    tensor.place = fmt::format("{}: tensor '{}'", path_, stored);
    const GgufTensor* found = gguf_->find(stored);
    if (!found) return Error{tensor.place + " is missing"};
    tensor.type = found->type;
    tensor.shape = found->shape;
    tensor.data = TRY_IN(tensor.place, gguf_->whole_data(*found)).data();
    return tensor;
  }
  const SafetensorsFolder::Found found = TRY(folder_->find(prefix_ + name));
  tensor.place = fmt::format("{}: tensor '{}'", found.file->path(), prefix_ + name);
  tensor.type = TRY_IN(tensor.place, weight_type(found.info->dtype));
  if (has_scale_squares(tensor.type))
    return Error{tensor.place + ": F8_E4M3 is not supported in an encoder"};
  tensor.shape = found.info->shape;
  tensor.data = found.bytes().data();
  return tensor;
}

Result<StoredTensor> EncoderFiles::find(const std::string& name,
                                        const std::vector<uint64_t>& shape) const {
  StoredTensor tensor = TRY(find(name));
  if (tensor.shape != shape)
    return Error{fmt::format("{}: has shape [{}], but the configuration asks for [{}]",
                             tensor.place, fmt::join(tensor.shape, ", "), fmt::join(shape, ", "))};
  return tensor;
}

uint64_t EncoderFiles::bytes() const {
  uint64_t sum = 0;
  if (gguf_)
    for (const GgufTensor& tensor : gguf_->tensors()) sum += tensor.bytes;
  else
    for (const std::string& name : folder_->names())
      if (const auto found = folder_->find(name)) sum += found->bytes().size();
  return sum;
}

std::string EncoderFiles::dtype() const {
  const auto tensor = find("encoder.layer.0.intermediate.dense.weight");
  return tensor ? type_name(tensor->type) : "";
}

}  // namespace weir
