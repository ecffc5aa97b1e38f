#include "tasks/problem_set.h"

#include <array>

#include "base/text.h"
#include "tasks/kinds.h"

namespace weir {
namespace {

struct Kind {
  const char* name;
  SetResult (*read)(OptionReader& in);
};

constexpr std::array kKinds = {
    Kind{"sums", read_sums},     Kind{"words", read_words},   Kind{"countdown", read_countdown},
    Kind{"recall", read_recall}, Kind{"facts", read_facts},   Kind{"chat", read_chat},
    Kind{"safety", read_safety}, Kind{"file", read_file_set}, Kind{"composed", read_composed},
};

}  // namespace

Result<std::unique_ptr<ProblemSet>> read_problem_set(OptionReader in,
                                                     const std::string& default_kind) {
  std::string name = default_kind;
  in.field("kind", name);
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) {
    names.emplace_back(kind.name);
    if (name != kind.name) continue;
    std::unique_ptr<ProblemSet> set = TRY(kind.read(in));
    TRY(in.finish());
    return set;
  }
  std::string message = "must be a kind of problems, not '" + printable(name) + "'";
  if (std::string near = nearest_word(name, names); !near.empty())
    message += "; did you mean '" + near + "'?";
  message += " There are:";
  for (const std::string& known : names) message += " " + known;
  return in.error("kind", message);
}

}  // namespace weir
