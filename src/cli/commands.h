// The command line as plain data: which command was asked for, with which options. commands*.cpp
// alone know CLI11; every command is a plain function of its options.
#pragma once
#include <optional>
#include <string>
#include <variant>

#include "cli/bench_command.h"
#include "cli/chat_command.h"
#include "cli/convert_command.h"
#include "cli/corpus_command.h"
#include "cli/doctor_command.h"
#include "cli/generate_command.h"
#include "cli/inspect_command.h"
#include "cli/logits_command.h"
#include "cli/perplexity_command.h"
#include "cli/r1_command.h"
#include "cli/tokenize_command.h"
#include "cli/tokenizer_command.h"
#include "cli/train_command.h"

namespace weir {

struct VersionOptions {};

using Command =
    std::variant<TrainOptions, R1Command, GenerateOptions, ChatOptions, InspectOptions,
                 TokenizerTrainCommand, TokenizerCodeCommand, TokenizeOptions, CorpusCommand,
                 DoctorCommand, BenchOptions, ConvertOptions, MakeRandomOptions, LogitsOptions,
                 PerplexityOptions, ImportanceOptions, VersionOptions>;

// Nothing when help was asked for and printed. Errors are usage errors, with the help to look at.
Result<std::optional<Command>> parse_command_line(int count, char** arguments);

std::string version_text();

}  // namespace weir
