// The page of a bot, driven in a real browser. Its model is random, so a real question ends as a
// refusal; what an answer looks like is shown with one that the test makes up.
#include <gtest/gtest.h>

#include "base/file.h"
#include "knowledge/knowledge_base.h"
#include "testing/serve_fixture.h"
#include "testing/training_fixture.h"
#include "testing/webdriver.h"

namespace weir {
namespace {

// One server and one browser for all tests.
class BotPage : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!Browser::installed()) return;
    browser_ = Browser::start("en").release();
    ASSERT_TRUE(browser_);
    folder_ = new TemporaryFolder;
    {
      const auto base = KnowledgeBase::open(folder_->file("pumps.db"), Database::Access::create);
      ASSERT_TRUE(base);
      Document document;
      document.name = "valves.md";
      document.blocks.push_back(
          {DocumentBlock::Kind::paragraph, 0, 0, "The valve of line 2 opens at 6 bar."});
      auto transaction = Transaction::begin(base->database());
      const auto file = base->add_file({.path = "valves.md", .hash = "1", .labels = ""});
      ASSERT_TRUE(file && base->add_document(*file, "", prepare_document(document, {})));
      ASSERT_TRUE(transaction->commit());
    }
    ServerOptions options;
    options.knowledge.bases.push_back(
        *ServedBase::open({.name = "bot", .path = folder_->file("pumps.db")}, {}));
    options.knowledge.bot = R"({"name": "Pumps & Co", "welcome": "Hello.", "knowledge": "bot",)"
                            R"( "suggested": ["When does the valve of line 2 open?"]})";
    auto server = Server::start(tiny_served(), std::move(options));
    ASSERT_TRUE(server) << server.error().message;
    server_ = server->release();
  }
  static void TearDownTestSuite() {
    delete browser_;
    delete server_;
    delete folder_;
    browser_ = nullptr, server_ = nullptr, folder_ = nullptr;
  }
  void SetUp() override {
    if (!Browser::installed())
      GTEST_SKIP() << "THE PAGE IS NOT TESTED: there is no chromium with chromedriver here; "
                      "scripts/install-packages browser installs both";
    ASSERT_TRUE(browser_ && browser_->works() && server_);
    (void)browser_->messages();
    static int number = 0;
    browser_->open("http://localhost:" + std::to_string(server_->port()) + "/?" +
                   std::to_string(++number));
    ASSERT_TRUE(browser_->waits_for("document.getElementById('thread')"));
  }
  void TearDown() override {
    if (!browser_ || !browser_->works() || !server_) return;
    for (const std::string& message : browser_->messages()) ADD_FAILURE() << message;
    EXPECT_EQ(browser_->text("performance.getEntriesByType('resource').map(e => e.name)"
                             ".filter(name => !name.startsWith(location.origin)).join()"),
              "");
  }
  std::string text_of(const std::string& selector) {
    return browser_->text("document.querySelector(`" + selector + "`)?.textContent ?? 'nothing'");
  }
  void audit(const char* what) {
    static const auto script = read_file(WEIR_SOURCE_DIR "/src/testing/page_audit.js");
    ASSERT_TRUE(script);
    EXPECT_EQ(browser_->run("const found = " + *script + "; return found").text(), "") << what;
  }

  static inline Browser* browser_ = nullptr;
  static inline Server* server_ = nullptr;
  static inline TemporaryFolder* folder_ = nullptr;
};

TEST_F(BotPage, ASuggestedQuestionIsAskedAndRefused) {
  EXPECT_EQ(text_of("h1"), "Pumps & Co");
  audit("at the beginning");
  browser_->click(".suggested button");
  ASSERT_TRUE(browser_->waits_for("document.querySelector('.is-refused')"));
  EXPECT_EQ(text_of(".asked p"), "When does the valve of line 2 open?");
  EXPECT_FALSE(text_of(".is-refused").empty());
  browser_->click(".verdict button:last-child");
  ASSERT_TRUE(browser_->waits_for("document.querySelector('.verdict span')"));
  EXPECT_EQ(text_of(".verdict"), "Thank you.");
  const auto kept = read_file(folder_->file("pumps.db.feedback.jsonl"));
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_NE(kept->find("\"helpful\":false"), std::string::npos) << *kept;
}

TEST_F(BotPage, AnswersShowTheirSources) {
  browser_->run(
      "const real = window.fetch;"
      "window.fetch = (path, options) => !String(path).endsWith('/ask') ? real(path, options) :"
      "  Promise.resolve(new Response(JSON.stringify({answered: true, answer: 'It opens at 6 bar.',"
      "    sentences: [{text: 'It opens at <b>6</b> bar.', supported: true, source: {"
      "      document: 'docs/valves.md', title: '', heading: 'Line 2', page: 3,"
      "      quote: 'opens at 6 bar'}}]})))");
  browser_->type("#question", std::string("When?") + Browser::kEnter);
  ASSERT_TRUE(browser_->waits_for("document.querySelector('.answered')"));
  EXPECT_EQ(text_of(".answered p"), "It opens at <b>6</b> bar.1");  // text, never markup
  EXPECT_EQ(text_of(".source"), "nothing");
  browser_->click(".mark");
  EXPECT_EQ(text_of(".source strong"), "valves.md · Line 2 · page 3");
  EXPECT_EQ(text_of(".source blockquote"), "opens at 6 bar");
  audit("with a source");
  browser_->click(".mark");
  EXPECT_EQ(text_of(".source"), "nothing");
}

}  // namespace
}  // namespace weir
