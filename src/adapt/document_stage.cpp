#include "adapt/adapt_stages.h"
#include "base/progress.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "documents/document.h"
#include "knowledge/knowledge_add.h"

namespace weir {

StageResult read_adapt_documents(const AdaptContext& context) {
  const KnowledgeBase base =
      TRY(KnowledgeBase::open(context.folder.file("knowledge.db"), Database::Access::create));
  AddOptions add;
  add.reader = read_documents;
  add.is_stopped = stop_requested;
  Progress progress("documents", double(context.options.files.size()), "files");
  add.progress = [&](const char*, double done, double) { progress.update(done); };
  const AddReport report =
      TRY(add_to_base(base, context.options.files, context.options.folders, add, context.pool));
  if (report.is_stopped) return std::optional<Json>();
  const BaseCounts counts = TRY(base.counts());
  if (counts.chunks == 0)
    return Error{"the documents hold no text; see what each one holds with: weir documents FILE"};
  progress.finish();
  Json json = Json::object(), notes = Json::array();
  for (const std::string& note : report.notes) notes.push(note);
  json.set("files", counts.files);
  json.set("documents", counts.documents);
  json.set("chunks", counts.chunks);
  json.set("copies", counts.copies);
  json.set("notes", std::move(notes));
  return std::optional(std::move(json));
}

}  // namespace weir
