#include "cli/size_report.h"

#include <fmt/format.h>

#include <iterator>

#include "base/text.h"
#include "config/engram.h"
#include "config/size.h"
#include "engine/kv_cache.h"

namespace weir {
namespace {

constexpr int64_t kContexts[] = {4096, 32768, 131072};

class Page {
 public:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// "15.706 B", "524.288 M", "2048".
std::string count_text(int64_t n) {
  if (n >= 1'000'000'000) return fmt::format("{:.3f} B", double(n) / 1e9);
  if (n >= 1'000'000) return fmt::format("{:.3f} M", double(n) / 1e6);
  return fmt::format("{}", n);
}

std::string bits_text(int64_t elements, double bits) {
  return format_bytes(double(elements) * bits / 8);
}

bool is_latent(const ModelConfig& c) { return c.attention == AttentionKind::mla; }
// DeepSeek-V2's paper compares its cache with the model before it, which says something of models
// of such sizes only.
bool compares_with_67b(const ModelConfig& c) {
  return is_latent(c) && model_size(c).total > 1'000'000'000;
}

// "0, 0, then 4 and 128 in turn" would need a grammar: how many layers have which number.
std::string entries_text(const ModelConfig& c) {
  std::map<int, int> layers;
  for (int ratio : c.compress_ratios) ++layers[ratio];
  std::string text;
  for (const auto& [ratio, count] : layers)
    text += fmt::format("{}{} in {} layers", text.empty() ? "" : ", ",
                        ratio == 0   ? "none"
                        : ratio == 1 ? "one a position"
                                     : fmt::format("one for {} positions", ratio),
                        count);
  return text;
}

std::string attention_text(const ModelConfig& c) {
  if (c.is_compressed())
    return fmt::format(
        "{} heads of {} over one row of keys and values, a window of {}, {} streams\n"
        "  entries    {}; {} of them chosen by {} indexer heads of {}",
        c.num_attention_heads, c.head_dim, c.sliding_window, c.hc_mult, entries_text(c),
        c.index_topk, c.index_n_heads, c.index_head_dim);
  if (!is_latent(c))
    return fmt::format("{} query and {} key/value heads of {}", c.num_attention_heads,
                       c.num_key_value_heads, c.head_dim);
  std::string sparse = c.is_sparse()
                           ? fmt::format("; to {} tokens chosen by {} indexer heads of {}",
                                         c.index_topk, c.index_n_heads, c.index_head_dim)
                           : "";
  return fmt::format("latent, {} heads of {} + {} rotary, values {}, latent {}, query latent {}{}",
                     c.num_attention_heads, c.qk_nope_head_dim, c.qk_rope_head_dim, c.v_head_dim,
                     c.kv_lora_rank, c.q_lora_rank > 0 ? std::to_string(c.q_lora_rank) : "none",
                     sparse);
}

std::string experts_text(const ModelConfig& c) {
  std::string groups = c.group_kind == GroupKind::none
                           ? ""
                           : fmt::format(" out of {} of {} groups", c.topk_group, c.n_group);
  return fmt::format("{} routed, {} chosen{} by {}, {} shared, width {}", c.n_routed_experts,
                     c.num_experts_per_tok, groups,
                     c.gate == GateKind::softmax   ? "softmax"
                     : c.gate == GateKind::sigmoid ? "sigmoid"
                                                   : "sqrtsoftplus",
                     c.n_shared_experts, c.moe_intermediate_size);
}

void write_parameters(Page& page, const ModelConfig& config, int64_t context) {
  ModelSize s = model_size(config);
  page.line("\nparameters  {} in all, {} active per token (the embedding's look-up not counted)",
            count_text(s.total), count_text(s.active));
  const int64_t tables = engram_table_elements(config);  // looked up, as the embedding is
  const std::pair<const char*, int64_t> kParts[] = {{"embedding and head", s.embedding - tables},
                                                    {"tables of n-grams", tables},
                                                    {"attention", s.attention},
                                                    {"dense layers", s.dense_mlp},
                                                    {"experts", s.experts},
                                                    {"routers", s.router},
                                                    {"norms", s.norms}};
  for (auto [name, n] : kParts)
    if (n > 0)
      page.line("  {:<20} {:>12}  {:5.1f} %", name, count_text(n),
                100. * double(n) / double(s.total));
  if (s.mtp > 0) page.line("  {:<20} {:>12}  on top", "multi-token modules", count_text(s.mtp));
  double work = forward_flops_per_token(config, int(context)) / 1e9;
  page.line("work per token at a context of {}: {:.3g} GFLOP forward, {:.3g} GFLOP in training",
            context, work, 3 * work);
}

void write_tensors(Page& page, const std::vector<TensorShape>& tensors, const std::string& prefix) {
  for (const TensorShape& tensor : tensors) {
    std::string shape = fmt::format("[{}]", fmt::join(tensor.shape, ", "));
    if (tensor.copies > 1) shape = fmt::format("{} x {}", tensor.copies, shape);
    page.line("  {:<44} {:>20} {:>12}", tensor.name.substr(prefix.size()), shape,
              count_text(tensor.elements()));
  }
}

void write_shapes(Page& page, const ModelConfig& config) {
  page.line("\ntensors");
  write_tensors(page, outer_tensors(config), "");
  for (const LayerGroup& group : layer_groups(config)) {
    if (group.count == 1)
      page.line("layer {} ({})", group.first, group.kind);
    else
      page.line("layers {} to {} ({}), each of {}", group.first, group.first + group.count - 1,
                group.kind, group.count);
    write_tensors(page, layer_tensors(config, group.first),
                  fmt::format("model.layers.{}.", group.first));
  }
}

void write_cache(Page& page, const ModelConfig& config) {
  CacheSize size = cache_size(config);
  CacheSavings savings = cache_savings(config);
  const char* own = is_latent(config)        ? "latent"
                    : config.is_compressed() ? "entries and index keys"
                                             : "keys and values";
  page.line("\ncache per token, all layers");
  page.line("  {:<44} {:>10} {:>12} {:>12}", "", "numbers", "bf16", "f32");
  auto row = [&](const char* name, int64_t n) {
    page.line("  {:<44} {:>10} {:>12} {:>12}", name, n, bits_text(n, 16), bits_text(n, 32));
  };
  row(own, size.elements);
  row("plain multi-head attention, same heads", size.multi_head_elements);
  if (compares_with_67b(config)) {
    row("DeepSeek-67B (8 key/value heads)", savings.dense_elements);
    page.line(
        "  saved against the same heads: {:.1f} %; against DeepSeek-67B: {:.1f} %, and {:.1f} % "
        "with 6-bit numbers against its bf16",
        100 * savings.own_heads, 100 * savings.dense, 100 * savings.dense_six_bits);
  } else {
    page.line("  saved against the same heads: {:.1f} %", 100 * savings.own_heads);
  }
  if (config.is_compressed())
    page.line("  in the number formats that DeepSeek serves it with: {:.0f} bytes",
              served_cache_bytes(config));
  if (config.is_compressed())
    page.line("  and of every sequence besides, for the window and open entries: {} in f32, {} so",
              format_bytes(recent_bytes(config, CacheType::f32)),
              format_bytes(recent_bytes(config, CacheType::deepseek)));

  page.line("\ncache of one sequence {:>28} {:>12} {:>12}", "4K", "32K", "128K");
  auto contexts = [&](const std::string& name, int64_t n, double bits) {
    page.line("  {:<35} {:>12} {:>12} {:>12}", name, bits_text(n * kContexts[0], bits),
              bits_text(n * kContexts[1], bits), bits_text(n * kContexts[2], bits));
  };
  contexts(fmt::format("{}, f32", own), size.elements, 32);
  contexts(fmt::format("{}, bf16", own), size.elements, 16);
  if (is_latent(config)) contexts("expanded per head, f32", size.multi_head_elements, 32);
  if (compares_with_67b(config)) contexts("DeepSeek-67B, bf16", savings.dense_elements, 16);
}

std::string verdict(double needed, double free_bytes) {
  if (free_bytes <= 0) return "";
  if (needed <= free_bytes) return "fits";
  return fmt::format("does not fit: needs {}, {} free", format_bytes(needed),
                     format_bytes(free_bytes));
}

constexpr const char* kPackedMeaning = "packed: a copy of every matrix in the order of products";

void write_generation(Page& page, const ModelConfig& config, const SizeQuestion& q) {
  page.line("\nmemory to generate, {} tokens in the cache ({})", q.context, kPackedMeaning);
  page.line("  {:<18} {:>10} {:>10} {:>10} {:>10}", "", "weights", "packed", "cache", "in all");
  auto inference = [&](const char* name, int bytes, bool latent) {
    InferenceMemory m = inference_memory(config, bytes, q.context, latent);
    page.line("  {:<18} {:>10} {:>10} {:>10} {:>10}  {}", name, format_bytes(m.weights),
              format_bytes(m.panels), format_bytes(m.cache), format_bytes(m.total()),
              verdict(m.total(), q.free_bytes));
  };
  if (is_latent(config)) {
    inference("f32, latent", 4, true);
    inference("f32, expanded", 4, false);
    inference("bf16, latent", 2, true);
  } else {
    inference("f32", 4, false);
    inference("bf16", 2, false);
  }
}

void write_training(Page& page, const ModelConfig& config, const SizeQuestion& q) {
  page.line("\nmemory to train in f32 with AdamW, {} tokens at a time ({})", q.tokens,
            kPackedMeaning);
  page.line("  {:<18} {:>10} {:>10} {:>10} {:>10} {:>11} {:>10}", "", "weights", "gradients",
            "moments", "packed", "activations", "in all");
  for (bool recompute : {false, true}) {
    TrainingMemory m = training_memory(config, q.tokens, recompute);
    page.line("  {:<18} {:>10} {:>10} {:>10} {:>10} {:>11} {:>10}  {}",
              recompute ? "blocks recomputed" : "everything kept", format_bytes(m.weights),
              format_bytes(m.gradients), format_bytes(m.moments), format_bytes(m.panels),
              format_bytes(m.activations), format_bytes(m.total()),
              verdict(m.total(), q.free_bytes));
  }
}

Json tensor_json(const std::vector<TensorShape>& tensors) {
  Json list = Json::array();
  for (const TensorShape& tensor : tensors) {
    Json shape = Json::array();
    for (uint64_t dimension : tensor.shape) shape.push(dimension);
    Json entry = Json::object();
    entry.set("name", tensor.name);
    entry.set("shape", std::move(shape));
    entry.set("copies", tensor.copies);
    list.push(std::move(entry));
  }
  return list;
}

Json cache_json(const ModelConfig& config) {
  CacheSize size = cache_size(config);
  CacheSavings savings = cache_savings(config);
  Json json = Json::object();
  json.set("numbers_per_token", size.elements);
  json.set("multi_head_numbers_per_token", size.multi_head_elements);
  json.set("deepseek_67b_numbers_per_token", savings.dense_elements);
  json.set("saved_against_own_heads", savings.own_heads);
  json.set("saved_against_deepseek_67b", savings.dense);
  json.set("saved_against_deepseek_67b_in_6_bits", savings.dense_six_bits);
  Json contexts = Json::array();
  for (int64_t context : kContexts) {
    Json entry = Json::object();
    entry.set("context", context);
    entry.set("f32_bytes", size.elements * context * 4);
    entry.set("bf16_bytes", size.elements * context * 2);
    entry.set("expanded_f32_bytes",
              (is_latent(config) ? size.multi_head_elements : size.elements) * context * 4);
    entry.set("deepseek_67b_bf16_bytes", savings.dense_elements * context * 2);
    contexts.push(std::move(entry));
  }
  json.set("contexts", std::move(contexts));
  return json;
}

Json memory_json(const ModelConfig& config, const SizeQuestion& q) {
  Json json = Json::object();
  json.set("free_bytes", q.free_bytes);
  json.set("context", q.context);
  json.set("tokens", q.tokens);
  for (int bytes : {4, 2}) {
    InferenceMemory m = inference_memory(config, bytes, q.context, is_latent(config));
    Json entry = Json::object();
    entry.set("weights", m.weights);
    entry.set("panels", m.panels);
    entry.set("cache", m.cache);
    entry.set("total", m.total());
    entry.set("fits", m.total() <= q.free_bytes);
    json.set(bytes == 4 ? "generate_f32" : "generate_bf16", std::move(entry));
  }
  for (bool recompute : {false, true}) {
    TrainingMemory m = training_memory(config, q.tokens, recompute);
    Json entry = Json::object();
    entry.set("weights", m.weights);
    entry.set("gradients", m.gradients);
    entry.set("moments", m.moments);
    entry.set("panels", m.panels);
    entry.set("activations", m.activations);
    entry.set("total", m.total());
    entry.set("fits", m.total() <= q.free_bytes);
    json.set(recompute ? "train_recomputed" : "train", std::move(entry));
  }
  return json;
}

}  // namespace

std::string size_report(const ModelConfig& config, const SizeQuestion& question) {
  Page page;
  page.line("{} ({}): {} layers, hidden {}, vocabulary {}, positions {}", question.name,
            config.model_type, config.num_hidden_layers, config.hidden_size, config.vocab_size,
            config.max_position_embeddings);
  page.line("  attention  {}", attention_text(config));
  if (config.n_routed_experts > 0) page.line("  experts    {}", experts_text(config));
  if (has_engram(config)) page.line("  n-grams    {}", engram_words(config));
  write_parameters(page, config, question.context);
  if (question.shapes) write_shapes(page, config);
  write_cache(page, config);
  if (question.generates) write_generation(page, config, question);
  write_training(page, config, question);
  return page.take();
}

Json size_json(const ModelConfig& config, const SizeQuestion& question) {
  ModelSize s = model_size(config);
  Json parameters = Json::object();
  parameters.set("total", s.total);
  parameters.set("active", s.active);
  parameters.set("embedding", s.embedding - engram_table_elements(config));
  parameters.set("ngram_tables", engram_table_elements(config));
  parameters.set("attention", s.attention);
  parameters.set("dense_mlp", s.dense_mlp);
  parameters.set("experts", s.experts);
  parameters.set("router", s.router);
  parameters.set("norms", s.norms);
  parameters.set("mtp", s.mtp);
  Json layers = Json::array();
  for (const LayerGroup& group : layer_groups(config)) {
    Json entry = Json::object();
    entry.set("kind", group.kind);
    entry.set("first", group.first);
    entry.set("count", group.count);
    entry.set("tensors", tensor_json(layer_tensors(config, group.first)));
    layers.push(std::move(entry));
  }
  Json json = Json::object();
  json.set("name", question.name);
  json.set("config", config_json(config));
  json.set("parameters", std::move(parameters));
  json.set("tensors", tensor_json(outer_tensors(config)));
  json.set("layers", std::move(layers));
  json.set("cache", cache_json(config));
  json.set("memory", memory_json(config, question));
  return json;
}

}  // namespace weir
