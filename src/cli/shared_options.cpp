#include "cli/shared_options.h"

namespace weir {

void add_threads(CommandBuilder& command, int& threads) {
  command.count("--threads", threads, 0, 1024, "number of threads; 0: one per fast physical core");
}

void add_exact(CommandBuilder& command, bool& exact) {
  command.flag("--exact", exact,
               "do not quantize activations, which are else int14 (slower, nearly the same)");
}

void add_panel_cache(CommandBuilder& command, std::string& folder) {
  command.option(
      "--panel-cache", folder, "DIR",
      "folder that keeps quantized weights as this program repacks them, for faster starts "
      "[none]");
}

void add_cache(CommandBuilder& command, std::string& cache, double& limit_gib) {
  command.choice("--cache", cache, {"auto", "expanded", "latent"},
                 "KV cache form; latent (MLA models only) is smaller; auto: latent unless weights "
                 "are f32");
  command.option("--cache-limit", limit_gib, "GIB", "KV cache size in GiB [80 % of free memory]")
      .real_number(0, 1e6);
}

void add_expert_memory(CommandBuilder& command, double& gib) {
  command
      .option("--expert-memory", gib, "GIB",
              "memory in GiB for experts, which are then read from the disk when they are chosen "
              "[only when the weights do not fit: 85 % of free memory, less the other weights]")
      .real_number(0, 1e6);
}

void add_cache_type(CommandBuilder& command, std::string& type) {
  command.choice("--cache-type", type, {"f32", "f16", "bf16", "q8", "q4"},
                 "numbers of the KV cache; q8 and q4 are rotated codes of 8 and 4 bits: smaller, "
                 "faster at depth, less exact");
}

void add_sets(CommandBuilder& command, std::vector<std::string>& sets, const char* help) {
  command.option("--set", sets, "KEY=VALUE", help).repeatable();
}

void add_texts(CommandBuilder& command, std::vector<std::string>& paths, std::string& field,
               bool& skip_bad_lines) {
  command
      .argument("PATHS", paths, "text, Markdown, HTML, JSONL (gzip too), folders, patterns", "...")
      .required();
  command.value("--field", field, "KEY", "JSONL key of the text");
  command.flag("--skip-bad-lines", skip_bad_lines, "skip JSONL lines that cannot be read");
}

}  // namespace weir
