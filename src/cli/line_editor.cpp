#include "cli/line_editor.h"

#include <errno.h>
#include <fmt/format.h>
#include <fmt/xchar.h>
#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>
#include <clocale>
#include <cstring>
#include <string_view>

#include "base/text.h"

namespace weir {
namespace {

constexpr int kHistoryMax = 1000;
constexpr int kSignalPatience_ms = 100;
constexpr std::wstring_view kPasteEnd = L"\x1b[201~";
constexpr wchar_t kUnreadable = 0xfffd;
constexpr wchar_t kDrawKey = 0x1e;  // Ctrl-^, bound to drawing the line anew
constexpr size_t kShownLines = 10, kShownCharacters = 1500;

volatile sig_atomic_t size_changed = 0, continued = 0;
void on_size(int) { size_changed = 1; }
void on_continue(int) { continued = 1; }

// The wait for a key ends although calls are restarted (signal(7)); writes go on.
void catch_signal(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

// libedit counts columns and converts history by the locale.
void use_utf8() {
  setlocale(LC_CTYPE, "");
  if (std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

std::string to_utf8(std::wstring_view text) {
  std::string out;
  for (const wchar_t c : text) append_utf8(out, char32_t(c));
  return out;
}

}  // namespace

struct LineEditor::State {
  EditLine* editor = nullptr;
  History* history = nullptr;
  bool (*is_interrupted)() = nullptr;
  std::string prompt;
  bool was_interrupted = false, is_too_long = false;
  struct Paste {
    std::wstring shown, text;
  };
  std::vector<Paste> pastes;  // long ones of the line that is edited
  std::string pushed;         // bytes read ahead of an incomplete character
  // Keys that are read by a sequence's or a paste's reader, not by the editor.
  enum class Escape { none, begun, sequence } escape = Escape::none;
  bool is_in_paste = false, is_drawn_anew = false;

  static State& of(EditLine* editor) {
    void* state = nullptr;
    el_wget(editor, EL_CLIENTDATA, &state);
    return *static_cast<State*>(state);
  }
  int read_byte(unsigned char& byte);
  int read_character(wchar_t& c);
  bool needs_drawing() const;
  void follow_escape(wchar_t c);
  int next_key(wchar_t& c);
  void insert_paste();
  std::wstring with_pastes(std::wstring line) const;
};

// 1, or 0 at the end and after Ctrl-C.
int LineEditor::State::read_byte(unsigned char& byte) {
  if (!pushed.empty()) {
    byte = static_cast<unsigned char>(pushed.back());
    pushed.pop_back();
    return 1;
  }
  for (;;) {
    if (is_interrupted()) {
      was_interrupted = true;
      return 0;
    }
    if (continued) el_set(editor, EL_PREP_TERM, 1);
    if (size_changed) el_resize(editor);
    if (continued || size_changed) el_set(editor, EL_REFRESH);
    continued = 0;
    size_changed = 0;
    // A signal between the questions above and the wait, or one that another thread handled, does
    // not end the wait: hence the limit.
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = poll(&input, 1, kSignalPatience_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t n = ready < 0 ? 0 : ::read(STDIN_FILENO, &byte, 1);
    if (n == 1) return 1;
    if (n == 0 || errno != EINTR) return 0;
  }
}

// One character of UTF-8; invalid bytes become U+FFFD.
int LineEditor::State::read_character(wchar_t& c) {
  unsigned char first = 0;
  if (read_byte(first) == 0) return 0;
  c = first;
  if (first < 0x80) return 1;
  const int more = first >= 0xf0 && first < 0xf5   ? 3
                   : first >= 0xe0 && first < 0xf0 ? 2
                   : first >= 0xc2 && first < 0xe0 ? 1
                                                   : 0;
  if (more == 0) {
    c = kUnreadable;
    return 1;
  }
  uint32_t code = first & (0x3fu >> more);
  for (int i = 0; i < more; ++i) {
    unsigned char next = 0;
    if (read_byte(next) == 0) return 0;
    if ((next & 0xc0) != 0x80) {
      pushed += char(next);
      c = kUnreadable;
      return 1;
    }
    code = code << 6 | (next & 0x3f);
  }
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  c = is_surrogate || code > 0x10ffff ? kUnreadable : wchar_t(code);
  return 1;
}

// libedit (3.1-20221030) updates a line with wide characters wrongly when it changes before its
// end. Such a line is drawn anew after every key, before the next one is waited for.
bool LineEditor::State::needs_drawing() const {
  if (is_drawn_anew || is_in_paste || escape != Escape::none || !pushed.empty()) return false;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (poll(&input, 1, 0) != 0) return false;
  const LineInfoW* line = el_wline(editor);
  return std::any_of(line->buffer, line->lastchar, [](wchar_t c) { return wcwidth(c) > 1; });
}

// Meta keys and CSI sequences: ESC x, ESC [ ... final byte.
void LineEditor::State::follow_escape(wchar_t c) {
  if (escape == Escape::none)
    escape = c == L'\x1b' ? Escape::begun : Escape::none;
  else if (escape == Escape::begun)
    escape = c == L'[' || c == L'O' ? Escape::sequence : Escape::none;
  else if (c >= 0x40 && c <= 0x7e)
    escape = Escape::none;
}

int LineEditor::State::next_key(wchar_t& c) {
  is_drawn_anew = needs_drawing();
  if (is_drawn_anew) {
    c = kDrawKey;
    return 1;
  }
  const int count = read_character(c);
  if (count == 1) follow_escape(c);
  return count;
}

void LineEditor::State::insert_paste() {
  std::wstring text;
  is_in_paste = true;
  wchar_t c = 0;
  while (el_wgetc(editor, &c) == 1) {
    text += c;
    if (text.size() >= kPasteEnd.size() && std::wstring_view(text).ends_with(kPasteEnd)) {
      text.resize(text.size() - kPasteEnd.size());
      break;
    }
    if (text.size() > kLineBytesMax) {
      is_too_long = true;
      text.erase(0, text.size() - kPasteEnd.size());
    }
  }
  is_in_paste = false;
  escape = Escape::none;
  text = clean_paste(text);
  if (text.empty()) return;
  if (is_long_paste(text)) {
    const auto lines = 1 + std::count(text.begin(), text.end(), L'\n');
    Paste paste{fmt::format(L"[pasted: {} line{}, {} characters]", lines, lines == 1 ? L"" : L"s",
                            text.size()),
                std::move(text)};
    text = paste.shown;
    pastes.push_back(std::move(paste));
  }
  el_winsertstr(editor, text.c_str());
}

// The marks of long pastes, in their order, become the pastes.
std::wstring LineEditor::State::with_pastes(std::wstring line) const {
  size_t from = 0;
  for (const Paste& paste : pastes) {
    const size_t at = line.find(paste.shown, from);
    if (at == line.npos) continue;
    line.replace(at, paste.shown.size(), paste.text);
    from = at + paste.text.size();
  }
  return line;
}

std::wstring clean_paste(const std::wstring& text) {
  std::wstring out;
  for (size_t i = 0; i < text.size(); ++i) {
    const wchar_t c = text[i];
    if (c == L'\r') {
      if (i + 1 == text.size() || text[i + 1] != L'\n') out += L'\n';
    } else if (c == L'\n' || c == L'\t' || (c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0))) {
      out += c;
    }
  }
  while (out.ends_with(L'\n')) out.pop_back();
  return out;
}

bool is_long_paste(const std::wstring& text) {
  return text.size() > kShownCharacters ||
         size_t(std::count(text.begin(), text.end(), L'\n')) >= kShownLines;
}

std::unique_ptr<LineEditor> LineEditor::create(FILE* output, bool (*is_interrupted)()) {
  use_utf8();
  std::unique_ptr<LineEditor> made(new LineEditor);
  made->state_ = std::make_unique<State>();
  State& state = *made->state_;
  state.is_interrupted = is_interrupted;
  state.editor = el_init("weir", stdin, output, stderr);
  state.history = history_init();
  if (!state.editor || !state.history) return nullptr;
  HistEvent event;
  history(state.history, &event, H_SETSIZE, kHistoryMax);
  history(state.history, &event, H_SETUNIQUE, 1);
  EditLine* editor = state.editor;
  el_wset(editor, EL_CLIENTDATA, &state);
  el_set(editor, EL_HIST, history, state.history);
  el_set(editor, EL_EDITOR, "emacs");
  el_set(
      editor, EL_PROMPT,
      +[](EditLine* e) { return const_cast<char*>(State::of(e).prompt.c_str()); });
  el_wset(
      editor, EL_GETCFN, +[](EditLine* e, wchar_t* c) { return State::of(e).next_key(*c); });
  el_set(
      editor, EL_ADDFN, "weir-paste", "insert a paste", +[](EditLine* e, int) -> unsigned char {
        State::of(e).insert_paste();
        return CC_REFRESH;
      });
  el_set(editor, EL_ADDFN, "weir-complete", "complete a file name", _el_fn_complete);
  const char* const bindings[][2] = {
      {"\\e[200~", "weir-paste"},       {"\\t", "weir-complete"},
      {"^R", "ed-search-prev-history"}, {"^W", "ed-delete-prev-word"},
      {"^^", "ed-redisplay"},           {"\\e[1;5C", "em-next-word"},
      {"\\e[1;5D", "ed-prev-word"},     {"\\e[3~", "ed-delete-next-char"},
      {"\\e[H", "ed-move-to-beg"},      {"\\e[F", "ed-move-to-end"},
  };
  for (const auto& [key, action] : bindings)
    el_set(editor, EL_BIND, key, action, static_cast<char*>(nullptr));
  // Between lines the terminal stays as ChatTerminal has made it; libedit would show keys again.
  el_set(editor, EL_SETTY, "-x", "-echo", "-icanon", "-icrnl", static_cast<char*>(nullptr));
  // CR LF in a paste is kept.
  el_set(editor, EL_SETTY, "-d", "-icrnl", "-inlcr", static_cast<char*>(nullptr));
  el_source(editor, nullptr);  // the user's own ~/.editrc
  catch_signal(SIGWINCH, on_size);
  catch_signal(SIGCONT, on_continue);
  return made;
}

LineEditor::~LineEditor() {
  if (state_->editor) el_end(state_->editor);
  if (state_->history) history_end(state_->history);
}

void LineEditor::remember(const std::string& text) {
  HistEvent event;
  history(state_->history, &event, H_ENTER, text.c_str());
}

InputLine LineEditor::read(const std::string& prompt) {
  State& state = *state_;
  state.prompt = prompt;
  state.was_interrupted = state.is_too_long = state.is_in_paste = false;
  state.escape = State::Escape::none;
  state.pastes.clear();
  int count = 0;
  const wchar_t* line = el_wgets(state.editor, &count);
  if (state.was_interrupted) return {InputLine::State::interrupted, ""};
  if (!line || count <= 0) return {InputLine::State::end, ""};
  std::wstring text(line, size_t(count));
  if (text.ends_with(L'\n')) text.pop_back();
  std::string bytes = to_utf8(state.with_pastes(std::move(text)));
  if (state.is_too_long || bytes.size() > kLineBytesMax) return {InputLine::State::too_long, ""};
  return {InputLine::State::line, std::move(bytes)};
}

}  // namespace weir
