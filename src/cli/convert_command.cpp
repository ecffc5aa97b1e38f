// `weir convert`, `weir quantize` and `weir make-random`: models from one file into another.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "base/progress.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/conversion_view.h"
#include "cli/shared_options.h"
#include "convert/convert.h"
#include "convert/make_random.h"
#include "convert/mix.h"
#include "formats/gguf.h"

namespace weir {
namespace {

struct ConvertOptions {
  std::string from, to, type, importance;
  double split_gb = 0;  // 10^9 bytes; 0: one GGUF file, shards of 5 GB in a folder
  bool overwrites = false;
  bool lists_tensors = false;
  int threads = 0;
};

struct MakeRandomOptions {
  std::string to, like, type = "bf16";
  int layers = 0;  // 0: all
  uint64_t seed = 1;
  double split_gb = 0;
  bool overwrites = false;
  int threads = 0;
};

uint64_t split_bytes(double gigabytes) { return uint64_t(gigabytes * 1e9); }

Result<Ending> convert_model(const ConvertOptions& options) {
  ThreadPool pool(options.threads);
  ConvertRequest request;
  request.from = options.from;
  request.to = options.to;
  request.type = options.type;
  request.split_bytes = split_bytes(options.split_gb);
  request.overwrites = options.overwrites;
  request.importance = options.importance;
  ConversionView view("converting", options.lists_tensors);
  catch_stop_signals();
  return finish(view, convert(request, pool, view));
}

Result<Ending> make_random_model(const MakeRandomOptions& options) {
  ThreadPool pool(options.threads);
  RandomModelRequest request;
  request.like = options.like;
  request.to = options.to;
  request.type = options.type;
  request.layers = options.layers;
  request.seed = options.seed;
  request.split_bytes = split_bytes(options.split_gb);
  request.overwrites = options.overwrites;
  ConversionView view("making", false);
  catch_stop_signals();
  return finish(view, make_random(request, pool, view));
}

constexpr const char* kOutHelp = "a .gguf file, or a folder that does not exist yet";

std::string type_help() { return fmt::format("{}", fmt::join(mix_names(), ", ")); }

void add_output(CommandBuilder& c, double& split_gb, bool& overwrites) {
  c.option("--split-size", split_gb, "GB",
           "maximum file size in GB [GGUF: no split; safetensors: 5]")
      .real_number(0.001, 1e6);
  c.flag("--overwrite", overwrites, "replace a .gguf file that exists");
}

void add_convert(CommandGroup& commands) {
  auto [c, o] = commands.add(
      "convert", "convert a model to GGUF or to a HuggingFace folder; merge, split, retype",
      convert_model, Writes::files);
  c.argument("FROM", o.from, kModelHelp).required();
  c.argument("TO", o.to, kOutHelp).required();
  c.option("--type", o.type, "WORD", "weight type [unchanged]: " + type_help()).one_of(mix_names());
  add_output(c, o.split_gb, o.overwrites);
  c.flag("--tensors", o.lists_tensors, "print a line for every tensor");
  add_threads(c, o.threads);
}

void add_quantize(CommandGroup& commands) {
  auto [c, o] =
      commands.add("quantize", "quantize a model into a GGUF file", convert_model, Writes::files);
  c.argument("FROM", o.from, kModelHelp).required();
  c.argument("TO", o.to, "a .gguf file")
      .required()
      .ends_with(".gguf", "folders hold no such types");
  c.argument("TYPE", o.type, type_help()).required().one_of(mix_names());
  c.option("--importance", o.importance, "FILE",
           "importance matrix from weir importance or llama-imatrix (GGUF)");
  add_output(c, o.split_gb, o.overwrites);
  c.flag("--tensors", o.lists_tensors, "print a line for every tensor");
  add_threads(c, o.threads);
}

void add_make_random(CommandGroup& commands) {
  auto [c, o] =
      commands.add("make-random", "write a model of a published shape with random weights",
                   make_random_model, Writes::files);
  c.argument("TO", o.to, kOutHelp).required();
  c.option("--like", o.like, "MODEL", "a name that weir inspect knows, or a config.json")
      .required();
  c.value("--type", o.type, "WORD",
          "weight type, as for convert; f8_e4m3 in a folder, and mxfp4 in one of V4");
  c.count("--layers", o.layers, 0, 1024, "number of layers; 0: all");
  c.value("--seed", o.seed, "N", "random seed; the same seed gives the same bytes").any_seed();
  add_output(c, o.split_gb, o.overwrites);
  add_threads(c, o.threads);
}

}  // namespace

void add_conversions(CommandGroup& commands) {
  add_convert(commands);
  add_quantize(commands);
  add_make_random(commands);
}

}  // namespace weir
