// The command line as plain data: which command was asked for, with which options. commands*.cpp
// alone know CLI11; every command is a plain function of its options.
#pragma once
#include <optional>
#include <string>
#include <variant>

#include "cli/bench.h"
#include "cli/chat.h"
#include "cli/convert.h"
#include "cli/corpus.h"
#include "cli/doctor.h"
#include "cli/generate.h"
#include "cli/inspect.h"
#include "cli/logits.h"
#include "cli/perplexity.h"
#include "cli/r1.h"
#include "cli/tokenize.h"
#include "cli/tokenizer.h"
#include "cli/train.h"

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
