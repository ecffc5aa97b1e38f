// Any bytes as a recipe, its first line also as an argument of --set: an error that names the file,
// or values that options can be read from.
#include <cstdlib>

#include "base/options.h"
#include "base/text.h"

namespace {

void read_options(const weir::Recipe& recipe) {
  weir::OptionReader in(recipe);
  std::string word = "a", text;
  int steps = 1;
  double rate = 0.5;
  bool flag = false;
  std::vector<std::string> list;
  weir::Json any;
  in.field("steps", steps, 1, 100);
  in.field("flag", flag);
  in.field("text", text);
  in.field("list", list);
  in.field("any", any);
  weir::OptionReader train = in.section("train");
  train.field("rate", rate, 0, 1);
  train.choice("word", word, {"a", "b"});
  for (const auto& result : {train.finish(), in.finish()})
    if (!result && weir::first_invalid_utf8(result.error().message) != std::string::npos)
      std::abort();
  if (steps < 1 || steps > 100 || !(rate >= 0 && rate <= 1) || (word != "a" && word != "b"))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto recipe = weir::Recipe::parse(text, "r.yaml");
  if (!recipe && !recipe.error().message.starts_with("r.yaml:")) std::abort();
  weir::Recipe base =
      recipe ? *std::move(recipe) : *weir::Recipe::parse("train: {rate: 1}", "r.yaml");
  read_options(base);
  std::string line(text.substr(0, text.find('\n')));
  if (auto set = base.set(line); set)
    read_options(base);
  else if (!set.error().message.starts_with("--set "))
    std::abort();
  return 0;
}
