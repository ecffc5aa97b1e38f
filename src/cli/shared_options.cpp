#include "cli/shared_options.h"

#include "chat/model_options.h"

namespace weir {

void add_threads(CommandBuilder& command, int& threads) {
  command.count("--threads", threads, 0, 1024, "number of threads; 0: one per fast physical core");
}

void add_exact(CommandBuilder& command, bool& exact) {
  command.flag("--exact", exact,
               "do not quantize activations, which are else int14 (slower, nearly the same)");
}

void add_expert_memory(CommandBuilder& command, double& gib) {
  command
      .option("--expert-memory", gib, "GIB",
              "memory in GiB for experts, which are then read from the disk when they are chosen "
              "[only when the weights do not fit: 85 % of free memory, less the other weights]")
      .real_number(0, 1e6);
}

void add_cache_type(CommandBuilder& command, std::string& type) {
  command.choice("--cache-type", type, kCacheTypes,
                 "numbers of the KV cache; q8 and q4 are rotated codes of 8 and 4 bits: smaller, "
                 "faster at depth, less exact; deepseek: the formats that DeepSeek serves V4 with");
}

void add_adapters(CommandBuilder& command, std::vector<std::string>& adapters) {
  command
      .option("--adapter", adapters, "[NAME=]PATH",
              "low-rank adapter: a folder of weir tune or PEFT, or llama.cpp's .gguf (repeatable; "
              "the first is used where no name chooses)")
      .repeatable();
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
