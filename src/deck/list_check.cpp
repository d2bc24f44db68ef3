#include "deck/list_check.hpp"

#include "base/assert.hpp"
#include "deck/value_check.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace fathom::deck {

namespace {

using Kind = RawValue::Kind;
using List = std::vector<std::int64_t>;

bool possible(const Key& key, const RawValue& item) {
  return item.kind == Kind::integer && in_range(key.range, static_cast<double>(item.integer));
}

std::optional<List> check_pair(const Key& key, const RawValue& raw, Faults& faults) {
  List pair;
  for (const auto& item : raw.items)
    if (possible(key, item)) pair.push_back(item.integer);
  if (raw.items.size() == 2 && pair.size() == 2) return pair;
  faults.add({raw.place,
              fmt::format("{} must be {}, not {}", key.path, expected(key), describe(raw)),
              {}});
  return std::nullopt;
}

std::optional<List> check_integers(const Key& key, const RawValue& raw, Faults& faults) {
  List list;
  const auto wrong = [&](const RawValue& part, const std::string& message) {
    faults.add({part.place, fmt::format("{} {}", key.path, message), {}});
  };
  bool good = !raw.items.empty();
  if (!good) wrong(raw, fmt::format("must be {}, not an empty list", expected(key)));
  for (std::size_t i = 0; i < raw.items.size(); ++i) {
    const RawValue& item = raw.items[i];
    const bool number = possible(key, item);
    const bool again = number && std::find(list.begin(), list.end(), item.integer) != list.end();
    if (!number)
      wrong(item,
            fmt::format("must be {}: its entry {} is {}", expected(key), i + 1, describe(item)));
    if (again) wrong(item, fmt::format("has {} twice", item.integer));
    good = good && number && !again;
    if (number) list.push_back(item.integer);
  }
  return good ? std::optional(std::move(list)) : std::nullopt;
}

/// "data.transitions[0][2]"
std::string part_name(const Key& key, std::span<const std::size_t> entry) {
  std::string name(key.path);
  for (const std::size_t i : entry)
    name += fmt::format("[{}]", i);
  return name;
}

/// Collects the entries of nested lists of one length at each level.
class TensorCheck {
 public:
  TensorCheck(const Key& key, Faults& faults) : key_(key), faults_(faults) {}

  std::optional<RealTensor> run(const RawValue& raw) {
    walk(raw, 0);
    return good_ ? std::optional(std::move(tensor_)) : std::nullopt;
  }

 private:
  static constexpr std::size_t levels = std::tuple_size_v<decltype(RealTensor::extent)>;

  void wrong(const RawValue& raw, const std::string& message) {
    faults_.add({raw.place, fmt::format("{} {}", part_name(key_, path_), message), {}});
    good_ = false;
  }

  void walk(const RawValue& raw, std::size_t level) {
    if (level == levels) {
      number(raw);
      return;
    }
    const std::string wanted = expected_part(key_, static_cast<int>(levels - level));
    if (raw.kind != Kind::array || raw.items.empty()) {
      wrong(raw, fmt::format("must be {}, not {}", wanted, describe(raw)));
      return;
    }
    const auto length = static_cast<std::int64_t>(raw.items.size());
    std::int64_t& extent = tensor_.extent[level];
    if (extent == 0) {
      extent = length;
      first_[level] = part_name(key_, path_);
    } else if (extent != length) {
      wrong(raw, fmt::format("has length {}, but {} has length {}", length, first_[level], extent));
    }
    for (std::size_t i = 0; i < raw.items.size(); ++i) {
      path_.push_back(i);
      walk(raw.items[i], level + 1);
      path_.pop_back();
    }
  }

  void number(const RawValue& raw) {
    const bool integer = raw.kind == Kind::integer;
    const double value = integer ? static_cast<double>(raw.integer) : raw.real;
    if ((!integer && raw.kind != Kind::real) || !in_range(key_.range, value))
      wrong(raw, fmt::format("must be {}, not {}", expected_part(key_, 0), describe(raw)));
    tensor_.entry.push_back(value);
  }

  const Key& key_;
  Faults& faults_;
  RealTensor tensor_;
  std::array<std::string, levels> first_;  ///< the list whose length the others of its level have
  std::vector<std::size_t> path_;
  bool good_ = true;
};

std::optional<DeckValue> typed(const Key& key, const RawValue& raw, Faults& faults) {
  if (key.type == Type::integer_pair) return check_pair(key, raw, faults);
  if (key.type == Type::integer_list) return check_integers(key, raw, faults);
  return TensorCheck(key, faults).run(raw);
}

}  // namespace

std::optional<DeckValue> check_list(const Key& key, const RawValue& raw, Faults& faults) {
  FATHOM_ASSERT(raw.kind == Kind::array, "{} is no list", key.path);
  std::optional<DeckValue> value = typed(key, raw, faults);
  if (!value || !key.examine) return value;
  for (const auto& [entry, message] : key.examine(*value)) {
    const RawValue* part = &raw;
    for (const std::size_t i : entry)
      part = &part->items[i];
    faults.add({part->place, fmt::format("{} {}", part_name(key, entry), message), {}});
    value.reset();
  }
  return value;
}

}  // namespace fathom::deck
