// The knowledge bases of a server: search, refusals, and answers that are checked.
#include "serve/knowledge_bases.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "knowledge/unanswered.h"
#include "testing/serve_fixture.h"

namespace weir {
namespace {

class KnowledgeServer : public testing::Test {
 protected:
  KnowledgeServer()
      : path_(std::filesystem::temp_directory_path() /
              ("weir_served_" + std::to_string(getpid()) + ".db")) {
    std::filesystem::remove(path_);
    auto base = KnowledgeBase::open(path_, Database::Access::create);
    add(*base, "notice.txt", "", "Employees give notice of 30 days.");
    add(*base, "salary.txt", ",staff,", "Employees earn 4000 euros a month.");
  }
  ~KnowledgeServer() override { std::filesystem::remove(path_); }

  void add(const KnowledgeBase& base, const std::string& name, const std::string& labels,
           const std::string& text) {
    Document document;
    document.name = name;
    document.blocks.push_back({DocumentBlock::Kind::paragraph, 0, 0, text});
    const auto file = base.add_file({0, name, "hash", labels});
    ASSERT_TRUE(file);
    ASSERT_TRUE(base.add_document(*file, labels, prepare_document(document, {})));
  }

  std::unique_ptr<Server> start(const std::vector<std::string>& labels) {
    ServerOptions options;
    options.knowledge = std::make_shared<KnowledgeBases>();
    auto added = options.knowledge->add("house", path_, labels, {});
    EXPECT_TRUE(added) << added.error().message;
    auto server = Server::start(tiny_served(), std::move(options));
    EXPECT_TRUE(server) << server.error().message;
    return *std::move(server);
  }

  std::string path_;
};

TEST_F(KnowledgeServer, SearchesWhatItsLabelsMaySee) {
  const std::string question = R"({"question": "What do employees give or earn?"})";
  auto open = start({});
  const ServedReply reply = ask(open->port(), "POST", "/knowledge/house/search", question);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(at(reply.json(), "results").size(), 1u);
  EXPECT_EQ(at(reply.json(), "results.0.document").text(), "notice.txt");
  auto staff = start({"staff"});
  EXPECT_EQ(at(ask(staff->port(), "POST", "/v1/knowledge/house/search", question).json(), "results")
                .size(),
            2u);
}

TEST_F(KnowledgeServer, ChecksWhatTheModelWrites) {
  auto server = start({});
  // The random model writes nothing that a source supports.
  const ServedReply reply = ask(server->port(), "POST", "/knowledge/house/ask",
                                R"({"question": "notice of employees days"})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto answered = at(reply.json(), "answered").as_bool();
  ASSERT_TRUE(answered);
  EXPECT_FALSE(*answered);
  EXPECT_EQ(at(reply.json(), "sentences").size(), 0u);
}

TEST_F(KnowledgeServer, RefusesAndNotesWhatTheDocumentsLack) {
  auto server = start({});
  const ServedReply reply = ask(server->port(), "POST", "/knowledge/house/ask",
                                R"({"question": "Where do zebras sleep?"})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(at(reply.json(), "refusal").text(), "nothing found");
  const auto base = KnowledgeBase::open(path_, Database::Access::read);
  const auto noted = unanswered_questions(*base);
  ASSERT_EQ(noted->size(), 1u);
  EXPECT_EQ((*noted)[0].question, "Where do zebras sleep?");
}

TEST_F(KnowledgeServer, NamesWhatIsWrongWithARequest) {
  auto server = start({});
  const int port = server->port();
  EXPECT_EQ(ask(port, "POST", "/knowledge/other/ask", R"({"question": "x"})").status, 404);
  EXPECT_EQ(ask(port, "POST", "/knowledge/house/ask", "{}").status, 400);
  EXPECT_EQ(ask(port, "POST", "/knowledge/house/search", "[").status, 400);
  EXPECT_EQ(ask(port, "POST", "/knowledge/house/search", R"({"question": "x", "count": 0})").status,
            400);
  EXPECT_EQ(ask(port, "GET", "/knowledge/house/ask").status, 405);
  EXPECT_EQ(ask(port, "POST", "/knowledge/house/more/ask", "{}").status, 404);
}

}  // namespace
}  // namespace weir
