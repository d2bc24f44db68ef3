#include "store/npy.hpp"

#include "base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A .npy file's bytes: version, dictionary, `data` bytes of data.
std::string npy(const std::string& dictionary, std::int64_t data, int major = 1) {
  std::string text("\x93NUMPY", 6);
  text += static_cast<char>(major);
  text += '\0';
  const std::size_t length = dictionary.size();
  for (int k = 0; k < (major == 1 ? 2 : 4); ++k)
    text += static_cast<char>(length >> (8 * k) & 0xff);
  return text + dictionary + std::string(static_cast<std::size_t>(data), '\0');
}

ArrayHeader parse(const std::string& file) {
  return parse_npy_header(file, std::ssize(file), "x.npy");
}

/// The message of the Error(input) that parsing must end in.
std::string refusal(const std::string& file) {
  try {
    parse(file);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
    EXPECT_THAT(error.what(), HasSubstr("x.npy"));
    return error.what();
  }
  return "accepted";
}

TEST(NpyHeader, ReadsWhatNumpyWrites) {
  const std::string dictionary =
      "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 5), }          \n";
  const ArrayHeader header = parse(npy(dictionary, 120));
  EXPECT_THAT(header.shape, ElementsAre(3, 5));
  EXPECT_EQ(header.type, "float64");
  EXPECT_EQ(header.item_bytes, 8);
  EXPECT_EQ(header.order, StorageOrder::row_major);
  EXPECT_FALSE(header.big_endian);
  EXPECT_EQ(header.data_offset, 10 + std::ssize(dictionary));
}

TEST(NpyHeader, ReadsEveryVersionOrderAndType) {
  for (const int major : {1, 2, 3}) {
    const ArrayHeader header =
        parse(npy("{'descr': '>f4', 'fortran_order': True, 'shape': (2, 3)}", 24, major));
    EXPECT_EQ(header.type, "float32");
    EXPECT_TRUE(header.big_endian);
    EXPECT_EQ(header.order, StorageOrder::column_major);
  }
  const ArrayHeader labels =
      parse(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (7,)}", 7));
  EXPECT_THAT(labels.shape, ElementsAre(7));
  EXPECT_EQ(labels.type, "uint8");
  EXPECT_FALSE(labels.is_signed);
  EXPECT_FALSE(labels.floating);
}

TEST(NpyHeader, DataMayBeLongerThanNeeded) {
  EXPECT_THAT(parse(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", 40)).shape,
              ElementsAre(2));
}

struct Damage {
  const char* name;
  std::string file;
  const char* reason;
};

class NpyDamage : public testing::TestWithParam<Damage> {};

TEST_P(NpyDamage, IsRefusedWithItsReason) {
  EXPECT_THAT(refusal(GetParam().file), HasSubstr(GetParam().reason));
}

std::string of(const char* descr, const char* order, const char* shape, std::int64_t data) {
  return npy(fmt::format("{{'descr': {}, 'fortran_order': {}, 'shape': {}}}", descr, order, shape),
             data);
}

std::string length_claim(std::uint32_t length) {
  std::string file = npy("{}", 100, 2);
  for (int k = 0; k < 4; ++k)
    file[static_cast<std::size_t>(8 + k)] = static_cast<char>(length >> (8 * k) & 0xff);
  return file;
}

INSTANTIATE_TEST_SUITE_P(
    All, NpyDamage,
    testing::Values(
        Damage{"other_file", "PK\x03\x04 something else", "not a .npy file"},
        Damage{"magic_only", npy("", 0).substr(0, 6), "truncated in its header"},
        Damage{"no_length", npy("", 0).substr(0, 9), "truncated in its header"},
        Damage{"version_0", npy("{}", 0, 0), "version 0"},
        Damage{"version_9", npy("{}", 0, 9), "version 9"},
        Damage{"header_cut", of("'<f8'", "False", "(3, 5)", 120).substr(0, 40),
               "truncated in its header"},
        Damage{"huge_header", length_claim(0xfffffff0u), "claims a header of"},
        Damage{"empty_dictionary", npy("{}", 8), "must all be there"},
        Damage{"no_shape", npy("{'descr': '<f8', 'fortran_order': False}", 8), "must all be there"},
        Damage{"twice", npy("{'descr': '<f8', 'descr': '<f8'}", 8), "unexpected key 'descr'"},
        Damage{"other_key", npy("{'descr': '<f8', 'os': 'x'}", 8), "unexpected key 'os'"},
        Damage{"code", npy("__import__('os')", 8), "expected '{'"},
        Damage{"no_quote", npy("{'descr: <f8", 8), "does not end"},
        Damage{"not_closed", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)", 8),
               "expected '}'"},
        Damage{"after_end", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)} x", 8),
               "follows the closing brace"},
        Damage{"order_number", of("'<f8'", "0", "(1,)", 8), "expected True or False"},
        Damage{"shape_list", of("'<f8'", "False", "[1]", 8), "expected '('"},
        Damage{"negative", of("'<f8'", "False", "(-1,)", 8), "expected a dimension"},
        Damage{"fraction", of("'<f8'", "False", "(1.5,)", 8), "expected ')'"},
        Damage{"beyond_64_bits", of("'<f8'", "False", "(99999999999999999999,)", 8),
               "does not fit 64 bits"},
        Damage{"overflow", of("'<f8'", "False", "(4294967296, 4294967296)", 8), "overflows"},
        Damage{"overflow_by_item", of("'<f8'", "False", "(2305843009213693952,)", 8), "overflows"},
        Damage{"empty", of("'<f8'", "False", "(0, 5)", 0), "is empty"},
        Damage{"scalar", of("'<f8'", "False", "()", 8), "0 dimensions"},
        Damage{"three_axes", of("'<f8'", "False", "(2, 2, 2)", 64), "3 dimensions"},
        Damage{"data_cut", of("'<f8'", "False", "(3, 5)", 119), "needs 120 bytes"},
        Damage{"no_data", of("'<f4'", "True", "(3, 5)", 0), "needs 60 bytes"},
        Damage{"complex", of("'<c16'", "False", "(1,)", 16), "complex"},
        Damage{"complex64", of("'<c8'", "False", "(1,)", 8), "complex"},
        Damage{"half", of("'<f2'", "False", "(4,)", 8), "not supported"},
        Damage{"long_double", of("'<f16'", "False", "(1,)", 16), "not supported"},
        Damage{"objects", of("'|O'", "False", "(1,)", 8), "pickled"},
        Damage{"text", of("'<U5'", "False", "(1,)", 20), "not supported"},
        Damage{"truth", of("'|b1'", "False", "(1,)", 1), "truth values"},
        Damage{"structured", of("[('a', '<f8')]", "False", "(1,)", 8), "structured"},
        Damage{"no_byte_order", of("'|f8'", "False", "(1,)", 8), "no byte order"}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace fathom
