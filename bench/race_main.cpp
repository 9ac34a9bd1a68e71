#include "race_main.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "environment.hpp"
#include "machine.hpp"

namespace bench {

progress::progress() : watched_(isatty(STDERR_FILENO) != 0) {}
progress::~progress() {
  if (watched_) std::fprintf(stderr, "\r%44s\r", "");
}
void progress::show(std::string_view what) const {
  if (watched_) std::fprintf(stderr, "\r%-44.*s", static_cast<int>(what.size()), what.data());
}

int race_main(int argc, char** argv, const race_program& program,
              const std::function<bool(const race_settings&, std::vector<row>&)>& measure) {
  restart_with_environment_of_peers(argv);

  race_settings settings;
  std::string filter, out = program.out;
  CLI::App app(program.description);
  app.add_flag("--quick", settings.quick, program.quick);
  app.add_option("--threads", settings.how.threads, "threads for the library and for every peer")
      ->check(CLI::Range(1, 256));
  app.add_option("--filter", filter,
                 std::string("only cases that match this regular expression, like ") + program.filter_example);
  if (!program.weights.empty()) {
    app.add_option("--weights", settings.weights, program.weights_help)
        ->transform(CLI::CheckedTransformer(program.weights));
  }
  if (program.dispatch_help != nullptr) app.add_flag("--dispatch", settings.dispatch, program.dispatch_help);
  if (program.bf16_input_help != nullptr) app.add_flag("--bf16-input", settings.bf16_input, program.bf16_input_help);
  if (program.tasks_help != nullptr) {
    app.add_option("--tasks", settings.tasks, program.tasks_help)->check(CLI::Range(1, 64));
  }
  app.add_option("--out", out, "the JSON file to write");
  const auto* rounds = app.add_option("--rounds", settings.how.rounds, "timed rounds")->check(CLI::Range(3, 1000));
  CLI11_PARSE(app, argc, argv);
  if (settings.dispatch && settings.weights != bcr::value_type::f32 && !settings.bf16_input) {
    std::fprintf(stderr,
                 "--dispatch and --weights are comparisons of their own, unless --bf16-input goes with them.\n");
    return 2;
  }
  if (settings.bf16_input && settings.weights != bcr::value_type::bf16) {
    std::fprintf(stderr, "--bf16-input goes with --weights bf16.\n");
    return 2;
  }
  if (settings.tasks != 1 && settings.how.threads == 1) {
    std::fprintf(stderr, "--tasks goes with --threads.\n");
    return 2;
  }
  if (settings.quick && rounds->empty()) settings.how.rounds = 15;
  settings.filter = std::regex(filter);
  if (!has_cores(settings.how.threads)) {
    std::fprintf(stderr, "This process may not use %d cores: the times of threads mean nothing.\n",
                 settings.how.threads);
  }

  std::vector<row> rows;
  const bool all_right = measure(settings, rows);
  if (rows.empty()) {
    std::fprintf(stderr, "No case matches the filter.\n");
    return 2;
  }
  const context facts = {{"vector_bits", std::to_string(8 * vector_bytes())},
                         {"threads", std::to_string(settings.how.threads)},
                         {"tasks", std::to_string(settings.tasks)},
                         {"rounds", std::to_string(settings.how.rounds)},
                         {"mode", settings.quick ? "quick" : "full"}};
  if (!write_json(rows, facts, out)) {
    std::fprintf(stderr, "%s could not be written.\n", out.c_str());
    return 2;
  }
  return all_right ? 0 : 1;
}

}  // namespace bench
