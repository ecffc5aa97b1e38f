#include "guard/text_check.h"

#include "guard/guard.h"

namespace weir {

Result<TextCheck> TextCheck::open(const std::string& policy) {
  Policy read = TRY(Policy::read(policy));
  return TextCheck(TRY(Guard::create(std::move(read))));
}

bool TextCheck::passes(std::string_view answer) const {
  return !ends_reply(guard_->check(answer, Direction::answer, {}).action);
}

}  // namespace weir
