#include "store/run_folder.hpp"

#include "test_folder.hpp"

#include <chrono>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fathom {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class RunFolderTest : public testing::Test {
 protected:
  RunFolder open(const fs::path& path, bool overwrite = false) const {
    return RunFolder::open(world, path, overwrite, "deck", "resolved");
  }
  void on_root(const std::function<void()>& action) const {
    world.barrier();
    if (world.root()) action();
    world.barrier();
  }
  const Communicator world = Communicator::world();
  const TestFolder folder{world};
  const fs::path output = folder.path() / "deep" / "output";
};

TEST_F(RunFolderTest, FollowsALinkBeforeItGoesUp) {
  const fs::path target = folder.path() / "disk" / "mine", link = folder.path() / "link";
  on_root([&] {
    fs::create_directories(target);
    fs::create_directory_symlink(target, link);
  });
  const RunFolder run = open(link / ".." / "output/");
  EXPECT_EQ(run.path(), fs::canonical(folder.path()) / "disk" / "output");
}

TEST_F(RunFolderTest, TellsTheJobsThatHadAPart) {
  const char* before = std::getenv("SLURM_JOB_ID");
  const std::string kept = before ? before : "";
  const auto jobs = [&](const char* job, const std::function<RunFolder()>& begin) {
    ::setenv("SLURM_JOB_ID", job, 1);
    RunFolder run = begin();
    std::string told;
    if (world.root())
      told = nlohmann::json::parse(text_of(output / "status.json"))["jobs"].get<std::string>();
    run.publish({.state = "checkpointed", .exit_code = 75});
    world.barrier();
    return world.broadcast(told), told;
  };
  const auto again = [&] { return RunFolder::reopen(world, output); };
  EXPECT_EQ(jobs("5", [&] { return open(output); }), "5");
  EXPECT_EQ(jobs("5", again), "5");
  EXPECT_EQ(jobs("16", again), "5 16");
  EXPECT_EQ(jobs("6", again), "5 16 6");
  EXPECT_EQ(jobs("7", [&] { return open(output, true); }), "5 16 6 7");
  kept.empty() ? ::unsetenv("SLURM_JOB_ID") : ::setenv("SLURM_JOB_ID", kept.c_str(), 1);
}

TEST_F(RunFolderTest, ALinkToNowhereIsTold) {
  on_root([&] {
    fs::create_directories(output.parent_path());
    fs::create_directory_symlink("nowhere", output);
  });
  try {
    open(output);
    FAIL() << "a run behind a link to nowhere";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::io);
    EXPECT_THAT(error.what(),
                testing::HasSubstr("is a symbolic link to nowhere, which is not there"));
  }
}

TEST_F(RunFolderTest, MakesTheFolderItsDecksAndItsStatus) {
  RunFolder run = open(output);
  EXPECT_EQ(run.path(), output);
  EXPECT_EQ(run.publish({.state = "finished",
                         .phase = "done",
                         .exit_code = 80,
                         .message = "a \"quoted\" line",
                         .points_done = 2,
                         .points_total = 3,
                         .files = {"run.h5"}}),
            "");
  on_root([&] {
    EXPECT_EQ(text_of(output / "deck.toml"), "deck");
    EXPECT_EQ(text_of(output / "deck.resolved.toml"), "resolved");
    const auto status = nlohmann::json::parse(text_of(output / "status.json"));
    EXPECT_EQ(status["state"], "finished");
    EXPECT_EQ(status["phase"], "done");
    EXPECT_EQ(status["exit_code"], 80);
    EXPECT_EQ(status["message"], "a \"quoted\" line");
    EXPECT_EQ(status["progress"]["points_done"], 2);
    EXPECT_EQ(status["progress"]["points_total"], 3);
    EXPECT_EQ(status["files"], nlohmann::json::array({"run.h5"}));
    EXPECT_EQ(status["ranks"], world.size());
    EXPECT_TRUE(status.contains("started") && status.contains("updated") &&
                status.contains("host") && status.contains("pid"));
    EXPECT_TRUE(fs::exists(output / ".fathom.lock"));
  });
}

TEST_F(RunFolderTest, LockIsGivenBack) {
  { const RunFolder run = open(output); }
  on_root([&] { EXPECT_FALSE(fs::exists(output / ".fathom.lock")); });
}

TEST_F(RunFolderTest, ExistingOutputIsRefusedAndUntouched) {
  on_root([&] {
    fs::create_directories(output);
    std::ofstream(output / "run.h5") << "precious";
  });
  expect_error(world, ExitCode::exists, "holds the output of a run", [&] { open(output); });
  on_root([&] {
    EXPECT_EQ(text_of(output / "run.h5"), "precious");
    EXPECT_EQ(std::distance(fs::directory_iterator(output), {}), 1);
  });
}

TEST_F(RunFolderTest, FolderOfOthersIsRefusedUnlessEmpty) {
  on_root([&] { fs::create_directories(output); });
  { const RunFolder run = open(output); }
  on_root([&] {
    fs::remove_all(output);
    fs::create_directories(output);
    std::ofstream(output / "thesis.tex") << "text";
  });
  expect_error(world, ExitCode::exists, "not empty", [&] { open(output); });
}

TEST_F(RunFolderTest, OverwriteRemovesOurFilesOnly) {
  on_root([&] {
    fs::create_directories(output / "plots");
    for (const char* name : {"run.h5", "run.h5.tmp-1", "fathom.log", "notes.txt", "plots/a.png"})
      std::ofstream(output / name) << "old";
  });
  const RunFolder run = open(output, true);
  on_root([&] {
    EXPECT_EQ(text_of(output / "notes.txt"), "old");
    EXPECT_EQ(text_of(output / "plots" / "a.png"), "old");
    for (const char* name : {"run.h5", "run.h5.tmp-1", "fathom.log"})
      EXPECT_FALSE(fs::exists(output / name)) << name;
    EXPECT_EQ(text_of(output / "deck.toml"), "deck");
  });
}

TEST_F(RunFolderTest, TwoRunsIntoOneFolderAreRefused) {
  const RunFolder first = open(output);
  expect_error(world, ExitCode::exists, "another run is writing", [&] { open(output, true); });
  on_root([&] { EXPECT_EQ(text_of(output / "deck.toml"), "deck"); });
}

TEST_F(RunFolderTest, OverwriteRemovesACheckpointAndNothingBesides) {
  on_root([&] {
    fs::create_directories(output / "checkpoint");
    for (const char* name : {"checkpoint/a.record", "checkpoint/a.0.columns",
                             "checkpoint/b.record.tmp", "checkpoint/.fathom.lock"})
      std::ofstream(output / name) << "old";
  });
  expect_error(world, ExitCode::exists, "named as those of a run", [&] { open(output); });
  { const RunFolder run = open(output, true); }
  on_root([&] {
    EXPECT_FALSE(fs::exists(output / "checkpoint"));
    fs::create_directories(output / "checkpoint");
    std::ofstream(output / "checkpoint" / "a.record") << "old";
    std::ofstream(output / "checkpoint" / "notes.txt") << "mine";
  });
  const RunFolder run = open(output, true);
  on_root([&] {
    EXPECT_FALSE(fs::exists(output / "checkpoint" / "a.record"));
    EXPECT_EQ(text_of(output / "checkpoint" / "notes.txt"), "mine");
  });
}

TEST_F(RunFolderTest, AnUnfinishedRunIsOpenedAgain) {
  {
    RunFolder run = open(output);
    run.publish({.state = "checkpointed",
                 .phase = "assembly",
                 .exit_code = 75,
                 .message = "stopped",
                 .points_done = 2,
                 .points_total = 3});
  }
  on_root([&] {
    for (const char* name : {"run.h5.tmp-17", "status.json.tmp-17"})
      std::ofstream(output / name) << "half";
    std::ofstream(output / "fathom.log") << "line";
  });
  const RunFolder run = RunFolder::reopen(world, output);
  EXPECT_EQ(run.deck_text(), "deck");
  EXPECT_EQ(run.resolved_deck_text(), "resolved");
  expect_error(world, ExitCode::exists, "another run is writing",
               [&] { RunFolder::reopen(world, output); });
  on_root([&] {
    EXPECT_EQ(run.status_found().state, "checkpointed");
    EXPECT_EQ(run.status_found().exit_code, 75);
    const auto status = nlohmann::json::parse(text_of(output / "status.json"));
    EXPECT_EQ(status["state"], "running");
    EXPECT_EQ(status["progress"]["points_done"], 2);
    EXPECT_FALSE(fs::exists(output / "run.h5.tmp-17"));
    EXPECT_FALSE(fs::exists(output / "status.json.tmp-17"));
    EXPECT_EQ(text_of(output / "fathom.log"), "line");
  });
}

TEST_F(RunFolderTest, OnlyAnUnfinishedRunIsOpenedAgain) {
  const auto reopen = [&] { RunFolder::reopen(world, output); };
  expect_error(world, ExitCode::input, "is no folder of a run", reopen);
  { const RunFolder run = open(output); }
  on_root([&] { std::ofstream(output / "status.json") << "{\"state\": "; });
  expect_error(world, ExitCode::input, "status.json: is damaged", reopen);
  on_root([&] { std::ofstream(output / "status.json") << "{\"state\": 3}"; });
  expect_error(world, ExitCode::input, "status.json: is damaged", reopen);
  { const RunFolder run = open(output, true); }
  on_root([&] { fs::remove(output / "deck.resolved.toml"); });
  expect_error(world, ExitCode::input, "holds no deck.resolved.toml", reopen);
}

TEST_F(RunFolderTest, ARunWithAResultIsOverWhenItsLastWordSaysSo) {
  const auto say = [&](const RunStatus& last_word) {
    RunFolder run = open(output, true);
    run.publish(last_word);
    on_root([&] { std::ofstream(output / "run.h5") << "result"; });
  };
  const auto reopen = [&] { return RunFolder::reopen(world, output).has_result(); };
  for (const RunStatus& last_word : {RunStatus{.state = "running", .phase = "solve"},
                                     RunStatus{.state = "failed", .exit_code = 75}}) {
    say(last_word);
    EXPECT_TRUE(reopen());
  }
  for (const RunStatus& last_word :
       {RunStatus{.state = "finished"}, RunStatus{.state = "failed", .exit_code = 82}}) {
    say(last_word);
    expect_error(world, ExitCode::exists, "finished run", [&] { reopen(); });
    on_root([&] {
      fs::create_directories(output / "checkpoint");
      std::ofstream(output / "checkpoint" / "a.record") << "left";
    });
    EXPECT_TRUE(reopen());
  }
}

TEST_F(RunFolderTest, ANewFolderHasItsFilesFromTheBeginningAndNothingIsLeftBeside) {
  on_root([&] {
    fs::create_directories(output.parent_path() / ".output.new-1");
    std::ofstream(output.parent_path() / ".output.new-1" / "deck.toml") << "killed";
    fs::create_directories(output.parent_path() / ".other.new-1");
    // Left long ago; another run may be filling the second one, though it is not locked yet.
    fs::last_write_time(output.parent_path() / ".output.new-1",
                        fs::file_time_type::clock::now() - std::chrono::hours(2));
    fs::create_directories(output.parent_path() / ".output.new-2");
  });
  {
    const RunFolder run = open(output / "");
    EXPECT_EQ(run.path(), output);
  }
  EXPECT_FALSE(RunFolder::reopen(world, output).has_result());
  on_root([&] {
    EXPECT_FALSE(fs::exists(output.parent_path() / ".output.new-1"));
    EXPECT_TRUE(fs::exists(output.parent_path() / ".other.new-1"));
    EXPECT_TRUE(fs::exists(output.parent_path() / ".output.new-2"));
    EXPECT_EQ(std::distance(fs::directory_iterator(output.parent_path()), {}), 3);
  });
}

TEST_F(RunFolderTest, WhatWasKilledBeforeItsStatusIsBegunAgainOrGoneOnWith) {
  on_root([&] {
    fs::create_directories(output);
    for (const char* name : {".fathom.lock", "deck.toml", "deck.resolved.toml.tmp-17"})
      std::ofstream(output / name) << "killed";
  });
  expect_error(world, ExitCode::input, "begun again by fathom run",
               [&] { RunFolder::reopen(world, output); });
  {
    const RunFolder run = open(output);
    on_root([&] { EXPECT_EQ(text_of(output / "deck.toml"), "deck"); });
  }
  on_root([&] { fs::remove(output / "status.json"); });
  EXPECT_EQ(RunFolder::reopen(world, output).resolved_deck_text(), "resolved");
}

TEST_F(RunFolderTest, ADeckThatTheUserPutThereIsNotTakenForARunsOwn) {
  on_root([&] {
    fs::create_directories(output);
    std::ofstream(output / "deck.toml") << "mine";
  });
  expect_error(world, ExitCode::exists, "named as those of a run", [&] { open(output); });
  on_root([&] { EXPECT_EQ(text_of(output / "deck.toml"), "mine"); });
}

TEST_F(RunFolderTest, PathsThatCannotBeFoldersAreRefused) {
  on_root([&] { std::ofstream(folder.path() / "file") << "x"; });
  expect_error(world, ExitCode::io, "is a file", [&] { open(folder.path() / "file"); });
  expect_error(world, ExitCode::io, "is a file", [&] { open(folder.path() / "file" / "a" / "b"); });
  expect_error(world, ExitCode::io, "cannot be made", [&] { open("/proc/none/output"); });
  expect_error(world, ExitCode::io, "cannot be made",
               [&] { open(folder.path() / std::string(300, 'x')); });
}

TEST_F(RunFolderTest, StatusThatCannotBeWrittenIsSaidAndSurvived) {
  RunFolder run = open(output);
  on_root([&] {
    fs::remove(output / "status.json");
    fs::create_directories(output / "status.json" / "inside");
  });
  const std::string trouble = run.publish({.phase = "x"});
  EXPECT_THAT(trouble, testing::HasSubstr(world.root() ? "status.json" : ""));
  EXPECT_EQ(trouble.empty(), !world.root());
}

}  // namespace
}  // namespace fathom
