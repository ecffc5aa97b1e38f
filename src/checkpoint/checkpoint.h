// A model on disk, whatever its container: a HuggingFace folder (safetensors) or a GGUF file. Every
// tensor is found under its HuggingFace name and stays where the file has it.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/size.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"

namespace weir {

class PackedRows;

struct StoredTensor {
  WeightType type = WeightType::f32;
  std::vector<uint64_t> shape;      // [rows, columns], or [count]
  const std::byte* data = nullptr;  // unaligned, as files have it
  // E4M3 only: [ceil(rows / square)][ceil(columns / square)], square = scale_square(type).
  const float* scales = nullptr;
  // E8M0, [rows][columns / 32], where a folder keeps them apart (row_scales.h): then `data` has
  // [rows][columns / 2] codes of mxfp4, or [rows][columns] bytes of f8_e4m3_32 without `scales`.
  const std::byte* row_scales = nullptr;
  // Null, or what makes rows of `type` from tensors that `data` alone does not hold
  // (packed_weights.h).
  std::shared_ptr<const PackedRows> packed;
  std::string place;                  // "FILE: tensor 'NAME'", for errors
  std::shared_ptr<const void> owned;  // what of this is no part of a mapped file

  uint64_t rows() const { return shape.size() == 2 ? shape[0] : 1; }
  uint64_t columns() const { return shape.empty() ? 1 : shape.back(); }
  uint64_t count() const { return rows() * columns(); }
  uint64_t bytes() const { return type_bytes(type, count()); }
};

class Checkpoint {
 public:
  // `path`: a folder with config.json and safetensors, or a GGUF file (the first of several),
  // whatever its name. The configuration is checked; tensors are when they are asked for. A GGUF
  // file whose data are cut opens for GgufUse::header; find() then fails for what is missing.
  static Result<std::shared_ptr<const Checkpoint>> open(const std::string& path,
                                                        GgufUse use = GgufUse::whole);
  // A folder of weights whose configuration is known already; none need be there. A head of its own
  // in a model whose configuration ties it is an error here.
  static Result<std::shared_ptr<const Checkpoint>> open(const std::string& folder,
                                                        const ModelConfig& config);

  const std::string& path() const { return path_; }
  // What the folder says, or the metadata. Where the files hold another model, theirs counts: a
  // head that differs from the embedding is used although 'tie_word_embeddings' is true, and a
  // module of multi-token prediction without any tensor is left out.
  const ModelConfig& config() const { return config_; }
  // One sentence about each such difference, about what other programs compute otherwise, and about
  // a generation_config.json that can not be read.
  const std::vector<std::string>& notes() const { return notes_; }
  const GgufFile* gguf() const { return gguf_ ? &*gguf_ : nullptr; }  // null for a folder

  // One tensor by its HuggingFace name, an expert's included. GGUF's stacked experts are cut apart,
  // and where key and value up-projections are two tensors (attn_k_b, transposed, and attn_v_b)
  // kv_b_proj is put together in f32. Rows of q_proj and k_proj come in the order of the file: see
  // rope_rows_permuted(). The classes of tokens (kEngramClasses) come from the tokenizer where no
  // tensor has them. Errors name file and tensor.
  Result<StoredTensor> find(const std::string& name) const;
  // The same, or an error when it has another shape.
  Result<StoredTensor> find(const std::string& name, const std::vector<uint64_t>& shape) const;
  // GGUF's "llama" and "deepseek" files have the rows of each head of q and k in another order, to
  // which config().rope.interleaved fits.
  bool rope_rows_permuted() const { return rope_rows_permuted_; }
  // Where row `row` of HuggingFace's q_proj or k_proj (heads of `head_dim`) is in such a file.
  static uint64_t permuted_row(uint64_t row, uint64_t head_dim) {
    const uint64_t head = row / head_dim, within = row % head_dim, half = head_dim / 2;
    return head * head_dim + within % half * 2 + within / half;
  }
  // Names of the container that neither the configuration asks for nor published files are known
  // to carry beside it.
  std::vector<std::string> unexpected() const;
  // Every tensor of the files, with the name of its type.
  void for_each_stored(
      const std::function<void(const std::string& name, const std::string& type,
                               const std::vector<uint64_t>& shape, uint64_t bytes)>& see) const;

 private:
  Checkpoint() = default;
  Result<void> settle_folder();
  Result<bool> has_own_head() const;
  void settle_mtp();
  std::string folder_name(const std::string& name) const;
  bool has(const std::string& name) const { return folder_->has(folder_name(name)); }
  Result<StoredTensor> find_in_folder(const std::string& name) const;
  Result<StoredTensor> token_classes(const std::string& name) const;
  Result<StoredTensor> expert_table(const SafetensorsFolder::Found& found,
                                    StoredTensor tensor) const;
  Result<void> add_scales(const std::string& name, StoredTensor& tensor) const;
  Result<StoredTensor> find_fused(const std::string& name) const;
  Result<StoredTensor> find_in_gguf(const std::string& name) const;
  Result<StoredTensor> find_half_of_project(int layer, bool is_second) const;
  Result<StoredTensor> join_kv_b(const GgufTensor& k, const GgufTensor& v) const;
  Result<StoredTensor> slice(const GgufTensor& tensor, int expert, int part, int parts) const;

  std::string path_;
  ModelConfig config_;
  std::vector<std::string> notes_;
  bool rope_rows_permuted_ = false;
  bool sees_images_ = false;  // a folder that holds more than the text's part
  std::optional<SafetensorsFolder> folder_;
  std::optional<GgufFile> gguf_;
};

// Row `row` of a stored tensor as f32, `to` [columns]; and all of it, `to` [count].
void decode_row(const StoredTensor& tensor, uint64_t row, float* to);
void decode(const StoredTensor& tensor, float* to);
// The type that a safetensors dtype means; an error for those that no weight can have.
Result<WeightType> weight_type(const std::string& dtype);
// The dtype of a float type in safetensors; "" for GGUF's blocks.
const char* dtype_of(WeightType type);
// What config.json calls it; FP8 counts as the bfloat16 around it.
const char* torch_dtype(WeightType type);

}  // namespace weir
