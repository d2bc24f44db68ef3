#include "store/journal.hpp"

namespace fathom {
namespace {

[[noreturn]] void broken() {
  throw Error(ExitCode::input,
              "a record of the checkpoint holds no journal of run.h5 that this program can follow");
}

template <class T>
void append(std::vector<T>& tape, std::span<const T> values) {
  tape.insert(tape.end(), values.begin(), values.end());
}

}  // namespace

void Journal::put(const Values& values) {
  put(static_cast<std::int64_t>(values.index()));
  std::visit([&](const auto& span) { put(std::ssize(span)); }, values);
  if (const auto* reals = std::get_if<std::span<const double>>(&values))
    append(reals_, *reals);
  else if (const auto* integers = std::get_if<std::span<const std::int64_t>>(&values))
    append(integers_, *integers);
  else if (const auto* bytes = std::get_if<std::span<const std::int8_t>>(&values))
    append(bytes_, *bytes);
  else
    append(texts_, std::get<std::span<const std::string>>(values));
}

void Journal::put(const AttributeValue& value) {
  put(static_cast<std::int64_t>(value.index()));
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    put(*integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    reals_.push_back(*real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    put(*text);
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value)) {
    put(std::ssize(*integers));
    append<std::int64_t>(integers_, *integers);
  } else {
    const auto& reals = std::get<std::vector<double>>(value);
    put(std::ssize(reals));
    append<double>(reals_, reals);
  }
}

void Journal::put(const std::vector<std::string>& texts) {
  put(std::ssize(texts));
  append<std::string>(texts_, texts);
}

Record Journal::take() {
  Record record;
  record.values["journal.calls"] = std::move(calls_);
  record.values["journal.bytes"] = std::move(bytes_);
  record.values["journal.texts"] = std::move(texts_);
  record.values["journal.integers"] = std::move(integers_);
  record.values["journal.reals"] = std::move(reals_);
  *this = Journal();
  return record;
}

Journal::Journal(const Record& record)
    : calls_(record.get<std::int8_t>("journal.calls")),
      bytes_(record.get<std::int8_t>("journal.bytes")),
      texts_(record.get<std::string>("journal.texts")),
      integers_(record.get<std::int64_t>("journal.integers")),
      reals_(record.get<double>("journal.reals")) {}

template <class T>
std::span<const T> Journal::take_from(const std::vector<T>& tape, std::size_t& place,
                                      std::int64_t count) {
  if (count < 0 || static_cast<std::size_t>(count) > tape.size() - place) broken();
  const std::span<const T> taken(tape.data() + place, static_cast<std::size_t>(count));
  place += taken.size();
  return taken;
}

bool Journal::at_end() const {
  if (call_ < calls_.size()) return false;
  if (byte_ != bytes_.size() || text_ != texts_.size() || integer_ != integers_.size() ||
      real_ != reals_.size())
    broken();
  return true;
}

Journal::Call Journal::next_call() {
  return static_cast<Call>(take_from(calls_, call_, 1)[0]);
}

std::string Journal::text() {
  return take_from(texts_, text_, 1)[0];
}

std::int64_t Journal::integer() {
  return take_from(integers_, integer_, 1)[0];
}

Values Journal::values() {
  const std::int64_t type = integer(), count = integer();
  switch (type) {
    case 0:
      return take_from(reals_, real_, count);
    case 1:
      return take_from(integers_, integer_, count);
    case 2:
      return take_from(bytes_, byte_, count);
    case 3:
      return take_from(texts_, text_, count);
    default:
      broken();
  }
}

AttributeValue Journal::attribute() {
  const auto vector_of = [](auto span) { return std::vector(span.begin(), span.end()); };
  switch (integer()) {
    case 0:
      return integer();
    case 1:
      return take_from(reals_, real_, 1)[0];
    case 2:
      return text();
    case 3:
      return vector_of(take_from(integers_, integer_, integer()));
    case 4:
      return vector_of(take_from(reals_, real_, integer()));
    default:
      broken();
  }
}

std::vector<std::string> Journal::text_list() {
  const auto texts = take_from(texts_, text_, integer());
  return {texts.begin(), texts.end()};
}

}  // namespace fathom
