// Knowledge bases behind the server. What the random model writes no source supports, so every
// question that it is asked ends as a refusal.
#include <gtest/gtest.h>

#include "base/file.h"
#include "chat/chat_form.h"
#include "chat/chat_tools.h"
#include "knowledge/knowledge_base.h"
#include "knowledge/unanswered.h"
#include "testing/serve_fixture.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

Document document(const std::string& name, const std::string& text) {
  Document d;
  d.name = name;
  d.blocks.push_back({DocumentBlock::Kind::heading, 1, 0, "Valves"});
  d.blocks.push_back({DocumentBlock::Kind::paragraph, 0, 0, text});
  return d;
}

class KnowledgeRoutes : public testing::Test {
 protected:
  KnowledgeRoutes() : path_(folder_.file("pumps.db")) {
    const auto base = KnowledgeBase::open(path_, Database::Access::create);
    EXPECT_TRUE(base) << base.error().message;
    add(*base, "/srv/manuals/valves.md", "", "The valve of line 2 opens at 6 bar.");
    add(*base, "secret.md", ",board,", "The valve of line 2 costs 800 pounds.");
    auto served = ServedBase::open({.name = "pumps", .path = path_}, {});
    EXPECT_TRUE(served) << served.error().message;
    ServerOptions options;
    options.knowledge.bases.push_back(*std::move(served));
    options.knowledge.bot = "{\"name\":\"Pumps\"}";
    auto server = Server::start(tiny_served(), std::move(options));
    EXPECT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }

  static void add(const KnowledgeBase& base, const std::string& name, const std::string& labels,
                  const std::string& text) {
    auto transaction = Transaction::begin(base.database());
    const auto file = base.add_file({.path = name, .hash = name, .labels = labels});
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE(base.add_document(*file, labels, prepare_document(document(name, text), {})));
    ASSERT_TRUE(transaction->commit());
  }

  ServedReply post(const std::string& path, const std::string& body) {
    return ask(server_->port(), "POST", path, body);
  }

  TemporaryFolder folder_;
  const std::string path_;
  std::unique_ptr<Server> server_;
};

TEST_F(KnowledgeRoutes, SearchFindsWhatHasNoLabel) {
  const ServedReply reply =
      post("/knowledge/pumps/search", R"({"question": "the valve of line 2", "count": 9})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  ASSERT_EQ(at(reply.json(), "results").size(), 1u);
  EXPECT_EQ(at(reply.json(), "results.0.document").text(), "valves.md");
  EXPECT_EQ(at(reply.json(), "results.0.heading").text(), "Valves");
}

TEST_F(KnowledgeRoutes, SearchFindsWhatItsLabelsAllow) {
  const auto served = ServedBase::open({.name = "pumps", .path = path_}, {"board"});
  ASSERT_TRUE(served) << served.error().message;
  EXPECT_EQ((*served)->search("the valve of line 2", 9)->size(), 2u);
  const auto plain = ServedBase::open({.name = "pumps", .path = path_}, {});
  EXPECT_EQ((*plain)->search("the valve of line 2", 9)->size(), 1u);
  EXPECT_EQ((*plain)->search("the valve of line 2", 9, {"board"})->size(), 2u);
  EXPECT_EQ((*plain)->search("the valve of line 2", 9, {"staff"})->size(), 1u);
  EXPECT_FALSE(ServedBase::open({.name = "pumps", .path = path_}, {"not a label"}));
}

TEST_F(KnowledgeRoutes, WhatTheModelMakesUpIsRefused) {
  const ServedReply reply =
      post("/knowledge/pumps/ask", R"({"question": "When does the valve of line 2 open?"})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_FALSE(*at(reply.json(), "answered").as_bool());
  EXPECT_EQ(at(reply.json(), "refusal").text(), "no sentence was supported");
  EXPECT_GT(number(reply.json(), "usage.completion_tokens"), 0);
  // The question is kept for the FAQ.
  const auto base = KnowledgeBase::open(path_, Database::Access::read);
  const auto questions = unanswered_questions(*base);
  ASSERT_TRUE(questions) << questions.error().message;
  ASSERT_EQ(questions->size(), 1u);
  EXPECT_EQ((*questions)[0].question, "When does the valve of line 2 open?");
}

// The mean log-probability of the question as the model's reply to the prompt.
double fit_of(const OpenModel& open, const AnswerPrompt& prompt, const std::string& question) {
  const auto form = ChatForm::choose(open, "models/tiny.gguf", {});
  Json messages = Json::array();
  messages.push(chat_message("system", prompt.system));
  messages.push(chat_message("user", prompt.user));
  Request request;
  request.prompt = form->encode(open, messages)->tokens;
  request.scores_prompt = true;
  request.scored_from = int(request.prompt.size());
  const std::vector<int> reply = *open.tokenizer->encode(question);
  request.prompt.insert(request.prompt.end(), reply.begin(), reply.end());
  request.tokens_max = 1;
  request.sampling.temperature = 0;
  const auto completions = open.generator->generate({&request, 1});
  double sum = 0;
  for (const TokenScore& score : (*completions)[0].prompt_scores)
    if (score.is_scored) sum += double(score.log_probability);
  return sum / double(reply.size());
}

// The random model writes nothing that is supported, so passages are quoted: in the order that
// their words and the model's scores give.
TEST_F(KnowledgeRoutes, TheModelScoresThePassagesThatAreQuoted) {
  const std::string path = folder_.file("two.db");
  {
    const auto base = KnowledgeBase::open(path, Database::Access::create);
    ASSERT_TRUE(base) << base.error().message;
    // The longer document is found second, and its valve fits the random model better. What stands
    // beside the valve is too long to be quoted with it.
    std::string six = "The valve of line 2 opens at 6 bar. Pumps are blue";
    for (int i = 0; i < 20; ++i) six += " and pipes are long";
    add(*base, "six.md", "", six + ".");
    add(*base, "nine.md", "", "The valve of line 2 opens at 950 psi, says Marlow of Leeds.");
  }
  auto served = ServedBase::open(
      {.name = "two", .path = path, .searched = 10, .quotes = Quotes::fallback}, {});
  ASSERT_TRUE(served) << served.error().message;
  const std::string question = "When does the valve of line 2 open?";
  Answer expected = *(*served)->begin(question);
  ASSERT_GE(expected.passages.size(), 2u);
  std::vector<double> fits;
  const OpenModel open = open_tiny_model();
  for (const FoundChunk& passage : passages_to_score(question, expected.passages, expected.sources))
    fits.push_back(fit_of(open, question_prompt(question, passage), question));
  Answer by_words = expected;
  check_reply("", (*served)->options(), by_words);
  order_by_fit(fits, expected.passages);
  check_reply("", (*served)->options(), expected);
  const auto text_of = [&](const Answer& answer) {
    return answer_json(answer, question).text_at("answer");
  };
  ASSERT_NE(text_of(expected), text_of(by_words)) << fits[0] << " " << fits[1];

  ServerOptions options;
  options.knowledge.bases.push_back(*std::move(served));
  const auto server = Server::start(tiny_served(), std::move(options));
  ASSERT_TRUE(server) << server.error().message;
  const auto asked = [&](const std::string& route, const std::string& body) {
    const ServedReply reply = ask((*server)->port(), "POST", route, body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply;
  };
  const Json reply = asked("/knowledge/two/ask", R"({"question": ")" + question + R"("})").json();
  EXPECT_EQ(at(reply, "answer").text(), text_of(expected)) << reply.dump();
  EXPECT_TRUE(*at(reply, "quoted").as_bool());
  const std::string messages =
      R"("messages": [{"role": "user", "content": ")" + question + R"("}]})";
  const ServedReply stream =
      asked("/v1/chat/completions", R"({"model": "tiny@two", "stream": true, )" + messages);
  EXPECT_NE(stream.body.find(expected.sentences[0].text), std::string::npos) << stream.body;
  // Where there is no room for all prompts, the words decide.
  auto again = ServedBase::open(
      {.name = "two", .path = path, .searched = 10, .quotes = Quotes::fallback}, {});
  ASSERT_TRUE(again) << again.error().message;
  ServerOptions narrow;
  narrow.sequences_max = 2;
  narrow.knowledge.bases.push_back(*std::move(again));
  const auto small = Server::start(tiny_served(), std::move(narrow));
  ASSERT_TRUE(small) << small.error().message;
  const ServedReply unscored =
      ask((*small)->port(), "POST", "/knowledge/two/ask", R"({"question": ")" + question + R"("})");
  EXPECT_EQ(at(unscored.json(), "answer").text(), text_of(by_words));
  EXPECT_LT(number(unscored.json(), "usage.prompt_tokens"), number(reply, "usage.prompt_tokens"));
}

TEST_F(KnowledgeRoutes, WhatTheBaseDoesNotHoldNeedsNoModel) {
  const ServedReply reply = post("/knowledge/pumps/ask", R"({"question": "Who wrote Hamlet?"})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_FALSE(*at(reply.json(), "answered").as_bool());
  EXPECT_EQ(number(reply.json(), "usage.completion_tokens"), 0);
}

TEST_F(KnowledgeRoutes, AGreetingIsNoQuestion) {
  const Json reply = post("/knowledge/pumps/ask", R"({"question": "Hello!"})").json();
  EXPECT_EQ(at(reply, "refusal").text(), "no question");
  EXPECT_EQ(at(reply, "answer").text(), "Please ask a question about the documents.");
  const auto base = KnowledgeBase::open(path_, Database::Access::read);
  EXPECT_TRUE(unanswered_questions(*base)->empty());
}

constexpr const char* kNoAnswer = "The documents do not answer this question.";

// What the random model writes no source supports, so each dialect says that there is no answer.
TEST_F(KnowledgeRoutes, ConversationsOfEveryDialectAreAnsweredFromABase) {
  const std::string messages =
      R"("messages": [{"role": "user", "content": "When does the valve of line 2 open?"}])";
  const Json chat =
      post("/v1/chat/completions", R"({"model": "tiny@pumps", )" + messages + "}").json();
  EXPECT_EQ(at(chat, "choices.0.message.content").text(), kNoAnswer) << chat.dump();
  EXPECT_GT(number(chat, "usage.completion_tokens"), 0);
  EXPECT_EQ(at(post("/v1/chat/completions", R"({"knowledge": "pumps", )" + messages + "}").json(),
               "choices.0.message.content")
                .text(),
            kNoAnswer);
  EXPECT_EQ(at(post("/v1/messages", R"({"model": "tiny@pumps", "max_tokens": 9, )" + messages + "}")
                   .json(),
               "content.0.text")
                .text(),
            kNoAnswer);
  EXPECT_EQ(
      at(post("/api/chat", R"({"model": "tiny@pumps:latest", "stream": false, )" + messages + "}")
             .json(),
         "message.content")
          .text(),
      kNoAnswer);
  EXPECT_EQ(at(post("/v1/responses", R"({"model": "tiny@pumps", "input": "When does the valve of )"
                                     R"(line 2 open?", "max_output_tokens": 9})")
                   .json(),
               "output.0.content.0.text")
                .text(),
            kNoAnswer);
  const ServedReply stream =
      post("/v1/chat/completions", R"({"model": "tiny@pumps", "stream": true, )" + messages + "}");
  EXPECT_NE(stream.body.find(kNoAnswer), std::string::npos) << stream.body;
  EXPECT_TRUE(stream.body.ends_with("data: [DONE]\n\n")) << stream.body;
}

TEST_F(KnowledgeRoutes, ConversationsAboutSomethingElseNeedNoModel) {
  const std::string messages = R"("messages": [{"role": "user", "content": "Who wrote Hamlet?"}]})";
  const Json chat = post("/v1/chat/completions", R"({"model": "tiny@pumps", )" + messages).json();
  EXPECT_EQ(at(chat, "choices.0.message.content").text(), kNoAnswer);
  EXPECT_EQ(number(chat, "usage.completion_tokens"), 0);
  const ServedReply stream =
      post("/v1/chat/completions", R"({"model": "tiny@pumps", "stream": true, )" + messages);
  EXPECT_NE(stream.body.find(kNoAnswer), std::string::npos) << stream.body;
  EXPECT_TRUE(stream.body.ends_with("data: [DONE]\n\n")) << stream.body;
}

TEST_F(KnowledgeRoutes, ConversationsSayWhatABaseCannotDo) {
  const auto ask_with = [&](const std::string& more) {
    return post("/v1/chat/completions",
                "{" + more + R"("messages": [{"role": "user", "content": "the valve"}]})");
  };
  EXPECT_EQ(ask_with(R"("knowledge": "none", )").status, 404);
  EXPECT_EQ(ask_with(R"("knowledge": 7, )").status, 404);
  EXPECT_EQ(ask_with(R"("model": "tiny@none", )").status, 404);
  EXPECT_EQ(
      ask_with(R"("knowledge": "pumps", "response_format": {"type": "json_object"}, )").status,
      400);
  EXPECT_EQ(ask_with(R"("knowledge": "pumps", "logprobs": true, )").status, 400);
  EXPECT_EQ(post("/v1/completions", R"({"model": "tiny@pumps", "prompt": "a"})").status, 400);
  EXPECT_EQ(ask_with(R"("model": "tiny", "max_tokens": 3, )").status, 200);
}

TEST_F(KnowledgeRoutes, VerdictsLandInAFile) {
  EXPECT_EQ(post("/knowledge/pumps/feedback",
                 R"({"question": "q", "answer": "a", "helpful": true, "note": "n"})")
                .status,
            200);
  EXPECT_EQ(post("/knowledge/pumps/feedback", R"({"question": "q", "helpful": false})").status,
            200);
  EXPECT_EQ(post("/knowledge/pumps/feedback", R"({"question": "q"})").status, 400);
  const auto text = read_file(path_ + ".feedback.jsonl");
  ASSERT_TRUE(text) << text.error().message;
  const std::vector<std::string> lines = split(*text, '\n');
  ASSERT_EQ(lines.size(), 3u);  // the last one is empty
  const auto first = parse_json(lines[0]);
  EXPECT_EQ(first->text_at("note"), "n");
  EXPECT_TRUE(*first->bool_at("helpful"));
}

TEST_F(KnowledgeRoutes, WrongRequestsSayWhatIsWrong) {
  const ServedReply other = post("/knowledge/none/ask", R"({"question": "q"})");
  EXPECT_EQ(other.status, 404);
  EXPECT_NE(other.body.find("there are: pumps"), std::string::npos) << other.body;
  EXPECT_EQ(post("/knowledge/pumps/ask", R"({"question": ""})").status, 400);
  EXPECT_EQ(post("/knowledge/pumps/ask", R"({"question": " \n "})")
                .status,
            400);
  EXPECT_EQ(post("/knowledge/pumps/ask", R"({"question": "q", "stream": true})").status, 400);
  EXPECT_EQ(post("/knowledge/pumps/ask", "{").status, 400);
  EXPECT_EQ(post("/knowledge/pumps/search", R"({"question": "q", "count": 1000})").status, 400);
  EXPECT_EQ(post("/knowledge/pumps/ask/more", R"({"question": "q"})").status, 404);
  EXPECT_EQ(ask(server_->port(), "GET", "/knowledge/pumps/ask").status, 405);
}

TEST_F(KnowledgeRoutes, ABotHasItsOwnPage) {
  EXPECT_EQ(at(ask(server_->port(), "GET", "/bot.json").json(), "name").text(), "Pumps");
  EXPECT_NE(ask(server_->port(), "GET", "/").body.find("/page/bot.js"), std::string::npos);
  EXPECT_NE(ask(server_->port(), "GET", "/page/index.html").body.find("/page/main.js"),
            std::string::npos);
  const auto plain = tiny_server();
  EXPECT_EQ(ask(plain->port(), "GET", "/bot.json").status, 404);
  EXPECT_NE(ask(plain->port(), "GET", "/").body.find("/page/main.js"), std::string::npos);
}

}  // namespace
}  // namespace weir
