#include "run/job_script.hpp"

#include "run/shell_quoted.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace fathom {
namespace {

std::string limit_text(double seconds) {
  const auto minutes = static_cast<long>(std::ceil(std::max(10 * 60.0, 2 * seconds) / 60));
  return fmt::format("{:02}:{:02}:00", minutes / 60, minutes % 60);
}

/// Within double quotes of a shell and the braces of a default.
std::string in_double_quotes(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\\"$`}").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// A job's name is one word of plain characters.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ? c : '-';
  return out.empty() ? "fathom" : out;
}

}  // namespace

std::string job_script(const Job& job, const RunPlan& plan, const Machine& machine) {
  const int nodes = std::min(machine.nodes, plan.ranks);
  std::string sets;
  for (const std::string& set : job.overrides)
    sets += " --set " + shell_quoted(set);
  return fmt::format(
      "#!/bin/bash\n"
      "# Planned: {} ranks on {} node{}, {:.2f} GiB a node and {:.0f} s at most.\n"
      "# Submit it in the folder of fathom, or with FATHOM set to it. OUTPUT names the run folder; "
      "the folder of a run that\n"
      "# was stopped is gone on with. What differs from site to site is in "
      "jobscripts/site.profile.\n"
      "#SBATCH --job-name={}\n"
      "#SBATCH --nodes={}\n"
      "#SBATCH --ntasks={}\n"
      "#SBATCH --ntasks-per-node={}\n"
      "#SBATCH --cpus-per-task=1\n"
      "#SBATCH --mem={:.0f}M\n"
      "#SBATCH --time={}\n"
      "#SBATCH --signal=B:USR1@120\n"
      "#SBATCH --output=fathom-%j.out\n"
      "#SBATCH --open-mode=append\n"
      "\n"
      "# shellcheck source=jobscripts/launch.sh\n"
      "source \"${{FATHOM:-$SLURM_SUBMIT_DIR}}/jobscripts/launch.sh\" || exit 64\n"
      "run_or_resume \"${{OUTPUT:-{}}}\" {}{}\n",
      plan.ranks, nodes, nodes == 1 ? "" : "s",
      (plan.peak_at_most() + machine.baseline) * machine.ranks_a_node(plan.ranks) / 0x1p30,
      plan.seconds_at_most(), plain(job.name), nodes, plan.ranks, machine.ranks_a_node(plan.ranks),
      std::ceil(job.memory / 0x1p20), limit_text(plan.seconds_at_most()),
      job.output.empty() ? "$SLURM_SUBMIT_DIR/output/job-$SLURM_JOB_ID"
                         : in_double_quotes(job.output),
      shell_quoted(job.deck), sets);
}

}  // namespace fathom
