#include "deck/resolver.hpp"

#include "base/assert.hpp"
#include "deck/nearest.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace fathom::deck {

Resolver::Resolver(const GivenKeys& given, const Landmarks& landmarks, std::string stem)
    : given_(given),
      landmarks_(landmarks),
      stem_(std::move(stem)),
      states_(all_keys().size(), State::untouched),
      resolved_(all_keys().size()) {
  FATHOM_ASSERT(given.size() == all_keys().size(), "{} of {} keys", given.size(),
                all_keys().size());
}

void Resolver::run() {
  for (std::size_t i = 0; i < states_.size(); ++i)
    resolve(i);
  check_together(*this);
}

const DeckValue* Resolver::find(std::string_view key) const {
  const auto index = find_key(key);
  FATHOM_ASSERT(index, "the key table has no {}", key);
  const State state = resolve(*index);
  if (state == State::unknown) met_unknown_ = true;
  return state == State::known ? &resolved_[*index]->value : nullptr;
}

bool Resolver::is_given(std::string_view key) const {
  return given_[*find_key(key)].has_value();
}

void Resolver::complain(std::string_view key, std::string message, std::vector<std::string> hints) {
  std::string tag = message.substr(0, message.find('='));
  report(std::move(tag), place_of(key), std::move(message), std::move(hints));
}

void Resolver::report(std::string tag, Place place, std::string message,
                      std::vector<std::string> hints, bool stranger) const {
  Issue& issue = issues_.emplace_back();
  issue.fault.place = place;
  issue.fault.message = std::move(message);
  issue.fault.hints = std::move(hints);
  issue.tag = std::move(tag);
  issue.stranger = stranger;
}

Place Resolver::place_of(std::string_view key) const {
  const auto& given = given_[*find_key(key)];
  if (given) return given->place;
  const auto header = landmarks_.section.find(section_of(key));
  return header == landmarks_.section.end() ? landmarks_.end : header->second;
}

Resolver::State Resolver::resolve(std::size_t index) const {
  State& state = states_[index];
  const Key& key = all_keys()[index];
  FATHOM_ASSERT(state != State::busy, "{} depends on itself", key.path);
  if (state != State::untouched) return state;
  state = State::busy;
  const Answer belonging_here = belongs(key);
  const auto& given = given_[index];
  if (given && belonging_here == Answer::no)
    state = given->meant ? State::foreign : resolve_foreign(index);
  else if (given)
    state = resolve_given(index, *given);
  else if (belonging_here == Answer::yes)
    state = resolve_default(index);
  else
    state = belonging_here == Answer::no ? State::foreign : State::unknown;
  return state;
}

Resolver::State Resolver::resolve_given(std::size_t index, const Given& given) const {
  const Key& key = all_keys()[index];
  if (!given.value || narrowed_out(key, given)) return State::unknown;
  resolved_[index] = Resolved{*given.value, false};
  return State::known;
}

Resolver::State Resolver::resolve_default(std::size_t index) const {
  const Key& key = all_keys()[index];
  if (key.fallback) {
    resolved_[index] = Resolved{*key.fallback, true};
    return State::known;
  }
  if (key.derive) {
    const bool outer = std::exchange(met_unknown_, false);
    const auto value = key.derive(*this);
    const bool uncertain = std::exchange(met_unknown_, outer);
    if (uncertain) return State::unknown;
    if (value) {
      resolved_[index] = Resolved{*value, true};
      return State::known;
    }
  }
  // The number of samples of a file is in the file.
  const bool in_file =
      key.path == "data.n" && holds({"data.source", {"hdf5", "npy"}}) != Answer::no;
  return key.required && !in_file ? missing(index) : State::unset;
}

Resolver::State Resolver::resolve_foreign(std::size_t index) const {
  const Key& key = all_keys()[index];
  const Given& given = *given_[index];
  report("foreign " + std::string(key.path), given.key_place,
         fmt::format("{} does not belong in this deck", key.path),
         {"it belongs where " + belonging(key), "here " + reasons(key)}, !given.swept);
  return State::foreign;
}

Resolver::State Resolver::missing(std::size_t index) const {
  const Key& key = all_keys()[index];
  std::vector<std::string> hints;
  if (!key.belongs.empty()) hints.push_back("required where " + belonging(key));
  const auto section = section_of(key.path);
  hints.push_back(section.empty()
                      ? fmt::format("add {} = ... above all sections", key.path)
                      : fmt::format("add {} = ... under [{}]", leaf_of(key.path), section));
  if (key.path == "schema") hints.back() = "add schema = 1 above all sections";
  report("missing " + std::string(key.path), place_of(key.path),
         fmt::format("{} is missing; it must be {}", key.path, expected(key)), std::move(hints));
  return State::unknown;
}

Resolver::Answer Resolver::holds(const Requirement& requirement) const {
  const auto index = find_key(requirement.key);
  FATHOM_ASSERT(index, "the key table has no {}", requirement.key);
  const State state = resolve(*index);
  if (state == State::unknown) return Answer::maybe;
  if (state != State::known) return Answer::no;
  const std::string value = to_plain(resolved_[*index]->value);
  const auto& values = requirement.values;
  return std::find(values.begin(), values.end(), value) == values.end() ? Answer::no : Answer::yes;
}

Resolver::Answer Resolver::holds(const Condition& condition) const {
  Answer all = Answer::yes;
  for (const auto& requirement : condition) {
    all = std::min(all, holds(requirement));
    if (all == Answer::no) break;
  }
  return all;
}

Resolver::Answer Resolver::belongs(const Key& key) const {
  if (key.belongs.empty()) return Answer::yes;
  Answer any = Answer::no;
  for (const auto& condition : key.belongs)
    any = std::max(any, holds(condition));
  return any;
}

bool Resolver::narrowed_out(const Key& key, const Given& given) const {
  for (const auto& [where, words] : key.narrowed) {
    if (holds(where) != Answer::yes) continue;
    const std::string value = to_plain(*given.value);
    if (std::find(words.begin(), words.end(), value) != words.end()) continue;
    Key narrow{.path = key.path, .type = key.type, .words = words};
    report("narrowed " + std::string(key.path), given.place,
           fmt::format("{} must be {} where {}, not \"{}\"", key.path, expected(narrow), say(where),
                       value),
           {});
    return true;
  }
  return false;
}

std::string Resolver::reasons(const Key& key) const {
  std::vector<std::string_view> asked;
  std::string out;
  for (const auto& condition : key.belongs) {
    for (const auto& requirement : condition) {
      if (std::find(asked.begin(), asked.end(), requirement.key) != asked.end()) continue;
      if (holds(requirement) != Answer::no) continue;
      asked.push_back(requirement.key);
      if (!out.empty()) out += ", ";
      const auto& resolved = resolved_[*find_key(requirement.key)];
      out += resolved ? fmt::format("{} = {}{}", requirement.key, to_toml(resolved->value),
                                    resolved->is_default ? " by default" : "")
                      : fmt::format("{} has no value", requirement.key);
    }
  }
  return out;
}

}  // namespace fathom::deck
