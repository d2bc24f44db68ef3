#include "deck/faults.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace fathom::deck {

namespace {

constexpr std::size_t most_faults = 100;
constexpr std::size_t window = 96;  // columns of an excerpt

/// The characters of a line, each a string of its own: what is not printable is shown as '?'.
std::vector<std::string> characters(std::string_view line) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < line.size();) {
    const auto byte = static_cast<unsigned char>(line[i]);
    std::size_t length = byte < 0x80           ? 1
                         : (byte >> 5) == 0x6  ? 2
                         : (byte >> 4) == 0xe  ? 3
                         : (byte >> 3) == 0x1e ? 4
                                               : 0;
    bool valid = length > 0 && i + length <= line.size();
    for (std::size_t k = 1; valid && k < length; ++k)
      valid = (static_cast<unsigned char>(line[i + k]) & 0xc0) == 0x80;
    if (!valid || (length == 1 && (byte < 0x20 || byte == 0x7f)) ||
        (length == 2 && byte == 0xc2 && static_cast<unsigned char>(line[i + 1]) < 0xa0)) {
      out.emplace_back(valid && byte == '\t' ? " " : "?");
      i += valid ? length : 1;
      continue;
    }
    out.emplace_back(line.substr(i, length));
    i += length;
  }
  return out;
}

std::string join(const std::vector<std::string>& parts, std::size_t first, std::size_t count) {
  std::string out;
  for (std::size_t i = first; i < std::min(parts.size(), first + count); ++i)
    out += parts[i];
  return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

/// The line with the caret under the place; empty where there is nothing to show.
std::string excerpt(std::string_view line, const Place& place) {
  const auto all = characters(line);
  if (all.empty()) return {};
  const auto column = static_cast<std::size_t>(std::max(place.column, 1) - 1);
  const std::size_t first = column > window * 3 / 4 ? column - window / 2 : 0;
  const std::size_t room = window - std::min(window - 1, column - first);
  const std::size_t length = std::clamp<std::size_t>(place.length, 1, room);
  const std::string before = first > 0 ? "... " : "";
  const std::string after = all.size() > first + window ? " ..." : "";
  return fmt::format("{:>6} | {}{}{}\n       | {}{}\n", place.line, before,
                     join(all, first, window), after,
                     std::string(before.size() + column - first, ' '), std::string(length, '^'));
}

}  // namespace

bool Faults::full() const {
  return faults_.size() >= most_faults;
}

void Faults::add(Fault fault) {
  if (full()) {
    ++uncounted_;
    return;
  }
  const auto same = [&](const Fault& other) {
    return other.place == fault.place && other.message == fault.message;
  };
  if (std::none_of(faults_.begin(), faults_.end(), same)) faults_.push_back(std::move(fault));
}

std::string printable(std::string_view text, std::size_t limit) {
  const auto all = characters(text.substr(0, std::min(text.size(), 4 * limit + 4)));
  return all.size() <= limit ? join(all, 0, limit) : join(all, 0, limit - 3) + "...";
}

std::string render(const Faults& faults, std::string_view file, std::string_view text,
                   std::span<const std::string> overrides) {
  auto sorted = faults.all();
  const auto order = [](const Fault& fault) {
    const auto& place = fault.place;
    return std::tuple(place.override_index.has_value(), place.override_index.value_or(0),
                      place.line, place.column);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Fault& a, const Fault& b) { return order(a) < order(b); });
  const auto lines = lines_of(text);
  const std::string name = printable(file, 4096);
  std::string out;
  for (const auto& [place, message, hints] : sorted) {
    if (place.override_index)
      out += fmt::format("--set {}: {}\n", printable(overrides[*place.override_index]), message);
    else
      out += fmt::format("{}:{}:{}: {}\n", name, place.line, place.column, message);
    const auto line = static_cast<std::size_t>(place.line);
    if (!place.override_index && line >= 1 && line <= lines.size())
      out += excerpt(lines[line - 1], place);
    for (const auto& hint : hints)
      out += "         " + hint + "\n";
    out += "\n";
  }
  if (faults.count() > sorted.size())
    out += fmt::format("... and {} more\n\n", faults.count() - sorted.size());
  return out + fmt::format("{} {} in {}; nothing was computed.", faults.count(),
                           faults.count() == 1 ? "fault" : "faults", name);
}

}  // namespace fathom::deck
