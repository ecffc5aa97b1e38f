// The command line as plain data: which command was asked for, with which options. commands.cpp is
// the one file that knows CLI11; every command is a plain function of its options.
#pragma once
#include <optional>
#include <string>
#include <variant>

#include "cli/bench.h"
#include "cli/chat.h"
#include "cli/corpus.h"
#include "cli/doctor.h"
#include "cli/generate.h"
#include "cli/inspect.h"
#include "cli/r1.h"
#include "cli/tokenizer.h"
#include "cli/train.h"

namespace weir {

struct VersionOptions {};

using Command =
    std::variant<TrainOptions, R1Command, GenerateOptions, ChatOptions, InspectOptions, TokenizerTrainCommand,
                 TokenizerCodeCommand, CorpusCommand, DoctorCommand, BenchOptions, VersionOptions>;

// Nothing when help was asked for and printed. Errors are usage errors, with the help to look at.
Result<std::optional<Command>> parse_command_line(int count, char** arguments);

std::string version_text();

}  // namespace weir
