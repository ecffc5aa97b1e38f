// `weir serve` with several models and `weir models`, as whole programs.
#include <gtest/gtest.h>

#include "tests/run_program.h"
#include "tests/serve_program.h"
#include "tests/tiny_model.h"

namespace weir {
namespace {

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
  ServeProgram server({"--config", folder + "/server.yaml"}, folder + "/log");
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
