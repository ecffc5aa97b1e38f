#include "cli/knowledge_commands.h"
namespace weir {
void add_knowledge_questions(CommandGroup&) {}
}
