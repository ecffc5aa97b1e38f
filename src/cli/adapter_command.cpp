// weir adapter: what an adapter changes, its base with it folded in, and its other format.
#include <fmt/format.h>

#include <cmath>

#include "adapter/adapter_folder.h"
#include "adapter/lora.h"
#include "base/file.h"
#include "base/text.h"
#include "chat/open_model.h"
#include "cli/commands.h"
#include "cli/conversion_view.h"
#include "cli/shared_options.h"
#include "config/config.h"

namespace weir {
namespace {

struct AdapterInspectOptions {
  std::string adapter, base;
};
struct AdapterMergeOptions {
  std::string base, adapter, out, type;
  bool overwrites = false;
  int threads = 0;
};
struct AdapterConvertOptions {
  std::string adapter, out, base;
};

// The base's configuration: of what the caller names, or of what the adapter names.
Result<ModelConfig> base_config(const std::string& base, const std::string& adapter) {
  std::string path = base;
  if (path.empty()) {
    if (!is_directory(adapter))
      return Error{adapter + ": does not say where its base is; add --base MODEL"};
    Result<std::string> named = base_of_adapter(adapter);
    if (!named) return Error{named.error().message + "; here: --base MODEL"};
    path = *named;
  }
  return TRY(open_checkpoint(path, GgufUse::header))->config();
}

double norm_of(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += double(value) * double(value);
  return std::sqrt(sum);
}

Result<void> inspect_adapter(const AdapterInspectOptions& options) {
  const ModelConfig config = TRY(base_config(options.base, options.adapter));
  const LoraAdapter adapter = TRY(read_lora(options.adapter, config));
  fmt::print("{}\n", options.adapter);
  if (!adapter.base.empty()) fmt::print("base        {}\n", printable(adapter.base, 200));
  fmt::print("changes     {}\n", lora_words(adapter));
  fmt::print("scale       {}\n",
             adapter.is_rank_stabilized ? "alpha / sqrt(rank) (rsLoRA)" : "alpha / rank");
  fmt::print(
      "in memory   {} ({} of the base's {} numbers)\n\n",
      format_bytes(2 * sizeof(float) * double(adapter.numbers())),
      fmt::format("{:.2f} %", 100 * double(adapter.numbers()) / double(model_size(config).total)),
      format_count(double(model_size(config).total)));
  fmt::print("{:<52} {:>5} {:>8} {:>9} {:>9}\n", "module", "rank", "scale", "|A|", "|B|");
  for (const LoraModule& module : adapter.modules)
    fmt::print("{:<52} {:>5} {:>8.4g} {:>9.4g} {:>9.4g}\n", module.name, module.rank, module.scale,
               norm_of(module.a), norm_of(module.b));
  return {};
}

Result<Ending> merge_adapter(const AdapterMergeOptions& options) {
  ThreadPool pool(options.threads);
  ConvertRequest request;
  request.from = options.base;
  request.to = options.out;
  request.type = options.type;
  request.overwrites = options.overwrites;
  request.adapter = options.adapter;
  ConversionView view("merging", false);
  catch_stop_signals();
  return finish(view, convert(request, pool, view));
}

Result<void> convert_adapter(const AdapterConvertOptions& options) {
  const ModelConfig config = TRY(base_config(options.base, options.adapter));
  const LoraAdapter adapter = TRY(read_lora(options.adapter, config));
  TRY_IN(options.out, write_lora(options.out, adapter, config));
  fmt::print("{}: {}\n", options.out, lora_words(adapter));
  return {};
}

constexpr const char* kAdapterHelp = "a folder of weir tune or PEFT, or llama.cpp's .gguf";
constexpr const char* kBaseHelp = "its base, where the adapter does not name one that is here";

}  // namespace

void add_adapter(CommandGroup& commands) {
  CommandGroup group =
      commands.group("adapter", "low-rank adapters: what they are, merge, convert");
  {
    auto [c, o] = group.add("inspect", "what an adapter changes", inspect_adapter);
    c.argument("ADAPTER", o.adapter, kAdapterHelp).required();
    c.option("--base", o.base, "MODEL", kBaseHelp);
  }
  {
    auto [c, o] = group.add("merge", "fold an adapter into its base, quantized as that is",
                            merge_adapter, Writes::files);
    c.argument("BASE", o.base, kModelHelp).required();
    c.argument("ADAPTER", o.adapter, kAdapterHelp).required();
    c.option("--out", o.out, "PATH", "a .gguf file, or a folder that is not there yet").required();
    c.option(
        "--type", o.type, "TYPE",
        "types of the result, as weir convert has them [the base's; 4 bits round small changes "
        "away, q8_0 keeps them]");
    c.flag("--overwrite", o.overwrites, "replace an existing .gguf file");
    add_threads(c, o.threads);
  }
  auto [c, o] = group.add("convert", "from PEFT's format to llama.cpp's, and back", convert_adapter,
                          Writes::files);
  c.argument("ADAPTER", o.adapter, kAdapterHelp).required();
  c.option("--out", o.out, "PATH", "NAME.gguf for llama.cpp; anything else: a folder for PEFT")
      .required();
  c.option("--base", o.base, "MODEL", kBaseHelp);
}

}  // namespace weir
