// `weir guard`: safety and risk control.
#include "cli/commands.h"
#include "cli/guard_commands.h"

namespace weir {

void add_guard(CommandGroup& commands) {
  CommandGroup group = commands.group("guard", "safety and risk control");
  add_guard_check(group);
  add_guard_report(group);
  add_guard_label(group);
  add_guard_audit(group);
  add_guard_bank(group);
  add_guard_train(group);
  add_guard_test(group);
}

}  // namespace weir
