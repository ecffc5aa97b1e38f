// README's commands, run in their order in a folder with the files of a fresh clone and the
// finished program: each ends with code 0. Left to others: `make demo` and `make test` (CI runs the
// second, and tidy_test knows the targets) and lines that download. A block whose fence is preceded
// by
// <!-- needs FILE --> is run when the folder named by WEIR_REAL_MODELS has the file.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

struct Block {
  std::string needs;  // a file of WEIR_REAL_MODELS; empty: nothing
  std::vector<std::string> commands;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// The ```sh blocks of a document.
std::vector<Block> blocks_of(const std::string& text) {
  std::vector<Block> blocks;
  std::string needs;
  bool is_shell = false, is_fenced = false;
  constexpr std::string_view kNeeds = "<!-- needs ";
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("```")) {
      is_fenced = !is_fenced;
      is_shell = is_fenced && line == "```sh";
      if (is_shell) blocks.push_back({needs, {}});
      needs.clear();
    } else if (is_shell) {
      blocks.back().commands.push_back(line);
    } else if (line.starts_with(kNeeds)) {
      needs = line.substr(kNeeds.size(), line.find(" -->") - kNeeds.size());
    } else if (!line.empty()) {
      needs.clear();
    }
  }
  return blocks;
}

bool is_left_to_others(const std::string& command) {
  return command.empty() || command.starts_with("#") || command.starts_with("make ") ||
         command.starts_with("curl ") || command.starts_with("sudo ") ||
         command.starts_with("git clone ") || command.starts_with("cd weir");
}

struct Result {
  int code;
  std::string output;
};

Result run_in(const fs::path& folder, const std::string& command) {
  std::string line = "cd '" + folder.string() + "' && { " + command + "\n} 2>&1 </dev/null";
  FILE* pipe = popen(line.c_str(), "r");
  if (pipe == nullptr) return {-1, "popen failed"};
  std::string output;
  std::array<char, 4096> bytes;
  while (size_t count = fread(bytes.data(), 1, bytes.size(), pipe))
    output.append(bytes.data(), count);
  int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), output};
}

// What a clone has, and the program where `make` puts it.
class Clone {
 public:
  Clone() {
    std::string name = testing::TempDir() + "weir_readme_XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    const fs::path source = WEIR_SOURCE_DIR;
    for (const char* part : {"README.md", "README.zh.md", "LICENSE", "SECURITY.md", "docs",
                             "recipes", "scripts", "bench", "src", "tests", "tools", "fuzz"})
      fs::copy(source / part, folder_ / part, fs::copy_options::recursive);
    fs::create_directory(folder_ / "build");
    fs::create_symlink(WEIR_PROGRAM, folder_ / "build" / "weir");
  }
  ~Clone() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

std::string text_of(const char* document) {
  auto text = read_file(std::string(WEIR_SOURCE_DIR) + "/" + document);
  EXPECT_TRUE(text.has_value()) << document;
  return text.has_value() ? *text : "";
}

void run_blocks(const std::vector<Block>& blocks, const Clone& clone) {
  for (const Block& block : blocks) {
    for (const std::string& command : block.commands) {
      if (is_left_to_others(command)) continue;
      Result result = run_in(clone.folder(), command);
      EXPECT_EQ(result.code, 0) << command << "\n" << result.output;
      EXPECT_EQ(result.output.find("internal error"), std::string::npos) << result.output;
    }
  }
}

TEST(Readme, EveryCommandRunsInOrderInAFreshClone) {
  std::vector<Block> blocks = blocks_of(text_of("README.md"));
  std::erase_if(blocks, [](const Block& b) { return !b.needs.empty(); });
  size_t commands = 0;
  for (const Block& b : blocks)
    for (const std::string& c : b.commands) commands += !is_left_to_others(c);
  ASSERT_GE(commands, 10u) << "README shows too little to try";
  run_blocks(blocks, Clone());
}

TEST(Readme, CommandsForRealModelsRunOnThem) {
  const char* models = getenv("WEIR_REAL_MODELS");
  if (models == nullptr)
    GTEST_SKIP() << "set WEIR_REAL_MODELS to a folder with real models to run this";
  std::vector<Block> blocks = blocks_of(text_of("README.md"));
  std::erase_if(blocks, [](const Block& b) { return b.needs.empty(); });
  ASSERT_FALSE(blocks.empty());
  Clone clone;
  for (const Block& block : blocks) {
    fs::path file = fs::path(models) / block.needs;
    if (!fs::exists(file)) GTEST_SKIP() << file << " is missing";
    if (!fs::exists(clone.folder() / block.needs))
      fs::create_symlink(file, clone.folder() / block.needs);
  }
  run_blocks(blocks, clone);
}

// The Chinese page shows the same commands; only the words around them differ.
TEST(Readme, TheChinesePageShowsTheSameCommands) {
  auto commands = [](const char* document) {
    std::vector<std::string> all;
    for (const Block& block : blocks_of(text_of(document))) {
      for (std::string command : block.commands) {
        command = command.substr(0, command.find("  #"));
        while (command.ends_with(' ')) command.pop_back();
        if (!command.empty()) all.push_back(command);
      }
    }
    return all;
  };
  EXPECT_EQ(commands("README.md"), commands("README.zh.md"));
}

}  // namespace
}  // namespace weir
