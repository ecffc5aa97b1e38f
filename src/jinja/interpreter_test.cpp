#include "jinja/interpreter.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/text.h"
#include "jinja/parser.h"
#include "jinja/print.h"
#include "testing/tokenizer_data.h"

namespace weir::jinja {
namespace {

const std::tm kNow = {.tm_sec = 7,
                      .tm_min = 6,
                      .tm_hour = 15,
                      .tm_mday = 4,
                      .tm_mon = 2,
                      .tm_year = 126,
                      .tm_wday = 3,
                      .tm_yday = 62,
                      .tm_isdst = 0,
                      .tm_gmtoff = 0,
                      .tm_zone = nullptr};

// The variables of `data` are data, the template is the template.
Result<TracedText> render(std::string_view source, const Json& data = Json::object(),
                          Limits limits = {}) {
  Template parsed = TRY(parse_template(source));
  Heap heap(limits);
  std::vector<std::pair<std::string_view, Value>> variables;
  for (const auto& [name, value] : data.members())
    variables.emplace_back(name, TRY(from_json(heap, value, false)));
  return Interpreter(parsed, heap, kNow).run(std::move(variables));
}

std::string error_of(std::string_view source, Limits limits = {}) {
  Result<TracedText> rendered = render(source, Json::object(), limits);
  return rendered ? "no error but: " + rendered->text.substr(0, 100) : rendered.error().message;
}

// The result with what the template wrote in brackets.
std::string traced(std::string_view source, const Json& data) {
  Result<TracedText> rendered = render(source, data);
  if (!rendered) return rendered.error().message;
  std::string out;
  size_t at = 0;
  for (const TextSpan& span : rendered->trusted) {
    out += rendered->text.substr(at, span.begin - at);
    out += "[" + rendered->text.substr(span.begin, span.end - span.begin) + "]";
    at = span.end;
  }
  return out + rendered->text.substr(at);
}

std::vector<std::string> feature_templates() {
  std::vector<std::string> templates;
  std::string text = must_read(test_data("jinja_features.txt"));
  constexpr std::string_view kBetween = "\n====\n";
  size_t begin = 0;
  for (size_t end = text.find(kBetween); end != text.npos; end = text.find(kBetween, begin)) {
    templates.push_back(text.substr(begin, end - begin));
    begin = end + kBetween.size();
  }
  templates.push_back(text.substr(begin));
  return templates;
}

TEST(JinjaInterpreter, RendersEveryFeatureAsJinja2Does) {
  const Json variables = *parse_json(must_read(test_data("jinja_variables.json")));
  const std::vector<std::string> templates = feature_templates();
  std::vector<std::string> golden =
      split(must_read(test_data("jinja_features.golden.jsonl")), '\n');
  ASSERT_EQ(golden.size(), templates.size() + 1);  // the last line has an end
  ASSERT_GT(templates.size(), 90u);
  for (size_t i = 0; i < templates.size(); ++i) {
    SCOPED_TRACE(templates[i]);
    const Json expected = *parse_json(golden[i]);
    Result<TracedText> rendered = render(templates[i], variables);
    if (const Json* text = expected.find("text")) {
      EXPECT_EQ(rendered ? rendered->text : rendered.error().message, text->text());
    } else {
      ASSERT_FALSE(rendered) << rendered->text << "\nPython: " << expected.find("fails")->text();
      EXPECT_TRUE(rendered.error().message.starts_with("line 1: ")) << rendered.error().message;
    }
  }
}

Json data(const char* text) { return *parse_json(text); }

TEST(JinjaInterpreter, KnowsWhichBytesTheTemplateWrote) {
  const Json d = data(R"({"x": "data", "list": ["a", "b"], "n": 7, "t": " a,b ", "nothing": ""})");
  EXPECT_EQ(traced("<{{ x }}>", d), "[<]data[>]");
  EXPECT_EQ(traced("{{ '<' + x + '>' }}", d), "[<]data[>]");
  EXPECT_EQ(traced("{{ '<' ~ x ~ n ~ '>' }}", d), "[<]data[7>]");
  EXPECT_EQ(traced("{{ x[1:3] }}{{ ('<' + x)[0:3] }}", d), "at[<]da");
  EXPECT_EQ(traced("{{ ('<' + x + '>')[::-1] }}", d), "[>]atad[<]");
  EXPECT_EQ(traced("{{ t | trim }}|{{ t.strip() }}", d), "a,b[|]a,b");
  EXPECT_EQ(traced("{{ list | join('-') }}", d), "a[-]b");
  EXPECT_EQ(traced("{{ x | replace('t', '<t>') }}", d), "da[<t>]a");
  EXPECT_EQ(traced("{{ ('<' + x) | upper }} {{ ('<' + x).title() }}", d), "[<]DATA[ <]Data");
  EXPECT_EQ(traced("{{ ('a,' + t).split(',') | join }}", d), "[a] ab ");
  EXPECT_EQ(traced("{% for c in '<' + t %}{{ c }}{% endfor %}", d), "[<] a,b ");
  EXPECT_EQ(traced("{% set y %}<{{ x }}>{% endset %}{{ y }}{{ y | length }}", d), "[<]data[>6]");
  EXPECT_EQ(traced("{% macro m(a) %}({{ a }}){% endmacro %}{{ m(x) }}", d), "[(]data[)]");
  EXPECT_EQ(traced("{{ x | indent(1, true) }}", d), "[ ]data");
  EXPECT_EQ(traced("{{ '<' + nothing + '>' }}", d), "[<>]");
  EXPECT_EQ(traced("{{ 'a' if x else 'b' }}{{ x == 'data' }}", d), "[aTrue]");
}

TEST(JinjaInterpreter, TakesTextMadeOfDataForData) {
  const Json d = data(R"({"x": "<a>", "dict": {"<k>": 1}, "json": "{\"k\": \"<v>\"}"})");
  EXPECT_EQ(traced("{{ x | tojson }}", d), "\"<a>\"");
  EXPECT_EQ(traced("{{ {'t': x} | tojson }}", d), R"({"t": "<a>"})");
  EXPECT_EQ(traced("{{ {'t': '<b>'} | tojson }}", d), R"([{"t": "<b>"}])");
  EXPECT_EQ(traced("{{ dict }}", d), "{'<k>': 1}");
  EXPECT_EQ(traced("{% for k in dict %}{{ k }}{% endfor %}", d), "<k>");
  EXPECT_EQ(traced("{{ (json | from_json).k }}", d), "<v>");
  EXPECT_EQ(traced("{{ [x, 'y'] }}", d), "['<a>', 'y']");
  EXPECT_EQ(traced("{{ x | safe }}{{ x | string }}{{ x | default('') }}", d), "<a><a><a>");
}

TEST(JinjaInterpreter, NamesTheLineOfAnError) {
  EXPECT_EQ(error_of("a\n{{ x.y }}"),
            "line 2: 'x' is undefined, but it is asked for its 'y'; give it, or test it with 'is "
            "defined'");
  EXPECT_EQ(error_of("{% for x in [1] %}\n\n{{ x + 'a' }}{% endfor %}"),
            "line 3: '+' does not work for a whole number and a text; convert one of them, for "
            "example with the filter 'string'");
  EXPECT_EQ(error_of("{{ 'x'\n | nope }}"),
            "line 2: there is no filter 'nope'; there are capitalize, count, d, default, dictsort, "
            "first, from_json, fromjson, indent, int, items, join, last, length, list, lower, map, "
            "reject, rejectattr, replace, reverse, safe, select, selectattr, sort, string, title, "
            "tojson, trim, unique, upper");
  EXPECT_EQ(error_of("{{ 'x' is\n nope }}").substr(0, 52),
            "line 2: there is no test 'nope'; there are !=, <, <=");
  EXPECT_EQ(error_of("{{ raise_exception('roles must\nalternate') }}"),
            "line 1: the template refuses the conversation: roles must?alternate");
  EXPECT_EQ(error_of("{{ 'a'.encode() }}"),
            "line 1: a text has no 'encode', only capitalize, endswith, find, join, lower, lstrip, "
            "removeprefix, removesuffix, replace, rsplit, rstrip, split, splitlines, startswith, "
            "strip, title, upper, but it is called; give it, or test it with 'is defined'");
  EXPECT_EQ(error_of("{{ '%s' % 1 }}"),
            "line 1: '%' does not fill values into a text here; join them with '~'");
}

bool fails_with(std::string_view source, const char* what, Limits limits) {
  std::string error = error_of(source, limits);
  if (error.starts_with("line 1: ") && error.find(what) != std::string::npos) return true;
  ADD_FAILURE() << source << "\n" << error;
  return false;
}

// VULN-53: a template ends after a bounded number of steps, with a bounded result.
TEST(JinjaInterpreter, StopsTemplatesThatTakeTooLong) {
  const char* kTooSlow = "the template needs more than 1000 steps";
  const Limits slow = {.steps = 1000};
  EXPECT_TRUE(
      fails_with("{% for i in range(999) %}{% for j in range(999) %}{{ i }}{% endfor %}"
                 "{% endfor %}",
                 kTooSlow, slow));
  EXPECT_TRUE(fails_with("{% set l = [1] %}{% for i in l %}{% set _ = l.append(i) %}{% endfor %}",
                         kTooSlow, slow));
  EXPECT_TRUE(fails_with("{% set x = ('ab' * 900).split('a') %}", kTooSlow, slow));
  EXPECT_TRUE(fails_with("{% set x = ('a' * 1000000) | upper %}", kTooSlow, slow));
  EXPECT_TRUE(fails_with("{{ (range(900) | list) == (range(900) | list) }}", kTooSlow, slow));
  EXPECT_TRUE(fails_with("{% for i in 'a' * 1000 %}{% endfor %}", kTooSlow, slow));
}

TEST(JinjaInterpreter, StopsTemplatesThatBuildTooMuch) {
  const char* kTooLong = "a text of more than 1.0 MiB is built; shorten the conversation";
  const Limits small = {.output_bytes = 1 << 20};
  EXPECT_TRUE(
      fails_with("{% set ns = namespace(s='0123456789abcdef') %}{% for i in range(40) %}"
                 "{% set ns.s = ns.s + ns.s %}{% endfor %}",
                 kTooLong, small));
  EXPECT_TRUE(
      fails_with("{% for i in range(100000) %}0123456789abcdef{% endfor %}", kTooLong, small));
  EXPECT_TRUE(fails_with("{{ ('a' * 2000) | replace('a', 'b' * 2000) }}", kTooLong, small));
  EXPECT_TRUE(fails_with("{{ ['a' * 2000] * 2000 }}", kTooLong, small));
  EXPECT_TRUE(fails_with("{{ (['a'] * 2000) | join('b' * 2000) }}", kTooLong, small));
  EXPECT_TRUE(fails_with("{{ (['a' * 2000] * 2000) | tojson }}", kTooLong, small));
  EXPECT_TRUE(fails_with("{{ ('a\\n' * 2000) | indent(1000) }}", kTooLong, small));
  EXPECT_TRUE(
      fails_with("{% set a %}{{ 'a' * 600000 }}{% set b %}{{ 'a' * 600000 }}{% endset %}"
                 "{% endset %}",
                 kTooLong, small));
  EXPECT_TRUE(fails_with("{{ 'a' * 10 ** 12 }}", "a text or list is repeated too often", small));
  EXPECT_TRUE(fails_with("{{ [1] * 10 ** 12 }}", "a text or list is repeated too often", small));
  EXPECT_TRUE(fails_with("{{ range(100001) }}", "has more than 100000 numbers", small));
  EXPECT_TRUE(
      fails_with("{% set ns = namespace(l=[]) %}{% for i in range(60) %}"
                 "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
                 kTooLong, small));
  const Limits little = {.memory_bytes = 1 << 20};
  EXPECT_TRUE(
      fails_with("{% set ns = namespace(l=[]) %}{% for i in range(10000) %}"
                 "{% set ns.l = [ns.l] %}{% endfor %}",
                 "the template needs more than 1.0 MiB of memory", little));
}

TEST(JinjaInterpreter, StopsEndlessRecursion) {
  EXPECT_TRUE(error_of("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")
                  .find("nested too deeply; does a macro call itself without end?") !=
              std::string::npos);
  // A list that holds itself can neither be printed nor compared nor written as JSON.
  const std::string own =
      "{% set a = [] %}{% set b = [] %}{% set _ = a.append(a) %}"
      "{% set _ = b.append(b) %}";
  EXPECT_NE(error_of(own + "{{ a }}").find("nested deeper than 100"), std::string::npos);
  EXPECT_NE(error_of(own + "{{ a == b }}").find("nested deeper than 100"), std::string::npos);
  EXPECT_NE(error_of(own + "{{ a | tojson }}").find("nested deeper than 100"), std::string::npos);
  // Long chains of lists cost nothing when they are thrown away.
  EXPECT_EQ(error_of("{% set ns = namespace(l=[]) %}{% for i in range(100000) %}"
                     "{% set ns.l = [ns.l] %}{% endfor %}done"),
            "no error but: done");
}

TEST(JinjaInterpreter, SearchesInLinearTime) {
  // 2 MiB of 'a' with half of that and a 'b' to find would take 10^12 comparisons one by one.
  EXPECT_EQ(error_of("{% set a = 'a' * 2000000 %}{{ a.find('a' * 1000000 + 'b') }}"
                     "{{ (a | replace('a' * 1000000 + 'b', '')) | length }}"
                     "{{ ('a' * 1000000 + 'b') in a }}"),
            "no error but: -12000000False");
}

// Keys that '**' turns into names are as trusted as the dict they came from.
TEST(JinjaInterpreter, NamesFromDictsKeepTheirProvenance) {
  const Json data = *parse_json(R"({"d": {"<t>": 1}, "s": {"n": "x"}})");
  EXPECT_EQ(traced("{% for k in dict(**d) %}{{ k }}{% endfor %}", data), "<t>");
  EXPECT_EQ(traced("{% for k in dict(a=1, **d) %}{{ k }}{% endfor %}", data), "[a]<t>");
  EXPECT_EQ(traced("{% macro m() %}{% for k in kwargs %}{{ k }}{% endfor %}{% endmacro %}"
                   "{{ m(a=1, **d) }}",
                   data),
            "[a]<t>");
  EXPECT_EQ(traced("{{ namespace(**d) }}", data), "<Namespace {'<t>': 1}>");
  EXPECT_EQ(traced("{{ namespace(d) }}", data), "<Namespace {'<t>': 1}>");
  EXPECT_EQ(traced("{% set n = namespace(a=1) %}{% set n.b = 2 %}{{ n }}", data),
            "[<Namespace {'a': 1, 'b': 2}>]");
}

TEST(JinjaInterpreter, JsonIsDataWhenItsIndentOrSeparatorsAre) {
  const Json data = *parse_json(R"({"x": "<t>"})");
  EXPECT_EQ(traced("{{ [1] | tojson(indent=x) }}", data), "[\n<t>1\n]");
  EXPECT_EQ(traced("{{ [1, 2] | tojson(separators=(x, ':')) }}", data), "[1<t>2]");
  EXPECT_EQ(traced("{{ {'a': 1} | tojson(separators=(',', x)) }}", data), "{\"a\"<t>1}");
  EXPECT_EQ(traced("{{ {'a': 1} | tojson(separators=(',', ':'), indent='') }}", data),
            "[{\n\"a\":1\n}]");
  EXPECT_NE(error_of("{{ [1] | tojson(indent='\u00fc' * 501) }}").find("more than 1000 bytes"),
            std::string::npos);
}

TEST(JinjaInterpreter, CountsTheReasonsOfUndefinedValues) {
  const std::string name(1024, 'n');
  EXPECT_EQ(error_of("{{ " + name + " }}"), "no error but: ");
  EXPECT_EQ(error_of("{{ 1 }}\n{{ n" + name + " }}"),
            "line 2: a name is longer than 1024 bytes; shorten it");
  Limits limits;
  limits.memory_bytes = 4 << 20;  // each of the 20,000 values holds 200 bytes at least
  EXPECT_NE(error_of("{% set l = [] %}{% for i in range(20000) %}{% set _ = l.append(" + name +
                         ") %}{% endfor %}",
                     limits)
                .find("of memory"),
            std::string::npos);
}

TEST(JinjaInterpreter, LimitsAttributePaths) {
  EXPECT_NE(error_of("{{ [1] | map(attribute='a' * 1025, default=1) | list }}").find("1024 bytes"),
            std::string::npos);
  EXPECT_NE(error_of("{{ [1] | sort(attribute='a,' * 600) }}").find("1024 bytes"),
            std::string::npos);
  EXPECT_NE(error_of("{{ [1] | unique(attribute='a.' * 32) | list }}").find("32 parts"),
            std::string::npos);
  EXPECT_EQ(error_of("{{ [{'a': {'b': 2}, 'c': 1}, {'a': {'b': 1}, 'c': 3}]"
                     " | sort(attribute='a.b') | map(attribute='c') | join(',') }}"),
            "no error but: 3,1");
  Limits limits;
  limits.steps = 20'000;  // 1,000 items of 30 parts
  EXPECT_NE(
      error_of("{{ range(1000) | map(attribute='a' + '.a' * 29, default=1) | list | length }}",
               limits)
          .find("20000 steps"),
      std::string::npos);
}

TEST(JinjaInterpreter, LoopCycleTakesNoNamedArguments) {
  EXPECT_NE(error_of("{% for i in [1] %}{{ loop.cycle(1, a=1) }}{% endfor %}").find("no named"),
            std::string::npos);
}

// One byte in three is the template's: 16 bytes of spans for every three bytes of text.
TEST(JinjaInterpreter, CountsTheSpansOfWhatItBuilds) {
  Limits limits;
  limits.memory_bytes = 4 << 20;
  const Json data = *parse_json(R"({"x": "ab"})");
  auto fails = [&](const std::string& source) {
    Result<TracedText> rendered = render(source, data, limits);
    return !rendered && rendered.error().message.find("of memory") != std::string::npos;
  };
  EXPECT_TRUE(fails("{{ ((x ~ '.') * 400000) | length }}"));
  EXPECT_TRUE(fails("{% set y = (x ~ '.') * 100000 %}{{ y ~ y ~ y }}"));
  EXPECT_TRUE(fails("{% set y = (x ~ '.') * 10000 %}{{ ([y] * 30) | join | length }}"));
  EXPECT_TRUE(fails("{% for i in range(1000) %}{{ (x ~ '.') * 500 }}{% endfor %}"));
  EXPECT_TRUE(
      fails("{% set y %}{% for i in range(1000) %}{{ (x ~ '.') * 500 }}{% endfor %}"
            "{% endset %}"));
  EXPECT_TRUE(fails("{{ ([1] * 1000000) | length }}"));
  // What is captured and thrown away is given back.
  EXPECT_FALSE(
      fails("{% for i in range(100) %}{% set y %}{{ (x ~ '.') * 10000 }}{% endset %}"
            "{% endfor %}"));
}

TEST(JinjaInterpreter, ChargesMoreWhereCharactersAreDecoded) {
  Limits limits;
  limits.steps = 50'000;
  for (const char* use : {"x.split()", "x.splitlines()", "x | tojson", "[x] | string", "x | indent",
                          "('' | safe) + x"})
    EXPECT_NE(
        error_of("{% set x = 'a' * 1000000 %}{{ (" + std::string(use) + ") | length }}", limits)
            .find("50000 steps"),
        std::string::npos)
        << use;
}

TEST(JinjaInterpreter, EscapesWhatIsAddedToMarkup) {
  EXPECT_EQ(traced("{{ ('<' | safe) + x + '<&' }}", *parse_json(R"({"x": "a<'>\"&b"})")),
            "[<]a&lt;&#39;&gt;&#34;&amp;b[&lt;&amp;]");
}

TEST(JinjaInterpreter, LoopLengthSurvivesItemsTakenAway) {
  EXPECT_EQ(error_of("{% set l = [1, 2, 3] %}{% for i in l %}{% set _ = l.pop() %}{% set _ = "
                     "l.pop() %}{% set _ = l.pop() %}{{ loop.length }} {{ loop.revindex }} "
                     "{{ loop.revindex0 }}{% endfor %}"),
            "no error but: 1 1 0");
}

TEST(JinjaInterpreter, NumbersOutsideOfADoubleAreInfiniteOrZero) {
  EXPECT_EQ(error_of("{{ 1e400 }} {{ -1e400 }} {{ 1e-400 }}"), "no error but: inf -inf 0.0");
}

// VULN-18: nothing of the program is reachable.
TEST(JinjaInterpreter, ReachesNothingOutsideOfItsTables) {
  for (const char* source : {"{{ ''.__class__ }}",
                             "{{ ''.__class__.__mro__[1].__subclasses__() }}",
                             "{{ [].__class__.__base__ }}",
                             "{{ {}['__class__'] }}",
                             "{{ range.__globals__ }}",
                             "{{ namespace.__init__.__globals__['os'].popen('id').read() }}",
                             "{{ self.__init__ }}",
                             "{{ self._TemplateReference__context }}",
                             "{{ cycler.__init__ }}",
                             "{{ lipsum.__globals__ }}",
                             "{{ joiner.x }}",
                             "{{ request.application }}",
                             "{{ config.x }}",
                             "{{ raise_exception.__closure__ }}",
                             "{{ strftime_now.__code__ }}",
                             "{{ 'a' | attr('__class__') }}",
                             "{{ [''] | map(attribute='__class__') | list }}",
                             "{{ [''] | map('attr', '__class__') | list }}",
                             "{{ ''['__class__'] }}",
                             "{{ '{0.__class__}'.format('') }}",
                             "{{ '{0[x]}'.format({}) }}",
                             "{{ ''.format_map({}) }}",
                             "{% include '/etc/passwd' %}",
                             "{% import 'os' as os %}",
                             "{% extends 'a' %}",
                             "{% from 'a' import b %}",
                             "{{ ''.encode() }}",
                             "{{ open('x') }}",
                             "{{ __import__('os') }}",
                             "{{ namespace(__x=1) }}",
                             "{% set namespace.x = 1 %}",
                             "{{ loop.__init__ }}",
                             "{{ {}.update({'a': 1}) }}",
                             "{{ [].extend([1]) }}",
                             "{{ strftime_now('%1000000000Y') }}"}) {
    Result<TracedText> rendered = render(source);
    EXPECT_FALSE(rendered) << source << " gives " << rendered->text;
  }
}

}  // namespace
}  // namespace weir::jinja
