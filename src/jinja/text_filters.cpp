// Filters that give texts.
#include <fmt/format.h>

#include "base/json.h"
#include "jinja/builtins.h"
#include "jinja/characters.h"
#include "jinja/operators.h"
#include "jinja/print.h"
#include "jinja/text_builtins.h"

namespace weir::jinja {
namespace {

constexpr size_t kSeparatorMax = 1000;  // bytes of what tojson puts between values

template <LetterCase wanted>
Result<Value> change_case(Call& call) {
  TRY(bind(call, {}));
  Text text = TRY(self_text(call));
  TRY(call.heap.work(text->text().size() / 8));
  return call.heap.text(with_case(text->content, wanted));
}

Result<Value> trim(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"chars"}));
  Text text = TRY(self_text(call));
  const StoredText* characters = TRY(text_of(given[0]));
  return stripped(call.heap, *text, characters, true, true);
}

Result<Value> replace(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"old", "new", "count"}, 2));
  Text text = TRY(self_text(call));
  Value old = TRY(to_text(call.heap, *given[0]));
  Value replacement = TRY(to_text(call.heap, *given[1]));
  return replaced(call.heap, *text, *old.text(), *replacement.text(),
                  TRY(integer_of(given[2], -1)));
}

// Lines after the first are moved to the right; empty ones only with blank=true.
Result<Value> indent(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"width", "first", "blank"}));
  if (call.self.text() == nullptr) return misuse(call.self, "indented; only a text can");
  const StoredText& text = *call.self.text();
  TracedText margin;
  if (given[0] != nullptr && given[0]->text() != nullptr) {
    margin = given[0]->text()->content;
  } else {
    const Integer width = TRY(integer_of(given[0], 4));
    if (width > 1000) return Error{"indents by more than 1000 blanks; use fewer"};
    margin.append(std::string(width < 0 ? 0 : size_t(width), ' '), true);
  }
  const bool first = TRY(truth_of(given[1], false)), blank = TRY(truth_of(given[2], false));
  // jinja2 appends a line end before it cuts into lines, so a last empty line counts as one.
  TracedText ended = text.content;
  ended.append("\n", true);
  TRY(call.heap.work_on_characters(ended.text.size()));
  TracedText out;
  bool is_first = true;
  for (const Line& line : split_lines(ended.text)) {
    TRY(call.heap.work_on_text(margin.text.size(), margin.trusted.size()));
    TRY(call.heap.check_text(out.text.size() + margin.text.size() + ended.text.size(),
                             out.trusted.size() + margin.trusted.size() + ended.trusted.size()));
    if (!is_first) out.append("\n", true);
    const bool is_empty = line.content.begin == line.content.end;
    if (is_first ? first : (blank || !is_empty)) out.append(margin);
    out.append(ended, line.content.begin, line.content.end);
    is_first = false;
  }
  return call.heap.text(std::move(out));
}

Result<Value> string(Call& call) {
  TRY(bind(call, {}));
  return to_text(call.heap, call.self);
}

Result<Value> safe(Call& call) {
  TRY(bind(call, {}));
  Text text = TRY(self_text(call));
  return call.heap.text(text->content, true);
}

Result<Value> format(Call& call) {
  Value format = TRY(to_text(call.heap, call.self));
  Value values;
  if (call.named.empty()) {
    values = TRY(call.heap.list(List::Form::tuple, call.positional));
  } else {
    std::vector<std::pair<Value, Value>> entries;
    for (const auto& [name, value] : call.named) entries.emplace_back(Value(name), value);
    values = TRY(call.heap.dict(std::move(entries)));
  }
  return format_percent(call.heap, format, values);
}

Result<Value> join(Call& call) {
  std::vector<const Value*> given = TRY(bind(call, {"d", "attribute"}));
  const List* items = TRY(iterate(call.heap, call.self));
  Value separator = TRY(call.heap.text("", true));
  if (given[0] != nullptr) separator = TRY(to_text(call.heap, *given[0]));
  TRY(call.heap.work(items->items.size()));
  std::vector<Value> parts = items->items;
  if (given[1] != nullptr) {
    const AttributePath path = TRY(attribute_path(*given[1]));
    for (Value& part : parts) part = TRY(item_at_path(call, part, path));
  }
  return joined_texts(call.heap, parts, *separator.text());
}

// As transformers defines it: json.dumps() with these arguments.
Result<Value> tojson(Call& call) {
  std::vector<const Value*> given =
      TRY(bind(call, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonForm form;
  form.is_ascii = TRY(truth_of(given[0], false));
  form.sorts_keys = TRY(truth_of(given[3], false));
  if (given[1] != nullptr && !given[1]->is_none()) {
    form.is_indented = true;
    form.item_separator.pop_back();  // the line end follows
    if (const StoredText* text = given[1]->text()) {
      if (text->text().size() > kSeparatorMax)
        return Error{"indents by more than 1000 bytes; use fewer"};
      form.indent = text->text();
      form.is_trusted = text->content.is_wholly_trusted();
    } else {
      const Integer width = TRY(integer_of(given[1], 0));
      if (width > 1000) return Error{"indents by more than 1000 blanks; use fewer"};
      form.indent.assign(width < 0 ? 0 : size_t(width), ' ');
    }
  }
  if (given[2] != nullptr && !given[2]->is_none()) {
    const List* two = given[2]->list();
    if (two == nullptr || two->items.size() != 2 || two->items[0].text() == nullptr ||
        two->items[1].text() == nullptr)
      return Error{"needs two texts as separators"};
    for (const Value& separator : two->items) {
      if (separator.text()->text().size() > kSeparatorMax)
        return Error{"has a separator of more than 1000 bytes; use a shorter one"};
      form.is_trusted = form.is_trusted && separator.text()->content.is_wholly_trusted();
    }
    form.item_separator = two->items[0].text()->text();
    form.key_separator = two->items[1].text()->text();
  }
  return to_json(call.heap, call.self, form);
}

// Not in jinja2; DeepSeek-V3.2's template takes arguments apart with it.
Result<Value> parse(Call& call) {
  TRY(bind(call, {}));
  Text text = TRY(self_text(call));
  TRY(call.heap.work(text->text().size() / 8));
  Json json = TRY(parse_json(text->text(), {.depth = 64, .values = 200'000}));
  return from_json(call.heap, json, text->content.is_wholly_trusted());
}

}  // namespace

const BuiltinTable& text_filters() {
  static const BuiltinTable table = {{"upper", change_case<LetterCase::upper>},
                                     {"lower", change_case<LetterCase::lower>},
                                     {"capitalize", change_case<LetterCase::capitalized>},
                                     {"title", change_case<LetterCase::words>},
                                     {"trim", trim},
                                     {"replace", replace},
                                     {"indent", indent},
                                     {"string", string},
                                     {"safe", safe},
                                     {"format", format},
                                     {"join", join},
                                     {"tojson", tojson},
                                     {"from_json", parse},
                                     {"fromjson", parse}};
  return table;
}

}  // namespace weir::jinja
