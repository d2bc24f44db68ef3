#include "store/provenance.hpp"

#include "bindings/blas.hpp"
#include "bindings/hdf5.hpp"
#include "bindings/mpi.hpp"
#include "store/folder_lock.hpp"
#include "store/version.hpp"

#include <cstdlib>
#include <map>

namespace fathom {
namespace {

std::string count_hosts(const std::vector<std::string>& names) {
  std::map<std::string, int> ranks;
  for (const std::string& name : names)
    ++ranks[name];
  std::string text;
  for (const auto& [name, count] : ranks)
    text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", name, count);
  return text;
}

std::vector<std::pair<std::string, std::string>> slurm_variables() {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& [name, variable] : {std::pair{"slurm_job_id", "SLURM_JOB_ID"},
                                       {"slurm_job_name", "SLURM_JOB_NAME"},
                                       {"slurm_job_partition", "SLURM_JOB_PARTITION"},
                                       {"slurm_job_nodelist", "SLURM_JOB_NODELIST"},
                                       {"slurm_job_num_nodes", "SLURM_JOB_NUM_NODES"},
                                       {"slurm_ntasks", "SLURM_NTASKS"},
                                       {"slurm_array_job_id", "SLURM_ARRAY_JOB_ID"},
                                       {"slurm_array_task_id", "SLURM_ARRAY_TASK_ID"},
                                       {"slurm_restart_count", "SLURM_RESTART_COUNT"},
                                       {"slurm_cluster_name", "SLURM_CLUSTER_NAME"}})
    if (const char* value = std::getenv(variable)) found.emplace_back(name, value);
  return found;
}

}  // namespace

const char* fathom_version() {
  return version::number;
}

const char* fathom_git_hash() {
  return version::git_hash;
}

Provenance collect_provenance(const Communicator& comm) {
  Provenance p;
  p.version = version::number;
  p.git_hash = version::git_hash;
  p.compiler = version::compiler;
  p.build_type = version::build_type;
  p.libraries = {{"mpi", mpi_library_version()},
                 {"hdf5", hdf5::version()},
                 {"elpa", version::elpa},
                 {"scalapack", version::scalapack}};
  for (const auto& [name, number] :
       {std::pair{"slepc", version::slepc}, std::pair{"petsc", version::petsc}})
    if (*number) p.libraries.emplace_back(name, number);
  p.blas_loaded = blas_loaded();
  p.hosts = count_hosts(comm.gather(host_name()));
  p.ranks = comm.size();
  p.started = utc_now();
  p.slurm = slurm_variables();
  return p;
}

void write_provenance(const RunGroup& group, const Provenance& p) {
  for (const auto& [name, text] : {std::pair<const char*, const std::string&>{"deck", p.deck},
                                   {"resolved_deck", p.resolved_deck},
                                   {"deck_path", p.deck_path},
                                   {"command_line", p.command_line},
                                   {"version", p.version},
                                   {"git_hash", p.git_hash},
                                   {"compiler", p.compiler},
                                   {"build_type", p.build_type},
                                   {"blas_loaded", p.blas_loaded},
                                   {"hosts", p.hosts},
                                   {"started", p.started},
                                   {"finished", p.finished}})
    group.attribute(name, text);
  for (const auto& [name, number] : p.libraries)
    group.attribute(name, number);
  for (const auto& [name, value] : p.slurm)
    group.attribute(name, value);
  group.attribute("ranks", p.ranks);
  group.attribute("grid", std::vector<std::int64_t>{p.grid.nprow, p.grid.npcol});
  group.attribute("block", p.block);
  group.attribute(p.seeds.size() == 1 ? "seed" : "seeds", p.seeds);
}

}  // namespace fathom
