#pragma once

// Structs as records of a checkpoint. One list of fields a struct serves both ways, so that nothing
// is kept that is not found again. Local.
//
//   template <class Fields, MaybeConst<Moment> X>
//   void fields(Fields& f, X& x) {
//     auto& [step, state] = x;  // a member that is not listed does not compile
//     f("step", step);
//     f("state", state, ModeState::null_by_rank);  // an enumeration and its last value
//   }
//
// A field is an array under its name, one of a struct inside another under "outer.inner". Elements
// of a list follow one another in the arrays of their fields; their number stands in "NAME-count",
// and so does whether an optional is there. Numbers keep their bits, NaN and −0 too.

#include "base/error.hpp"
#include "store/record.hpp"

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace fathom {

template <class X, class Struct>
concept MaybeConst = std::same_as<std::remove_const_t<X>, Struct>;

template <class T>
concept FieldNumber = std::same_as<T, double> || std::integral<T>;
template <class T>
concept FieldValue = FieldNumber<T> || std::same_as<T, std::string>;
template <class T>
concept FieldEnum = std::is_enum_v<T>;
template <class T>
concept FieldStruct = std::is_class_v<T> && !FieldValue<T>;

/// As what a value stands in a record.
template <class T>
using FieldArray = std::conditional_t<std::is_integral_v<T> || std::is_enum_v<T>, std::int64_t, T>;

/// Struct to record.
class FieldWriter {
 public:
  template <FieldValue T>
  void operator()(const std::string& name, const T& value) {
    array<FieldArray<T>>(name).push_back(static_cast<FieldArray<T>>(value));
  }
  template <FieldEnum T>
  void operator()(const std::string& name, const T& value, T /*last*/) {
    array<std::int64_t>(name).push_back(static_cast<std::int64_t>(value));
  }
  template <FieldValue T>
  void operator()(const std::string& name, const std::vector<T>& values) {
    count(name, values.size());
    auto& kept = array<FieldArray<T>>(name);
    kept.insert(kept.end(), values.begin(), values.end());
  }
  template <FieldEnum T>
  void operator()(const std::string& name, const std::vector<T>& values, T /*last*/) {
    count(name, values.size());
    auto& kept = array<std::int64_t>(name);
    for (const T value : values)
      kept.push_back(static_cast<std::int64_t>(value));
  }
  template <class T>
  void operator()(const std::string& name, const std::vector<T>& structs) {
    count(name, structs.size());
    for (const T& value : structs)
      inside(name, value);
  }
  template <class T>
  void operator()(const std::string& name, const std::optional<T>& value) {
    count(name, value ? 1 : 0);
    if (value) inside(name, *value);
  }
  template <FieldStruct T>
  void operator()(const std::string& name, const T& value) {
    inside(name, value);
  }

  Record take() && { return std::move(record_); }

 private:
  template <class T>
  std::vector<T>& array(const std::string& name) {
    return std::get<std::vector<T>>(
        record_.values.try_emplace(outer_ + name, std::vector<T>()).first->second);
  }
  void count(const std::string& name, std::size_t value) {
    array<std::int64_t>(name + "-count").push_back(static_cast<std::int64_t>(value));
  }
  template <class T>
  void inside(const std::string& name, const T& value) {
    const std::string before = outer_;
    outer_ += name + ".";
    fields(*this, value);
    outer_ = before;
  }

  std::string outer_;
  Record record_;
};

/// Record to struct: the same calls in the same order. Error(input), naming the array, where one is
/// missing, of another type, too short, or holds what its field cannot.
class FieldReader {
 public:
  /// `record` outlives it.
  explicit FieldReader(const Record& record) : record_(record) {}

  template <FieldValue T>
  void operator()(const std::string& name, T& value) {
    value = as<T>(name, take<FieldArray<T>>(name, 1).front());
  }
  template <FieldEnum T>
  void operator()(const std::string& name, T& value, T last) {
    value = as_enum(name, take<std::int64_t>(name, 1).front(), last);
  }
  template <FieldValue T>
  void operator()(const std::string& name, std::vector<T>& values) {
    values.clear();
    for (const auto& kept : take<FieldArray<T>>(name, count(name)))
      values.push_back(as<T>(name, kept));
  }
  template <FieldEnum T>
  void operator()(const std::string& name, std::vector<T>& values, T last) {
    values.clear();
    for (const std::int64_t kept : take<std::int64_t>(name, count(name)))
      values.push_back(as_enum(name, kept, last));
  }
  template <class T>
  void operator()(const std::string& name, std::vector<T>& structs) {
    structs.clear();
    for (std::int64_t left = count(name); left > 0; --left)
      inside(name, structs.emplace_back());
  }
  template <class T>
  void operator()(const std::string& name, std::optional<T>& value) {
    value.reset();
    const std::int64_t there = count(name);
    if (there > 1) wrong(name + "-count", there);
    if (there == 1) inside(name, value.emplace());
  }
  template <FieldStruct T>
  void operator()(const std::string& name, T& value) {
    inside(name, value);
  }

  /// Error(input) where the record holds more than was asked for: it is not of this struct.
  void finish() const {
    for (const auto& [name, array] : record_.values) {
      const auto taken = place_.find(name);
      const std::size_t size = std::visit([](const auto& values) { return values.size(); }, array);
      if (taken == place_.end())
        throw Error(ExitCode::input, "'{}' in a record of the checkpoint does not belong there",
                    name);
      if (taken->second != size)
        throw Error(ExitCode::input, "'{}' in a record of the checkpoint holds {} values, not {}",
                    name, size, taken->second);
    }
  }

 private:
  template <class T>
  std::span<const T> take(const std::string& name, std::int64_t wanted) {
    const std::vector<T>& array = record_.get<T>(outer_ + name);
    std::size_t& place = place_[outer_ + name];
    if (wanted > static_cast<std::int64_t>(array.size() - place))
      throw Error(ExitCode::input,
                  "'{}' in a record of the checkpoint holds {} values, {} or more belong there",
                  outer_ + name, array.size(), static_cast<std::int64_t>(place) + wanted);
    const auto length = static_cast<std::size_t>(wanted);
    const auto values = std::span<const T>(array).subspan(place, length);
    place += length;
    return values;
  }
  std::int64_t count(const std::string& name) {
    const std::int64_t value = take<std::int64_t>(name + "-count", 1).front();
    if (value < 0) wrong(name + "-count", value);
    return value;
  }
  template <class T>
  T as(const std::string& name, const FieldArray<T>& kept) const {
    if constexpr (std::same_as<T, bool>) {
      if (kept != 0 && kept != 1) wrong(name, kept);
      return kept == 1;
    } else if constexpr (std::integral<T>) {
      if (!std::in_range<T>(kept)) wrong(name, kept);
      return static_cast<T>(kept);
    } else {
      return kept;
    }
  }
  template <class T>
  T as_enum(const std::string& name, std::int64_t kept, T last) const {
    if (kept < 0 || kept > static_cast<std::int64_t>(last)) wrong(name, kept);
    return static_cast<T>(kept);
  }
  template <class T>
  void inside(const std::string& name, T& value) {
    const std::string before = outer_;
    outer_ += name + ".";
    fields(*this, value);
    outer_ = before;
  }
  [[noreturn]] void wrong(const std::string& name, std::int64_t value) const {
    throw Error(ExitCode::input, "'{}' in a record of the checkpoint holds {}, which it cannot",
                outer_ + name, value);
  }

  const Record& record_;
  std::string outer_;
  std::map<std::string, std::size_t> place_;
};

template <class Struct>
Record record_of_fields(const Struct& value) {
  FieldWriter writer;
  fields(writer, value);
  return std::move(writer).take();
}

/// Error(input), naming the array, where the record is not one of this struct.
template <class Struct>
Struct fields_of_record(const Record& record) {
  FieldReader reader(record);
  Struct value{};
  fields(reader, value);
  reader.finish();
  return value;
}

}  // namespace fathom
