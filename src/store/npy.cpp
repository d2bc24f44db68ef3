#include "store/npy.hpp"

#include "base/error.hpp"

#include <fmt/ranges.h>

namespace fathom {
namespace {

constexpr std::string_view magic("\x93NUMPY", 6);
constexpr const char* valid_types =
    "float32 or float64 ('<f4', '<f8', '>f4', '>f8'), or integers where labels are read";

/// Reads the literal of a Python dict of which only strings, integers, tuples of integers and
/// True/False occur. Never evaluates anything.
class HeaderText {
 public:
  HeaderText(std::string_view text, const std::string& what) : text_(text), what_(what) {}

  [[noreturn]] void malformed(const std::string& why) const {
    throw Error(ExitCode::input, "{}: the .npy header is malformed at character {}: {}", what_, at_,
                why);
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t'))
      ++at_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) malformed(fmt::format("expected '{}'", c));
  }
  std::string quoted() {
    skip_blanks();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"'))
      malformed("expected a quoted string");
    const char quote = text_[at_++];
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) malformed("a quoted string does not end");
    std::string value(text_.substr(at_, end - at_));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    skip_blanks();
    for (const auto& [word, value] :
         {std::pair{std::string_view("True"), true}, std::pair{std::string_view("False"), false}}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    malformed("expected True or False");
  }
  std::int64_t integer() {
    skip_blanks();
    std::int64_t value = 0;
    const std::size_t first = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      if (__builtin_mul_overflow(value, std::int64_t{10}, &value) ||
          __builtin_add_overflow(value, std::int64_t{text_[at_] - '0'}, &value))
        malformed("a dimension does not fit 64 bits");
    if (at_ == first) malformed("expected a dimension of zero or more");
    take('L');
    return value;
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    expect('(');
    while (!take(')')) {
      values.push_back(integer());
      if (take(',')) continue;
      expect(')');
      break;
    }
    return values;
  }
  /// A structured dtype starts with '['.
  bool at_list() {
    skip_blanks();
    return at_ < text_.size() && text_[at_] == '[';
  }
  bool at_end() {
    skip_blanks();
    return at_ >= text_.size();
  }

 private:
  std::string_view text_;
  const std::string& what_;
  std::size_t at_ = 0;
};

void set_type(ArrayHeader& header, const std::string& descr, const std::string& what) {
  const auto refuse = [&](const char* meaning) {
    throw Error(ExitCode::input, "{}: the type '{}'{} is not supported; valid are {}", what, descr,
                meaning, valid_types);
  };
  if (descr.find('O') != std::string::npos) refuse(" (pickled Python objects)");
  if (descr.size() != 3 || std::string_view("<>|=").find(descr[0]) == std::string_view::npos)
    refuse(descr.find('c') != std::string::npos ? " (complex numbers)" : "");
  const char kind = descr[1], digit = descr[2];
  const bool floating = kind == 'f', integer = kind == 'i' || kind == 'u';
  if (kind == 'c') refuse(" (complex numbers)");
  if (kind == 'b') refuse(" (truth values)");
  if (!(floating && (digit == '4' || digit == '8')) &&
      !(integer && (digit == '1' || digit == '2' || digit == '4' || digit == '8')))
    refuse("");
  if (descr[0] == '|' && digit != '1') refuse(" (no byte order)");
  header.item_bytes = digit - '0';
  header.floating = floating;
  header.is_signed = kind != 'u';
  header.big_endian = descr[0] == '>';
  header.type = (floating      ? "float"
                 : kind == 'u' ? "uint"
                               : "int") +
                std::to_string(8 * header.item_bytes);
}

void parse_dictionary(std::string_view text, ArrayHeader& header, const std::string& what) {
  HeaderText in(text, what);
  bool descr = false, order = false, shape = false;
  in.expect('{');
  while (!in.take('}')) {
    const std::string key = in.quoted();
    in.expect(':');
    if (key == "descr" && !descr) {
      if (in.at_list())
        throw Error(ExitCode::input, "{}: structured types are not supported; valid are {}", what,
                    valid_types);
      set_type(header, in.quoted(), what);
      descr = true;
    } else if (key == "fortran_order" && !order) {
      header.order = in.boolean() ? StorageOrder::column_major : StorageOrder::row_major;
      order = true;
    } else if (key == "shape" && !shape) {
      header.shape = in.tuple();
      shape = true;
    } else {
      in.malformed(fmt::format("unexpected key '{}'", key.substr(0, 40)));
    }
    if (in.take(',')) continue;
    in.expect('}');
    break;
  }
  if (!in.at_end()) in.malformed("something follows the closing brace");
  if (!descr || !order || !shape)
    in.malformed("the keys 'descr', 'fortran_order' and 'shape' must all be there");
}

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

bool is_npy(std::string_view first_bytes) {
  return first_bytes.starts_with(magic);
}

void check_shape(const ArrayHeader& header, const std::string& what) {
  const auto& shape = header.shape;
  if (shape.empty() || shape.size() > 2)
    throw Error(ExitCode::input, "{}: has {} dimensions, shape ({}); 1 or 2 are valid", what,
                shape.size(), fmt::join(shape, ", "));
  std::int64_t bytes = header.item_bytes;
  for (const std::int64_t extent : shape) {
    if (extent <= 0)
      throw Error(ExitCode::input, "{}: is empty, shape ({}); every dimension must be at least 1",
                  what, fmt::join(shape, ", "));
    if (__builtin_mul_overflow(bytes, extent, &bytes) || bytes >= std::int64_t{1} << 62)
      throw Error(ExitCode::input, "{}: shape ({}) overflows the size of any file", what,
                  fmt::join(shape, ", "));
  }
}

ArrayHeader parse_npy_header(std::string_view start, std::int64_t file_bytes,
                             const std::string& what) {
  if (!is_npy(start)) throw Error(ExitCode::input, "{}: is not a .npy file", what);
  if (start.size() < 10)
    throw Error(ExitCode::input, "{}: is truncated in its header: {} bytes", what, start.size());
  const int major = static_cast<unsigned char>(start[6]);
  if (major < 1 || major > 3)
    throw Error(ExitCode::input, "{}: .npy version {} is unknown; valid are 1, 2 and 3", what,
                major);
  const std::size_t length_bytes = major == 1 ? 2 : 4, before = 8 + length_bytes;
  if (start.size() < before)
    throw Error(ExitCode::input, "{}: is truncated in its header: {} bytes", what, start.size());
  const std::size_t length = little_endian(start.substr(8, length_bytes));
  if (before + length > static_cast<std::size_t>(npy_header_limit))
    throw Error(ExitCode::input, "{}: claims a header of {} bytes; at most {} are accepted", what,
                length, npy_header_limit);
  if (before + length > start.size())
    throw Error(ExitCode::input, "{}: is truncated in its header: {} of {} bytes", what,
                start.size(), before + length);
  ArrayHeader header;
  parse_dictionary(start.substr(before, length), header, what);
  check_shape(header, what);
  header.data_offset = static_cast<std::int64_t>(before + length);
  std::int64_t need = header.item_bytes;
  for (const std::int64_t extent : header.shape)
    need *= extent;
  if (file_bytes - header.data_offset < need)
    throw Error(ExitCode::input,
                "{}: is truncated: shape ({}) of {} needs {} bytes of data, the file holds {}",
                what, fmt::join(header.shape, ", "), header.type, need,
                file_bytes - header.data_offset);
  return header;
}

}  // namespace fathom
