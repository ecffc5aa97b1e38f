#include "cli/commands.h"

#include <fmt/format.h>

#include "kernels/kernels.h"

namespace weir {
namespace {

struct VersionOptions {};

Result<Ending> print_version(const VersionOptions&) {
  fmt::print("{}\n", version_text());
  return Ending::done;
}

}  // namespace

void add_commands(CommandGroup commands) {
  add_train(commands);
  add_r1(commands);
  add_tune(commands);
  add_adapt(commands);
  add_adapter(commands);
  add_generate(commands);
  add_complete(commands);
  add_embed(commands);
  add_chat(commands);
  add_serve(commands);
  add_key(commands);
  add_models(commands);
  add_inspect(commands);
  add_tokenizer(commands);
  add_corpus(commands);
  add_knowledge(commands);
  add_documents(commands);
  add_extract(commands);
  add_distill(commands);
  add_guard(commands);
  add_doctor(commands);
  add_scores(commands);
  add_bench(commands);
  add_conversions(commands);
  add_logits(commands);
  add_text_measures(commands);
  add_tokenize(commands);
  commands.add("version", "print the version", print_version);
  commands.hide("version");  // the help shows --version
}

std::string version_text() {
  return fmt::format("weir {} ({} kernels)", WEIR_VERSION, kernels().name);
}

}  // namespace weir
