#include "cli/inspect_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/direct_file.h"
#include "base/file.h"
#include "base/text.h"
#include "checkpoint/size_check.h"
#include "cli/bandwidth.h"
#include "cli/disk_rate.h"
#include "config/engram.h"
#include "config/size.h"
#include "convert/conversion_plan.h"
#include "engine/kv_cache.h"
#include "model/expert_plan.h"

namespace weir {
namespace {

// Adds a tensor by its GGUF or HuggingFace name.
void add(StoredBytes& stored, const ModelConfig& config, const std::string& name, WeightType type,
         double bytes) {
  stored.by_type[type] += bytes;
  stored.all += bytes;
  const double share = share_per_token(config, name);
  stored.per_token += share * bytes;
  if (name.find(".engram.embed.") != std::string::npos) stored.tables += bytes;
  if (name.find("_exps") == std::string::npos && name.find(".mlp.experts.") == std::string::npos &&
      name.find(".ffn.experts.") == std::string::npos)
    return;
  stored.experts += bytes;
  stored.experts_per_token += share * bytes;
}

// The type that the files call `name`; what is none counts as f32.
WeightType type_named(const std::string& name) {
  if (const TypeTraits* traits = find_type(name.c_str())) return traits->type;
  if (name == "I8" || name == "F4") return WeightType::mxfp4;  // codes without their scales
  const auto type = weight_type(name);
  return type ? *type : WeightType::f32;
}

}  // namespace

WeightType StoredBytes::main_type() const {
  const auto most =
      std::max_element(by_type.begin(), by_type.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == by_type.end() ? WeightType::f32 : most->first;
}

StoredBytes stored_bytes(const Checkpoint& checkpoint) {
  StoredBytes stored;
  checkpoint.for_each_stored([&](const std::string& name, const std::string& type,
                                 const std::vector<uint64_t>&, uint64_t bytes) {
    add(stored, checkpoint.config(), name, type_named(type), double(bytes));
  });
  if (const GgufFile* file = checkpoint.gguf())
    for (const GgufTensor& tensor : file->tensors())
      stored.is_cut = stored.is_cut || (tensor.bytes > 0 && file->data(tensor).empty());
  return stored;
}

Result<StoredBytes> planned_bytes(const ModelConfig& config, const Mix& mix) {
  StoredBytes stored;
  const GgufPlan plan = TRY(plan_gguf(config, find_nothing, mix));
  for (const PlannedTensor& tensor : plan.tensors)
    add(stored, config, tensor.name, tensor.type, double(tensor.bytes()));
  return stored;
}

// Tables of equal shape agree in a few rows. Two roundings of the same numbers differ by a tenth,
// numbers that were trained apart by more than their size.
bool head_repeats_embedding(const Checkpoint& checkpoint) {
  if (checkpoint.config().tie_word_embeddings) return false;
  const auto table = checkpoint.find("model.embed_tokens.weight");
  const auto head = checkpoint.find("lm_head.weight");
  if (!table || !head || table->shape != head->shape || table->rows() < 8) return false;
  std::vector<float> a(table->columns()), b(table->columns());
  double difference = 0, size = 0;
  for (uint64_t i = 0; i < 8; ++i) {
    const uint64_t row = table->rows() * (2 * i + 1) / 16;
    decode_row(*table, row, a.data());
    decode_row(*head, row, b.data());
    for (size_t k = 0; k < a.size(); ++k) {
      difference += double(a[k] - b[k]) * double(a[k] - b[k]);
      size += double(a[k]) * double(a[k]) + double(b[k]) * double(b[k]);
    }
  }
  return difference < 0.1 * size;
}

namespace {

bool is_all_f32(const StoredBytes& stored) {
  return stored.by_type.size() == 1 && stored.by_type.count(WeightType::f32) > 0;
}

// Seconds for the weights of a token: every type that matters at its own rate.
double token_seconds(const StoredBytes& stored, ThreadPool& pool) {
  double seconds = 0, counted = 0;
  for (const auto& [type, bytes] : stored.by_type) {
    if (bytes < 0.05 * stored.all) continue;
    const double rate =
        type == WeightType::f32 ? memory_bandwidth(pool) : decoding_rate(pool, type);
    seconds += bytes / rate;
    counted += bytes;
  }
  return counted > 0 ? seconds * stored.per_token / counted : 0;
}

std::string count_text(int64_t n) {
  if (n >= 100'000'000'000) return fmt::format("{:.0f} B", double(n) / 1e9);
  if (n >= 1'000'000'000) return fmt::format("{:.3g} B", double(n) / 1e9);
  if (n >= 1'000'000) return fmt::format("{:.3g} M", double(n) / 1e6);
  return fmt::format("{}", n);
}

std::string what_it_is(const Summary& s) {
  const ModelConfig& c = s.config;
  const ModelSize size = model_size(c);
  const int64_t table = int64_t(c.vocab_size) * c.hidden_size;
  std::string text = fmt::format("{}, {} parameters", c.model_type,
                                 count_text(size.total - (s.head_repeats ? table : 0)));
  if (c.n_routed_experts > 0) text += fmt::format(" ({} for a token)", count_text(size.active));
  return text + fmt::format(", {} layers of width {}, vocabulary {}, context {}",
                            c.num_hidden_layers, c.hidden_size, c.vocab_size,
                            c.max_position_embeddings);
}

std::string on_disk(const Summary& s) {
  std::vector<std::pair<double, WeightType>> types;
  for (const auto& [type, bytes] : s.stored.by_type) types.push_back({bytes, type});
  std::sort(types.rbegin(), types.rend());
  std::string list;
  for (const auto& [bytes, type] : types)
    if (bytes >= 0.01 * s.stored.all)
      list += fmt::format("{}{:.0f} % {}", list.empty() ? "" : ", ", 100 * bytes / s.stored.all,
                          type_name(type));
  std::string text = format_bytes(s.stored.all);
  text += s.is_planned ? fmt::format(" as {} (a plan, no weights are here): ", s.type_name)
                       : " of weights: ";
  text += list;
  if (s.head_repeats) text += "; the head repeats the embedding";
  if (s.stored.is_cut) text += "; THE FILE IS CUT: download it again";
  return text;
}

std::string in_memory(const Summary& s) {
  std::string text = fmt::format("{} with {} tokens of context: {} of weights, ",
                                 format_bytes(s.memory()), s.context, format_bytes(s.stored.all));
  if (s.packed > 0) text += fmt::format("{} of packed copies, ", format_bytes(s.packed));
  text += fmt::format("{} of cache", format_bytes(s.cache));
  if (s.free_bytes <= 0) return text;
  text += fmt::format("; {} free: ", format_bytes(s.free_bytes));
  return text + (s.memory() <= s.free_bytes
                     ? "fits"
                     : "larger, so " +
                           std::string(s.disk.kept > 0       ? "experts"
                                       : s.stored.tables > 0 ? "rows of tables"
                                                             : "weights") +
                           " are read from the disk again and again");
}

std::string can_do(const Summary& s) {
  if (!s.knows_abilities) return "unknown without its files";
  std::string text =
      s.abilities.has_template ? "chat (has a template)" : "continue text (no chat template)";
  if (s.abilities.tools) text += ", tools";
  if (s.abilities.thinking) text += ", thinking";
  if (s.abilities.fill_in) text += ", fill in the middle";
  return text;
}

}  // namespace

namespace {

// Bytes that a token's rows of tables of n-grams cost: a block for each row, and one for its
// scales.
double table_reads(const ModelConfig& config) {
  if (!has_engram(config)) return 0;
  return 2. * double(DirectFile::kBlock) * engram_columns(config) *
         double(config.engram_layer_ids.size());
}

// Experts are read while others are computed, but what all of a layer wait for is not: so times are
// added. Of a model without experts every token reads all weights in turn, which leaves nothing of
// use in a smaller page cache.
DiskForecast forecast(const Summary& s, double memory_seconds) {
  DiskForecast f;
  if (s.file.empty()) return f.reason = "which is measured with a file of weights", f;
  const auto disk = disk_rate(s.file, 0.5);
  if (!disk) return f.reason = disk.error().message, f;
  const StoredBytes& stored = s.stored;
  f.memory_bytes = stored.per_token;
  const double memory =
      expert_memory_bytes(s.free_bytes, stored.all - stored.experts - stored.tables);
  if (stored.experts > 0 || (stored.tables > 0 && memory > 0)) {
    if (memory <= 0)
      return f.reason = "and what every token reads does not fit: it will not run", f;
    f.rate = disk->scattered;
    f.kept = stored.experts > 0 ? std::min(1., memory / stored.experts) : 0;
    f.bytes = (1 - f.kept) * stored.experts_per_token + table_reads(s.config);
  } else {
    f.rate = disk->in_order;
    f.bytes = stored.per_token;
  }
  f.tokens_per_second = 1 / (memory_seconds + f.bytes / f.rate);
  return f;
}

std::string forecast_text(const DiskForecast& f) {
  std::string text = fmt::format(
      "predicted: about {:.2g} tokens/s: {} of a token's {} come from the disk at {}/s (measured "
      "now)",
      f.tokens_per_second, format_bytes(f.bytes), format_bytes(f.memory_bytes),
      format_bytes(f.rate));
  if (f.kept <= 0) return text;
  return text + fmt::format(", as {:.0f} % of the experts stay in memory, were all chosen as often",
                            100 * f.kept);
}

}  // namespace

void measure(Summary& s, ThreadPool& pool) {
  const bool is_f32 = is_all_f32(s.stored);
  const bool is_latent = s.config.attention == AttentionKind::mla && !is_f32;
  const InferenceMemory memory = inference_memory(s.config, 4, s.context, is_latent);
  s.cache = cache_bytes(s.config, is_latent ? CacheForm::latent : CacheForm::expanded, s.cache_type,
                        s.context) +
            recent_bytes(s.config, s.cache_type);
  s.packed = is_f32 && memory.panels < 0.5 * s.free_bytes ? memory.panels : 0;
  const double seconds = s.stored.all > 0 ? token_seconds(s.stored, pool) : 0;
  if (seconds <= 0) return;
  if (s.fits())
    s.tokens_per_second = 1 / seconds;
  else
    s.disk = forecast(s, seconds);
}

std::string summary_text(const Summary& s) {
  std::string speed = "not measured: bound by the disk";
  if (!s.fits()) speed += s.disk.reason.empty() ? "" : ", " + s.disk.reason;
  if (s.disk.tokens_per_second > 0) speed = forecast_text(s.disk);
  if (s.tokens_per_second > 0)
    speed = fmt::format("measured now, with other programs running: about {:.{}f} tokens/s",
                        s.tokens_per_second, s.tokens_per_second < 10 ? 1 : 0);
  return fmt::format("{}: {}\n  on disk  {}\n  memory   {}\n  speed    {}\n  can      {}\n",
                     printable(s.name, 200), what_it_is(s), on_disk(s), in_memory(s), speed,
                     can_do(s));
}

Json summary_json(const Summary& s) {
  const ModelSize size = model_size(s.config);
  const int64_t table = int64_t(s.config.vocab_size) * s.config.hidden_size;
  Json json = Json::object();
  json.set("parameters", size.total - (s.head_repeats ? table : 0));
  json.set("is_planned", s.is_planned);
  json.set("is_cut", s.stored.is_cut);
  json.set("disk_bytes", s.stored.all);
  json.set("bytes_per_token", s.stored.per_token);
  json.set("main_type", type_name(s.stored.main_type()));
  json.set("context", s.context);
  json.set("cache_type", cache_type_name(s.cache_type));
  json.set("cache_bytes", s.cache);
  json.set("packed_bytes", s.packed);
  json.set("memory_bytes", s.memory());
  json.set("free_bytes", s.free_bytes);
  json.set("fits_memory", s.fits());
  json.set("tokens_per_second_about", s.tokens_per_second);
  if (s.disk.tokens_per_second > 0) {
    json.set("tokens_per_second_predicted", s.disk.tokens_per_second);
    json.set("disk_bytes_per_second", s.disk.rate);
    json.set("disk_bytes_per_token", s.disk.bytes);
    json.set("experts_kept", s.disk.kept);
  }
  if (s.knows_abilities) {
    json.set("chat_template", s.abilities.has_template);
    json.set("tools", s.abilities.tools);
    json.set("thinking", s.abilities.thinking);
    json.set("fill_in_the_middle", s.abilities.fill_in);
  }
  return json;
}

}  // namespace weir
