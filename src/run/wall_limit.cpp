#include "run/wall_limit.hpp"

#include "run/run_log.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace fathom {
namespace {

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value);
  if (text.empty() || fault != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// First line of what a command prints; empty where it fails.
std::string first_line_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) return {};
  std::array<char, 128> line{};
  const bool read = std::fgets(line.data(), line.size(), pipe) != nullptr;
  ::pclose(pipe);
  std::string text = read ? line.data() : "";
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  return text;
}

/// The job's end as a limit of the run; `note` says why there is none.
WallLimit limit_of_job(const SlurmJob& job) {
  WallLimit limit;
  if (job.id.empty()) {
    limit.note = "wall limit: none (not in a Slurm job)";
  } else if (!job.seconds_left) {
    limit.note = fmt::format("wall limit: none (Slurm does not say when job {} ends)", job.id);
  } else if (std::isinf(*job.seconds_left)) {
    limit.note = fmt::format("wall limit: none (Slurm job {} has none)", job.id);
  } else {
    limit.seconds = *job.seconds_left;
    limit.name = fmt::format("the end of Slurm job {}", job.id);
  }
  return limit;
}

}  // namespace

std::optional<double> read_slurm_time(std::string_view text) {
  if (text == "UNLIMITED") return std::numeric_limits<double>::infinity();
  double days = 0;
  const bool with_days = text.find('-') != text.npos;
  if (with_days) {
    const auto count = whole_number(text.substr(0, text.find('-')));
    if (!count) return std::nullopt;
    days = static_cast<double>(*count);
    text.remove_prefix(text.find('-') + 1);
  }
  std::vector<double> part;
  while (true) {
    const auto colon = text.find(':');
    const auto number = whole_number(text.substr(0, colon));
    if (!number) return std::nullopt;
    part.push_back(static_cast<double>(*number));
    if (colon == text.npos) break;
    text.remove_prefix(colon + 1);
  }
  if (part.size() < 2 || part.size() > 3 || (with_days && part.size() != 3)) return std::nullopt;
  double seconds = 0;
  for (const double p : part)
    seconds = 60 * seconds + p;
  return days * 86400 + seconds;
}

WallLimit choose_wall_limit(const Deck& deck, double since_start, const SlurmJob& job) {
  const bool word = deck.is_word("run.wall_limit");
  if (word && deck.text("run.wall_limit") == "none") return {.note = "wall limit: none"};
  WallLimit limit = limit_of_job(job);
  if (!word) {
    const double own = std::max(0.0, deck.seconds("run.wall_limit") - since_start);
    if (own <= limit.seconds) {
      limit.seconds = own;
      limit.name = fmt::format("the wall limit of {}", to_plain(deck.value("run.wall_limit")));
    }
  }
  if (!limit.name.empty())
    limit.note = fmt::format("wall limit: {}, in {}", limit.name, duration_text(limit.seconds));
  return limit;
}

SlurmJob ask_slurm() {
  SlurmJob job{.id = variable("SLURM_JOB_ID"), .seconds_left = std::nullopt};
  if (!whole_number(job.id)) job.id.clear();
  if (const auto end = whole_number(variable("SLURM_JOB_END_TIME"))) {
    if (job.id.empty()) job.id = "of unknown number";
    job.seconds_left = std::max(0.0, static_cast<double>(*end) - seconds_since_1970());
  } else if (!job.id.empty()) {
    job.seconds_left =
        read_slurm_time(first_line_of("timeout 10 squeue -h -j " + job.id + " -o %L 2>/dev/null"));
  }
  return job;
}

WallLimit find_wall_limit(const Communicator& comm, const Deck& deck, double since_start) {
  WallLimit limit;
  if (comm.root()) {
    const bool never = deck.is_word("run.wall_limit") && deck.text("run.wall_limit") == "none";
    limit = choose_wall_limit(deck, since_start, never ? SlurmJob{} : ask_slurm());
  }
  comm.broadcast(std::span<double>(&limit.seconds, 1));
  comm.broadcast(limit.name);
  comm.broadcast(limit.note);
  return limit;
}

}  // namespace fathom
