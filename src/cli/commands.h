// The commands of weir. Each is described, read and run in its own file, X_command.cpp.
#pragma once
#include <string>

#include "cli/command_builder.h"

namespace weir {

void add_train(CommandGroup& commands);
void add_r1(CommandGroup& commands);
void add_tune(CommandGroup& commands);
void add_adapt(CommandGroup& commands);
void add_adapter(CommandGroup& commands);  // inspect, merge, convert
void add_generate(CommandGroup& commands);
void add_complete(CommandGroup& commands);
void add_embed(CommandGroup& commands);
void add_chat(CommandGroup& commands);
void add_serve(CommandGroup& commands);
void add_key(CommandGroup& commands);     // new, list, limit, revoke
void add_guard(CommandGroup& commands);   // check, train, test, audit ...
void add_models(CommandGroup& commands);  // of a running server
void add_inspect(CommandGroup& commands);
void add_tokenizer(CommandGroup& commands);  // train, encode, decode
void add_corpus(CommandGroup& commands);
void add_knowledge(CommandGroup& commands);  // add, list, remove, search, ask, check ...
void add_documents(CommandGroup& commands);
void add_extract(CommandGroup& commands);
void add_distill(CommandGroup& commands);  // sample
void add_doctor(CommandGroup& commands);
void add_scores(CommandGroup& commands);
void add_bench(CommandGroup& commands);
void add_conversions(CommandGroup& commands);  // convert, quantize, make-random
void add_logits(CommandGroup& commands);
void add_text_measures(CommandGroup& commands);  // perplexity, importance
void add_tokenize(CommandGroup& commands);

// All of them, in the order of the help.
void add_commands(CommandGroup commands);

std::string version_text();

}  // namespace weir
