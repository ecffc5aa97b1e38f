#include "verify/verifier.h"

#include <array>

#include "base/text.h"
#include "verify/verifiers.h"

namespace weir {
namespace {

struct Kind {
  const char* name;
  VerifierResult (*make)(const std::string& argument);
};

constexpr std::array kKinds = {
    Kind{"exact", make_exact},     Kind{"numeric", make_numeric},     Kind{"choice", make_choice},
    Kind{"regex", make_regex},     Kind{"countdown", make_countdown}, Kind{"command", make_command},
    Kind{"refusal", make_refusal}, Kind{"guard", make_guard},
};

}  // namespace

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::right:
      return "right";
    case Verdict::wrong:
      return "wrong";
    case Verdict::unparseable:
      break;
  }
  return "unparseable";
}

std::vector<std::string> verifier_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

Result<std::unique_ptr<Verifier>> make_verifier(const std::string& name) {
  const size_t colon = name.find(':');
  const std::string kind_name = name.substr(0, colon);
  const std::string argument = colon == name.npos ? "" : name.substr(colon + 1);
  for (const Kind& kind : kKinds) {
    if (kind_name != kind.name) continue;
    if (colon != name.npos && argument.empty())
      return Error{"verifier '" + printable(name) + "': nothing follows the colon"};
    return kind.make(argument);
  }
  std::string message = "there is no verifier '" + printable(kind_name) + "'";
  if (std::string near = nearest_word(kind_name, verifier_names()); !near.empty())
    message += "; did you mean '" + near + "'?";
  message += " There are:";
  for (const std::string& known : verifier_names()) message += " " + known;
  return Error{message};
}

Result<void> expect_no_argument(const std::string& name, const std::string& argument) {
  if (argument.empty()) return {};
  return Error{"verifier '" + name + "' takes nothing after a colon, not '" + printable(argument) +
               "'"};
}

}  // namespace weir
