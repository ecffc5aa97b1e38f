#include "convert/convert.h"

#include <fmt/format.h>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/text.h"
#include "chat/chat_template.h"
#include "chat/end_tokens.h"
#include "chat/gguf_chat.h"
#include "config/conventions.h"
#include "convert/fold_adapter.h"
#include "convert/importance.h"
#include "convert/output_folder.h"
#include "convert/travelling_facts.h"
#include "tokenizer/gguf_tokenizer.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

// Data of one file of a folder, as transformers cuts them.

class Conversion {
 public:
  Conversion(const ConvertRequest& request, ThreadPool& pool, ConvertListener& listener)
      : request_(request), pool_(pool), listener_(listener) {}
  Result<ConvertResult> run();

 private:
  Result<void> to_gguf();
  Result<void> to_folder();
  Result<void> add_tokenizer(GgufMetadata& metadata);
  Result<void> write_texts(const FolderPlan& plan, const std::string& folder);
  Result<void> write_tokenizer_files(const std::string& folder);
  void note_limits();
  Result<void> fold(std::vector<PlannedTensor>& tensors, bool is_gguf);
  void announce(const std::vector<PlannedTensor>& tensors);
  void note(const std::string& text) {
    result_.notes.push_back(text);
    listener_.on_note(text);
  }

  const ConvertRequest& request_;
  ThreadPool& pool_;
  ConvertListener& listener_;
  std::shared_ptr<const Checkpoint> checkpoint_;
  std::optional<Mix> mix_;
  ConvertResult result_;
};

void Conversion::announce(const std::vector<PlannedTensor>& tensors) {
  ConvertSize size;
  size.tensors = tensors.size();
  for (const PlannedTensor& tensor : tensors) size.bytes += tensor.bytes();
  result_.bytes = size.bytes;
  listener_.on_plan(size);
}

// llama.cpp tells models without a query latent by their number of layers, and has one epsilon for
// all norms (deepseek2.cpp).
void Conversion::note_limits() {
  const ModelConfig& c = checkpoint_->config();
  const bool is_lite = c.attention == AttentionKind::mla && c.q_lora_rank == 0;
  if (c.has_dspark())
    note(
        "the stages of DSpark (mtp.*) are left out: llama.cpp keeps them in a file of their own, "
        "which weir does not write");
  if (is_lite && c.num_hidden_layers != 26 && c.num_hidden_layers != 27)
    note(
        fmt::format("llama.cpp loads models without a query latent only when they have 26 or 27 "
                    "layers; this one has {}. weir reads the file",
                    c.num_hidden_layers));
  if (c.attention == AttentionKind::mla && c.rms_norm_eps != kLatentEpsilon)
    note(
        fmt::format("'rms_norm_eps' is {}: DeepSeek's code and weir take {} in the norms of the "
                    "latents all the same, llama.cpp takes {} there too, so its logits differ "
                    "from this model's",
                    c.rms_norm_eps, kLatentEpsilon, c.rms_norm_eps));
}

Result<void> Conversion::add_tokenizer(GgufMetadata& metadata) {
  if (!file_exists(join_path(request_.from, "tokenizer.json"))) {
    metadata.set("tokenizer.ggml.model", std::string("none"));  // llama.cpp's word for it
    note(request_.from +
         ": has no tokenizer.json, so the GGUF file has no tokenizer; chat programs need one");
    return {};
  }
  const Tokenizer tokenizer = TRY(read_tokenizer(request_.from));
  const std::string chat_template = TRY(read_chat_template(request_.from));
  const int rows = checkpoint_->config().vocab_size;
  for (int id : TRY_IN(request_.from, tokens_without_rows(tokenizer, chat_template, rows)))
    note(fmt::format(
        "{}: token {} ('{}') has no row in the model, so it is left out of the GGUF file",
        request_.from, id, printable(tokenizer.token_text(id))));
  const std::vector<int> ends = TRY(ends_of_folder(request_.from, tokenizer, chat_template));
  TRY_IN(request_.from, write_gguf_tokenizer(tokenizer, chat_template, metadata, rows));
  write_gguf_ends(tokenizer, chat_template, ends, rows, metadata);
  return {};
}

// Types stay those that the plan has, so what was quantized is quantized again.
Result<void> Conversion::fold(std::vector<PlannedTensor>& tensors, bool is_gguf) {
  if (request_.adapter.empty()) return {};
  auto adapter =
      std::make_shared<LoraAdapter>(TRY(read_lora(request_.adapter, checkpoint_->config())));
  return fold_adapter(std::move(adapter), checkpoint_->config(), is_gguf, tensors);
}

Result<void> Conversion::to_gguf() {
  if (mix_) mix_->is_weighed = !request_.importance.empty();
  GgufPlan plan = TRY(plan_gguf(*checkpoint_, mix_));
  TRY(fold(plan.tensors, true));
  if (!checkpoint_->gguf()) {
    plan.metadata.set("general.name", base_name(request_.from));
    TRY(facts_to_gguf(request_.from, plan.metadata));
    note_limits();
    TRY(add_tokenizer(plan.metadata));
  }
  std::optional<ImportanceFile> importance;
  if (!request_.importance.empty()) importance = TRY(ImportanceFile::open(request_.importance));
  std::vector<GgufWriter::Tensor> infos;
  for (const PlannedTensor& tensor : plan.tensors)
    infos.push_back({tensor.name, tensor.type, tensor.shape});
  if (const std::string text = requantization_note(plan.tensors); !text.empty()) note(text);
  if (!plan.fallbacks.empty()) note(plan.fallbacks);
  announce(plan.tensors);
  GgufWriter writer =
      TRY(GgufWriter::create(request_.to, plan.metadata, std::move(infos), request_.split_bytes));
  Importance of;
  if (importance)
    of = [&](const std::string& name, size_t columns) { return importance->find(name, columns); };
  TRY(write_tensors(
      plan.tensors, pool_, of,
      [&](std::span<const std::byte> piece) { return writer.write(piece); }, listener_));
  result_.files = TRY(writer.finish());
  if (importance && importance->found() == 0)
    note(request_.importance + ": names none of this model's tensors, so it had no effect");
  return {};
}

Result<void> Conversion::write_tokenizer_files(const std::string& folder) {
  if (!checkpoint_->gguf()) {
    // Whatever belongs to the tokenizer and to generation, the card and the licence stay as they
    // are.
    std::vector<const char*> names(std::begin(kTokenizerFiles), std::end(kTokenizerFiles));
    names.insert(names.end(), {"README.md", "LICENSE", "LICENSE.txt", "NOTICE"});
    for (const char* name : names) {
      const std::string from = join_path(request_.from, name);
      if (!file_exists(from)) continue;
      const std::string text = TRY(read_file(from));
      TRY(write_file_atomic(join_path(folder, name), text));
    }
    return {};
  }
  const GgufMetadata& metadata = checkpoint_->gguf()->metadata();
  if (!metadata.find("tokenizer.ggml.tokens")) {
    note(request_.from + ": has no tokenizer, so the folder has none");
    return {};
  }
  const Tokenizer tokenizer = TRY_IN(request_.from, read_gguf_tokenizer(metadata));
  TokenizerConfigOptions options;
  options.model_max_length = checkpoint_->config().max_position_embeddings;
  options.chat_template = TRY_IN(request_.from, gguf_chat_template(metadata));
  TRY(write_tokenizer(tokenizer, folder, options));
  const std::vector<int> ends = TRY_IN(request_.from, gguf_ends(metadata, tokenizer));
  return facts_to_folder(metadata, tokenizer, ends, folder);
}

// Where the source's file says something else than it holds, the copy says what it holds.
void state_what_is_there(const ModelConfig& written, Json& config) {
  const Json own = config_json(written);
  const Json* said = config.find("tie_word_embeddings");
  if (written.tie_word_embeddings != (said && said->as_bool() && *said->as_bool()))
    config.set("tie_word_embeddings", written.tie_word_embeddings);
  for (const char* key : {"num_nextn_predict_layers", "num_mtp_layers"})
    if (config.find(key)) config.set(key, written.num_nextn_predict_layers);
  config.set("architectures", *own.find("architectures"));
}

// config.json as the source has it where it is a folder, with what the conversion changes.
Result<void> Conversion::write_texts(const FolderPlan& plan, const std::string& folder) {
  Json config = config_json(plan.config);
  if (!checkpoint_->gguf()) {
    config = TRY(read_json_file(join_path(request_.from, "config.json")));
    config.erase("quantization_config");
    config.erase("expert_dtype");
    config.erase("auto_map");  // names code that does not travel
    state_what_is_there(plan.config, config);
  }
  WeightType most = WeightType::f32;
  uint64_t largest = 0;
  for (const PlannedTensor& tensor : plan.tensors)
    if (tensor.rows() * tensor.columns() > largest) {
      largest = tensor.rows() * tensor.columns();
      most = tensor.type;
    }
  config.set("torch_dtype", torch_dtype(most));
  config.erase("dtype");
  TRY(write_file_atomic(join_path(folder, "config.json"), config.dump(2) + "\n"));
  return write_tokenizer_files(folder);
}

Result<void> Conversion::to_folder() {
  std::optional<WeightType> type;
  if (mix_) {
    type = mix_->base;
    if (*dtype_of(mix_->base) == 0 && mix_->base != WeightType::mxfp4)
      return Error{
          fmt::format("a folder holds f32, f16, bf16 or mxfp4, not {}; give a name that ends in "
                      ".gguf",
                      mix_->name)};
  }
  FolderPlan plan = TRY(plan_folder(*checkpoint_, type));
  TRY(fold(plan.tensors, false));
  use_names_of_files(plan);
  std::vector<TensorPlan> infos;
  for (const PlannedTensor& tensor : plan.tensors)
    infos.push_back({tensor.name, tensor.dtype(), tensor.shape});
  const auto write_data = [&](SafetensorsWriter& writer) {
    announce(plan.tensors);
    return write_tensors(
        in_order_of(writer, plan.tensors), pool_, {},
        [&](std::span<const std::byte> piece) { return writer.write(piece); }, listener_);
  };
  result_.files =
      TRY(write_model_folder(request_.to, std::move(infos), request_.split_bytes, write_data,
                             [&](const std::string& folder) { return write_texts(plan, folder); }));
  return {};
}

Result<ConvertResult> Conversion::run() {
  if (is_same_place(request_.from, request_.to))
    return Error{request_.to + ": is what is read; give another place to write to"};
  TRY(check_output(request_.to, request_.overwrites, request_.split_bytes > 0));
  if (!request_.type.empty()) mix_ = TRY(find_mix(request_.type));
  checkpoint_ = TRY(Checkpoint::open(request_.from));
  for (const std::string& text : checkpoint_->notes()) note(text);
  for (const std::string& name : checkpoint_->unexpected())
    if (result_.notes.size() < 5 && !(checkpoint_->gguf() && has_gguf_name(request_.to)))
      note(
          fmt::format("{}: tensor '{}' belongs to nothing that the configuration has and is left "
                      "out",
                      request_.from, name));
  TRY(has_gguf_name(request_.to) ? to_gguf() : to_folder());
  return std::move(result_);
}

}  // namespace

Result<ConvertResult> convert(const ConvertRequest& request, ThreadPool& pool,
                              ConvertListener& listener) {
  ConvertRequest plain = request;
  plain.from = plain_path(request.from);
  plain.to = plain_path(request.to);
  return Conversion(plain, pool, listener).run();
}

}  // namespace weir
