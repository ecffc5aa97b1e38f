// `weir serve` with several models and `weir models`, as whole programs.
#include <gtest/gtest.h>

#include "tests/run_program.h"
#include "tests/tiny_model.h"

namespace weir {
namespace {

// A server in a process of its own, whose standard output says where it is.
class Serving {
 public:
  Serving(std::vector<std::string> arguments, const std::string& folder) {
    arguments.insert(arguments.begin(), {WEIR_PROGRAM, "serve", "--port", "0"});
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    child_ = fork();
    if (child_ == 0) {
      std::vector<char*> words;
      for (std::string& word : arguments) words.push_back(word.data());
      words.push_back(nullptr);
      dup2(ends[1], STDOUT_FILENO);
      if (freopen((folder + "/log").c_str(), "w", stderr)) execv(WEIR_PROGRAM, words.data());
      _exit(99);
    }
    close(ends[1]);
    char c;
    while (read(ends[0], &c, 1) == 1 && c != '\n') line_ += c;
    close(ends[0]);
  }
  // The status after SIGTERM.
  int end() {
    kill(child_, SIGTERM);
    int status = 0;
    EXPECT_EQ(waitpid(child_, &status, 0), child_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  const std::string& line() const { return line_; }
  std::string url() const { return line_.substr(std::min(line_.find("http://"), line_.size())); }

 private:
  pid_t child_ = -1;
  std::string line_;
};

struct ServeCommand : testing::Test {
  std::string folder = testing::TempDir() + "serve_command_XXXXXX";
  void SetUp() override {
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    for (const char* name : {"/one", "/two"}) {
      ASSERT_TRUE(make_directories(folder + name));
      write_tiny_model(folder + name, 600);
    }
  }
  void TearDown() override { (void)remove_all(folder); }
};

TEST_F(ServeCommand, ModelsAreListedWithWhatIsLoaded) {
  ASSERT_TRUE(write_file_atomic(folder + "/server.yaml", "models:\n  first:\n    path: " + folder +
                                                             "/one\n    idle_seconds: 900\n"
                                                             "  second:\n    path: " +
                                                             folder + "/two\n"));
  Serving server({"--config", folder + "/server.yaml"}, folder);
  ASSERT_EQ(server.line().rfind("first and second are served at http://localhost:", 0), 0u)
      << server.line() << *read_file(folder + "/log");
  const Outcome models = run({"models", "--url", server.url()});
  EXPECT_EQ(models.code, 0) << models.error;
  EXPECT_NE(models.out.find("first   loaded "), std::string::npos) << models.out;
  EXPECT_NE(models.out.find("MiB  until "), std::string::npos) << models.out;
  EXPECT_NE(models.out.find("second  unloaded"), std::string::npos) << models.out;
  EXPECT_EQ(server.end(), 0);
  const std::string log = *read_file(folder + "/log");
  EXPECT_NE(log.find("model first is loaded after"), std::string::npos) << log;
  const Outcome gone = run({"models", "--url", server.url()});
  EXPECT_NE(gone.code, 0);
  EXPECT_NE(gone.error.find(server.url()), std::string::npos) << gone.error;
}

TEST_F(ServeCommand, WrongModelsEndItAtTheStart) {
  const struct {
    std::vector<std::string> arguments;
    const char* words;
  } cases[] = {
      {{}, "there is no model"},
      {{folder + "/one", folder + "/nowhere"}, "nowhere"},
      {{folder + "/one", folder + "/one"}, "have the name 'one'"},
      {{folder + "/one", folder + "/two", "--name", "x"}, "--name is for one model"},
      {{folder + "/one", "--set", "port=1"}, "--config"},
      {{folder + "/one", "--memory", "0.00001"}, "--memory allows"},
      {{folder + "/one", "--config", "x.yaml"}, "leave out MODEL"},
  };
  for (const auto& [more, words] : cases) {
    std::vector<std::string> arguments = {"serve", "--port", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run(arguments);
    EXPECT_NE(outcome.code, 0) << words;
    EXPECT_NE(outcome.error.find(words), std::string::npos) << outcome.error;
  }
}

}  // namespace
}  // namespace weir
