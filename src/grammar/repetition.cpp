#include "grammar/repetition.h"

#include <string>

namespace weir {
namespace {

class Reader {
 public:
  Reader(std::string_view text, size_t& at, const RepetitionRules& rules)
      : text_(text), at_(at), rules_(rules), name_(std::string("a ") + rules.name) {}

  Result<Repetition> run() {
    const int64_t min = TRY(number());
    Repetition read{min, min};
    if (take(',')) read.max = has('}') ? -1 : TRY(number());
    if (!take('}')) return wanted();
    if (read.max >= 0 && read.max < read.min) return Error{name_ + " {m,n} needs m <= n"};
    return read;
  }

 private:
  void skip() {
    while (rules_.has_blanks && at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t'))
      ++at_;
  }
  bool has(char c) {
    skip();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool take(char c) {
    const bool is_there = has(c);
    at_ += is_there;
    return is_there;
  }
  Error wanted() const { return Error{name_ + " is written {m}, {m,} or {m,n}"}; }

  Result<int64_t> number() {
    skip();
    int64_t value = 0;
    const size_t from = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      value = value * 10 + (text_[at_] - '0');
      if (value > rules_.count_max)
        return Error{name_ + " counts to at most " + std::to_string(rules_.count_max)};
    }
    if (at_ == from) return wanted();
    return value;
  }

  std::string_view text_;
  size_t& at_;
  const RepetitionRules& rules_;
  const std::string name_;
};

}  // namespace

Result<Repetition> read_repetition(std::string_view text, size_t& at,
                                   const RepetitionRules& rules) {
  return Reader(text, at, rules).run();
}

}  // namespace weir
