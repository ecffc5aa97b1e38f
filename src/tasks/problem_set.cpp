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
    Kind{"sums", read_sums},           Kind{"words", read_words},
    Kind{"countdown", read_countdown}, Kind{"recall", read_recall},
    Kind{"facts", read_facts},         Kind{"chat", read_chat},
    Kind{"safety", read_safety},       Kind{"file", read_file_set},
    Kind{"composed", read_composed},   Kind{"instructions", read_instructions},
};

// Questions with a line of the recipe's own after them, for models that were not trained on the
// short forms of the kinds here. Sides and answers are those of the set inside.
class Suffixed final : public ProblemSet {
 public:
  Suffixed(std::unique_ptr<ProblemSet> inner, std::string suffix)
      : inner_(std::move(inner)), suffix_(std::move(suffix)) {}
  int64_t count(Split split) const override { return inner_->count(split); }
  bool holds_out_meanings() const override { return inner_->holds_out_meanings(); }
  std::vector<SetNote> notes() const override { return inner_->notes(); }
  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Problem problem = TRY(inner_->make(seed, split, index));
    for (size_t i = problem.messages.size(); i-- > 0;)
      if (problem.messages[i].role == Role::user) {
        problem.messages[i].content += "\n" + suffix_;
        break;
      }
    return problem;
  }

 private:
  std::unique_ptr<ProblemSet> inner_;
  std::string suffix_;
};

}  // namespace

Result<std::unique_ptr<ProblemSet>> read_problem_set(OptionReader in,
                                                     const std::string& default_kind) {
  std::string name = default_kind;
  in.field("kind", name);
  std::string suffix;
  in.field("suffix", suffix);
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) {
    names.emplace_back(kind.name);
    if (name != kind.name) continue;
    std::unique_ptr<ProblemSet> set = TRY(kind.read(in));
    TRY(in.finish());
    if (!suffix.empty()) set = std::make_unique<Suffixed>(std::move(set), std::move(suffix));
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
