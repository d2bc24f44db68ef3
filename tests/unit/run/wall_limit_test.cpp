// Which of the deck's and Slurm's limits a run has.

#include "run/wall_limit.hpp"

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::HasSubstr;

constexpr double infinite = std::numeric_limits<double>::infinity();

Deck deck_with(const std::string& wall_limit) {
  return parse_deck(
      {"d.toml", "schema = 1\n[run]\n" +
                     (wall_limit.empty() ? "" : "wall_limit = \"" + wall_limit + "\"\n") +
                     "[study]\nkind = \"random_features\"\n[data]\nsource = "
                     "\"power_law\"\nalpha = 1.5\n[kernel]\ntype = "
                     "\"random_features\"\nfeatures = 64\nactivation = "
                     "\"monomial\"\ndegree = 2\n"});
}

TEST(SlurmTime, is_days_hours_minutes_seconds) {
  EXPECT_EQ(read_slurm_time("1-02:03:04"), 86400 + 2 * 3600 + 3 * 60 + 4);
  EXPECT_EQ(read_slurm_time("23:59:59"), 86399);
  EXPECT_EQ(read_slurm_time("0:05"), 5);
  EXPECT_EQ(read_slurm_time("59:30"), 3570);
  EXPECT_EQ(read_slurm_time("UNLIMITED"), infinite);
}

TEST(SlurmTime, is_nothing_else) {
  for (const char* text : {"", "INVALID", "NOT_SET", "12", "1-2", "1-02:03", ":", "1::2", "-1:00",
                           "1:2:3:4", "slurm_load_jobs error: Invalid job id specified"})
    EXPECT_FALSE(read_slurm_time(text)) << text;
}

TEST(WallLimit, is_none_outside_of_slurm) {
  const WallLimit limit = choose_wall_limit(deck_with(""), 0, {});
  EXPECT_EQ(limit.seconds, infinite);
  EXPECT_THAT(limit.note, HasSubstr("not in a Slurm job"));
}

TEST(WallLimit, is_the_end_of_the_job) {
  const WallLimit limit = choose_wall_limit(deck_with("slurm"), 5, {"17", 90});
  EXPECT_EQ(limit.seconds, 90);
  EXPECT_EQ(limit.name, "the end of Slurm job 17");
}

TEST(WallLimit, says_why_a_job_has_none) {
  EXPECT_THAT(choose_wall_limit(deck_with(""), 0, {"17", infinite}).note, HasSubstr("has none"));
  const WallLimit unknown = choose_wall_limit(deck_with(""), 0, {"17", std::nullopt});
  EXPECT_EQ(unknown.seconds, infinite);
  EXPECT_THAT(unknown.note, HasSubstr("does not say"));
}

TEST(WallLimit, of_the_deck_counts_from_the_start) {
  const WallLimit limit = choose_wall_limit(deck_with("30m"), 10, {});
  EXPECT_EQ(limit.seconds, 1790);
  EXPECT_EQ(limit.name, "the wall limit of 30m");
}

TEST(WallLimit, is_the_earlier_of_both) {
  EXPECT_EQ(choose_wall_limit(deck_with("30m"), 0, {"17", 90}).name, "the end of Slurm job 17");
  EXPECT_EQ(choose_wall_limit(deck_with("30s"), 0, {"17", 90}).seconds, 30);
}

TEST(WallLimit, is_none_by_wish_even_in_a_job) {
  EXPECT_EQ(choose_wall_limit(deck_with("none"), 0, {"17", 90}).seconds, infinite);
}

/// Puts a program "squeue" first on the path that prints `line`.
class Slurm : public testing::Test {
 protected:
  Slurm() {
    folder_ = std::filesystem::temp_directory_path() / ("squeue-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
    old_path_ = std::getenv("PATH");
    ::setenv("PATH", (folder_.string() + ":" + old_path_).c_str(), 1);
    ::unsetenv("SLURM_JOB_ID");
    ::unsetenv("SLURM_JOB_END_TIME");
  }
  ~Slurm() override {
    ::setenv("PATH", old_path_.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }
  void squeue_prints(const std::string& line) {
    const auto program = folder_ / "squeue";
    std::ofstream(program) << "#!/bin/sh\n[ \"$3\" = 17 ] && echo '" << line << "'\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  }

  std::filesystem::path folder_;
  std::string old_path_;
};

TEST_F(Slurm, is_not_there) {
  EXPECT_EQ(ask_slurm().id, "");
}

TEST_F(Slurm, tells_in_the_environment) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  ::setenv("SLURM_JOB_ID", "17", 1);
  ::setenv("SLURM_JOB_END_TIME", std::to_string(now.count() + 100).c_str(), 1);
  const SlurmJob job = ask_slurm();
  EXPECT_EQ(job.id, "17");
  ASSERT_TRUE(job.seconds_left);
  EXPECT_NEAR(*job.seconds_left, 100, 3);
}

TEST_F(Slurm, is_asked_by_squeue) {
  ::setenv("SLURM_JOB_ID", "17", 1);
  squeue_prints("1:30");
  EXPECT_EQ(ask_slurm().seconds_left, 90);
}

TEST_F(Slurm, may_not_know) {
  ::setenv("SLURM_JOB_ID", "18", 1);
  squeue_prints("1:30");
  EXPECT_EQ(ask_slurm().id, "18");
  EXPECT_FALSE(ask_slurm().seconds_left);
}

TEST_F(Slurm, id_is_never_handed_to_a_shell_unless_it_is_a_number) {
  const auto witness = folder_ / "witness";
  ::setenv("SLURM_JOB_ID", ("17; touch " + witness.string()).c_str(), 1);
  EXPECT_EQ(ask_slurm().id, "");
  EXPECT_FALSE(std::filesystem::exists(witness));
}

}  // namespace
}  // namespace fathom
