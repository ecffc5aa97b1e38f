// Any bytes as a question to a small base: never an error of SQL or FTS5's syntax, and every chunk
// found lies in the base. What the words make of a text stays within its limits, and an answer of
// any bytes is checked without a crash.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "knowledge/answer.h"
#include "knowledge/knowledge_add.h"
#include "knowledge/knowledge_search.h"

namespace {

weir::KnowledgeSearch& search() {
  static weir::ThreadPool pool(1);
  static weir::KnowledgeSearch made = [] {
    const std::string path =
        (std::filesystem::temp_directory_path() / ("weir_fuzz_" + std::to_string(getpid()) + ".db"))
            .string();
    std::filesystem::remove(path);
    {
      auto base = weir::KnowledgeBase::open(path, weir::Database::Access::create);
      if (!base) std::abort();
      weir::Document document;
      document.name = "a.txt";
      document.blocks = {
          {weir::DocumentBlock::Kind::heading, 1, 0, "Near and not"},
          {weir::DocumentBlock::Kind::paragraph, 0, 0, "a OR b NEAR c: the words* of \"quotes\"."},
          {weir::DocumentBlock::Kind::paragraph, 0, 0, "软件包的依赖关系 apt-get wal_level 15.2"}};
      auto file = base->add_file({0, "a.txt", "hash", ""});
      if (!file || !base->add_document(*file, "", weir::prepare_document(document, {})))
        std::abort();
    }
    auto opened = weir::KnowledgeSearch::open(path, pool);
    std::filesystem::remove(path);  // the open file stays
    if (!opened) std::abort();
    return *std::move(opened);
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto found = search().search(text, {});
  if (!found) std::abort();
  for (const weir::Word& word : weir::split_words(text))
    if (word.text.empty() || word.text.size() > 64) std::abort();
  if (weir::query_words(text).size() > 64) std::abort();
  weir::Answer answer;
  answer.sources = *found;
  weir::check_reply(text, {}, answer);
  for (const weir::AnswerSentence& sentence : answer.sentences)
    if (answer.sources[size_t(sentence.evidence.text)].text.find(sentence.evidence.quote) ==
        std::string::npos)
      std::abort();
  return 0;
}
