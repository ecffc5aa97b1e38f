#include "convert/make_random.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/atomic_output.h"
#include "base/div_up.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "chat/conversation.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/row_scales.h"
#include "config/engram.h"
#include "config/gguf_config.h"
#include "convert/output_folder.h"
#include "convert/random_output.h"
#include "convert/random_rows.h"
#include "formats/gguf_tables.h"
#include "text/unicode.h"
#include "tokenizer/gguf_tokenizer.h"
#include "tokenizer/token_classes.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

// Bytes that are written at once.
constexpr uint64_t kRoundBytes = uint64_t(32) << 20;

// Bytes and control tokens.
Result<Tokenizer> make_tokenizer() {
  TokenizerSpec spec;
  for (int byte = 0; byte < 256; ++byte)
    spec.tokens.push_back(bytes_to_characters(std::string(1, char(byte))));
  const char* control[] = {"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>",
                           "<｜Assistant｜>"};
  for (const char* text : control) {
    spec.added.push_back({int(spec.tokens.size()), text, true, false});
    spec.tokens.push_back(text);
  }
  for (const char* text : {"<think>", "</think>"}) {
    spec.added.push_back({int(spec.tokens.size()), text, false, false});
    spec.tokens.push_back(text);
  }
  spec.bos = 256;
  spec.eos = 257;
  spec.prefix = {spec.bos};
  spec.pre_tokenizer = TRY(PreTokenizer::preset("deepseek-v3"));
  return Tokenizer::create(std::move(spec));
}

class RandomModel {
 public:
  RandomModel(const RandomModelRequest& request, ThreadPool& pool, ConvertListener& listener)
      : request_(request), rows_(request.seed, pool), listener_(listener) {}
  Result<ConvertResult> run();

 private:
  using Sink = std::function<Result<void>(std::span<const std::byte>)>;
  using Output = RandomOutput;

  Result<void> choose_config();
  void keep_sources();
  Result<void> to_gguf();
  Result<void> to_folder();
  std::vector<Output> folder_outputs(WeightType type) const;
  void announce(const std::vector<Output>& outputs);
  Result<void> write_all(const std::vector<Output>& outputs, const Sink& sink);
  Result<void> write(const Output& output, const Sink& sink);
  Result<void> write_vector(const Output& output, const Sink& sink);
  Result<void> write_filled(const Output& output, const Sink& sink);
  Result<void> write_expert_table(const Output& output, const Sink& sink);
  Result<void> write_texts(const std::string& folder, WeightType type) const;

  const RandomModelRequest& request_;
  RandomRows rows_;
  ConvertListener& listener_;
  ModelConfig config_;
  std::optional<Tokenizer> tokenizer_;
  std::vector<std::byte> buffer_;
  ConvertResult result_;
};

// What names layers, of those that are left.
void RandomModel::keep_sources() {
  const auto is_gone = [&](int layer) { return layer >= config_.num_hidden_layers; };
  for (std::vector<int>* layers :
       {&config_.kv_source_layer_ids, &config_.index_source_layer_ids, &config_.engram_layer_ids})
    std::erase_if(*layers, is_gone);
  config_.engram_num_embeddings.resize(config_.engram_layer_ids.size());
  if (is_gone(config_.candidate_source_layer_id)) config_.candidate_source_layer_id = -1;
}

Result<void> RandomModel::choose_config() {
  const std::string& like = request_.like;
  config_ = TRY(is_directory(like)  ? read_config(join_path(like, "config.json"))
                : file_exists(like) ? read_config(like)
                                    : preset(like));
  if (request_.layers > config_.num_hidden_layers)
    return Error{fmt::format("--layers {}: {} has {} layers; give at most as many", request_.layers,
                             like, config_.num_hidden_layers)};
  if (request_.layers > 0) config_.num_hidden_layers = request_.layers;
  if (config_.is_compressed()) {
    config_.num_hash_layers = std::min(config_.num_hash_layers, config_.num_hidden_layers);
    config_.compress_ratios.resize(size_t(config_.num_hidden_layers));
  }
  keep_sources();
  config_.first_k_dense_replace =
      std::min(config_.first_k_dense_replace, config_.num_hidden_layers);
  tokenizer_.emplace(TRY(make_tokenizer()));
  if (tokenizer_->size() > config_.vocab_size)
    return Error{
        fmt::format("{}: has a vocabulary of {}; at least {} are needed for bytes and "
                    "control tokens",
                    request_.like, config_.vocab_size, tokenizer_->size())};
  if (engram_folds_tokens(config_))
    config_.engram_compressed_vocab_size = token_classes(*tokenizer_).count;
  config_.bos_token_id = tokenizer_->bos();
  config_.eos_token_id = tokenizer_->eos();
  return {};
}

void RandomModel::announce(const std::vector<Output>& outputs) {
  ConvertSize size;
  size.tensors = outputs.size();
  for (const Output& output : outputs) size.bytes += output.bytes();
  result_.bytes = size.bytes;
  listener_.on_plan(size);
}

// Gains are 1; biases, of the gate too, and offsets are 0; scales of f8 bring a spread of about 2.3
// to the configuration's.
Result<void> RandomModel::write_vector(const Output& output, const Sink& sink) {
  const bool is_scale = output.name.find("_scale_inv") != std::string::npos;
  const bool is_bias = output.name.find("bias") != std::string::npos;
  const float value = is_scale ? float(config_.initializer_range / 2.3) : is_bias ? 0.f : 1.f;
  std::vector<float> values(output.rows() * output.shape.back(), value);
  if (output.type == WeightType::f32) return sink(std::as_bytes(std::span(values)));
  const uint16_t narrow =
      output.type == WeightType::bf16 ? (value == 1.f ? 0x3f80 : 0) : (value == 1.f ? 0x3c00 : 0);
  std::vector<uint16_t> narrowed(values.size(), narrow);
  return sink(std::as_bytes(std::span(narrowed)));
}

// For every token different experts.
Result<void> RandomModel::write_expert_table(const Output& output, const Sink& sink) {
  Random random(fnv1a(output.name), 0);
  const uint64_t each = output.shape.back();
  std::vector<int32_t> experts(size_t(config_.n_routed_experts)), row;
  std::iota(experts.begin(), experts.end(), 0);
  for (uint64_t token = 0; token < output.rows(); ++token)
    for (uint64_t i = 0; i < each; ++i) {
      std::swap(experts[i], experts[i + random.next() % (experts.size() - i)]);
      row.push_back(experts[i]);
    }
  return sink(std::as_bytes(std::span(row)));
}

Result<void> RandomModel::write_filled(const Output& output, const Sink& sink) {
  const std::vector<std::byte> bytes(std::min(output.bytes(), kRoundBytes), std::byte(output.fill));
  for (uint64_t left = output.bytes(); left > 0;) {
    const uint64_t count = std::min<uint64_t>(left, bytes.size());
    TRY(sink(std::span(bytes).first(count)));
    if (!listener_.on_bytes(count, output.name)) return Error{"stopped; nothing was written"};
    left -= count;
  }
  return {};
}

Result<void> RandomModel::write(const Output& output, const Sink& sink) {
  if (is_expert_table(output.name) || output.name.ends_with("tid2eid"))
    return write_expert_table(output, sink);
  if (output.fill >= 0) return write_filled(output, sink);
  if (output.shape.size() == 1 || output.name.find("_scale_inv") != std::string::npos ||
      is_engram_gain(output.name))
    return write_vector(output, sink);
  const uint64_t columns = output.shape.back(), row = output.row_bytes();
  const uint64_t round = std::max<uint64_t>(1, kRoundBytes / row), rows = output.rows();
  const float spread = float(config_.initializer_range);
  buffer_.resize(std::min(rows, round) * row);
  for (uint64_t first = 0; first < rows; first += round) {
    const uint64_t count = std::min(round, rows - first);
    rows_.fill(output.type, columns, spread, fnv1a(output.name), first, count, buffer_.data());
    TRY(sink(std::span(buffer_.data(), count * row)));
    if (!listener_.on_bytes(count * row, output.name)) return Error{"stopped; nothing was written"};
  }
  return {};
}

Result<void> RandomModel::write_all(const std::vector<Output>& outputs, const Sink& sink) {
  const std::vector<float> factors = gguf_rope_factors(config_);
  for (const Output& output : outputs) {
    if (output.name.starts_with("rope_f"))  // of GGUF alone: Llama 3's and LongRoPE's factors
      TRY(sink(std::as_bytes(std::span(factors))));
    else
      TRY(write(output, sink));
    const uint64_t elements = output.rows() * output.shape.back();
    listener_.on_tensor({output.name, WeightType::f32, output.type, elements, output.bytes(), 0});
  }
  return {};
}

Result<void> RandomModel::to_gguf() {
  const Mix mix = TRY(find_mix(request_.type));
  GgufPlan plan = TRY(plan_gguf(config_, find_nothing, mix));
  plan.metadata.set("general.name", "random " + base_name(request_.like));
  TRY(write_gguf_tokenizer(*tokenizer_, conversation_chat_template(), plan.metadata,
                           config_.vocab_size));
  std::vector<Output> outputs;
  std::vector<GgufWriter::Tensor> infos;
  for (const PlannedTensor& tensor : plan.tensors) {
    outputs.push_back({tensor.name, tensor.type, tensor.shape});
    infos.push_back({tensor.name, tensor.type, tensor.shape});
  }
  if (!plan.fallbacks.empty()) {
    result_.notes.push_back(plan.fallbacks);
    listener_.on_note(plan.fallbacks);
  }
  announce(outputs);
  GgufWriter writer =
      TRY(GgufWriter::create(request_.to, plan.metadata, std::move(infos), request_.split_bytes));
  TRY(write_all(outputs, [&](std::span<const std::byte> piece) { return writer.write(piece); }));
  result_.files = TRY(writer.finish());
  return {};
}

// In f8_e4m3, what DeepSeek-V3 leaves in bf16 stays so: embedding, head, norms and gates.
std::vector<RandomModel::Output> RandomModel::folder_outputs(WeightType type) const {
  if (config_.is_compressed()) return published_outputs(config_, type);
  std::vector<Output> outputs;
  for (const TensorShape& tensor : all_tensors(config_))
    for (int i = 0; i < tensor.copies; ++i) {
      const std::string name = expert_name(tensor.name, i);
      const bool is_bias = name.find("e_score_correction_bias") != std::string::npos;
      const bool is_f8 = type == WeightType::f8_e4m3 && tensor.shape.size() == 2 &&
                         !is_engram_table(name) && tensor.part != ModelPart::embedding &&
                         tensor.part != ModelPart::router &&
                         name.find("eh_proj") == std::string::npos;
      WeightType stored = is_bias ? WeightType::f32 : type;
      if (type == WeightType::f8_e4m3 && !is_bias) stored = is_f8 ? type : WeightType::bf16;
      outputs.push_back({name, stored, tensor.shape});
      if (!is_f8) continue;
      outputs.push_back(
          {name + "_scale_inv",
           WeightType::f32,
           {div_up(tensor.shape[0], kScaleSquare), div_up(tensor.shape[1], kScaleSquare)}});
    }
  return outputs;
}

Result<void> RandomModel::write_texts(const std::string& folder, WeightType type) const {
  Json config = config_json(config_);
  config.set("torch_dtype", torch_dtype(type));
  if (type == WeightType::f8_e4m3 || type == WeightType::mxfp4) {
    Json quantization = Json::object(), size = Json::array();
    const int square = config_.shares_entries() ? int(kRowScaleColumns) : kScaleSquare;
    size.push(square);
    size.push(square);
    quantization.set("quant_method", "fp8");
    quantization.set("fmt", "e4m3");
    quantization.set("activation_scheme", "dynamic");
    quantization.set("weight_block_size", std::move(size));
    if (type == WeightType::mxfp4) quantization.set("expert_dtype", "fp4");
    config.set("quantization_config", std::move(quantization));
  }
  TRY(write_file_atomic(join_path(folder, "config.json"), config.dump(2) + "\n"));
  return write_tokenizer(*tokenizer_, folder,
                         {config_.max_position_embeddings, conversation_chat_template()});
}

Result<void> RandomModel::to_folder() {
  const TypeTraits* traits = find_type(request_.type.c_str());
  const bool has_codes = traits && traits->type == WeightType::mxfp4 && config_.is_compressed();
  if (!has_codes &&
      (!traits || *dtype_of(traits->type) == 0 || traits->type == WeightType::f8_e4m3_32))
    return Error{
        fmt::format("a folder holds f32, f16, bf16 or f8_e4m3, not {}; give a name that "
                    "ends in .gguf",
                    request_.type)};
  const std::vector<Output> outputs = folder_outputs(traits->type);
  std::vector<TensorPlan> infos;
  for (const Output& output : outputs)
    infos.push_back(
        {output.name, output.dtype ? output.dtype : dtype_of(output.type), output.shape});
  const auto write_data = [&](SafetensorsWriter& writer) {
    announce(outputs);
    return write_all(in_order_of(writer, outputs),
                     [&](std::span<const std::byte> piece) { return writer.write(piece); });
  };
  result_.files = TRY(write_model_folder(
      request_.to, std::move(infos), request_.split_bytes, write_data,
      [&](const std::string& folder) { return write_texts(folder, traits->type); }));
  return {};
}

Result<ConvertResult> RandomModel::run() {
  TRY(check_output(request_.to, request_.overwrites, request_.split_bytes > 0));
  TRY(choose_config());
  TRY(has_gguf_name(request_.to) ? to_gguf() : to_folder());
  return std::move(result_);
}

}  // namespace

Result<ConvertResult> make_random(const RandomModelRequest& request, ThreadPool& pool,
                                  ConvertListener& listener) {
  RandomModelRequest plain = request;
  plain.to = plain_path(request.to);
  return RandomModel(plain, pool, listener).run();
}

}  // namespace weir
