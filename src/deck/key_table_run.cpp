// The rows of the key table above all sections and of [run].

#include "deck/key_table_run.hpp"

namespace fathom::deck {

namespace {

std::optional<DeckValue> title_from_file(const Known& known) {
  return known.stem();
}

std::optional<DeckValue> output_from_file(const Known& known) {
  return "output/" + known.stem();
}

}  // namespace

std::vector<Key> run_keys() {
  return {
      {.path = "schema",
       .type = Type::integer,
       .doc = "Version of the deck's language. This fathom reads schema 1.",
       .range = {1, 1},
       .required = true},
      {.path = "title",
       .type = Type::text,
       .doc = "One line that says what the run is for; it heads the log and the report.",
       .derive = title_from_file,
       .default_text = "name of the deck file without its suffix"},
      {.path = "run.output",
       .type = Type::path,
       .doc = "Folder of the run, relative to the folder where fathom is started.",
       .derive = output_from_file,
       .default_text = "\"output/\" and the name of the deck file without its suffix"},
      {.path = "run.overwrite",
       .type = Type::boolean,
       .doc = "Replace an existing output folder. Otherwise an existing one ends the run with "
              "exit code 73 before anything is computed.",
       .fallback = false},
      {.path = "run.seed",
       .type = Type::integer,
       .doc = "Seed of every random number of the run. Numbers are keyed by global index, so they "
              "depend neither on the number of ranks nor on the block size.",
       .range = {0, {}},
       .fallback = std::int64_t{1},
       .sweepable = true},
      {.path = "run.store_eigenvectors",
       .type = Type::boolean,
       .doc = "Write the eigenvectors to the run file as well: 8 n^2 bytes. Needs "
              "solver.eigenvectors = true.",
       .fallback = false,
       .belongs = {{{"study.kind", {"spectrum", "random_features"}}}}},
      {.path = "run.wall_limit",
       .type = Type::duration,
       .doc = "How long the run may last. Before that time is over the run stops at a safe point, "
              "keeps what it has and ends with exit code 75; a solve that cannot end in the time "
              "left is not begun. \"slurm\" is the end of the Slurm job, and no limit outside of "
              "one; a duration counts from the start of the run and does not reach past the end of "
              "the Slurm job.",
       .words = {"slurm", "none"},
       .range = {0, {}, true},
       .fallback = std::string("slurm")},
      {.path = "run.checkpoint",
       .type = Type::duration,
       .doc = "How often a run in progress keeps what it goes on from after a stop or a crash; "
              "\"0s\" at every safe point, \"off\" never.",
       .words = {"off"},
       .range = {0, {}},
       .fallback = Duration{600}},
      {.path = "run.checkpoint_folder",
       .type = Type::path,
       .doc = "Folder for what is kept, relative to the folder where fathom is started: a fast or "
              "large file system that outlives the job. One run a folder; `--point 3` makes the "
              "folder 0003 in it.",
       .default_text = "checkpoint/ in the folder of the run"},
  };
}

}  // namespace fathom::deck
