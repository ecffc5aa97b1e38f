#include "cli/bench_peer.h"

#include <fmt/format.h>
#include <stdio.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <regex>

#include "base/check.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kOutputBytesMax = size_t(16) << 20;
constexpr size_t kLineBytesMax = 4096;  // that a pattern sees: std::regex recurses

std::string quoted(const std::string& word) {
  std::string text = "'";
  for (char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string last_line(const std::string& text) {
  const std::string_view all = trim(text);
  return std::string(all.substr(all.rfind('\n') + 1));
}

// What the command writes to standard output.
Result<std::string> output_of(const std::string& command) {
  fflush(stdout);
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return Error{fmt::format("can not start '{}': {}", command, std::strerror(errno))};
  std::string output;
  char buffer[65536];
  bool is_too_long = false;
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    is_too_long = is_too_long || output.size() + n > kOutputBytesMax;
    if (!is_too_long) output.append(buffer, n);
  }
  const int status = pclose(pipe);
  if (is_too_long)
    return Error{fmt::format("'{}' printed more than {}; let it print its speeds only", command,
                             format_bytes(double(kOutputBytesMax)))};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  const std::string how = WIFEXITED(status) ? fmt::format("code {}", WEXITSTATUS(status))
                                            : fmt::format("signal {}", WTERMSIG(status));
  return Error{
      fmt::format("'{}' ended with {}: {}", command, how,
                  output.empty() ? "it printed nothing" : printable(last_line(output), 200))};
}

Result<std::regex> compile(const char* option, const std::string& pattern) {
  try {
    std::regex compiled(pattern);
    if (compiled.mark_count() < 1)
      return Error{
          fmt::format("{} '{}' has no group: put the number in parentheses, as in "
                      "'([0-9.]+) tokens per second'",
                      option, pattern)};
    return compiled;
  } catch (const std::regex_error& error) {
    return Error{
        fmt::format("{} '{}' is no regular expression: {}", option, pattern, error.what())};
  }
}

Result<std::optional<double>> find_number(const std::string& output, const char* option,
                                          const std::string& pattern) {
  if (pattern.empty()) return std::optional<double>();
  const std::regex compiled = TRY(compile(option, pattern));
  std::optional<double> found;
  for (const std::string& line : split(output, '\n')) {
    const std::string seen = line.substr(0, kLineBytesMax);
    for (std::sregex_iterator m(seen.begin(), seen.end(), compiled), end; m != end; ++m) {
      auto number = parse_double((*m)[1].str());
      if (!number || !(*number > 0))
        return Error{fmt::format("{} '{}' found '{}', which is no positive number", option, pattern,
                                 printable((*m)[1].str()))};
      found = *number;
    }
  }
  if (!found)
    return Error{fmt::format("{} '{}' is nowhere in the output; its last line is '{}'", option,
                             pattern, printable(last_line(output), 200))};
  return found;
}

std::optional<double> number_in(const Json& object, const char* key) {
  const Json* member = object.find(key);
  if (!member) return {};
  auto value = member->as_double();
  return value ? std::optional<double>(*value) : std::nullopt;
}

void take_llama_bench(const Json& object, ReportedSpeeds& speeds) {
  const auto prompt = number_in(object, "n_prompt"), generated = number_in(object, "n_gen"),
             rate = number_in(object, "avg_ts");
  if (!prompt || !generated || !rate || !(*rate > 0)) return;
  if (*generated > 0 && *prompt == 0 && !speeds.decode) speeds.decode = rate;
  if (*prompt > 0 && *generated == 0 && !speeds.prefill) speeds.prefill = rate;
}

ReportedSpeeds find_json(const std::string& output) {
  ReportedSpeeds speeds;
  const size_t begin = output.find('['), end = output.rfind(']');
  if (begin < end && end != std::string::npos)
    if (auto array = parse_json(output.substr(begin, end - begin + 1)); array && array->is_array())
      for (const Json& object : array->items()) take_llama_bench(object, speeds);
  if (speeds.decode || speeds.prefill) return speeds;
  for (const std::string& line : split(output, '\n')) {
    if (!line.starts_with('{')) continue;
    auto object = parse_json(line);
    if (!object) continue;
    take_llama_bench(*object, speeds);
    const Json* rows = object->find("speeds");
    if (!rows || rows->items().empty()) continue;
    speeds.prefill = number_in(rows->items()[0], "prefill_tokens_per_second");
    speeds.decode = number_in(rows->items()[0], "decode_tokens_per_second");
  }
  return speeds;
}

std::string speed_text(const std::optional<double>& speed) {
  return speed ? fmt::format("{:.2f}", *speed) : "-";
}

Json speeds_json(const ReportedSpeeds& speeds) {
  Json json = Json::object();
  json.set("prefill", speeds.prefill ? Json(*speeds.prefill) : Json());
  json.set("decode", speeds.decode ? Json(*speeds.decode) : Json());
  return json;
}

// Prints and returns the spread of one ratio; null when a side does not report that speed.
Json ratio_json(const char* what, const std::vector<double>& ratios) {
  if (ratios.empty()) return Json();
  const RatioSpread s = spread_of(ratios);
  fmt::print("{}: {:.3f} times the peer's (median of {} pairs; {:.3f} to {:.3f})\n", what, s.median,
             ratios.size(), s.least, s.most);
  Json json = Json::object();
  json.set("median", s.median);
  json.set("least", s.least);
  json.set("most", s.most);
  return json;
}

}  // namespace

Result<ReportedSpeeds> reported_speeds(const std::string& output, const PeerOptions& options) {
  if (!options.pattern.empty() || !options.prefill_pattern.empty()) {
    ReportedSpeeds speeds;
    speeds.decode = TRY(find_number(output, "--vs-pattern", options.pattern));
    speeds.prefill = TRY(find_number(output, "--vs-prefill-pattern", options.prefill_pattern));
    return speeds;
  }
  ReportedSpeeds speeds = find_json(output);
  if (!speeds.decode && !speeds.prefill)
    return Error{fmt::format(
        "no speeds in the output, which ends with '{}'; use llama-bench -o json, or say with "
        "--vs-pattern where the tokens per second stand",
        printable(last_line(output), 200))};
  return speeds;
}

RatioSpread spread_of(std::vector<double> ratios) {
  CHECK(!ratios.empty());
  std::sort(ratios.begin(), ratios.end());
  const size_t half = ratios.size() / 2;
  const double median = ratios.size() % 2 ? ratios[half] : 0.5 * (ratios[half - 1] + ratios[half]);
  return {median, ratios.front(), ratios.back()};
}

Result<Json> run_against(const std::vector<std::string>& own, const PeerOptions& options) {
  const bool has_pattern = !options.pattern.empty() || !options.prefill_pattern.empty();
  if (!options.pattern.empty()) TRY(compile("--vs-pattern", options.pattern));
  if (!options.prefill_pattern.empty())
    TRY(compile("--vs-prefill-pattern", options.prefill_pattern));
  std::string own_command;
  for (const std::string& word : own)
    own_command += (own_command.empty() ? "" : " ") + quoted(word);
  // A pattern may stand for what a program prints to standard error.
  const std::string peer_command =
      has_pattern ? "{ " + options.command + "\n} 2>&1" : options.command;
  std::vector<double> decode, prefill;
  Json pairs = Json::array();
  fmt::print(
      "own against: {}\n\npair  prompt tokens/s: own       peer   new tokens/s: own       peer\n",
      options.command);
  for (int pair = 1; pair <= options.pairs; ++pair) {
    const std::string own_output = TRY_IN("own run", output_of(own_command));
    const ReportedSpeeds ours = TRY_IN("own run", reported_speeds(own_output, {}));
    const std::string peer_output = TRY_IN("--vs", output_of(peer_command));
    const ReportedSpeeds theirs = TRY_IN("--vs", reported_speeds(peer_output, options));
    fmt::print("{:4}  {:>20} {:>10}   {:>17} {:>10}\n", pair, speed_text(ours.prefill),
               speed_text(theirs.prefill), speed_text(ours.decode), speed_text(theirs.decode));
    fflush(stdout);
    if (ours.decode && theirs.decode) decode.push_back(*ours.decode / *theirs.decode);
    if (ours.prefill && theirs.prefill) prefill.push_back(*ours.prefill / *theirs.prefill);
    Json both = Json::object();
    both.set("own", speeds_json(ours));
    both.set("peer", speeds_json(theirs));
    pairs.push(std::move(both));
  }
  fmt::print("\n");
  Json json = Json::object();
  json.set("command", options.command);
  json.set("prefill_ratio", ratio_json("prompts", prefill));
  json.set("decode_ratio", ratio_json("new tokens", decode));
  json.set("pairs", std::move(pairs));
  return json;
}

}  // namespace weir
