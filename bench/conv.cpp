// bench/run.sh conv: measures the library's convolutions beside dense libraries and writes what it finds as JSON (see
// report_conv.py).
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "conv_race.hpp"
#include "environment.hpp"
#include "machine.hpp"

namespace {

bool measure_all(const bench::race_settings& settings, std::vector<bench::row>& rows) {
  bool all_right = true;
  const bool watched = isatty(STDERR_FILENO) != 0;
  bench::conv_race race(settings, rows);
  for (const shapes::conv& shape : shapes::conv_shapes) {
    if (settings.quick && !shape.quick) continue;
    if (watched) std::fprintf(stderr, "\r%-44.*s", static_cast<int>(shape.layer.size()), shape.layer.data());
    all_right &= race.run(shape);
  }
  if (watched) std::fprintf(stderr, "\r%44s\r", "");
  return all_right;
}

}  // namespace

int main(int argc, char** argv) {
  bench::restart_with_environment_of_peers(argv);

  bench::race_settings settings;
  std::string filter, out = "conv.json";
  CLI::App app("Measures bcr's convolutions beside dense libraries.");
  app.add_flag("--quick", settings.quick, "fewer layers, one pruning rate and fewer rounds");
  app.add_option("--threads", settings.how.threads, "threads for the library and for every peer")
      ->check(CLI::Range(1, 256));
  app.add_option("--filter", filter, "only cases that match this regular expression, like nchw_b8x16/C64/.*/10x");
  app.add_option("--out", out, "the JSON file to write");
  const auto* rounds = app.add_option("--rounds", settings.how.rounds, "timed rounds")->check(CLI::Range(3, 1000));
  CLI11_PARSE(app, argc, argv);
  if (settings.quick && rounds->empty()) settings.how.rounds = 15;
  settings.filter = std::regex(filter);
  if (!bench::has_cores(settings.how.threads)) {
    std::fprintf(stderr, "This process may not use %d cores: the times of threads mean nothing.\n",
                 settings.how.threads);
  }

  std::vector<bench::row> rows;
  const bool all_right = measure_all(settings, rows);
  if (rows.empty()) {
    std::fprintf(stderr, "No case matches the filter.\n");
    return 2;
  }
  const bench::context facts = {{"vector_bits", std::to_string(8 * bench::vector_bytes())},
                                {"threads", std::to_string(settings.how.threads)},
                                {"rounds", std::to_string(settings.how.rounds)},
                                {"mode", settings.quick ? "quick" : "full"}};
  if (!bench::write_json(rows, facts, out)) {
    std::fprintf(stderr, "%s could not be written.\n", out.c_str());
    return 2;
  }
  return all_right ? 0 : 1;
}
