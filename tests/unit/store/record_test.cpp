#include "store/journal.hpp"
#include "store/posix_file.hpp"
#include "store/record_file.hpp"

#include <filesystem>
#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class RecordTest : public testing::Test {
 protected:
  RecordTest() { fs::create_directories(folder); }
  ~RecordTest() override { fs::remove_all(folder); }

  std::string refusal(const std::string& key = "point-1", const Hash128& of = {1, 2}) const {
    try {
      read_record(path, key, of);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::input) << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr(path.string()));
      return error.what();
    }
    return "accepted";
  }
  const fs::path folder =
      fs::temp_directory_path() / ("fathom-record-" + std::to_string(::getpid()));
  const fs::path path = folder / "point-1.record";
  const Hash128 identity{1, 2};
  const Record record{{{"eigenvalue", std::vector<double>{3, -0.0, 1e-300}},
                       {"half", std::vector<float>{0.5F}},
                       {"step", std::vector<std::int64_t>{-1, 7}},
                       {"state", std::vector<std::int8_t>{1, 0, 2}},
                       {"none", std::vector<double>{}},
                       {"text", std::vector<std::string>{"", "é\n", std::string("a\0b", 3)}}}};
};

TEST_F(RecordTest, ReadsWhatWasWritten) {
  write_record(path, "point-1", identity, record);
  EXPECT_EQ(read_record(path, "point-1", identity), record);
  EXPECT_FALSE(fs::exists(record_in_the_making(path)));
}

TEST_F(RecordTest, ReplacesAndReadsLargeArrays) {
  write_record(path, "point-1", identity, record);
  std::vector<double> large(5'000'000);
  for (std::size_t i = 0; i < large.size(); ++i)
    large[i] = static_cast<double>(i);
  const Record second{{{"large", large}}};
  write_record(path, "point-1", identity, second);
  EXPECT_EQ(read_record(path, "point-1", identity), second);
}

TEST_F(RecordTest, KeepsNanBitForBit) {
  write_record(path, "point-1", identity,
               {{{"x", std::vector<double>{std::numeric_limits<double>::quiet_NaN()}}}});
  EXPECT_TRUE(std::isnan(read_record(path, "point-1", identity).one<double>("x")));
}

TEST_F(RecordTest, EveryFlippedBitIsRefused) {
  write_record(path, "point-1", identity, record);
  const std::string whole = bytes_of(path);
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    write_bytes(path, damaged);
    ASSERT_NE(refusal(), "accepted") << "bit " << bit;
  }
  write_bytes(path, whole);
  EXPECT_EQ(refusal(), "accepted");
}

TEST_F(RecordTest, EveryTruncationAndTrailingBytesAreRefused) {
  write_record(path, "point-1", identity, record);
  const std::string whole = bytes_of(path);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write_bytes(path, whole.substr(0, length));
    ASSERT_NE(refusal(), "accepted") << length << " bytes";
  }
  write_bytes(path, whole + '\0');
  EXPECT_THAT(refusal(), testing::HasSubstr("bytes instead of"));
}

TEST_F(RecordTest, SaysWhatIsWrong) {
  EXPECT_THAT(refusal(), testing::HasSubstr("cannot be opened"));
  write_record(path, "point-1", identity, record);
  EXPECT_THAT(refusal("point-2"), testing::HasSubstr("holds the record 'point-1', not 'point-2'"));
  EXPECT_THAT(refusal("point-1", {1, 3}), testing::HasSubstr("belongs to another run"));
  std::string bytes = bytes_of(path);
  bytes[8] = 0;
  write_bytes(path, bytes);
  EXPECT_THAT(refusal(),
              testing::HasSubstr("is of format 0, this program keeps and reads format 1"));
  bytes[0] = 'x';
  write_bytes(path, bytes);
  EXPECT_THAT(refusal(), testing::HasSubstr("is no record"));
}

TEST_F(RecordTest, ASecondWriterIsRefusedAndLeavesTheFirstAlone) {
  write_record(path, "point-1", identity, record);
  write_bytes(record_in_the_making(path), "of another rank");
  EXPECT_THROW(write_record(path, "point-1", identity, {}), Error);
  EXPECT_EQ(bytes_of(record_in_the_making(path)), "of another rank");
  EXPECT_EQ(read_record(path, "point-1", identity), record);
}

TEST_F(RecordTest, AFolderThatVanishedIsAnError) {
  try {
    write_record(folder / "gone" / "a.record", "a", identity, record);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::io);
    EXPECT_THAT(error.what(), testing::HasSubstr("No such file or directory"));
  }
}

TEST_F(RecordTest, ArraysAreAskedForByNameAndType) {
  EXPECT_EQ(record.get<std::int64_t>("step").at(1), 7);
  EXPECT_EQ(record.one<float>("half"), 0.5F);
  EXPECT_THROW(record.get<double>("step"), Error);
  EXPECT_THROW(record.get<double>("nothing"), Error);
  EXPECT_THROW(record.one<double>("eigenvalue"), Error);
}

TEST(JournalTest, GivesBackCallsInTheirOrder) {
  const std::vector<double> reals{1, 2};
  const std::vector<std::int8_t> bytes{3};
  const std::vector<std::string> texts{"a", ""};
  Journal written;
  written.begin(Journal::Call::variable);
  written.put(Values(reals));
  written.put(std::vector<std::string>{"mode"});
  written.begin(Journal::Call::scale);
  written.put(Values(bytes));
  written.put(Values(texts));
  written.put(AttributeValue(std::vector<std::int64_t>{5, 6}));
  written.put(AttributeValue(2.5));
  const Record record = written.take();
  EXPECT_TRUE(Journal(written.take()).at_end());

  Journal read(record);
  EXPECT_EQ(read.next_call(), Journal::Call::variable);
  EXPECT_THAT(std::get<std::span<const double>>(read.values()), testing::ElementsAre(1, 2));
  EXPECT_THAT(read.text_list(), testing::ElementsAre("mode"));
  EXPECT_FALSE(read.at_end());
  EXPECT_EQ(read.next_call(), Journal::Call::scale);
  EXPECT_THAT(std::get<std::span<const std::int8_t>>(read.values()), testing::ElementsAre(3));
  EXPECT_THAT(std::get<std::span<const std::string>>(read.values()), testing::ElementsAre("a", ""));
  EXPECT_EQ(read.attribute(), AttributeValue(std::vector<std::int64_t>{5, 6}));
  EXPECT_EQ(read.attribute(), AttributeValue(2.5));
  EXPECT_TRUE(read.at_end());
  EXPECT_THROW(read.next_call(), Error);
}

TEST(JournalTest, AnotherRecordIsRefused) {
  EXPECT_THROW(Journal(Record{}), Error);
  Journal written;
  written.put(std::string("left over"));
  const Journal read(written.take());
  EXPECT_THROW(read.at_end(), Error);
}

}  // namespace
}  // namespace fathom
