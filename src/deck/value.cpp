#include "deck/value.hpp"

#include "deck/duration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace fathom {

namespace {

std::string real_as_toml(double value) {
  std::string text = fmt::format("{}", value);
  // A TOML real needs a point or an exponent, or it would read back as an integer.
  if (text.find_first_of(".en") == text.npos) text += ".0";
  return text;
}

/// From entry `first` on, which is moved past what was printed.
std::string tensor_as_toml(const RealTensor& tensor, std::size_t level, std::size_t& first) {
  if (level == tensor.extent.size()) return real_as_toml(tensor.entry[first++]);
  std::string text = "[";
  for (std::int64_t i = 0; i < tensor.extent[level]; ++i)
    text += (i > 0 ? ", " : "") + tensor_as_toml(tensor, level + 1, first);
  return text + "]";
}

std::string print(const DeckValue& value, bool quoted) {
  struct Printer {
    bool quoted;
    std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return real_as_toml(v); }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(const std::string& v) const { return quoted ? toml_string(v) : v; }
    std::string operator()(const std::vector<std::int64_t>& v) const {
      return fmt::format("[{}]", fmt::join(v, ", "));
    }
    std::string operator()(const RealTensor& v) const {
      std::size_t first = 0;
      return tensor_as_toml(v, 0, first);
    }
    std::string operator()(const Duration& v) const { return (*this)(deck::duration_text(v)); }
  };
  return std::visit(Printer{quoted}, value);
}

}  // namespace

std::string to_toml(const DeckValue& value) {
  return print(value, true);
}

std::string to_plain(const DeckValue& value) {
  return print(value, false);
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04X}", byte);
    else
      out += c;
  }
  return out + '"';
}

}  // namespace fathom
