#include "knowledge/words.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "knowledge/database.h"
#include "knowledge/stem.h"

namespace weir {
namespace {

std::vector<std::string> texts(const std::vector<Word>& words) {
  std::vector<std::string> all;
  for (const Word& word : words) all.push_back(word.text);
  return all;
}

using List = std::vector<std::string>;

TEST(Words, FoldsStemsAndKeepsIdentifiersWhole) {
  EXPECT_EQ(texts(split_words("The wal_level settings.")),
            (List{"the", "wal", "level", "wal_level", "set"}));
  EXPECT_EQ(texts(split_words("Ｆｕｌｌ-width CAFÉ 15.20")),
            (List{"full", "width", "full-width", "café", "15", "20", "15.20"}));
}

TEST(Words, PairsCharactersOfScriptsWithoutBlanks) {
  EXPECT_EQ(texts(split_words("查看软件包 apt")),
            (List{"查看", "看软", "软件", "件包", "包", "apt"}));
}

TEST(Words, QuestionsLoseStopWordsUnlessThereIsNothingElse) {
  EXPECT_EQ(texts(query_words("How do I vacuum the tables?")), (List{"vacuum", "tabl"}));
  EXPECT_EQ(texts(query_words("怎么查看依赖")), (List{"查看", "看依", "依赖"}));
  EXPECT_EQ(texts(query_words("to be or not to be")), (List{"to", "be", "or", "not"}));
  EXPECT_EQ(texts(query_words("锁")), (List{"锁"}));
}

TEST(Words, AreFewAndShortWhateverTheText) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "word" + std::to_string(i) + " ";
  EXPECT_EQ(query_words(text).size(), 64u);
  for (const Word& word : split_words(std::string(100000, 'x') + "\xff\xfe" + std::string(99, '_')))
    EXPECT_LE(word.text.size(), 64u);
  EXPECT_TRUE(split_words("\"*()^:-NEAR").size() == 1);
  EXPECT_EQ(match_expression(query_words("\" OR * NEAR( {a b}: ^")), "\"near\" OR \"b\"");
  EXPECT_EQ(match_expression({}), "");
}

TEST(Words, EstimatesTokens) {
  EXPECT_EQ(estimate_tokens("abcdefgh"), 2u);
  EXPECT_EQ(estimate_tokens("软件包"), 2u);
}

// The tokenizer of SQLite as the reference: its stems of each word, in an index of its own.
TEST(Stem, EqualsThePorterTokenizerOfSqlite) {
  const List words = {
      "caresses",       "ponies",      "ties",        "caress",       "cats",
      "feed",           "agreed",      "plastered",   "bled",         "motoring",
      "sing",           "conflated",   "troubled",    "sized",        "hopping",
      "tanned",         "falling",     "hissing",     "fizzed",       "failing",
      "filing",         "happy",       "sky",         "relational",   "conditional",
      "rational",       "valenci",     "hesitanci",   "digitizer",    "conformabli",
      "radicalli",      "differentli", "vileli",      "analogousli",  "vietnamization",
      "predication",    "operator",    "feudalism",   "decisiveness", "hopefulness",
      "callousness",    "formaliti",   "sensitiviti", "sensibiliti",  "triplicate",
      "formative",      "formalize",   "electriciti", "electrical",   "hopeful",
      "goodness",       "revival",     "allowance",   "inference",    "airliner",
      "gyroscopic",     "adjustable",  "defensible",  "irritant",     "replacement",
      "adjustment",     "dependent",   "adoption",    "homologou",    "communism",
      "activate",       "angulariti",  "homologous",  "effective",    "bowdlerize",
      "probate",        "rate",        "cease",       "controll",     "roll",
      "vacuuming",      "indexes",     "queries",     "transactions", "replicated",
      "authentication", "yes",         "by",          "yellow",       "analyze",
      "keys",           "archive",     "archiving",   "checkpoints",  "generously",
      "skies",          "dying",       "us",          "is",           "triggers",
      "logically"};
  auto database = Database::open(":memory:", Database::Access::create);
  ASSERT_TRUE(database);
  ASSERT_TRUE(
      database->execute("CREATE VIRTUAL TABLE t USING fts5(w, tokenize = 'porter ascii');"
                        "CREATE VIRTUAL TABLE v USING fts5vocab(t, 'instance')"));
  auto add = database->prepare("INSERT INTO t(rowid, w) VALUES(?, ?)");
  ASSERT_TRUE(add);
  for (size_t i = 0; i < words.size(); ++i) ASSERT_TRUE(add->bind(int64_t(i + 1), words[i]).run());
  auto find = database->prepare("SELECT doc, term FROM v ORDER BY doc");
  ASSERT_TRUE(find);
  size_t seen = 0;
  while (*find->step()) {
    std::string stem = words[size_t(find->integer(0)) - 1];
    stem_english(stem);
    EXPECT_EQ(stem, find->text(1)) << words[size_t(find->integer(0)) - 1];
    ++seen;
  }
  EXPECT_EQ(seen, words.size());
}

}  // namespace
}  // namespace weir
