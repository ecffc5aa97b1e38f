#include "guard/category.h"

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr KnownCategory kKnown[] = {
    {"S1", "mlcommons", "", "Violent Crimes", "暴力犯罪"},
    {"S2", "mlcommons", "", "Non-Violent Crimes", "非暴力犯罪"},
    {"S3", "mlcommons", "", "Sex-Related Crimes", "性犯罪"},
    {"S4", "mlcommons", "", "Child Sexual Exploitation", "儿童性剥削"},
    {"S5", "mlcommons", "", "Defamation", "诽谤"},
    {"S6", "mlcommons", "", "Specialized Advice", "专业建议"},
    {"S7", "mlcommons", "", "Privacy", "隐私"},
    {"S8", "mlcommons", "", "Intellectual Property", "知识产权"},
    {"S9", "mlcommons", "", "Indiscriminate Weapons", "大规模杀伤性武器"},
    {"S10", "mlcommons", "", "Hate", "仇恨"},
    {"S11", "mlcommons", "", "Suicide & Self-Harm", "自杀与自残"},
    {"S12", "mlcommons", "", "Sexual Content", "色情内容"},
    {"S13", "mlcommons", "", "Elections", "选举"},
    {"S14", "mlcommons", "", "Code Interpreter Abuse", "滥用代码解释器"},
    {"A1a", "tc260", "A1", "Inciting subversion of state power",
     "煽动颠覆国家政权、推翻社会主义制度"},
    {"A1b", "tc260", "A1", "Endangering national security and interests",
     "危害国家安全和利益、损害国家形象"},
    {"A1c", "tc260", "A1", "Inciting separatism", "煽动分裂国家、破坏国家统一和社会稳定"},
    {"A1d", "tc260", "A1", "Promoting terrorism and extremism", "宣扬恐怖主义、极端主义"},
    {"A1e", "tc260", "A1", "Promoting ethnic hatred", "宣扬民族仇恨"},
    {"A1f", "tc260", "A1", "Promoting violence and obscenity", "宣扬暴力、淫秽色情"},
    {"A1g", "tc260", "A1", "Spreading false and harmful information", "传播虚假有害信息"},
    {"A1h", "tc260", "A1", "Other content that laws prohibit", "其他法律、行政法规禁止的内容"},
    {"A2a", "tc260", "A2", "Discrimination by ethnicity", "民族歧视内容"},
    {"A2b", "tc260", "A2", "Discrimination by belief", "信仰歧视内容"},
    {"A2c", "tc260", "A2", "Discrimination by country", "国别歧视内容"},
    {"A2d", "tc260", "A2", "Discrimination by region", "地域歧视内容"},
    {"A2e", "tc260", "A2", "Discrimination by gender", "性别歧视内容"},
    {"A2f", "tc260", "A2", "Discrimination by age", "年龄歧视内容"},
    {"A2g", "tc260", "A2", "Discrimination by occupation", "职业歧视内容"},
    {"A2h", "tc260", "A2", "Discrimination by health", "健康歧视内容"},
    {"A2i", "tc260", "A2", "Other discrimination", "其他方面歧视内容"},
    {"A3a", "tc260", "A3", "Infringing intellectual property", "侵犯他人知识产权"},
    {"A3b", "tc260", "A3", "Violating business ethics", "违反商业道德"},
    {"A3c", "tc260", "A3", "Disclosing trade secrets", "泄露他人商业秘密"},
    {"A3d", "tc260", "A3", "Monopoly and unfair competition",
     "利用算法、数据、平台等优势，实施垄断和不正当竞争行为"},
    {"A3e", "tc260", "A3", "Other commercial violations", "其他商业违法违规行为"},
    {"A4a", "tc260", "A4", "Harming physical or mental health", "危害他人身心健康"},
    {"A4b", "tc260", "A4", "Infringing portrait rights", "侵害他人肖像权"},
    {"A4c", "tc260", "A4", "Infringing reputation", "侵害他人名誉权"},
    {"A4d", "tc260", "A4", "Infringing honour", "侵害他人荣誉权"},
    {"A4e", "tc260", "A4", "Infringing privacy", "侵害他人隐私权"},
    {"A4f", "tc260", "A4", "Infringing personal information rights", "侵害他人个人信息权益"},
    {"A4g", "tc260", "A4", "Infringing other rights of others", "侵犯他人其他合法权益"},
    {"A5a", "tc260", "A5", "Inaccurate content", "内容不准确，严重不符合科学常识或主流认知"},
    {"A5b", "tc260", "A5", "Unreliable content", "内容不可靠，无法对使用者形成帮助"},
    {"personal", "weir", "", "Personal data", "个人信息"},
    {"secret", "weir", "", "Keys and passwords", "密钥和口令"},
    {"injection", "weir", "", "Instructions in documents and tool results", "提示注入"},
    {"tool", "weir", "", "Calls of tools that are not allowed", "不允许的工具调用"},
    {"budget", "weir", "", "Too many calls or tokens", "超出预算"},
    {"distress", "weir", "", "Signs of distress", "求助信号"},
    {"effort", "weir", "", "Solutions without effort", "直接索要答案"},
};

bool is_id(const std::string& id) {
  if (id.empty() || id.size() > 40 || id[0] < 'a' || id[0] > 'z') return false;
  return std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

std::span<const KnownCategory> known_categories() { return kKnown; }

CategorySet::CategorySet() {
  for (const KnownCategory& known : kKnown)
    list_.push_back({known.id, known.name, known.group, known.family});
}

Result<void> CategorySet::add(const std::string& id, const std::string& name) {
  if (!is_id(id))
    return Error{"'" + printable(id) +
                 "' is no name of a category; take lower-case letters, digits, - and _"};
  if (id == "all" || id == "mlcommons" || id == "tc260" || id == "weir" || find(id) >= 0)
    return Error{"the category '" + id + "' is known already; take another name"};
  list_.push_back({id, name.empty() ? id : name});
  return {};
}

int CategorySet::find(std::string_view id) const {
  for (size_t i = 0; i < list_.size(); ++i)
    if (list_[i].id == id) return int(i);
  return -1;
}

std::vector<int> CategorySet::members(std::string_view id) const {
  std::vector<int> found;
  for (size_t i = 0; i < list_.size(); ++i) {
    const Category& category = list_[i];
    if (id == "all" || category.id == id || (!category.group.empty() && category.group == id) ||
        category.family == id)
      found.push_back(int(i));
  }
  return found;
}

std::vector<std::string> CategorySet::ids() const {
  std::vector<std::string> ids;
  for (const Category& category : list_) ids.push_back(category.id);
  return ids;
}

}  // namespace weir
